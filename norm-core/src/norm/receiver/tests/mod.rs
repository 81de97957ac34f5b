//! The engine with a sender whose messages are made by hand.

mod congestion;
mod feedback;
mod identity;
mod moves;
mod objects;
mod requests;
mod sizes;
mod trust;
mod withdrawals;

use core::net::SocketAddr;
use core::time::Duration;

use crate::base::Timestamp;
use crate::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Destination, Endpoint, Proof, SenderId, SymbolStore,
    TransmitBuf,
};
use crate::norm::wire::{
    Cc, CcNodes, Cmd, Command, ExtensionBuf, FecId, Flush, Header, Identity, InstanceId, Message,
    NodeId, NodeList, ObjectId, PayloadFormat, PayloadId, QuantizedGroupSize, QuantizedRate,
    QuantizedRtt, RepairFlags, SenderFields, Sequence, WireTime,
};

use super::config::{Feedback, ReceiverConfig};
use super::engine::Receiver;
use super::sender_state::SenderState;

const START: Timestamp = Timestamp::from_nanos(1_000_000_000);

const SECOND: Duration = Duration::from_secs(1);

/// The first sender that a receiver hears.
const SENDER_ID: SenderId = SenderId(0);

/// Keeps nothing.
#[derive(Debug)]
struct NoStore;

impl SymbolStore for NoStore {
    fn put(&mut self, _: BlockSlot, _: &BlockGeometry, _: u32, _: &[u8]) -> bool {
        false
    }

    fn room(&mut self) -> u64 {
        0
    }

    fn discard(&mut self, _: BlockSlot) {}
}

fn receiver() -> Receiver<NoStore> {
    Receiver::new(ReceiverConfig::new(Identity([3; 16])), NoStore, 1)
}

fn sender() -> SenderFields {
    SenderFields {
        instance: InstanceId(9),
        grtt: QuantizedRtt::from_duration(Duration::from_millis(10)),
        backoff: 4,
        group_size: QuantizedGroupSize::from_count(10),
    }
}

fn say<S: SymbolStore>(receiver: &mut Receiver<S>, now: Timestamp, message: &Message<'_>) {
    say_as(receiver, now, NodeId(1), message);
}

/// The message of a node, each at an address of its own.
fn say_as<S: SymbolStore>(
    receiver: &mut Receiver<S>,
    now: Timestamp,
    node: NodeId,
    message: &Message<'_>,
) {
    let mut bytes = Vec::new();
    message.emit(Header { sequence: Sequence(0), source: node }, &mut bytes);
    let source = SocketAddr::from(([10, 0, 0, node.0 as u8], 5740));
    receiver.handle_datagram(
        now,
        Datagram {
            source,
            to_group: true,
            ce: false,
            waited: Duration::ZERO,
            proof: Proof::None,
            payload: &mut bytes,
        },
    );
}

fn hear(receiver: &mut Receiver<NoStore>, now: Timestamp, command: Command<'_>, rate: bool) {
    let mut extensions = ExtensionBuf::new();
    if rate {
        extensions.push_rate(QuantizedRate::from_bytes_per_second(1e6));
    }
    let extensions = extensions.as_extensions();
    say(receiver, now, &Message::Cmd(Cmd { sender: sender(), extensions, command }));
}

fn probe() -> Command<'static> {
    let send_time = WireTime::from_nanos(5_000_000_000);
    Command::Cc(Cc { reserved: 0, cc_sequence: 1, send_time, nodes: CcNodes::EMPTY })
}

/// A FLUSH of an object whose last symbol is this one.
fn flush(fec_id: FecId, object: u16, block: u32, symbol: u32) -> Command<'static> {
    let format = PayloadFormat::for_fec(fec_id).unwrap();
    let payload_id = PayloadId { block, block_len: 0, symbol }.encode(format);
    Command::Flush(Flush { fec_id, object: ObjectId(object), payload_id, acking: NodeList::EMPTY })
}

/// All that is due by `now` and sent.
fn spoken(receiver: &mut Receiver<NoStore>, now: Timestamp) -> Vec<Vec<u8>> {
    receiver.handle_timeout(now);
    let mut out = TransmitBuf::new(4);
    let mut all = Vec::new();
    while receiver.poll_transmit(now, &mut out).is_some() {
        all.push(out.as_bytes().to_vec());
    }
    all
}

/// What the NACKs that are due by `now` ask for: flags and object of every item.
fn requests(receiver: &mut Receiver<NoStore>, now: Timestamp) -> Vec<(RepairFlags, u16)> {
    receiver.handle_timeout(now);
    let mut out = TransmitBuf::new(4);
    let mut found = Vec::new();
    while receiver.poll_transmit(now, &mut out).is_some() {
        if let (_, Message::Nack(nack)) = Message::parse(out.as_bytes()).unwrap() {
            for request in nack.requests.iter() {
                found.extend(request.items.iter().map(|item| (request.flags, item.object.0)));
            }
        }
    }
    found
}

/// The state of the first sender.
fn state<S>(receiver: &mut Receiver<S>) -> &mut SenderState {
    receiver.senders().get_mut(SENDER_ID).unwrap()
}

/// The key of an object of the first sender.
fn key<S>(receiver: &mut Receiver<S>, object: u16) -> u64 {
    state(receiver).timeline.key_of(ObjectId(object))
}
