//! Each captured packet, field by field.
//!
//! The expected message is built as we would send it, extensions included; that it equals the
//! parsed one and is emitted to the same bytes checks both directions.

use super::*;

const NODE_1: NodeId = NodeId(1);
const INSTANCE: InstanceId = InstanceId(0x1234);

fn sender(grtt: u8, backoff: u8) -> SenderFields {
    let (grtt, group_size) = (QuantizedRtt(grtt), QuantizedGroupSize(0));
    SenderFields { instance: INSTANCE, grtt, backoff, group_size }
}

fn header(sequence: u16, source: u32) -> Header {
    Header { sequence: Sequence(sequence), source: NodeId(source) }
}

fn fti(fti: Fti) -> ExtensionBuf {
    let mut buf = ExtensionBuf::new();
    assert!(buf.push_fti(&fti));
    buf
}

fn feedback(feedback: CcFeedback) -> ExtensionBuf {
    let mut buf = ExtensionBuf::new();
    assert!(buf.push_cc(&feedback));
    buf
}

fn block24(block: u32, symbol: u32) -> RawPayloadId {
    PayloadId { block, block_len: 0, symbol }.encode(PayloadFormat::Block24Symbol8)
}

fn item(block: u32, symbol: u32) -> RepairItem {
    let (fec_id, payload_id) = (FecId::REED_SOLOMON_8, block24(block, symbol));
    RepairItem { fec_id, object: ObjectId(0), payload_id }
}

fn size(bytes: u64) -> ObjectSize {
    ObjectSize::new(bytes).unwrap()
}

#[track_caller]
fn check(hex: &str, header: Header, message: &Message<'_>) {
    let bytes = samples::bytes(hex);
    assert_eq!(Message::parse(&bytes), Ok((header, *message)));
    assert_eq!(emitted(header, message), bytes);
}

/// A command with the timing fields of the last samples: GRTT 0x7f, K 4.
#[track_caller]
fn check_cmd(hex: &str, sequence: u16, grtt: u8, backoff: u8, command: Command<'_>) {
    let (sender, extensions) = (sender(grtt, backoff), Extensions::EMPTY);
    check(hex, header(sequence, 1), &Message::Cmd(Cmd { sender, extensions, command }));
}

fn tiny() -> Fti {
    Fti::ReedSolomon8 { size: size(5), symbol_size: 1000, max_block_len: 20, parity: 4 }
}

#[test]
fn info() {
    let buf = fti(tiny());
    let message = Message::Info(Info {
        sender: sender(0x74, 2),
        flags: ObjectFlags::FILE.with(ObjectFlags::INFO),
        fec_id: FecId::REED_SOLOMON_8,
        object: ObjectId(0),
        extensions: buf.as_extensions(),
        payload: b"tiny",
    });
    check(samples::INFO, header(1, 1), &message);
    let Message::Info(info) = message else { unreachable!() };
    assert_eq!(info.extensions.fti(info.fec_id), Some(tiny()));
}

#[test]
fn data_source_and_parity() {
    let buf = fti(tiny());
    let data = Data {
        sender: sender(0x74, 2),
        flags: ObjectFlags(0x14),
        fec_id: FecId::REED_SOLOMON_8,
        object: ObjectId(0),
        payload_id: block24(0, 0),
        extensions: buf.as_extensions(),
        payload: b"hello",
    };
    check(samples::DATA, header(2, 1), &Message::Data(data));
    let payload = &[0x74, 0xf4, 0x92, 0x92, 0x56];
    let parity = Data { payload_id: block24(0, 1), payload, ..data };
    check(samples::DATA_PARITY, header(3, 1), &Message::Data(parity));
}

