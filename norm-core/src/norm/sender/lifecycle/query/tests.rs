use super::*;
use crate::norm::wire::NodeId;

const GRTT: Duration = Duration::from_millis(1);

/// The times between the first eight queries; everything is sent at the sixth.
fn pauses(listed: usize) -> Vec<f64> {
    let mut now = Timestamp::ZERO + Duration::from_secs(1);
    let mut query = QuerySchedule::new(&SenderConfig::new(NodeId(1)), now);
    let mut pauses = Vec::new();
    for query_number in 1..=8 {
        query.sent(now, GRTT, listed, query_number < 7);
        if query_number == 6 {
            query.note_all_sent(now);
        }
        let next = query.next;
        pauses.push(next.saturating_since(now).as_secs_f64());
        now = next;
    }
    pauses
}

#[test]
fn large_group_is_queried_sparsely_while_content_flows() {
    assert_eq!(pauses(100), [0.25, 0.25, 0.25, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(pauses(10_000), [20.0, 80.0, 80.0, 80.0, 80.0, 20.0, 20.0, 20.0]);
}

#[test]
fn complete_large_group_is_counted_and_queried_sparsely() {
    for (expected, pause, counted) in [(100, 0.2, false), (10_000, 80.0, true)] {
        let mut now = Timestamp::ZERO + Duration::from_secs(1);
        let config = SenderConfig { min_receivers: expected, ..SenderConfig::new(NodeId(1)) };
        let mut query = QuerySchedule::new(&config, now);
        let spread = query.sent(now, GRTT, 0, false);
        now += spread / 2;
        query.begin(expected);
        let next = query.next.saturating_since(query.sent_at);
        assert_eq!((next.as_secs_f64(), query.is_counted()), (pause, counted));
        query.note_newcomer(now);
        assert_eq!(query.is_counted(), counted, "it answers the first query");
        // When all is sent, there is time to confirm before it is queried, unless there may be
        // others.
        now += Duration::from_secs(30);
        let late = if counted { Duration::from_secs(5) } else { Duration::ZERO };
        query.note_all_sent(now);
        assert_eq!(query.next.saturating_since(now), late);
        query.note_newcomer(now);
        assert!(!query.is_counted());
        query.note_all_sent(now);
        assert!(query.next <= now);
    }
}

#[test]
fn lost_report_of_a_large_group_costs_no_more_than_the_time_of_the_reports() {
    let start = Timestamp::ZERO + Duration::from_secs(1);
    let config = SenderConfig { min_receivers: 1_500, ..SenderConfig::new(NodeId(1)) };
    let mut query = QuerySchedule::new(&config, start);
    let spread = query.sent(start, GRTT, 0, false);
    assert_eq!((spread.as_secs_f64(), query.next), (0.75, start + Duration::from_secs(3)));
    query.note_gathered(GRTT);
    let mut now = start;
    for listed in [1_490, 1_495, 1_498] {
        let second = spread + GRTT * 2;
        assert_eq!(query.next, now + second, "{listed}");
        now = query.next;
        query.sent(now, GRTT, listed, false);
    }
    now = query.next;
    query.sent(now, GRTT, 1_498, false);
    assert_eq!(query.next, now + Duration::from_secs(3), "the others are not there");
}

#[test]
fn small_group_is_asked_again_as_soon_as_its_answers_are_due() {
    let start = Timestamp::ZERO + Duration::from_secs(1);
    let config = SenderConfig { min_receivers: 3, ..SenderConfig::new(NodeId(1)) };
    let mut query = QuerySchedule::new(&config, start);
    query.sent(start, GRTT, 0, false);
    assert_eq!(query.next, start + HASTY_INTERVALS[0], "no receiver is there");
    query.note_gathered(GRTT);
    for _ in 0..=MAX_REPEATS {
        let now = query.next;
        assert_eq!(now, query.sent_at + OPENING_INTERVAL);
        query.sent(now, GRTT, 1, false);
    }
    assert_eq!(query.next, query.sent_at + HASTY_INTERVALS[4], "the others are not there yet");
    // All are there, and one has not got the longest probe.
    query.hasten(GRTT);
    assert_eq!(query.next, query.sent_at + OPENING_INTERVAL);
}
