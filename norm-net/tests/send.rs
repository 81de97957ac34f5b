//! A whole transfer over the loopback interface, with a receiver that is no more than the engine.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};
use norm_core::Timestamp;
use norm_core::endpoint::{BlockGeometry, BlockSlot, Job, JobDone, StoreOutcome, SymbolStore};
use norm_core::fec::BlockBuffer;
use norm_core::fileset::{
    CHUNK_BYTES, ChunkHasher, ContentHash, DigestList, EntryKind, Manifest, PartKind, SetDescriptor,
};
use norm_core::norm::receiver::{JoinPolicy, Progress};
use norm_core::norm::sender::RateRecord;
use norm_core::norm::wire::{Identity, MemberState, SetInfo};
use norm_core::norm::{Receiver, ReceiverConfig, ReceiverEvent};
use norm_net::event::SourceProblem;
use norm_net::io::driver::{Application, Clock, run};
use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig};
use norm_net::{
    Fec, Hint, Pace, ReceiverOutcome, SendError, SendEvent, SendOptions, SendOutcome, SendPhase,
    send,
};
use tempfile::{TempDir, tempdir};

/// A group that no other test of this process gets and, by the process id, hardly one of another.
fn group() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 300).unwrap() * 32;
    let port = 30_000 + spread + NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::new([239, 255, 78, 1].into(), port)
}

fn loopback() -> Option<InterfaceSpec> {
    Some(InterfaceSpec::Name("lo".to_owned()))
}

fn options(group: SocketAddr) -> SendOptions {
    SendOptions::new(group).with(|o| {
        o.interface = loopback();
        o.buffers.recv = 1 << 20;
        o.buffers.send = 1 << 20;
    })
}

/// Blocks under way, and a way to lose symbols.
#[derive(Default)]
struct Store {
    blocks: BTreeMap<(u32, u64, u32), BlockBuffer>,
    seen: u64,
    /// Every n-th source symbol is lost once; 0 loses none.
    lose_every: u64,
}

fn key(slot: BlockSlot) -> (u32, u64, u32) {
    (slot.sender.0, slot.object, slot.block)
}

impl SymbolStore for Store {
    fn put(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool {
        self.seen += 1;
        if self.lose_every > 0 && self.seen.is_multiple_of(self.lose_every) {
            return false;
        }
        let empty = || {
            let BlockGeometry { scheme, symbols, symbol_size, len, .. } = *geometry;
            BlockBuffer::new(scheme, symbols, symbol_size, len).unwrap()
        };
        self.blocks.entry(key(slot)).or_insert_with(empty).put(symbol, payload)
    }

    fn room(&mut self) -> u64 {
        u64::MAX
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.blocks.remove(&key(slot));
    }
}

/// An object as it arrived.
#[derive(Default)]
struct Arrived {
    info: Option<SetDescriptor>,
    content: Vec<u8>,
    complete: bool,
}

struct Keeper {
    done: Sender<JobDone>,
    objects: BTreeMap<u64, Arrived>,
    decoded: usize,
    over: bool,
    /// Says in its first report that it has failed.
    fails: bool,
    quit: Arc<AtomicBool>,
}

impl Application<Receiver<Store>> for Keeper {
    fn event(&mut self, engine: &mut Receiver<Store>, now: Timestamp, event: ReceiverEvent) {
        match event {
            ReceiverEvent::SenderFound { sender: remote, .. } if self.fails => {
                let reason = "disk\nfull".to_owned();
                let state = MemberState::Failed;
                engine.set_progress(
                    remote,
                    Progress { state, bytes_done: 0, bytes_total: 0, reason },
                );
                engine.report_now(remote, now);
            }
            ReceiverEvent::ObjectOpened { object, size, info, .. } => {
                let arrived = self.objects.entry(object.key).or_default();
                arrived.info = Some(SetInfo::parse(&info.unwrap()).unwrap().part);
                arrived.content.resize(usize::try_from(size).unwrap(), 0);
            }
            ReceiverEvent::ObjectComplete { object } => {
                self.objects.entry(object.key).or_default().complete = true;
            }
            ReceiverEvent::Released { .. } | ReceiverEvent::SenderEnded { .. } => self.over = true,
            _ => {}
        }
    }