#[test]
fn data_of_a_stream() {
    let stream =
        Fti::ReedSolomon8 { size: size(1920), symbol_size: 40, max_block_len: 4, parity: 2 };
    let buf = fti(stream);
    let data = Data {
        sender: sender(0x74, 2),
        flags: ObjectFlags::STREAM.with(ObjectFlags::INFO),
        fec_id: FecId::REED_SOLOMON_8,
        object: ObjectId(0),
        payload_id: block24(0, 2),
        extensions: buf.as_extensions(),
        payload: b"\0\x28\0\x0b\0\0\0\x50uvwxyz #2\na",
    };
    check(samples::DATA_STREAM, header(4, 1), &Message::Data(data));
    let end = Data { payload_id: block24(0, 3), payload: b"\0\0\0\0\0\0\0\x78", ..data };
    check(samples::DATA_STREAM_END, header(5, 1), &Message::Data(end));
}

#[test]
fn data_of_gf_2_16() {
    let buf = fti(Fti::ReedSolomon {
        size: size(600),
        m: 16,
        group: 1,
        symbol_size: 2,
        max_block_len: 300,
        parity: 20,
    });
    let (grtt, group_size) = (QuantizedRtt(0x74), QuantizedGroupSize(2));
    let zero = PayloadId { block: 0, block_len: 0, symbol: 0 };
    let data = Data {
        sender: SenderFields { instance: INSTANCE, grtt, backoff: 4, group_size },
        flags: ObjectFlags::FILE,
        fec_id: FecId::REED_SOLOMON,
        object: ObjectId(0),
        payload_id: zero.encode(PayloadFormat::Block16Symbol16),
        extensions: buf.as_extensions(),
        payload: &[1, 0],
    };
    check(samples::DATA_GF16, header(1, 1), &Message::Data(data));
}

#[test]
fn data_of_a_small_block_code() {
    let buf = fti(Fti::SmallBlock {
        size: size(100_003),
        instance: 0,
        symbol_size: 1000,
        max_block_len: 20,
        parity: 4,
    });
    let id = PayloadId { block: 0, block_len: 17, symbol: 0 };
    let data = Data {
        sender: sender(0x74, 2),
        flags: ObjectFlags::FILE,
        fec_id: FecId::SMALL_BLOCK,
        object: ObjectId(0),
        payload_id: id.encode(PayloadFormat::Block32Len16Symbol16),
        extensions: buf.as_extensions(),
        payload: &[],
    };
    check(samples::DATA_SMALL_BLOCK, header(1, 1), &Message::Data(data));
    assert_eq!(data.payload_id.decode(PayloadFormat::Block32Len16Symbol16), Some(id));
}

#[test]
fn flush_with_and_without_a_list() {
    let (fec_id, object) = (FecId::REED_SOLOMON_8, ObjectId(0));
    let flush = Flush { fec_id, object, payload_id: block24(0, 0), acking: NodeList::EMPTY };
    check_cmd(samples::FLUSH, 5, 0x74, 2, Command::Flush(flush));
    let mut nodes = Vec::new();
    encode_nodes(&[NodeId(2)], &mut nodes);
    let acking = NodeList::from_bytes(&nodes).unwrap();
    let payload_id = block24(9, 0x3b);
    let flush = Flush { fec_id, object, payload_id, acking };
    check_cmd(samples::FLUSH_ACKING, 0x04c9, 0x4c, 4, Command::Flush(flush));
}

#[test]
fn cc_probe() {
    let mut buf = ExtensionBuf::new();
    assert!(buf.push_rate(QuantizedRate(0xbc54)));
    let node = CcNode {
        id: NodeId(2),
        flags: CcFlags::CLR.with(CcFlags::RTT).with(CcFlags::START),
        rtt: QuantizedRtt(0x39),
        rate: QuantizedRate(0xbc54),
    };
    let mut nodes = Vec::new();
    encode_cc_nodes(&[node], &mut nodes);
    let cc = Cc {
        reserved: 0,
        cc_sequence: 2,
        send_time: WireTime { sec: 0x6b02_63d3, usec: 384_322 },
        nodes: CcNodes::from_bytes(&nodes).unwrap(),
    };
    let (sender, extensions) = (sender(0x7e, 4), buf.as_extensions());
    let message = Message::Cmd(Cmd { sender, extensions, command: Command::Cc(cc) });
    check(samples::CC, header(7, 1), &message);
    assert!(cc.nodes.iter().eq([node]));
    assert_eq!(extensions.rate(), Some(node.rate));
}

