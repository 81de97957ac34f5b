//! Guards that speak to each other.

mod copies;
mod forgery;
mod gates;
mod hello;
mod keying;
mod limits;
mod replay;
mod statements;
mod vectors;

use core::net::SocketAddr;
use core::time::Duration;

use norm_core::Timestamp;

use crate::{
    DropReason, GroupSecret, Guard, HEADER_LEN, Keyring, Opened, Role, RunId, SEAL, SessionAddress,
    Suite, TAG_LEN,
};

const NOW: Timestamp = Timestamp::ZERO;

fn sender_at() -> SocketAddr {
    ([192, 0, 2, 1], 5740).into()
}

fn receiver_at(host: u8) -> SocketAddr {
    ([192, 0, 2, host], 6003).into()
}

fn group(port: u16) -> SessionAddress {
    SessionAddress::of(([239, 1, 2, 3], port).into())
}

fn keys() -> Keyring {
    Keyring::new(GroupSecret::new([7; 32]))
}

fn guard_of(role: Role, run: u8) -> Guard {
    Guard::new(role, keys(), Suite::Aes256Gcm, group(6003), RunId([run; 12]))
}

fn sender() -> Guard {
    guard_of(Role::Sender, 1)
}

fn receiver() -> Guard {
    guard_of(Role::Receiver, 101)
}

/// A datagram with room for the seal.
fn room_for(text: &[u8]) -> Vec<u8> {
    [&[0; HEADER_LEN], text, &[0; TAG_LEN]].concat()
}

/// What a sender makes of this.
fn forward(guard: &mut Guard, text: &[u8]) -> Vec<u8> {
    let mut datagram = room_for(text);
    assert!(guard.seal(None, &mut datagram));
    datagram
}

/// What a receiver makes of this, to the sender at its usual place.
fn feedback(guard: &mut Guard, text: &[u8]) -> Vec<u8> {
    let margins = guard.margins();
    let mut datagram = [&vec![0; margins.head], text, &vec![0; margins.tail]].concat();
    assert!(guard.seal(Some(sender_at()), &mut datagram));
    datagram
}

/// What is in a datagram that comes now.
fn open_at(
    guard: &mut Guard,
    now: Timestamp,
    source: SocketAddr,
    datagram: &[u8],
) -> Result<Vec<u8>, DropReason> {
    guard.open(now, source, &mut datagram.to_vec()).map(|opened| match opened {
        Opened::Text(text, _) => text.to_vec(),
        Opened::Hello | Opened::Own => panic!("it is nothing for an engine"),
    })
}

/// What is in a datagram from this address.
fn open_from(
    guard: &mut Guard,
    source: SocketAddr,
    datagram: &[u8],
) -> Result<Vec<u8>, DropReason> {
    open_at(guard, NOW, source, datagram)
}

/// What is in a datagram of the sender.
fn open(guard: &mut Guard, datagram: &[u8]) -> Result<Vec<u8>, DropReason> {
    open_from(guard, sender_at(), datagram)
}

/// A sender, and a receiver that has heard it.
fn pair() -> (Guard, Guard) {
    let (mut sender, mut receiver) = (sender(), receiver());
    let hello = forward(&mut sender, b"hello");
    assert_eq!(open(&mut receiver, &hello).unwrap(), b"hello");
    (sender, receiver)
}

#[test]
fn what_is_sealed_opens_both_ways_and_is_44_bytes_longer() {
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let new = |role, run| Guard::new(role, keys(), suite, group(6003), RunId([run; 12]));
        let (mut sender, mut receiver) = (new(Role::Sender, 1), new(Role::Receiver, 2));
        for text in [b"".as_slice(), b"x", &[9; 1344], &[8; 65_000]] {
            let sealed = forward(&mut sender, text);
            assert_eq!(sealed.len(), text.len() + 44);
            assert_eq!(SEAL.bytes(), 44);
            assert_eq!(open(&mut receiver, &sealed).unwrap(), text);
            let sealed = feedback(&mut receiver, text);
            assert_eq!(open_from(&mut sender, receiver_at(9), &sealed).unwrap(), text);
        }
        assert_eq!((sender.counters().sealed, sender.counters().opened), (4, 4));
        assert_eq!(receiver.counters().all_dropped(), 0);
    }
}

