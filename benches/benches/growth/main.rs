//! What a sender costs by the number of its receivers: a real sending engine at 1 Gbit/s of virtual
//! time, and a group of simulated receivers of which each loses 1 % of the packets.
//!
//! Not a criterion bench: it prints a table. Every group runs once to record what the receivers say;
//! the engine, which does the same again when it is told the same, is then timed alone in several runs,
//! of which the median counts, call by call. Feedback is set beside what the engine does to send, and, with
//! the kernel's part in receiving it, beside all that a sender does: `whole` measures the rest of
//! that in the same run. `NORM_BENCH_MIB` sets the size (default 2400; in
//! 10000 a second roll call to 10,000 receivers falls); `NORM_BENCH_RUNS` the runs (default 5);
//! `NORM_BENCH_RECEIVERS` one group of the five only.

mod allocator;
mod group;
mod whole;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use norm_core::Timestamp;
use norm_core::endpoint::{Datagram, Endpoint, Job, JobDone, TransmitBuf};
use norm_core::fec::{Points, RsCode, RsForm, Scheme};
use norm_core::norm::sender::{ObjectSpec, SenderStats};
use norm_core::norm::wire::NodeId;
use norm_core::norm::{Sender, SenderConfig, SenderEvent};

use allocator::{Counting, live};
use group::{Feedback, Group, Kind, timestamp};
use whole::Whole;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RATE: u64 = 1_000_000_000;
const SEGMENT: u16 = 1344;
const LOSS: f64 = 0.01;
const NODE: NodeId = NodeId(1);
const START: u64 = 1_000_000_000;
/// Bytes of an object.
const OBJECT: u64 = 200 << 20;
/// Packets in a batch at most, as the driver has it with segmentation offload.
const BATCH: usize = 64;
/// Calls for which there is room in the list of times.
const CALLS: usize = 4 << 20;

/// What a call was for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Purpose {
    /// Before data flowed.
    Gathering,
    /// Sending, until everything was sent once; what is asked for then is in `Ending`.
    Forward,
    Feedback(Kind),
    /// Asking the engine for work after feedback, when there was none.
    Idle,
    /// The rest of the repair, and the confirmations.
    Ending,
}

/// One run of the engine.
struct Run {
    times: Vec<(Purpose, u32)>,
    stats: SenderStats,
    /// Packets that were sent until everything was sent once.
    packets: u64,
    /// Bytes that all receivers together added.
    memory: usize,
    trace: Vec<Feedback>,
    /// Virtual time until everything was sent once.
    seconds: f64,
}

/// A sender's settings, and what a group said to it.
struct Case {
    receivers: u32,
    config: SenderConfig,
    recorded: Run,
    runs: Vec<Run>,
}

fn main() {
    let setting =
        |name: &str, or: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(or);
    let (size, runs) =
        (setting("NORM_BENCH_MIB", 2400) << 20, setting("NORM_BENCH_RUNS", 5).max(1));
    let only = setting("NORM_BENCH_RECEIVERS", 0);
    let content = Bytes::from((0..64usize << 20).map(|n| (n * 31) as u8).collect::<Vec<_>>());
    let code = RsCode::new(RsForm::Id5, Points::Rizzo, 160, 95).expect("a valid code");
    let codes = [
        ("Reed-Solomon, K = 160", Scheme::ReedSolomon(code), 160),
        ("RaptorQ, K = 1024", Scheme::RaptorQ, 1024),
    ];
    let size = size.next_multiple_of(OBJECT);
    println!("{} MiB, {} % loss at each receiver", size >> 20, LOSS * 100.0);
    let whole = whole::measure(SEGMENT.into(), BATCH).expect("loopback and room in memory");
    println!(
        "Besides the engine: {:.0} ns to read, hash and send a packet, {:.0} ns to receive a datagram",
        whole.packet, whole.datagram
    );
    let mut tables: Vec<Vec<Case>> = std::thread::scope(|scope| {
        let record = |(scheme, block_len)| {
            let groups = [1, 10, 100, 1_000, 10_000].into_iter();
            groups
                .filter(|group| only == 0 || only == u64::from(*group))
                .map(|receivers| Case::record(receivers, (scheme, block_len), size, &content))
                .collect()
        };
        let threads =
            codes.map(|(_, scheme, block_len)| scope.spawn(move || record((scheme, block_len))));
        threads.into_iter().map(|thread| thread.join().expect("it is recorded")).collect()
    });
    for _ in 0..runs {
        for case in tables.iter_mut().flatten() {
            let trace = case.recorded.trace.clone();
            let run = run(&case.config, size, &content, None, trace);
            assert!(run.stats == case.recorded.stats, "a run went another way");
            case.runs.push(run);
        }
    }
    for ((name, ..), cases) in codes.iter().zip(&tables) {
        println!("\n{name}\n");
        println!(
            "| receivers | packets | ns per packet | NACKs | ns | credit | ns | reports | ns \
             | feedback per s | of forward | of all | end, µs per receiver | bytes per receiver |"
        );
        println!("|{}", "---|".repeat(14));
        cases.iter().for_each(|case| case.print(&whole));
    }
}

