//! Answers to the probes of a sender that controls congestion.

use core::net::SocketAddr;
use core::time::Duration;

use crate::base::Timestamp;
use crate::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Destination, Endpoint, Proof, SenderId, SymbolStore,
    TransmitBuf,
};
use crate::fileset::{ManifestHash, PartKind, SetDescriptor, SetId, SetSummary};
use crate::norm::receiver::config::{Feedback, ReceiverConfig};
use crate::norm::receiver::engine::Receiver;
use crate::norm::receiver::event::ReceiverEvent;
use crate::norm::wire::{
    ACK_CC, ACK_FLUSH, Ack, Cc, CcFeedback, CcFlags, CcNode, CcNodes, Cmd, Command, Data,
    ExtensionBuf, Extensions, FecId, Flush, Fti, Header, Identity, Info, InstanceId, Message, Nack,
    NodeId, NodeList, ObjectFlags, ObjectId, ObjectSize, PathReport, PayloadFormat, PayloadId,
    QuantizedGroupSize, QuantizedLoss, QuantizedRate, QuantizedRtt, RepairAdv, RepairRequests,
    SenderFields, Sequence, SetInfo, Watch, WireTime, encode_cc_nodes, encode_nodes,
};

/// What the sender says that it sends, in bytes per second.
const RATE: Option<f64> = Some(100_000.0);
const MS: Duration = Duration::from_millis(1);
const START: Timestamp = Timestamp::from_nanos(1_000_000_000);
const OUR_NODE: NodeId = NodeId(77);
const SENDER: NodeId = NodeId(5);
/// The first sender that the receiver hears.
const SENDER_ID: SenderId = SenderId(0);
const INSTANCE: InstanceId = InstanceId(9);
const OTHER: NodeId = NodeId(78);
const PROBED: WireTime = WireTime { sec: 3, usec: 250_000 };

/// Keeps nothing.
#[derive(Debug)]
struct NoBytes;

impl SymbolStore for NoBytes {
    fn put(&mut self, _: BlockSlot, _: &BlockGeometry, _: u32, _: &[u8]) -> bool {
        true
    }

    fn room(&mut self) -> u64 {
        1 << 20
    }

    fn discard(&mut self, _: BlockSlot) {}
}

fn config() -> ReceiverConfig {
    ReceiverConfig {
        node: Some(OUR_NODE),
        announce: false,
        auto_accept: true,
        auto_confirm: true,
        ..ReceiverConfig::new(Identity([1; 16]))
    }
}

/// A receiver, and the sender that it hears.
struct Session {
    receiver: Receiver<NoBytes>,
    now: Timestamp,
    sequence: u16,
    cc_sequence: u16,
    /// Data packets so far.
    placed: u32,
    backoff: u8,
    address: SocketAddr,
    sent: Vec<(Destination, Vec<u8>)>,
    /// Packets have a CE mark from now on.
    ce: bool,
    /// How long packets have waited on this machine from now on.
    waited: Duration,
    /// The driver has no time to send.
    is_busy: bool,
}

impl Session {
    fn new(feedback: Feedback) -> Self {
        Self::with(ReceiverConfig { feedback, ..config() })
    }

    fn with(config: ReceiverConfig) -> Self {
        Self {
            receiver: Receiver::new(config, NoBytes, 1),
            now: START,
            sequence: 0,
            cc_sequence: 0,
            placed: 0,
            backoff: 4,
            address: SocketAddr::from(([10, 0, 0, 5], 5740)),
            sent: Vec::new(),
            ce: false,
            waited: Duration::ZERO,
            is_busy: false,
        }
    }

    fn fields(&self) -> SenderFields {
        SenderFields {
            instance: INSTANCE,
            grtt: QuantizedRtt::from_duration(MS * 100),
            backoff: self.backoff,
            group_size: QuantizedGroupSize::from_count(1000),
        }
    }

