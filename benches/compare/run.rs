//! One run of one program: start it, watch it, end it, and check its files.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::case::Case;
use crate::host;
use crate::network::INTERFACE;
use crate::process::{Memory, Running};
use crate::sockets::{Arrivals, Meter};
use crate::tools::{self, Kit, Outcome, Plan, Scene, Setting};
use crate::work;

/// Interval of looks at the processes.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
/// Time for receivers to open their sockets.
const MAX_START: Duration = Duration::from_secs(10);
/// Time from the sockets of the receivers to the start of the sender, for group memberships.
const SETTLE: Duration = Duration::from_millis(200);
/// Time for receivers to end after the sender, if they end by themselves.
const MAX_END: Duration = Duration::from_secs(30);
/// Time for other receivers to have the file in place after the end of the sender.
const MAX_PLACING: Duration = Duration::from_secs(2);
/// Time without progress after which a sender is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(30);
/// Bytes on the wire that count as progress.
const MIN_PROGRESS: u64 = 64 << 10;

/// Start of the message for runs that take longer than the limit.
pub const TOO_LONG: &str = "not done after";

/// The result of a run.
#[derive(Debug)]
pub struct Run {
    /// The failure of the run, if there is one. Its rate does not count then.
    pub failure: Option<String>,
    /// Receivers with a correct file, and all receivers. `None` if there is nothing to check.
    pub right: Option<(usize, usize)>,
    /// Bits of content per second at the slowest receiver.
    pub rate: f64,
    /// Time from the start of the sender to the end of all processes that end by themselves.
    pub wall: Duration,
    pub sender: Used,
    pub receivers: Vec<Used>,
    /// Bytes of Ethernet frames that left the sender.
    pub wire: u64,
    /// Packets at the receivers' sockets; `None` if there are none.
    pub sockets: Option<Arrivals>,
    /// Bytes of content in the sender's packets, if the program reports it.
    pub symbols: Option<u64>,
    /// Bare socket: the share that arrived at the slowest receiver.
    pub arrived: Option<f64>,
}

/// The resources of a process.
#[derive(Copy, Clone, Debug)]
pub struct Used {
    pub cpu: Duration,
    pub memory: Memory,
}

/// Runs a program once.
///
/// # Errors
///
/// When no more can be measured. A program that fails is a [`Run`] with a failure.
pub fn run(kit: &Kit, setting: Setting, scene: &Scene<'_>, limit: Duration) -> Result<Run, String> {
    scene.work.clear(usize::from(scene.case.receivers))?;
    let Plan { receivers, sender, port, receivers_end, result } = kit.plan(setting, scene);
    let logs = scene.work.logs();
    let mut receivers = receivers
        .into_iter()
        .enumerate()
        .map(|(index, command)| Running::start(&format!("receiver{index}"), command, &logs))
        .collect::<Result<Vec<_>, _>>()?;
    let mut failure = wait_until_ready(&mut receivers, port)?;
    let meter = start_meter(&receivers, scene, port, &mut failure);
    let wire = scene.network.bytes_sent()?;
    let (start, clock) = (Instant::now(), SystemTime::now());
    let mut sender = Running::start("sender", sender, &logs)?;
    if failure.is_none() {
        let files = if let Outcome::Files(files) = &result { &files[..] } else { &[] };
        let there = || files.iter().all(|file| scene.work.is_there(file));
        let mut watch = Watch { sender: &mut sender, receivers: &mut receivers, start, limit };
        failure = watch.until_end(receivers_end, &there)?;
    }
    let status = sender.stop()?;
    // The exit codes of peers do not count, their files do.
    if !status.status.success() && !setting.tool.is_peer() && failure.is_none() {
        failure = Some(format!("the sender's {}: {}", status.status, sender.last_line()));
    }
    let sender_used = Used { cpu: status.cpu, memory: sender.memory() };
    let ends =
        receivers_end.then_some(&receivers).into_iter().flatten().filter_map(Running::ended_at);
    let end = ends.chain(sender.ended_at()).max().unwrap_or(start);
    let used = receivers.iter_mut().map(used).collect::<Result<_, _>>()?;
    let mut run = Run {
        failure,
        right: None,
        rate: 0.0,
        wall: end - start,
        sender: sender_used,
        receivers: used,
        wire: scene.network.bytes_sent()? - wire,
        sockets: meter.map(Meter::finish).transpose()?,
        symbols: setting.tool.symbol_bytes(scene),
        arrived: None,
    };
    let lines = || {
        let all = receivers.iter().chain([&sender]);
        all.map(Running::last_line).filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    match result {
        Outcome::Files(files) => run.judge_files(&files, clock, scene, &lines),
        Outcome::Counts => run.judge_counts(tools::counts(&sender, &receivers)),
        Outcome::Nothing => run.rate = rate(scene.work.bytes(), run.wall),
    }
    Ok(run)
}

impl Run {
    /// True when the run has succeeded.
    pub fn is_right(&self) -> bool {
        self.failure.is_none()
    }

    /// Time until the last receiver's file was complete.
    pub fn seconds(&self, case: &Case) -> Option<f64> {
        (self.is_right() && self.rate > 0.0).then(|| case.bytes() * 8.0 / self.rate)
    }

    /// The result in one line, for the terminal.
    pub fn in_short(&self) -> String {
        match &self.failure {
            None => {
                let (rate, wall) = (self.rate / 1e6, self.wall.as_secs_f64());
                format!("{rate:.0} Mbit/s, all ended after {wall:.1} s")
            }
            Some(failure) => format!("failed: {failure}"),
        }
    }

    fn judge_files(
        &mut self,
        files: &[PathBuf],
        start: SystemTime,
        scene: &Scene<'_>,
        lines: &dyn Fn() -> Vec<String>,
    ) {
        let right = files.iter().filter(|file| scene.work.is_right(file)).count();
        self.right = Some((right, files.len()));
        if right < files.len() && self.failure.is_none() {
            let text = [vec!["files are missing or wrong".to_owned()], lines()].concat();
            self.failure = Some(text.join("; "));
        }
        let last = files.iter().filter_map(|file| work::last_change(file)).max();
        let time = last.and_then(|last| last.duration_since(start).ok());
        self.rate = time.map_or(0.0, |time| rate(scene.work.bytes(), time));
    }

    fn judge_counts(&mut self, counts: Option<tools::raw::Counts>) {
        match counts {
            Some(counts) => {
                self.rate = rate(counts.bytes, counts.time);
                self.arrived = Some(counts.arrived);
            }
            None if self.failure.is_none() => {
                self.failure = Some("no counts were printed".to_owned());
            }
            None => {}
        }
    }
}

fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 * 8.0 / time.as_secs_f64()
}

