//! Rate probes: how much faster, how long, and what is remembered from one to the next.

use core::time::Duration;

use super::super::interval::Interval;
use super::path::Path;
use super::schedule::{MAX_PROBE_INTERVAL, MIN_PHASE, MIN_PROBE_INTERVAL};
use crate::base::Timestamp;

/// Probe gain in startup: each rate probe doubles the rate.
pub(super) const STARTUP_GAIN: f64 = 2.0;
/// Probe gain in startup when the round trip is long, where each rate probe takes long.
const STARTUP_GAIN_FAR: f64 = 3.0;
/// A round trip longer than this is long.
const FAR: Duration = Duration::from_millis(50);
/// Probe gain after startup, for the first rate probe.
pub(super) const FIRST_GAIN: f64 = 1.25;
/// Each rate probe that arrives multiplies the gain of the next one by this.
const GAIN_GROWTH: f64 = 1.6;

/// Packets in a rate probe at least.
const MIN_PACKETS: f64 = 12.0;
/// Packets in a rate probe of startup at least, unless the controller is a scavenger.
const MIN_PACKETS_STARTUP: f64 = 7.0;
/// Packets in a rate probe at least, multiplied by the baseline loss: the more chance there is in a
/// count, the longer it has to be.
const LOSS_PACKETS: f64 = 400.0;
/// Packets in a rate probe of startup at least, multiplied by the baseline loss.
const LOSS_PACKETS_STARTUP: f64 = 60.0;
/// A rate probe lasts this long at least: timers and batches are no finer.
const MIN_LENGTH: Duration = Duration::from_millis(2);
/// A rate probe lasts this long at most, unless [`MIN_PACKETS`] take longer.
const MAX_LENGTH: Duration = Duration::from_millis(250);
/// A rate probe lasts this many times as long as its report may be off, so that with a gain of
/// [`FIRST_GAIN`] a growing queue shows.
const UNEVEN_LENGTH: u32 = 6;
/// The probe length factor grows to this at most.
const MAX_LENGTH_FACTOR: u32 = 16;
/// A shortfall within this time and four round trips after a raise shows that the raise was wrong.
const RAISE_HOLDS: Duration = Duration::from_millis(200);

/// Time to the first rate probe after a limit was found: four round trips, or this. Each one that
/// finds nothing doubles it.
const FIRST_PROBE_INTERVAL: Duration = Duration::from_millis(50);

/// A rate probe of which the next phase tells whether it arrived.
#[derive(Copy, Clone, Debug)]
pub(super) struct Inconclusive {
    pub(super) probe: Interval,
    /// What it was to send, in bytes per second.
    pub(super) target: f64,
}

/// The state of probing.
#[derive(Clone, Debug)]
pub(super) struct Probing {
    /// Every rate was found to arrive so far.
    startup: bool,
    gain: f64,
    /// The highest gain of startup: one whose own report is lost, and of which not all arrived, may
    /// have been too bold.
    max_startup_gain: f64,
    /// How many times longer than normal rate probes are, because short ones showed what did not
    /// hold: a shaper lets the first packets of a burst pass.
    length_factor: u32,
    /// When a rate probe last raised the bandwidth estimate.
    raised_at: Option<Timestamp>,
    /// Something was lost in startup outside rate probes: the baseline loss is not known yet.
    loss_outside_probes: bool,
    inconclusive: Option<Inconclusive>,
    /// Something was lost in startup before the last report.
    loss_before: bool,
    /// Something was lost by the last report.
    loss_now: bool,
    /// The last rate probe of startup failed, perhaps by chance.
    doubted: bool,
    /// There was too little to send for the last rate probe.
    was_small: bool,
    /// Time from the next limit that is found to the next rate probe, at least.
    interval: Duration,
}

impl Probing {
    pub(super) fn new() -> Self {
        Self {
            startup: true,
            gain: STARTUP_GAIN,
            max_startup_gain: f64::INFINITY,
            length_factor: 1,
            raised_at: None,
            loss_outside_probes: false,
            inconclusive: None,
            loss_before: false,
            loss_now: false,
            doubted: false,
            was_small: false,
            interval: Duration::ZERO,
        }
    }

