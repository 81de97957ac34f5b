//! Entries of file sets that senders withdraw.

use super::*;
use crate::base::range_set::RangeSet;
use crate::fileset::{SetId, Withdrawal};
use crate::norm::receiver::ReceiverEvent;
use crate::norm::wire::Application;

fn tell(engine: &mut Receiver<NoStore>, content: &[u8]) -> Vec<ReceiverEvent> {
    let command = Command::Application(Application { reserved: [0; 3], content });
    hear(engine, START, command, false);
    core::iter::from_fn(|| engine.poll_event()).collect()
}

#[test]
fn withdrawn_entries_are_told_and_malformed_notices_counted() {
    let mut engine = receiver();
    let set = SetId([7; 16]);
    let mut entries = RangeSet::new();
    entries.insert(3, 5);
    let notice = Withdrawal::notices(set, &entries, 400).remove(0);
    let withdrawal = Withdrawal { set, entries: core::iter::once(3..5).collect() };
    let told = tell(&mut engine, &notice);
    assert_eq!(told.last(), Some(&ReceiverEvent::Withdrawn { sender: SENDER_ID, withdrawal }));
    assert_eq!(tell(&mut engine, &notice[..20]), []);
    assert_eq!(tell(&mut engine, b"NSWD"), []);
    assert_eq!(engine.stats().malformed, 2);
    assert!(matches!(tell(&mut engine, b"NSW")[..], [ReceiverEvent::Command { .. }]));
}