fn used(process: &mut Running) -> Result<Used, String> {
    let ended = process.stop()?;
    Ok(Used { cpu: ended.cpu, memory: process.memory() })
}

/// Waits until all receivers listen. Returns the failure if they do not.
fn wait_until_ready(receivers: &mut [Running], port: u16) -> Result<Option<String>, String> {
    let end = Instant::now() + MAX_START;
    for receiver in &mut *receivers {
        while !receiver.listens(port) {
            check_interrupt()?;
            if receiver.poll()? {
                return Ok(Some(format!("a receiver did not start: {}", receiver.last_line())));
            }
            if Instant::now() > end {
                return Ok(Some(format!("a receiver does not listen on port {port}")));
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }
    if !receivers.is_empty() {
        thread::sleep(SETTLE);
    }
    Ok(None)
}

/// Starts to count packets at the receivers' sockets, whose buffers must be those of the case.
fn start_meter(
    receivers: &[Running],
    scene: &Scene<'_>,
    port: u16,
    failure: &mut Option<String>,
) -> Option<Meter> {
    if receivers.is_empty() || failure.is_some() {
        return None;
    }
    let start = || -> Result<Meter, String> {
        let buffer = scene.network.receive_buffer(0, port)?;
        if let Some(max) = host::max_receive_buffer(scene.case.buffers)
            && buffer > max
        {
            return Err(format!("a receive buffer has {buffer} bytes, which the limits forbid"));
        }
        Meter::start(receivers.iter().map(Running::id), buffer)
    };
    start().map_err(|message| *failure = Some(message)).ok()
}

fn check_interrupt() -> Result<(), String> {
    if crate::interrupted() { Err("interrupted".to_owned()) } else { Ok(()) }
}

/// Watches one transfer.
struct Watch<'a> {
    sender: &'a mut Running,
    receivers: &'a mut [Running],
    start: Instant,
    limit: Duration,
}

impl Watch<'_> {
    /// Waits for the end of the transfer. Returns its failure, if there is one.
    fn until_end(
        &mut self,
        receivers_end: bool,
        there: &dyn Fn() -> bool,
    ) -> Result<Option<String>, String> {
        let mut last_progress = Instant::now();
        let mut sent = 0;
        let mut next_check = last_progress;
        loop {
            check_interrupt()?;
            let mut running = false;
            for receiver in &mut *self.receivers {
                running |= !receiver.poll()?;
            }
            if self.sender.poll()? {
                let since = self.sender.ended_at().map_or(Duration::ZERO, |end| end.elapsed());
                match receivers_end {
                    true if !running => return Ok(None),
                    true if since > MAX_END => return Ok(Some("receivers do not end".to_owned())),
                    // Their content is checked later.
                    false if since > MAX_PLACING || there() => return Ok(None),
                    _ => {}
                }
            }
            let now = Instant::now();
            if now - self.start > self.limit {
                return Ok(Some(format!("{TOO_LONG} {} s", self.limit.as_secs())));
            }
            if now >= next_check {
                next_check = now + Duration::from_secs(1);
                let total = self.sender.bytes_sent(INTERFACE);
                if total.is_none_or(|total| total >= sent + MIN_PROGRESS) {
                    last_progress = now;
                    sent = total.unwrap_or(0);
                } else if now - last_progress > STUCK_AFTER {
                    return Ok(Some(format!(
                        "stuck: nothing sent for {} s",
                        STUCK_AFTER.as_secs()
                    )));
                }
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }
}