    fn job(&mut self, engine: &mut Receiver<Store>, _now: Timestamp, job: Job) {
        let Job::Store(job) = job else { return };
        let mut block = engine.store_mut().blocks.remove(&key(job.slot)).unwrap();
        self.decoded += usize::from(job.decode);
        let outcome = if block.recover() {
            let arrived = self.objects.entry(job.slot.object).or_default();
            let start = usize::try_from(job.geometry.offset).unwrap();
            let end = start + job.geometry.len as usize;
            arrived.content.resize(arrived.content.len().max(end), 0);
            arrived.content[start..end].copy_from_slice(block.source());
            StoreOutcome::Written
        } else {
            engine.store_mut().blocks.insert(key(job.slot), block);
            StoreOutcome::NeedMore
        };
        self.done.send(JobDone::Store { slot: job.slot, outcome }).unwrap();
    }

    fn turn(&mut self, _: &mut Receiver<Store>, _: Timestamp) -> ControlFlow<()> {
        let quit = self.over || self.quit.load(Ordering::Relaxed);
        if quit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A receiver on a thread of its own; it runs until the sender lets it go.
struct Listener {
    thread: JoinHandle<Keeper>,
    quit: Arc<AtomicBool>,
}

impl Listener {
    fn start(group: SocketAddr, name: &str, seed: u64, lose_every: u64, fails: bool) -> Self {
        let mut link = Link::open(&LinkConfig {
            interface: loopback(),
            loopback: true,
            recv_buffer: 4 << 20,
            ..LinkConfig::new(group)
        })
        .unwrap();
        let config = ReceiverConfig {
            name: name.to_owned(),
            auto_accept: true,
            auto_confirm: !fails,
            join: JoinPolicy::All,
            patience: Duration::from_secs(1),
            ..ReceiverConfig::new(Identity(u128::from(seed).to_be_bytes()))
        };
        let quit = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&quit);
        let thread = std::thread::spawn(move || {
            let store = Store { lose_every, ..Store::default() };
            let mut engine = Receiver::new(config, store, seed);
            let (done, results) = unbounded();
            let mut keeper = Keeper {
                done,
                objects: BTreeMap::new(),
                decoded: 0,
                over: false,
                fails,
                quit: stop,
            };
            run(&mut link, Clock::start(), &mut engine, &mut keeper, &results).unwrap();
            keeper
        });
        Self { thread, quit }
    }

    fn finish(self) -> Keeper {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.quit.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// A directory with many small files and one of `large` bytes, and the bytes that they make.
fn tree(large: usize) -> (TempDir, Vec<u8>) {
    let dir = tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("small")).unwrap();
    let mut payload: Vec<u8> = (0..large).map(|i| (i * 7 + i / 256 * 3) as u8).collect();
    fs::write(tree.join("large"), &payload).unwrap();
    for number in 0..200_usize {
        let content = vec![number as u8; number % 50];
        fs::write(tree.join(format!("small/{number:03}")), &content).unwrap();
        payload.extend(content);
    }
    (dir, payload)
}

fn paths(dir: &TempDir) -> Vec<PathBuf> {
    vec![dir.path().join("tree")]
}

/// Manifest, payload and tail must be whole, belong together, and hold what was sent; returns the
/// content hash.
fn check(keeper: &Keeper, payload: &[u8], extents: usize) -> ContentHash {
    let objects: Vec<&Arrived> = keeper.objects.values().collect();
    assert!(objects.iter().all(|object| object.complete));
    assert_eq!(objects.len(), extents + 2);
    let info = |n: usize| objects[n].info.unwrap();
    let set = info(0).set;
    assert_eq!(set.parts as usize, objects.len());
    assert!((0..objects.len()).all(|n| info(n).set == set));
    assert_eq!((info(0).kind, info(extents + 1).kind), (PartKind::Manifest, PartKind::DigestList));

    let head = Manifest::parse(&objects[0].content).unwrap();
    let entries: Vec<_> = head.entries().map(Result::unwrap).collect();
    assert_eq!((entries[0].kind, entries[0].path), (EntryKind::Directory, "tree"));
    assert_eq!((entries[1].kind, entries[1].path), (EntryKind::File, "tree/large"));
    assert_eq!(entries.len(), 203);

    assert_eq!(head.hash(), set.manifest);
    let mut received: Vec<u8> = Vec::new();
    for extent in &objects[1..=extents] {
        assert_eq!(extent.info.unwrap().offset, received.len() as u64);
        received.extend(&extent.content);
    }
    assert_eq!(received.len(), payload.len());
    assert!(received == payload, "the payload differs");
    let tail = DigestList::parse(&objects[extents + 1].content, set.manifest, []).unwrap();
    let (mut rest, mut hashes) = (payload, tail.chunks());
    for entry in &entries {
        let (content, later) = rest.split_at(entry.size as usize);
        for (n, chunk) in content.chunks(CHUNK_BYTES as usize).enumerate() {
            let offset = n as u64 * CHUNK_BYTES;
            assert_eq!(hashes.next(), Some(ChunkHasher::hash(offset, entry.size, chunk)));
        }
        rest = later;
    }
    assert_eq!(hashes.next(), None);
    tail.content().unwrap()
}

#[test]
fn receiver_gets_head_payload_and_tail_and_is_listed_as_confirmed() {
    let group = group();
    let (dir, payload) = tree(3_000_000);
    let listener = Listener::start(group, "listener", 1, 0, false);
    let options = options(group).with(|o| o.min_receivers = 1);
    let sending = send(&paths(&dir), &options).unwrap();
    let settings = sending.settings().clone();
    assert_eq!((settings.files, settings.directories), (201, 2));
    assert_eq!(settings.bytes, payload.len() as u64);
    assert_eq!(settings.interface.name, "lo");
    let events: Vec<SendEvent> = sending.events().collect();
    let report = sending.wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::Complete, "{report:?}");
    let keeper = listener.finish();
    assert_eq!(report.content, Some(check(&keeper, &payload, 1)));

    let [receiver] = report.receivers.as_slice() else { panic!("{:?}", report.receivers) };
    assert_eq!(
        (receiver.receiver.name.as_str(), &receiver.outcome),
        ("listener", &ReceiverOutcome::Confirmed)
    );
    assert!(receiver.elapsed.is_some_and(|elapsed| elapsed <= report.elapsed));
    assert!(report.bytes == payload.len() as u64 && report.wire_bytes > report.bytes);
    assert!(report.data_packets >= report.bytes / 1344);
    let (data, all) = (report.data_elapsed, report.elapsed);
    assert!(!data.is_zero() && data <= all, "{report:?}");

    let position = |wanted: fn(&SendEvent) -> bool| events.iter().position(wanted).unwrap();
    let found = position(
        |e| matches!(e, SendEvent::ReceiverFound { receiver } if receiver.name == "listener"),
    );
    let started = position(|e| matches!(e, SendEvent::Started { receivers: 1 }));
    let all_sent = position(|e| matches!(e, SendEvent::AllSent));
    let confirmed = position(|e| matches!(e, SendEvent::ReceiverConfirmed { .. }));
    assert!(found < started && started < all_sent && all_sent < confirmed, "{events:?}");
    let Some(SendEvent::Progress(last)) = events.last() else { panic!("{:?}", events.last()) };
    assert_eq!((last.phase, last.receivers, last.confirmed), (SendPhase::Ending, 1, 1));
    assert_eq!(last.bytes_sent, last.bytes_total);
}

#[test]
fn two_receivers_that_lose_packets_are_repaired() {
    let group = group();
    let (dir, payload) = tree(1_500_000);
    let listeners =
        [(10, 2), (23, 3)].map(|(lose, seed)| Listener::start(group, "lossy", seed, lose, false));
    let options = options(group).with(|o| o.min_receivers = 2);
    let report = send(&paths(&dir), &options).unwrap().wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::Complete, "{report:?}");
    assert_eq!(report.receivers.len(), 2);
    assert!(report.nacks > 0 && report.resent_packets + report.coded_packets > 0);
    for listener in listeners {
        assert_eq!(report.content, Some(check(&listener.finish(), &payload, 1)));
    }
}

#[test]
fn payload_larger_than_an_object_arrives_as_several_extents() {
    let group = group();
    let (dir, payload) = tree(36_000_000);
    let listener = Listener::start(group, "listener", 4, 0, false);
    // 255 blocks of 1024 symbols of 128 bytes: an extent has less than 34 MB.
    let options = options(group).with(|o| {
        o.min_receivers = 1;
        o.segment_size = Some(128);
        o.fec = Fec::RaptorQ;
    });
    let report = send(&paths(&dir), &options).unwrap().wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::Complete, "{report:?}");
    assert_eq!(report.content, Some(check(&listener.finish(), &payload, 2)));
}

