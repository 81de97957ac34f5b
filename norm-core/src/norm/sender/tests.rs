use core::net::SocketAddr;
use core::time::Duration;

use bytes::Bytes;

use super::*;
use crate::norm::wire::{
    ACK_CC, ACK_FLUSH, ACK_WINDOW, Ack, AckFlush, CcFeedback, CcFlags, Cmd, Command, ExtensionBuf,
    Extensions, FecId, Header, Identity, MemberReport, MemberState, Message, Nack, ObjectFlags,
    ObjectId, PayloadFormat, PayloadId, QuantizedLoss, QuantizedRate, QuantizedRtt, ReceiveWindow,
    RepairFlags, RepairForm, RepairItem, RepairWriter, Report, WireTime,
};

const MS: Duration = Duration::from_millis(1);
pub(super) const START: Timestamp = Timestamp::from_nanos(1_000_000_000);

pub(super) fn config() -> SenderConfig {
    let mut config = SenderConfig::new(NodeId(1));
    (config.segment_size, config.block_len, config.rate) = (64, 8, None);
    config
}

/// A sender with these objects, all sent once.
pub(super) fn sent(config: SenderConfig, sizes: &[u64]) -> (Sender, Vec<Vec<u8>>) {
    let mut sender = Sender::new(config, 5, START).unwrap();
    for &size in sizes {
        sender.enqueue(ObjectSpec { size, info: None, file: true }).unwrap();
    }
    sender.finish();
    let packets = drain(&mut sender, START);
    (sender, packets)
}

/// Runs jobs and collects packets until the sender rests.
pub(super) fn drain(sender: &mut Sender, now: Timestamp) -> Vec<Vec<u8>> {
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
                Job::Store(_) => unreachable!("a sender stores nothing"),
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

fn feed(sender: &mut Sender, now: Timestamp, source: u32, message: &Message<'_>) {
    let mut bytes = Vec::new();
    message.emit(Header { sequence: Sequence(0), source: NodeId(source) }, &mut bytes);
    let address = SocketAddr::from(([10, 0, 0, source as u8], 5740));
    let datagram = Datagram {
        source: address,
        to_group: true,
        ce: false,
        waited: Duration::ZERO,
        payload: &mut bytes,
    };
    sender.handle_datagram(now, datagram);
}

pub(super) fn announce(sender: &mut Sender, now: Timestamp, node: u32) {
    report(sender, now, node, MemberState::Joined);
}

fn report(sender: &mut Sender, now: Timestamp, node: u32, state: MemberState) {
    report_loss(sender, now, node, (state, 0));
}

pub(super) fn report_loss(
    sender: &mut Sender,
    now: Timestamp,
    node: u32,
    (state, loss): (MemberState, u16),
) {
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
        name: "somebody",
        reason: "",
    };
    report.emit(&mut content);
    let message = Message::Report(Report { extensions: Extensions::EMPTY, content: &content });
    feed(sender, now, node, &message);
}

#[test]
fn who_left_before_the_start_is_not_counted() {
    let mut config = config();
    config.min_receivers = 2;
    let mut sender = Sender::new(config, 5, START).unwrap();
    announce(&mut sender, START, 2);
    let later = START + Duration::from_secs(60);
    announce(&mut sender, later, 3);
    sender.handle_timeout(later);
    let started = |sender: &mut Sender| {
        core::iter::from_fn(|| sender.poll_event()).any(|e| e == SenderEvent::Started)
    };
    assert!(!started(&mut sender), "the first has been silent for a minute");
    announce(&mut sender, later, 2);
    assert!(started(&mut sender));
}

#[test]
fn who_says_again_that_it_goes_does_not_come_back_by_that() {
    let mut sender = Sender::new(SenderConfig { min_receivers: 2, ..config() }, 5, START).unwrap();
    announce(&mut sender, START, 2);
    for _ in 0..3 {
        report(&mut sender, START, 2, MemberState::Leaving);
    }
    let mut events = Vec::new();
    events.extend(core::iter::from_fn(|| sender.poll_event()));
    let told = |wanted: fn(&SenderEvent) -> bool| events.iter().filter(|e| wanted(e)).count();
    assert_eq!(told(|e| matches!(e, SenderEvent::ReceiverFound { .. })), 1, "{events:?}");
    assert_eq!(told(|e| matches!(e, SenderEvent::ReceiverFailed { .. })), 1, "{events:?}");
    announce(&mut sender, START, 2);
    assert!(matches!(sender.poll_event(), Some(SenderEvent::ReceiverFound { .. })), "it is back");
}