#[test]
fn cc_probe_of_two_receivers_in_steady_state() {
    let mut buf = ExtensionBuf::new();
    assert!(buf.push_rate(QuantizedRate(0x5cf7)));
    let limiting = CcNode {
        id: NodeId(0x4e),
        flags: CcFlags::CLR.with(CcFlags::RTT),
        rtt: QuantizedRtt(0x45),
        rate: QuantizedRate(0x3b27),
    };
    let other = CcNode {
        id: NodeId(0x4d),
        flags: CcFlags::RTT,
        rtt: QuantizedRtt(0x44),
        rate: QuantizedRate(0xfa89),
    };
    let mut nodes = Vec::new();
    encode_cc_nodes(&[limiting, other], &mut nodes);
    let cc = Cc {
        reserved: 0,
        cc_sequence: 0x052d,
        send_time: WireTime { sec: 0x6b04_be11, usec: 0x0008_ce41 },
        nodes: CcNodes::from_bytes(&nodes).unwrap(),
    };
    let sender = SenderFields { group_size: QuantizedGroupSize(2), ..sender(0x76, 4) };
    let (extensions, command) = (buf.as_extensions(), Command::Cc(cc));
    let message = Message::Cmd(Cmd { sender, extensions, command });
    check(samples::CC_STEADY, header(0x19ed, 5), &message);
}

#[test]
fn application_command() {
    let command = Application { reserved: [0; 3], content: b"hello-cmd" };
    check_cmd(samples::APPLICATION, 1, 0x7f, 4, Command::Application(command));
}

#[test]
fn nack() {
    let buf = feedback(CcFeedback {
        cc_sequence: 0,
        flags: CcFlags::NONE,
        rtt: QuantizedRtt(0x94),
        loss: QuantizedLoss { high: 0, low: 0x1237 },
        rate: QuantizedRate(0x3d65),
    });
    let mut writer = RepairWriter::new(100);
    assert!(writer.push_item(RepairForm::Items, RepairFlags::SEGMENT, item(0, 0x13)));
    let nack = Nack {
        sender: NODE_1,
        instance: INSTANCE,
        reserved: 0,
        grtt_response: WireTime { sec: 0x6b02_628d, usec: 0x0009_e922 },
        extensions: buf.as_extensions(),
        requests: writer.as_requests(),
    };
    check(samples::NACK, header(0, 2), &Message::Nack(nack));
}

#[test]
fn ack_of_a_probe() {
    let buf = feedback(CcFeedback {
        cc_sequence: 0,
        flags: CcFlags::NONE,
        rtt: QuantizedRtt(0x94),
        loss: QuantizedLoss { high: 0x19, low: 0x1237 },
        rate: QuantizedRate(0x3d25),
    });
    let ack = Ack {
        sender: NODE_1,
        instance: INSTANCE,
        ack_type: ACK_CC,
        ack_id: 0,
        grtt_response: WireTime { sec: 0x6b02_628d, usec: 0x0009_541a },
        extensions: buf.as_extensions(),
        payload: &[],
    };
    check(samples::ACK_CC, header(0, 2), &Message::Ack(ack));
}

#[test]
fn acks_of_probes_in_slow_start_and_after_a_loss() {
    let listed = CcFlags::CLR.with(CcFlags::RTT);
    let starting = CcFeedback {
        cc_sequence: 0x53,
        flags: listed.with(CcFlags::START),
        rtt: QuantizedRtt(0x28),
        loss: QuantizedLoss::ZERO,
        rate: QuantizedRate(0x2726),
    };
    let steady = CcFeedback {
        cc_sequence: 0x3925,
        flags: listed,
        rtt: QuantizedRtt(0x3f),
        loss: QuantizedLoss { high: 0x014c, low: 0xf3f5 },
        rate: QuantizedRate(0x97f7),
    };
    for (hex, sent, sec, usec) in [
        (samples::ACK_CC_START, starting, 0x6b04_bdfe, 0x0005_512f),
        (samples::ACK_CC_STEADY, steady, 0x6b04_be02, 0x000c_ed63),
    ] {
        let buf = feedback(sent);
        let ack = Ack {
            sender: NodeId(5),
            instance: INSTANCE,
            ack_type: ACK_CC,
            ack_id: 0,
            grtt_response: WireTime { sec, usec },
            extensions: buf.as_extensions(),
            payload: &[],
        };
        check(hex, header(0, 0x4d), &Message::Ack(ack));
    }
    assert!((steady.loss.to_fraction() - 0.005_08).abs() < 1e-6);
}