    fn hear(&mut self, from: NodeId, sequence: u16, message: &Message<'_>) {
        let mut bytes = Vec::new();
        message.emit(Header { sequence: Sequence(sequence), source: from }, &mut bytes);
        let mut address = self.address;
        if from != SENDER {
            address.set_ip([10, 0, 0, 78].into());
        }
        let datagram = Datagram {
            source: address,
            to_group: true,
            ce: self.ce,
            waited: self.waited,
            proof: Proof::None,
            payload: &mut bytes,
        };
        self.receiver.handle_datagram(self.now, datagram);
        self.serve();
    }

    /// Collects what is sent, as a driver does.
    fn serve(&mut self) {
        if self.is_busy {
            return;
        }
        let mut out = TransmitBuf::new(1);
        self.receiver.handle_timeout(self.now);
        while let Some(transmit) = self.receiver.poll_transmit(self.now, &mut out) {
            self.sent.push((transmit.destination, out.as_bytes().to_vec()));
        }
        assert!(self.receiver.poll_timeout().is_none_or(|at| at > self.now), "a timer has ended");
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        let due = |session: &Self| session.receiver.poll_timeout().filter(|&at| at <= end);
        while let Some(at) = due(self).filter(|_| !self.is_busy) {
            self.now = at;
            self.serve();
        }
        self.now = end;
    }

    fn command(&mut self, extensions: Extensions<'_>, command: Command<'_>) {
        self.sequence = self.sequence.wrapping_add(1);
        let cmd = Cmd { sender: self.fields(), extensions, command };
        self.hear(SENDER, self.sequence, &Message::Cmd(cmd));
    }

    fn probe(&mut self, rate: Option<f64>, nodes: &[CcNode]) {
        self.cc_sequence += 1;
        let mut list = Vec::new();
        encode_cc_nodes(nodes, &mut list);
        let mut extensions = ExtensionBuf::new();
        if let Some(rate) = rate {
            extensions.push_rate(QuantizedRate::from_bytes_per_second(rate));
        }
        let cc = Cc {
            reserved: 0,
            cc_sequence: self.cc_sequence,
            send_time: PROBED,
            nodes: CcNodes::from_bytes(&list).unwrap(),
        };
        self.command(extensions.as_extensions(), Command::Cc(cc));
    }

    /// Data packets of an object, `spacing` apart. Those in `lost` do not arrive.
    fn data(&mut self, count: u16, spacing: Duration, lost: core::ops::Range<u16>) {
        let fti = Fti::ReedSolomon8 {
            size: ObjectSize::new(1 << 20).unwrap(),
            symbol_size: 1000,
            max_block_len: 64,
            parity: 16,
        };
        let mut extensions = ExtensionBuf::new();
        extensions.push_fti(&fti);
        for n in 0..count {
            let place = self.placed;
            self.placed += 1;
            self.wait(spacing);
            self.sequence = self.sequence.wrapping_add(1);
            if lost.contains(&n) {
                continue;
            }
            let id = PayloadId { block: place / 64, symbol: place % 64, block_len: 0 };
            let data = Data {
                sender: self.fields(),
                flags: ObjectFlags::NONE,
                fec_id: FecId::REED_SOLOMON_8,
                object: ObjectId(0),
                payload_id: id.encode(PayloadFormat::Block24Symbol8),
                extensions: extensions.as_extensions(),
                payload: &[7; 1000],
            };
            self.hear(SENDER, self.sequence, &Message::Data(data));
        }
    }
}

/// Node, acknowledgment type (`None` for a NACK) and EXT_CC, which must be the only extension.
fn feedback(packet: &[u8]) -> (Option<u8>, Option<CcFeedback>) {
    let (header, message) = Message::parse(packet).unwrap();
    assert_eq!(header.source, OUR_NODE);
    let (ack_type, sender, extensions) = match &message {
        Message::Ack(ack) => (Some(ack.ack_type), ack.sender, ack.extensions),
        Message::Nack(nack) => (None, nack.sender, nack.extensions),
        other => panic!("{other:?}"),
    };
    assert_eq!(sender, SENDER);
    assert!(extensions.iter().count() <= 1);
    (ack_type, extensions.cc_feedback())
}