#[test]
fn who_fell_silent_before_the_start_is_not_waited_for_afterwards() {
    let mut sender = Sender::new(SenderConfig { min_receivers: 2, ..config() }, 5, START).unwrap();
    announce(&mut sender, START, 2);
    let later = START + Duration::from_secs(9);
    announce(&mut sender, later, 3);
    sender.handle_timeout(later);
    assert!(sender.session.is_gathering(), "one of the two is gone");
    announce(&mut sender, later, 4);
    sender.handle_timeout(later);
    assert!(!sender.session.is_gathering());
    let nodes: Vec<u32> = sender.members().map(|(node, _)| node.0).collect();
    assert_eq!(nodes, [3, 4]);
}

#[test]
fn a_group_is_known_when_all_are_there_that_were_waited_for() {
    let config = SenderConfig { min_receivers: 2, ..config() };
    let mut sender = Sender::new(config, 5, START).unwrap();
    announce(&mut sender, START, 2);
    assert_eq!((sender.group_size(), sender.backoff()), (50, 4), "there may be many more");
    announce(&mut sender, START, 3);
    assert_eq!((sender.group_size(), sender.backoff()), (2, 1));
}

#[test]
fn when_every_receiver_has_failed_the_rest_is_not_sent() {
    let mut slow = config();
    slow.rate = Some(8_000);
    let mut sender = Sender::new(slow, 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 100_000, info: None, file: true }).unwrap();
    sender.finish();
    let mut now = START;
    let mut events = Vec::new();
    let mut run = |sender: &mut Sender, tenths: u32| {
        for _ in 0..tenths {
            now += MS * 100;
            sender.handle_timeout(now);
            drain(sender, now);
        }
        events.extend(core::iter::from_fn(|| sender.poll_event()));
        events.iter().filter(|event| **event == SenderEvent::Abandoned).count()
    };
    report(&mut sender, START, 2, MemberState::Failed);
    assert_eq!(run(&mut sender, 8), 0);
    report(&mut sender, START + MS * 800, 3, MemberState::Joined);
    assert_eq!(run(&mut sender, 30), 0, "somebody is there");
    report(&mut sender, START + MS * 3_800, 3, MemberState::Failed);
    assert_eq!(run(&mut sender, 9), 0, "one that starts again may be back in a moment");
    // The guess of half a second stands for want of a measured round trip.
    assert_eq!(run(&mut sender, 45), 1, "four round trips were long enough");
    run(&mut sender, 5);
    assert!(sender.is_finished());
    assert!(sender.progress().0 < 10_000, "{:?}", sender.progress());
}

