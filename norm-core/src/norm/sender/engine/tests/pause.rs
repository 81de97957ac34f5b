//! What a sender does in a pause, and what bounds its rate.

use super::*;
use crate::norm::sender::RateControl;
use crate::norm::wire::Watch;

/// A sender of 100,000 bytes at 80 kbit/s, and what it sends until `to`.
fn slow(change: impl Fn(&mut SenderConfig)) -> Sender {
    let mut config = SenderConfig { rate: Some(80_000), ..config() };
    change(&mut config);
    let mut sender = Sender::new(config, 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 100_000, info: None, file: true }).unwrap();
    sender.finish();
    sender
}

fn bytes(packets: &[Vec<u8>]) -> usize {
    packets.iter().map(|packet| packet.len() + 28).sum()
}

/// What a probe says to native receivers.
fn watch(packet: &[u8]) -> Option<Watch> {
    match Message::parse(packet).unwrap().1 {
        Message::Cmd(Cmd { command: Command::Cc(_), extensions, .. }) => extensions.watch(),
        other => panic!("more than a probe: {other:?}"),
    }
}

#[test]
fn pause_sends_small_probes_only_then_content_goes_on() {
    for control in [RateControl::Fixed, RateControl::Delivery, RateControl::Fair] {
        let mut sender = slow(|config| config.control = control);
        run(&mut sender, START, SECOND);
        let mut now = START + SECOND;
        sender.set_rate_limit(Some(0), now);
        let packets = run(&mut sender, now, SECOND * 3600);
        assert!((1800..=1802).contains(&packets.len()), "{control:?}: {}", packets.len());
        for packet in &packets {
            assert!(packet.len() <= 40 && watch(packet).is_some_and(|watch| watch.paused));
        }
        now += SECOND * 3600;
        let before = sender.progress().0;
        sender.set_rate_limit(None, now);
        let packets = run(&mut sender, now, SECOND * 2);
        let first = watch(&packets[0]);
        assert!(first.is_none_or(|watch| !watch.paused), "{first:?}");
        assert!(sender.progress().0 > before + 4_000, "{control:?}: it goes on");
        let sent = bytes(&packets);
        assert!(sent < 21_000, "{control:?}: as fast as before: {sent}");
    }
}

#[test]
fn receiver_is_not_given_up_for_the_silence_of_a_pause() {
    let (mut sender, _) = sent(config(), &[1000]);
    announce(&mut sender, START, 7);
    let pause = START + SECOND;
    sender.set_rate_limit(Some(0), pause);
    run(&mut sender, pause, SECOND * 600);
    let active = |sender: &Sender| {
        let mut members = sender.members();
        members.next().is_some_and(|(_, member)| member.status == MemberStatus::Active)
    };
    assert!(active(&sender));
    let resumed = pause + SECOND * 600;
    sender.set_rate_limit(None, resumed);
    run(&mut sender, resumed, SECOND * 5);
    assert!(active(&sender), "it has had no time to answer");
    run(&mut sender, resumed + SECOND * 5, SECOND * 60);
    assert!(!active(&sender), "it says nothing");
}

#[test]
fn wait_for_receivers_does_not_end_in_a_pause() {
    let mut sender = slow(|config| {
        config.min_receivers = 1;
        config.start.timeout = Some(SECOND * 10);
    });
    sender.set_rate_limit(Some(0), START);
    run(&mut sender, START, SECOND * 100);
    let resumed = START + SECOND * 100;
    sender.set_rate_limit(None, resumed);
    run(&mut sender, resumed, SECOND * 9);
    assert!(!sender.is_finished());
    run(&mut sender, resumed + SECOND * 9, SECOND * 2);
    let events: Vec<_> = core::iter::from_fn(|| sender.poll_event()).collect();
    assert!(events.contains(&SenderEvent::StartTimedOut { receivers: 0 }), "{events:?}");
}

#[test]
fn session_can_be_ended_in_a_pause() {
    let mut sender = slow(|_| {});
    run(&mut sender, START, SECOND);
    sender.set_rate_limit(Some(0), START + SECOND);
    sender.abort(START + SECOND);
    let packets = run(&mut sender, START + SECOND, SECOND);
    let eots = packets.iter().filter(|packet| {
        let message = Message::parse(packet).unwrap().1;
        matches!(message, Message::Cmd(Cmd { command: Command::Eot(_), .. }))
    });
    assert!(sender.is_finished() && eots.count() > 0);
}

#[test]
fn bound_replaces_a_fixed_rate_and_can_be_taken_away() {
    let mut sender = slow(|_| {});
    sender.set_rate_limit(Some(160_000), START);
    let sent = bytes(&run(&mut sender, START, SECOND));
    assert!((18_000..22_000).contains(&sent), "{sent}");
    sender.set_rate_limit(None, START + SECOND);
    let sent = bytes(&run(&mut sender, START + SECOND, SECOND));
    assert!((9_000..11_500).contains(&sent), "as the settings say: {sent}");
    assert_eq!(sender.rate(), Some(80_000));
}

/// A gate sends keys, and says so: what is sent in all keeps to the rate.
#[test]
fn packets_of_the_layer_around_count_against_the_rate() {
    let mut sender = slow(|_| {});
    sender.note_own_packet(START, 5_000 - sender.config.packets.overhead.bytes());
    let sent = bytes(&run(&mut sender, START, SECOND));
    assert!((4_000..6_500).contains(&sent), "{sent} beside 5,000 of the layer");
    let sent = bytes(&run(&mut sender, START + SECOND, SECOND));
    assert!((9_000..11_500).contains(&sent), "{sent}");
    // However much that is, content is not held up for ever.
    (0..1_000).for_each(|_| sender.note_own_packet(START + SECOND * 2, 1_000));
    let sent = bytes(&run(&mut sender, START + SECOND * 2, SECOND * 2));
    assert!((7_000..11_000).contains(&sent), "{sent}");
}

#[test]
fn controller_heeds_both_bounds() {
    let mut config = SenderConfig::new(NodeId(1));
    config.control = RateControl::Delivery;
    config.rate = Some(1_000_000);
    let mut sender = Sender::new(config, 5, START).unwrap();
    sender.set_rate_limit(Some(200_000), START);
    assert!(sender.rate() <= Some(200_000));
    sender.set_rate_limit(Some(5_000_000), START);
    assert!(sender.rate() <= Some(1_000_000));
}

#[test]
fn sender_that_leaves_says_so_and_nothing_else_until_it_is_ended() {
    let mut sender = slow(|_| {});
    run(&mut sender, START, SECOND);
    let left = START + SECOND;
    sender.leave(left);
    sender.set_rate_limit(None, left);
    let packets = run(&mut sender, left, SECOND * 5);
    assert!((10..=11).contains(&packets.len()), "{}", packets.len());
    assert!(packets.iter().all(|packet| watch(packet).is_some_and(|watch| watch.stopped)));
    sender.abort(left + SECOND * 5);
    let eots = commands(&run(&mut sender, left + SECOND * 5, SECOND), |command| {
        matches!(command, Command::Eot(_)).then_some(())
    });
    assert!(sender.is_finished() && !eots.is_empty());
}
