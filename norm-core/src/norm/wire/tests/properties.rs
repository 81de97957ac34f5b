//! What holds for every message: emit and parse are each other's inverse, and no bytes at all make
//! the parser panic or lose something.

use super::*;
use crate::Rng;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

/// Raw material from which a message of any kind is built.
#[derive(Clone, Debug)]
struct Parts {
    kind: usize,
    header: Header,
    sender: SenderFields,
    octets: [u8; 4],
    number: u16,
    node: NodeId,
    time: WireTime,
    fec_id: FecId,
    id: PayloadId,
    extensions: Vec<u8>,
    payload: Vec<u8>,
    nodes: Vec<u8>,
    objects: Vec<u8>,
    states: Vec<u8>,
    requests: RepairWriter,
}

/// Kinds of `Parts::message`.
const KINDS: usize = 12;

impl Parts {
    fn message(&self) -> Message<'_> {
        let (fec_id, object) = (self.fec_id, ObjectId(self.number));
        let [flags, ack_type, ack_id, _] = self.octets;
        let flags = ObjectFlags(flags);
        let instance = self.sender.instance;
        let payload_id = self.payload_id();
        let extensions = Extensions::from_bytes(&self.extensions).unwrap();
        let (payload, content) = (&self.payload[..], &self.payload[..]);
        let (grtt_response, reserved) = (self.time, self.number);
        match self.kind {
            0 => {
                let sender = self.sender;
                Message::Info(Info { sender, flags, fec_id, object, extensions, payload })
            }
            1 => Message::Data(Data {
                sender: self.sender,
                flags,
                fec_id,
                object,
                payload_id,
                extensions,
                payload,
            }),
            2 => Message::Nack(Nack {
                sender: self.node,
                instance,
                reserved,
                grtt_response,
                extensions,
                requests: self.requests.as_requests(),
            }),
            3 => Message::Ack(Ack {
                sender: self.node,
                instance,
                ack_type,
                ack_id,
                grtt_response,
                extensions,
                payload,
            }),
            4 => Message::Report(Report { extensions, content }),
            _ => Message::Cmd(Cmd { sender: self.sender, extensions, command: self.command() }),
        }
    }

    fn command(&self) -> Command<'_> {
        let (fec_id, object) = (self.fec_id, ObjectId(self.number));
        let payload_id = self.payload_id();
        let acking = NodeList::from_bytes(&self.nodes).unwrap();
        let invalid = ObjectList::from_bytes(&self.objects).unwrap();
        let nodes = CcNodes::from_bytes(&self.states).unwrap();
        let requests = self.requests.as_requests();
        let [flags, ack_type, ack_id, reserved] = self.octets;
        let three = [flags, ack_type, ack_id];
        let (cc_sequence, wide) = (self.number, self.number);
        match self.kind {
            5 => Command::Flush(Flush { fec_id, object, payload_id, acking }),
            6 => Command::Eot(Eot { reserved: three }),
            7 => Command::Squelch(Squelch { fec_id, object, payload_id, invalid }),
            8 => Command::Cc(Cc { reserved, cc_sequence, send_time: self.time, nodes }),
            9 => Command::RepairAdv(RepairAdv { flags, reserved: wide, requests }),
            10 => Command::AckReq(AckReq { reserved, ack_type, ack_id, acking }),
            _ => Command::Application(Application { reserved: three, content: &self.payload }),
        }
    }

    fn payload_id(&self) -> RawPayloadId {
        self.id.encode(PayloadFormat::for_fec(self.fec_id).unwrap())
    }
}

fn fec_id() -> impl Strategy<Value = FecId> {
    prop::sample::select(vec![
        FecId::NO_CODE,
        FecId::REED_SOLOMON,
        FecId::REED_SOLOMON_8,
        FecId::RAPTORQ,
        FecId::SMALL_BLOCK,
    ])
}

fn payload_id() -> impl Strategy<Value = PayloadId> {
    any::<(u32, u16, u32)>().prop_map(|(block, block_len, symbol)| PayloadId {
        block,
        block_len,
        symbol,
    })
}

/// Known and unknown extensions in any order.
fn extensions() -> impl Strategy<Value = Vec<u8>> {
    let one = (any::<u8>(), 1..6u8, any::<[u8; 20]>()).prop_map(|(het, words, fill)| {
        let het = [3, 64, 128, het][usize::from(fill[0] & 3)];
        let mut bytes = vec![het, words];
        bytes.extend(fill);
        bytes.truncate(if het >= 128 { 4 } else { usize::from(words) * 4 });
        bytes
    });
    vec(one, 0..4).prop_map(|all| all.concat())
}

fn repairs() -> impl Strategy<Value = RepairWriter> {
    let one = (1..4u8, 0..16u8, fec_id(), any::<u16>(), payload_id(), payload_id());
    (vec(one, 0..12), 0..400usize).prop_map(|(all, limit)| {
        let mut writer = RepairWriter::new(limit);
        for (form, flags, fec_id, object, first, last) in all {
            let format = PayloadFormat::for_fec(fec_id).unwrap();
            let item = |id: PayloadId| {
                let payload_id = id.encode(format);
                RepairItem { fec_id, object: ObjectId(object), payload_id }
            };
            let flags = RepairFlags(flags);
            match form {
                1 => writer.push_item(RepairForm::Items, flags, item(first)),
                2 => writer.push_range(flags, item(first), item(last)),
                _ => writer.push_item(RepairForm::Erasures, flags, item(first)),
            };
        }
        writer
    })
}