impl Session {
    /// True when nothing is measured of the sender.
    fn is_unmeasured(&mut self) -> bool {
        self.receiver.senders().iter().all(|sender| sender.path.is_unmeasured())
    }

    /// What was sent since the last call.
    fn take(&mut self) -> Vec<(Option<u8>, Option<CcFeedback>)> {
        self.sent.drain(..).map(|(_, packet)| feedback(&packet)).collect()
    }

    /// The only thing that was sent: an answer to a probe.
    fn answer(&mut self) -> CcFeedback {
        let sent = self.take();
        let [(Some(ACK_CC), Some(feedback))] = sent[..] else { panic!("{sent:?}") };
        feedback
    }
}

fn listed(flags: CcFlags) -> CcNode {
    let rtt = QuantizedRtt::from_duration(MS * 20);
    CcNode { id: OUR_NODE, flags: flags.with(CcFlags::RTT), rtt, rate: QuantizedRate::ZERO }
}

/// What another receiver says of its path.
fn feedback_of(rate: f64) -> ExtensionBuf {
    let mut extensions = ExtensionBuf::new();
    extensions.push_cc(&CcFeedback {
        cc_sequence: 1,
        flags: CcFlags::NONE,
        rtt: QuantizedRtt::from_duration(MS * 20),
        loss: QuantizedLoss::ZERO,
        rate: QuantizedRate::from_bytes_per_second(rate),
    });
    extensions
}

#[test]
fn clr_answers_each_probe_at_once_with_twice_its_rate() {
    let mut session = Session::new(Feedback::Multicast);
    session.probe(RATE, &[listed(CcFlags::CLR)]);
    let first = session.answer();
    assert_eq!(first.flags, CcFlags::CLR.with(CcFlags::RTT).with(CcFlags::START));
    let rate = first.rate.to_bytes_per_second();
    assert!((rate / 100_000.0 - 1.0).abs() < 0.02, "nothing measured, so as advertised: {rate}");
    session.data(200, MS * 10, 0..0);
    for cc_sequence in 2..5 {
        session.probe(RATE, &[listed(CcFlags::CLR)]);
        assert_eq!(session.sent[0].0, Destination::Group, "also in a large group");
        let Ok((_, Message::Ack(ack))) = Message::parse(&session.sent[0].1) else { panic!() };
        assert_eq!((ack.ack_id, ack.grtt_response, ack.payload), (0, PROBED, &[][..]));
        let answer = session.answer();
        assert_eq!(answer.cc_sequence, cc_sequence);
        assert_eq!(answer.rtt, QuantizedRtt::from_duration(MS * 20));
        // 1000 bytes of content and 32 of header each 10 ms.
        let rate = answer.rate.to_bytes_per_second();
        assert!((rate / 206_400.0 - 1.0).abs() < 0.05, "{rate}");
    }
}

#[test]
fn unlisted_receiver_answers_after_backoff_and_then_pauses() {
    let mut session = Session::new(Feedback::Multicast);
    session.probe(RATE, &[]);
    assert!(session.take().is_empty());
    while session.sent.is_empty() {
        session.wait(MS);
        assert!(session.now < START + MS * 500, "more than K round trips");
    }
    let answer = session.answer();
    assert_eq!(answer.flags, CcFlags::START, "the round trip was not measured");
    session.wait(MS * 350);
    session.probe(RATE, &[]);
    session.wait(MS * 2000);
    assert!(session.take().is_empty(), "K round trips had not passed");
    session.probe(RATE, &[]);
    session.wait(MS * 500);
    session.answer();
}

#[test]
fn only_receiver_does_not_wait() {
    let mut session = Session::new(Feedback::Multicast);
    session.backoff = 0;
    session.probe(RATE, &[]);
    session.answer();
}

