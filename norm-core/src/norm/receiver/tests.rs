use core::net::SocketAddr;
use core::time::Duration;

use super::*;
use crate::endpoint::BlockGeometry;
use crate::norm::wire::{
    ACK_CC, Application, Cc, CcNodes, Cmd, Command, Data, Eot, ExtensionBuf, Extensions, FecId,
    Flush, Fti, Header, Identity, Info, InstanceId, MemberReport, MembershipQuery, Message,
    NodeList, ObjectFlags, ObjectSize, PayloadFormat, PayloadId, QuantizedGroupSize, QuantizedRate,
    QuantizedRtt, RepairFlags, SenderFields, WireTime,
};

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

fn hear(receiver: &mut Receiver<NoStore>, now: Timestamp, command: Command<'_>, rate: bool) {
    let mut extensions = ExtensionBuf::new();
    if rate {
        extensions.push_rate(QuantizedRate::from_bytes_per_second(1e6));
    }
    let extensions = extensions.as_extensions();
    say(receiver, now, &Message::Cmd(Cmd { sender: sender(), extensions, command }));
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
    let mut bytes = Vec::new();
    message.emit(Header { sequence: Sequence(0), source: NodeId(1) }, &mut bytes);
    let source = SocketAddr::from(([10, 0, 0, 1], 5740));
    receiver.handle_datagram(
        now,
        Datagram { source, to_group: true, ce: false, waited: Duration::ZERO, payload: &mut bytes },
    );
}

fn probe() -> Command<'static> {
    let send_time = WireTime::from_nanos(5_000_000_000);
    Command::Cc(Cc { reserved: 0, cc_sequence: 1, send_time, nodes: CcNodes::EMPTY })
}

/// Lets everything that is due by `now` out; how many acknowledgments of probes there were.
fn answers(receiver: &mut Receiver<NoStore>, now: Timestamp) -> usize {
    receiver.handle_timeout(now);
    let mut out = TransmitBuf::new(4);
    let mut answers = 0;
    while receiver.poll_transmit(now, &mut out).is_some() {
        let (_, message) = Message::parse(out.as_bytes()).unwrap();
        let Message::Ack(ack) = message else { panic!("{message:?}") };
        assert_eq!(ack.ack_type, ACK_CC);
        assert!(!ack.grtt_response.is_zero());
        answers += 1;
    }
    answers
}

#[test]
fn probes_of_a_sender_that_calls_no_roll_are_answered_now_and_then() {
    let mut engine = receiver();
    hear(&mut engine, START, probe(), true);
    let soon = START + SECOND;
    assert_eq!(answers(&mut engine, soon), 1);
    hear(&mut engine, soon, probe(), true);
    assert_eq!(answers(&mut engine, soon + SECOND), 0, "it has heard of us lately");
    hear(&mut engine, soon + SECOND * 2, probe(), true);
    assert_eq!(answers(&mut engine, soon + SECOND * 3), 1);
}

#[test]
fn a_sender_has_ended_while_its_goodbye_is_the_last_that_was_heard() {
    let mut engine = receiver();
    hear(&mut engine, START, probe(), true);
    assert!(
        !engine.has_ended(SENDER_ID) && !engine.has_all(SENDER_ID),
        "nothing of it was heard of yet"
    );
    hear(&mut engine, START, Command::Eot(Eot { reserved: [0; 3] }), false);
    assert!(engine.has_ended(SENDER_ID));
    hear(&mut engine, START, probe(), true);
    assert!(!engine.has_ended(SENDER_ID), "it goes on");
    assert!(!engine.has_all(SenderId(5)), "an unknown one has nothing");
}

/// A FLUSH of an object whose last symbol is this one.
fn flush(fec_id: FecId, object: u16, block: u32, symbol: u32) -> Command<'static> {
    let format = PayloadFormat::for_fec(fec_id).unwrap();
    let payload_id = PayloadId { block, block_len: 0, symbol }.encode(format);
    Command::Flush(Flush { fec_id, object: ObjectId(object), payload_id, acking: NodeList::EMPTY })
}