    pub(super) fn is_startup(&self) -> bool {
        self.startup
    }

    pub(super) fn gain(&self) -> f64 {
        self.gain
    }

    pub(super) fn loss_outside_probes(&self) -> bool {
        self.loss_outside_probes
    }

    /// How long a rate probe that fails lets the next one wait.
    pub(super) fn pause(&self, rtt: Duration) -> Duration {
        (rtt * 4).max(MIN_PROBE_INTERVAL / 10) * self.length_factor
    }

    /// There was too little to send for a rate probe: how long the next one waits besides a round
    /// trip. In startup the sender may just have been woken late, once.
    pub(super) fn pause_after_small(&mut self) -> Duration {
        let again = core::mem::replace(&mut self.was_small, true);
        match self.startup {
            true if !again => Duration::ZERO,
            true => MIN_PHASE,
            false => MIN_PROBE_INTERVAL / 10,
        }
    }

    /// How long a rate probe, or the drain after it, lasts. `bold`: startup, and no scavenger.
    pub(super) fn length(&self, path: &Path, bold: bool) -> Duration {
        let loss = if self.startup { LOSS_PACKETS_STARTUP } else { LOSS_PACKETS };
        let loss = path.packet_time(loss * path.baseline_loss(), self.gain);
        let packets = if bold { MIN_PACKETS_STARTUP } else { MIN_PACKETS };
        let packets = path.packet_time(packets, self.gain);
        self.normal_length(path).max(loss).min(MAX_LENGTH).max(packets)
    }

    /// How long a rate probe lasts where neither few packets nor uncertain counts make it longer.
    fn normal_length(&self, path: &Path) -> Duration {
        let share = if self.startup { path.rtt() / 8 } else { path.rtt() / 4 };
        let uneven = path.unevenness() * UNEVEN_LENGTH;
        let shortest = MIN_LENGTH.max(path.jitter() * 8).max(uneven).min(MAX_LENGTH);
        share.clamp(shortest, MAX_LENGTH) * self.length_factor
    }

    /// The first report has come: the gain of the first rate probe.
    pub(super) fn choose_first_gain(&mut self, rtt: Duration) {
        self.gain = first_gain(rtt);
    }

    /// A rate probe of startup begins: its gain.
    pub(super) fn choose_startup_gain(&mut self, path: &Path) {
        // As many packets as any queue holds prove the more, the faster they are sent.
        let few = path.packet_time(MIN_PACKETS_STARTUP, 1.0);
        let few = few.as_secs_f64() / self.normal_length(path).as_secs_f64();
        self.gain = few.max(first_gain(path.rtt())).min(self.max_startup_gain);
    }

    /// The next rate probe doubles the rate, although startup is over.
    pub(super) fn probe_boldly(&mut self) {
        self.gain = STARTUP_GAIN;
    }

    /// Startup begins, or begins anew.
    pub(super) fn begin_startup(&mut self) {
        self.startup = true;
        self.gain = STARTUP_GAIN;
        self.max_startup_gain = f64::INFINITY;
        self.loss_outside_probes = false;
        self.loss_before = false;
        self.loss_now = false;
    }

    /// What rate probes have shown so far counts no more.
    pub(super) fn forget_results(&mut self) {
        self.raised_at = None;
        self.inconclusive = None;
        self.interval = Duration::ZERO;
    }

    /// The limit of the path is known for now: startup is over.
    pub(super) fn limit_found(&mut self) {
        self.startup = false;
        self.doubted = false;
        self.gain = FIRST_GAIN;
    }

    /// Time to the next rate probe after a limit was found: short at first, for what was found may
    /// be chance, and longer each time.
    pub(super) fn next_interval(&mut self, rtt: Duration) -> Duration {
        let longest = longest_interval(rtt);
        let interval = self.interval.max(rtt * 4).max(FIRST_PROBE_INTERVAL).min(longest);
        self.interval = interval * 2;
        interval
    }

