//! Machines that were copied while they ran.

use std::collections::BTreeSet;

use super::*;

const ELSEWHERE: SocketAddr =
    SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 77)), 5740);

fn hear(guard: &mut Guard, now: Timestamp, datagram: &[u8]) {
    let _ = guard.open(now, ELSEWHERE, &mut datagram.to_vec());
}

/// A sender that has sealed this many packets.
fn after(packets: u32) -> Guard {
    let mut guard = sender();
    (0..packets).for_each(|_| drop(forward(&mut guard, b"before")));
    guard
}

/// Run and counter.
fn numbers(datagram: &[u8]) -> Vec<u8> {
    datagram[8..28].to_vec()
}

#[test]
fn copies_that_hear_each_other_never_use_a_counter_twice_again() {
    // Ahead, behind, equal.
    for (one, other) in [(1000, 1000), (1010, 1000), (1000, 1003), (1000, 9000), (1000, 1001)] {
        let mut guards = [after(one), after(other)];
        let mut used = BTreeSet::new();
        let mut drawn = 100;
        for round in 0..50 {
            // Both send, then each hears the other.
            let sealed: Vec<Vec<u8>> = guards
                .iter_mut()
                .zip(0..)
                .map(|(guard, number): (_, u8)| forward(guard, &[b'a' + number, round]))
                .collect();
            for datagram in &sealed {
                let is_new = used.insert(numbers(datagram));
                assert!(is_new || round == 0, "{one} and {other}, round {round}");
            }
            for (guard, heard) in guards.iter_mut().zip(sealed.iter().rev()) {
                hear(guard, NOW, heard);
                if guard.wants_run() {
                    assert!(!guard.seal(None, &mut room_for(b"text")), "nothing until then");
                    drawn += 1;
                    guard.set_run(RunId([drawn; 12]));
                }
            }
        }
        assert!(drawn > 100, "{one} and {other}");
    }
}

#[test]
fn recorded_packets_from_elsewhere_are_no_copy() {
    let mut guard = sender();
    let recorded: Vec<Vec<u8>> =
        (0..10_000_u32).map(|n| forward(&mut guard, &n.to_be_bytes())).collect();
    for datagram in recorded.iter().chain(&recorded) {
        hear(&mut guard, NOW, datagram);
    }
    assert!(!guard.wants_run());
    assert_eq!((guard.counters().redraws, guard.counters().copies), (0, 0));
    assert_eq!(guard.counters().dropped(DropReason::Own), 20_000);
}

#[test]
fn forged_packets_under_our_run_are_no_copy() {
    let mut guard = after(10);
    let mut forged = forward(&mut after(10), b"text");
    for counter in [11_u64, 100, 1 << 40] {
        forged[20..28].copy_from_slice(&counter.to_be_bytes());
        hear(&mut guard, NOW, &forged);
    }
    assert!(!guard.wants_run());
}

#[test]
fn for_copies_that_are_heard_another_run_is_drawn_at_most_once_a_minute() {
    let (mut guard, mut run) = (sender(), 1);
    for (second, redraws) in [(0, 1), (1, 1), (59, 1), (60, 2), (61, 2), (120, 3)] {
        let sealed = forward(&mut guard_of(Role::Sender, run), b"of the copy");
        hear(&mut guard, NOW + Duration::from_secs(second), &sealed);
        assert_eq!(guard.counters().redraws, redraws, "{second} s");
        if guard.wants_run() {
            run = second as u8 + 50;
            guard.set_run(RunId([run; 12]));
        }
    }
}

#[test]
fn copy_that_was_heard_within_the_minute_is_not_forgotten_when_it_is_over() {
    let mut guard = sender();
    hear(&mut guard, NOW, &forward(&mut sender(), b"of a copy"));
    guard.set_run(RunId([50; 12]));
    let sealed = forward(&mut guard_of(Role::Sender, 50), b"of its copy");
    hear(&mut guard, NOW + Duration::from_secs(30), &sealed);
    assert!(!guard.wants_run());
    hear(&mut guard, NOW + Duration::from_secs(59), b"anything");
    assert!(!guard.wants_run());
    hear(&mut guard, NOW + Duration::from_secs(60), b"anything");
    assert!(guard.wants_run());
    guard.set_run(RunId([51; 12]));
    hear(&mut guard, NOW + Duration::from_secs(200), b"anything");
    assert!(!guard.wants_run(), "once only");
}

#[test]
fn each_stop_of_the_machine_draws_another_run_however_soon() {
    // Its clock is set, and half a minute later it is copied while it is stopped.
    let mut guard = sender();
    hear(&mut guard, NOW, &forward(&mut sender(), b"of a copy"));
    for stop in 1..=2_u8 {
        guard.set_run(RunId([50 + stop; 12]));
        assert!(!guard.wants_run());
        guard.suspect_copy();
        guard.suspect_copy();
        assert!(guard.wants_run(), "stop {stop}");
        assert_eq!(guard.counters().redraws, 1 + u64::from(stop));
    }
}

#[test]
fn new_run_is_no_news_to_receivers_and_feedback_on_its_way_still_opens() {
    let (mut sender, mut receiver) = pair();
    let nack = feedback(&mut receiver, b"before");
    sender.suspect_copy();
    sender.set_run(RunId([60; 12]));
    assert_eq!(open_from(&mut sender, receiver_at(9), &nack).unwrap(), b"before");
    let sealed = forward(&mut sender, b"after");
    assert_eq!(open(&mut receiver, &sealed).unwrap(), b"after");
    let nack = feedback(&mut receiver, b"nack");
    assert_eq!(open_from(&mut sender, receiver_at(9), &nack).unwrap(), b"nack");
}

#[test]
fn copied_receiver_draws_another_run_when_it_hears_itself() {
    let (mut sender, mut receiver) = pair();
    let mut copy = self::receiver();
    let next = forward(&mut sender, b"next");
    open(&mut copy, &next).unwrap();
    drop(feedback(&mut receiver, b"one"));
    let (ours, theirs) = (feedback(&mut receiver, b"ours"), feedback(&mut copy, b"theirs"));
    hear(&mut copy, NOW, &ours);
    assert!(copy.wants_run(), "it is behind");
    hear(&mut receiver, NOW, &theirs);
    assert!(receiver.wants_run(), "the same counter, and other bytes");
}