#[test]
fn ack_of_a_flush() {
    let buf = feedback(CcFeedback {
        cc_sequence: 0x025f,
        flags: CcFlags(0x25),
        rtt: QuantizedRtt(0x2e),
        loss: QuantizedLoss { high: 0x0aa1, low: 0x53b7 },
        rate: QuantizedRate(0x9ac6),
    });
    let (fec_id, object) = (FecId::REED_SOLOMON_8, ObjectId(0));
    let confirmed = AckFlush { fec_id, reserved: 0, object, payload_id: block24(9, 0x3b) };
    let mut payload = Vec::new();
    confirmed.emit(&mut payload);
    let ack = Ack {
        sender: NODE_1,
        instance: INSTANCE,
        ack_type: ACK_FLUSH,
        ack_id: 0,
        grtt_response: WireTime { sec: 0x6b02_63d3, usec: 0x000e_b0b6 },
        extensions: buf.as_extensions(),
        payload: &payload,
    };
    check(samples::ACK_FLUSH, header(0, 2), &Message::Ack(ack));
    assert_eq!(AckFlush::parse(&payload), Ok(confirmed));
}

#[test]
fn repair_advertisement() {
    let buf = feedback(CcFeedback {
        cc_sequence: 0x026b,
        flags: CcFlags::NONE,
        rtt: QuantizedRtt(0x33),
        loss: QuantizedLoss::ZERO,
        rate: QuantizedRate(0x25e5),
    });
    let mut writer = RepairWriter::new(100);
    assert!(writer.push_range(RepairFlags::SEGMENT, item(0, 0x11), item(0, 0x14)));
    let advertised = RepairAdv { flags: 0, reserved: 0, requests: writer.as_requests() };
    let command = Command::RepairAdv(advertised);
    let (sender, extensions) = (sender(0x7f, 4), buf.as_extensions());
    let message = Message::Cmd(Cmd { sender, extensions, command });
    check(samples::REPAIR_ADV, header(0x28, 1), &message);
}

#[test]
fn messages_that_the_peer_never_sends() {
    // Built by hand from RFC 5740 figures 11, 12 and 15, and §4.4.1.
    let eot = Eot { reserved: [1, 2, 3] };
    check_cmd("13040001 00000001 12347f40 02010203", 1, 0x7f, 4, Command::Eot(eot));

    let mut objects = Vec::new();
    encode_objects(&[ObjectId(8), ObjectId(10)], &mut objects);
    let squelch = Squelch {
        fec_id: FecId::RAPTORQ,
        object: ObjectId(7),
        payload_id: PayloadId { block: 3, block_len: 0, symbol: 0 }
            .encode(PayloadFormat::Block8Symbol24),
        invalid: ObjectList::from_bytes(&objects).unwrap(),
    };
    let hex = "13050001 00000001 12347f40 03060007 03000000 0008 000a";
    check_cmd(hex, 1, 0x7f, 4, Command::Squelch(squelch));

    let mut nodes = Vec::new();
    encode_nodes(&[NodeId(2), NodeId(0x0102_0304)], &mut nodes);
    let acking = NodeList::from_bytes(&nodes).unwrap();
    let request = AckReq { reserved: 0, ack_type: 16, ack_id: 9, acking };
    let hex = "13040001 00000001 12347f40 06001009 00000002 01020304";
    check_cmd(hex, 1, 0x7f, 4, Command::AckReq(request));

    let report = Report { extensions: Extensions::EMPTY, content: b"any" };
    check("16020003 00000002 616e79", header(3, 2), &Message::Report(report));
}
