//! Senders that hand out keys, and recipients that get them.

use norm_core::endpoint::{Destination, Proof};
use zeroize::Zeroizing;

use super::*;
use crate::attestation::{Attester, FeedbackSecret};
use crate::header::{Epoch, Header, Kind};
use crate::keys::{PageHead, REQUEST_LEN, emit_answer};
use crate::sealer::{Ending, Sealer};
use crate::{Book, Identity, RecipientKey, Signer, Verifier};

const WALL: u64 = 1_800_000_000;

fn identity(byte: u8) -> Identity {
    Identity::new([byte; 32]).unwrap()
}

fn listed(bytes: &[u8]) -> Vec<RecipientKey> {
    bytes.iter().map(|byte| identity(*byte).public()).collect()
}

fn signer() -> Signer {
    Signer::from_seed([9; 32])
}

/// The keys of an epoch of a sender, for these.
fn book(sender: &Guard, epoch: u16, recipients: &[u8]) -> Book {
    let session = sender.session().unwrap();
    let mut random = session.0;
    random[0] ^= epoch as u8;
    let subject = (group(6003), session, Epoch(epoch));
    Book::make(&listed(recipients), subject, &random).unwrap()
}

/// A sender that hands keys to these.
fn sender_to(recipients: &[u8]) -> Guard {
    sender_of(1, recipients)
}

fn sender_of(run: u8, recipients: &[u8]) -> Guard {
    let keys = Keyring::without_group().with_signer(signer());
    let guard = Guard::new(Role::Sender, keys, Suite::default(), group(6003), RunId([run; 12]));
    let mut guard = guard.signing(&[run; 32]);
    guard.set_wall_clock(NOW, WALL);
    let book = book(&guard, 0, recipients);
    guard.with_book(book)
}

/// A receiver with this identity that believes the sender.
fn recipient(byte: u8) -> Guard {
    recipient_of(byte, signer().verifier(), false)
}

fn recipient_of(byte: u8, trusted: Verifier, is_mute: bool) -> Guard {
    let keys = Keyring::of_recipient(vec![identity(byte)]).with_trusted(trusted);
    let run = RunId([byte + 100; 12]);
    let guard = Guard::new(Role::Receiver, keys, Suite::default(), group(6003), run);
    let mut guard = guard.requiring_hello().with_identities(is_mute);
    guard.set_wall_clock(NOW, WALL);
    guard
}

fn after(ms: u64) -> Timestamp {
    NOW + Duration::from_millis(ms)
}

/// What a sender has to say beside its packets, now.
fn said(guard: &mut Guard, now: Timestamp) -> Vec<(Destination, Vec<u8>)> {
    let mut all = Vec::new();
    loop {
        if let Some(hello) = guard.poll_hello(now) {
            all.push((Destination::Group, hello.to_vec()));
        } else if let Some((to, datagram)) = guard.poll_keys(now) {
            all.push((to, datagram.to_vec()));
        } else {
            return all;
        }
    }
}

fn tell(guard: &mut Guard, now: Timestamp, datagram: &[u8]) -> Result<(), DropReason> {
    guard.open(now, sender_at(), &mut datagram.to_vec()).map(|_| ())
}

/// Hands on what a sender says until this time, each 10 ms.
fn run(sender: &mut Guard, receivers: &mut [&mut Guard], times: core::ops::Range<u64>) {
    for ms in times.step_by(10) {
        let now = after(ms);
        for (_, datagram) in said(sender, now) {
            for receiver in receivers.iter_mut() {
                let _ = tell(receiver, now, &datagram);
            }
        }
        for (number, receiver) in (0..).zip(receivers.iter_mut()) {
            while let Some((_, datagram)) = receiver.poll_keys(now) {
                let _ = sender.open(now, receiver_at(number), &mut datagram.to_vec());
            }
        }
    }
}

