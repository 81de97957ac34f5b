//! Senders that introduce themselves, and receivers that take nothing before that.

use norm_core::endpoint::Proof;

use super::*;
use crate::backend::SigningKey;
use crate::header::{Epoch, Header, Kind};
use crate::hello::LIFE;
use crate::schedule::{KeyInfo, RunKey};
use crate::sealer::{Ending, Sealer};
use crate::{SIGNATURE_LEN, Signer};

pub(super) const SECOND: Duration = Duration::from_secs(1);
/// The time of day when the tests begin.
pub(super) const WALL: u64 = 1_800_000_000;

pub(super) fn long_term() -> Signer {
    Signer::from_seed([9; 32])
}

/// A sender with these keys, which signs.
pub(super) fn sender_with(keys: Keyring, run: u8) -> Guard {
    let run = RunId([run; 12]);
    let mut guard = Guard::new(Role::Sender, keys, Suite::default(), group(6003), run);
    guard = guard.signing(&[6; 32]);
    guard.set_wall_clock(NOW, WALL);
    guard
}

/// The sender of the group.
pub(super) fn signing() -> Guard {
    sender_with(keys().with_signer(long_term()), 1)
}

/// A receiver of the group that trusts this sender, or every member.
pub(super) fn strict_of(trusted: Option<&Signer>) -> Guard {
    let keys = trusted.map_or_else(keys, |signer| keys().with_trusted(signer.verifier()));
    let run = RunId([101; 12]);
    let mut guard = Guard::new(Role::Receiver, keys, Suite::default(), group(6003), run);
    guard = guard.requiring_hello();
    guard.set_wall_clock(NOW, WALL);
    guard
}

pub(super) fn strict() -> Guard {
    strict_of(Some(&long_term()))
}

pub(super) fn hello_at(guard: &mut Guard, now: Timestamp) -> Vec<u8> {
    guard.poll_hello(now).expect("one is due").to_vec()
}

/// What becomes of a HELLO.
pub(super) fn hear(guard: &mut Guard, now: Timestamp, hello: &[u8]) -> Result<(), DropReason> {
    match guard.open(now, sender_at(), &mut hello.to_vec()) {
        Ok(Opened::Hello) => Ok(()),
        Ok(Opened::Text(..) | Opened::Own) => panic!("it is no HELLO"),
        Err(reason) => Err(reason),
    }
}

/// What a sender makes of this when it signs it.
fn signed(guard: &mut Guard, text: &[u8]) -> Vec<u8> {
    let mut datagram = room_for(&[text, &[0; SIGNATURE_LEN]].concat());
    assert!(guard.seal_signed(&mut datagram));
    datagram
}

/// What is in a datagram of the sender, and what is proved of it.
fn prove(guard: &mut Guard, datagram: &[u8]) -> Result<(Vec<u8>, Proof), DropReason> {
    match guard.open(NOW, sender_at(), &mut datagram.to_vec())? {
        Opened::Text(text, proof) => Ok((text.to_vec(), proof)),
        Opened::Hello | Opened::Own => panic!("it is nothing for an engine"),
    }
}

/// A sender, and a receiver that has taken its HELLO.
pub(super) fn introduced() -> (Guard, Guard) {
    let (mut sender, mut receiver) = (signing(), strict());
    let hello = hello_at(&mut sender, NOW);
    assert_eq!(hear(&mut receiver, NOW, &hello), Ok(()));
    (sender, receiver)
}

#[test]
fn nothing_of_a_run_is_taken_before_its_hello_and_signatures_are_told() {
    let (mut sender, mut receiver) = (signing(), strict());
    let early = signed(&mut sender, b"early");
    assert_eq!(prove(&mut receiver, &early), Err(DropReason::NoHello));
    let hello = hello_at(&mut sender, NOW);
    assert!(hello.len() <= 1_232);
    assert_eq!(hear(&mut receiver, NOW, &hello), Ok(()));
    let later = signed(&mut sender, b"later");
    assert_eq!(later.len(), 5 + 44 + 64);
    assert_eq!(prove(&mut receiver, &later), Ok((b"later".to_vec(), Proof::Signed)));
    let data = forward(&mut sender, b"data");
    assert_eq!(prove(&mut receiver, &data), Ok((b"data".to_vec(), Proof::Group)));
    assert_eq!(prove(&mut receiver, &later), Err(DropReason::Replayed));
    let counters = receiver.counters();
    assert_eq!((counters.hellos, counters.opened, counters.signed), (1, 2, 1));
    assert_eq!(counters.signer, Some(long_term().verifier()));
}

