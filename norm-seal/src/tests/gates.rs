//! Gates: batches, sessions without a key, and a system without random numbers.

use norm_core::endpoint::{Destination, Transmit, TransmitBuf};

use super::*;
use crate::{Gate, GateFailure, NoEpochLeft, NoRandomness, RunSource};

/// Draws runs until it fails.
struct Runs(Vec<RunId>);

impl RunSource for Runs {
    fn draw(&mut self) -> Result<RunId, NoRandomness> {
        self.0.pop().ok_or(NoRandomness)
    }
}

/// What leaves of these texts, written as an engine does.
fn send<R: RunSource>(
    gate: &mut Gate<R>,
    out: &mut TransmitBuf,
    texts: &[&[u8]],
) -> Option<Transmit> {
    gate.prepare(out);
    texts.iter().for_each(|text| out.append(|bytes| bytes.extend_from_slice(text)));
    let transmit = out.transmit(Destination::Group).unwrap();
    gate.seal(transmit, out)
}

#[test]
fn batch_is_sealed_in_place_as_one_stride() {
    let mut gate = Gate::new(Some(sender()), Runs(Vec::new()));
    let mut out = TransmitBuf::new(8);
    let transmit = send(&mut gate, &mut out, &[&[1; 100], &[2; 100], &[3; 7]]).unwrap();
    assert_eq!((transmit.segment_size, out.as_bytes().len()), (144, 2 * 144 + 51));
    let mut receiver = receiver();
    for (datagram, (byte, len)) in out.as_bytes().chunks(144).zip([(1, 100), (2, 100), (3, 7)]) {
        assert_eq!(open(&mut receiver, datagram).unwrap(), vec![byte; len]);
    }
}

#[test]
fn without_a_key_all_passes_but_what_is_sealed() {
    let mut gate = Gate::new(None, Runs(Vec::new()));
    let mut out = TransmitBuf::new(8);
    let transmit = send(&mut gate, &mut out, &[b"text"]).unwrap();
    assert_eq!((transmit.segment_size, out.as_bytes()), (4, b"text".as_slice()));
    let mut plain = *b"\x14text";
    assert!(gate.admit(NOW, sender_at(), &mut plain).is_some());
    assert_eq!(gate.unopened(), crate::Unopened::default());
    let mut sealed = forward(&mut sender(), b"text");
    for _ in 0..2 {
        assert!(gate.admit(NOW, sender_at(), &mut sealed).is_none());
    }
    assert_eq!(gate.unopened().packets, 2);
    assert_eq!(gate.unopened().first, Some((keys().key_id().unwrap(), sender_at())));
}

#[test]
fn without_random_numbers_nothing_more_leaves_and_the_gate_says_why() {
    let mut gate = Gate::new(Some(sender()), Runs(vec![RunId([9; 12])]));
    let mut out = TransmitBuf::new(8);
    for (minute, leaves) in [(1, true), (2, false), (3, false)] {
        gate.guard_mut().unwrap().suspect_copy();
        assert_eq!(send(&mut gate, &mut out, &[b"text"]).is_some(), leaves, "minute {minute}");
        assert_eq!(out.datagrams(), usize::from(leaves));
        assert_eq!(gate.failure(), (!leaves).then_some(GateFailure::NoRandomness(NoRandomness)));
    }
}

#[test]
fn feedback_to_a_sender_that_was_not_heard_is_lost() {
    let mut gate = Gate::new(Some(receiver()), Runs(Vec::new()));
    let mut out = TransmitBuf::new(8);
    gate.prepare(&mut out);
    out.append(|bytes| bytes.extend_from_slice(b"nack"));
    let transmit = out.feedback(Destination::Group, sender_at()).unwrap();
    assert!(gate.seal(transmit, &mut out).is_none() && out.datagrams() == 0);
    let mut hello = forward(&mut sender(), b"hello");
    assert!(gate.admit(NOW, sender_at(), &mut hello).is_some());
    gate.prepare(&mut out);
    out.append(|bytes| bytes.extend_from_slice(b"nack"));
    assert!(gate.seal(transmit, &mut out).is_some());
}

/// Has other keys due at once, and none left.
struct Spent;

impl RunSource for Spent {
    fn draw(&mut self) -> Result<RunId, NoRandomness> {
        Err(NoRandomness)
    }

    fn poll_book(&mut self, _: Timestamp, _: &Guard) -> Result<Option<crate::Book>, NoEpochLeft> {
        Err(NoEpochLeft)
    }
}

#[test]
fn session_ends_when_another_key_is_due_and_none_is_left() {
    let mut gate = Gate::new(Some(sender()), Spent);
    assert_eq!(gate.failure(), None);
    gate.rekey(NOW);
    assert_eq!(gate.failure(), Some(GateFailure::NoEpochLeft(NoEpochLeft)));
    assert!(gate.failure().unwrap().to_string().contains("start it again"));
}
