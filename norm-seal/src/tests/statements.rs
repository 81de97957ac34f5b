//! Senders that state their sets and prove to be live, and receivers that ask for it.

use norm_core::endpoint::{Destination, Proof};
use norm_core::fileset::{ManifestHash, SetId};

use super::hello::{
    SECOND, WALL, hear, hello_at, introduced, long_term, sender_with, signing, strict, strict_of,
};
use super::*;
use crate::exercise::{Forgery, forge};
use crate::hello::LIFE;
use crate::{HeardStatement, Own, Signer, StatedSet, Statement};

fn set() -> StatedSet {
    let (set, manifest) = (SetId([1; 16]), ManifestHash([2; 32]));
    StatedSet { set, manifest, list: Some([3; 32]), name: "image".to_owned(), life: None }
}

/// All that a guard has to say now.
fn own(guard: &mut Guard, now: Timestamp) -> Vec<Own> {
    core::iter::from_fn(|| guard.poll_own(now)).collect()
}

/// Hands these to a guard, as from this address; what becomes of the last one.
fn hand(
    guard: &mut Guard,
    now: Timestamp,
    source: SocketAddr,
    own: &[Own],
) -> Result<(), DropReason> {
    let mut last = Ok(());
    for Own { bytes, .. } in own {
        last = guard.open(now, source, &mut bytes.clone()).map(|opened| {
            assert!(!matches!(opened, Opened::Text(..)), "an engine hears it");
        });
    }
    last
}

/// All that a receiver has heard of sets.
fn heard(guard: &mut Guard) -> Vec<HeardStatement> {
    core::iter::from_fn(|| guard.poll_statement()).collect()
}

/// A sender that has stated this set, and a receiver that has heard it.
fn stated(set: StatedSet, mut receiver: Guard) -> (Guard, Guard) {
    let mut sender = signing();
    sender.state(set);
    hand(&mut receiver, NOW, sender_at(), &own(&mut sender, NOW)).unwrap();
    (sender, receiver)
}

#[test]
fn statement_is_heard_once_and_says_who_has_signed_it_and_until_when() {
    let (mut sender, mut receiver) = stated(set(), strict());
    let expected = Statement {
        set: SetId([1; 16]),
        manifest: ManifestHash([2; 32]),
        list: Some([3; 32]),
        serial: WALL,
        created: WALL,
        expires: WALL + LIFE,
        name: "image".to_owned(),
    };
    let signer = Some(long_term().verifier());
    let said = HeardStatement { statement: expected.clone(), signer, is_live: true };
    assert_eq!(heard(&mut receiver), [said]);
    let later = NOW + SECOND * 2;
    let again = own(&mut sender, later);
    assert_eq!(again.len(), 2, "HELLO and statement");
    hand(&mut receiver, later, sender_at(), &again).unwrap();
    assert_eq!(heard(&mut receiver), [], "it is no news");
    // More of it is said at once.
    sender.state(StatedSet { list: Some([4; 32]), ..set() });
    hand(&mut receiver, later, sender_at(), &own(&mut sender, later)).unwrap();
    let closed = heard(&mut receiver);
    assert_eq!(closed.len(), 1);
    let Statement { list, serial, created, .. } = closed[0].statement;
    assert_eq!((list, serial, created), (Some([4; 32]), WALL, WALL + 2));
    // What any member may have made.
    let mut phrase = sender_with(keys(), 3);
    phrase.state(set());
    let mut member = strict_of(None);
    hand(&mut member, NOW, sender_at(), &own(&mut phrase, NOW)).unwrap();
    assert_eq!(heard(&mut member)[0].signer, None);
}

#[test]
fn statement_is_sent_at_once_soon_again_and_then_every_second() {
    let mut sender = signing();
    sender.state(set());
    let mut times = Vec::new();
    while times.len() < 6 {
        let due = sender.next_own().unwrap();
        let said = own(&mut sender, due);
        assert!(said.iter().all(|own| own.to == Destination::Group && own.bytes.len() <= 348));
        if said.iter().any(|own| own.bytes[1] == 0x86) {
            times.push(due.as_nanos() / 1_000_000);
        }
    }
    assert_eq!(times, [0, 50, 250, 1000, 2000, 3000]);
}

