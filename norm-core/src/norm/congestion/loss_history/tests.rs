//! Which packets count as lost, which losses as one event, and what rate comes of it.

use super::*;
use crate::base::Rng;
use proptest::prelude::*;

const RTT: Duration = Duration::from_millis(10);

/// Feeds sequences, one each `spacing` microseconds, and returns the events.
fn feed(history: &mut LossHistory, from: u64, spacing: u64, sequences: &[u16]) -> Vec<LossEvent> {
    let note = |(n, &sequence): (usize, &u16)| {
        let now = Timestamp::ZERO + Duration::from_micros(from + n as u64 * spacing);
        history.note(now, Sequence(sequence), RTT)
    };
    sequences.iter().enumerate().filter_map(note).collect()
}

fn events_of(sequences: &[u16]) -> Vec<LossEvent> {
    feed(&mut LossHistory::new(), 1_000_000, 100, sequences)
}

#[test]
fn packets_in_a_row_are_no_loss_through_the_wrap() {
    let mut history = LossHistory::new();
    let row: Vec<u16> = (0..200_000u32).map(|n| (n + 65_000) as u16).collect();
    assert_eq!(feed(&mut history, 0, 10, &row), []);
    assert_eq!(history.rate(), 0.0);
    assert!(!history.has_loss());
}

#[test]
fn gap_is_loss_after_three_later_packets() {
    assert_eq!(events_of(&[1, 2, 4, 5]), []);
    assert_eq!(events_of(&[1, 2, 4, 5, 6]), [LossEvent::First]);
    assert_eq!(events_of(&[65_533, 65_534, 0, 1, 2]), [LossEvent::First]);
}

#[test]
fn reordering_by_two_is_no_loss() {
    assert_eq!(events_of(&[1, 2, 4, 5, 3, 6, 7, 8]), []);
    assert_eq!(events_of(&[1, 3, 2, 5, 4, 7, 6, 9, 8, 10, 11, 12]), []);
    assert_eq!(events_of(&[1, 2, 5, 4, 3, 6, 7, 8]), []);
    assert_eq!(events_of(&[1, 2, 4, 5, 6, 3]), [LossEvent::First], "three is one too late");
}

#[test]
fn duplicates_are_ignored() {
    assert_eq!(events_of(&[1, 1, 2, 2, 1, 2, 3, 3, 4]), []);
    assert_eq!(events_of(&[1, 2, 4, 4, 4, 4, 2, 1, 4]), [], "a copy is no later packet");
    assert_eq!(events_of(&[1, 2, 4, 4, 5, 5, 6]), [LossEvent::First]);
}

/// Packets in a row, 100 µs apart, of which some are marked.
fn marked(history: &mut LossHistory, packets: u16, marked: impl Fn(u16) -> bool) -> Vec<u16> {
    let mut events = Vec::new();
    for n in 0..packets {
        let now = Timestamp::ZERO + Duration::from_micros(1_000_000 + u64::from(n) * 100);
        assert_eq!(history.note(now, Sequence(n), RTT), None);
        if marked(n) && history.note_ce(now, RTT).is_some() {
            events.push(n);
        }
    }
    events
}

#[test]
fn ce_marks_are_loss_events_once_per_round_trip() {
    let mut history = LossHistory::new();
    assert_eq!(history.note_ce(Timestamp::ZERO, RTT), None, "nothing came yet");
    assert_eq!(marked(&mut history, 250, |n| n >= 20), [20, 121, 222]);
    let mut rare = LossHistory::new();
    marked(&mut rare, 20_000, |n| n % 500 == 499);
    assert!((rare.rate() * 500.0 - 1.0).abs() < 0.01, "{}", rare.rate());
}