#[test]
fn without_receivers_the_sender_gives_up_after_its_patience() {
    let (dir, payload) = tree(10_000);
    let start = Instant::now();
    let sending = send(&paths(&dir), &options(group())).unwrap();
    let events: Vec<SendEvent> = sending.events().collect();
    let report = sending.wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::NoReceivers);
    assert!(start.elapsed() >= Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(report.receivers.is_empty() && report.content.is_some());
    assert_eq!(report.bytes, payload.len() as u64);
    assert!(matches!(events[0], SendEvent::Started { receivers: 0 }), "{:?}", events[0]);
    let hint = |e: &SendEvent| matches!(e, SendEvent::Hint(Hint::NoReceiver { .. }));
    assert_eq!(events.iter().filter(|e| hint(e)).count(), 1);
}

#[test]
fn too_few_receivers_in_time_and_nothing_is_sent() {
    let (dir, _) = tree(10_000);
    let timeout = Some(Duration::from_millis(300));
    let options = options(group()).with(|o| {
        o.min_receivers = 2;
        o.start.timeout = timeout;
    });
    let report = send(&paths(&dir), &options).unwrap().wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::StartTimedOut { heard: 0, wanted: 2 });
    assert_eq!((report.data_packets, report.data_elapsed), (0, Duration::ZERO));
}

