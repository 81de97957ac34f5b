//! One run of the sending engine, timed call by call.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use norm_core::endpoint::{Datagram, Endpoint, Job, JobDone, Proof, TransmitBuf};
use norm_core::norm::sender::{ObjectSpec, SenderStats};
use norm_core::norm::{Sender, SenderConfig, SenderEvent};

use crate::allocator::live;
use crate::group::{Feedback, Group, Kind, timestamp};

/// Bytes of an object.
pub(crate) const OBJECT: u64 = 200 << 20;
/// Bytes of content in a packet.
pub(crate) const SEGMENT: u16 = 1344;
/// Maximum number of packets in a batch, as a driver with segmentation offload has it.
pub(crate) const BATCH: usize = 64;
/// Start of a run in virtual time, in nanoseconds.
const START: u64 = 1_000_000_000;
/// Capacity of the list of times.
const CALLS: usize = 4 << 20;

/// What a call was for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Calls before the first transmission.
    Gathering,
    /// Sending, during the first transmission.
    Forward,
    /// Feedback, during the first transmission.
    Feedback(Kind),
    /// A poll of the engine after feedback that had nothing to send.
    Idle,
    /// Calls after the first transmission, for repair and confirmations.
    Ending,
}

/// A timed call.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Call {
    pub(crate) purpose: Purpose,
    pub(crate) nanos: u32,
}

/// One run of the engine.
pub(crate) struct Run {
    pub(crate) calls: Vec<Call>,
    pub(crate) stats: SenderStats,
    /// Packets of the first transmission, with repairs meanwhile.
    pub(crate) packets: u64,
    /// Bytes of memory that all receivers together added.
    pub(crate) memory: usize,
    pub(crate) trace: Vec<Feedback>,
    /// Virtual seconds until the end of the first transmission.
    pub(crate) seconds: f64,
}

/// Runs the engine to its end, with the feedback of a group or of a recorded trace.
pub(crate) fn run(
    config: &SenderConfig,
    size: u64,
    content: &Bytes,
    group: Option<Group>,
    trace: Vec<Feedback>,
) -> Run {
    let mut driver = Driver::new(config, size, content, group, trace);
    while !driver.sender.is_finished() {
        driver.step();
    }
    driver.finish()
}

/// Nanoseconds since a time.
pub(crate) fn elapsed(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_nanos()).unwrap_or(u32::MAX)
}

/// The engine and its surroundings, in virtual time.
struct Driver<'a> {
    sender: Sender,
    content: &'a Bytes,
    group: Option<Group>,
    trace: Vec<Feedback>,
    /// Number of datagrams of the trace that have arrived.
    arrived: usize,
    now: u64,
    calls: Vec<Call>,
    out: TransmitBuf,
    buffer: [u8; SEGMENT as usize + 64],
    /// The engine has begun with the first transmission.
    started: bool,
    /// Packets that were sent before that, once it has begun.
    packets_before: u64,
    /// Memory before the run.
    live_before: usize,
    memory: usize,
    /// Time and number of packets at the end of the first transmission.
    all_sent: Option<(u64, u64)>,
}

impl<'a> Driver<'a> {
    fn new(
        config: &SenderConfig,
        size: u64,
        content: &'a Bytes,
        group: Option<Group>,
        trace: Vec<Feedback>,
    ) -> Self {
        let calls = Vec::with_capacity(CALLS);
        let out = TransmitBuf::new(BATCH);
        let mut sender = Sender::new(config.clone(), 5, timestamp(START)).expect("valid settings");
        for _ in 0..size.div_ceil(OBJECT) {
            let object = ObjectSpec { size: OBJECT, info: None, file: true };
            sender.enqueue(object).expect("a valid object");
        }
        sender.finish();
        Self {
            sender,
            content,
            group,
            trace,
            arrived: 0,
            now: START,
            calls,
            out,
            buffer: [0; SEGMENT as usize + 64],
            started: false,
            packets_before: 0,
            live_before: live(),
            memory: 0,
            all_sent: None,
        }
    }

    /// Everything at the current time; then time advances to the next event.
    fn step(&mut self) {
        let mut heard = false;
        while let Some(feedback) = self.next_feedback() {
            heard = true;
            self.hand_over(&feedback);
        }
        if self.started && self.packets_before == 0 {
            self.packets_before = self.sender.stats().packets;
            self.memory = live().saturating_sub(self.live_before);
        }
        let now = timestamp(self.now);
        let due = self.sender.poll_timeout().is_some_and(|at| at <= now);
        if due || heard {
            self.serve(due);
        }
        self.now = self.now.max(self.next_event().unwrap_or(self.now));
    }