#[test]
fn sender_without_ext_rate_gets_no_answer() {
    let mut session = Session::new(Feedback::Multicast);
    session.probe(None, &[listed(CcFlags::CLR)]);
    session.data(200, MS, 50..60);
    session.wait(MS * 1000);
    let sent = session.take();
    assert!(!sent.is_empty() && sent.iter().all(|&feedback| feedback == (None, None)), "{sent:?}");
    assert!(session.is_unmeasured());
}

#[test]
fn silent_receiver_does_not_answer() {
    let mut session = Session::new(Feedback::None);
    for _ in 0..5 {
        session.probe(RATE, &[listed(CcFlags::CLR)]);
        session.data(50, MS * 10, 20..30);
    }
    session.wait(MS * 5000);
    assert!(session.take().is_empty());
    assert!(session.is_unmeasured());
}

#[test]
fn clr_reports_a_loss_at_once_under_the_next_probe() {
    let mut session = Session::new(Feedback::Multicast);
    session.probe(RATE, &[listed(CcFlags::CLR)]);
    session.take();
    session.data(104, MS, 100..101);
    let answer = session.answer();
    assert_eq!((answer.cc_sequence, answer.flags), (2, CcFlags::CLR.with(CcFlags::RTT)));
    assert!(answer.loss.to_fraction() > 0.0, "no loss after slow start would stop a sender");
    session.data(300, MS, 100..101);
    assert!(session.take().iter().all(|(ack, _)| ack.is_none()), "once between two probes");
    session.probe(RATE, &[listed(CcFlags::CLR)]);
    assert_eq!(session.answer().cc_sequence, 2);
}

/// An interop peer that lets routers mark its packets (RFC 5740 §5.5.2.1).
#[test]
fn ce_mark_is_reported_like_a_loss_and_not_repaired() {
    let mut session = Session::new(Feedback::Multicast);
    session.probe(RATE, &[listed(CcFlags::CLR)]);
    session.take();
    session.data(100, MS, 0..0);
    session.ce = true;
    session.data(10, MS, 0..0);
    session.ce = false;
    let answer = session.answer();
    assert_eq!((answer.cc_sequence, answer.flags), (2, CcFlags::CLR.with(CcFlags::RTT)));
    assert!(answer.loss.to_fraction() > 0.0);
    session.data(300, MS, 0..0);
    assert!(session.take().is_empty(), "nothing is missing");
    assert_eq!(session.receiver.stats().ce_marked, 10);
}

/// The report of the path in the last answer.
fn report(session: &mut Session) -> PathReport {
    let (_, packet) = session.sent.pop().unwrap();
    let Ok((_, Message::Ack(ack))) = Message::parse(&packet) else { panic!("{packet:?}") };
    ack.extensions.path_report().unwrap()
}

#[test]
fn wait_in_the_socket_does_not_count_as_path_delay() {
    for (waited, span) in [(MS * 30, MS * 20), (MS * 80, MS * 50)] {
        let mut session = Session::with(config());
        session.backoff = 0;
        session.watch(false);
        session.data(20, MS, 0..0);
        session.wait(waited);
        session.waited = waited;
        session.watch(false);
        let report = report(&mut session);
        // What is beyond 50 ms is a queue of this machine.
        let reported = (report.span.as_millis(), report.received);
        assert_eq!(reported, (span.as_millis(), 21), "{waited:?}");
    }
}

/// The next packet comes this much later than the one after it.
fn swap(session: &mut Session, late: Duration) {
    let before = session.sequence;
    session.sequence = before + 1;
    session.data(1, MS, 0..0);
    session.wait(late);
    session.sequence = before;
    session.data(1, Duration::ZERO, 0..0);
    session.sequence = before + 2;
}

