//! A source and a sink with a network between them that loses, repeats and reorders, and a code.

use proptest::prelude::*;

use super::exercise::{xor_decode, xor_parity};
use super::needs::StreamNeed;
use super::shape::{Place, StreamShape};
use super::sink::{SinkConfig, StreamSink};
use super::source::StreamSource;
use super::{MessageMarks, Overflow, Read, Resume};
use crate::base::Rng;

/// What was read, cut at borders and gaps.
#[derive(Debug, Default)]
struct Reader {
    bytes: Vec<u8>,
    /// Where a message begins.
    borders: Vec<usize>,
    /// Messages of which both ends were seen and nothing was lost.
    messages: Vec<Vec<u8>>,
    /// The message begun, if its beginning was seen.
    begun: Option<Vec<u8>>,
    gaps: u32,
    ended: bool,
}

impl Reader {
    fn read(&mut self, sink: &mut StreamSink, rng: &mut Rng) {
        loop {
            let mut buf = vec![0; 1 + rng.below(40) as usize];
            match sink.read(&mut buf) {
                Read::Data { len, begins_message, ends_message } => {
                    if begins_message {
                        self.borders.push(self.bytes.len());
                        self.messages.extend(self.begun.replace(Vec::new()));
                    }
                    self.bytes.extend(&buf[..len]);
                    if let Some(begun) = &mut self.begun {
                        begun.extend(&buf[..len]);
                    }
                    if ends_message {
                        self.messages.extend(self.begun.take());
                    }
                }
                Read::Gap { .. } => {
                    self.gaps += 1;
                    self.begun = None;
                }
                Read::Pending => break,
                Read::End => {
                    self.messages.extend(self.begun.take());
                    self.ended = true;
                    break;
                }
            }
        }
    }
}

/// A session between one sender and one receiver.
struct Session {
    source: StreamSource,
    sink: StreamSink,
    reader: Reader,
    rng: Rng,
    loss: f64,
    /// What is under way: block, symbol, payload.
    network: Vec<(u64, u32, Vec<u8>)>,
    /// The first place that was never sent.
    sent: Place,
    shape: StreamShape,
}

impl Session {
    /// Sends what is new, and coded symbols of blocks that are whole.
    fn send(&mut self) {
        while self.sent < self.source.end() {
            let place = self.sent;
            self.put(place.block, place.symbol);
            self.sent = self.shape.after(place);
            if self.sent.symbol == 0 && self.rng.chance(0.5) {
                self.put(place.block, self.shape.block_len());
            }
        }
    }

    fn put(&mut self, block: u64, symbol: u32) {
        let payload = if symbol < self.shape.block_len() {
            self.source.symbol(Place::new(block, symbol)).map(<[u8]>::to_vec)
        } else {
            let coded =
                self.source.block_bytes(block).map(|b| xor_parity(&b, self.shape.symbol_size()));
            let cut = self.source.longest_payload(block).filter(|_| self.rng.chance(0.5));
            coded.map(|mut coded| {
                coded.truncate(cut.unwrap_or(usize::MAX));
                coded
            })
        };
        let Some(payload) = payload else { return };
        let copies = if self.rng.chance(0.1) { 2 } else { 1 };
        for _ in 0..copies {
            if !self.rng.chance(self.loss) {
                self.network.push((block, symbol, payload.clone()));
            }
        }
    }

    /// Delivers what is under way in some order, and reads.
    fn deliver(&mut self) {
        while !self.network.is_empty() {
            let near = self.rng.below(6.min(self.network.len() as u64)) as usize;
            let (block, symbol, payload) = self.network.remove(near);
            self.sink.insert(block, symbol, &payload);
            self.sink.recover(xor_decode);
            if self.rng.chance(0.3) {
                self.reader.read(&mut self.sink, &mut self.rng);
            }
        }
        self.reader.read(&mut self.sink, &mut self.rng);
    }

    /// Sends again what the sink needs, coded where one symbol does.
    fn repair(&mut self) {
        let mut asked = Vec::new();
        let len = self.shape.block_len();
        self.sink.needs(self.sent, |need| {
            match need {
                StreamNeed::Blocks { first, last } => {
                    asked.extend((first..=last).flat_map(|b| (0..len).map(move |s| (b, s))));
                }
                StreamNeed::Symbols { block, coded: Some(1), parity, .. }
                    if !parity.contains(len) =>
                {
                    asked.push((block, len));
                }
                StreamNeed::Symbols { block, from, before, held, .. } => {
                    let clear = (from..before).filter(|&symbol| !held.contains(symbol));
                    asked.extend(clear.map(|symbol| (block, symbol)));
                }
            }
            true
        });
        for (block, symbol) in asked {
            self.put(block, symbol);
        }
    }