#[test]
fn recipients_get_the_key_and_others_know_that_they_do_not() {
    let (mut sender, mut one, mut other) = (sender_to(&[1, 2]), recipient(1), recipient(3));
    assert_eq!((one.key_id(), one.epoch()), (None, None));
    run(&mut sender, &mut [&mut one, &mut other], 0..100);
    assert_eq!((one.key_id(), one.epoch()), (sender.key_id(), Some(Epoch(0))));
    let data = forward(&mut sender, b"data");
    assert_eq!(open(&mut one, &data).unwrap(), b"data");
    assert_eq!(open(&mut other, &data), Err(DropReason::NoEpoch));
    let nack = feedback(&mut one, b"nack");
    assert_eq!(open_from(&mut sender, receiver_at(9), &nack).unwrap(), b"nack");
    assert!(other.counters().not_listed.packets > 0);
    assert_eq!((other.counters().left_out.packets, other.counters().opened), (0, 0));
    assert_eq!(one.counters().not_listed.packets, 0);
}

/// What is proved of a datagram that a receiver has sent.
fn proof_of(guard: &mut Guard, datagram: &[u8]) -> Result<Proof, DropReason> {
    match guard.open(NOW, receiver_at(9), &mut datagram.to_vec())? {
        Opened::Text(_, proof) => Ok(proof),
        Opened::Hello | Opened::Own => panic!("it is nothing for an engine"),
    }
}

#[test]
fn sender_knows_which_recipient_has_said_something() {
    let (mut sender, mut one, mut two) = (sender_to(&[1, 2]), recipient(1), recipient(2));
    run(&mut sender, &mut [&mut one, &mut two], 0..100);
    let data = forward(&mut sender, b"data");
    for receiver in [&mut one, &mut two] {
        assert_eq!(open(receiver, &data).unwrap(), b"data");
    }
    let nacks = [feedback(&mut one, b"nack"), feedback(&mut two, b"nack")];
    assert_eq!(nacks[0].len(), HEADER_LEN + 4 + 20 + TAG_LEN);
    for (nack, byte) in nacks.iter().zip([1, 2]) {
        let key = identity(byte).public().receiver_key();
        assert_eq!(proof_of(&mut sender, nack), Ok(Proof::Receiver(key)));
    }
    assert_eq!(proof_of(&mut two, &nacks[0]), Ok(Proof::Group), "to others it is of some member");
    assert_eq!(proof_of(&mut sender, &nacks[0]), Err(DropReason::Replayed));
}

#[test]
fn member_cannot_attest_as_another_one_and_what_none_has_attested_proves_nothing() {
    let mut sender = sender_to(&[1, 2]);
    let book = book(&sender, 0, &[1, 2]);
    let secret = book.secret();
    let mut sealer = Sealer::new(RunId([0x77; 12]));
    let mut sealed = |attester: Option<&Attester>| {
        let (kind, epoch, key_id) = (Kind::Feedback, Epoch(0), secret.key_id());
        let (suite, run) = (Suite::default(), sealer.run());
        let header = Header { suite, kind, is_signed: false, epoch, key_id, run, counter: 0 };
        let ending = attester.map_or(Ending::None, Ending::Attestation);
        let mut datagram = vec![0; HEADER_LEN + 24 + TAG_LEN];
        let what = (header, Some(RunId([1; 12])));
        assert!(sealer.seal(&secret.epoch_secret(), group(6003), what, ending, &mut datagram));
        datagram
    };
    assert_eq!(proof_of(&mut sender, &sealed(None)), Err(DropReason::BadSignature));
    for recipient in [1, 2, 3].map(|byte| identity(byte).public()) {
        let (tag, secret) = (book.subject().tag(recipient), Zeroizing::new([9; 32]));
        let attester = Attester { tag, secret: FeedbackSecret(secret) };
        let forged = sealed(Some(&attester));
        assert_eq!(proof_of(&mut sender, &forged), Err(DropReason::BadSignature));
    }
}

