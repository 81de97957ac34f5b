//! Content and commands with a sender's ids, or with those of senders that do not exist.

use norm_core::Rng;
use norm_core::norm::wire::{
    Application, Cmd, Command, Data, Eot, ExtensionBuf, Extensions, FecId, Flush, Fti, Header,
    Info, InstanceId, MembershipQuery, Message, MoveProof, NodeId, NodeList, ObjectFlags, ObjectId,
    ObjectList, ObjectSize, PayloadId, REPAIR_ADV_LIMIT, RepairAdv, Sequence, Squelch,
    encode_nodes, encode_objects,
};

use super::feedback::few_blocks;
use crate::attacker::choice::{choose, identity, node, one_of};
use crate::attacker::listener::{Listener, Sender};
use crate::scenario::Attack;

/// Longest forged symbol: that of a jumbo frame.
const MAX_SYMBOL: usize = 8900;

/// A packet with this sender's ids, or with similar ones.
pub(in crate::attacker) fn build(
    attack: &Attack,
    sender: &Sender,
    listener: &Listener,
    rng: &mut Rng,
) -> Vec<u8> {
    match attack {
        Attack::ForgedEot => command(sender, Command::Eot(Eot { reserved: [0; 3] }), rng),
        Attack::ForgedFlush => {
            let (object, place) = somewhere(sender, rng);
            let mut nodes = Vec::new();
            let listed: Vec<NodeId> = (0..rng.below(40)).map(|_| node(listener, rng)).collect();
            encode_nodes(&listed, &mut nodes);
            let acking = NodeList::from_bytes(&nodes).unwrap_or_default();
            let payload_id = place.encode(sender.format());
            let flush = Flush { fec_id: sender.fec_id, object, payload_id, acking };
            command(sender, Command::Flush(flush), rng)
        }
        Attack::ForgedSquelch => {
            let (object, place) = somewhere(sender, rng);
            let mut objects = Vec::new();
            let listed: Vec<ObjectId> =
                (0..rng.below(40) as u16).map(|n| sender.object.wrapping_add(n)).collect();
            encode_objects(&listed, &mut objects);
            let invalid = ObjectList::from_bytes(&objects).unwrap_or_default();
            let payload_id = place.encode(sender.format());
            let squelch = Squelch { fec_id: sender.fec_id, object, payload_id, invalid };
            command(sender, Command::Squelch(squelch), rng)
        }
        Attack::FalseRepairAdv => {
            let requests = few_blocks(sender, rng);
            let (flags, requests) = (one_of([0, REPAIR_ADV_LIMIT], rng), requests.as_requests());
            command(sender, Command::RepairAdv(RepairAdv { flags, reserved: 0, requests }), rng)
        }
        Attack::NewInstances => {
            let mut invented = sender.clone();
            invented.fields.instance = InstanceId(rng.next_u32() as u16);
            if rng.chance(0.5) {
                invented.node = NodeId(rng.next_u32());
            }
            if rng.chance(0.2) {
                return command(&invented, Command::Eot(Eot { reserved: [0; 3] }), rng);
            }
            data(&invented, rng)
        }
        Attack::FalseMoves => false_move(sender, rng),
        Attack::Member => info(sender, rng),
        Attack::Collisions => {
            let mut taken = sender.clone();
            taken.node = choose(&listener.members, rng).map_or(taken.node, |member| member.node);
            if rng.chance(0.5) {
                return data(&taken, rng);
            }
            // A report of a node id collision, to one receiver after another.
            let mut content = Vec::new();
            let keeper = identity(rng);
            MembershipQuery::Collision { node: node(listener, rng), keeper }.emit(&mut content);
            let application = Application { reserved: [0; 3], content: &content };
            command(sender, Command::Application(application), rng)
        }
        // Symbols, for all other attacks.
        _ => data(sender, rng),
    }
}

fn emit(sender: &Sender, message: &Message<'_>, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.encoded_len());
    let sequence = Sequence(rng.next_u32() as u16);
    message.emit(Header { sequence, source: sender.node }, &mut bytes);
    bytes
}

fn command(sender: &Sender, command: Command<'_>, rng: &mut Rng) -> Vec<u8> {
    let cmd = Cmd { sender: sender.fields, extensions: Extensions::EMPTY, command };
    emit(sender, &Message::Cmd(cmd), rng)
}

