//! Sessions with a roster: feedback of receivers that are not in it changes nothing.

use core::net::IpAddr;

use super::*;
use crate::norm::sender::{FeedbackFrom, Mode};
use crate::norm::wire::{
    ACK_CC, ACK_FLUSH, AckFlush, CcFeedback, CcFlags, ExtensionBuf, QuantizedLoss, QuantizedRate,
    QuantizedRtt,
};
use crate::transfer::{IgnoredReason, Roster, RosterLine};

/// Settings with a roster of these names, the second one with the address 10.0.0.3.
fn expecting(names: &[&str]) -> SenderConfig {
    let line = |at| {
        let address = (at == 1).then(|| IpAddr::from([10, 0, 0, 3]));
        RosterLine { address, key: None }
    };
    let lines = names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), line(at)));
    SenderConfig { feedback: FeedbackFrom::Roster(lines.collect::<Roster>()), ..config() }
}

/// The receiver of this node id, at 10.0.0.`node`, reports under a name.
fn report_as(sender: &mut Sender, now: Timestamp, node: u32, name: &str, state: MemberState) {
    report_of(sender, now, (node, node as u8), name, state);
}

/// The same for a node id and an identity.
fn report_of(
    sender: &mut Sender,
    now: Timestamp,
    (node, identity): (u32, u8),
    name: &str,
    state: MemberState,
) {
    let mut content = Vec::new();
    let report = MemberReport {
        sender: NodeId(1),
        instance: sender.instance(),
        round: 1,
        grtt_response: WireTime::ZERO,
        identity: Identity([identity; 16]),
        state,
        bytes_done: 0,
        bytes_total: 0,
        loss: 60_000,
        drops: 0,
        ce_marked: 0,
        largest_heard: 0,
        name,
        reason: "",
    };
    report.emit(&mut content);
    let message = Message::Report(Report { extensions: Extensions::EMPTY, content: &content });
    feed(sender, now, node, &message);
}

fn join(sender: &mut Sender, node: u32, name: &str) {
    report_as(sender, START + MS, node, name, MemberState::Joined);
}

/// What was told of receivers that do not count: node id and reason.
fn ignored(sender: &mut Sender) -> Vec<(u32, IgnoredReason)> {
    let events = std::iter::from_fn(|| sender.poll_event());
    let ignored = events.filter_map(|event| match event {
        SenderEvent::ReceiverIgnored { node, reason, .. } => Some((node.0, reason)),
        _ => None,
    });
    ignored.collect()
}

fn listed(sender: &Sender) -> Vec<u32> {
    sender.members().map(|(node, _)| node.0).collect()
}

/// Confirms the last symbol of one object of 640 bytes.
fn confirm(sender: &mut Sender, node: u32) {
    let mut payload = Vec::new();
    let RepairItem { fec_id, object, payload_id } = item(0, 1, 4);
    AckFlush { fec_id, reserved: 0, object, payload_id }.emit(&mut payload);
    let message = Message::Ack(ack(sender, ACK_FLUSH, &payload));
    feed(sender, START + MS, node, &message);
}

/// Asks for everything.
fn ask(sender: &mut Sender, node: u32) {
    let mut writer = RepairWriter::new(1000);
    writer.push_item(RepairForm::Items, RepairFlags::OBJECT, item(0, 0, 0));
    send_nack(sender, START + MS, node, &writer);
}

#[test]
fn unlisted_receiver_is_told_once_and_nothing_that_it_says_counts() {
    let (mut sender, _) = sent(expecting(&["lab-1"]), &[640]);
    join(&mut sender, 2, "lab-1");
    drop(ignored(&mut sender));
    let before = (sender.grtt(), sender.rate());
    for _ in 0..3 {
        join(&mut sender, 9, "other");
        ask(&mut sender, 9);
        confirm(&mut sender, 9);
        report_as(&mut sender, START + MS, 9, "other", MemberState::Failed);
    }
    assert_eq!(ignored(&mut sender), [(9, IgnoredReason::NotInRoster)]);
    assert_eq!(listed(&sender), [2]);
    assert_eq!((sender.grtt(), sender.rate()), before);
    let stats = *sender.stats();
    assert_eq!((stats.unexpected, stats.nacks, stats.acks, stats.reports), (12, 0, 0, 1));
    let packets = run(&mut sender, START + MS, SECOND);
    assert_eq!(data(&packets), [], "nothing is repaired for it");
    // The same requests of a listed receiver are served.
    ask(&mut sender, 2);
    let packets = run(&mut sender, START + SECOND + MS, SECOND);
    assert!(!data(&packets).is_empty());
}