#[test]
fn suites_are_told_by_the_packet() {
    let mut receiver = receiver();
    for (suite, run) in [(Suite::Aes256Gcm, 1), (Suite::ChaCha20Poly1305, 2)] {
        let mut sender = Guard::new(Role::Sender, keys(), suite, group(6003), RunId([run; 12]));
        let sealed = forward(&mut sender, b"text");
        assert_eq!(open(&mut receiver, &sealed).unwrap(), b"text");
    }
}

#[test]
fn receivers_hear_each_other_and_the_sender_all_of_them() {
    let mut sender = sender();
    let hello = forward(&mut sender, b"hello");
    let mut receivers: Vec<Guard> = (10..15).map(|run| guard_of(Role::Receiver, run)).collect();
    for receiver in &mut receivers {
        open(receiver, &hello).unwrap();
    }
    for from in 0..5 {
        let nack = feedback(&mut receivers[usize::from(from)], b"nack");
        let source = receiver_at(from);
        assert_eq!(open_from(&mut sender, source, &nack).unwrap(), b"nack");
        for (to, receiver) in receivers.iter_mut().enumerate() {
            let heard = open_from(receiver, source, &nack);
            let expected =
                if to == usize::from(from) { Err(DropReason::Own) } else { Ok(b"nack".into()) };
            assert_eq!(heard, expected, "{from} to {to}");
        }
    }
}

#[test]
fn feedback_is_for_the_sender_that_it_names_and_no_other() {
    let mut senders = [1, 2, 3, 4].map(|run| guard_of(Role::Sender, run));
    let (mut receiver, mut other) = (receiver(), guard_of(Role::Receiver, 102));
    let at = |number: usize| SocketAddr::from(([192, 0, 2, 50], 6000 + number as u16));
    for (number, sender) in senders.iter_mut().enumerate() {
        let hello = forward(sender, b"hello");
        open_from(&mut receiver, at(number), &hello).unwrap();
        open_from(&mut other, at(number), &hello).unwrap();
    }
    for to in [0, 1, 2, 3, 2, 0] {
        let mut nack = room_for(b"nack");
        assert!(receiver.seal(Some(at(to)), &mut nack));
        for (number, sender) in senders.iter_mut().enumerate() {
            let opened = open_from(sender, receiver_at(9), &nack).is_ok();
            assert_eq!(opened, number == to, "to {to}, at {number}");
        }
        assert_eq!(open_from(&mut other, receiver_at(9), &nack).unwrap(), b"nack");
    }
    assert!(!receiver.seal(Some(at(9)), &mut room_for(b"nack")), "no sender is there");
    assert!(!receiver.seal(None, &mut room_for(b"nack")), "it is for no sender");
}

#[test]
fn receiver_that_goes_to_another_group_opens_what_is_sealed_there() {
    let (mut sender, mut receiver) = pair();
    let mut there = Guard::new(Role::Sender, keys(), Suite::default(), group(7000), RunId([5; 12]));
    let sealed = forward(&mut there, b"there");
    assert_eq!(open(&mut receiver, &sealed), Err(DropReason::NotAuthentic));
    receiver.set_address(group(7000));
    assert_eq!(open(&mut receiver, &sealed).unwrap(), b"there");
    let nack = feedback(&mut receiver, b"nack");
    assert_eq!(open_from(&mut there, receiver_at(9), &nack).unwrap(), b"nack");
    let left = forward(&mut sender, b"left");
    assert_eq!(open(&mut receiver, &left), Err(DropReason::NotAuthentic));
    receiver.set_address(group(6003));
    assert_eq!(open(&mut receiver, &left).unwrap(), b"left");
}
