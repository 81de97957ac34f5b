use super::*;
use crate::norm::congestion::{RateLimits, equation};
use crate::norm::wire::QuantizedLoss;

const RTT: Duration = Duration::from_millis(50);
const PACKET: usize = 1420;
const OVERHEAD: usize = 28;

fn election() -> Election {
    let limits = RateLimits { min: 10_000.0, max: 1e9 };
    let law = Fair::new(limits, PACKET + OVERHEAD, RTT, rounds(0));
    Election::new(law, PACKET, OVERHEAD, rounds(0))
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

/// Node 1 limits, at 1 % loss.
fn followed() -> Election {
    let mut election = election();
    for n in 0..400u16 {
        election.take(rounds(n.into()), NodeId(1), RTT, &says(0.01, n), false);
    }
    election
}

#[test]
fn the_slowest_limits_and_the_next_ones_are_asked_too() {
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
fn one_report_of_disaster_is_asked_about_first() {
    let mut election = followed();
    let before = election.law().rate();
    election.take(rounds(401), NodeId(9), RTT, &says(0.9, 401), false);
    election.take(rounds(401), NodeId(9), RTT, &says(0.9, 401), false);
    assert_eq!(roles(&election), [(1, true), (9, false)]);
    assert_eq!(election.law().rate(), before);
    election.take(rounds(402), NodeId(9), RTT, &says(0.9, 402), false);
    assert_eq!(roles(&election)[0], (9, true));
}

#[test]
fn who_leaves_or_falls_silent_limits_no_longer() {
    let mut election = followed();
    election.take(rounds(400), NodeId(2), RTT, &says(0.012, 400), false);
    let leave = CcFeedback { flags: CcFlags::LEAVE, ..says(0.01, 401) };
    election.take(rounds(401), NodeId(1), RTT, &leave, false);
    election.tick(rounds(402), |_| true);
    assert_eq!(roles(&election), [(2, true)]);
    election.tick(rounds(403), |node| node != NodeId(2));
    assert_eq!(roles(&election), []);
    let mut election = followed();
    election.tick(rounds(400) + SILENT, |_| true);
    assert_eq!(roles(&election), []);
}

#[test]
fn silence_halves_the_rate_but_not_to_a_halt() {
    let mut election = followed();
    let before = election.law().rate();
    for n in 0..400 {
        election.tick(rounds(400 + n), |_| true);
    }
    assert!(election.law().rate() < 10_001.0);
    for n in 0..20u16 {
        election.take(rounds(900 + u32::from(n)), NodeId(1), RTT, &says(0.01, 900 + n), false);
    }
    assert!(election.law().rate() > before * 0.95, "{} {before}", election.law().rate());
}

#[test]
fn a_loss_that_a_nack_cannot_tell_changes_nothing() {
    let mut election = followed();
    let before = election.law().rate();
    let mut cut = says(0.01, 401);
    cut.loss = QuantizedLoss { high: 0, low: cut.loss.low };
    cut.rate = QuantizedRate::from_bytes_per_second(1e3);
    election.take(rounds(401), NodeId(1), RTT, &cut, true);
    assert!((election.law().rate() / before - 1.0).abs() < 1e-6);
}

#[test]
fn all_are_told_that_it_is_the_beginning_until_somebody_loses() {
    let mut election = election();
    election.take(rounds(1), NodeId(1), RTT, &starts(1e6), false);
    assert!(election.listed().all(|item| item.flags.contains(CcFlags::START)));
    election.take(rounds(2), NodeId(2), RTT, &says(0.001, 2), false);
    assert!(election.listed().all(|item| !item.flags.contains(CcFlags::START)));
}

#[test]
fn the_rate_comes_to_what_tcp_would_get() {
    let goal = equation::throughput((PACKET + OVERHEAD) as f64, RTT, 0.01);
    let rate = followed().law().rate();
    assert!((rate / goal - 1.0).abs() < 0.01, "{rate} {goal}");
}

#[test]
fn probes_go_by_the_round_trip_of_the_one_that_limits() {
    assert_eq!(election().gap(), Some(GAP_ALONE));
    let gap = followed().gap().unwrap();
    assert!((45..55).contains(&gap.as_millis()), "{gap:?}");
}
