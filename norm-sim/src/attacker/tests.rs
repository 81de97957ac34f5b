use core::time::Duration;
use std::sync::Arc;

use norm_core::Timestamp;
use norm_core::fec::Layout;
use norm_core::norm::wire::{
    Application, Cc, CcNodes, Cmd, Command, Data, ExtensionBuf, Extensions, FecId, Fti, Header,
    Identity, InstanceId, MemberReport, MemberState, MembershipQuery, Message, NodeId, ObjectFlags,
    ObjectId, PayloadFormat, PayloadId, QuantizedGroupSize, QuantizedRtt, Report, SenderFields,
    Sequence, WireTime,
};

use super::listener::Listener;
use super::*;
use crate::node::{Node, Outbox};
use crate::packet::{Body, HostId, Packet, To};
use crate::scenario::{Attack, AttackerPlan};

const SENDER: NodeId = NodeId(1);
const RECEIVER: NodeId = NodeId(77);
const INSTANCE: InstanceId = InstanceId(4711);

fn packet(from: HostId, source: NodeId, message: &Message<'_>) -> Packet {
    let mut bytes = Vec::new();
    message.emit(Header { sequence: Sequence(9), source }, &mut bytes);
    Packet::new(from, To::Group, Body::Datagram(Arc::from(bytes)))
}

/// A CMD(CC), a membership query, a symbol and a report.
fn session() -> Vec<Packet> {
    let sender = SenderFields {
        instance: INSTANCE,
        grtt: QuantizedRtt(100),
        backoff: 4,
        group_size: QuantizedGroupSize(1),
    };
    let command = |command| Message::Cmd(Cmd { sender, extensions: Extensions::EMPTY, command });
    let probe = WireTime { sec: 3, usec: 5 };
    let nodes = CcNodes::EMPTY;
    let cc = Cc { reserved: 0, cc_sequence: 8, send_time: probe, nodes };
    let mut content = Vec::new();
    let call = MembershipQuery::Query {
        round: 5,
        window_ms: 100,
        send_time: probe,
        confirmed: 0,
        listed: 0,
    };
    call.emit(&mut content);
    let application = Application { reserved: [0; 3], content: &content };
    let mut extensions = ExtensionBuf::new();
    extensions.push_fti(&Fti::of(&Layout::choose_raptorq(100_000, 1024, 64).unwrap()));
    let place = PayloadId { block: 1, block_len: 0, symbol: 3 };
    let data = Data {
        sender,
        flags: ObjectFlags::FILE,
        fec_id: FecId::RAPTORQ,
        object: ObjectId(2),
        payload_id: place.encode(PayloadFormat::Block8Symbol24),
        extensions: extensions.as_extensions(),
        payload: &[7; 1024],
    };
    let report = MemberReport {
        sender: SENDER,
        instance: INSTANCE,
        round: 5,
        grtt_response: probe,
        identity: Identity([9; 16]),
        state: MemberState::Receiving,
        bytes_done: 1,
        bytes_total: 2,
        loss: 0,
        drops: 0,
        ce_marked: 0,
        largest_heard: 1400,
        name: "",
        reason: "",
    };
    let mut content = Vec::new();
    report.emit(&mut content);
    let report = Report { extensions: Extensions::EMPTY, content: &content };
    vec![
        packet(0, SENDER, &command(Command::Cc(cc))),
        packet(0, SENDER, &command(Command::Application(application))),
        packet(0, SENDER, &Message::Data(data)),
        packet(3, RECEIVER, &Message::Report(report)),
    ]
}

/// Packets that an attacker sends in the second after it has observed the session.
fn second_of(attack: &Attack, seed: u64) -> Vec<(To, Vec<u8>)> {
    let plan = AttackerPlan { attacks: vec![attack.clone()], rate: 500 };
    let mut attacker = node(&plan, 9, seed);
    let mut out = Outbox::default();
    let start = Timestamp::ZERO + Duration::from_secs(1);
    attacker.start(start, &mut out);
    for packet in session() {
        attacker.receive(start, &packet, &mut out);
    }
    drain(&mut *attacker, start + Duration::from_secs(1), &mut out)
}

fn drain(attacker: &mut dyn Node, end: Timestamp, out: &mut Outbox) -> Vec<(To, Vec<u8>)> {
    while attacker.next() <= end {
        let now = attacker.next();
        attacker.timeout(now, out);
        assert!(attacker.next() > now, "the next timeout is not later");
    }
    let bytes = |body| match body {
        Body::Datagram(bytes) => bytes.to_vec(),
        Body::Tcp(segment) => panic!("an attacker speaks no TCP: {segment:?}"),
    };
    out.packets.drain(..).map(|(to, body)| (to, bytes(body))).collect()
}

