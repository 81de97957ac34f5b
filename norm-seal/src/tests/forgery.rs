//! What is not authentic.

use super::*;
use crate::KeyId;

/// Tries a datagram with each bit flipped, one at a time; each on a guard that is as `guard` makes
/// it.
fn flip_all(datagram: &[u8], mut opens: impl FnMut(&[u8]) -> Result<Vec<u8>, DropReason>) {
    let mut flipped = datagram.to_vec();
    for bit in 0..datagram.len() * 8 {
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(opens(&flipped).is_err(), "bit {bit} was flipped");
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
    opens(datagram).unwrap();
}

#[test]
fn every_flipped_bit_of_a_sender_s_packet_is_found() {
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let mut sender = Guard::new(Role::Sender, keys(), suite, group(6003), RunId([1; 12]));
        let sealed = forward(&mut sender, &[0xa5; 100]);
        // As the first packet of its run, and later.
        let mut now = NOW;
        let mut first = receiver();
        flip_all(&sealed, |datagram| {
            now += Duration::from_millis(10);
            let source = sender_at();
            open_at(&mut first, now, source, datagram)
        });
        let next = forward(&mut sender, &[0x5a; 100]);
        flip_all(&next, |datagram| open(&mut first, datagram));
    }
}

#[test]
fn every_flipped_bit_of_feedback_is_found() {
    let (mut sender, mut receiver) = pair();
    for round in 0..2 {
        let sealed = feedback(&mut receiver, &[0xa5; 100]);
        let mut now = NOW + Duration::from_secs(round);
        flip_all(&sealed, |datagram| {
            now += Duration::from_millis(10);
            open_at(&mut sender, now, receiver_at(9), datagram)
        });
    }
}

#[test]
fn shorter_and_longer_packets_are_not_authentic() {
    let (mut sender, mut receiver) = pair();
    let sealed = forward(&mut sender, b"some text");
    for len in 0..sealed.len() {
        assert!(open(&mut receiver, &sealed[..len]).is_err(), "{len} bytes");
    }
    assert!(open(&mut receiver, &[sealed.as_slice(), &[0]].concat()).is_err());
    assert!(open(&mut receiver, &sealed).is_ok());
}

#[test]
fn nothing_unsealed_passes_and_each_reason_is_counted() {
    let mut receiver = receiver();
    for datagram in [b"".as_slice(), b"x", &[0x10; 100], &[0x55; 100], &[0; 2000]] {
        assert_eq!(open(&mut receiver, datagram), Err(DropReason::Unsealed));
    }
    let other = Keyring::new(GroupSecret::new([8; 32]));
    let id = other.key_id().unwrap();
    let run = RunId([3; 12]);
    let mut other = Guard::new(Role::Sender, other, Suite::default(), group(6003), run);
    for _ in 0..3 {
        let sealed = forward(&mut other, b"text");
        assert_eq!(open(&mut receiver, &sealed), Err(DropReason::OtherKey));
    }
    let counters = receiver.counters();
    assert_eq!(
        (counters.dropped(DropReason::Unsealed), counters.dropped(DropReason::OtherKey)),
        (5, 3)
    );
    assert_eq!(counters.unopened.first, Some((id, sender_at())));
    assert_eq!((counters.unopened.packets, counters.opened), (3, 0));
    assert_ne!(id, KeyId([0; 4]));
    assert_eq!((counters.unsealed.packets, counters.unsealed.first), (1, Some(sender_at())));
    assert_eq!(counters.not_authentic, crate::Heard::default());
}

#[test]
fn secret_with_the_same_id_does_not_open() {
    let (mut sender, mut receiver) = pair();
    let other = Keyring::new(GroupSecret::new([8; 32]));
    let run = RunId([3; 12]);
    let mut other = Guard::new(Role::Sender, other, Suite::default(), group(6003), run);
    let mut sealed = forward(&mut other, b"text");
    sealed[4..8].copy_from_slice(&keys().key_id().unwrap().0);
    assert_eq!(open(&mut receiver, &sealed), Err(DropReason::NotAuthentic));
    // Under a run that is known.
    let real = forward(&mut sender, b"text");
    sealed[8..28].copy_from_slice(&real[8..28]);
    assert_eq!(open(&mut receiver, &sealed), Err(DropReason::NotAuthentic));
    assert_eq!(receiver.counters().not_authentic.packets, 2);
    assert_eq!(receiver.counters().not_authentic.first, Some(sender_at()));
    assert!(open(&mut receiver, &real).is_ok(), "the forger has not used the counter up");
}

#[test]
fn runs_that_are_not_authentic_are_tried_at_a_bounded_rate_and_known_ones_always() {
    let (mut sender, mut receiver) = pair();
    let mut forged = forward(&mut sender, b"forged");
    let mut tried = 0;
    for n in 0..10_000_u32 {
        forged[8..12].copy_from_slice(&n.to_be_bytes());
        let source = SocketAddr::from((n.to_be_bytes(), 5740));
        tried +=
            u32::from(open_from(&mut receiver, source, &forged) == Err(DropReason::NotAuthentic));
    }
    assert_eq!(tried, 199, "one was the first packet of the real one");
    let real = forward(&mut sender, b"real");
    assert_eq!(open(&mut receiver, &real).unwrap(), b"real");
    let mut other = guard_of(Role::Sender, 9);
    let real = forward(&mut other, b"new");
    assert_eq!(open(&mut receiver, &real), Err(DropReason::TooMany));
    let later = NOW + Duration::from_millis(10);
    assert!(receiver.open(later, sender_at(), &mut real.clone()).is_ok());
}

/// A key is derived for each of them.
#[test]
fn counters_far_from_those_of_a_known_run_are_tried_at_a_bounded_rate() {
    let (mut sender, mut receiver) = pair();
    let mut forged = forward(&mut sender, b"forged");
    let mut tried = |counters: &mut dyn Iterator<Item = u64>| {
        let is_tried = |counter: &u64| {
            forged[20..28].copy_from_slice(&counter.to_be_bytes());
            open_from(&mut receiver, receiver_at(66), &forged) == Err(DropReason::NotAuthentic)
        };
        counters.filter(is_tried).count()
    };
    assert_eq!(tried(&mut (2..1_000).map(|key| key << 23)), 50);
    assert_eq!(tried(&mut (0..100).map(|counter| (1 << 23) + counter)), 100, "the next key");
}

#[test]
fn senders_do_not_hear_senders() {
    let (mut one, mut other) = (sender(), guard_of(Role::Sender, 2));
    let sealed = forward(&mut one, b"text");
    assert_eq!(open(&mut other, &sealed), Err(DropReason::OtherSender));
}

#[test]
fn what_was_sealed_for_one_direction_does_not_open_in_the_other() {
    let (mut sender, mut receiver) = pair();
    let mut sealed = forward(&mut sender, b"text");
    sealed[1] = 1;
    assert_eq!(open(&mut receiver, &sealed), Err(DropReason::NotAuthentic));
    let mut nack = feedback(&mut receiver, b"nack");
    nack[1] = 0;
    let mut other = guard_of(Role::Receiver, 102);
    assert_eq!(open_from(&mut other, receiver_at(9), &nack), Err(DropReason::NotAuthentic));
}