#[test]
fn unlisted_receiver_does_not_set_the_rate() {
    let rate = |node: u32| {
        let mut config = expecting(&["lab-1"]);
        config.control = crate::norm::sender::RateControl::Fair;
        config.rate = Some(8_000_000);
        let mut sender = Sender::new(config, 5, START).unwrap();
        sender.enqueue(ObjectSpec { size: 64 * 1_000, info: None, file: true }).unwrap();
        join(&mut sender, 2, "lab-1");
        join(&mut sender, 9, "other");
        run(&mut sender, START + MS, SECOND);
        let (sent_at, now) = (START + SECOND, START + SECOND + MS * 40);
        for sequence in 0..20 {
            let mut extensions = ExtensionBuf::new();
            let rtt = QuantizedRtt::from_duration(MS * 40);
            extensions.push_cc(&CcFeedback {
                cc_sequence: sequence,
                flags: CcFlags::RTT,
                rtt,
                loss: QuantizedLoss::from_fraction(0.5),
                rate: QuantizedRate::ZERO,
            });
            let ack = Ack {
                grtt_response: WireTime::from_nanos(sent_at.as_nanos()),
                extensions: extensions.as_extensions(),
                ..ack(&sender, ACK_CC, &[])
            };
            feed(&mut sender, now, node, &Message::Ack(ack));
        }
        (sender.grtt(), sender.rate())
    };
    let (listed, unlisted, silent) = (rate(2), rate(9), rate(8));
    assert_eq!(unlisted, silent, "as if it had said nothing");
    assert_ne!(listed, silent);
}

#[test]
fn receiver_is_asked_for_its_name_before_it_is_served() {
    let (mut sender, _) = sent(expecting(&["lab-1"]), &[640]);
    run(&mut sender, START, SECOND * 4);
    let now = START + SECOND * 4 + MS;
    let queries = |packets: &[Vec<u8>]| {
        commands(packets, |c| matches!(c, Command::Application(_)).then_some(())).len()
    };
    let quiet = queries(&run(&mut sender, now, MS * 150));
    let mut writer = RepairWriter::new(1000);
    writer.push_item(RepairForm::Items, RepairFlags::OBJECT, item(0, 0, 0));
    send_nack(&mut sender, now + MS * 150, 2, &writer);
    let packets = run(&mut sender, now + MS * 150, MS * 150);
    assert_eq!((quiet, queries(&packets)), (0, 1), "it may be lab-1");
    assert_eq!(data(&packets), []);
    // Once it is known not to be, it is not asked again.
    report_as(&mut sender, now + MS * 300, 2, "other", MemberState::Joined);
    send_nack(&mut sender, now + MS * 300, 2, &writer);
    assert_eq!(queries(&run(&mut sender, now + MS * 300, MS * 150)), 0);
}

#[test]
fn line_with_an_address_is_for_that_machine() {
    let mut sender = Sender::new(expecting(&["lab-1", "lab-2"]), 5, START).unwrap();
    join(&mut sender, 2, "lab-2");
    assert_eq!(ignored(&mut sender), [(2, IgnoredReason::OtherAddress)]);
    join(&mut sender, 3, "lab-2");
    assert_eq!((ignored(&mut sender), listed(&sender)), (vec![], vec![3]));
    assert_eq!(sender.absent().collect::<Vec<_>>(), ["lab-1"]);
}

