use super::*;

const LIMITS: RateLimits = RateLimits { min: 10_000.0, max: 1e9 };
const RTT: Duration = Duration::from_millis(50);
const PACKET: usize = 1448;

fn fair(now: Timestamp) -> Fair {
    let mut fair = Fair::new(LIMITS, PACKET, RTT, now);
    fair.follow(RTT);
    fair
}

fn rounds(count: u32) -> Timestamp {
    Timestamp::ZERO + RTT * count
}

/// One that has started, and lost its first packet at this rate.
fn steady(rate: f64) -> Fair {
    let mut fair = fair(rounds(0));
    for n in 1..40 {
        fair.take(rounds(n), Claim::Start(rate), RTT);
    }
    let loss = super::super::equation::loss_rate(PACKET as f64, RTT, rate);
    fair.take(rounds(40), Claim::Loss { event_rate: loss, max_rate: f64::INFINITY }, RTT);
    fair
}

#[test]
fn rate_doubles_until_the_first_loss() {
    let mut fair = fair(rounds(0));
    let first = fair.rate();
    assert!(first <= 125_000.0);
    for n in 1..=10 {
        let now = fair.rate();
        fair.take(rounds(n), Claim::Start(now * 2.0), RTT);
        fair.take(rounds(n), Claim::Start(now * 2.0), RTT);
    }
    assert!((fair.rate() / first / 1024.0 - 1.0).abs() < 1e-9, "once each round trip");
    assert!(fair.is_slow_start());
    fair.take(rounds(11), Claim::Loss { event_rate: 0.01, max_rate: f64::INFINITY }, RTT);
    assert!(!fair.is_slow_start());
}

#[test]
fn rate_rises_by_a_packet_per_round_trip() {
    let mut fair = steady(500_000.0);
    let loss = Claim::Loss { event_rate: 0.0001, max_rate: f64::INFINITY };
    let before = fair.rate();
    for n in 41..=50 {
        fair.take(rounds(n), loss, RTT);
    }
    let step = PACKET as f64 / RTT.as_secs_f64();
    assert!((fair.rate() - before - step * 10.0).abs() < 1.0, "{} {before}", fair.rate());
    for n in 51..2000 {
        fair.take(rounds(n), loss, RTT);
    }
    let goal = throughput(PACKET as f64, RTT, 0.0001);
    assert!((fair.rate() / goal - 1.0).abs() < 1e-3);
}

#[test]
fn wrong_report_halves_the_rate_at_most() {
    let mut fair = steady(500_000.0);
    for _ in 0..10 {
        fair.take(rounds(41), Claim::Loss { event_rate: 1.0, max_rate: f64::INFINITY }, RTT);
    }
    assert!(fair.rate() >= 249_000.0, "{}", fair.rate());
    for n in 42..80 {
        fair.take(rounds(n), Claim::Loss { event_rate: 1.0, max_rate: f64::INFINITY }, RTT);
    }
    assert_eq!(fair.rate(), LIMITS.min, "what is said again and again is true");
}

#[test]
fn silence_halves_the_rate_and_recovery_is_fast() {
    let mut fair = steady(500_000.0);
    let loss = super::super::equation::loss_rate(PACKET as f64, RTT, 500_000.0);
    for n in 0..20 {
        fair.halve(rounds(50 + n * 10));
    }
    assert_eq!(fair.rate(), LIMITS.min);
    for n in 0..8 {
        fair.take(rounds(300 + n), Claim::Loss { event_rate: loss, max_rate: f64::INFINITY }, RTT);
    }
    assert!(fair.rate() > 480_000.0, "{}", fair.rate());
}

#[test]
fn idle_time_does_not_count_against_the_path() {
    let mut starting = fair(rounds(0));
    let mut fair = steady(500_000.0);
    let before = starting.rate();
    assert!(starting.probe(rounds(1), 0.0) && fair.probe(rounds(41), 0.0));
    starting.take(rounds(1), Claim::Start(1000.0), RTT);
    assert_eq!(starting.rate(), before);
    let before = fair.rate();
    fair.take(rounds(41), Claim::Loss { event_rate: 1e-6, max_rate: f64::INFINITY }, RTT);
    assert_eq!(fair.rate(), before, "nor does it show that more would pass");
}

#[test]
fn growing_queue_lowers_the_rate_at_once() {
    let mut fair = steady(500_000.0);
    let loss = super::super::equation::loss_rate(PACKET as f64, RTT, 500_000.0);
    fair.take(rounds(41), Claim::Loss { event_rate: loss, max_rate: f64::INFINITY }, RTT * 2);
    let rate = fair.rate();
    assert!((300_000.0..400_000.0).contains(&rate), "{rate}");
}

#[test]
fn rate_rises_by_a_tenth_on_a_short_round_trip() {
    let (ms, rtt) = (Duration::from_millis(1), Duration::from_micros(500));
    let mut fair = steady(5_000_000.0);
    fair.follow(rtt);
    let start = rounds(40);
    for n in 1..=10 {
        fair.take(
            start + ms * 10 * n,
            Claim::Loss { event_rate: 1e-7, max_rate: f64::INFINITY },
            rtt,
        );
    }
    let rise = fair.rate() / 5_000_000.0;
    assert!((2.5..2.7).contains(&rise), "{rise}");
}

#[test]
fn shorter_round_trip_raises_the_rate_by_a_tenth() {
    let mut fair = steady(500_000.0);
    let loss = super::super::equation::loss_rate(PACKET as f64, RTT, 500_000.0);
    fair.take(rounds(41), Claim::Loss { event_rate: loss, max_rate: f64::INFINITY }, RTT / 50);
    assert!(fair.rate() < 600_000.0, "{}", fair.rate());
    assert!(fair.loss_window() < RTT, "an emptied queue widens nothing");
    fair.take(rounds(42), Claim::Loss { event_rate: loss, max_rate: f64::INFINITY }, RTT * 3);
    assert!(fair.loss_window() > RTT * 2, "a queue that has just filled does");
}

#[test]
fn short_round_trip_takes_less_unless_routers_mark() {
    let (ms, claim) =
        (Duration::from_millis, Claim::Loss { event_rate: 0.01, max_rate: f64::INFINITY });
    let part = |fair: &Fair, rtt| fair.rate_for(claim, rtt) / throughput(PACKET as f64, rtt, 0.01);
    let mut fair = fair(rounds(0));
    for (rtt, expected) in [(1, 0.8), (10, 0.8), (15, 0.9), (20, 1.0), (50, 1.0)] {
        assert!((part(&fair, ms(rtt)) - expected).abs() < 1e-9, "{rtt}");
    }
    fair.note_ce_marks(rounds(1));
    fair.take(rounds(2), claim, RTT);
    assert!((part(&fair, ms(5)) - 1.0).abs() < 1e-9);
    fair.take(rounds(100), claim, RTT);
    assert!((part(&fair, ms(5)) - 0.8).abs() < 1e-9, "no marks any more");
    fair.note_ce_marks(rounds(100));
    fair.follow(RTT);
    assert!((part(&fair, ms(5)) - 0.8).abs() < 1e-9, "they were another one's");
}
