use std::sync::Arc;

use norm_core::Timestamp;
use norm_core::fec::Layout;
use norm_core::norm::wire::{
    Application, Cc, CcNodes, Cmd, Command, Data, ExtensionBuf, Extensions, FecId, Fti, Header,
    Identity, InstanceId, MemberReport, MemberState, MembershipQuery, Message, NodeId, ObjectFlags,
    ObjectId, PayloadFormat, PayloadId, QuantizedGroupSize, QuantizedRtt, Report, SenderFields,
    Sequence, WireTime,
};

use super::ears::Ears;
use super::*;
use crate::packet::{Body, HostId, Node, Outbox, Packet, To};

const SENDER: NodeId = NodeId(1);
const RECEIVER: NodeId = NodeId(77);
const INSTANCE: InstanceId = InstanceId(4711);

fn packet(from: HostId, source: NodeId, message: &Message<'_>) -> Packet {
    let mut bytes = Vec::new();
    message.emit(Header { sequence: Sequence(9), source }, &mut bytes);
    Packet::new(from, To::Group, Body::Datagram(Arc::from(bytes)))
}

/// A probe, a roll call, a symbol and a report.
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
        name: "",
        reason: "",
    };
    let mut said = Vec::new();
    report.emit(&mut said);
    let report = Report { extensions: Extensions::EMPTY, content: &said };
    vec![
        packet(0, SENDER, &command(Command::Cc(cc))),
        packet(0, SENDER, &command(Command::Application(application))),
        packet(0, SENDER, &Message::Data(data)),
        packet(3, RECEIVER, &Message::Report(report)),
    ]
}

/// What a stranger sends within a second of hearing the session.
fn second_of(attack: &Attack, seed: u64) -> Vec<(To, Vec<u8>)> {
    let plan = StrangerPlan { attacks: vec![attack.clone()], rate: 500 };
    let mut stranger = node(&plan, 9, seed);
    let mut out = Outbox::default();
    let start = Timestamp::ZERO + Duration::from_secs(1);
    stranger.start(start, &mut out);
    for packet in session() {
        stranger.receive(start, &packet, &mut out);
    }
    drain(&mut *stranger, start + Duration::from_secs(1), &mut out)
}

fn drain(stranger: &mut dyn Node, end: Timestamp, out: &mut Outbox) -> Vec<(To, Vec<u8>)> {
    while stranger.next() <= end {
        let now = stranger.next();
        stranger.timeout(now, out);
        assert!(stranger.next() > now, "the next timeout is not later");
    }
    let bytes = |body| match body {
        Body::Datagram(bytes) => bytes.to_vec(),
        Body::Tcp(segment) => panic!("a stranger speaks no TCP: {segment:?}"),
    };
    out.packets.drain(..).map(|(to, body)| (to, bytes(body))).collect()
}

#[test]
fn every_attack_keeps_its_rate_and_follows_from_its_seed() {
    for attack in &Attack::ALL {
        let sent = second_of(attack, 1);
        assert_eq!(sent.len(), 500, "{attack:?}");
        assert_eq!(sent, second_of(attack, 1), "{attack:?}");
        assert_ne!(sent, second_of(attack, 2), "{attack:?}");
    }
}

#[test]
fn what_is_forged_is_a_message_and_names_the_session() {
    let garbled = [Attack::Noise, Attack::Mutate];
    for attack in Attack::ALL.iter().filter(|attack| !garbled.contains(attack)) {
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
                Message::Info(_) => panic!("nobody said INFO"),
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
fn who_has_heard_nothing_forges_nothing() {
    for attack in &Attack::ALL {
        let plan = StrangerPlan { attacks: vec![attack.clone()], rate: 100 };
        let mut stranger = node(&plan, 9, 1);
        let mut out = Outbox::default();
        stranger.start(Timestamp::ZERO, &mut out);
        let sent = drain(&mut *stranger, Timestamp::ZERO + Duration::from_secs(1), &mut out);
        assert_eq!(sent.is_empty(), *attack != Attack::Noise, "{attack:?}");
    }
}

#[test]
fn a_script_is_kept_to_the_moment_and_told_again_after_a_restart() {
    let at = Duration::from_millis(30);
    let script = Attack::Script(vec![(at, vec![2]), (Duration::ZERO, vec![1])]);
    let mut stranger = node(&StrangerPlan { attacks: vec![script], rate: 100 }, 9, 1);
    let mut out = Outbox::default();
    for start in [Timestamp::ZERO, Timestamp::ZERO + Duration::from_secs(5)] {
        stranger.start(start, &mut out);
        assert_eq!(drain(&mut *stranger, start + at / 2, &mut out), [(To::Group, vec![1])]);
        assert_eq!(stranger.next(), start + at);
        assert_eq!(drain(&mut *stranger, start + at, &mut out), [(To::Group, vec![2])]);
        assert_eq!(stranger.next(), Timestamp::MAX);
    }
}

#[test]
fn memory_is_bounded_whatever_is_heard() {
    let mut rng = norm_core::Rng::new(1);
    let mut ears = Ears::default();
    let [_, _, data, report]: [Packet; 4] = session().try_into().unwrap();
    for n in 0..2000u32 {
        for heard in [&data, &report] {
            let Body::Datagram(bytes) = &heard.body else { unreachable!() };
            let mut bytes = bytes.to_vec();
            bytes[4..8].copy_from_slice(&n.to_be_bytes());
            let body = Body::Datagram(Arc::from(bytes));
            ears.hear(&Packet { from: n, body, ..heard.clone() }, &mut rng);
        }
    }
    let held = [ears.packets.len(), ears.hosts.len(), ears.senders.len(), ears.members.len()];
    assert_eq!(held, [256, 64, 8, 64]);
}