    /// One exchange. The source keeps what the sink has not passed yet.
    fn turn(&mut self) {
        self.send();
        self.deliver();
        self.repair();
        self.deliver();
        self.source.drop_before(self.sink.position().block);
    }
}

#[derive(Clone, Debug)]
struct Case {
    segment_size: u16,
    block_len: u16,
    window: u64,
    keep: usize,
    marks: MessageMarks,
    messages: Vec<(Vec<u8>, bool)>,
    loss: f64,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let message = (prop::collection::vec(any::<u8>(), 1..60), any::<bool>());
    let marks = prop_oneof![Just(MessageMarks::Every), Just(MessageMarks::FirstOfSegment)];
    (
        (1u16..20, 1u16..6, 1u64..5, 2usize..6),
        marks,
        prop::collection::vec(message, 0..40),
        (0.0..0.6, any::<u64>()),
    )
        .prop_map(|(sizes, marks, messages, (loss, seed))| {
            let (segment_size, block_len, window, keep) = sizes;
            Case { segment_size, block_len, window, keep, marks, messages, loss, seed }
        })
}

fn session(case: &Case, overflow: Overflow) -> Session {
    let shape = StreamShape::new(case.segment_size, case.block_len).unwrap();
    let (parity, blocks, resume) = (1, case.window, Resume::AtMessage);
    Session {
        source: StreamSource::new(shape, case.keep, case.marks),
        sink: StreamSink::new(SinkConfig { shape, parity, blocks, overflow, resume }),
        reader: Reader::default(),
        rng: Rng::new(case.seed),
        loss: case.loss,
        network: Vec::new(),
        sent: Place::default(),
        shape,
    }
}

/// Writes the messages, as room allows, with a call of `between` after each piece, and then turns
/// until all is read.
fn run(case: &Case, session: &mut Session, mut between: impl FnMut(&mut Session)) {
    for (message, flush) in &case.messages {
        session.source.end_message();
        let mut rest = &message[..];
        for turn in 0.. {
            let taken = session.source.write(rest);
            rest = &rest[taken..];
            if rest.is_empty() {
                break;
            }
            assert!(turn < 2000, "no room is ever made");
            session.turn();
            between(session);
        }
        if *flush {
            session.source.flush();
            session.turn();
        }
        between(session);
    }
    session.source.close();
    for turn in 0.. {
        session.turn();
        if session.reader.ended {
            break;
        }
        assert!(turn < 2000, "the end is never read");
    }
}

proptest! {
    #[test]
    fn messages_survive_loss_and_reordering(case in case()) {
        let mut session = session(&case, Overflow::Refuse);
        run(&case, &mut session, |_| {});
        let written: Vec<u8> = case.messages.iter().flat_map(|(m, _)| m).copied().collect();
        let reader = &session.reader;
        prop_assert_eq!(&reader.bytes, &written);
        prop_assert_eq!(reader.gaps, 0);
        prop_assert_eq!((session.sink.broken(), session.sink.undecodable()), (0, 0));
        let borders: Vec<usize> = case
            .messages
            .iter()
            .scan(0, |at, (m, _)| {
                *at += m.len();
                Some(*at - m.len())
            })
            .collect();
        if case.marks == MessageMarks::Every {
            prop_assert_eq!(&reader.borders, &borders);
            let messages: Vec<_> = case.messages.iter().map(|(m, _)| m.clone()).collect();
            prop_assert_eq!(&reader.messages, &messages);
        } else {
            prop_assert!(reader.borders.iter().all(|border| borders.contains(border)));
            prop_assert_eq!(reader.borders.first(), borders.first());
        }
    }

    #[test]
    fn permanent_loss_leaves_messages_complete_and_in_order(
        mut case in case(), drop_oldest in any::<bool>(), rate in 0.0..0.3,
    ) {
        case.marks = MessageMarks::Every;
        // Each message says which one it is.
        for (n, (message, _)) in case.messages.iter_mut().enumerate() {
            message.insert(0, n as u8);
        }
        let overflow = if drop_oldest { Overflow::DropOldest } else { Overflow::Refuse };
        let mut session = session(&case, overflow);
        run(&case, &mut session, |session| {
            if session.rng.chance(rate) {
                // The sender makes room whatever receivers lack, and says so, sooner or later.
                let block = session.source.first_block() + session.rng.below(3);
                session.source.drop_before(block);
                session.sink.give_up_before(session.source.first_block());
            }
        });
        let mut written = case.messages.iter().map(|(message, _)| message);
        for message in &session.reader.messages {
            prop_assert!(written.any(|written| written == message), "{message:?}");
        }
        let lost = case.messages.len() - session.reader.messages.len();
        prop_assert!(lost == 0 || session.reader.gaps > 0);
    }
}