#[test]
fn statement_is_renewed_after_half_of_its_time_unless_its_end_is_given() {
    for life in [None, Some(Duration::from_secs(LIFE * 5))] {
        let (mut sender, mut receiver) = stated(StatedSet { life, ..set() }, strict());
        let first = heard(&mut receiver).remove(0).statement;
        let (mut now, mut last) = (NOW, first.clone());
        for _ in 0..6 {
            now += Duration::from_secs(LIFE / 2);
            hand(&mut receiver, now, sender_at(), &own(&mut sender, now)).unwrap();
            let renewed = heard(&mut receiver).remove(0).statement;
            assert_eq!((renewed.serial, renewed.created), (WALL, last.created + LIFE / 2));
            let expires = if life.is_some() { WALL + LIFE * 5 } else { renewed.created + LIFE };
            assert_eq!(renewed.expires, expires);
            last = renewed;
        }
    }
}

#[test]
fn member_states_nothing_as_the_sender() {
    let (mut sender, mut receiver) = introduced();
    let data = forward(&mut sender, b"data");
    let other = Signer::from_seed([0xbd; 32]);
    let statement = Statement {
        set: SetId([1; 16]),
        manifest: ManifestHash([2; 32]),
        list: Some([9; 32]),
        serial: WALL,
        created: WALL,
        expires: u64::MAX,
        name: String::new(),
    };
    for (at, signer) in [(1, Some(&other)), (2, None)] {
        let text = statement.encode(signer);
        let secret = GroupSecret::new([7; 32]);
        let head = &data[..HEADER_LEN];
        let forged = forge(secret, group(6003), head, &text, Forgery::Statement(at)).unwrap();
        let opened = receiver.open(NOW, sender_at(), &mut forged.clone()).map(|_| ());
        assert_eq!(opened, Err(DropReason::BadSignature));
    }
    assert_eq!(heard(&mut receiver), []);
    assert_eq!(receiver.counters().statements, 0);
}

#[test]
fn statement_that_only_the_session_has_signed_is_refused_where_a_long_term_key_is_trusted() {
    let (mut sender, mut receiver) = introduced();
    let statement = stated(set(), strict()).1.poll_statement().unwrap().statement;
    for (signer, expected) in [
        (None, Err(DropReason::BadSignature)),
        (Some(Signer::from_seed([10; 32])), Err(DropReason::BadSignature)),
        (Some(long_term()), Ok(())),
    ] {
        let text = statement.encode(signer.as_ref());
        let mut sealed = sender.seal_own((crate::Kind::Statement, None), true, &text).unwrap();
        assert_eq!(receiver.open(NOW, sender_at(), &mut sealed).map(|_| ()), expected);
    }
    assert_eq!(heard(&mut receiver).len(), 1);
}

/// A receiver that asks, a sender, and what the sender has said so far.
fn asking() -> (Guard, Guard, Vec<Own>) {
    let (mut sender, mut receiver) = (signing(), strict());
    receiver.ask_if_live(false, &[1; 32]);
    sender.state(set());
    let said = own(&mut sender, NOW);
    hand(&mut receiver, NOW, sender_at(), &said).unwrap();
    assert!(!heard(&mut receiver)[0].is_live);
    (sender, receiver, said)
}

#[test]
fn sender_that_answers_is_live_and_what_it_has_stated_is_told_again() {
    let (mut sender, mut receiver, _) = asking();
    let due = receiver.next_own().unwrap();
    assert!(due <= NOW + SECOND / 20, "soon");
    let asked = own(&mut receiver, due);
    assert_eq!((asked.len(), asked[0].to), (1, Destination::Unicast(sender_at())));
    assert_eq!(asked[0].bytes.len(), 8 + 44);
    hand(&mut sender, due, receiver_at(9), &asked).unwrap();
    let answer = own(&mut sender, due);
    let is_answer = |own: &&Own| own.bytes[1] == 0x85;
    assert_eq!(answer.iter().filter(is_answer).count(), 1);
    hand(&mut receiver, due, sender_at(), &answer).unwrap();
    let told = heard(&mut receiver);
    assert!(told.len() == 1 && told[0].is_live, "{told:?}");
    assert_eq!(receiver.counters().live, 1);
    assert_eq!(receiver.next_own(), None, "it asks no more");
    assert_eq!(own(&mut sender, due).len(), 0);
}

