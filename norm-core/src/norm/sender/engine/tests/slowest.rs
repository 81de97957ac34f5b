//! Which receiver is told to hold the others back.

use super::*;
use crate::norm::sender::SlowPolicy;
use crate::transfer::SlowCause;

/// Receivers that are told of in 12 s of a transfer to two receivers, one of which loses a share of
/// 65,535.
fn slow(loss: u16, other_loss: u16, change: impl Fn(&mut SenderConfig)) -> Vec<SenderEvent> {
    let mut config = SenderConfig { rate: Some(2_000_000), segment_size: 1024, ..config() };
    change(&mut config);
    let mut sender = Sender::new(config, 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 2_000_000, info: None, file: true }).unwrap();
    let mut events = Vec::new();
    for step in 0..120 {
        let now = START + MS * 100 * step;
        report_loss(&mut sender, now, 2, MemberState::Receiving, loss);
        report_loss(&mut sender, now, 3, MemberState::Receiving, other_loss);
        for part in 0..10 {
            let now = now + MS * 10 * part;
            sender.handle_timeout(now);
            drain(&mut sender, now);
        }
        events.extend(core::iter::from_fn(|| sender.poll_event()));
    }
    events.retain(|event| matches!(event, SenderEvent::ReceiverSlow { .. }));
    events
}

#[test]
fn receiver_that_loses_much_more_than_the_others_is_told_once() {
    let expected = SenderEvent::ReceiverSlow { node: NodeId(2), cause: SlowCause::Loss };
    assert_eq!(slow(13_000, 100, |_| {}), [expected]);
    assert_eq!(slow(13_000, 12_000, |_| {}), [], "the other one loses as much");
    assert_eq!(slow(3_000, 100, |_| {}), [], "that is little");
}

#[test]
fn where_a_policy_decides_no_receiver_is_told() {
    let policy =
        SlowPolicy { below: None, loss: None, after: Duration::from_secs(3), separate_group: None };
    assert_eq!(slow(13_000, 100, |config| config.slow = Some(policy)), []);
}
