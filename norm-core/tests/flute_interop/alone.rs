//! The peer with itself: what a failure of other tests is to be compared with.

use crate::case::{Case, Fec};
use crate::peer::{PeerReceiver, PeerSender};

#[test]
fn peer_understands_itself() {
    for fec in Fec::ALL {
        let case = Case::new(fec, 300_000);
        let content = case.content();
        let mut sender = PeerSender::new(&case, &content, false);
        let mut receiver = PeerReceiver::new(10 << 20);
        while let Some(packet) = sender.next() {
            receiver.hear(&packet);
        }
        assert_eq!(receiver.complete(), [("file:///a/b.bin".to_owned(), content)]);
        assert!(receiver.refused.is_empty() && receiver.failed() == 0);
    }
}

/// Packets of the peer's sender, which repeats its object, at its receiver; `lost` are not.
fn hears(case: &Case, lost: usize) -> bool {
    let mut sender = PeerSender::new(case, &case.content(), true);
    let mut receiver = PeerReceiver::new(10 << 20);
    for packet in core::iter::from_fn(|| sender.next()).take(1000).skip(lost) {
        receiver.hear(&packet);
    }
    !receiver.complete().is_empty()
}

/// An error of the peer that our sender cannot help: the first packet is the table.
#[test]
fn peer_loses_empty_objects_that_come_before_the_table() {
    let case = Case::new(Fec::NoCode, 0);
    assert!(hears(&case, 0) && !hears(&case, 1));
    assert!(hears(&Case { in_band: false, ..case }, 1), "without EXT_FTI it cannot know");
    assert!(hears(&Case::new(Fec::NoCode, 1), 1), "objects with content wait");
}