#[test]
fn lost_challenges_are_repeated_ever_more_rarely() {
    let (_, mut receiver, _) = asking();
    let mut times = Vec::new();
    for _ in 0..8 {
        let due = receiver.next_own().unwrap();
        assert_eq!(own(&mut receiver, due).len(), 1);
        times.push(due);
    }
    let gaps = times.windows(2).map(|pair| pair[1].saturating_since(pair[0]).as_millis());
    assert!(gaps.eq([200, 400, 800, 1600, 3200, 6400, 8000]));
}

#[test]
fn every_second_challenge_goes_to_the_group_where_others_do_not_mind() {
    let (mut sender, mut receiver) = introduced();
    receiver.ask_if_live(true, &[1; 32]);
    let keys = keys().with_trusted(long_term().verifier());
    let run = RunId([103; 12]);
    let other = Guard::new(Role::Receiver, keys, Suite::default(), group(6003), run);
    let mut other = other.requiring_hello();
    other.ask_if_live(true, &[3; 32]);
    let hello = hello_at(&mut signing(), NOW + SECOND);
    receiver.set_address(group(6004));
    receiver.set_address(group(6003));
    for guard in [&mut receiver, &mut other] {
        hear(guard, NOW, &hello).unwrap();
    }
    let mut asked = Vec::new();
    while asked.len() < 4 {
        let due = receiver.next_own().unwrap();
        asked.extend(own(&mut receiver, due));
    }
    let to_group = asked.iter().map(|own| own.to == Destination::Group);
    assert!(to_group.eq([false, true, false, true]));
    let now = NOW + SECOND * 2;
    let data = forward(&mut sender, b"data");
    assert_eq!(open_at(&mut other, now, sender_at(), &data).unwrap(), b"data");
    assert_eq!(hand(&mut other, now, receiver_at(9), &asked[1..2]), Ok(()), "it is ignored");
    assert_eq!(other.counters().live, 0);
    hand(&mut sender, now, receiver_at(9), &asked[1..2]).unwrap();
    assert!(own(&mut sender, now).iter().any(|own| own.bytes[1] == 0x85), "it is answered");
}

#[test]
fn challenges_spread_over_the_time_that_hello_names() {
    for (expected, within) in [(0, 50), (100, 50), (10_000, 5_000), (1_000_000, 65_535)] {
        let mut sender = signing();
        sender.expect(expected);
        let hello = hello_at(&mut sender, NOW);
        let dues = (100..200).map(|number| {
            let keys = keys().with_trusted(long_term().verifier());
            let run = RunId([number; 12]);
            let guard = Guard::new(Role::Receiver, keys, Suite::default(), group(6003), run);
            let mut guard = guard.requiring_hello();
            guard.ask_if_live(false, &[number; 32]);
            hear(&mut guard, NOW, &hello).unwrap();
            guard.next_own().unwrap().saturating_since(NOW).as_millis()
        });
        let dues: Vec<u128> = dues.collect();
        assert!(dues.iter().all(|&due| due <= within), "{expected}: {dues:?}");
        assert!(dues.iter().filter(|&&due| due > within / 2).count() > 30, "{dues:?}");
    }
}

/// The same packets once more, to a receiver that was not there: it asks, and the recording has the
/// answers to others only.
#[test]
fn recording_does_not_answer() {
    let (mut sender, mut first, mut said) = asking();
    let due = first.next_own().unwrap();
    hand(&mut sender, due, receiver_at(9), &own(&mut first, due)).unwrap();
    said.extend(own(&mut sender, due));
    hand(&mut first, due, sender_at(), &said).unwrap();
    assert!(heard(&mut first).last().unwrap().is_live);
    let run = RunId([102; 12]);
    let keys = keys().with_trusted(long_term().verifier());
    let mut second = Guard::new(Role::Receiver, keys, Suite::default(), group(6003), run);
    second = second.requiring_hello();
    second.ask_if_live(false, &[2; 32]);
    hand(&mut second, due, sender_at(), &said).unwrap();
    let told = heard(&mut second);
    assert!(!told.is_empty() && told.iter().all(|heard| !heard.is_live), "{told:?}");
    assert_eq!(second.counters().live, 0);
    assert!(second.next_own().is_some(), "it goes on asking");
}

