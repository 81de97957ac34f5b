//! Receivers with keys that prove what they say.

use core::num::NonZeroU64;

use super::*;
use crate::endpoint::ReceiverKey;
use crate::norm::sender::FeedbackFrom;
use crate::norm::wire::{ACK_FLUSH, AckFlush, MembershipQuery};
use crate::transfer::{IgnoredReason, Outbound, RosterLine};

/// What a receiver with this key has proved.
fn key(number: u64) -> Proof {
    Proof::Receiver(ReceiverKey(NonZeroU64::new(number).unwrap()))
}

/// Settings with a roster of `lab-2`, which has the key with the number 2.
fn expecting() -> SenderConfig {
    let key = NonZeroU64::new(2).map(ReceiverKey);
    let line = ("lab-2".to_owned(), RosterLine { address: None, key });
    SenderConfig { feedback: FeedbackFrom::Roster([line].into_iter().collect()), ..config() }
}

/// Node 2, with its identity, is in this state.
fn report_as(sender: &mut Sender, (node, proof): (u32, Proof), state: MemberState) {
    let mut content = Vec::new();
    let report = MemberReport {
        sender: NodeId(1),
        instance: sender.instance(),
        round: 1,
        grtt_response: WireTime::ZERO,
        identity: Identity([2; 16]),
        state,
        bytes_done: 0,
        bytes_total: 0,
        loss: 0,
        drops: 0,
        ce_marked: 0,
        largest_heard: 0,
        name: "lab-2",
        reason: "",
    };
    report.emit(&mut content);
    let message = Message::Report(Report { extensions: Extensions::EMPTY, content: &content });
    feed_proved(sender, START + MS, (node, proof), &message);
}

/// Node 2 confirms the last symbol of one object of 640 bytes.
fn confirm(sender: &mut Sender, proof: Proof) {
    let mut payload = Vec::new();
    let RepairItem { fec_id, object, payload_id } = item(0, 1, 4);
    AckFlush { fec_id, reserved: 0, object, payload_id }.emit(&mut payload);
    let message = Message::Ack(ack(sender, ACK_FLUSH, &payload));
    feed_proved(sender, START + MS, (2, proof), &message);
}

fn listed(sender: &Sender) -> Vec<(u32, MemberStatus, bool)> {
    let proved: Vec<bool> = sender.receivers().map(|receiver| receiver.key.is_some()).collect();
    let members = sender.members().map(|(node, member)| (node.0, member.status));
    members.zip(proved).map(|((node, status), proved)| (node, status, proved)).collect()
}

#[test]
fn line_with_a_key_is_for_what_is_proved_of_that_key_alone() {
    let (mut sender, _) = sent(expecting(), &[640]);
    for proof in [Proof::None, Proof::Group, key(3)] {
        report_as(&mut sender, (2, proof), MemberState::Joined);
        confirm(&mut sender, proof);
    }
    let reasons = std::iter::from_fn(|| sender.poll_event()).filter_map(|event| match event {
        SenderEvent::ReceiverIgnored { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), [IgnoredReason::NotProved; 2], "once for each peer");
    assert_eq!(listed(&sender), []);
    report_as(&mut sender, (2, key(2)), MemberState::Joined);
    confirm(&mut sender, Proof::Group);
    confirm(&mut sender, key(3));
    assert_eq!(listed(&sender), [(2, MemberStatus::Active, true)]);
    assert_eq!(Sender::absent(&sender).count(), 0);
    confirm(&mut sender, key(2));
    assert_eq!(listed(&sender), [(2, MemberStatus::Confirmed, true)]);
}

#[test]
fn members_change_nothing_of_a_receiver_that_proves_what_it_says() {
    let (mut sender, _) = sent(config(), &[640]);
    report_as(&mut sender, (2, key(2)), MemberState::Joined);
    for proof in [Proof::Group, key(3)] {
        for state in [MemberState::Failed, MemberState::Complete] {
            report_as(&mut sender, (2, proof), state);
        }
        confirm(&mut sender, proof);
        assert_eq!(listed(&sender), [(2, MemberStatus::Active, true)]);
    }
    let packets = run(&mut sender, START + MS, MS * 200);
    let is_collision = |packet: &Vec<u8>| match Message::parse(packet) {
        Ok((_, Message::Cmd(Cmd { command: Command::Application(content), .. }))) => matches!(
            MembershipQuery::parse(content.content),
            Some(MembershipQuery::Collision { .. })
        ),
        _ => false,
    };
    assert!(!packets.iter().any(is_collision), "it keeps its node id");
    confirm(&mut sender, key(2));
    assert_eq!(listed(&sender), [(2, MemberStatus::Confirmed, true)]);
}

#[test]
fn one_identity_with_two_keys_is_two_receivers() {
    let (mut sender, _) = sent(config(), &[640]);
    report_as(&mut sender, (2, key(2)), MemberState::Joined);
    report_as(&mut sender, (3, key(3)), MemberState::Joined);
    report_as(&mut sender, (4, Proof::Group), MemberState::Failed);
    let all = listed(&sender);
    assert_eq!(all[..2], [(2, MemberStatus::Active, true), (3, MemberStatus::Active, true)]);
    assert!(all[2..].iter().all(|(_, _, proved)| !proved));
}