impl Case {
    fn record(receivers: u32, code: (Scheme, u32), size: u64, content: &Bytes) -> Self {
        let mut config = SenderConfig::new(NODE);
        (config.rate, config.segment_size) = (Some(RATE), SEGMENT);
        (config.scheme, config.block_len) = code;
        config.min_receivers = receivers as usize;
        let blocks = OBJECT.div_ceil(u64::from(config.block_len) * u64::from(SEGMENT)) as u32;
        let blocks = (size.div_ceil(OBJECT) as u32, blocks);
        let group = Group::new(receivers, LOSS, config.scheme, NODE, blocks);
        let recorded = run(&config, size, content, Some(group), Vec::new());
        Self { receivers, config, recorded, runs: Vec::new() }
    }

    /// Calls for a purpose, and the time that they took: for each call the median of all runs.
    fn sum(&self, purpose: Purpose) -> (u64, u64) {
        let clock = clock_cost();
        let calls = self.recorded.times.iter().enumerate().filter(|(_, (p, _))| *p == purpose);
        let times = calls.map(|(call, _)| {
            let mut times: Vec<u32> = self.runs.iter().map(|run| run.times[call].1).collect();
            times.sort_unstable();
            u64::from(times[times.len() / 2].saturating_sub(clock))
        });
        times.fold((0, 0), |(calls, sum), time| (calls + 1, sum + time))
    }

    fn print(&self, whole: &Whole) {
        let kinds = [Kind::Nack, Kind::Window, Kind::Report, Kind::Confirmation];
        let sums = kinds.map(|kind| self.sum(Purpose::Feedback(kind)));
        let columns: String = sums[..3]
            .iter()
            .map(|(calls, sum)| format!(" {calls} | {:.0} |", *sum as f64 / (*calls).max(1) as f64))
            .collect();
        let (calls, feedback) = sums.iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        let feedback = feedback + self.sum(Purpose::Idle).1;
        let forward = self.sum(Purpose::Forward).1 as f64;
        let (receivers, first) = (f64::from(self.receivers), &self.runs[0]);
        let of_all = (feedback as f64 + calls as f64 * whole.datagram)
            / (forward + first.packets as f64 * whole.packet);
        println!(
            "| {receivers} | {} | {:.0} |{columns} {:.0} | {:.1} % | {:.2} % | {:.2} | {:.0} |",
            first.packets,
            forward / first.packets as f64,
            calls as f64 / first.seconds,
            feedback as f64 / forward * 100.0,
            of_all * 100.0,
            self.sum(Purpose::Ending).1 as f64 / 1e3 / receivers,
            first.memory as f64 / receivers,
        );
    }
}

/// What it takes to look at the clock twice.
fn clock_cost() -> u32 {
    let mut times: Vec<u32> = (0..10_001).map(|_| elapsed(Instant::now())).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn elapsed(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_nanos()).unwrap_or(u32::MAX)
}

