//! Senders that begin anew under the same number, say the end at odd times, and tables that come
//! late or are wrong: what is received is always what one run has sent.

use super::*;
use crate::transfer::FileContent;

/// One run of a sender: an object under one number, and tables with ids from one on.
struct Run {
    sent: Sent,
    first_id: u32,
}

impl Run {
    fn new(seed: u64, size: usize, first_id: u32) -> Self {
        Self { sent: Sent::new(1, no_code(size), &content(seed, size)), first_id }
    }

    /// Its table, with the hash of the content.
    fn table(&self, number: u32) -> Vec<Made> {
        let mut file = self.sent.file("file");
        file.attributes.blake3 = Some(blake3::hash(&self.sent.bytes).into());
        Table::new(self.first_id + number, vec![file]).packets()
    }
}

/// An application that believes hashes only, as those of this library do.
struct Verifying {
    bench: Bench,
    accepted: Vec<Vec<u8>>,
}

impl Verifying {
    fn hear(&mut self, packet: &Made) {
        self.bench.hear(packet);
        for object in core::mem::take(&mut self.bench.complete) {
            let mut opened = self.bench.opened.iter().rev().filter(|(one, ..)| *one == object);
            let (_, size, meta) = opened.next().unwrap();
            let ObjectMeta::File { content, .. } = meta else { panic!("{meta:?}") };
            let mut bytes = self.bench.written.remove(&object).unwrap();
            bytes.truncate(*size as usize);
            if content.blake3 == Some(blake3::hash(&bytes).into()) {
                self.accepted.push(bytes);
            } else {
                self.bench.engine.restart(object);
            }
        }
    }

    fn hear_all(&mut self, packets: &[Made]) {
        packets.iter().for_each(|packet| self.hear(packet));
    }
}

/// Packets of which some are lost, and some change places.
fn disturbed(rng: &mut Rng, mut packets: Vec<Made>) -> Vec<Made> {
    packets.retain(|_| !rng.chance(0.2));
    for at in 1..packets.len() {
        if rng.chance(0.1) {
            packets.swap(at - 1, at);
        }
    }
    packets
}

/// A sender that stops somewhere and begins anew with other content.
fn restart(seed: u64) {
    let mut rng = Rng::new(seed);
    let sizes = [950, 1_950];
    let mut size = || sizes[rng.below(2) as usize];
    let (first_size, second_size) = (size(), size());
    let is_closed = rng.chance(0.5);
    let first_id = rng.below(4) as u32;
    // Ids that go back mean a new run only after the end of the old one, or a while without it.
    let is_late = rng.chance(0.3);
    let second_id = rng.below(4) as u32 + if is_closed || is_late { 0 } else { first_id };
    let first = Run::new(2 * seed, first_size, first_id);
    let second = Run::new(2 * seed + 1, second_size, second_id);
    let bench = Bench::with(ReceiverConfig { auto_accept: true, ..ReceiverConfig::new() });
    let mut receiver = Verifying { bench, accepted: Vec::new() };
    if rng.chance(0.3) {
        receiver.hear(&close());
    }
    receiver.hear_all(&first.table(0));
    let mut packets = first.sent.source();
    packets.truncate(1 + rng.below(packets.len() as u64) as usize);
    if rng.chance(0.3) {
        // The object is said to be over, although a receiver may have lost something.
        packets.last_mut().unwrap().header.close_object = true;
    }
    let packets = disturbed(&mut rng, packets);
    receiver.hear_all(&packets);
    if is_closed {
        receiver.hear(&close());
    }
    let silence = if is_late { 5_000 + rng.below(3_000) } else { rng.below(8_000) };
    receiver.bench.wait(Duration::from_millis(silence));
    for pass in 0..3 {
        let is_last = pass == 2;
        if is_last || !rng.chance(0.3) {
            receiver.hear_all(&second.table(pass));
        }
        let packets = second.sent.source();
        let packets = if is_last { packets } else { disturbed(&mut rng, packets) };
        receiver.hear_all(&packets);
        receiver.bench.wait(SECOND);
    }
    let all = [&first.sent.bytes, &second.sent.bytes];
    assert!(receiver.accepted.iter().all(|bytes| all.contains(&bytes)), "{seed}: mixed");
    let is_complete = receiver.accepted.contains(&second.sent.bytes);
    assert!(is_complete, "{seed}: nothing came of the second run in a whole pass");
}