#[test]
fn member_does_not_answer_for_the_sender() {
    let (mut sender, mut receiver, _) = asking();
    let due = receiver.next_own().unwrap();
    let mut asked = own(&mut receiver, due).remove(0).bytes;
    // A member reads what was asked as the sender does.
    let mut member =
        Guard::new(Role::Sender, keys(), Suite::default(), group(6003), RunId([1; 12]));
    member = member.signing(&[7; 32]);
    assert!(matches!(member.open(due, receiver_at(9), &mut asked), Ok(Opened::Own)));
    // Counters that the sender has used are refused before that.
    (0..3).for_each(|_| _ = forward(&mut member, b"used"));
    let answer: Vec<Own> = own(&mut member, due);
    assert!(answer.iter().any(|own| own.bytes[1] == 0x85));
    let _ = hand(&mut receiver, due, sender_at(), &answer);
    assert_eq!(receiver.counters().live, 0);
    assert!(receiver.counters().dropped(DropReason::BadSignature) > 0);
    let mut data = forward(&mut sender, b"data");
    let opened = receiver.open(due, sender_at(), &mut data);
    assert!(matches!(opened, Ok(Opened::Text(_, Proof::Group))), "the sender is heard");
}

#[test]
fn answers_are_few_and_short_however_many_ask() {
    let mut sender = signing();
    let hello = own(&mut sender, NOW).remove(0).bytes;
    let mut asked = Vec::new();
    for number in 0..600_u16 {
        let mut run = [5; 12];
        run[..2].copy_from_slice(&number.to_be_bytes());
        let keys = keys().with_trusted(long_term().verifier());
        let guard = Guard::new(Role::Receiver, keys, Suite::default(), group(6003), RunId(run));
        let mut guard = guard.requiring_hello();
        let mut seed = [7; 32];
        seed[..2].copy_from_slice(&number.to_be_bytes());
        guard.ask_if_live(false, &seed);
        hear(&mut guard, NOW, &hello).unwrap();
        let due = guard.next_own().unwrap();
        asked.extend(own(&mut guard, due));
    }
    for (number, own) in asked.iter().enumerate() {
        // Few enough at a time.
        let now = NOW + Duration::from_millis(number as u64 / 40 * 10);
        let from = receiver_at((number % 200) as u8);
        hand(&mut sender, now, from, core::slice::from_ref(own)).unwrap();
    }
    let mut sizes = Vec::new();
    let mut now = NOW + SECOND / 5;
    while sizes.iter().sum::<usize>() < 600 * 8 {
        let answers = own(&mut sender, now);
        let answers = answers.iter().filter(|own| own.bytes[1] == 0x85);
        sizes.extend(answers.map(|own| own.bytes.len() - 44 - 64));
        now += Duration::from_millis(20);
    }
    assert_eq!(sizes.len(), 19, "{sizes:?}");
    assert!(sizes[..18].iter().all(|&size| size == 256), "{sizes:?}");
}

/// What a sender answers now.
fn answers(sender: &mut Guard, now: Timestamp) -> Vec<Own> {
    own(sender, now).into_iter().filter(|own| own.bytes[1] == 0x85).collect()
}

/// A sender, and a receiver that knows that it is live.
fn live() -> (Guard, Guard, Timestamp) {
    let (mut sender, mut receiver, _) = asking();
    let due = receiver.next_own().unwrap();
    hand(&mut sender, due, receiver_at(9), &own(&mut receiver, due)).unwrap();
    hand(&mut receiver, due, sender_at(), &answers(&mut sender, due)).unwrap();
    (sender, receiver, due)
}

/// Where a sender is that has moved, or another machine that repeats what it sends.
fn there() -> SocketAddr {
    ([192, 0, 2, 77], 5740).into()
}

