//! What is noted of the length of packets, and objects that were cut anew for shorter ones.

use super::*;
use crate::norm::receiver::event::ReceiverEvent;
use crate::norm::wire::{Application, Data, Extensions, MemberReport, MembershipQuery};
use crate::norm::wire::{MovedObjects, ObjectFlags, SizeProbe};

/// Bytes of a command before its content, and of the headers below it.
const HEADERS: u16 = 16 + 28;

fn command(receiver: &mut Receiver<NoStore>, now: Timestamp, content: &[u8]) {
    let command = Command::Application(Application { reserved: [0; 3], content });
    hear(receiver, now, command, false);
}

fn size_probe(receiver: &mut Receiver<NoStore>, packet: u16, moved: MovedObjects) {
    let mut content = Vec::new();
    SizeProbe { packet, in_use: 0, moved, len: packet - HEADERS }.emit(&mut content);
    command(receiver, START, &content);
}

/// What the answer to a query says of the longest packet.
fn largest(receiver: &mut Receiver<NoStore>, round: u16) -> u16 {
    let mut content = Vec::new();
    let send_time = WireTime::from_nanos(5_000_000_000);
    let query = MembershipQuery::Query { round, window_ms: 0, send_time, confirmed: 0, listed: 0 };
    query.emit(&mut content);
    command(receiver, START, &content);
    for packet in spoken(receiver, START + SECOND) {
        if let (_, Message::Report(report)) = Message::parse(&packet).unwrap() {
            return MemberReport::parse(report.content).unwrap().largest_heard;
        }
    }
    panic!("no answer");
}

fn events(receiver: &mut Receiver<NoStore>) -> Vec<ReceiverEvent> {
    std::iter::from_fn(|| receiver.poll_event()).collect()
}

#[test]
fn reports_say_how_long_the_longest_packet_was_of_late() {
    let mut engine = receiver();
    for packet in [1280, 1500, 1400] {
        size_probe(&mut engine, packet, MovedObjects::default());
    }
    assert_eq!(largest(&mut engine, 1), 1500);
    size_probe(&mut engine, 1280, MovedObjects::default());
    assert_eq!(largest(&mut engine, 2), 1280, "since the query before the last one");
    let commands = |event: &ReceiverEvent| matches!(event, ReceiverEvent::Command { .. });
    assert!(!events(&mut engine).iter().any(commands), "they are not an application's");
}

#[test]
fn packet_that_our_link_does_not_let_through_came_in_fragments() {
    let config = ReceiverConfig { link_mtu: Some(1500), ..ReceiverConfig::new(Identity([3; 16])) };
    let mut engine = Receiver::new(config, NoStore, 1);
    let mut told = |packet| {
        size_probe(&mut engine, packet, MovedObjects::default());
        let told = |event: ReceiverEvent| match event {
            ReceiverEvent::Fragmented { bytes, .. } => Some(bytes),
            _ => None,
        };
        events(&mut engine).into_iter().find_map(told)
    };
    assert_eq!((told(1500), told(1501), told(9000)), (None, Some(1501), None), "once");
}

#[test]
fn objects_that_were_cut_anew_take_the_place_of_the_old_ones() {
    let mut engine = receiver();
    let format = PayloadFormat::for_fec(FecId::RAPTORQ).unwrap();
    let data = Data {
        sender: sender(),
        flags: ObjectFlags(0),
        fec_id: FecId::RAPTORQ,
        object: ObjectId(7),
        payload_id: PayloadId { block: 0, block_len: 0, symbol: 0 }.encode(format),
        extensions: Extensions::EMPTY,
        payload: &[1; 100],
    };
    say(&mut engine, START, &Message::Data(data));
    assert_eq!(state(&mut engine).interest.first(), Some(key(&mut engine, 7)));
    let moved = MovedObjects { first: ObjectId(10), objects: 3, layouts: 1 };
    events(&mut engine);
    size_probe(&mut engine, 100, moved);
    assert!(events(&mut engine).is_empty(), "it may be damaged");
    size_probe(&mut engine, 100, moved);
    let (sender, first) = (SENDER_ID, key(&mut engine, 10));
    let expected = ReceiverEvent::ObjectsMoved { sender, first, objects: 3 };
    assert_eq!(events(&mut engine), [expected]);
    assert_eq!(state(&mut engine).interest.first(), Some(first));
    size_probe(&mut engine, 100, moved);
    assert!(events(&mut engine).is_empty(), "once");
}