/// A notice that the sender has moved here, with a proof that was heard or guessed.
fn false_move(sender: &Sender, rng: &mut Rng) -> Vec<u8> {
    let heard = sender.proof.unwrap_or(MoveProof { moves: 0, value: [0; 16] });
    let proof = match rng.below(3) {
        0 => heard,
        1 => MoveProof { moves: heard.moves.wrapping_add(1), ..heard },
        _ => MoveProof { moves: heard.moves.wrapping_add(1), value: identity(rng).0 },
    };
    let mut extensions = ExtensionBuf::new();
    extensions.push_move(proof);
    let mut content = Vec::new();
    MembershipQuery::Moved.emit(&mut content);
    let cmd = Cmd {
        sender: sender.fields,
        extensions: extensions.as_extensions(),
        command: Command::Application(Application { reserved: [0; 3], content: &content }),
    };
    emit(sender, &Message::Cmd(cmd), rng)
}

/// INFO of an object of the sender, or of one that does not exist, with any layout.
fn info(sender: &Sender, rng: &mut Rng) -> Vec<u8> {
    let (object, _) = somewhere(sender, rng);
    let mut extensions = ExtensionBuf::new();
    match sender.fti.filter(|_| rng.chance(0.5)) {
        Some(fti) => extensions.push_fti(&fti),
        None => extensions.push_fti(&false_shape(sender.fec_id, rng)),
    };
    let info = Info {
        sender: sender.fields,
        flags: ObjectFlags(one_of([0, 0x01, 0x04, 0x10], rng)),
        fec_id: sender.fec_id,
        object,
        extensions: extensions.as_extensions(),
        payload: b"forged",
    };
    emit(sender, &Message::Info(info), rng)
}

/// A symbol with wrong content, often out of range or with a false layout.
fn data(sender: &Sender, rng: &mut Rng) -> Vec<u8> {
    let (object, place) = somewhere(sender, rng);
    let mut extensions = ExtensionBuf::new();
    match rng.below(3) {
        0 => _ = sender.fti.is_some_and(|fti| extensions.push_fti(&fti)),
        1 => _ = extensions.push_fti(&false_shape(sender.fec_id, rng)),
        _ => {}
    }
    let len = one_of([sender.symbol_size, sender.symbol_size, 0, 1, MAX_SYMBOL], rng);
    let payload = vec![0x5a; len.min(MAX_SYMBOL)];
    let data = Data {
        sender: sender.fields,
        flags: ObjectFlags(one_of([0, 0x01, 0x04, 0x10, 0x14, 0xff], rng)),
        fec_id: sender.fec_id,
        object,
        payload_id: place.encode(sender.format()),
        extensions: extensions.as_extensions(),
        payload: &payload,
    };
    emit(sender, &Message::Data(data), rng)
}

/// A position near the current one, far away, or out of range.
fn somewhere(sender: &Sender, rng: &mut Rng) -> (ObjectId, PayloadId) {
    let format = sender.format();
    let steps = one_of([0, 0, 0, 1, 7, 0x7fff, u16::MAX], rng);
    let mut place = sender.place;
    match rng.below(4) {
        0 => place.block = place.block.saturating_add(1).min(format.max_block()),
        1 => {
            place.block = format.max_block();
            place.symbol = format.max_symbol();
        }
        2 => {
            let (block, symbol) = (format.max_block(), format.max_symbol());
            place.block = rng.below(u64::from(block) + 1) as u32;
            place.symbol = rng.below(u64::from(symbol) + 1) as u32;
        }
        _ => {}
    }
    (sender.object.wrapping_add(steps), place)
}

/// An EXT_FTI that is impossible, or needs much memory.
fn false_shape(fec_id: FecId, rng: &mut Rng) -> Fti {
    let large = ObjectSize::new(1 << 39).unwrap_or(ObjectSize::MAX);
    let size = one_of([ObjectSize::default(), large, ObjectSize::MAX], rng);
    let symbol_size = one_of([0, 1, 64, 1024, u16::MAX], rng);
    if fec_id == FecId::NO_CODE {
        let max_block_len = one_of([0, 1, 65_536, u32::MAX], rng);
        return Fti::NoCode { size, symbol_size, max_block_len };
    }
    let blocks = one_of([0, 1, 255], rng);
    let (sub_blocks, alignment) = (one_of([0, 1, 1, u16::MAX], rng), one_of([0, 1, 4, 255], rng));
    Fti::RaptorQ { size, symbol_size, blocks, sub_blocks, alignment }
}
