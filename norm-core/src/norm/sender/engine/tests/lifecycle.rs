//! When a session begins and ends.

use super::*;

#[test]
fn receiver_that_left_before_the_start_is_not_counted() {
    let mut config = config();
    config.min_receivers = 2;
    let mut sender = Sender::new(config, 5, START).unwrap();
    announce(&mut sender, START, 2);
    let later = START + Duration::from_secs(60);
    announce(&mut sender, later, 3);
    sender.handle_timeout(later);
    let started = |sender: &mut Sender| {
        core::iter::from_fn(|| sender.poll_event()).any(|e| e == SenderEvent::Started)
    };
    assert!(!started(&mut sender), "the first has been silent for a minute");
    announce(&mut sender, later, 2);
    assert!(started(&mut sender));
}

#[test]
fn receiver_that_repeats_its_leave_does_not_come_back() {
    let mut sender = Sender::new(SenderConfig { min_receivers: 2, ..config() }, 5, START).unwrap();
    announce(&mut sender, START, 2);
    for _ in 0..3 {
        report(&mut sender, START, 2, MemberState::Leaving);
    }
    let mut events = Vec::new();
    events.extend(core::iter::from_fn(|| sender.poll_event()));
    let told = |wanted: fn(&SenderEvent) -> bool| events.iter().filter(|e| wanted(e)).count();
    assert_eq!(told(|e| matches!(e, SenderEvent::ReceiverFound { .. })), 1, "{events:?}");
    assert_eq!(told(|e| matches!(e, SenderEvent::ReceiverFailed { .. })), 1, "{events:?}");
    announce(&mut sender, START, 2);
    assert!(matches!(sender.poll_event(), Some(SenderEvent::ReceiverFound { .. })), "it is back");
}

#[test]
fn receiver_silent_before_the_start_is_not_waited_for() {
    let mut sender = Sender::new(SenderConfig { min_receivers: 2, ..config() }, 5, START).unwrap();
    announce(&mut sender, START, 2);
    let later = START + Duration::from_secs(9);
    announce(&mut sender, later, 3);
    sender.handle_timeout(later);
    assert!(sender.lifecycle.is_gathering(), "one of the two is gone");
    announce(&mut sender, later, 4);
    sender.handle_timeout(later);
    assert!(!sender.lifecycle.is_gathering());
    let nodes: Vec<u32> = sender.members().map(|(node, _)| node.0).collect();
    assert_eq!(nodes, [3, 4]);
}

#[test]
fn group_is_counted_when_all_expected_receivers_are_there() {
    let config = SenderConfig { min_receivers: 2, ..config() };
    let mut sender = Sender::new(config, 5, START).unwrap();
    announce(&mut sender, START, 2);
    assert_eq!((sender.group().size, sender.group().backoff), (50, 4), "there may be many more");
    announce(&mut sender, START, 3);
    assert_eq!((sender.group().size, sender.group().backoff), (2, 1));
}

#[test]
fn session_closes_when_every_receiver_has_failed() {
    let mut slow = config();
    slow.rate = Some(8_000);
    let mut sender = Sender::new(slow, 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 100_000, info: None, file: true }).unwrap();
    sender.finish();
    let mut now = START;
    let mut events = Vec::new();
    let mut run = |sender: &mut Sender, tenths: u32| {
        for _ in 0..tenths {
            now += MS * 100;
            sender.handle_timeout(now);
            drain(sender, now);
        }
        events.extend(core::iter::from_fn(|| sender.poll_event()));
        events.iter().filter(|event| **event == SenderEvent::Abandoned).count()
    };
    report(&mut sender, START, 2, MemberState::Failed);
    assert_eq!(run(&mut sender, 8), 0);
    report(&mut sender, START + MS * 800, 3, MemberState::Joined);
    assert_eq!(run(&mut sender, 30), 0, "a receiver is there");
    report(&mut sender, START + MS * 3_800, 3, MemberState::Failed);
    assert_eq!(run(&mut sender, 9), 0, "one that starts again may be back in a moment");
    // The guess of half a second stands for want of a measured round trip.
    assert_eq!(run(&mut sender, 45), 1, "four round trips were long enough");
    run(&mut sender, 5);
    assert!(sender.is_finished());
    assert!(sender.progress().0 < 10_000, "{:?}", sender.progress());
}