/// What the NACKs that are due ask for: flags and object of every item.
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

#[test]
fn of_an_object_that_a_flush_calls_empty_only_info_is_asked_for_and_not_for_ever() {
    let nothing = [
        (FecId::REED_SOLOMON_8, 0x00ff_ffff, 0xff),
        (FecId::REED_SOLOMON, 0xffff, 0xffff),
        (FecId::SMALL_BLOCK, u32::MAX, 0xffff),
    ];
    for (fec_id, block, symbol) in nothing {
        let mut engine = receiver();
        let mut asked = Vec::new();
        for n in 0..40 {
            let now = START + SECOND * n;
            hear(&mut engine, now, flush(fec_id, 0, block, symbol), false);
            asked.extend(requests(&mut engine, now + SECOND / 2));
        }
        assert_eq!(asked, [(RepairFlags::INFO, 0); 20], "{fec_id:?}");
        let lost = |event| matches!(event, ReceiverEvent::EmptyObjectLost { object } if object.key as u16 == 0);
        let events: Vec<ReceiverEvent> = core::iter::from_fn(|| engine.poll_event()).collect();
        assert_eq!(events.into_iter().filter(|event| lost(event.clone())).count(), 1, "{fec_id:?}");
        assert!(engine.has_all(SENDER_ID), "nothing is waited for");
    }
}

#[test]
fn of_another_make_no_unknown_object_is_asked_for_whole() {
    let mut engine = receiver();
    hear(&mut engine, START, flush(FecId::REED_SOLOMON_8, 2, 0, 2), false);
    engine.request_from(SENDER_ID, ObjectId(0), START);
    let both = RepairFlags::INFO.with(RepairFlags::BLOCK);
    assert_eq!(requests(&mut engine, START + SECOND), [(both, 0), (both, 1), (both, 2)]);
    let mut engine = receiver();
    hear(&mut engine, START, flush(FecId::RAPTORQ, 2, 0, 2), false);
    assert_eq!(requests(&mut engine, START + SECOND), [(RepairFlags::OBJECT, 2)], "ours can");
}

#[test]
fn a_flush_in_the_middle_of_an_object_asks_for_no_block_that_was_not_sent_whole() {
    let mut engine = receiver();
    let mut extensions = ExtensionBuf::new();
    let size = ObjectSize::new(8 * 100 * 4).unwrap();
    let fti = Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 };
    assert!(extensions.push_fti(&fti));
    let (fec_id, object) = (FecId::REED_SOLOMON_8, ObjectId(0));
    let (flags, extensions) = (ObjectFlags::FILE, extensions.as_extensions());
    let info = Info { sender: sender(), flags, fec_id, object, extensions, payload: b"name" };
    say(&mut engine, START, &Message::Info(info));
    let blocks = |engine: &mut Receiver<NoStore>, at| {
        hear(engine, at, flush(fec_id, 0, 3, 2), false);
        requests(engine, at + SECOND)
    };
    // One is asked for without room for any; which one is last is not asked.
    engine.accept(ObjectRef { sender: SENDER_ID, key: engine.key_of(SENDER_ID, object).unwrap() });
    assert_eq!(blocks(&mut engine, START), [(RepairFlags::BLOCK, 0)]);
    let due = engine.remotes[&SENDER_ID].due;
    assert_eq!((due.key as u16, due.block), (0, 3), "the fourth is on its way");
    hear(&mut engine, START + SECOND, flush(fec_id, 0, 7, 3), false);
    let due = engine.remotes[&SENDER_ID].due;
    assert_eq!((due.key as u16, due.block), (1, 0), "that was the last one");
}

