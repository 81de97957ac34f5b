//! The last packet of a key, and of a run.

use super::*;
use crate::backend::Prk;
use crate::header::{Epoch, Header, Kind};
use crate::sealer::{Ending, Sealer};

/// Packets of one key, as `docs/wire.md` has them.
const PER_KEY: u64 = 1 << 23;

/// Seals packets with any counter.
pub(super) struct Numbered {
    secret: Prk,
    sealer: Sealer,
    pub(super) suite: Suite,
    pub(super) kind: Kind,
    pub(super) sender: Option<RunId>,
    pub(super) address: SessionAddress,
}

impl Numbered {
    pub(super) fn new() -> Self {
        Self {
            secret: GroupSecret::new([7; 32]).epoch_secret(),
            sealer: Sealer::new(RunId([1; 12])),
            suite: Suite::default(),
            kind: Kind::Forward,
            sender: None,
            address: group(6003),
        }
    }

    pub(super) fn seal(&mut self, counter: u64) -> Option<Vec<u8>> {
        self.sealer.skip_to(counter);
        let header = Header {
            suite: self.suite,
            kind: self.kind,
            is_signed: false,
            epoch: Epoch(0),
            key_id: keys().key_id().unwrap(),
            run: RunId([0; 12]),
            counter: 0,
        };
        let mut datagram = room_for(b"text");
        let (secret, address) = (&self.secret, self.address);
        let sealed =
            self.sealer.seal(secret, address, (header, self.sender), Ending::None, &mut datagram);
        sealed.then_some(datagram)
    }
}

#[test]
fn key_changes_after_2_to_the_23_packets_and_both_open_beside_each_other() {
    let (mut numbered, mut receiver) = (Numbered::new(), receiver());
    for counter in [PER_KEY - 3, PER_KEY + 1, PER_KEY - 1, PER_KEY, PER_KEY - 2, 2 * PER_KEY] {
        let sealed = numbered.seal(counter).unwrap();
        assert!(open(&mut receiver, &sealed).is_ok(), "{counter}");
        assert_eq!(open(&mut receiver, &sealed), Err(DropReason::Replayed), "{counter}");
    }
    // The same text under the same nonce differs, because the key does.
    let (one, other) = (numbered.seal(5).unwrap(), numbered.seal(5 + PER_KEY).unwrap());
    assert_ne!(one[28..], other[28..]);
}

#[test]
fn receiver_that_was_cut_off_for_many_keys_hears_again() {
    let (mut numbered, mut receiver) = (Numbered::new(), receiver());
    for index in [0, 5, 6, 1000, 33_554_431] {
        for counter in [index * PER_KEY + 7, index * PER_KEY + 8] {
            let sealed = numbered.seal(counter).unwrap();
            assert!(open(&mut receiver, &sealed).is_ok(), "{counter}");
        }
    }
}

#[test]
fn run_that_is_first_heard_late_is_heard() {
    for index in [9, 1000, 33_554_431] {
        let (mut numbered, mut receiver) = (Numbered::new(), receiver());
        for counter in [index * PER_KEY, index * PER_KEY + 1] {
            let sealed = numbered.seal(counter).unwrap();
            assert!(open(&mut receiver, &sealed).is_ok(), "{counter}");
        }
    }
}

#[test]
fn run_ends_at_2_to_the_48_packets() {
    let mut numbered = Numbered::new();
    assert!(numbered.seal((1 << 48) - 1).is_some());
    assert!(numbered.sealer.is_spent());
    assert!(numbered.seal(1 << 48).is_none());
    assert!(numbered.seal(u64::MAX).is_none());
    let mut sealer = numbered.sealer;
    sealer.set_run(RunId([2; 12]));
    assert!(!sealer.is_spent());
}

#[test]
fn counters_at_the_end_of_their_range_are_no_danger_to_a_receiver() {
    let (_, mut receiver) = pair();
    let mut forged = forward(&mut guard_of(Role::Sender, 1), b"text");
    for counter in [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 48] {
        forged[20..28].copy_from_slice(&counter.to_be_bytes());
        assert_eq!(open(&mut receiver, &forged), Err(DropReason::NotAuthentic), "{counter}");
    }
}