#[test]
fn ce_mark_and_loss_in_a_round_trip_are_one_event() {
    let mut history = LossHistory::new();
    assert_eq!(marked(&mut history, 60, |n| n == 50), [50]);
    // The packets 60 to 69 are lost, within 100 packets after the mark.
    let rest: Vec<u16> = (70..120).collect();
    assert_eq!(feed(&mut history, 1_007_000, 100, &rest), []);
    // From the other side: what is marked right after a loss.
    let mut lossy = LossHistory::new();
    let lost: Vec<u16> = (0..60).filter(|&n| n != 40).collect();
    assert_eq!(feed(&mut lossy, 1_000_000, 100, &lost), [LossEvent::First]);
    let at = |micros| Timestamp::ZERO + Duration::from_micros(micros);
    assert_eq!(lossy.note_ce(at(1_006_000), RTT), None);
    assert_eq!(lossy.note_ce(at(1_020_000), RTT), Some(LossEvent::Another));
}

#[test]
fn losses_within_a_round_trip_are_one_event() {
    // 100 µs apart: one loss each 5 packets for 9 ms, then one after 12 ms.
    let arrives = |n: &u16| !n.is_multiple_of(5) || *n > 90;
    let mut sequences: Vec<u16> = (1..200).filter(arrives).collect();
    sequences.retain(|&n| n != 130);
    assert_eq!(events_of(&sequences), [LossEvent::First, LossEvent::Another]);
}

#[test]
fn burst_of_thousands_is_one_event_if_short() {
    let sequences: Vec<u16> = (0..50).chain(16_000..16_050).collect();
    assert_eq!(events_of(&sequences), [LossEvent::First]);
}

#[test]
fn gap_of_many_round_trips_is_many_events() {
    let mut history = LossHistory::new();
    feed(&mut history, 0, 1000, &(0..100).collect::<Vec<_>>());
    let events = feed(&mut history, 1_100_000, 1000, &(1100..1110).collect::<Vec<_>>());
    assert_eq!(events, [LossEvent::First]);
    // One packet each millisecond: an event takes eleven.
    assert_eq!(history.intervals[..8], [11.0; 8]);
}

#[test]
fn sender_that_counts_anew_has_lost_nothing() {
    for start in [0, 40_000, 60_000] {
        let mut history = LossHistory::new();
        feed(&mut history, 0, 100, &(20_000..20_100).collect::<Vec<_>>());
        let sequences: Vec<u16> = (start..start + 100).collect();
        assert_eq!(feed(&mut history, 20_000, 100, &sequences), []);
        let sequences = [start + 100, start + 102, start + 103, start + 104];
        assert_eq!(feed(&mut history, 30_000, 100, &sequences), [LossEvent::First]);
        assert_eq!(history.intervals[0], 201.0, "the open interval went on");
    }
}

#[test]
fn stray_sequence_changes_nothing() {
    assert_eq!(events_of(&[1, 2, 3, 40_000, 4, 5, 6, 40_005, 7, 8, 9, 10]), []);
}

#[test]
fn intervals_are_weighted_and_a_long_open_one_counts() {
    let mut history = LossHistory::new();
    let lost = |n: u64| n % 1000 == 999;
    let now = |n: u64| Timestamp::ZERO + Duration::from_millis(n);
    for n in (0..9_010).filter(|&n| !lost(n)) {
        history.note(now(n), Sequence(n as u16), RTT);
    }
    assert!((history.rate() - 0.001).abs() < 1e-12, "{}", history.rate());
    let before = history.rate();
    for n in 9_010..9_900 {
        history.note(now(n), Sequence(n as u16), RTT);
    }
    assert_eq!(history.rate(), before, "an open interval that is shorter does not count");
    for n in 9_900..13_999 {
        history.note(now(n), Sequence(n as u16), RTT);
    }
    // The open interval is 5000, and one of the old ones falls out: (5000 + 5 · 1000) / 6.
    assert!((1.0 / history.rate() - 10_000.0 / 6.0).abs() < 1.0, "{}", 1.0 / history.rate());
}