#[test]
fn one_hostile_nack_of_many_overlapping_ranges_is_one_request() {
    let (mut sender, _) = sent(config(), &[64 * 8 * 200]);
    let mut writer = RepairWriter::new(60_000);
    for _ in 0..3000 {
        writer.push_range(RepairFlags::BLOCK, item(0, 0, 0), item(0, 190, 0));
    }
    send_nack(&mut sender, START, 3, &writer);
    let some = [(0, 4)];
    assert_eq!(sender.repairs.whole().collect::<Vec<_>>(), some, "of somebody unknown");
    announce(&mut sender, START, 2);
    send_nack(&mut sender, START, 2, &writer);
    assert_eq!(sender.repairs.whole().collect::<Vec<_>>(), [(0, 191)]);
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
pub(super) fn send_nack(sender: &mut Sender, now: Timestamp, node: u32, requests: &RepairWriter) {
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
fn impossible_settings_are_refused_where_they_are_made() {
    let refuse = |change: fn(&mut SenderConfig)| {
        let mut config = config();
        change(&mut config);
        Sender::new(config, 1, START).err()
    };
    assert_eq!(refuse(|c| c.node = NodeId::NONE), Some(ConfigError::ReservedNode));
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
fn every_symbol_is_sent_once_and_in_order_then_flushed() {
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

#[test]
fn a_named_symbol_is_sent_again_flagged_as_repair() {
    let (mut sender, _) = sent(config(), &[640]);
    announce(&mut sender, START, 2);
    nack(&mut sender, START, RepairForm::Items, RepairFlags::SEGMENT, item(0, 1, 3));
    let later = START + MS * 5000;
    sender.handle_timeout(later);
    assert_eq!(data(&drain(&mut sender, later)), [(0, 1, 3, true)]);
}

#[test]
fn a_need_that_was_just_served_holds_nothing_up() {
    let mut sender = Sender::new(config(), 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 640, info: None, file: true }).unwrap();
    sender.finish();
    // It was there before what it needs was sent.
    announce(&mut sender, START, 2);
    drain(&mut sender, START);
    let ask = |sender: &mut Sender, now| {
        nack(sender, now, RepairForm::Erasures, RepairFlags::SEGMENT, item(0, 1, 2));
        sender.lag.stalls(now, 1000, 100)
    };
    assert!(ask(&mut sender, START));
    let later = START + MS * 5000;
    sender.handle_timeout(later);
    assert_eq!(data(&drain(&mut sender, later)).len(), 2, "it is repaired");
    sender.lag = Lag::new();
    assert!(!ask(&mut sender, later + MS), "it was asked again before the repair arrived");
}

#[test]
fn counted_needs_get_fresh_coded_symbols_that_never_repeat() {
    let (mut sender, _) = sent(config(), &[640]);
    let mut now = START;
    let mut seen = Vec::new();
    announce(&mut sender, now, 2);
    for _ in 0..4 {
        nack(&mut sender, now, RepairForm::Erasures, RepairFlags::SEGMENT, item(0, 0, 2));
        now += MS * 5000;
        sender.handle_timeout(now);
        let repairs = data(&drain(&mut sender, now));
        assert_eq!(repairs.len(), 2, "{repairs:?}");
        seen.extend(repairs.iter().map(|r| r.2));
        now += MS * 5000;
    }
    assert!(seen.iter().all(|&symbol| symbol >= 5));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 8);
}

#[test]
fn requests_for_what_was_never_sent_are_ignored_and_unknown_objects_squelched_once() {
    let (mut sender, _) = sent(config(), &[640]);
    nack(&mut sender, START, RepairForm::Items, RepairFlags::BLOCK, item(0, 7, 0));
    nack(&mut sender, START, RepairForm::Items, RepairFlags::OBJECT, item(900, 0, 0));
    nack(&mut sender, START, RepairForm::Items, RepairFlags::OBJECT, item(901, 0, 0));
    let packets = drain(&mut sender, START + MS);
    assert!(data(&packets).is_empty());
    let squelches = commands(&packets, |c| match c {
        Command::Squelch(squelch) => Some(squelch.object.0),
        _ => None,
    });
    assert_eq!(squelches, [0]);
    assert!(sender.stats().ignored_requests >= 3);
}

#[test]
fn only_an_acknowledgment_of_the_newest_watermark_confirms() {
    let (mut sender, _) = sent(config(), &[640]);
    let ack = |sender: &mut Sender, symbol| {
        let mut payload = Vec::new();
        let RepairItem { fec_id, object, payload_id } = item(0, 1, symbol);
        AckFlush { fec_id, reserved: 0, object, payload_id }.emit(&mut payload);
        let message = Message::Ack(Ack {
            sender: NodeId(1),
            instance: sender.instance(),
            ack_type: ACK_FLUSH,
            ack_id: 0,
            grtt_response: WireTime::ZERO,
            extensions: Extensions::EMPTY,
            payload: &payload,
        });
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
fn acknowledgments_may_differ_in_the_source_block_length() {
    use crate::fec::{Points, RsCode, RsForm};
    let code = RsCode::new(RsForm::Id129, Points::Rizzo, 8, 2).unwrap();
    let scheme = Scheme::ReedSolomon(code);
    let (mut sender, _) = sent(SenderConfig { scheme, mode: Mode::Standard, ..config() }, &[640]);
    let (object, id) = sender.watermark().unwrap();
    let format = sender.payload_format();
    let mut id = id.decode(format).unwrap();
    for (symbol, status) in [(3, MemberStatus::Active), (4, MemberStatus::Confirmed)] {
        (id.symbol, id.block_len) = (symbol, 8);
        let (mut payload, fec_id) = (Vec::new(), sender.fec_id());
        AckFlush { fec_id, reserved: 0, object, payload_id: id.encode(format) }.emit(&mut payload);
        let message = Message::Ack(Ack {
            sender: NodeId(1),
            instance: sender.instance(),
            ack_type: ACK_FLUSH,
            ack_id: 0,
            grtt_response: WireTime::ZERO,
            extensions: Extensions::EMPTY,
            payload: &payload,
        });
        feed(&mut sender, START + MS, 2, &message);
        assert_eq!(sender.members().next().unwrap().1.status, status);
    }
}

#[test]
fn feedback_for_another_sender_or_instance_is_not_ours() {
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

/// EOTs after an abort, of which the first leaves before anything else is done.
fn goodbyes(sender: &mut Sender) -> usize {
    let eot = |c: &Command<'_>| matches!(c, Command::Eot(_)).then_some(());
    let mut now = START;
    sender.abort(now);
    let mut goodbyes = 0;
    for _ in 0..20 {
        goodbyes += commands(&drain(sender, now), eot).len();
        now += MS * 100;
        sender.handle_timeout(now);
    }
    goodbyes
}

#[test]
fn where_packets_are_lost_goodbye_is_said_more_often() {
    let (mut sender, _) = sent(config(), &[640]);
    report_loss(&mut sender, START, 2, (MemberState::Receiving, 5_000));
    assert_eq!(goodbyes(&mut sender), 8);
}

#[test]
fn an_aborted_session_says_goodbye_three_times_and_stops() {
    let (mut sender, _) = sent(config(), &[640]);
    assert_eq!(goodbyes(&mut sender), 3);
    assert!(sender.is_finished());
    assert_eq!(sender.poll_timeout(), None);
}

/// FLUSH commands among packets: the place and who is listed.
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
fn who_comes_after_the_first_block_is_listed_in_a_flush_of_what_was_sent_until_it_asks() {
    let mut slow = config();
    (slow.mode, slow.trust_unannounced, slow.rate) = (Mode::Standard, true, Some(100_000));
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
    assert_eq!(flushes(&packets), [], "nobody is there");
    let ack = Message::Ack(Ack {
        sender: NodeId(1),
        instance: sender.instance(),
        ack_type: ACK_CC,
        ack_id: 0,
        grtt_response: WireTime::ZERO,
        extensions: Extensions::EMPTY,
        payload: &[],
    });
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
fn the_first_block_of_an_empty_object_is_nothing_to_repair() {
    let (mut sender, _) = sent(config(), &[0, 64 * 8]);
    announce(&mut sender, START, 2);
    let flags = RepairFlags::INFO.with(RepairFlags::BLOCK);
    nack(&mut sender, START, RepairForm::Items, flags, item(0, 0, 0));
    assert_eq!(sender.repairs.whole().count(), 0);
    nack(&mut sender, START, RepairForm::Items, flags, item(1, 0, 0));
    assert_eq!(sender.repairs.whole().count(), 1);
}

#[test]
fn new_data_wait_for_the_credit_of_a_receiver_and_go_as_far_as_it_says() {
    let mut config = config();
    (config.segment_size, config.block_len, config.min_receivers) = (1024, 64, 1);
    let mut sender = Sender::new(config, 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 4 << 20, info: None, file: true }).unwrap();
    sender.finish();
    announce(&mut sender, START, 2);
    let packets = drain(&mut sender, START);
    let first = sender.progress().0;
    assert!((256 << 10..300 << 10).contains(&first), "{first} before any answer");
    let asked = packets.iter().rev().find_map(|packet| match Message::parse(packet) {
        Ok((_, Message::Cmd(Cmd { command: Command::AckReq(request), .. }))) => {
            Some(request.ack_id)
        }
        _ => None,
    });
    let mut payload = Vec::new();
    ReceiveWindow { bytes: 1 << 20, burst: u64::MAX }.emit(&mut payload);
    let answer = Message::Ack(Ack {
        sender: NodeId(1),
        instance: sender.instance(),
        ack_type: ACK_WINDOW,
        ack_id: asked.unwrap(),
        grtt_response: WireTime::ZERO,
        extensions: Extensions::EMPTY,
        payload: &payload,
    });
    feed(&mut sender, START, 2, &answer);
    drain(&mut sender, START);
    let second = sender.progress().0;
    assert!((1 << 20..first + (1 << 20) + 9000).contains(&second), "{second} with an answer");
    drain(&mut sender, START + MS * 499);
    assert_eq!(sender.progress().0, second, "it is waited for");
    drain(&mut sender, START + MS * 501);
    assert_eq!(sender.progress().0, 4 << 20, "and then no longer");
}

#[test]
fn who_does_not_know_its_round_trip_is_told_by_the_next_probe() {
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
            sender: NodeId(1),
            instance: sender.instance(),
            ack_type: ACK_CC,
            ack_id: 0,
            grtt_response: WireTime::from_nanos((now - MS * 30).as_nanos()),
            extensions: extensions.as_extensions(),
            payload: &[],
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
