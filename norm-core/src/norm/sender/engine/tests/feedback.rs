//! What acknowledgments cause, and what receivers are told.

use super::*;
use crate::fec::Scheme;
use crate::norm::sender::{FeedbackFrom, Mode};
use crate::norm::wire::{
    ACK_CC, ACK_FLUSH, AckFlush, CcFeedback, CcFlags, ExtensionBuf, QuantizedLoss, QuantizedRate,
    QuantizedRtt,
};

#[test]
fn only_the_newest_watermark_confirms() {
    let (mut sender, _) = sent(config(), &[640]);
    let ack = |sender: &mut Sender, symbol| {
        let mut payload = Vec::new();
        let RepairItem { fec_id, object, payload_id } = item(0, 1, symbol);
        AckFlush { fec_id, reserved: 0, object, payload_id }.emit(&mut payload);
        let message = Message::Ack(ack(sender, ACK_FLUSH, &payload));
        feed(sender, START + MS, 2, &message);
    };
    announce(&mut sender, START, 2);
    ack(&mut sender, 3);
    assert_eq!(sender.members().next().unwrap().1.status, MemberStatus::Active);
    ack(&mut sender, 4);
    assert_eq!(sender.members().next().unwrap().1.status, MemberStatus::Confirmed);
    // A new object makes the confirmation stale.
    sender.enqueue(ObjectSpec { size: 64, info: None, file: false }).unwrap();
    assert_eq!(sender.members().next().unwrap().1.status, MemberStatus::Active);
}

#[test]
fn confirmation_may_differ_in_the_source_block_length() {
    use crate::fec::{Points, RsCode, RsForm};
    let code = RsCode::new(RsForm::Id129, Points::Rizzo, 8, 2).unwrap();
    let scheme = Scheme::ReedSolomon(code);
    let (mut sender, _) = sent(SenderConfig { scheme, mode: Mode::Standard, ..config() }, &[640]);
    let (object, id) = sender.content.watermark().unwrap();
    let format = sender.content.scheme().payload_format();
    let mut id = id.decode(format).unwrap();
    for (symbol, status) in [(3, MemberStatus::Active), (4, MemberStatus::Confirmed)] {
        id.symbol = symbol;
        id.block_len = 8;
        let (mut payload, fec_id) = (Vec::new(), sender.content.scheme().fec_id());
        AckFlush { fec_id, reserved: 0, object, payload_id: id.encode(format) }.emit(&mut payload);
        let message = Message::Ack(ack(&sender, ACK_FLUSH, &payload));
        feed(&mut sender, START + MS, 2, &message);
        assert_eq!(sender.members().next().unwrap().1.status, status);
    }
}

#[test]
fn feedback_for_another_instance_is_not_ours() {
    let (mut sender, _) = sent(config(), &[640]);
    let instance = InstanceId(sender.instance().0.wrapping_add(1));
    let nack = Message::Nack(Nack {
        sender: NodeId(1),
        instance,
        reserved: 0,
        grtt_response: WireTime::ZERO,
        extensions: Extensions::EMPTY,
        requests: crate::norm::wire::RepairRequests::EMPTY,
    });
    feed(&mut sender, START, 2, &nack);
    assert_eq!((sender.stats().not_ours, sender.stats().nacks), (1, 0));
    assert_eq!(sender.members().count(), 0);
}

/// FLUSH commands among packets: the place and the receivers that are listed.
fn flushes(packets: &[Vec<u8>]) -> Vec<(PayloadId, Vec<NodeId>)> {
    let place = |bytes: &Vec<u8>| match Message::parse(bytes).unwrap().1 {
        Message::Cmd(Cmd { command: Command::Flush(flush), .. }) => {
            let format = PayloadFormat::for_fec(flush.fec_id).unwrap();
            Some((flush.payload_id.decode(format).unwrap(), flush.acking.iter().collect()))
        }
        _ => None,
    };
    packets.iter().filter_map(place).collect()
}

#[test]
fn late_joiner_is_listed_in_a_flush_until_it_asks() {
    let mut slow = config();
    slow.mode = Mode::Standard;
    slow.feedback = FeedbackFrom::All;
    slow.rate = Some(100_000);
    let mut sender = Sender::new(slow, 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 64 * 800, info: None, file: true }).unwrap();
    let mut now = START;
    let mut run = |sender: &mut Sender, steps: u32| {
        let mut packets = Vec::new();
        for _ in 0..steps {
            now += MS * 10;
            sender.handle_timeout(now);
            packets.extend(drain(sender, now));
        }
        (now, packets)
    };
    let (now, packets) = run(&mut sender, 100);
    assert_eq!(flushes(&packets), [], "no receiver is there");
    let ack = Message::Ack(ack(&sender, ACK_CC, &[]));
    feed(&mut sender, now, 2, &ack);
    let symbols = |sender: &Sender| (sender.progress().0 / 64) as u32;
    let before = symbols(&sender);
    let (now, packets) = run(&mut sender, 10);
    let [(at, listed)] = &flushes(&packets)[..] else { panic!("{:?}", flushes(&packets)) };
    assert_eq!(listed, &[NodeId(2)]);
    let named = at.block * 8 + at.symbol + 1;
    assert!((before..=symbols(&sender)).contains(&named), "{before} {named}");
    assert!(symbols(&sender) < 800, "it is not all sent");
    nack(&mut sender, now, RepairForm::Items, RepairFlags::OBJECT, item(0, 0, 0));
    let (_, packets) = run(&mut sender, 100);
    assert_eq!(flushes(&packets), [], "it has begun");
}

#[test]
fn receiver_is_told_its_round_trip_by_the_next_probe() {
    let config = SenderConfig { mode: Mode::Standard, min_receivers: 2, ..config() };
    let mut sender = Sender::new(config, 5, START).unwrap();
    let listed = |packets: &[Vec<u8>]| -> Vec<(u32, Duration)> {
        let probe = |packet: &Vec<u8>| match Message::parse(packet).unwrap().1 {
            Message::Cmd(Cmd { command: Command::Cc(cc), .. }) => {
                Some(cc.nodes.iter().map(|n| (n.id.0, n.rtt.to_duration())).collect::<Vec<_>>())
            }
            _ => None,
        };
        packets.iter().filter_map(probe).flatten().collect()
    };
    drain(&mut sender, START + Duration::from_secs(10));
    let now = START + Duration::from_secs(10) + MS * 30;
    for (node, flags) in [(2, CcFlags::NONE), (3, CcFlags::RTT)] {
        let mut extensions = ExtensionBuf::new();
        let (rtt, rate) = (QuantizedRtt::from_duration(MS), QuantizedRate::ZERO);
        let loss = QuantizedLoss::from_fraction(0.0);
        extensions.push_cc(&CcFeedback { cc_sequence: 1, flags, rtt, loss, rate });
        let ack = Ack {
            grtt_response: WireTime::from_nanos((now - MS * 30).as_nanos()),
            extensions: extensions.as_extensions(),
            ..ack(&sender, ACK_CC, &[])
        };
        feed(&mut sender, now, node, &Message::Ack(ack));
    }
    let soon = drain(&mut sender, now + MS * 51);
    let told = listed(&soon);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, 2);
    assert!((MS * 29..MS * 33).contains(&told[0].1), "{told:?}");
    assert!(listed(&drain(&mut sender, now + Duration::from_secs(9))).is_empty(), "once");
}