#[test]
fn hello_is_sent_at_once_soon_again_and_then_every_second() {
    let mut sender = signing();
    let mut times = Vec::new();
    while times.len() < 6 {
        let due = sender.next_own().unwrap();
        assert!(times.is_empty() || sender.poll_hello(due - Duration::from_nanos(1)).is_none());
        let hello = hello_at(&mut sender, due);
        assert!(sender.poll_hello(due).is_none());
        times.push((due, hello));
    }
    let at: Vec<u128> = times.iter().map(|(at, _)| u128::from(at.as_nanos()) / 1_000_000).collect();
    assert_eq!(at, [0, 250, 1000, 2000, 3000, 4000]);
    assert!(times.windows(2).all(|pair| pair[0].1 == pair[1].1), "it is made once");
    // A new run, at once.
    sender.suspect_copy();
    let now = times[5].0 + Duration::from_millis(1);
    assert!(sender.poll_hello(now).is_none(), "there is no run");
    sender.set_run(RunId([2; 12]));
    let hello = hello_at(&mut sender, now);
    assert_eq!(hello[8..20], [2; 12]);
    assert_eq!(sender.next_own(), Some(now + SECOND / 4));
}

#[test]
fn hello_is_made_anew_after_half_of_its_time_and_a_run_ends_without() {
    let (mut sender, mut receiver) = introduced();
    let (half, whole) = (NOW + Duration::from_secs(LIFE / 2), NOW + Duration::from_secs(LIFE));
    let before = hello_at(&mut sender, half - SECOND);
    assert_eq!(hear(&mut receiver, half - SECOND, &before), Ok(()), "a known one");
    assert_eq!(receiver.counters().hellos, 1);
    let text = forward(&mut sender, b"text");
    let open_at = |guard: &mut Guard, now, datagram: &[u8]| {
        guard.open(now, sender_at(), &mut datagram.to_vec()).map(|_| ())
    };
    assert_eq!(open_at(&mut receiver, whole, &text), Err(DropReason::Expired));
    let renewed = hello_at(&mut sender, half);
    assert_ne!(renewed, before);
    assert_eq!(hear(&mut receiver, half, &renewed), Ok(()));
    assert_eq!(receiver.counters().hellos, 2);
    assert_eq!(open_at(&mut receiver, whole, &text), Ok(()));
}

#[test]
fn expired_hello_is_refused_where_the_time_is_known() {
    let mut sender = signing();
    let hello = hello_at(&mut sender, NOW);
    let later = NOW + Duration::from_secs(LIFE);
    let mut receiver = strict();
    assert_eq!(hear(&mut receiver, later, &hello), Err(DropReason::Expired));
    assert_eq!(receiver.counters().expired.first, Some(sender_at()));
    assert_eq!(receiver.counters().hellos, 0);
    receiver.set_wall_clock(NOW, 0);
    assert_eq!(hear(&mut receiver, later, &hello), Ok(()), "the clock was never set");
}

#[test]
fn hello_by_another_key_or_by_none_is_refused_and_named() {
    let other = Signer::from_seed([10; 32]);
    let mut receiver = strict();
    for (keys, signer) in
        [(keys().with_signer(other.clone()), Some(other.verifier())), (keys(), None)]
    {
        let hello = hello_at(&mut sender_with(keys, 3), NOW);
        let mut receiver = strict();
        assert_eq!(hear(&mut receiver, NOW, &hello), Err(DropReason::OtherSigner));
        assert_eq!(receiver.counters().other_signer.first, Some((signer, sender_at())));
        // Who believes every member takes it.
        assert_eq!(hear(&mut strict_of(None), NOW, &hello), Ok(()));
    }
    // By the secret of another group.
    let other = Keyring::new(GroupSecret::new([8; 32]));
    let mut hello = hello_at(&mut sender_with(other, 4), NOW);
    assert_eq!(hear(&mut receiver, NOW, &hello), Err(DropReason::OtherKey));
    hello[4..8].copy_from_slice(&keys().key_id().unwrap().0);
    assert_eq!(hear(&mut receiver, NOW, &hello), Err(DropReason::NotAuthentic));
    assert_eq!(receiver.counters().not_authentic.packets, 1);
}