#[test]
fn stopped_sender_says_so_and_reports_it() {
    let group = group();
    let (dir, _) = tree(10_000_000);
    let listener = Listener::start(group, "listener", 5, 0, false);
    let options = options(group).with(|o| {
        o.min_receivers = 1;
        o.pace = Pace::Fixed(8_000_000);
    });
    let sending = send(&paths(&dir), &options).unwrap();
    sending.events().find(|e| matches!(e, SendEvent::Started { .. })).unwrap();
    let start = Instant::now();
    sending.stopper().stop();
    let report = sending.wait().unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(report.outcome, SendOutcome::Stopped { receivers_wait: false });
    assert_eq!(report.receivers[0].outcome, ReceiverOutcome::Unfinished);
    assert_eq!(report.content, None);
    assert!(listener.finish().over, "the receiver heard the end");
}

#[test]
fn stopping_a_sender_that_only_lingers_cuts_nothing_short() {
    let group = group();
    let (dir, payload) = tree(10_000);
    let listener = Listener::start(group, "listener", 7, 0, false);
    let linger = Duration::from_secs(60);
    let options = options(group).with(|o| {
        o.min_receivers = 1;
        o.start.linger = linger;
    });
    let sending = send(&paths(&dir), &options).unwrap();
    let lingers =
        |e: SendEvent| matches!(e, SendEvent::Progress(p) if p.phase == SendPhase::Lingering);
    assert!(sending.events().any(lingers));
    sending.stopper().stop();
    let report = sending.wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::Complete);
    assert!(report.elapsed < Duration::from_secs(10) && report.data_elapsed < report.elapsed);
    check(&listener.finish(), &payload, 1);
}

#[test]
fn without_a_rate_limit_whatever_the_kernel_drops_is_repaired() {
    let group = group();
    let (dir, payload) = tree(30_000_000);
    let listener = Listener::start(group, "listener", 8, 0, false);
    let options = options(group).with(|o| {
        o.min_receivers = 1;
        o.pace = Pace::Unlimited;
    });
    let report = send(&paths(&dir), &options).unwrap().wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::Complete, "{report:?}");
    assert_eq!(report.content, Some(check(&listener.finish(), &payload, 1)));
}

#[test]
fn file_that_changes_is_withdrawn_and_named() {
    let (dir, _) = tree(10_000_000);
    let options = options(group()).with(|o| o.pace = Pace::Fixed(8_000_000));
    let sending = send(&paths(&dir), &options).unwrap();
    sending.events().find(|e| matches!(e, SendEvent::Started { .. })).unwrap();
    let large = fs::File::options().write(true).open(dir.path().join("tree/large")).unwrap();
    large.set_len(5).unwrap();
    let withdrawn = sending.events().find_map(|event| match event {
        SendEvent::FileWithdrawn(file) => Some(file),
        _ => None,
    });
    let withdrawn = withdrawn.unwrap();
    assert!(withdrawn.path.ends_with("tree/large"), "{withdrawn:?}");
    assert!(matches!(withdrawn.problem, SourceProblem::Changed { .. }), "{withdrawn:?}");
    sending.stopper().stop();
    let report = sending.wait().unwrap();
    assert_eq!((report.withdrawn_files, report.withdrawn), (1, vec![withdrawn]));
    assert_eq!(report.content, None);
}

#[test]
fn receiver_that_fails_is_reported_with_its_reason() {
    let group = group();
    let (dir, _) = tree(10_000);
    let listener = Listener::start(group, "full", 6, 0, true);
    let report = send(&paths(&dir), &options(group)).unwrap().wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::AllFailed, "{report:?}");
    assert_eq!(
        report.receivers[0].outcome,
        ReceiverOutcome::Failed { reason: "disk?full".to_owned() }
    );
    listener.finish();
}

