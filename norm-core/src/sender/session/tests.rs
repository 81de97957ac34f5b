use super::*;
use crate::wire::NodeId;

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