#[test]
fn name_is_one_receiver_while_that_is_there() {
    let (mut sender, _) = sent(expecting(&["lab-1", "lab-2"]), &[640]);
    join(&mut sender, 2, "lab-1");
    join(&mut sender, 4, "lab-1");
    assert_eq!(
        (ignored(&mut sender), listed(&sender)),
        (vec![(4, IgnoredReason::NameTaken)], vec![2])
    );
    report_of(&mut sender, START + MS, (3, 2), "lab-2", MemberState::Joined);
    assert_eq!(ignored(&mut sender), [(3, IgnoredReason::OtherName)]);
    // It fails, and starts again with another identity.
    report_as(&mut sender, START + MS, 2, "lab-1", MemberState::Failed);
    join(&mut sender, 4, "lab-1");
    assert_eq!(listed(&sender), [4]);
    // What was confirmed stays so.
    confirm(&mut sender, 4);
    report_as(&mut sender, START + SECOND * 60, 5, "lab-1", MemberState::Joined);
    assert_eq!(listed(&sender), [4]);
    assert_eq!(sender.members().next().unwrap().1.status, MemberStatus::Confirmed);
    assert_eq!(sender.absent().collect::<Vec<_>>(), ["lab-2"]);
}

#[test]
fn content_waits_for_receivers_of_the_roster_alone() {
    let config = SenderConfig { min_receivers: 2, ..expecting(&["lab-1", "lab-2"]) };
    let mut sender = Sender::new(config, 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 640, info: None, file: true }).unwrap();
    for (node, name) in [(2, "lab-1"), (7, "lab-7"), (8, "lab-8"), (9, "")] {
        join(&mut sender, node, name);
    }
    assert_eq!(data(&run(&mut sender, START + MS, SECOND)), []);
    report_as(&mut sender, START + SECOND, 2, "lab-1", MemberState::Joined);
    report_as(&mut sender, START + SECOND, 3, "lab-2", MemberState::Joined);
    assert!(!data(&run(&mut sender, START + SECOND + MS, SECOND)).is_empty());
    assert_eq!((listed(&sender), sender.absent().count()), (vec![2, 3], 0));
}

#[test]
fn receivers_that_do_not_count_are_told_of_up_to_a_limit() {
    let mut sender = Sender::new(expecting(&["lab-1"]), 5, START).unwrap();
    let told: usize = (0..3)
        .map(|round| {
            for node in 100..5_000_u32 {
                let mut bytes = Vec::new();
                let content = content_of(&sender, node);
                let report =
                    Message::Report(Report { extensions: Extensions::EMPTY, content: &content });
                let header = Header { sequence: Sequence(0), source: NodeId(node) };
                report.emit(header, &mut bytes);
                let datagram = Datagram {
                    source: SocketAddr::from(([10, 0, 0, 9], node as u16)),
                    to_group: true,
                    ce: false,
                    waited: Duration::ZERO,
                    proof: Proof::None,
                    payload: &mut bytes,
                };
                sender.handle_datagram(START + MS * round, datagram);
            }
            ignored(&mut sender).len()
        })
        .sum();
    assert_eq!((told, sender.members().count()), (4_096, 0));
}

fn content_of(sender: &Sender, node: u32) -> Vec<u8> {
    let mut content = Vec::new();
    let report = MemberReport {
        sender: NodeId(1),
        instance: sender.instance(),
        round: 1,
        grtt_response: WireTime::ZERO,
        identity: Identity(u128::from(node).to_be_bytes()),
        state: MemberState::Joined,
        bytes_done: 0,
        bytes_total: 0,
        loss: 0,
        drops: 0,
        ce_marked: 0,
        largest_heard: 0,
        name: "x",
        reason: "",
    };
    report.emit(&mut content);
    content
}

#[test]
fn roster_needs_receivers_that_say_their_names() {
    let refused = |config| Sender::new(config, 5, START).err();
    assert_eq!(refused(expecting(&[])), Some(ConfigError::Roster));
    let standard = SenderConfig { mode: Mode::Standard, ..expecting(&["lab-1"]) };
    assert_eq!(refused(standard), Some(ConfigError::Roster));
    assert_eq!(refused(expecting(&["lab-1"])), None);
}
