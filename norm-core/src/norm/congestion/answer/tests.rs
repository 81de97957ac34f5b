//! When receivers answer, and with what.

use super::*;
use crate::norm::wire::NodeId;

const T0: Timestamp = Timestamp::from_nanos(1_000_000_000);
const GRTT: Duration = Duration::from_millis(100);
const GROUP: CcGroup = CcGroup { grtt: GRTT, backoff: 4, size: 1000, alone: false };
const ALONE: CcGroup = CcGroup { alone: true, ..GROUP };
const STARTING: PathState = PathState { packet: 1400.0, receive_rate: Some(50_000.0), loss: None };
const LOSSY: PathState = PathState { loss: Some(0.01), ..STARTING };

fn entry(flags: CcFlags) -> Option<CcNode> {
    let rate = QuantizedRate::from_bytes_per_second(1e5);
    Some(CcNode { id: NodeId(7), flags, rtt: QuantizedRtt(106), rate })
}

fn probe(cc_sequence: u16, flags: Option<CcFlags>) -> CcProbe {
    let send_rate = Some(QuantizedRate::from_bytes_per_second(1e5));
    CcProbe { cc_sequence, send_rate, entry: flags.and_then(entry) }
}

fn heard(rate: f64, flags: CcFlags) -> CcFeedback {
    CcFeedback {
        cc_sequence: 1,
        flags,
        rtt: QuantizedRtt(100),
        loss: QuantizedLoss::ZERO,
        rate: QuantizedRate::from_bytes_per_second(rate),
    }
}

/// After a probe.
fn probed(probe: CcProbe, group: &CcGroup, path: &PathState) -> CcAnswer {
    let mut answer = CcAnswer::new();
    answer.probe(T0, &probe, group, path, &mut Rng::new(1));
    answer
}

const LISTED: CcFlags = CcFlags::RTT;

#[test]
fn limiting_or_only_receiver_answers_at_once() {
    for (flags, group) in
        [(Some(CcFlags::CLR.with(LISTED)), &GROUP), (Some(CcFlags::PLR), &GROUP), (None, &ALONE)]
    {
        let mut answer = CcAnswer::new();
        for sequence in [5, 6, 6] {
            answer.probe(T0, &probe(sequence, flags), group, &STARTING, &mut Rng::new(1));
            assert_eq!(answer.next(), Some(T0));
            assert_eq!(answer.take(T0, group, &STARTING).unwrap().cc_sequence, sequence);
            assert_eq!(answer.next(), None);
        }
    }
}

#[test]
fn other_receivers_answer_after_backoff_then_hold_off() {
    let mut answer = probed(probe(1, None), &GROUP, &STARTING);
    let due = answer.next().unwrap();
    assert!(due > T0 && due <= T0 + GRTT * 4);
    answer.probe(T0 + GRTT / 2, &probe(2, None), &GROUP, &STARTING, &mut Rng::new(2));
    assert_eq!(answer.next(), Some(due), "the next probe does not start it anew");
    assert!(answer.take(due - Duration::from_nanos(1), &GROUP, &STARTING).is_none());
    assert_eq!(answer.take(due, &GROUP, &STARTING).unwrap().cc_sequence, 2);
    let rested = due + GRTT * 4;
    answer.probe(rested - GRTT, &probe(3, None), &GROUP, &STARTING, &mut Rng::new(3));
    assert_eq!(answer.next(), None);
    answer.probe(rested, &probe(4, None), &GROUP, &STARTING, &mut Rng::new(4));
    assert!(answer.next().is_some());
}

#[test]
fn limiting_receiver_does_not_hold_off() {
    let mut answer = probed(probe(1, None), &GROUP, &STARTING);
    let due = answer.next().unwrap();
    answer.take(due, &GROUP, &STARTING).unwrap();
    let clr = Some(CcFlags::CLR.with(LISTED));
    answer.probe(due, &probe(2, clr), &GROUP, &STARTING, &mut Rng::new(1));
    assert_eq!(answer.next(), Some(due));
}