#[test]
fn report_waits_for_a_packet_that_was_overtaken() {
    let mut session = Session::with(config());
    session.backoff = 0;
    session.watch(false);
    (0..20).for_each(|_| swap(&mut session, MS * 10));
    session.watch(false);
    session.data(20, MS, 0..0);
    session.sent.clear();
    let before = session.sequence;
    session.sequence = before + 1;
    session.watch(false);
    session.wait(MS * 8);
    assert!(session.sent.is_empty(), "a packet may still come");
    session.sequence = before;
    session.data(1, Duration::ZERO, 0..0);
    let report = report(&mut session);
    let counts = (report.received, report.lost, report.span.as_millis());
    assert_eq!(counts, (22, 0, 28), "the probe counts from then on");
    assert!(report.jitter > MS);
}

#[test]
fn report_of_a_packet_that_is_lost_comes_after_the_reordering_window() {
    let mut session = Session::with(config());
    session.backoff = 0;
    session.watch(false);
    session.data(1, MS, 0..0);
    (0..20).for_each(|_| swap(&mut session, MS * 10));
    session.data(20, MS, 0..0);
    session.sent.clear();
    session.sequence += 1;
    session.watch(false);
    session.wait(MS * 20);
    let report = report(&mut session);
    assert_eq!((report.received, report.lost), (62, 1));
}

#[test]
fn native_sender_is_told_how_many_packets_were_ce_marked() {
    let mut session = Session::new(Feedback::Multicast);
    session.backoff = 0;
    session.watch(false);
    session.data(20, MS, 0..0);
    session.watch(false);
    assert_eq!(report(&mut session).ce_marked, 0);
    session.ce = true;
    session.data(7, MS, 0..0);
    session.ce = false;
    session.data(20, MS, 0..0);
    session.watch(false);
    let report = report(&mut session);
    assert_eq!((report.ce_marked, report.received, report.lost), (7, 28, 0));
}

#[test]
fn nack_carries_the_answer_to_a_probe() {
    let mut session = Session::new(Feedback::Multicast);
    session.probe(RATE, &[]);
    session.wait(MS * 500);
    session.answer();
    session.data(200, MS, 50..60);
    session.wait(MS * 150);
    session.probe(RATE, &[]);
    session.wait(MS * 500);
    let sent = session.take();
    let nacks: Vec<_> = sent.iter().filter(|(ack, _)| ack.is_none()).collect();
    assert!(!nacks.is_empty(), "{sent:?}");
    for (_, feedback) in nacks {
        let feedback = feedback.unwrap();
        assert!(!feedback.flags.contains(CcFlags::START) && feedback.loss != QuantizedLoss::ZERO);
    }
    assert!(sent.len() <= 2, "{sent:?}");
}

#[test]
fn flush_acknowledgment_carries_the_answer_to_a_probe() {
    let mut session = Session::new(Feedback::Multicast);
    session.probe(RATE, &[]);
    session.data(1, MS, 0..0);
    let opened =
        core::iter::from_fn(|| session.receiver.poll_event()).find_map(|event| match event {
            ReceiverEvent::ObjectOpened { object, .. } => Some(object),
            _ => None,
        });
    session.receiver.refuse(opened.unwrap());
    session.wait(MS * 500);
    session.take();
    let mut acking = Vec::new();
    encode_nodes(&[OUR_NODE], &mut acking);
    let last = PayloadId { block: 16, symbol: 0, block_len: 0 };
    let flush = Flush {
        fec_id: FecId::REED_SOLOMON_8,
        object: ObjectId(0),
        payload_id: last.encode(PayloadFormat::Block24Symbol8),
        acking: NodeList::from_bytes(&acking).unwrap(),
    };
    session.command(Extensions::EMPTY, Command::Flush(flush));
    session.wait(MS * 200);
    let sent = session.take();
    assert!(matches!(sent[..], [(Some(ACK_FLUSH), Some(_))]), "{sent:?}");
}

/// How a receiver overhears the feedback of another one.
#[derive(Copy, Clone, Debug)]
enum Through {
    Nack,
    Ack,
    RepairAdv,
}