/// A packet of a sender comes from there, and what a receiver asks is answered from there, too.
/// When that was.
fn claim(sender: &mut Guard, receiver: &mut Guard, now: Timestamp) -> Timestamp {
    let data = forward(sender, b"data");
    assert_eq!(open_at(receiver, now, there(), &data), Err(DropReason::Elsewhere));
    let asked_at = receiver.next_own().unwrap();
    assert!(asked_at <= now + Duration::from_millis(50));
    let asked = own(receiver, asked_at);
    assert_eq!((asked.len(), asked[0].to), (1, Destination::Unicast(there())));
    hand(sender, asked_at, receiver_at(9), &asked).unwrap();
    hand(receiver, asked_at, there(), &answers(sender, asked_at)).unwrap();
    asked_at
}

/// What a receiver asks by its timers until feedback goes there; when that is.
fn until_it_has_moved(receiver: &mut Guard) -> (Timestamp, Vec<Own>) {
    let mut asked = Vec::new();
    while let Some(now) = receiver.next_own() {
        asked.extend(own(receiver, now));
        if receiver.seal(Some(there()), &mut room_for(b"nack")) {
            return (now, asked);
        }
    }
    panic!("feedback stays where it was");
}

/// The sender has another address: its packets count from there, and feedback goes there, when it
/// has answered there and nothing comes any more from where it was, though it is asked there.
#[test]
fn sender_has_moved_when_it_answers_at_its_new_address_and_is_silent_where_it_was() {
    let (mut sender, mut receiver, due) = live();
    let answered = claim(&mut sender, &mut receiver, due + SECOND * 3);
    let later = forward(&mut sender, b"later");
    assert_eq!(open_at(&mut receiver, answered, there(), &later), Err(DropReason::Elsewhere));
    assert!(!receiver.seal(Some(there()), &mut room_for(b"nack")), "not yet");
    let (moved, asked) = until_it_has_moved(&mut receiver);
    assert_eq!(moved, answered + SECOND / 4);
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|own| own.to == Destination::Unicast(sender_at())));
    assert_eq!(open_at(&mut receiver, moved, there(), &later).unwrap(), b"later");
    assert!(!receiver.seal(Some(sender_at()), &mut room_for(b"nack")));
    assert_eq!(receiver.next_own(), None);
}

/// It was introduced from where it was before.
#[test]
fn sender_is_asked_whether_it_is_live_where_its_packets_come_from() {
    let (mut sender, mut receiver) = (signing(), strict());
    receiver.ask_if_live(false, &[1; 32]);
    hear(&mut receiver, NOW, &hello_at(&mut sender, NOW)).unwrap();
    let data = forward(&mut sender, b"data");
    assert!(open_at(&mut receiver, NOW, there(), &data).is_ok());
    let due = receiver.next_own().unwrap();
    assert_eq!(own(&mut receiver, due)[0].to, Destination::Unicast(there()));
}

/// Though nothing more is heard of it until then.
#[test]
fn sender_that_moved_is_followed_two_seconds_after_it_was_heard_where_it_was() {
    let (mut sender, mut receiver, due) = live();
    let early = due + Duration::from_millis(249);
    let data = forward(&mut sender, b"data");
    assert_eq!(open_at(&mut receiver, early, there(), &data), Err(DropReason::Elsewhere));
    assert_eq!(receiver.next_own(), None, "it may be a packet that was slower");
    claim(&mut sender, &mut receiver, due + SECOND / 4);
    let (moved, asked) = until_it_has_moved(&mut receiver);
    assert_eq!(moved, due + SECOND * 2);
    assert!((3..=4).contains(&asked.len()), "{}", asked.len());
}

#[test]
fn sender_that_is_heard_where_it_was_has_not_moved() {
    for after in [Duration::from_millis(1), Duration::from_millis(1_700)] {
        let (mut sender, mut receiver, due) = live();
        let answered = claim(&mut sender, &mut receiver, due + SECOND / 4);
        let data = forward(&mut sender, b"data");
        assert!(open_at(&mut receiver, answered + after, sender_at(), &data).is_ok());
        assert_eq!(own(&mut receiver, due + SECOND * 2).len(), 0);
        assert_eq!(receiver.next_own(), None, "nothing is asked any more");
        assert!(!receiver.seal(Some(there()), &mut room_for(b"nack")));
    }
}