#[test]
fn seeded_interval_counts_until_it_leaves_the_history() {
    let mut history = LossHistory::new();
    assert_eq!(feed(&mut history, 0, 100, &[1, 2, 4, 5, 6]), [LossEvent::First]);
    history.seed(400.0, RTT * 2);
    assert_eq!(history.rate(), 1.0 / 400.0);
    history.correct_seed(RTT);
    assert_eq!(history.rate(), 1.0 / 100.0);
    history.correct_seed(RTT);
    assert_eq!(history.rate(), 1.0 / 100.0, "the same round trip changes nothing");
    for n in 1..=8u16 {
        let next = n * 200;
        feed(&mut history, u64::from(n) * 20_000, 100, &[next, next + 1, next + 2]);
    }
    let rate = history.rate();
    history.correct_seed(RTT * 100);
    assert_eq!(history.rate(), rate, "it has left the history");
}

#[test]
fn correction_without_a_seed_does_nothing() {
    let mut history = LossHistory::new();
    history.seed(7.0, RTT);
    history.correct_seed(RTT);
    assert_eq!(history.rate(), 0.0);
}

/// The loss event rate after a long stream with independent losses, packets `spacing` apart.
fn estimate(loss: f64, spacing: Duration, seed: u64) -> f64 {
    let (mut history, mut rng) = (LossHistory::new(), Rng::new(seed));
    let mut now = Timestamp::ZERO;
    let (mut sum, mut count) = (0.0, 0);
    let packets = (400.0 / loss) as u64;
    for n in 0..packets {
        now += spacing;
        if !rng.chance(loss) {
            history.note(now, Sequence(n as u16), RTT);
        }
        if n > packets / 4 && n % 16 == 0 {
            sum += 1.0 / history.rate();
            count += 1;
        }
    }
    f64::from(count) / sum
}

#[test]
fn sparse_stream_gives_the_loss_rate() {
    for loss in [0.3, 0.1, 0.03, 0.01, 0.001] {
        let rate = estimate(loss, RTT * 2, 5);
        // The greater of two means is a little more than the mean.
        assert!((0.65..1.15).contains(&(rate / loss)), "{loss} was estimated as {rate}");
    }
}

#[test]
fn dense_stream_gives_the_event_rate() {
    // 100 packets per round trip at 1 %: an event lasts 100 packets, the next takes 100 more.
    let rate = estimate(0.01, RTT / 100, 6);
    assert!((0.65..1.15).contains(&(rate * 200.0)), "{rate}");
}

proptest! {
    #[test]
    fn any_sequences_give_a_rate_between_zero_and_one(
        packets in prop::collection::vec((any::<u16>(), any::<u64>(), any::<u64>()), 0..200),
        near in prop::collection::vec((0u16..40, 0u64..100_000_000), 0..200),
    ) {
        let mut history = LossHistory::new();
        let near = near.into_iter().map(|(n, at)| (n, at, 1_000_000));
        for (sequence, at, rtt) in packets.into_iter().chain(near) {
            let rtt = Duration::from_nanos(rtt);
            let event = history.note(Timestamp::from_nanos(at), Sequence(sequence), rtt);
            if event == Some(LossEvent::First) {
                history.seed(f64::from(sequence), rtt);
            }
            history.correct_seed(rtt);
            prop_assert!((0.0..=1.0).contains(&history.rate()));
            prop_assert_eq!(history.has_loss(), history.rate() > 0.0);
        }
    }

    #[test]
    fn swapped_neighbours_are_no_loss(
        start: u16, swaps in prop::collection::vec(any::<bool>(), 100),
    ) {
        let mut sequences: Vec<u16> = (0..202).map(|n| start.wrapping_add(n)).collect();
        for (n, _) in swaps.iter().enumerate().filter(|(_, swap)| **swap) {
            sequences.swap(2 * n + 1, 2 * n + 2);
        }
        prop_assert_eq!(events_of(&sequences), []);
    }
}