#[test]
fn requests_for_something_else_do_not_count_as_requests_for_an_empty_objects_info() {
    let mut engine = receiver();
    let mut extensions = ExtensionBuf::new();
    let fec_id = FecId::REED_SOLOMON_8;
    let size = ObjectSize::new(1).unwrap();
    let fti = Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 };
    assert!(extensions.push_fti(&fti));
    let payload_id = PayloadId { block: 0, block_len: 0, symbol: 0 };
    let data = Message::Data(Data {
        sender: sender(),
        flags: ObjectFlags::FILE.with(ObjectFlags::INFO),
        fec_id,
        object: ObjectId(0),
        payload_id: payload_id.encode(PayloadFormat::Block24Symbol8),
        extensions: extensions.as_extensions(),
        payload: b"x",
    });
    say(&mut engine, START, &data);
    // Nothing whole is asked for before.
    engine.remotes.get_mut(&SENDER_ID).unwrap().whole_from = START + SECOND * 100;
    let asked = |engine: &mut Receiver<NoStore>, now| {
        hear(engine, now, flush(fec_id, 1, 0x00ff_ffff, 0xff), false);
        let asked = requests(engine, now + SECOND / 2);
        // The next cycle begins.
        assert_eq!(requests(engine, now + SECOND * 3 / 4), []);
        asked
    };
    for n in 1..60 {
        assert_eq!(asked(&mut engine, START + SECOND * n), [(RepairFlags::INFO, 0)]);
    }
    let lost = |event| matches!(event, ReceiverEvent::EmptyObjectLost { .. });
    assert!(!core::iter::from_fn(|| engine.poll_event()).any(lost), "its turn has not come");
}

#[test]
fn of_objects_that_may_be_here_for_the_most_part_info_is_asked_for() {
    let mut engine = receiver();
    hear(&mut engine, START, flush(FecId::RAPTORQ, 4, 0, 2), false);
    let key = |id| engine.key_of(SENDER_ID, ObjectId(id)).unwrap();
    let some = key(1)..key(3);
    engine.expect_partial(SENDER_ID, some);
    engine.request_from(SENDER_ID, ObjectId(0), START);
    let (whole, info) = (RepairFlags::OBJECT, RepairFlags::INFO);
    let asked = requests(&mut engine, START + SECOND);
    assert_eq!(asked, [(whole, 0), (info, 1), (info, 2)], "and one object, for there is no room");
}

#[test]
fn the_info_of_many_objects_is_asked_for_a_few_at_a_time() {
    let mut engine = receiver();
    hear(&mut engine, START, flush(FecId::RAPTORQ, 999, 0, 2), false);
    let first = engine.key_of(SENDER_ID, ObjectId(0)).unwrap();
    engine.expect_partial(SENDER_ID, first..first + 1000);
    engine.request_from(SENDER_ID, ObjectId(0), START);
    let mut asked = Vec::new();
    for n in 1..10 {
        asked.extend(requests(&mut engine, START + SECOND * n));
    }
    assert!(asked.contains(&(RepairFlags::INFO, 0)));
    assert!(asked.iter().all(|&(flags, id)| flags == RepairFlags::INFO && id < 64), "{asked:?}");
}

#[test]
fn a_sender_that_says_nothing_is_asked_less_and_less() {
    for (backoff, part) in [0, 4].into_iter().flat_map(|k| (0..5).map(move |part| (k, part))) {
        let mut engine = receiver();
        let sender = SenderFields { backoff, ..sender() };
        let command = flush(FecId::RAPTORQ, 0, 0, 2);
        let flush = Message::Cmd(Cmd { sender, extensions: Extensions::EMPTY, command });
        let mut now = START;
        let mut asked = |engine: &mut Receiver<NoStore>, time: Duration| {
            let end = now + time;
            let mut times = 0;
            while now < end {
                times += usize::from(!requests(engine, now).is_empty());
                now += Duration::from_millis(1);
            }
            times
        };
        say(&mut engine, START, &flush);
        let first = asked(&mut engine, SECOND);
        assert!((3..40).contains(&first), "{backoff}: {first}");
        let silence = SECOND * 60 + SECOND / 5 * part;
        let later = asked(&mut engine, silence);
        assert!((50..70).contains(&later), "{backoff}: {later}");
        // It is back, and asked within the pause between requests for whole objects.
        say(&mut engine, START + SECOND + silence, &flush);
        let again = asked(&mut engine, SECOND * 6 / 10);
        assert!((1..20).contains(&again), "{backoff} {part}: {again}");
    }
}