/// A machine that sends again what it hears, faster, and hands on to the sender what it is asked.
/// Of the sender itself nothing comes but its answers, each third one, and that after the copies.
#[test]
fn machine_that_hands_challenges_on_gets_no_feedback_while_the_sender_answers() {
    let (mut sender, mut receiver, start) = live();
    let (mut handed_on, mut answered) = (0, 0);
    for step in 1..6_000 {
        let now = start + SECOND / 100 * step;
        for _ in 0..30 {
            let data = forward(&mut sender, b"data");
            assert!(open_at(&mut receiver, now, there(), &data).is_err());
        }
        for own in own(&mut receiver, now) {
            handed_on += u32::from(own.to == Destination::Unicast(there()));
            hand(&mut sender, now, receiver_at(9), &[own]).unwrap();
        }
        for answer in answers(&mut sender, now) {
            answered += 1;
            let all = [answer];
            let _ = hand(&mut receiver, now, there(), &all);
            let _ = hand(&mut receiver, now, there(), &all);
            if answered % 3 == 0 {
                hand(&mut receiver, now, sender_at(), &all).unwrap();
            }
        }
        assert!(!receiver.seal(Some(there()), &mut room_for(b"nack")), "step {step}");
        assert!(receiver.seal(Some(sender_at()), &mut room_for(b"nack")));
    }
    assert!((30..=240).contains(&handed_on), "{handed_on} in a minute");
}

/// Answers that come from elsewhere are checked at a bounded rate, and do not keep the sender's own
/// from being heard.
#[test]
fn answers_that_are_repeated_from_elsewhere_cost_a_bounded_share() {
    let (mut sender, mut receiver, start) = live();
    let text = sender.seal_own((crate::Kind::Proof, None), true, &[4; 8]).unwrap();
    let hear =
        |receiver: &mut Guard, source| receiver.open(start, source, &mut text.clone()).map(|_| ());
    let taken = (0..1_000).filter(|_| hear(&mut receiver, there()).is_ok()).count();
    assert_eq!(taken, 25);
    assert_eq!(hear(&mut receiver, sender_at()), Ok(()));
    assert_eq!(hear(&mut receiver, there()), Err(DropReason::Replayed));
}

/// What a receiver asks does not follow from what its packets show.
#[test]
fn challenges_follow_from_random_bytes_and_not_from_the_run() {
    let ask = |seed: u8| {
        let (mut sender, mut receiver) = (signing(), strict());
        receiver.ask_if_live(false, &[seed; 32]);
        hand(&mut receiver, NOW, sender_at(), &own(&mut sender, NOW)).unwrap();
        own(&mut receiver, NOW + SECOND).remove(0).bytes
    };
    assert_eq!(ask(1), ask(1));
    assert_ne!(ask(1), ask(2), "the run and the counter are the same");
}

/// A machine that sends again what it hears, from its own address, and is heard alone for a while.
#[test]
fn machine_that_repeats_packets_gets_no_feedback_however_long_it_is_heard_alone() {
    let (mut sender, mut receiver, _) = asking();
    let there: SocketAddr = ([192, 0, 2, 66], 5740).into();
    let mut asked = 0;
    for second in 1..60 {
        let now = NOW + SECOND * second;
        let data = forward(&mut sender, b"data");
        assert_eq!(open_at(&mut receiver, now, there, &data), Err(DropReason::Elsewhere));
        let to_there = |own: &Own| own.to == Destination::Unicast(there);
        asked += own(&mut receiver, now).into_iter().filter(to_there).count();
        assert!(!receiver.seal(Some(there), &mut room_for(b"nack")));
    }
    assert!((5..15).contains(&asked), "{asked}");
    let data = forward(&mut sender, b"data");
    let now = NOW + SECOND * 60;
    assert_eq!(open_at(&mut receiver, now, sender_at(), &data).unwrap(), b"data");
}