#[test]
fn probe_without_rate_gets_no_answer() {
    let quiet = CcProbe { send_rate: None, ..probe(1, Some(CcFlags::CLR)) };
    let mut answer = probed(quiet, &ALONE, &STARTING);
    assert_eq!(answer.next(), None);
    assert!(answer.attach(T0, &ALONE, &STARTING).is_none());
    answer.expedite(T0, &ALONE);
    assert_eq!(answer.next(), None);
}

#[test]
fn answer_in_slow_start_doubles_the_receive_rate() {
    let feedback = probed(probe(1, None), &GROUP, &STARTING).attach(T0, &GROUP, &STARTING).unwrap();
    assert_eq!(feedback.flags, CcFlags::START);
    assert_eq!(feedback.rate, QuantizedRate::from_bytes_per_second(100_000.0));
    assert_eq!(feedback.loss, QuantizedLoss::ZERO);
    assert_eq!(feedback.rtt, QuantizedRtt::from_duration(GRTT));
}

#[test]
fn answer_after_a_loss_follows_the_equation() {
    let clr = Some(CcFlags::CLR.with(LISTED).with(CcFlags::START));
    let mut answer = probed(probe(1, clr), &GROUP, &LOSSY);
    let feedback = answer.take(T0, &GROUP, &LOSSY).unwrap();
    assert_eq!(feedback.flags, CcFlags::CLR.with(CcFlags::RTT));
    assert_eq!(feedback.rtt, QuantizedRtt(106));
    let expected = throughput(1400.0, QuantizedRtt(106).to_duration(), 0.01);
    assert_eq!(feedback.rate, QuantizedRate::from_bytes_per_second(expected));
    assert!((feedback.loss.to_fraction() - 0.01).abs() < 1e-6);
}

#[test]
fn round_trip_stays_known_after_the_last_listing() {
    let mut answer = probed(probe(1, Some(LISTED)), &GROUP, &STARTING);
    answer.probe(T0, &probe(2, None), &GROUP, &STARTING, &mut Rng::new(1));
    assert_eq!(answer.measured_rtt(), Some(QuantizedRtt(106).to_duration()));
    assert!(answer.attach(T0, &GROUP, &STARTING).unwrap().flags.contains(CcFlags::RTT));
}

#[test]
fn unmeasured_receiver_asks_for_no_change() {
    let path = PathState { receive_rate: None, ..STARTING };
    let mut answer = probed(probe(1, None), &ALONE, &path);
    let feedback = answer.take(T0, &ALONE, &path).unwrap();
    assert_eq!(feedback.rate, QuantizedRate::from_bytes_per_second(1e5));
}

#[test]
fn overheard_feedback_as_bad_suppresses_ours() {
    // Ours is 100 000.
    for (rate, silent) in [(111_000.0, true), (112_000.0, false), (1000.0, true), (0.0, false)] {
        let mut answer = probed(probe(1, Some(LISTED)), &GROUP, &STARTING);
        answer.overhear(T0, &heard(rate, CcFlags::RTT), &GROUP, &STARTING);
        assert_eq!(answer.next().is_none(), silent, "{rate}");
        let later = T0 + GRTT;
        answer.probe(later, &probe(2, None), &GROUP, &STARTING, &mut Rng::new(1));
        assert_eq!(answer.next().is_none(), silent, "{rate}");
    }
}

#[test]
fn suppressed_receiver_that_falls_behind_answers_soon() {
    let later = PathState { receive_rate: Some(30_000.0), ..STARTING };
    for (first, speaks) in [(STARTING, true), (later, false)] {
        let mut answer = probed(probe(1, None), &GROUP, &first);
        answer.overhear(T0, &heard(5e4, CcFlags::NONE), &GROUP, &first);
        assert_eq!(answer.next(), None);
        answer.probe(T0 + GRTT / 2, &probe(2, None), &GROUP, &later, &mut Rng::new(1));
        assert_eq!(answer.next().is_some(), speaks, "{first:?}");
    }
}

