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
    let mut open = |datagram: &[u8]| open_at(&mut receiver, later, sender_at(), datagram);
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

/// Feedback of a run that fell silent long ago, while there is room for others.
#[test]
fn feedback_does_not_open_again_after_ten_minutes_of_silence() {
    let (mut sender, mut receiver) = pair();
    let recorded = feedback(&mut receiver, b"nack");
    assert!(open_from(&mut sender, receiver_at(9), &recorded).is_ok());
    let mut other = guard_of(Role::Receiver, 102);
    open(&mut other, &forward(&mut sender, b"text")).unwrap();
    let later = NOW + Duration::from_secs(3_600);
    let nack = feedback(&mut other, b"nack");
    assert!(open_at(&mut sender, later, receiver_at(8), &nack).is_ok());
    let again = open_at(&mut sender, later, receiver_at(9), &recorded);
    assert_eq!(again, Err(DropReason::Replayed));
}

/// Of runs that had to make room the counters are known, of as many as may be.
#[test]
fn runs_that_made_room_are_known_until_too_many_others_have() {
    let (mut receiver, mut now) = (receiver(), NOW);
    let mut hear = |number: u16| {
        now += Duration::from_millis(1);
        let mut run = [0xee; 12];
        run[..2].copy_from_slice(&number.to_be_bytes());
        let mut sender =
            Guard::new(Role::Sender, keys(), Suite::default(), group(6003), RunId(run));
        let source = SocketAddr::from(([10, 0, number.to_be_bytes()[0], number as u8], 5740));
        receiver.open(now, source, &mut forward(&mut sender, b"text")).map(|_| ())
    };
    // 64 have a window, and 4,096 have made room.
    for number in 0..64 + 4_096 {
        assert_eq!(hear(number), Ok(()), "{number}");
    }
    for number in [0, 1, 4_095, 4_096, 4_159] {
        assert_eq!(hear(number), Err(DropReason::Replayed), "{number}");
    }
    assert_eq!(hear(5_000), Ok(()));
    assert_eq!(hear(1), Err(DropReason::Replayed));
    assert_eq!(hear(0), Ok(()), "the one that was silent for longest");
}

/// Where packets are sent again from.
const ELSEWHERE: SocketAddr =
    SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 66)), 5740);

#[test]
fn packets_sent_again_from_elsewhere_neither_use_a_counter_up_nor_divert_feedback() {
    let (mut sender, mut receiver) = pair();
    for n in 0..10_000_u32 {
        let now = NOW + Duration::from_millis(n.into());
        let sealed = forward(&mut sender, &n.to_be_bytes());
        // The copy is faster.
        let copy = open_at(&mut receiver, now, ELSEWHERE, &sealed);
        assert_eq!(copy, Err(DropReason::Elsewhere), "{n}");
        assert!(receiver.open(now, sender_at(), &mut sealed.clone()).is_ok(), "{n}");
        let again = open_at(&mut receiver, now, ELSEWHERE, &sealed);
        assert_eq!(again, Err(DropReason::Replayed), "{n}");
        assert!(!receiver.seal(Some(ELSEWHERE), &mut room_for(b"nack")), "{n}");
    }
    assert_eq!(receiver.counters().dropped(DropReason::Elsewhere), 10_000);
    assert!(!receiver.wants_run() && receiver.counters().redraws == 0);
    let nack = feedback(&mut receiver, b"nack");
    assert_eq!(open_from(&mut sender, receiver_at(9), &nack).unwrap(), b"nack");
}

#[test]
fn sender_that_moved_is_heard_after_two_seconds_or_when_nothing_comes_from_where_it_was() {
    let (mut sender, mut receiver) = pair();
    let mut hear = |receiver: &mut Guard, after: u64| {
        let mut sealed = forward(&mut sender, b"text");
        receiver.open(NOW + Duration::from_millis(after), ELSEWHERE, &mut sealed).is_ok()
    };
    // It sends little.
    assert!(!hear(&mut receiver, 0) && !hear(&mut receiver, 1_999));
    assert!(hear(&mut receiver, 2_000) && hear(&mut receiver, 2_001));
    assert!(receiver.seal(Some(ELSEWHERE), &mut room_for(b"nack")));
    // It sends much.
    let (mut sender, mut receiver) = pair();
    let sealed: Vec<Vec<u8>> = (0..300).map(|_| forward(&mut sender, b"text")).collect();
    let first =
        sealed.iter().position(|sealed| open_from(&mut receiver, ELSEWHERE, sealed).is_ok());
    assert_eq!(first, Some(255));
}

#[test]
fn few_packets_that_were_faster_do_not_keep_the_sender_out() {
    let (mut sender, mut receiver) = (sender(), receiver());
    // The first of each thousand is heard from elsewhere only: less than two seconds apart.
    let mut taken = 0;
    for n in 0..10_000_u64 {
        let mut sealed = forward(&mut sender, b"text");
        let from = if n % 1000 == 0 { ELSEWHERE } else { sender_at() };
        taken +=
            u32::from(receiver.open(NOW + Duration::from_millis(n), from, &mut sealed).is_ok());
    }
    assert_eq!(taken, 1 + 9_999 - 9 - 255);
    assert!(receiver.seal(Some(sender_at()), &mut room_for(b"nack")));
}

#[test]
fn forged_suite_does_not_lock_a_run_out_in_another_group() {
    let mut sender = guard_of(Role::Sender, 1);
    let mut receiver = receiver();
    assert!(open(&mut receiver, &forward(&mut sender, b"text")).is_ok());
    receiver.set_address(group(6004));
    sender.set_address(group(6004));
    let real = forward(&mut sender, b"text");
    let mut other =
        Guard::new(Role::Sender, keys(), Suite::ChaCha20Poly1305, group(6004), RunId([1; 12]));
    let mut forged = forward(&mut other, b"text");
    let last = forged.len() - 1;
    forged[last] ^= 1;
    forged[20..28].copy_from_slice(&real[20..28]);
    assert_eq!(open(&mut receiver, &forged), Err(DropReason::NotAuthentic));
    assert!(open(&mut receiver, &real).is_ok());
}
