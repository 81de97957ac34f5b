//! Tests of the whole sender, by the messages that it takes and sends.

mod feedback;
mod flow;
mod lifecycle;
mod moves;
mod pause;
mod payload;
mod proved;
mod repair;
mod roster;
mod slowest;
mod stream;

use core::net::SocketAddr;
use core::time::Duration;

use bytes::Bytes;

use super::*;
use crate::endpoint::Proof;
use crate::fec::Scheme;
use crate::norm::sender::{MemberStatus, ObjectSpec};
use crate::norm::wire::{
    Ack, Cmd, Command, Extensions, FecId, Header, Identity, MemberReport, MemberState, Message,
    Nack, ObjectFlags, ObjectId, PayloadFormat, PayloadId, RepairFlags, RepairForm, RepairItem,
    RepairWriter, Report, WireTime,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const START: Timestamp = Timestamp::from_nanos(1_000_000_000);

fn config() -> SenderConfig {
    let mut config = SenderConfig::new(NodeId(1));
    config.segment_size = 64;
    config.block_len = 8;
    config.rate = None;
    config
}

/// A sender with these objects, all sent once.
fn sent(config: SenderConfig, sizes: &[u64]) -> (Sender, Vec<Vec<u8>>) {
    let mut sender = Sender::new(config, 5, START).unwrap();
    for &size in sizes {
        sender.enqueue(ObjectSpec { size, info: None, file: true }).unwrap();
    }
    sender.finish();
    let packets = drain(&mut sender, START);
    (sender, packets)
}

/// Runs jobs and collects packets until the sender rests.
fn drain(sender: &mut Sender, now: Timestamp) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let mut out = TransmitBuf::new(4);
    loop {
        let before = packets.len();
        while let Some(job) = sender.poll_job() {
            let done = match job {
                Job::Read(job) => {
                    let bytes = Bytes::from(vec![0x5a; job.len as usize]);
                    JobDone::Read { block: job.block, result: Ok(bytes) }
                }
                Job::Encode(job) => {
                    let len = job.count as usize * usize::from(job.symbol_size);
                    let result = Ok(Bytes::from(vec![0xa5; len]));
                    JobDone::Encode { block: job.block, first: job.first, result }
                }
                Job::Store(_) | Job::Recall(_) | Job::Prepare(_) | Job::Gather(_) => {
                    unreachable!("a sender stores nothing")
                }
            };
            sender.handle_job(now, done);
        }
        while let Some(transmit) = sender.poll_transmit(now, &mut out) {
            packets.extend(out.as_bytes().chunks(transmit.segment_size).map(<[u8]>::to_vec));
        }
        if packets.len() == before {
            return packets;
        }
    }
}

/// Serves the sender as a driver does; what leaves in a time.
fn run(sender: &mut Sender, from: Timestamp, time: Duration) -> Vec<Vec<u8>> {
    let (mut now, end) = (from, from + time);
    let mut packets = Vec::new();
    loop {
        if sender.poll_timeout().is_some_and(|at| at <= now) {
            sender.handle_timeout(now);
        }
        packets.extend(drain(sender, now));
        match sender.poll_timeout().filter(|&at| at <= end) {
            Some(at) => {
                assert!(at > now, "a driver would spin");
                now = at;
            }
            None => return packets,
        }
    }
}

fn feed(sender: &mut Sender, now: Timestamp, source: u32, message: &Message<'_>) {
    feed_proved(sender, now, (source, Proof::None), message);
}

/// The same, proved so far.
fn feed_proved(
    sender: &mut Sender,
    now: Timestamp,
    (source, proof): (u32, Proof),
    message: &Message<'_>,
) {
    let mut bytes = Vec::new();
    message.emit(Header { sequence: Sequence(0), source: NodeId(source) }, &mut bytes);
    let address = SocketAddr::from(([10, 0, 0, source as u8], 5740));
    let datagram = Datagram {
        source: address,
        to_group: true,
        ce: false,
        waited: Duration::ZERO,
        proof,
        payload: &mut bytes,
    };
    sender.handle_datagram(now, datagram);
}

fn announce(sender: &mut Sender, now: Timestamp, node: u32) {
    report(sender, now, node, MemberState::Joined);
}

fn report(sender: &mut Sender, now: Timestamp, node: u32, state: MemberState) {
    report_loss(sender, now, node, state, 0);
}

