//! One run of one program: start, watch, end, judge.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::network::INTERFACE;
use crate::process::{Memory, Running};
use crate::tools::{self, Kit, Outcome, Plan, Scene, Setting};
use crate::work;

/// How often processes are looked at.
const LOOK: Duration = Duration::from_millis(1);
/// How long receivers may take to listen.
const START: Duration = Duration::from_secs(10);
/// From the sockets of the receivers to the sender's start; memberships are set up in it.
const SETTLE: Duration = Duration::from_millis(200);
/// How long after the sender receivers that end by themselves may end.
const END: Duration = Duration::from_secs(30);
/// How long after the sender the others may take to have the file in place.
const PLACE: Duration = Duration::from_secs(2);
/// A sender that has sent less than [`SIGN_OF_LIFE`] bytes for so long is stuck.
const STUCK: Duration = Duration::from_secs(30);
const SIGN_OF_LIFE: u64 = 64 << 10;

/// How the trouble of who needs longer than the limit begins.
pub const TOO_LONG: &str = "not done after";

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// What made it worthless, if anything: its rate then does not count.
    pub trouble: Option<String>,
    /// Receivers with a right file, and receivers; `None` where there is nothing to check.
    pub right: Option<(usize, usize)>,
    /// Bits of content per second at the slowest receiver.
    pub rate: f64,
    /// From the sender's start until it and all receivers that end by themselves had ended.
    pub wall: Duration,
    pub sender: Used,
    pub receivers: Vec<Used>,
    /// Bytes of Ethernet frames that left the sender.
    pub wire: u64,
    /// Bytes of content in the sender's packets, where the program tells.
    pub symbols: Option<u64>,
    /// Bare socket: the share that arrived at the slowest receiver.
    pub arrived: Option<f64>,
}

/// What a process used.
#[derive(Copy, Clone, Debug)]
pub struct Used {
    pub cpu: Duration,
    pub memory: Memory,
}

/// Runs a program once.
///
/// # Errors
///
/// When nothing more can be measured; a program that fails is a [`Run`] with trouble.
pub fn run(kit: &Kit, setting: Setting, scene: &Scene<'_>, limit: Duration) -> Result<Run, String> {
    scene.work.clear(usize::from(scene.case.receivers))?;
    let Plan { receivers, sender, port, receivers_end, result } = kit.plan(setting, scene);
    let logs = scene.work.logs();
    let mut receivers = receivers
        .into_iter()
        .enumerate()
        .map(|(index, command)| Running::start(&format!("receiver{index}"), command, &logs))
        .collect::<Result<Vec<_>, _>>()?;
    let mut trouble = wait_until_ready(&mut receivers, port)?;
    let wire = scene.network.bytes_sent()?;
    let (start, clock) = (Instant::now(), SystemTime::now());
    let mut sender = Running::start("sender", sender, &logs)?;
    if trouble.is_none() {
        let files = if let Outcome::Files(files) = &result { &files[..] } else { &[] };
        let there = || files.iter().all(|file| scene.work.is_there(file));
        let mut watch = Watch { sender: &mut sender, receivers: &mut receivers, start, limit };
        trouble = watch.until_end(receivers_end, &there)?;
    }
    let status = sender.stop()?;
    // The exit codes of others are not ours to judge: their files are.
    if !status.status.success() && !setting.tool.is_peer() && trouble.is_none() {
        trouble = Some(format!("the sender's {}: {}", status.status, sender.last_words()));
    }
    let sender_used = Used { cpu: status.cpu, memory: sender.memory() };
    let ends =
        receivers_end.then_some(&receivers).into_iter().flatten().filter_map(Running::ended_at);
    let end = ends.chain(sender.ended_at()).max().unwrap_or(start);
    let used = receivers.iter_mut().map(used).collect::<Result<_, _>>()?;
    let mut run = Run {
        trouble,
        right: None,
        rate: 0.0,
        wall: end - start,
        sender: sender_used,
        receivers: used,
        wire: scene.network.bytes_sent()? - wire,
        symbols: setting.tool.symbol_bytes(scene),
        arrived: None,
    };
    let words = || {
        let all = receivers.iter().chain([&sender]);
        all.map(Running::last_words).filter(|words| !words.is_empty()).collect::<Vec<_>>()
    };
    match result {
        Outcome::Files(files) => run.judge_files(&files, clock, scene, &words),
        Outcome::Counts => run.judge_counts(tools::counts(&sender, &receivers)),
        Outcome::Nothing => run.rate = rate(scene.work.bytes(), run.wall),
    }
    Ok(run)
}

impl Run {
    /// Whether its numbers count.
    pub fn is_right(&self) -> bool {
        self.trouble.is_none()
    }

    /// For whoever watches.
    pub fn in_short(&self) -> String {
        match &self.trouble {
            None => {
                let (rate, wall) = (self.rate / 1e6, self.wall.as_secs_f64());
                format!("{rate:.0} Mbit/s, all ended after {wall:.1} s")
            }
            Some(trouble) => format!("failed: {trouble}"),
        }
    }

    fn judge_files(
        &mut self,
        files: &[PathBuf],
        start: SystemTime,
        scene: &Scene<'_>,
        words: &dyn Fn() -> Vec<String>,
    ) {
        let right = files.iter().filter(|file| scene.work.is_right(file)).count();
        self.right = Some((right, files.len()));
        if right < files.len() && self.trouble.is_none() {
            let said = [vec!["files are missing or wrong".to_owned()], words()].concat();
            self.trouble = Some(said.join("; "));
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
            None if self.trouble.is_none() => self.trouble = Some("nothing was counted".to_owned()),
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

/// Waits until all listen. Returns what is wrong if they do not.
fn wait_until_ready(receivers: &mut [Running], port: u16) -> Result<Option<String>, String> {
    let end = Instant::now() + START;
    for receiver in &mut *receivers {
        while !receiver.listens(port) {
            check_interrupt()?;
            if receiver.poll()? {
                return Ok(Some(format!("a receiver did not start: {}", receiver.last_words())));
            }
            if Instant::now() > end {
                return Ok(Some(format!("a receiver does not listen on port {port}")));
            }
            thread::sleep(LOOK);
        }
    }
    if !receivers.is_empty() {
        thread::sleep(SETTLE);
    }
    Ok(None)
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
    /// Returns what went wrong, if something did.
    fn until_end(
        &mut self,
        receivers_end: bool,
        there: &dyn Fn() -> bool,
    ) -> Result<Option<String>, String> {
        let (mut alive, mut sent) = (Instant::now(), 0);
        let mut next_sign = alive;
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
                    true if since > END => return Ok(Some("receivers do not end".to_owned())),
                    // Whether they are right is seen later.
                    false if since > PLACE || there() => return Ok(None),
                    _ => {}
                }
            }
            let now = Instant::now();
            if now - self.start > self.limit {
                return Ok(Some(format!("{TOO_LONG} {} s", self.limit.as_secs())));
            }
            if now >= next_sign {
                next_sign = now + Duration::from_secs(1);
                let total = self.sender.bytes_sent(INTERFACE);
                if total.is_none_or(|total| total >= sent + SIGN_OF_LIFE) {
                    (alive, sent) = (now, total.unwrap_or(0));
                } else if now - alive > STUCK {
                    return Ok(Some(format!("stuck: nothing sent for {} s", STUCK.as_secs())));
                }
            }
            thread::sleep(LOOK);
        }
    }
}