#[test]
fn senders_that_begin_anew_under_the_same_numbers_are_followed_and_never_mixed() {
    (0..10_000).for_each(restart);
}

#[test]
fn end_before_everything_and_in_the_middle_begins_a_new_run_with_the_next_table() {
    let (first, second) = (Run::new(1, 1_950, 0), Run::new(2, 1_950, 0));
    let mut bench = Bench::new();
    bench.hear(&close());
    bench.hear_all(&first.table(0));
    bench.hear_all(&first.sent.source()[..10]);
    bench.hear(&close());
    bench.hear_all(&second.table(0));
    // Packets of the first run that were overtaken do no harm to the second one.
    let object = |sender| ObjectRef { sender: SenderId(sender), key: 1 };
    assert_eq!(bench.opened.iter().map(|one| one.0).collect::<Vec<_>>(), [object(0), object(1)]);
    bench.hear_all(&second.sent.source());
    assert_eq!(bench.bytes(SenderId(1), 1), Some(&second.sent.bytes[..]));
    // What came of the first one stays until the application leaves it.
    let missing = bench.engine.missing(object(0)).unwrap();
    assert_eq!(missing.iter().map(|(start, end)| end - start).sum::<u64>(), 1_950 - 1_000);
}

#[test]
fn object_that_its_sender_closes_too_early_is_completed_by_the_next_pass() {
    let run = Run::new(1, 1_950, 0);
    let mut bench = Bench::new();
    bench.hear_all(&run.table(0));
    let mut packets = run.sent.source();
    packets.last_mut().unwrap().header.close_object = true;
    bench.hear_all(&packets[3..]);
    bench.wait(60 * SECOND);
    bench.hear_all(&run.table(1));
    bench.hear_all(&packets[..3]);
    assert_eq!(bench.bytes(FIRST, 1), Some(&run.sent.bytes[..]));
}

#[test]
fn tables_that_come_late_last_or_have_expired_cost_no_symbol() {
    const YEAR: u64 = 31_557_600;
    let now = 1_800_000_000;
    let era = (1 << 32) - 2_208_988_800;
    let sent = Sent::new(7, no_code(1_950), &content(1, 1_950));
    for (ours, theirs) in [
        (now, now),
        (now - 10 * YEAR, now),
        (now + 10 * YEAR, now),
        // In the second before the seconds of NTP begin anew, and a minute later.
        (era - 6, era - 6),
        (era + 60, era - 6),
        (era - 6, era + 54),
    ] {
        for lost in [Duration::ZERO, Duration::from_secs(60)] {
            for id in [0, 0xfffff] {
                let unix_start = Some(Duration::from_secs(ours));
                let config = ReceiverConfig { unix_start, ..ReceiverConfig::new() };
                let mut bench = Bench::with(ReceiverConfig { auto_accept: true, ..config });
                for packet in sent.source() {
                    bench.hear(&packet);
                    bench.wait(lost / 20);
                }
                assert!(bench.opened.is_empty());
                let expires = (theirs + 600 + 2_208_988_800) as u32;
                let files = vec![sent.file("a")];
                bench.hear_all(&Table::of(id, &Fdt { expires, files, ..Fdt::default() }).packets());
                assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]), "{ours} {theirs}");
                let stats = bench.engine.stats();
                assert_eq!((stats.symbols, stats.no_room, stats.early_dropped), (20, 0, 0));
                let has_expired = ours > theirs + 600;
                assert_eq!(stats.expired_tables, u64::from(has_expired), "{ours} {theirs}");
            }
        }
    }
}

#[test]
fn id_that_stands_for_other_bytes_names_other_content_without_mixing_it() {
    let (first, second) = (Run::new(1, 1_950, 5), Run::new(2, 1_950, 5));
    let mut bench = Bench::new();
    bench.hear_all(&first.table(0));
    bench.hear_all(&first.sent.source()[..10]);
    bench.hear_all(&second.table(0));
    assert_eq!(bench.engine.stats().changed_tables, 1);
    bench.hear_all(&second.sent.source());
    assert_eq!(bench.bytes(FIRST, 1), Some(&second.sent.bytes[..]));
    let hash = |run: &Run| Some(blake3::hash(&run.sent.bytes).into());
    let ObjectMeta::File { content, .. } = &bench.opened[1].2 else { panic!() };
    let (blake3, is_encoded) = (hash(&second), false);
    assert_eq!(*content, FileContent { blake3, is_encoded, ..FileContent::default() });
}
