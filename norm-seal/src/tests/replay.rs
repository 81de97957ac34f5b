//! What was heard before, and what is of another session.

use super::*;

#[test]
fn each_packet_opens_once_in_any_order_within_the_window() {
    let (mut sender, mut receiver) = pair();
    let sealed: Vec<Vec<u8>> =
        (0..9000_u32).map(|n| forward(&mut sender, &n.to_be_bytes())).collect();
    for n in [8500, 0, 308, 309, 8499, 8999, 5000, 807, 808] {
        // The first packet of the run was number 0, so these have a counter that is one higher.
        let highest = if [8500, 0, 308, 309, 8499].contains(&n) { 8500 } else { 8999 };
        let expected = if n + 8192 > highest {
            Ok((n as u32).to_be_bytes().into())
        } else {
            Err(DropReason::Replayed)
        };
        assert_eq!(open(&mut receiver, &sealed[n]), expected, "{n}");
        assert_eq!(open(&mut receiver, &sealed[n]), Err(DropReason::Replayed), "{n} again");
    }
}

#[test]
fn feedback_opens_once() {
    let (mut sender, mut receiver) = pair();
    let all: Vec<Vec<u8>> = (0..100_u8).map(|n| feedback(&mut receiver, &[n])).collect();
    for n in [99, 0, 35, 36, 98, 50] {
        let expected = if n + 64 > 99 { Ok(vec![n as u8]) } else { Err(DropReason::Replayed) };
        assert_eq!(open_from(&mut sender, receiver_at(9), &all[n]), expected, "{n}");
        assert_eq!(open_from(&mut sender, receiver_at(8), &all[n]), Err(DropReason::Replayed));
    }
}

#[test]
fn packet_of_one_group_is_nothing_in_another_with_the_same_key() {
    let mut sender = sender();
    let sealed = forward(&mut sender, b"text");
    for (address, opens) in [
        (group(6003), true),
        (group(6004), false),
        (SessionAddress::of("239.1.2.4:6003".parse().unwrap()), false),
        (SessionAddress::of("192.0.2.1:6003".parse().unwrap()), false),
    ] {
        let run = RunId([101; 12]);
        let mut there = Guard::new(Role::Receiver, keys(), Suite::default(), address, run);
        assert_eq!(open(&mut there, &sealed).is_ok(), opens, "{address:?}");
    }
}

#[test]
fn feedback_to_an_earlier_session_of_the_same_sender_does_not_open() {
    let (mut sender, mut receiver) = pair();
    let recorded = feedback(&mut receiver, b"stop");
    let mut restarted = guard_of(Role::Sender, 2);
    assert_eq!(open_from(&mut restarted, receiver_at(9), &recorded), Err(DropReason::NotAuthentic));
    assert_eq!(open_from(&mut sender, receiver_at(9), &recorded).unwrap(), b"stop");
}

#[test]
fn run_that_had_to_make_room_does_not_open_again_and_goes_on() {
    let (mut sender, mut receiver) = pair();
    let (early, late) = (forward(&mut sender, b"early"), forward(&mut sender, b"late"));
    open(&mut receiver, &late).unwrap();
    for run in 10..80 {
        let mut other = guard_of(Role::Sender, run);
        let sealed = forward(&mut other, b"other");
        let now = NOW + Duration::from_millis(10 * u64::from(run));
        receiver.open(now, receiver_at(run), &mut sealed.clone()).unwrap();
    }
    let later = NOW + Duration::from_secs(2);
    let mut open = |datagram: &[u8]| {
        receiver.open(later, sender_at(), &mut datagram.to_vec()).map(|text| text.to_vec())
    };
    assert_eq!(open(&late), Err(DropReason::Replayed));
    assert_eq!(open(&early), Err(DropReason::Replayed), "its window is gone");
    let next = forward(&mut sender, b"next");
    assert_eq!(open(&next).unwrap(), b"next");
    assert_eq!(open(&next), Err(DropReason::Replayed));
}

#[test]
fn receivers_beyond_the_table_are_refused_until_others_were_silent_for_ten_minutes() {
    let mut sender = sender();
    let hello = forward(&mut sender, b"hello");
    let mut receiver = receiver();
    open(&mut receiver, &hello).unwrap();
    let mut now = NOW;
    let mut hear = |number: u32, now: Timestamp| {
        let mut run = [0xff; 12];
        run[..4].copy_from_slice(&number.to_be_bytes());
        receiver.set_run(RunId(run));
        let mut nack = feedback(&mut receiver, b"nack");
        sender.open(now, receiver_at(9), &mut nack).map(|_| ())
    };
    for number in 0..16_384 {
        now += Duration::from_millis(10);
        assert_eq!(hear(number, now), Ok(()), "{number}");
    }
    now += Duration::from_millis(10);
    assert_eq!(hear(16_384, now), Err(DropReason::NoRoom));
    now = NOW + Duration::from_secs(611);
    assert_eq!(hear(16_385, now), Ok(()), "the first ones are forgotten");
}
