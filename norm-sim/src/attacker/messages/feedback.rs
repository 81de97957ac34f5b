//! Feedback with the node ids of others.

use core::time::Duration;

use norm_core::Rng;
use norm_core::norm::wire::{
    ACK_APPLICATION_FIRST, ACK_CC, ACK_FLUSH, Ack, AckFlush, CcFeedback, CcFlags, ExtensionBuf,
    Extensions, Header, Identity, MemberReport, MemberState, Message, Nack, NodeId, ObjectId,
    PayloadId, QuantizedLoss, QuantizedRate, QuantizedRtt, RepairFlags, RepairForm, RepairItem,
    RepairWriter, Report, Sequence, WireTime,
};

use crate::attacker::choice::{below, choose, identity, node, one_of};
use crate::attacker::listener::{Listener, Sender};
use crate::scenario::Attack;

/// Maximum number of items in a forged request.
const MAX_ITEMS: u64 = 64;

/// A packet to this sender.
pub(in crate::attacker) fn build(
    attack: &Attack,
    sender: &Sender,
    listener: &Listener,
    rng: &mut Rng,
) -> Vec<u8> {
    match attack {
        Attack::WholeObject => {
            let requests = whole_objects(sender, rng);
            nack(node(listener, rng), sender, sender.probe, Extensions::EMPTY, &requests)
        }
        Attack::FalseReports => false_report(node(listener, rng), sender, listener, rng),
        Attack::FalseAcks => {
            let extensions = Extensions::EMPTY;
            ack(node(listener, rng), ack_type(rng), sender, sender.probe, extensions, rng)
        }
        Attack::FalseRoundTrip => {
            let (source, echo) = (node(listener, rng), old_echo(sender, rng));
            if rng.chance(0.5) {
                return ack(source, ACK_CC, sender, echo, Extensions::EMPTY, rng);
            }
            nack(source, sender, echo, Extensions::EMPTY, &few_blocks(sender, rng))
        }
        Attack::ForgedClr => {
            let (source, mut extensions) = (node(listener, rng), ExtensionBuf::new());
            extensions.push_cc(&extreme_state(sender, rng));
            let extensions = extensions.as_extensions();
            if rng.chance(0.5) {
                return ack(source, ACK_CC, sender, sender.probe, extensions, rng);
            }
            nack(source, sender, sender.probe, extensions, &few_blocks(sender, rng))
        }
        Attack::Collisions => {
            let known = choose(&listener.members, rng).map(|member| member.node);
            let taken = known.filter(|_| rng.chance(0.7)).unwrap_or(sender.node);
            match rng.below(3) {
                0 => nack(taken, sender, sender.probe, Extensions::EMPTY, &few_blocks(sender, rng)),
                1 => report(taken, sender, MemberState::Receiving, sender.probe, rng),
                _ => ack(taken, ACK_CC, sender, sender.probe, Extensions::EMPTY, rng),
            }
        }
        // The flood of NACKs, for all other attacks.
        _ => {
            let requests = few_blocks(sender, rng);
            nack(node(listener, rng), sender, sender.probe, Extensions::EMPTY, &requests)
        }
    }
}

fn emit(source: NodeId, message: &Message<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.encoded_len());
    message.emit(Header { sequence: Sequence(0), source }, &mut bytes);
    bytes
}

fn nack(
    source: NodeId,
    sender: &Sender,
    grtt_response: WireTime,
    extensions: Extensions<'_>,
    requests: &RepairWriter,
) -> Vec<u8> {
    let nack = Nack {
        sender: sender.node,
        instance: sender.fields.instance,
        reserved: 0,
        grtt_response,
        extensions,
        requests: requests.as_requests(),
    };
    emit(source, &Message::Nack(nack))
}

pub(super) fn ack(
    source: NodeId,
    ack_type: u8,
    sender: &Sender,
    grtt_response: WireTime,
    extensions: Extensions<'_>,
    rng: &mut Rng,
) -> Vec<u8> {
    let mut payload = Vec::new();
    if ack_type == ACK_FLUSH {
        let payload_id = sender.place.encode(sender.format());
        let (fec_id, object) = (sender.fec_id, sender.object);
        AckFlush { fec_id, reserved: 0, object, payload_id }.emit(&mut payload);
    }
    let ack = Ack {
        sender: sender.node,
        instance: sender.fields.instance,
        ack_type,
        ack_id: if ack_type == ACK_APPLICATION_FIRST { rng.below(4) as u8 } else { 0 },
        grtt_response,
        extensions,
        payload: &payload,
    };
    emit(source, &Message::Ack(ack))
}

fn ack_type(rng: &mut Rng) -> u8 {
    one_of([ACK_FLUSH, ACK_FLUSH, ACK_FLUSH, ACK_CC, ACK_APPLICATION_FIRST], rng)
}