#[test]
fn when_all_receivers_have_failed_the_sender_says_so_and_ends_within_seconds() {
    let group = group();
    let (dir, _) = tree(10_000_000);
    let listener = Listener::start(group, "full", 12, 0, true);
    let options = options(group).with(|o| o.pace = Pace::Fixed(1_000_000));
    let sending = send(&paths(&dir), &options).unwrap();
    let (mut failed, mut told) = (None, None);
    for event in sending.events() {
        match event {
            SendEvent::ReceiverFailed { .. } => failed = Some(Instant::now()),
            SendEvent::Hint(Hint::NoReceiverLeft) => told = Some(Instant::now()),
            _ => {}
        }
    }
    let report = sending.wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::AllFailed, "{report:?}");
    let took = told.unwrap() - failed.unwrap();
    assert!(took < Duration::from_secs(4), "one second, and what a busy machine adds: {took:?}");
    listener.finish();
}

#[test]
fn receiver_that_leaves_before_data_flows_is_told_of_but_does_not_count() {
    let group = group();
    let (dir, payload) = tree(10_000);
    let early = Listener::start(group, "early", 9, 0, true);
    let options = options(group).with(|o| o.min_receivers = 1);
    let sending = send(&paths(&dir), &options).unwrap();
    let failed = |e: SendEvent| {
        assert!(!matches!(e, SendEvent::Started { .. }), "it does not count as there");
        matches!(e, SendEvent::ReceiverFailed { receiver, .. } if receiver.name == "early")
    };
    assert!(sending.events().any(failed));
    early.quit.store(true, Ordering::Relaxed);
    early.finish();
    let listener = Listener::start(group, "listener", 10, 0, false);
    let report = sending.wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::Complete, "{report:?}");
    let names: Vec<&str> = report.receivers.iter().map(|r| r.receiver.name.as_str()).collect();
    assert_eq!(names, ["listener"]);
    check(&listener.finish(), &payload, 1);
}

#[test]
fn options_that_cannot_work_are_refused_at_once() {
    let (dir, _) = tree(10);
    let refused = |options: SendOptions| send(&paths(&dir), &options).unwrap_err().to_string();
    assert!(refused(options(group()).with(|o| o.pace = Pace::Fixed(0))).contains("rate"));
    assert!(refused(options(group()).with(|o| o.segment_size = Some(10))).contains("segment size"));
    assert!(refused(options(group()).with(|o| o.ttl = 0)).contains("TTL"));
}

/// Lines of the trace of a whole transfer.
fn traced(pace: Pace, seed: u64) -> Vec<String> {
    let group = group();
    let (dir, payload) = tree(3_000_000);
    let trace = dir.path().join("trace.csv");
    let listener = Listener::start(group, "listener", seed, 0, false);
    let options = options(group).with(|o| {
        o.min_receivers = 1;
        o.pace = pace;
        o.rate.trace = Some(trace.clone());
    });
    let report = send(&paths(&dir), &options).unwrap().wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::Complete, "{report:?}");
    assert_eq!(report.content, Some(check(&listener.finish(), &payload, 1)));
    fs::read_to_string(trace).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn trace_of_the_rate_has_probes_and_reports_of_the_transfer() {
    let lines = traced(Pace::AUTO, 30);
    assert_eq!(lines[0], RateRecord::COLUMNS);
    let columns: Vec<&str> = RateRecord::COLUMNS.split(',').collect();
    let rows: Vec<Vec<&str>> = lines[1..].iter().map(|line| line.split(',').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == columns.len()), "{lines:#?}");
    let event = columns.iter().position(|name| *name == "event").unwrap();
    let count = |name: &str| rows.iter().filter(|row| row[event] == name).count();
    assert!(count("probe") > 0 && count("report") > 0, "{lines:#?}");
    assert_eq!(count("probe") + count("report"), rows.len());
    let seconds: Vec<f64> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert!(seconds.is_sorted(), "{seconds:?}");
}

#[test]
fn trace_of_a_fixed_rate_names_its_columns_only() {
    assert_eq!(traced(Pace::Fixed(50_000_000), 31), [RateRecord::COLUMNS]);
}

#[test]
fn trace_of_the_rate_never_replaces_a_file() {
    let (dir, _) = tree(10);
    let taken = dir.path().join("taken.csv");
    fs::write(&taken, "mine").unwrap();
    let options = options(group()).with(|o| o.rate.trace = Some(taken.clone()));
    let Err(error) = send(&paths(&dir), &options) else { panic!("it was replaced") };
    assert!(matches!(&error, SendError::RateTrace { path, .. } if *path == taken), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("taken.csv") && message.contains("use another name"), "{message}");
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
}