/// Runs the engine to the end: with a group, or with what one has said before.
fn run(
    config: &SenderConfig,
    size: u64,
    content: &Bytes,
    mut group: Option<Group>,
    mut trace: Vec<Feedback>,
) -> Run {
    let mut times = Vec::with_capacity(CALLS);
    let mut out = TransmitBuf::new(BATCH);
    let mut buffer = [0; SEGMENT as usize + 64];
    let mut sender = Sender::new(config.clone(), 5, timestamp(START)).expect("valid settings");
    for _ in 0..size.div_ceil(OBJECT) {
        let object = ObjectSpec { size: OBJECT, info: None, file: true };
        sender.enqueue(object).expect("it fits");
    }
    sender.finish();
    let empty = live();
    let (mut next, mut now, mut sending) = (0, START, false);
    let mut all_sent = None;
    let (mut before, mut memory) = (0, 0);
    while !sender.is_finished() {
        let mut heard = false;
        loop {
            if let Some(feedback) = group.as_mut().and_then(|group| group.arrived(now)) {
                trace.push(feedback);
            }
            let Some(feedback) = trace.get(next).filter(|feedback| feedback.at <= now) else {
                break;
            };
            (next, heard) = (next + 1, true);
            let source = SocketAddr::from((Ipv4Addr::from(0x0a00_0001 + feedback.member), 5740));
            // The kernel has just written it.
            let payload = &mut buffer[..feedback.bytes.len()];
            payload.copy_from_slice(&feedback.bytes);
            let (ce, waited) = (false, Duration::ZERO);
            let datagram = Datagram { source, to_group: true, ce, waited, payload };
            let start = Instant::now();
            sender.handle_datagram(timestamp(now), datagram);
            while let Some(event) = sender.poll_event() {
                sending |= event == SenderEvent::Started;
            }
            let purpose = match (before > 0, all_sent.is_some()) {
                (false, _) => Purpose::Gathering,
                (true, false) => Purpose::Feedback(feedback.kind),
                (true, true) => Purpose::Ending,
            };
            times.push((purpose, elapsed(start)));
        }
        if sending && before == 0 {
            before = sender.stats().packets;
            memory = live().saturating_sub(empty);
        }
        let due = sender.poll_timeout().is_some_and(|at| at <= timestamp(now));
        let mut sent = due;
        let start = Instant::now();
        if due {
            sender.handle_timeout(timestamp(now));
        }
        if due || heard {
            serve(&mut sender, now, content, &mut out, |packet| {
                sent = true;
                if let Some(group) = &mut group {
                    group.hear(now, packet);
                }
            });
        }
        let (done, whole) = sender.progress();
        if done == whole && all_sent.is_none() {
            all_sent = Some((now, sender.stats().packets));
        }
        let purpose = match (before > 0, all_sent.is_some()) {
            (false, _) => Purpose::Gathering,
            (true, true) => Purpose::Ending,
            (true, false) if sent => Purpose::Forward,
            (true, false) => Purpose::Idle,
        };
        if due || heard {
            times.push((purpose, elapsed(start)));
        }
        let timer = sender.poll_timeout().map(Timestamp::as_nanos);
        let feedback = match &mut group {
            Some(group) => {
                group.run_timers(now);
                group.next()
            }
            None => trace.get(next).map(|feedback| feedback.at),
        };
        now = now.max(timer.into_iter().chain(feedback).min().unwrap_or(now));
    }
    let (all_sent, data) = all_sent.unwrap_or_default();
    let packets = data - before;
    let seconds = (all_sent - START) as f64 * 1e-9;
    times.shrink_to_fit();
    Run { times, stats: *sender.stats(), packets, memory, trace, seconds }
}

/// Does what the engine asks for until it asks for nothing more.
fn serve(
    sender: &mut Sender,
    now: u64,
    content: &Bytes,
    out: &mut TransmitBuf,
    mut sent: impl FnMut(&[u8]),
) {
    let now = timestamp(now);
    let mut busy = true;
    while std::mem::take(&mut busy) {
        while sender.poll_event().is_some() {}
        while let Some(job) = sender.poll_job() {
            busy = true;
            let done = match job {
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
                Job::Store(_) => unreachable!("a sender stores nothing"),
            };
            sender.handle_job(now, done);
        }
        while let Some(transmit) = sender.poll_transmit(now, out) {
            busy = true;
            out.as_bytes().chunks(transmit.segment_size).for_each(&mut sent);
        }
    }
}
