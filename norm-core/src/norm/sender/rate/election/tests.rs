use super::*;
use crate::norm::congestion::{RateLimits, equation};
use crate::norm::wire::QuantizedLoss;

const RTT: Duration = Duration::from_millis(50);
const PACKET: usize = 1420;
const OVERHEAD: usize = 28;

fn election() -> Election {
    let limits = RateLimits { min: 10_000.0, max: 1e9 };
    let fair = Fair::new(limits, PACKET + OVERHEAD, RTT, rounds(0));
    Election::new(fair, PACKET, OVERHEAD, rounds(0))
}

fn rounds(count: u32) -> Timestamp {
    Timestamp::ZERO + RTT * count
}

fn says(loss: f64, number: u16) -> CcFeedback {
    CcFeedback {
        cc_sequence: number,
        flags: CcFlags::RTT,
        rtt: QuantizedRtt::from_duration(RTT),
        loss: QuantizedLoss::from_fraction(loss),
        rate: QuantizedRate::from_bytes_per_second(1e9),
    }
}

fn starts(rate: f64) -> CcFeedback {
    let rate = QuantizedRate::from_bytes_per_second(rate);
    CcFeedback { flags: CcFlags::RTT.with(CcFlags::START), rate, ..says(0.0, 1) }
}

fn roles(election: &Election) -> Vec<(u32, bool)> {
    election.listed().map(|item| (item.id.0, item.flags.contains(CcFlags::CLR))).collect()
}

/// Node 1 is the CLR, at 1 % loss.
fn followed() -> Election {
    let mut election = election();
    for n in 0..400u16 {
        election.take(rounds(n.into()), NodeId(1), RTT, &says(0.01, n), false);
    }
    election
}

#[test]
fn slowest_receiver_is_clr_and_the_next_ones_are_asked() {
    let mut election = followed();
    election.take(rounds(400), NodeId(2), RTT, &says(0.0105, 400), false);
    assert_eq!(roles(&election), [(1, true), (2, false)], "within a tenth");
    election.take(rounds(401), NodeId(2), RTT, &says(0.02, 401), false);
    assert_eq!(roles(&election), [(2, true), (1, false)]);
    election.take(rounds(401), NodeId(3), RTT, &says(0.0001, 401), false);
    assert_eq!(roles(&election).len(), 2, "far from limiting");
    election.take(rounds(402), NodeId(4), RTT * 3, &says(0.0064, 402), false);
    election.take(rounds(402), NodeId(4), RTT * 3, &says(0.0064, 402), false);
    assert_eq!(roles(&election)[0], (4, true), "alike, and farther away");
}

#[test]
fn single_report_of_disaster_is_asked_about_first() {
    let mut election = followed();
    let before = election.fair().rate();
    election.take(rounds(401), NodeId(9), RTT, &says(0.9, 401), false);
    election.take(rounds(401), NodeId(9), RTT, &says(0.9, 401), false);
    assert_eq!(roles(&election), [(1, true), (9, false)]);
    assert_eq!(election.fair().rate(), before);
    election.take(rounds(402), NodeId(9), RTT, &says(0.9, 402), false);
    assert_eq!(roles(&election)[0], (9, true));
}

#[test]
fn receiver_that_leaves_or_falls_silent_is_not_clr() {
    let mut election = followed();
    election.take(rounds(400), NodeId(2), RTT, &says(0.012, 400), false);
    let leave = CcFeedback { flags: CcFlags::LEAVE, ..says(0.01, 401) };
    election.take(rounds(401), NodeId(1), RTT, &leave, false);
    election.tick(rounds(402), |_| true);
    assert_eq!(roles(&election), [(2, true)]);
    election.tick(rounds(403), |node| node != NodeId(2));
    assert_eq!(roles(&election), []);
    let mut election = followed();
    election.tick(rounds(400) + MIN_SILENCE, |_| true);
    assert_eq!(roles(&election), []);
}

#[test]
fn silence_halves_the_rate_but_not_to_a_halt() {
    let mut election = followed();
    let before = election.fair().rate();
    for n in 0..400 {
        election.tick(rounds(400 + n), |_| true);
    }
    assert!(election.fair().rate() < 10_001.0);
    for n in 0..20u16 {
        election.take(rounds(900 + u32::from(n)), NodeId(1), RTT, &says(0.01, 900 + n), false);
    }
    assert!(election.fair().rate() > before * 0.95, "{} {before}", election.fair().rate());
}

#[test]
fn loss_that_a_nack_cannot_tell_changes_nothing() {
    let mut election = followed();
    let before = election.fair().rate();
    let mut cut = says(0.01, 401);
    cut.loss = QuantizedLoss { high: 0, low: cut.loss.low };
    cut.rate = QuantizedRate::from_bytes_per_second(1e3);
    election.take(rounds(401), NodeId(1), RTT, &cut, true);
    assert!((election.fair().rate() / before - 1.0).abs() < 1e-6);
}

#[test]
fn start_flag_is_sent_until_a_receiver_loses() {
    let mut election = election();
    election.take(rounds(1), NodeId(1), RTT, &starts(1e6), false);
    assert!(election.listed().all(|item| item.flags.contains(CcFlags::START)));
    election.take(rounds(2), NodeId(2), RTT, &says(0.001, 2), false);
    assert!(election.listed().all(|item| !item.flags.contains(CcFlags::START)));
}

#[test]
fn rate_comes_to_what_tcp_would_get() {
    let goal = equation::throughput((PACKET + OVERHEAD) as f64, RTT, 0.01);
    let rate = followed().fair().rate();
    assert!((rate / goal - 1.0).abs() < 0.01, "{rate} {goal}");
}

#[test]
fn probes_go_by_the_round_trip_of_the_clr() {
    assert_eq!(election().probe_gap(), Some(PROBE_GAP_WITHOUT_CLR));
    let gap = followed().probe_gap().unwrap();
    assert!((45..55).contains(&gap.as_millis()), "{gap:?}");
}