/// EOTs after an abort, of which the first leaves before anything else is done.
fn eots(sender: &mut Sender) -> usize {
    let eot = |c: &Command<'_>| matches!(c, Command::Eot(_)).then_some(());
    let mut now = START;
    sender.abort(now);
    let mut eots = 0;
    for _ in 0..20 {
        eots += commands(&drain(sender, now), eot).len();
        now += MS * 100;
        sender.handle_timeout(now);
    }
    eots
}

#[test]
fn eot_is_repeated_more_often_where_packets_are_lost() {
    let (mut sender, _) = sent(config(), &[640]);
    report_loss(&mut sender, START, 2, MemberState::Receiving, 5_000);
    assert_eq!(eots(&mut sender), 8);
}

#[test]
fn aborted_session_sends_three_eots_and_stops() {
    let (mut sender, _) = sent(config(), &[640]);
    assert_eq!(eots(&mut sender), 3);
    assert!(sender.is_finished());
    assert_eq!(sender.poll_timeout(), None);
}

#[test]
fn timeout_reason_names_the_timer_of_the_timeout() {
    let (mut sender, _) = sent(config(), &[640]);
    let reason = |sender: &Sender| {
        let (at, reason) = sender.timeout_reason().unwrap();
        assert_eq!(sender.poll_timeout(), Some(at));
        reason
    };
    assert_eq!(reason(&sender), TimeoutReason::Probe);
    sender.abort(START);
    assert_eq!(reason(&sender), TimeoutReason::Pacing, "there is something to send");
    drain(&mut sender, START);
    assert_eq!(reason(&sender), TimeoutReason::Eot);
}

#[test]
fn after_the_longest_wait_one_receiver_is_enough() {
    let second = Duration::from_secs(1);
    let mut config = SenderConfig { min_receivers: 3, ..config() };
    config.start.max_wait = Some(second * 20);
    let mut sender = Sender::new(config.clone(), 5, START).unwrap();
    announce(&mut sender, START + second * 19, 2);
    sender.handle_timeout(START + second * 19);
    assert!(sender.lifecycle.is_gathering(), "two may still come");
    sender.handle_timeout(START + second * 20);
    assert!(!sender.lifecycle.is_gathering());

    let mut sender = Sender::new(config, 5, START).unwrap();
    sender.handle_timeout(START + second * 60);
    assert!(sender.lifecycle.is_gathering(), "there is none");
    announce(&mut sender, START + second * 61, 2);
    sender.handle_timeout(START + second * 61);
    assert!(!sender.lifecycle.is_gathering());
}

#[test]
fn notices_are_repeated_until_the_session_ends() {
    let (mut sender, _) = sent(config(), &[640]);
    announce(&mut sender, START, 2);
    let notices = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    sender.announce(notices, START).unwrap();
    let packets = run(&mut sender, START, SECOND * 5);
    let heard = |notice: &[u8]| {
        let is_it = |packet: &&Vec<u8>| match Message::parse(packet).unwrap().1 {
            Message::Cmd(Cmd { command: Command::Application(application), .. }) => {
                application.content == notice
            }
            _ => false,
        };
        packets.iter().filter(is_it).count()
    };
    assert_eq!((heard(b"one"), heard(b"two")), (5, 5), "one a second, also soon with this GRTT");
    let long = Bytes::from(vec![0; 65]);
    assert_eq!(sender.announce(vec![long], START), Err(ConfigError::CommandTooLong));
}