/// All recipients can seal in each other's runs, and see those.
#[test]
fn member_uses_up_no_counter_of_another_one() {
    let (mut sender, mut one) = (sender_to(&[1, 2]), recipient(1));
    run(&mut sender, &mut [&mut one], 0..100);
    let data = forward(&mut sender, b"data");
    assert_eq!(open(&mut one, &data).unwrap(), b"data");
    let nack = feedback(&mut one, b"nack");
    let of_one = Header::parse(&nack).unwrap();
    let book = book(&sender, 0, &[1, 2]);
    for kind in [Kind::Feedback, Kind::Proof] {
        let mut sealer = Sealer::new(of_one.run);
        sealer.skip_to(1 << 40);
        let header = Header { kind, is_signed: false, ..of_one };
        let mut forged = [&[0; HEADER_LEN], [7; 8].as_slice(), &[0; TAG_LEN]].concat();
        let (secret, what) = (book.secret().epoch_secret(), (header, Some(RunId([1; 12]))));
        assert!(sealer.seal(&secret, group(6003), what, Ending::None, &mut forged));
        let _ = sender.open(NOW, receiver_at(8), &mut forged.clone());
    }
    let key = identity(1).public().receiver_key();
    assert_eq!(proof_of(&mut sender, &nack), Ok(Proof::Receiver(key)));
}

#[test]
fn sender_that_is_not_trusted_is_not_believed() {
    let other = Signer::from_seed([77; 32]).verifier();
    let (mut sender, mut one) = (sender_to(&[1]), recipient_of(1, other, false));
    run(&mut sender, &mut [&mut one], 0..500);
    assert_eq!(one.key_id(), None);
    let (heard, _) = one.counters().other_signer.first.unwrap();
    assert_eq!(heard, Some(signer().verifier()));
    assert_eq!(one.next_keys(), None, "and it is asked for nothing");
}