impl Session {
    /// Another receiver says what it can take, in bytes per second.
    fn overhear(&mut self, through: Through, rate: f64) {
        let requests = RepairRequests::EMPTY;
        let (sender, instance, grtt_response) = (SENDER, INSTANCE, PROBED);
        let feedback = feedback_of(rate);
        let extensions = feedback.as_extensions();
        match through {
            Through::Nack => {
                let nack =
                    Nack { sender, instance, reserved: 0, grtt_response, extensions, requests };
                self.hear(OTHER, 0, &Message::Nack(nack));
            }
            Through::Ack => {
                let (ack_type, ack_id, payload) = (ACK_CC, 0, &[][..]);
                let ack =
                    Ack { sender, instance, ack_type, ack_id, grtt_response, extensions, payload };
                self.hear(OTHER, 0, &Message::Ack(ack));
            }
            Through::RepairAdv => {
                let advertised = RepairAdv { flags: 0, reserved: 0, requests };
                self.command(extensions, Command::RepairAdv(advertised));
            }
        }
    }
}

#[test]
fn overheard_feedback_suppresses_all_but_slower_receivers() {
    // Our answer is twice the 100,000 or so that arrive: the third is faster than we are.
    for (rate, suppressed) in [(100_000.0, true), (1e6, true), (1e7, false)] {
        for through in [Through::Nack, Through::Ack, Through::RepairAdv] {
            let mut session = Session::new(Feedback::Multicast);
            session.probe(RATE, &[]);
            session.wait(MS * 1000);
            session.data(300, MS * 2, 0..0);
            session.take();
            session.probe(RATE, &[]);
            session.overhear(through, rate);
            session.wait(MS * 500);
            assert_eq!(session.take().is_empty(), suppressed, "{rate} through {through:?}");
        }
    }
}

#[test]
fn duplicate_sender_gets_no_answer_to_a_probe() {
    let mut session = Session::new(Feedback::Multicast);
    session.data(10, MS, 0..0);
    session.address = SocketAddr::from(([10, 0, 0, 66], 5740));
    session.probe(RATE, &[listed(CcFlags::CLR)]);
    session.wait(MS * 1000);
    assert!(session.take().is_empty());
}

impl Session {
    /// A probe that says whether nothing is sent.
    fn watch(&mut self, paused: bool) {
        self.watch_listing(paused, false, &[]);
    }

    /// A probe that says whether nothing is sent, and whether nothing more will be.
    fn watch_stopped(&mut self, paused: bool, stopped: bool) {
        self.watch_listing(paused, stopped, &[]);
    }

    fn watch_listing(&mut self, paused: bool, stopped: bool, nodes: &[CcNode]) {
        self.cc_sequence += 1;
        let rate = QuantizedRate::from_bytes_per_second(1e5);
        let mut extensions = ExtensionBuf::new();
        extensions.push_watch(Watch { quiet: false, fair: false, paused, stopped, rate });
        let (cc_sequence, send_time) = (self.cc_sequence, PROBED);
        let mut list = Vec::new();
        encode_cc_nodes(nodes, &mut list);
        let cc =
            Cc { reserved: 0, cc_sequence, send_time, nodes: CcNodes::from_bytes(&list).unwrap() };
        self.command(extensions.as_extensions(), Command::Cc(cc));
    }
}

#[test]
fn pausing_sender_is_left_alone_and_not_given_up() {
    let mut session = Session::new(Feedback::Multicast);
    session.data(200, MS, 20..30);
    let events = |session: &mut Session| -> Vec<ReceiverEvent> {
        core::iter::from_fn(|| session.receiver.poll_event()).collect()
    };
    events(&mut session);
    session.watch(true);
    session.take();
    assert_eq!(events(&mut session), [ReceiverEvent::SenderPaused { sender: SENDER_ID }]);
    for _ in 0..100 {
        session.wait(Duration::from_secs(2));
        session.watch(true);
    }
    assert!(session.receiver.is_paused(SENDER_ID));
    assert_eq!((session.take(), events(&mut session)), (Vec::new(), Vec::new()));
    session.wait(Duration::from_secs(2));
    session.watch(false);
    assert_eq!(events(&mut session), [ReceiverEvent::SenderResumed { sender: SENDER_ID }]);
    session.wait(Duration::from_secs(1));
    assert!(session.take().iter().any(|(ack, _)| ack.is_none()), "what is missing is asked for");
}