/// Keeps everything, and counts what is not wanted any more.
#[derive(Debug, Default)]
struct Counting {
    discarded: usize,
}

impl SymbolStore for Counting {
    fn put(&mut self, _: BlockSlot, _: &BlockGeometry, _: u32, _: &[u8]) -> bool {
        true
    }

    fn room(&mut self) -> u64 {
        u64::MAX
    }

    fn discard(&mut self, _: BlockSlot) {
        self.discarded += 1;
    }
}

#[test]
fn blocks_that_are_here_count_as_written_and_an_object_of_them_as_complete() {
    let config = ReceiverConfig::new(Identity([3; 16]));
    let mut engine = Receiver::new(config, Counting::default(), 1);
    // Eight blocks of four symbols.
    let size = ObjectSize::new(8 * 100 * 4).unwrap();
    let fti = Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 };
    let mut extensions = ExtensionBuf::new();
    assert!(extensions.push_fti(&fti));
    let fec_id = FecId::REED_SOLOMON_8;
    let flags = ObjectFlags::FILE.with(ObjectFlags::INFO);
    let extensions = extensions.as_extensions();
    let data = |object, block| {
        let id = PayloadId { block, block_len: 0, symbol: 1 };
        let payload_id = id.encode(PayloadFormat::Block24Symbol8);
        let (object, payload) = (ObjectId(object), &[7; 100][..]);
        let sender = sender();
        Message::Data(Data { sender, flags, fec_id, object, payload_id, extensions, payload })
    };
    let info = |object| {
        let (sender, object, payload) = (sender(), ObjectId(object), &b"name"[..]);
        Message::Info(Info { sender, flags, fec_id, object, extensions, payload })
    };
    let object = |engine: &Receiver<Counting>, id| ObjectRef {
        sender: SENDER_ID,
        key: engine.key_of(SENDER_ID, ObjectId(id)).unwrap(),
    };
    for block in [0, 5] {
        say(&mut engine, START, &data(0, block));
    }
    say(&mut engine, START, &info(0));
    let first = object(&engine, 0);
    assert_eq!(engine.load().blocks, 2);
    engine.accept_with(first, |offset, len| offset + u64::from(len) <= 1_700);
    let unwritten: Vec<_> = engine.remotes[&SENDER_ID].objects[&first.key].unwritten().collect();
    assert_eq!(unwritten, [(4, 8)], "of the fifth block only a part is here");
    assert_eq!((engine.load().blocks, engine.store().discarded), (1, 1));
    assert_eq!(engine.progress(SENDER_ID), Some((1_600, 0)));

    say(&mut engine, START, &info(1));
    let second = object(&engine, 1);
    engine.accept_with(second, |_, _| true);
    let complete =
        |event| matches!(event, ReceiverEvent::ObjectComplete { object } if object == second);
    assert!(core::iter::from_fn(|| engine.poll_event()).any(complete));
    assert!(!engine.has_all(SENDER_ID));
    engine.give_up(SENDER_ID, first.key..first.key + 1);
    assert!(engine.has_all(SENDER_ID));
}

/// What a receiver calls itself to the sender that calls the roll.
fn named(receiver: &mut Receiver<NoStore>) -> Identity {
    named_at(receiver, START + SECOND, 1)
}

/// The same at another time, when the roll is called for so many times.
fn named_at(receiver: &mut Receiver<NoStore>, now: Timestamp, round: u16) -> Identity {
    let send_time = WireTime::from_nanos(5_000_000_000);
    tell(
        receiver,
        &MembershipQuery::Query { round, window_ms: 0, send_time, confirmed: 0, listed: 0 },
    );
    for words in spoken(receiver, now) {
        if let (_, Message::Report(report)) = Message::parse(&words).unwrap() {
            return MemberReport::parse(report.content).unwrap().identity;
        }
    }
    panic!("it does not answer");
}