#[test]
fn pages_count_when_their_session_has_signed_them_and_not_before_its_hello() {
    let (mut sender, mut one) = (sender_to(&[1]), recipient(1));
    let said = said(&mut sender, NOW);
    let [(_, hello), (_, page)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(tell(&mut one, NOW, page), Err(DropReason::NoHello));
    tell(&mut one, NOW, hello).unwrap();
    for bit in 0..page.len() * 8 {
        let mut flipped = page.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let _ = tell(&mut one, after(bit as u64), &flipped);
        assert_eq!(one.key_id(), None, "bit {bit}");
    }
    let now = after(page.len() as u64 * 8);
    tell(&mut one, now, page).unwrap();
    assert_eq!(one.key_id(), sender.key_id());
}

#[test]
fn request_is_answered_once_with_hello_and_page() {
    let (mut sender, mut one) = (sender_to(&[1, 2]), recipient(1));
    let said_now = said(&mut sender, NOW);
    // It hears the HELLO only.
    tell(&mut one, NOW, &said_now[0].1).unwrap();
    assert!(one.poll_keys(after(200)).is_none(), "the page may come");
    let (to, request) = one.poll_keys(after(1300)).map(|(to, it)| (to, it.to_vec())).unwrap();
    assert_eq!((to, request.len()), (Destination::Unicast(sender_at()), REQUEST_LEN));
    let at = receiver_at(9);
    assert!(sender.open(NOW, at, &mut request.clone()).is_ok());
    let answers: Vec<(Destination, Vec<u8>)> = said(&mut sender, NOW);
    assert!(answers.iter().all(|(to, _)| *to == Destination::Unicast(at)));
    let bytes: usize = answers.iter().map(|(_, answer)| answer.len()).sum();
    assert!(answers.len() == 2 && bytes <= 3 * REQUEST_LEN, "{bytes} bytes");
    for (_, answer) in &answers {
        tell(&mut one, after(1400), answer).unwrap();
    }
    assert_eq!(one.key_id(), sender.key_id());
    assert_eq!(one.next_keys(), None, "nothing more is asked for");
}

/// Who listens to the network knows the nonce; others do not.
#[test]
fn answers_to_nothing_that_was_asked_are_dropped_before_anything_is_verified() {
    let (mut sender, mut one) = (sender_to(&[1]), recipient(1));
    let said = said(&mut sender, NOW);
    tell(&mut one, NOW, &said[0].1).unwrap();
    one.poll_keys(after(1300)).unwrap();
    let header = Header::parse(&said[1].1).unwrap();
    let Header { suite, epoch, key_id, run, .. } = header;
    for nonce in 0..100 {
        let mut answer = Vec::new();
        emit_answer(PageHead { suite, epoch, key_id, run }, nonce, &said[1].1, &mut answer);
        assert_eq!(tell(&mut one, after(1300), &answer), Err(DropReason::NotAuthentic));
    }
    assert_eq!(one.key_id(), None);
}

#[test]
fn one_that_is_mute_asks_for_nothing_and_gets_the_key_from_later_pages() {
    let (mut sender, mut one) = (sender_to(&[1]), recipient_of(1, signer().verifier(), true));
    said(&mut sender, NOW);
    let hello = said(&mut sender, after(250));
    tell(&mut one, after(250), &hello[0].1).unwrap();
    assert_eq!(one.next_keys(), None);
    run(&mut sender, &mut [&mut one], 260..2_000);
    assert_eq!(one.key_id(), sender.key_id());
}

#[test]
fn requests_are_answered_in_a_bounded_share() {
    let (mut sender, mut one) = (sender_to(&[1]), recipient(1));
    tell(&mut one, NOW, &said(&mut sender, NOW)[0].1).unwrap();
    let request = one.poll_keys(after(1300)).unwrap().1.to_vec();
    let mut parts = 0;
    for number in 0..50_000_u16 {
        let now = after(2_000) + Duration::from_micros(200) * u32::from(number);
        let _ = sender.open(now, receiver_at((number % 5) as u8), &mut request.clone());
        let said = said(&mut sender, now);
        parts += said.iter().filter(|(to, _)| matches!(to, Destination::Unicast(_))).count();
    }
    // 64 kbit/s in answers of full length, and 32 that were saved up.
    let answers = parts / 2;
    assert!((85..=90).contains(&answers), "{answers} answers in 10 s");
}

#[test]
fn next_epoch_is_used_when_all_have_reported_it() {
    let (mut sender, mut one, mut two) = (sender_to(&[1, 2]), recipient(1), recipient(2));
    run(&mut sender, &mut [&mut one, &mut two], 0..600);
    let first = sender.key_id();
    for receiver in [&mut one, &mut two] {
        let data = forward(&mut sender, b"data");
        open(receiver, &data).unwrap();
    }
    assert_eq!(sender.next_epoch(), Some(Epoch(1)));
    let next = book(&sender, 1, &[1, 2]);
    assert!(sender.begin_epoch(after(600), next));
    assert_eq!(sender.next_epoch(), None, "one at a time");
    assert_eq!(sender.key_id(), first, "it is not used yet");
    run(&mut sender, &mut [&mut one, &mut two], 600..1_200);
    assert_ne!(sender.key_id(), first, "both have reported");
    let data = forward(&mut sender, b"more");
    for receiver in [&mut one, &mut two] {
        assert_eq!(open(receiver, &data).unwrap(), b"more");
        assert_eq!(receiver.epoch(), Some(Epoch(1)));
    }
    assert_eq!(sender.counters().opened, 2, "their reports alone");
}

#[test]
fn one_left_out_opens_nothing_of_the_next_epoch_and_is_heard_no_more() {
    let (mut sender, mut one, mut two) = (sender_to(&[1, 2]), recipient(1), recipient(2));
    run(&mut sender, &mut [&mut one, &mut two], 0..600);
    for receiver in [&mut one, &mut two] {
        let data = forward(&mut sender, b"data");
        open(receiver, &data).unwrap();
    }
    let (late, early) = (forward(&mut sender, b"late"), feedback(&mut two, b"early"));
    let next = book(&sender, 1, &[1]);
    assert!(sender.begin_epoch(after(600), next));
    assert_eq!(two.counters().left_out.packets, 0);
    run(&mut sender, &mut [&mut one, &mut two], 600..4_000);
    assert_eq!(sender.epoch(), Some(Epoch(1)));
    assert!(two.counters().left_out.packets > 0 && two.counters().not_listed.packets == 0);
    let data = forward(&mut sender, b"next");
    let now = after(4_000);
    assert_eq!(open_at(&mut two, now, sender_at(), &data), Err(DropReason::NoEpoch));
    assert_eq!(open_at(&mut one, now, sender_at(), &data).unwrap(), b"next");
    let nack = feedback(&mut two, b"nack");
    for feedback in [nack, early] {
        let opened = open_at(&mut sender, now, receiver_at(9), &feedback);
        assert_eq!(opened, Err(DropReason::OtherKey), "at once");
        let opened = open_at(&mut one, now, receiver_at(9), &feedback);
        assert_eq!(opened, Err(DropReason::NoEpoch), "nor by others");
    }
    // What was on its way when the key changed is opened for a minute.
    assert_eq!(open_at(&mut one, after(50_000), sender_at(), &late).unwrap(), b"late");
    let old = forward_of_epoch_0(&sender);
    assert_eq!(open_at(&mut one, after(70_000), sender_at(), &old), Err(DropReason::NoEpoch));
}

/// A switch that sends packets back, late.
#[test]
fn own_packets_of_an_earlier_epoch_are_own_and_of_no_other_key() {
    let (mut sender, mut one) = (sender_to(&[1]), recipient(1));
    let mut own: Vec<Vec<u8>> = said(&mut sender, NOW).into_iter().map(|(_, it)| it).collect();
    own.iter().for_each(|datagram| tell(&mut one, NOW, datagram).unwrap());
    own.push(forward(&mut sender, b"early"));
    open(&mut one, own.last().unwrap()).unwrap();
    let nack = feedback(&mut one, b"nack");
    let next = book(&sender, 1, &[1]);
    assert!(sender.begin_epoch(after(600), next));
    run(&mut sender, &mut [&mut one], 600..4_000);
    assert_eq!((sender.epoch(), one.epoch()), (Some(Epoch(1)), Some(Epoch(1))));
    for datagram in &own {
        assert_eq!(tell(&mut sender, after(4_000), datagram), Err(DropReason::Own));
    }
    assert_eq!(tell(&mut one, after(90_000), &nack), Err(DropReason::Own));
    for guard in [&sender, &one] {
        assert_eq!(guard.counters().unopened, crate::Unopened::default());
    }
}

/// A packet of the sender's run that one that was left out may still seal.
fn forward_of_epoch_0(sender: &Guard) -> Vec<u8> {
    let mut member = sender_to(&[1, 2]);
    (0..1_000).for_each(|_| drop(forward(&mut member, b"before")));
    assert_ne!(member.key_id(), sender.key_id());
    forward(&mut member, b"old")
}

#[test]
fn old_pages_bring_no_old_epoch_back() {
    let (mut sender, mut one) = (sender_to(&[1]), recipient(1));
    let old = said(&mut sender, NOW);
    run(&mut sender, &mut [&mut one], 250..600);
    let next = book(&sender, 1, &[1]);
    assert!(sender.begin_epoch(after(600), next));
    run(&mut sender, &mut [&mut one], 600..4_000);
    assert_eq!(one.epoch(), Some(Epoch(1)));
    let now = after(100_000);
    for (_, datagram) in &old {
        let _ = tell(&mut one, now, datagram);
    }
    let data = forward_of_epoch_0(&sender);
    assert_eq!(open_at(&mut one, now, sender_at(), &data), Err(DropReason::NoEpoch));
}

#[test]
fn one_that_comes_late_takes_no_page_of_an_epoch_before_the_one_in_use() {
    let (mut sender, mut one, mut late) = (sender_to(&[1, 2]), recipient(1), recipient(2));
    let old = said(&mut sender, NOW);
    let next = book(&sender, 1, &[1]);
    assert!(sender.begin_epoch(after(10), next));
    run(&mut sender, &mut [&mut one], 10..4_000);
    sender.set_run(RunId([1; 12]));
    let hello = said(&mut sender, after(4_000));
    tell(&mut late, after(4_000), &hello[0].1).unwrap();
    tell(&mut late, after(4_000), &old[1].1).unwrap();
    assert_eq!((late.key_id(), late.counters().epochs), (None, 0));
}

#[test]
fn recipient_that_goes_to_another_group_has_the_keys_of_no_session_there() {
    let (mut sender, mut one) = (sender_to(&[1]), recipient(1));
    run(&mut sender, &mut [&mut one], 0..100);
    assert!(one.key_id().is_some());
    one.set_address(group(7000));
    assert_eq!((one.key_id(), one.next_keys()), (None, None));
    one.set_address(group(6003));
    run(&mut sender, &mut [&mut one], 1_000..3_000);
    assert_eq!(one.key_id(), sender.key_id());
}

/// A session that left this receiver out was recorded, and is repeated while the receiver waits for
/// another one.
#[test]
fn recording_of_being_left_out_means_nothing() {
    let (mut sender, mut one, mut two) = (sender_to(&[1, 2]), recipient(1), recipient(2));
    two.ask_if_live(false, &[2; 32]);
    run(&mut sender, &mut [&mut one, &mut two], 0..600);
    let next = book(&sender, 1, &[1]);
    assert!(sender.begin_epoch(after(600), next));
    run(&mut sender, &mut [&mut one, &mut two], 600..4_000);
    assert_eq!((two.counters().live, two.counters().left_out.packets), (0, 0));
}

/// Without the time of day all HELLOs are made at the same time.
#[test]
fn epoch_in_use_is_known_where_no_clock_is() {
    let (mut sender, mut one, mut two) = (sender_to(&[1, 2]), recipient(1), recipient(2));
    for guard in [&mut sender, &mut one, &mut two] {
        guard.set_wall_clock(NOW, 0);
    }
    run(&mut sender, &mut [&mut one, &mut two], 0..600);
    let next = book(&sender, 1, &[1]);
    assert!(sender.begin_epoch(after(600), next));
    run(&mut sender, &mut [&mut one, &mut two], 600..4_000);
    assert!(two.counters().left_out.packets > 0);
    let data = forward(&mut sender, b"data");
    assert_eq!(open_at(&mut one, after(4_000), sender_at(), &data).unwrap(), b"data");
}

#[test]
fn recipient_of_one_sender_cannot_seal_as_another() {
    let (mut first, mut second) = (sender_of(1, &[1, 2]), sender_of(2, &[1]));
    let mut one = recipient(1);
    run(&mut first, &mut [&mut one], 0..300);
    run(&mut second, &mut [&mut one], 0..300);
    assert_eq!(one.counters().epochs, 2);
    // Recipient 2 has the first one's secret, and seals in the second one's run.
    let mut forger = sender_of(1, &[1, 2]);
    forger.set_run(RunId([2; 12]));
    let forged = forward(&mut forger, b"forged");
    assert_eq!(open(&mut one, &forged), Err(DropReason::NotAuthentic));
    let real = forward(&mut second, b"real");
    assert_eq!(open(&mut one, &real).unwrap(), b"real");
}

#[test]
fn sender_that_draws_another_run_is_followed_with_the_same_keys() {
    let (mut sender, mut one) = (sender_to(&[1]), recipient(1));
    run(&mut sender, &mut [&mut one], 0..300);
    sender.suspect_copy();
    assert!(said(&mut sender, after(300)).is_empty(), "a run is wanted first");
    sender.set_run(RunId([42; 12]));
    run(&mut sender, &mut [&mut one], 310..320);
    let data = forward(&mut sender, b"data");
    assert_eq!(open(&mut one, &data).unwrap(), b"data");
    assert_eq!(one.counters().epochs, 1);
}

/// As many forged HELLOs and pages as a link of 500 Mbit/s carries, with the sender's address.
#[test]
fn flood_of_forged_hellos_and_pages_keeps_no_recipient_from_its_key() {
    let mut slowest = Duration::ZERO;
    for seed in 1..=5 {
        let (mut sender, mut one) = (sender_to(&[1, 2, 3]), recipient(1));
        let said_before = said(&mut sender, NOW);
        let mut rng = norm_core::Rng::new(seed);
        let mut ms = 0;
        while one.key_id().is_none() {
            assert!(ms < 30_000, "no key in 30 s");
            for number in 0..50_u64 {
                let (_, genuine) = &said_before[number as usize % 2];
                let mut forged = genuine.clone();
                // Another time or run, and so a signature that does not hold.
                let at = if number % 4 == 0 { 8 } else { 30 };
                forged[at..at + 8].copy_from_slice(&rng.next_u64().to_be_bytes());
                let _ = tell(&mut one, after(ms), &forged);
            }
            run(&mut sender, &mut [&mut one], ms..ms + 1);
            ms += 1;
        }
        let verified = one.counters().dropped(DropReason::BadSignature);
        assert!(verified <= 200 * (ms / 100 + 1), "{verified} were verified in {ms} ms");
        let dropped = one.counters().dropped(DropReason::TooMany);
        assert!(dropped > verified, "{dropped} were not, and {verified} were, in {ms} ms");
        slowest = slowest.max(Duration::from_millis(ms));
    }
    println!("keys after {slowest:?} at the latest");
}

#[test]
fn forged_pages_of_a_known_session_are_verified_at_a_bounded_rate() {
    let (mut sender, mut one) = (sender_to(&[1]), recipient(1));
    let said = said(&mut sender, NOW);
    tell(&mut one, NOW, &said[0].1).unwrap();
    let mut forged = said[1].1.clone();
    forged[40] ^= 1;
    for number in 0..50_000_u64 {
        let now = NOW + Duration::from_micros(number * 20);
        assert!(tell(&mut one, now, &forged).is_err());
    }
    let verified = one.counters().dropped(DropReason::BadSignature);
    assert!((1_500..=2_000).contains(&verified), "{verified} were verified in a second");
}

#[test]
fn kinds_that_are_for_the_other_end_are_dropped() {
    let (mut sender, mut one) = (sender_to(&[1]), recipient(1));
    let mut two = sender_of(2, &[1]);
    for (_, datagram) in said(&mut two, NOW) {
        assert!(tell(&mut sender, NOW, &datagram).is_err());
    }
    tell(&mut one, NOW, &said(&mut sender, NOW)[0].1).unwrap();
    let request = one.poll_keys(after(1300)).unwrap().1.to_vec();
    assert_eq!(Header::parse(&request).unwrap().kind, Kind::KeyRequest);
    assert_eq!(tell(&mut recipient(2), NOW, &request), Err(DropReason::Unsealed));
    // Nor does a session with the key of a group know them.
    let mut member = receiver().requiring_hello();
    for (_, datagram) in said(&mut two, after(1_000)) {
        assert_eq!(tell(&mut member, NOW, &datagram), Err(DropReason::OtherKey));
    }
}

#[test]
fn challenge_that_cannot_be_sealed_yet_does_not_hold_up_one_to_another_sender() {
    let (mut with_key, mut without) = (sender_of(2, &[1]), sender_of(1, &[3]));
    let mut one = recipient(1);
    one.ask_if_live(false, &[1; 32]);
    for sender in [&mut without, &mut with_key] {
        for (_, datagram) in said(sender, NOW) {
            tell(&mut one, NOW, &datagram).unwrap();
        }
    }
    let later = after(100);
    let asked: Vec<_> = core::iter::from_fn(|| one.poll_own(later)).collect();
    assert_eq!(asked.len(), 1, "the one with a key is asked");
    assert!(one.next_own().is_none_or(|next| next > later), "nothing is left that is due");
}
