//! The cost of a sender with a number of receivers.

use std::time::Instant;

use bytes::Bytes;
use norm_core::fec::Scheme;
use norm_core::norm::SenderConfig;
use norm_core::norm::wire::NodeId;

use crate::LOSS;
use crate::group::{Blocks, Group, Kind};
use crate::run::{OBJECT, Purpose, Run, SEGMENT, elapsed, run};
use crate::whole::Whole;

/// Bits per second of virtual time.
const RATE: u64 = 1_000_000_000;
const NODE: NodeId = NodeId(1);

/// A code with its block length.
#[derive(Copy, Clone)]
pub(crate) struct Code {
    pub(crate) name: &'static str,
    pub(crate) scheme: Scheme,
    pub(crate) block_len: u32,
}

/// A sender's settings, and the recorded feedback of a group.
pub(crate) struct Case {
    receivers: u32,
    config: SenderConfig,
    recorded: Run,
    runs: Vec<Run>,
}

/// Calls for one purpose.
#[derive(Copy, Clone, Default)]
struct Cost {
    calls: u64,
    nanos: u64,
}

impl Cost {
    fn add(self, other: Self) -> Self {
        Self { calls: self.calls + other.calls, nanos: self.nanos + other.nanos }
    }

    fn nanos_per_call(self) -> f64 {
        self.nanos as f64 / self.calls.max(1) as f64
    }
}

impl Case {
    /// Runs the engine with a group, and records the feedback.
    pub(crate) fn record(receivers: u32, code: Code, size: u64, content: &Bytes) -> Self {
        let mut config = SenderConfig::new(NODE);
        config.rate = Some(RATE);
        config.segment_size = SEGMENT;
        config.scheme = code.scheme;
        config.block_len = code.block_len;
        config.min_receivers = receivers as usize;
        let per_object = OBJECT.div_ceil(u64::from(config.block_len) * u64::from(SEGMENT)) as u32;
        let blocks = Blocks { objects: size.div_ceil(OBJECT) as u32, per_object };
        let group = Group::new(receivers, LOSS, config.scheme, NODE, blocks);
        let recorded = run(&config, size, content, Some(group), Vec::new());
        Self { receivers, config, recorded, runs: Vec::new() }
    }

    /// Runs the engine again with the recorded feedback.
    pub(crate) fn repeat(&mut self, size: u64, content: &Bytes) {
        let run = run(&self.config, size, content, None, self.recorded.trace.clone());
        assert!(run.stats == self.recorded.stats, "a run differs from the recorded one");
        self.runs.push(run);
    }

    /// The cost of the calls for a purpose: for each call the median of all runs.
    fn cost(&self, purpose: Purpose) -> Cost {
        let clock = clock_nanos();
        let calls = self.recorded.calls.iter().enumerate();
        let calls = calls.filter(|(_, call)| call.purpose == purpose);
        calls.fold(Cost::default(), |sum, (n, _)| {
            let mut nanos: Vec<u32> = self.runs.iter().map(|run| run.calls[n].nanos).collect();
            nanos.sort_unstable();
            let median = nanos[nanos.len() / 2].saturating_sub(clock);
            sum.add(Cost { calls: 1, nanos: median.into() })
        })
    }

    /// Prints a row of the table.
    pub(crate) fn print(&self, whole: &Whole) {
        let kinds = [Kind::Nack, Kind::Window, Kind::Report, Kind::Confirmation];
        let costs = kinds.map(|kind| self.cost(Purpose::Feedback(kind)));
        let columns: String = costs[..3]
            .iter()
            .map(|cost| format!(" {} | {:.0} |", cost.calls, cost.nanos_per_call()))
            .collect();
        let feedback = costs.into_iter().fold(Cost::default(), Cost::add);
        let idle = self.cost(Purpose::Idle);
        let (calls, feedback) = (feedback.calls, feedback.nanos + idle.nanos);
        let forward = self.cost(Purpose::Forward).nanos as f64;
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
            self.cost(Purpose::Ending).nanos as f64 / 1e3 / receivers,
            first.memory as f64 / receivers,
        );
    }
}

/// Nanoseconds for two calls of the clock.
fn clock_nanos() -> u32 {
    let mut times: Vec<u32> = (0..10_001).map(|_| elapsed(Instant::now())).collect();
    times.sort_unstable();
    times[times.len() / 2]
}