#[test]
fn run_that_is_known_is_not_taken_over_by_another_member() {
    let (mut one, mut receiver) = (sender_with(keys(), 1), strict_of(None));
    let hello = hello_at(&mut one, NOW);
    assert_eq!(hear(&mut receiver, NOW, &hello), Ok(()));
    let run = RunId([1; 12]);
    let other = Guard::new(Role::Sender, keys(), Suite::default(), group(6003), run);
    let mut other = other.signing(&[66; 32]);
    other.set_wall_clock(NOW, WALL + 5);
    let hello = hello_at(&mut other, NOW);
    assert_eq!(hear(&mut receiver, NOW, &hello), Err(DropReason::BadSignature));
    let text = signed(&mut one, b"text");
    assert_eq!(prove(&mut receiver, &text), Ok((b"text".to_vec(), Proof::Signed)));
}

/// The header of a signed packet of the sender's run.
fn header(counter: u64) -> Header {
    Header {
        suite: Suite::default(),
        kind: Kind::Forward,
        is_signed: true,
        epoch: Epoch(0),
        key_id: keys().key_id().unwrap(),
        run: RunId([1; 12]),
        counter,
    }
}

/// Seals as a member can: with the group's secret and the sender's run, but this session key.
fn forge(counter: u64, text: &[u8], session: &SigningKey) -> Vec<u8> {
    let mut sealer = Sealer::new(RunId([1; 12]));
    sealer.skip_to(counter);
    let secret = GroupSecret::new([7; 32]).epoch_secret();
    let (what, mut datagram) = ((header(0), None), room_for(&[text, &[0; 64]].concat()));
    assert!(sealer.seal(&secret, group(6003), what, Ending::Signature(session), &mut datagram));
    datagram
}

#[test]
fn member_cannot_sign_for_the_sender_nor_use_its_counters_up_by_trying() {
    let (mut sender, mut receiver) = introduced();
    let member = SigningKey::from_seed(&[66; 32]).unwrap();
    let forged = forge(0, b"text", &member);
    assert_eq!(prove(&mut receiver, &forged), Err(DropReason::BadSignature));
    let real = signed(&mut sender, b"text");
    assert_eq!(prove(&mut receiver, &real), Ok((b"text".to_vec(), Proof::Signed)));
    // Its real signature under another counter.
    let session = SigningKey::from_seed(&[6; 32]).unwrap();
    let moved = forge(7, b"text", &session);
    assert!(prove(&mut receiver, &moved).is_ok(), "the key itself could");
    assert_ne!(moved[28..], real[28..]);
    // Signatures that do not hold are tried at a bounded rate.
    let forged = |counter| forge(counter, b"text", &member);
    let tried = (100..500)
        .filter(|&counter| prove(&mut receiver, &forged(counter)) == Err(DropReason::BadSignature));
    assert_eq!(tried.count(), 199, "and one before");
}

#[test]
fn every_flipped_bit_of_a_signed_packet_is_found() {
    let (mut sender, mut receiver) = introduced();
    let first = forward(&mut sender, b"first");
    prove(&mut receiver, &first).unwrap();
    let mut datagram = signed(&mut sender, b"some text");
    for bit in 0..datagram.len() * 8 {
        datagram[bit / 8] ^= 1 << (bit % 8);
        assert!(prove(&mut receiver, &datagram).is_err(), "bit {bit}");
        datagram[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(prove(&mut receiver, &datagram).is_ok());
}

#[test]
fn signature_that_has_no_room_does_not_hold() {
    let (mut sender, mut receiver) = introduced();
    let first = forward(&mut sender, b"first");
    prove(&mut receiver, &first).unwrap();
    for len in 0..SIGNATURE_LEN {
        let header = header(len as u64 + 1);
        let secret = GroupSecret::new([7; 32]).epoch_secret();
        let info = KeyInfo::of(&header, group(6003), None);
        let (head, mut text) = (header.emit(), vec![0; len]);
        let tag = RunKey::derive(&secret, info).unwrap().seal(header.counter, &head, &mut text);
        let datagram = [head.as_slice(), &text, &tag.unwrap()].concat();
        let expected = Err(DropReason::BadSignature);
        assert_eq!(prove(&mut receiver, &datagram), expected, "{len} bytes");
    }
}

#[test]
fn feedback_is_for_a_run_that_was_introduced() {
    let (mut sender, mut receiver) = introduced();
    assert!(!receiver.seal(Some(sender_at()), &mut room_for(b"nack")), "nothing was heard");
    let data = forward(&mut sender, b"data");
    prove(&mut receiver, &data).unwrap();
    let nack = feedback(&mut receiver, b"nack");
    assert_eq!(open_from(&mut sender, receiver_at(9), &nack).unwrap(), b"nack");
}
