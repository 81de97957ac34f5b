//! Senders for tests: an engine with a set in memory.

use std::fs;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Receiver as Channel, Sender as ChannelEnd, unbounded};
use norm_core::Timestamp;
use norm_core::endpoint::{Job, JobDone};
use norm_core::fec::{Scheme, encode};
use norm_core::fileset::{
    CHUNK_BYTES, ChunkHash, ChunkHasher, DigestListWriter, Entry, EntryKind, ManifestWriter, Mtime,
    PartKind, SetDescriptor, SetId, SetSummary,
};
use norm_core::norm::sender::{GrttOptions, ObjectSpec, Payload, StartLimits};
use norm_core::norm::wire::{MemberState, NodeId, ObjectId, SetInfo};
use norm_core::norm::{Sender, SenderConfig, SenderEvent};
use norm_net::ReceiveOptions;
use norm_net::io::driver::{self, Application, Clock};
use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig};

pub const SET: SetId = SetId(*b"set for the test");
pub const SEGMENT: u16 = 1344;
pub const BLOCK_LEN: u32 = 64;
/// Of payload; several to a set, so that extents and blocks are many.
pub const EXTENT: usize = 600_000;

/// A group and port that no other test of this process gets.
pub fn group() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 300).unwrap() * 32;
    SocketAddr::new(
        [239, 255, 78, 1].into(),
        30_000 + spread + NEXT.fetch_add(1, Ordering::Relaxed),
    )
}

/// Content that compresses to nothing and differs everywhere.
pub fn content(len: usize, seed: u64) -> Vec<u8> {
    let mut rng = norm_core::Rng::new(seed);
    (0..len).map(|_| rng.next_u32() as u8).collect()
}

/// The objects of a set, in memory, and the identity of their sender.
pub struct Source {
    pub objects: Vec<(SetInfo, Bytes)>,
    pub node: NodeId,
    /// Bits per second.
    pub rate: u64,
    /// Content packets after which it is gone without a word.
    pub dies_after: u64,
    /// Bytes per packet.
    pub segment: u16,
    pub scheme: Scheme,
    /// How long it stays for late receivers.
    pub linger: Duration,
    /// Only what is asked for is sent.
    pub on_request: bool,
    /// It pauses, for good, after this many packets of content.
    pub pauses_after: u64,
}