    /// A rate probe has raised the bandwidth estimate: the next one may be bolder.
    pub(super) fn raised(&mut self, now: Timestamp, path: &Path) {
        self.raised_at = Some(now);
        self.was_small = false;
        self.doubted = false;
        self.max_startup_gain = f64::INFINITY;
        if self.startup || path.is_lossy() {
            self.interval = Duration::ZERO;
        } else {
            self.interval /= 2;
        }
        self.embolden();
    }

    /// The next rate probe after startup is bolder.
    pub(super) fn embolden(&mut self) {
        if !self.startup {
            self.gain = (self.gain * GAIN_GROWTH).min(STARTUP_GAIN);
        }
    }

    /// A rate probe and what was around it have raised the bandwidth estimate.
    pub(super) fn raised_by_merged(&mut self, now: Timestamp) {
        self.raised_at = Some(now);
    }

    /// The rate falls, and no rate probe has shown that: where that may be chance, the next one
    /// comes soon.
    pub(super) fn note_fall(&mut self, path: &Path) {
        if path.is_lossy() {
            self.interval = Duration::ZERO;
        }
    }

    /// Less arrives than was known to: if a rate probe has just raised the rate, and chance is
    /// hardly the reason, longer ones follow.
    pub(super) fn note_shortfall(&mut self, now: Timestamp, path: &Path) {
        let raised = self.raised_at.take_if(|at| now < *at + path.rtt() * 4 + RAISE_HOLDS);
        if raised.is_some() && !self.startup && !path.is_lossy() {
            self.length_factor = (self.length_factor * 2).min(MAX_LENGTH_FACTOR);
        }
    }

    /// A rate probe of startup and what was around it did not all arrive: the next one is less
    /// bold.
    pub(super) fn soften(&mut self) {
        self.max_startup_gain = (self.gain / 2.0).max(FIRST_GAIN);
    }

    /// A rate probe of startup failed by its loss alone. Where something was lost before, that may
    /// be chance, and would cost most of the rate: true when it is to be repeated, once.
    pub(super) fn doubts_loss(&mut self) -> bool {
        self.startup && self.loss_before && !core::mem::replace(&mut self.doubted, true)
    }

    /// A report has come, with loss or without.
    pub(super) fn note_report(&mut self, loss: bool) {
        self.loss_before |= self.loss_now;
        self.loss_now = loss;
    }

    /// Something was lost, and in no rate probe.
    pub(super) fn note_loss_outside(&mut self) {
        self.loss_outside_probes |= self.startup;
    }

    /// The phase after this rate probe is to tell whether it arrived.
    pub(super) fn set_inconclusive(&mut self, probe: Interval, target: f64) {
        self.inconclusive = Some(Inconclusive { probe, target });
    }

    pub(super) fn take_inconclusive(&mut self) -> Option<Inconclusive> {
        self.inconclusive.take()
    }
}

/// How long the packets of a rate probe of startup take if the path takes no more than it is known
/// to.
pub(super) fn slowest(path: &Path) -> Duration {
    path.packet_time(MIN_PACKETS_STARTUP, 1.0)
}

/// Longest time between rate probes that find nothing: ten round trips within bounds.
pub(super) fn longest_interval(rtt: Duration) -> Duration {
    (rtt * 10).clamp(MIN_PROBE_INTERVAL, MAX_PROBE_INTERVAL)
}

/// Probe gain of startup for a rate probe of more than a few packets.
fn first_gain(rtt: Duration) -> f64 {
    if rtt > FAR { STARTUP_GAIN_FAR } else { STARTUP_GAIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn startup_repeats_a_probe_at_once_for_which_there_was_too_little_but_not_twice() {
        let mut probing = Probing::new();
        assert_eq!(probing.pause_after_small(), Duration::ZERO);
        assert_eq!(probing.pause_after_small(), MIN_PHASE);
        probing.limit_found();
        assert_eq!(probing.pause_after_small(), MIN_PROBE_INTERVAL / 10);
    }
}