fn lists() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, Vec<u8>)> {
    let state = any::<(u32, u8, u8, u16)>().prop_map(|(id, flags, rtt, rate)| CcNode {
        id: NodeId(id),
        flags: CcFlags(flags),
        rtt: QuantizedRtt(rtt),
        rate: QuantizedRate(rate),
    });
    (vec(any::<u32>(), 0..6), vec(any::<u16>(), 0..6), vec(state, 0..6)).prop_map(
        |(nodes, objects, states)| {
            let nodes: Vec<_> = nodes.into_iter().map(NodeId).collect();
            let objects: Vec<_> = objects.into_iter().map(ObjectId).collect();
            let mut lists = (Vec::new(), Vec::new(), Vec::new());
            encode_nodes(&nodes, &mut lists.0);
            encode_objects(&objects, &mut lists.1);
            encode_cc_nodes(&states, &mut lists.2);
            lists
        },
    )
}

fn parts() -> impl Strategy<Value = Parts> {
    let sender = any::<(u16, u8, u8)>().prop_map(|(instance, grtt, shared)| SenderFields {
        instance: InstanceId(instance),
        grtt: QuantizedRtt(grtt),
        backoff: shared >> 4,
        group_size: QuantizedGroupSize(shared & 15),
    });
    let fixed = (0..KINDS, any::<(u16, u32)>(), sender, any::<([u8; 4], u16, u32, u32, u32)>());
    let variable = (extensions(), vec(any::<u8>(), 0..40), lists(), repairs());
    (fixed, fec_id(), payload_id(), variable).prop_map(|(fixed, fec_id, id, variable)| {
        let (kind, (sequence, source), sender, (octets, number, node, sec, usec)) = fixed;
        let (extensions, payload, (nodes, objects, states), requests) = variable;
        Parts {
            kind,
            header: Header { sequence: Sequence(sequence), source: NodeId(source) },
            sender,
            octets,
            number,
            node: NodeId(node),
            time: WireTime { sec, usec },
            fec_id,
            id,
            extensions,
            payload,
            nodes,
            objects,
            states,
            requests,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..Default::default() })]

    #[test]
    fn emitted_messages_parse_to_the_same(parts in parts()) {
        let message = parts.message();
        let bytes = emitted(parts.header, &message);
        prop_assert_eq!(Message::parse(&bytes), Ok((parts.header, message)));
        exercise::message(&bytes).unwrap();
    }

    #[test]
    fn emit_stays_within_the_capacity_it_announces(parts in parts()) {
        let message = parts.message();
        let mut out = Vec::with_capacity(message.encoded_len());
        let (place, capacity) = (out.as_ptr(), out.capacity());
        message.emit(parts.header, &mut out);
        prop_assert_eq!((out.as_ptr(), out.capacity()), (place, capacity));
    }

    #[test]
    fn damaged_messages_are_refused_or_emitted_as_they_came(
        parts in parts(),
        damage in vec((any::<u16>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        tail in vec(any::<u8>(), 0..9),
    ) {
        let mut bytes = emitted(parts.header, &parts.message());
        for (at, value) in damage {
            let len = bytes.len();
            bytes[usize::from(at) % len] = value;
        }
        let _ = exercise::message(&bytes);
        bytes.extend(tail);
        let _ = exercise::message(&bytes);
        let _ = exercise::message(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_kept_as_they_are(
        kind in 0..8u8,
        words in 0..12u8,
        mut bytes in vec(any::<u8>(), 0..80),
    ) {
        let _ = exercise::message(&bytes);
        let _ = exercise::extensions(&bytes);
        exercise::membership_query(&bytes);
        if let [first, second, ..] = &mut bytes[..] {
            (*first, *second) = (0x10 | kind, words);
            let _ = exercise::message(&bytes);
        }
    }
}

#[test]
fn generator_covers_every_kind() {
    // Guards the match in `Parts::message`: each kind must give a message of its own.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let tree = parts().new_tree(&mut runner).unwrap();
    let mut parts = tree.current();
    let kinds: std::collections::BTreeSet<_> = (0..KINDS)
        .map(|kind| {
            parts.kind = kind;
            let bytes = emitted(parts.header, &parts.message());
            (bytes[0], if bytes[0] == 0x13 { bytes[12] } else { 0 })
        })
        .collect();
    assert_eq!(kinds.len(), KINDS);
}

#[test]
fn many_damaged_samples_are_still_messages() {
    // So that the property of damaged messages is not one of refused messages only.
    let mut rng = Rng::new(5740);
    let (mut kept, mut refused) = (0u32, 0u32);
    for _ in 0..2_000 {
        for hex in samples::ALL {
            let mut bytes = samples::bytes(hex);
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << rng.below(8);
            match exercise::message(&bytes) {
                Ok(()) => kept += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(kept > 10_000 && refused > 1_000, "{kept} kept, {refused} refused");
}