#[test]
fn few_of_many_suppressed_receivers_answer_in_vain() {
    let squeezed = PathState { receive_rate: Some(30_000.0), ..STARTING };
    let worse = heard(6e4, CcFlags::NONE);
    for (size, most) in [(10, 1000), (10_000, 20)] {
        let group = CcGroup { size, ..GROUP };
        let mut rng = Rng::new(3);
        let mut speak = 0;
        for _ in 0..1000 {
            let mut answer = CcAnswer::new();
            // A receiver that keeps up may be suppressed any number of times.
            for turn in 0..6u16 {
                let path = if turn < 3 { &STARTING } else { &squeezed };
                let now = T0 + GRTT * 5 * u32::from(turn);
                answer.probe(now, &probe(turn, None), &group, path, &mut rng);
                answer.overhear(now, &worse, &group, path);
            }
            speak += u32::from(answer.next().is_some());
        }
        assert!(speak <= most && (size > 10 || speak == 1000), "{speak} of 1000 in {size}");
    }
}

#[test]
fn receiver_without_rtt_is_suppressed_by_its_like() {
    let mut answer = probed(probe(1, None), &GROUP, &STARTING);
    answer.overhear(T0, &heard(1000.0, CcFlags::RTT), &GROUP, &STARTING);
    assert!(answer.next().is_some());
    answer.overhear(T0, &heard(1000.0, CcFlags::NONE), &GROUP, &STARTING);
    assert!(answer.next().is_none());
}

#[test]
fn limiting_and_leaving_receivers_do_not_suppress() {
    let mut answer = probed(probe(1, Some(LISTED)), &GROUP, &STARTING);
    for flag in [CcFlags::CLR, CcFlags::LEAVE] {
        answer.overhear(T0, &heard(1000.0, CcFlags::RTT.with(flag)), &GROUP, &STARTING);
        assert!(answer.next().is_some());
    }
    let mut answer = probed(probe(1, Some(CcFlags::CLR)), &GROUP, &STARTING);
    answer.overhear(T0, &heard(1000.0, CcFlags::NONE), &GROUP, &STARTING);
    assert!(answer.next().is_some());
}

#[test]
fn other_feedback_carries_the_answer() {
    let mut answer = probed(probe(1, None), &GROUP, &STARTING);
    assert!(answer.attach(T0, &GROUP, &STARTING).is_some());
    assert_eq!(answer.next(), None);
}

#[test]
fn limiting_receiver_answers_ahead_once() {
    let clr = probe(9, Some(CcFlags::CLR.with(LISTED)));
    let mut answer = probed(clr, &GROUP, &LOSSY);
    assert_eq!(answer.take(T0, &GROUP, &LOSSY).unwrap().cc_sequence, 9);
    answer.expedite(T0, &GROUP);
    assert_eq!(answer.take(T0, &GROUP, &LOSSY).unwrap().cc_sequence, 10);
    answer.expedite(T0, &GROUP);
    assert_eq!(answer.next(), None);
    let mut other = probed(probe(9, Some(LISTED)), &GROUP, &LOSSY);
    let due = other.next();
    other.expedite(T0, &GROUP);
    assert_eq!(other.next(), due);
}

#[test]
fn backoff_shrinks_with_the_round_trip() {
    let guess = CcGroup { grtt: Duration::from_secs(1), ..GROUP };
    let mut answer = probed(probe(1, None), &guess, &STARTING);
    let known = CcGroup { grtt: Duration::from_millis(1), ..GROUP };
    answer.probe(T0, &probe(2, None), &known, &STARTING, &mut Rng::new(1));
    assert!(answer.next().unwrap() <= T0 + Duration::from_millis(4));
}

#[test]
fn slowest_receivers_answer_first() {
    let mean = |path: &PathState| -> f64 {
        let due = |seed| {
            let mut answer = CcAnswer::new();
            answer.probe(T0, &probe(1, None), &GROUP, path, &mut Rng::new(seed));
            answer.next().unwrap().saturating_since(T0).as_secs_f64()
        };
        (0..200).map(due).sum::<f64>() / 200.0
    };
    let keeping_up = PathState { receive_rate: Some(1e5), ..STARTING };
    let drowning = PathState { loss: Some(0.5), ..STARTING };
    // A quarter of four round trips.
    assert!((mean(&keeping_up) - mean(&drowning) - 0.1).abs() < 1e-3);
    assert!(mean(&STARTING) < mean(&keeping_up));
}