fn tell(receiver: &mut Receiver<NoStore>, call: &MembershipQuery) {
    let mut content = Vec::new();
    call.emit(&mut content);
    let command = Command::Application(Application { reserved: [0; 3], content: &content });
    hear(receiver, START, command, false);
}

#[test]
fn each_sender_knows_a_receiver_by_another_name_if_that_is_wanted() {
    let ours = ReceiverConfig::new(Identity([3; 16]));
    let mut open = Receiver::new(ours.clone(), NoStore, 1);
    assert_eq!(named(&mut open), Identity([3; 16]));
    let hidden = ReceiverConfig { identity_per_sender: true, ..ours };
    let mut engine = Receiver::new(hidden.clone(), NoStore, 1);
    let name = named(&mut engine);
    assert_ne!(name, Identity([3; 16]));
    assert_eq!(named(&mut Receiver::new(hidden, NoStore, 2)), name, "it has started again");

    // It is this name that the sender knows.
    let node = engine.node();
    tell(&mut engine, &MembershipQuery::Collision { node, keeper: name });
    assert_eq!(engine.node(), node, "it is the keeper");
    let ejected = |engine: &mut Receiver<NoStore>, identity| {
        tell(engine, &MembershipQuery::Evict { node, identity, group: None });
        std::iter::from_fn(|| engine.poll_event())
            .any(|event| matches!(event, ReceiverEvent::Evicted { .. }))
    };
    assert!(!ejected(&mut engine, Identity([3; 16])));
    assert!(ejected(&mut engine, name));
    tell(&mut engine, &MembershipQuery::Collision { node, keeper: Identity([3; 16]) });
    assert_ne!(engine.node(), node, "somebody else is");
}

/// All that the receiver says until now.
fn spoken(receiver: &mut Receiver<NoStore>, now: Timestamp) -> Vec<Vec<u8>> {
    receiver.handle_timeout(now);
    let mut out = TransmitBuf::new(4);
    let mut all = Vec::new();
    while receiver.poll_transmit(now, &mut out).is_some() {
        all.push(out.as_bytes().to_vec());
    }
    all
}

#[test]
fn who_is_not_believed_because_somebody_copies_it_takes_another_name() {
    for copied in [true, false] {
        let mut engine = receiver();
        let name = named(&mut engine);
        let node = engine.node();
        let nodes = node.0.to_be_bytes();
        let asks = Flush {
            fec_id: FecId::REED_SOLOMON_8,
            object: ObjectId(0),
            payload_id: PayloadId { block: 0, block_len: 0, symbol: 0 }
                .encode(PayloadFormat::Block24Symbol8),
            acking: NodeList::from_bytes(&nodes[..]).unwrap(),
        };
        let mut now = START + SECOND;
        hear(&mut engine, now, Command::Flush(asks), false);
        let key = engine.key_of(SENDER_ID, ObjectId(0)).unwrap();
        engine.give_up(SENDER_ID, key..key + 1);
        engine.confirm(ObjectRef { sender: SENDER_ID, key });
        for turn in 0..6 {
            now += SECOND;
            hear(&mut engine, now, Command::Flush(asks), false);
            now += SECOND;
            for mut words in spoken(&mut engine, now).into_iter().filter(|_| copied && turn < 4) {
                let source = SocketAddr::from(([10, 0, 0, 66], 5740));
                let waited = Duration::ZERO;
                let (to_group, ce) = (true, false);
                let payload = &mut words[..];
                let datagram = Datagram { source, to_group, ce, waited, payload };
                engine.handle_datagram(now, datagram);
            }
        }
        assert_eq!(engine.node() != node, copied);
        // Under its new name it has confirmed nothing: that nobody is listed does not release it.
        while engine.poll_event().is_some() {}
        let nobody = Flush { acking: NodeList::EMPTY, ..asks };
        if engine.node() != node {
            hear(&mut engine, now, Command::Flush(nobody), false);
            assert!(engine.poll_event().is_none());
        }
        assert_eq!(named_at(&mut engine, now, 2) != name, copied);
    }
}