#[test]
fn attack_keeps_its_rate_and_follows_from_its_seed() {
    for attack in &Attack::ALL {
        let sent = second_of(attack, 1);
        assert_eq!(sent.len(), 500, "{attack:?}");
        assert_eq!(sent, second_of(attack, 1), "{attack:?}");
        assert_ne!(sent, second_of(attack, 2), "{attack:?}");
    }
}

#[test]
fn forged_packet_is_a_message_of_the_session() {
    let corrupted = [Attack::Noise, Attack::Mutate];
    for attack in Attack::ALL.iter().filter(|attack| !corrupted.contains(attack)) {
        for (to, bytes) in second_of(attack, 3) {
            let (header, message) = Message::parse(&bytes).unwrap();
            let (addressed, instance) = match message {
                Message::Nack(nack) => (nack.sender, nack.instance),
                Message::Ack(ack) => (ack.sender, ack.instance),
                Message::Data(data) => (header.source, data.sender.instance),
                Message::Cmd(cmd) => (header.source, cmd.sender.instance),
                Message::Report(report) => {
                    let report = MemberReport::parse(report.content).unwrap();
                    (report.sender, report.instance)
                }
                Message::Info(_) => panic!("the session has no INFO"),
            };
            assert!(matches!(to, To::Group | To::Host(0)), "{to:?}");
            let others = [Attack::NewInstances, Attack::Collisions];
            assert!(others.contains(attack) || addressed == SENDER, "{attack:?}");
            assert!(*attack == Attack::NewInstances || instance == INSTANCE, "{attack:?}");
        }
    }
}

#[test]
fn collisions_use_the_ids_of_receivers_and_of_the_sender() {
    let sources: Vec<NodeId> = second_of(&Attack::Collisions, 1)
        .iter()
        .map(|(_, bytes)| Message::parse(bytes).unwrap().0.source)
        .collect();
    assert!(sources.iter().all(|source| [SENDER, RECEIVER].contains(source)));
    assert!(sources.contains(&SENDER) && sources.contains(&RECEIVER));
}

#[test]
fn attacker_forges_nothing_before_it_observes_a_packet() {
    for attack in &Attack::ALL {
        let plan = AttackerPlan { attacks: vec![attack.clone()], rate: 100 };
        let mut attacker = node(&plan, 9, 1);
        let mut out = Outbox::default();
        attacker.start(Timestamp::ZERO, &mut out);
        let sent = drain(&mut *attacker, Timestamp::ZERO + Duration::from_secs(1), &mut out);
        assert_eq!(sent.is_empty(), *attack != Attack::Noise, "{attack:?}");
    }
}

#[test]
fn script_keeps_its_times_and_repeats_after_a_restart() {
    let at = Duration::from_millis(30);
    let script = Attack::Script(vec![(at, vec![2]), (Duration::ZERO, vec![1])]);
    let mut attacker = node(&AttackerPlan { attacks: vec![script], rate: 100 }, 9, 1);
    let mut out = Outbox::default();
    for start in [Timestamp::ZERO, Timestamp::ZERO + Duration::from_secs(5)] {
        attacker.start(start, &mut out);
        assert_eq!(drain(&mut *attacker, start + at / 2, &mut out), [(To::Group, vec![1])]);
        assert_eq!(attacker.next(), start + at);
        assert_eq!(drain(&mut *attacker, start + at, &mut out), [(To::Group, vec![2])]);
        assert_eq!(attacker.next(), Timestamp::MAX);
    }
}

#[test]
fn listener_memory_is_bounded() {
    let mut rng = norm_core::Rng::new(1);
    let mut listener = Listener::default();
    let [_, _, data, report]: [Packet; 4] = session().try_into().unwrap();
    for n in 0..2000u32 {
        for packet in [&data, &report] {
            let Body::Datagram(bytes) = &packet.body else { unreachable!() };
            let mut bytes = bytes.to_vec();
            bytes[4..8].copy_from_slice(&n.to_be_bytes());
            let body = Body::Datagram(Arc::from(bytes));
            listener.observe(&Packet { from: n, body, ..packet.clone() }, &mut rng);
        }
    }
    let held = [
        listener.packets.len(),
        listener.hosts.len(),
        listener.senders.len(),
        listener.members.len(),
    ];
    assert_eq!(held, [256, 64, 8, 64]);
}