fn report_loss(sender: &mut Sender, now: Timestamp, node: u32, state: MemberState, loss: u16) {
    let mut content = Vec::new();
    let report = MemberReport {
        sender: NodeId(1),
        instance: sender.instance(),
        round: 1,
        grtt_response: WireTime::ZERO,
        identity: Identity([node as u8; 16]),
        state,
        bytes_done: 0,
        bytes_total: 0,
        loss,
        drops: 0,
        ce_marked: 0,
        largest_heard: 0,
        name: "receiver",
        reason: "",
    };
    report.emit(&mut content);
    let message = Message::Report(Report { extensions: Extensions::EMPTY, content: &content });
    feed(sender, now, node, &message);
}

fn item(object: u16, block: u32, symbol: u32) -> RepairItem {
    let payload_id =
        PayloadId { block, block_len: 0, symbol }.encode(PayloadFormat::Block8Symbol24);
    RepairItem { fec_id: FecId::RAPTORQ, object: ObjectId(object), payload_id }
}

fn nack(sender: &mut Sender, now: Timestamp, form: RepairForm, flags: RepairFlags, at: RepairItem) {
    let mut writer = RepairWriter::new(1000);
    writer.push_item(form, flags, at);
    send_nack(sender, now, 2, &writer);
}

/// A receiver's NACK with these requests.
fn send_nack(sender: &mut Sender, now: Timestamp, node: u32, requests: &RepairWriter) {
    let nack = Message::Nack(Nack {
        sender: NodeId(1),
        instance: sender.instance(),
        reserved: 0,
        grtt_response: WireTime::ZERO,
        extensions: Extensions::EMPTY,
        requests: requests.as_requests(),
    });
    feed(sender, now, node, &nack);
}

/// An acknowledgment of the sender.
fn ack<'a>(sender: &Sender, ack_type: u8, payload: &'a [u8]) -> Ack<'a> {
    Ack {
        sender: NodeId(1),
        instance: sender.instance(),
        ack_type,
        ack_id: 0,
        grtt_response: WireTime::ZERO,
        extensions: Extensions::EMPTY,
        payload,
    }
}

/// Data packets as (object, block, symbol, repair).
fn data(packets: &[Vec<u8>]) -> Vec<(u16, u32, u32, bool)> {
    packets
        .iter()
        .filter_map(|packet| match Message::parse(packet).unwrap().1 {
            Message::Data(data) => {
                let id = data.payload_id.decode(PayloadFormat::Block8Symbol24).unwrap();
                let repair = data.flags.contains(ObjectFlags::REPAIR);
                Some((data.object.0, id.block, id.symbol, repair))
            }
            _ => None,
        })
        .collect()
}

fn commands<T>(packets: &[Vec<u8>], pick: impl Fn(&Command<'_>) -> Option<T>) -> Vec<T> {
    packets
        .iter()
        .filter_map(|packet| match Message::parse(packet).unwrap().1 {
            Message::Cmd(Cmd { command, .. }) => pick(&command),
            _ => None,
        })
        .collect()
}

#[test]
fn impossible_settings_are_refused() {
    let refuse = |change: fn(&mut SenderConfig)| {
        let mut config = config();
        change(&mut config);
        Sender::new(config, 1, START).err()
    };
    assert_eq!(refuse(|c| c.node = NodeId::NONE), Some(ConfigError::ReservedNode));
    assert_eq!(refuse(|c| c.scheme = Scheme::Raptor), Some(ConfigError::Scheme));
    assert_eq!(refuse(|c| c.segment_size = 8), Some(ConfigError::SegmentSize));
    assert_eq!(refuse(|c| c.block_len = 0), Some(ConfigError::BlockLength));
    assert_eq!(refuse(|_| {}), None);
    let mut sender = Sender::new(config(), 1, START).unwrap();
    let long = Some(Bytes::from(vec![0; 65]));
    let spec = ObjectSpec { size: 1, info: long, file: false };
    assert_eq!(sender.enqueue(spec), Err(ConfigError::InfoTooLong));
    let spec = ObjectSpec { size: 255 * 8 * 64 + 1, info: None, file: false };
    assert_eq!(sender.enqueue(spec), Err(ConfigError::ObjectTooLarge));
}

#[test]
fn every_symbol_is_sent_once_in_order_then_flushed() {
    let (mut sender, packets) = sent(config(), &[64 * 10 + 1, 64]);
    let expected: Vec<_> = (0..6)
        .map(|n| (0, 0, n, false))
        .chain((0..5).map(|n| (0, 1, n, false)))
        .chain([(1, 0, 0, false)])
        .collect();
    assert_eq!(data(&packets), expected);
    assert_eq!(sender.progress(), (705, 705));
    let flushes = commands(&packets, |c| match c {
        Command::Flush(flush) => Some((flush.object.0, flush.acking.len())),
        _ => None,
    });
    assert_eq!(flushes, [(1, 0)]);
    assert!(drain(&mut sender, START).is_empty(), "nothing more until a timer");
}
