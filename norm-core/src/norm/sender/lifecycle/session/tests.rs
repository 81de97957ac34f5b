use super::*;
use crate::norm::wire::NodeId;

const GRTT: Duration = Duration::from_millis(1);

/// The pauses between the first eight roll calls, of which everything is sent at the sixth.
fn pauses(listed: usize) -> Vec<f64> {
    let mut now = Timestamp::ZERO + Duration::from_secs(1);
    let mut session = Session::new(&SenderConfig::new(NodeId(1)), now);
    let mut pauses = Vec::new();
    for call in 1..=8 {
        session.call_sent(now, GRTT, listed);
        if call == 6 {
            session.all_is_sent(now);
        }
        let next = session.next_call;
        pauses.push(next.saturating_since(now).as_secs_f64());
        now = next;
    }
    pauses
}

#[test]
fn a_large_group_is_called_rarely_while_content_flows_and_a_small_one_as_ever() {
    assert_eq!(pauses(100), [0.25, 0.25, 0.25, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(pauses(10_000), [20.0, 80.0, 80.0, 80.0, 80.0, 20.0, 20.0, 20.0]);
}

#[test]
fn a_large_group_that_is_complete_is_counted_and_called_again_at_the_calm_pace() {
    for (expected, pause, counted) in [(100, 0.25, false), (10_000, 80.0, true)] {
        let mut now = Timestamp::ZERO + Duration::from_secs(1);
        let config = SenderConfig { min_receivers: expected, ..SenderConfig::new(NodeId(1)) };
        let mut session = Session::new(&config, now);
        let window = session.call_sent(now, GRTT, 0);
        now += window / 2;
        session.begin(now, expected);
        let next = session.next_call.saturating_since(session.called_at);
        assert_eq!((next.as_secs_f64(), session.is_counted()), (pause, counted));
        session.newcomer(now);
        assert_eq!(session.is_counted(), counted, "it answers the first call");
        // When all is sent, there is time to confirm before it is called; unless there may be others.
        now += Duration::from_secs(30);
        let late = if counted { Duration::from_secs(5) } else { Duration::ZERO };
        session.all_is_sent(now);
        assert_eq!(session.next_call.saturating_since(now), late);
        session.newcomer(now);
        assert!(!session.is_counted());
        session.all_is_sent(now);
        assert!(session.next_call <= now);
    }
}