    fn next_feedback(&mut self) -> Option<Feedback> {
        if let Some(feedback) = self.group.as_mut().and_then(|group| group.arrived(self.now)) {
            self.trace.push(feedback);
        }
        let next = self.trace.get(self.arrived).filter(|feedback| feedback.at <= self.now)?;
        self.arrived += 1;
        Some(next.clone())
    }

    /// Hands a datagram to the engine.
    fn hand_over(&mut self, feedback: &Feedback) {
        let source = SocketAddr::from((Ipv4Addr::from(0x0a00_0001 + feedback.member), 5740));
        // A copy, so that it is in the cache as after a system call.
        let payload = &mut self.buffer[..feedback.bytes.len()];
        payload.copy_from_slice(&feedback.bytes);
        let (ce, waited) = (false, Duration::ZERO);
        let datagram = Datagram { source, to_group: true, ce, waited, proof: Proof::None, payload };
        let start = Instant::now();
        self.sender.handle_datagram(timestamp(self.now), datagram);
        while let Some(event) = self.sender.poll_event() {
            self.started |= event == SenderEvent::Started;
        }
        let purpose = match (self.packets_before > 0, self.all_sent.is_some()) {
            (false, _) => Purpose::Gathering,
            (true, false) => Purpose::Feedback(feedback.kind),
            (true, true) => Purpose::Ending,
        };
        self.calls.push(Call { purpose, nanos: elapsed(start) });
    }

    /// Lets the engine do its work at the current time.
    fn serve(&mut self, due: bool) {
        let start = Instant::now();
        if due {
            self.sender.handle_timeout(timestamp(self.now));
        }
        let sent = self.drain() || due;
        let (done, whole) = self.sender.progress();
        if done == whole && self.all_sent.is_none() {
            self.all_sent = Some((self.now, self.sender.stats().packets));
        }
        let purpose = match (self.packets_before > 0, self.all_sent.is_some()) {
            (false, _) => Purpose::Gathering,
            (true, true) => Purpose::Ending,
            (true, false) if sent => Purpose::Forward,
            (true, false) => Purpose::Idle,
        };
        self.calls.push(Call { purpose, nanos: elapsed(start) });
    }

    /// Does the jobs of the engine and sends its packets, until there are none. True if it has
    /// sent packets.
    fn drain(&mut self) -> bool {
        let Self { sender, content, group, out, now, .. } = self;
        let at = timestamp(*now);
        let mut sent = false;
        let mut busy = true;
        while std::mem::take(&mut busy) {
            while sender.poll_event().is_some() {}
            while let Some(job) = sender.poll_job() {
                busy = true;
                sender.handle_job(at, work(job, content));
            }
            while let Some(transmit) = sender.poll_transmit(at, out) {
                busy = true;
                sent = true;
                for packet in out.as_bytes().chunks(transmit.segment_size) {
                    if let Some(group) = group {
                        group.observe(*now, packet);
                    }
                }
            }
        }
        sent
    }

    fn next_event(&mut self) -> Option<u64> {
        let timer = self.sender.poll_timeout().map(norm_core::Timestamp::as_nanos);
        let feedback = match &mut self.group {
            Some(group) => {
                group.run_timers(self.now);
                group.next()
            }
            None => self.trace.get(self.arrived).map(|feedback| feedback.at),
        };
        timer.into_iter().chain(feedback).min()
    }

    fn finish(mut self) -> Run {
        let (at, packets) = self.all_sent.unwrap_or_default();
        self.calls.shrink_to_fit();
        Run {
            calls: self.calls,
            stats: *self.sender.stats(),
            packets: packets - self.packets_before,
            memory: self.memory,
            trace: self.trace,
            seconds: (at - START) as f64 * 1e-9,
        }
    }
}

/// The result of a job of the sender.
fn work(job: Job, content: &Bytes) -> JobDone {
    match job {
        Job::Read(job) => {
            let start = job.offset as usize % (content.len() - job.len as usize);
            let bytes = content.slice(start..start + job.len as usize);
            JobDone::Read { block: job.block, result: Ok(bytes) }
        }
        Job::Encode(job) => {
            let len = job.count as usize * usize::from(job.symbol_size);
            let result = Ok(content.slice(..len));
            JobDone::Encode { block: job.block, first: job.first, result }
        }
        Job::Store(_) | Job::Recall(_) | Job::Prepare(_) | Job::Gather(_) => {
            unreachable!("not of this sender")
        }
    }
}