#[test]
fn stopped_sender_is_not_asked_for_anything_and_stays_stopped() {
    let mut session = Session::new(Feedback::Multicast);
    session.data(200, MS, 20..30);
    session.watch_stopped(true, true);
    session.take();
    let stopped = ReceiverEvent::SenderStopped { sender: SENDER_ID };
    assert!(core::iter::from_fn(|| session.receiver.poll_event()).any(|event| event == stopped));
    session.wait(Duration::from_secs(10));
    assert!(session.take().is_empty(), "there would be no answer");
    assert!(session.receiver.is_stopped(SENDER_ID) && !session.receiver.is_paused(SENDER_ID));
    session.data(1, MS, 0..0);
    assert!(!session.receiver.is_stopped(SENDER_ID));
}

#[test]
fn pause_ends_with_content_or_silence() {
    let mut session = Session::new(Feedback::Multicast);
    session.data(1, MS, 0..0);
    session.watch(true);
    session.data(1, MS, 0..0);
    assert!(!session.receiver.is_paused(SENDER_ID));
    session.watch(true);
    session.wait(Duration::from_secs(10));
    assert!(!session.receiver.is_paused(SENDER_ID));
    let events: Vec<_> = core::iter::from_fn(|| session.receiver.poll_event()).collect();
    assert!(events.contains(&ReceiverEvent::SenderSilent { sender: SENDER_ID }), "{events:?}");
}

#[test]
fn duplicate_sender_does_not_keep_the_receiver_busy() {
    let mut session = Session::with(ReceiverConfig { announce: true, ..config() });
    session.watch(false);
    session.data(10, MS, 0..0);
    session.address = SocketAddr::from(([10, 0, 0, 66], 5740));
    session.watch(false);
    session.wait(MS * 3000);
}

#[test]
fn reports_that_wait_for_a_duplicate_sender_do_not_keep_the_receiver_busy() {
    let mut session = Session::new(Feedback::Multicast);
    session.data(100, MS, 0..0);
    session.address = SocketAddr::from(([10, 0, 0, 66], 5740));
    session.is_busy = true;
    for _ in 0..5 {
        session.data(2, MS, 0..0);
        session.watch_listing(false, false, &[listed(CcFlags::CLR)]);
    }
    session.is_busy = false;
    session.serve();
    session.wait(MS * 100);
    assert!(session.take().is_empty());
}

#[test]
fn sender_known_as_native_late_gets_a_report() {
    let mut session = Session::with(ReceiverConfig { announce: true, ..config() });
    session.data(1, MS, 0..0);
    session.wait(MS * 500);
    let mut payload = Vec::new();
    let set = SetSummary {
        set: SetId([1; 16]),
        parts: 2,
        list_first: false,
        payload_size: 0,
        manifest_size: 32,
        list_size: 76,
        manifest: ManifestHash([2; 32]),
        content: None,
    };
    let part = SetDescriptor { kind: PartKind::Manifest, offset: 0, set };
    SetInfo { first_object: ObjectId(0), part }.emit(&mut payload);
    session.sequence += 1;
    let info = Info {
        sender: session.fields(),
        flags: ObjectFlags::NONE,
        fec_id: FecId::REED_SOLOMON_8,
        object: ObjectId(0),
        extensions: Extensions::EMPTY,
        payload: &payload,
    };
    let sequence = session.sequence;
    session.hear(SENDER, sequence, &Message::Info(info));
    session.watch(false);
    session.data(10, MS, 0..0);
    session.watch(false);
    session.wait(MS * 3000);
    let reports = |packet: &[u8]| matches!(Message::parse(packet), Ok((_, Message::Report(_))));
    assert!(session.sent.iter().any(|(_, packet)| reports(packet)));
}