impl Source {
    pub fn new(entries: &[(Entry<'_>, Vec<u8>)]) -> Self {
        Self::with(SET, entries, |hash| hash)
    }

    /// `spoil` may change the hash of each chunk.
    pub fn with(
        set: SetId,
        entries: &[(Entry<'_>, Vec<u8>)],
        spoil: impl Fn(ChunkHash) -> ChunkHash,
    ) -> Self {
        Self::cut(set, entries, EXTENT, spoil)
    }

    /// With extents of so many bytes.
    pub fn cut(
        set: SetId,
        entries: &[(Entry<'_>, Vec<u8>)],
        extent_bytes: usize,
        spoil: impl Fn(ChunkHash) -> ChunkHash,
    ) -> Self {
        Self::ordered(set, entries, extent_bytes, false, spoil)
    }

    /// With the digest list before the payload.
    pub fn hashed_first(entries: &[(Entry<'_>, Vec<u8>)]) -> Self {
        Self::ordered(SET, entries, EXTENT, true, |hash| hash)
    }

    /// The same in one extent; `spoil` may change the hash of each chunk.
    pub fn hashed_first_with(
        entries: &[(Entry<'_>, Vec<u8>)],
        spoil: impl Fn(ChunkHash) -> ChunkHash,
    ) -> Self {
        Self::ordered(SET, entries, usize::MAX, true, spoil)
    }

    fn ordered(
        set: SetId,
        entries: &[(Entry<'_>, Vec<u8>)],
        extent_bytes: usize,
        list_first: bool,
        spoil: impl Fn(ChunkHash) -> ChunkHash,
    ) -> Self {
        let mut head = ManifestWriter::new();
        let mut payload = Vec::new();
        for (entry, content) in entries {
            head.push(&Entry { size: content.len() as u64, ..*entry }).unwrap();
            payload.extend_from_slice(content);
        }
        let (head, manifest) = head.finish();
        let mut tail = DigestListWriter::new(manifest);
        for (_, content) in entries {
            for (n, chunk) in content.chunks(CHUNK_BYTES as usize).enumerate() {
                let offset = n as u64 * CHUNK_BYTES;
                let hash = ChunkHasher::hash(offset, content.len() as u64, chunk);
                tail.push(&spoil(hash)).unwrap();
            }
        }
        let (tail, content) = tail.finish();
        let extents: Vec<&[u8]> = payload.chunks(extent_bytes).collect();
        let set = SetSummary {
            set,
            parts: extents.len() as u32 + 2,
            list_first,
            payload_size: payload.len() as u64,
            manifest_size: head.len() as u64,
            list_size: tail.len() as u64,
            manifest,
            content: content.filter(|_| list_first),
        };
        let info = |kind, offset| SetInfo {
            first_object: ObjectId(0),
            part: SetDescriptor { kind, offset, set },
        };
        let mut all = vec![(info(PartKind::Manifest, 0), Bytes::from(head))];
        for (number, extent) in extents.iter().enumerate() {
            let offset = (number * extent_bytes) as u64;
            all.push((info(PartKind::Payload, offset), Bytes::copy_from_slice(extent)));
        }
        let list = (info(PartKind::DigestList, 0), Bytes::from(tail));
        all.insert(if list_first { 1 } else { all.len() }, list);
        Self {
            objects: all,
            node: NodeId(77),
            rate: 200_000_000,
            dies_after: u64::MAX,
            segment: SEGMENT,
            scheme: Scheme::RaptorQ,
            linger: Duration::ZERO,
            on_request: false,
            pauses_after: u64::MAX,
        }
    }

    /// Somebody else's idea of it: the same set, with other bytes in its files.
    pub fn forged(mut self) -> Self {
        for (info, content) in &mut self.objects {
            if info.part.kind == PartKind::Payload {
                *content = content.iter().map(|byte| !byte).collect();
            }
        }
        self
    }

    pub fn send(self, group: SocketAddr) -> JoinHandle<SentBy> {
        std::thread::spawn(move || self.run(group))
    }

    fn run(self, group: SocketAddr) -> SentBy {
        let config = LinkConfig {
            interface: Some(InterfaceSpec::Name("lo".to_owned())),
            loopback: true,
            ..LinkConfig::new(group)
        };
        let mut link = Link::open(&config).unwrap();
        let clock = Clock::start();
        let config = SenderConfig {
            segment_size: self.segment,
            block_len: BLOCK_LEN,
            scheme: self.scheme,
            linger: self.linger,
            payload: if self.on_request { Payload::Missing } else { Payload::All },
            min_receivers: 1,
            start: StartLimits { timeout: Some(Duration::from_secs(20)), ..StartLimits::default() },
            grtt: GrttOptions { initial: Duration::from_millis(20), ..GrttOptions::default() },
            rate: Some(self.rate),
            ..SenderConfig::new(self.node)
        };
        let mut engine = Sender::new(config, u64::from(self.node.0), clock.now()).unwrap();
        for (info, content) in &self.objects {
            let mut bytes = Vec::new();
            info.emit(&mut bytes);
            let size = content.len() as u64;
            engine.enqueue(ObjectSpec { size, info: Some(bytes.into()), file: true }).unwrap();
        }
        engine.finish();
        let (results, done) = unbounded();
        let (objects, dies_after, pauses_after) =
            (self.objects, self.dies_after, self.pauses_after);
        let mut app = SentBy { objects, results, dies_after, pauses_after, ..SentBy::empty() };
        app.drive(&mut link, clock, &mut engine, &done);
        app
    }
}

/// The application of a sender that has everything in memory.
pub struct SentBy {
    objects: Vec<(SetInfo, Bytes)>,
    results: ChannelEnd<JobDone>,
    pub confirmed: usize,
    pub failed: Vec<String>,
    /// A receiver said that its disk takes less than arrives.
    pub writing: bool,
    /// Content packets sent on request.
    pub repairs: u64,
    dies_after: u64,
    pauses_after: u64,
    until: Option<Timestamp>,
}

impl SentBy {
    fn empty() -> Self {
        let (results, _) = unbounded();
        Self {
            objects: Vec::new(),
            results,
            confirmed: 0,
            failed: Vec::new(),
            writing: false,
            repairs: 0,
            dies_after: u64::MAX,
            pauses_after: u64::MAX,
            until: None,
        }
    }

    fn drive(
        &mut self,
        link: &mut Link,
        clock: Clock,
        engine: &mut Sender,
        done: &Channel<JobDone>,
    ) {
        self.until = Some(clock.now() + Duration::from_secs(60));
        driver::run(link, clock, engine, self, done).unwrap();
        self.repairs = engine.stats().resent_packets + engine.stats().coded_packets;
    }
}

impl Application<Sender> for SentBy {
    fn event(&mut self, _engine: &mut Sender, _now: Timestamp, event: SenderEvent) {
        match event {
            SenderEvent::ReceiverConfirmed { .. } => self.confirmed += 1,
            SenderEvent::ReceiverFailed { reason, .. } => self.failed.push(reason),
            SenderEvent::ReceiverReport { state, .. } => {
                self.writing |= state == MemberState::Writing;
            }
            _ => {}
        }
    }

    fn job(&mut self, _engine: &mut Sender, _now: Timestamp, job: Job) {
        let done = match job {
            Job::Read(job) => {
                let (start, len) = (job.offset as usize, job.len as usize);
                let bytes = self.objects[job.object as usize].1.slice(start..start + len);
                JobDone::Read { block: job.block, result: Ok(bytes) }
            }
            Job::Encode(job) => {
                let (source, first, count) = (&job.source, job.first, job.count);
                let made = encode(job.scheme, job.symbols, job.symbol_size, source, first, count);
                let result = Ok(Bytes::from(made.unwrap()));
                JobDone::Encode { block: job.block, first: job.first, result }
            }
            Job::Store(_) | Job::Recall(_) | Job::Prepare(_) | Job::Gather(_) => return,
        };
        self.results.send(done).unwrap();
    }

    fn turn(&mut self, engine: &mut Sender, now: Timestamp) -> ControlFlow<()> {
        if engine.stats().data_packets >= self.pauses_after && !engine.is_paused() {
            engine.set_rate_limit(Some(0), now);
        }
        let dead = engine.stats().data_packets >= self.dies_after;
        if dead || engine.is_finished() || self.until.is_some_and(|until| now >= until) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

pub fn file(path: &str) -> Entry<'_> {
    let mtime = Mtime { seconds: 1_600_000_000, nanos: 500_000_000 };
    Entry { mode: 0o640, mtime, ..Entry::new(EntryKind::File, path) }
}

pub fn directory(path: &str) -> Entry<'_> {
    Entry { kind: EntryKind::Directory, mode: 0o750, ..file(path) }
}

pub fn options(group: SocketAddr, directory: &Path) -> ReceiveOptions {
    ReceiveOptions::new(group, directory).with(|o| {
        o.interface = Some(InterfaceSpec::Name("lo".to_owned()));
        o.timeout = Some(Duration::from_secs(20));
        o.seed = Some(9);
        o.name = "test".to_owned();
    })
}

pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