/// A report of a receiver that does not exist, or a worse state of one that does.
fn false_report(source: NodeId, sender: &Sender, listener: &Listener, rng: &mut Rng) -> Vec<u8> {
    let state = one_of(
        [
            MemberState::Joined,
            MemberState::Receiving,
            MemberState::Complete,
            MemberState::Failed,
            MemberState::Leaving,
        ],
        rng,
    );
    let echo = if rng.chance(0.3) { old_echo(sender, rng) } else { sender.probe };
    let copied =
        choose(&listener.members, rng).filter(|_| rng.chance(0.5)).and_then(|m| m.identity);
    let Some(identity) = copied else { return report(source, sender, state, echo, rng) };
    report_of(source, sender, identity, state, echo, rng)
}

fn report(
    source: NodeId,
    sender: &Sender,
    state: MemberState,
    echo: WireTime,
    rng: &mut Rng,
) -> Vec<u8> {
    let identity = identity(rng);
    report_of(source, sender, identity, state, echo, rng)
}

pub(super) fn report_of(
    source: NodeId,
    sender: &Sender,
    identity: Identity,
    state: MemberState,
    grtt_response: WireTime,
    rng: &mut Rng,
) -> Vec<u8> {
    let report = MemberReport {
        sender: sender.node,
        instance: sender.fields.instance,
        round: sender.round,
        grtt_response,
        identity,
        state,
        bytes_done: rng.next_u64(),
        bytes_total: rng.next_u64(),
        loss: rng.next_u32() as u16,
        drops: rng.next_u32(),
        ce_marked: u32::from(sender.round),
        largest_heard: sender.round.wrapping_mul(97),
        name: "\u{1b}[31mattacker\n",
        reason: "\u{0}because",
    };
    let mut content = Vec::new();
    report.emit(&mut content);
    emit(source, &Message::Report(Report { extensions: Extensions::EMPTY, content: &content }))
}

/// An echo of a CMD(CC) of long ago, of the future, or of time zero.
fn old_echo(sender: &Sender, rng: &mut Rng) -> WireTime {
    let probe = Duration::from_nanos(sender.probe.to_nanos());
    let away = Duration::from_millis(rng.below(60_000));
    let sane = |time: Duration| WireTime::from_nanos(time.as_nanos() as u64);
    match rng.below(4) {
        0 => sane(probe + away),
        1 => WireTime { sec: u32::MAX, usec: u32::MAX },
        2 => WireTime { sec: 0, usec: 1 },
        _ => sane(probe.saturating_sub(away)),
    }
}

fn extreme_state(sender: &Sender, rng: &mut Rng) -> CcFeedback {
    let rates = [
        QuantizedRate::ZERO,
        QuantizedRate::from_bytes_per_second(1.0),
        QuantizedRate::MAX,
        QuantizedRate(rng.next_u32() as u16),
    ];
    let ahead = one_of([0, 1, 1000], rng);
    CcFeedback {
        cc_sequence: sender.cc_sequence.wrapping_add(ahead),
        flags: CcFlags(rng.next_u32() as u8),
        rtt: one_of([QuantizedRtt::MIN, QuantizedRtt::MAX, QuantizedRtt(128)], rng),
        loss: QuantizedLoss::from_fraction(one_of([0.0, 1e-9, 0.5, 1.0], rng)),
        rate: one_of(rates, rng),
    }
}

/// Requests for whole objects, up to the current one.
fn whole_objects(sender: &Sender, rng: &mut Rng) -> RepairWriter {
    let flags = RepairFlags::OBJECT.with(one_of([RepairFlags::NONE, RepairFlags::INFO], rng));
    let mut requests = RepairWriter::new(1400);
    let span = one_of([0, 1, 100, u16::MAX / 2], rng);
    let first = ObjectId(sender.object.0.wrapping_sub(span));
    requests.push_range(flags, item(sender, first, 0, 0), item(sender, sender.object, 0, 0));
    requests
}

/// Requests for random blocks and symbols of the current object, in all forms.
pub(super) fn few_blocks(sender: &Sender, rng: &mut Rng) -> RepairWriter {
    let mut requests = RepairWriter::new(1400);
    let near = u64::from(sender.place.block) + 2;
    let bound = if rng.chance(0.8) { near } else { u64::from(sender.format().max_block()) + 1 };
    let flags = RepairFlags(one_of([1, 1, 2, 4, 3, 0, 0xff], rng));
    for _ in 0..=rng.below(MAX_ITEMS) {
        let (block, symbol) = (rng.below(bound) as u32, below(rng, 1 << 10) as u32);
        let object = sender.object;
        let at = item(sender, object, block, symbol);
        match rng.below(3) {
            0 => requests.push_item(RepairForm::Items, flags, at),
            1 => requests.push_item(RepairForm::Erasures, flags, at),
            _ => {
                let last = block.saturating_add(rng.below(300) as u32);
                let last = item(sender, object, last.min(sender.format().max_block()), symbol);
                requests.push_range(flags, at, last)
            }
        };
    }
    requests
}

pub(super) fn item(sender: &Sender, object: ObjectId, block: u32, symbol: u32) -> RepairItem {
    let payload_id = PayloadId { block, block_len: 0, symbol }.encode(sender.format());
    RepairItem { fec_id: sender.fec_id, object, payload_id }
}
