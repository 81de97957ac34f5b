//! The phases between two probe packets, and when the next rate probe is due.
//!
//! In startup: probe, observe, await its report, probe. Later: cruise, probe, observe, drain, await
//! the report of the drain, cruise.

use core::time::Duration;

use super::path::Path;
use crate::base::Timestamp;

/// A phase lasts this long at least, where nothing else is said: timers are no better.
pub(super) const MIN_PHASE: Duration = Duration::from_millis(20);
/// A phase of startup in which a report is awaited lasts this long at least.
const MIN_AWAIT: Duration = Duration::from_millis(2);
/// A cruise phase lasts this long at most: reports are to come several times a second.
const MAX_PHASE: Duration = Duration::from_millis(250);
/// Packets in a cruise phase at least: fewer tell nothing.
const MIN_CRUISE_PACKETS: f64 = 4.0;
/// Bounds of an observe phase, which is a sixteenth of a round trip.
const MIN_OBSERVE: Duration = Duration::from_micros(500);
const MAX_OBSERVE: Duration = Duration::from_micros(62_500);
/// Packets in an observe phase at least.
const MIN_OBSERVE_PACKETS: f64 = 2.0;
/// Time between rate probes that find nothing, at least: ten round trips within these bounds.
pub(super) const MIN_PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// Time between rate probes that find nothing, at most.
pub(super) const MAX_PROBE_INTERVAL: Duration = Duration::from_secs(4);
/// Phases after a new limit was found in which losses count as baseline loss; the one in which it
/// was found is not among them, as it began before.
const QUIET_INTERVALS: u32 = 4;

/// What is sent between two probe packets.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// At the rate that is known to arrive.
    Cruise,
    /// Faster, to see whether that arrives too.
    Probe,
    /// As [`Phase::Cruise`], right after a rate probe: whether its queue is still there.
    Observe,
    /// Slower, to empty the queue that a rate probe may have made.
    Drain,
    /// As [`Phase::Cruise`], until the report of probe packet `probe` has come, or until `until`.
    AwaitReport { probe: u16, until: Timestamp },
}

impl Phase {
    /// At the rate that is known to arrive, and not right after a rate probe.
    pub(super) fn is_steady(self) -> bool {
        matches!(self, Self::Cruise | Self::AwaitReport { .. })
    }

    /// A rate probe, or its queue, shows in this phase.
    pub(super) fn shows_probe(self) -> bool {
        matches!(self, Self::Probe | Self::Observe)
    }
}

/// The course of phases.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    phase: Phase,
    /// When the phase ends, with a probe packet.
    ends_at: Timestamp,
    /// When the next rate probe is due.
    probe_at: Timestamp,
    /// Phases at a rate that has just been found to arrive, which are still to end.
    quiet_intervals: u32,
}

impl Schedule {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { phase: Phase::Cruise, ends_at: now, probe_at: now, quiet_intervals: 0 }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    pub(super) fn is_probe_due(&self, now: Timestamp) -> bool {
        now >= self.probe_at
    }

    /// Whether the report of probe packet `cc_sequence`, or of a later one, is awaited.
    pub(super) fn awaits(&self, cc_sequence: u16) -> bool {
        matches!(self.phase, Phase::AwaitReport { probe, .. }
            if cc_sequence.wrapping_sub(probe) < 0x8000)
    }

    /// Whether losses of this phase count as baseline loss.
    pub(super) fn is_quiet(&self, startup: bool) -> bool {
        match self.phase {
            Phase::Drain => true,
            Phase::Cruise | Phase::AwaitReport { .. } => {
                startup || (1..QUIET_INTERVALS).contains(&self.quiet_intervals)
            }
            Phase::Probe | Phase::Observe => false,
        }
    }

    /// Probe packet `cc_sequence` leaves: the next phase begins. The report of a rate probe is
    /// awaited for `patience`.
    pub(super) fn advance(
        &mut self,
        now: Timestamp,
        cc_sequence: u16,
        patience: Duration,
        startup: bool,
        may_probe: bool,
    ) {
        if self.phase.is_steady() {
            self.quiet_intervals = self.quiet_intervals.saturating_sub(1);
        }
        let until = now + patience;
        self.phase = match self.phase {
            Phase::Probe => Phase::Observe,
            Phase::Observe if startup => Phase::AwaitReport { probe: cc_sequence, until },
            Phase::Observe => Phase::Drain,
            Phase::Drain if now < self.probe_at => Phase::Cruise,
            Phase::Drain => Phase::AwaitReport { probe: cc_sequence.wrapping_sub(1), until },
            Phase::AwaitReport { until, .. } if now < until => self.phase,
            Phase::AwaitReport { .. } | Phase::Cruise if may_probe => Phase::Probe,
            Phase::AwaitReport { .. } | Phase::Cruise => Phase::Cruise,
        };
    }

    /// The phase ends then.
    pub(super) fn end_at(&mut self, at: Timestamp) {
        self.ends_at = at;
    }

    /// The phase ends then at the latest.
    pub(super) fn end_by(&mut self, at: Timestamp) {
        self.ends_at = self.ends_at.min(at);
    }

    /// Cruises until the next rate probe, which is due after `wait`.
    pub(super) fn probe_after(&mut self, now: Timestamp, wait: Duration) {
        self.phase = Phase::Cruise;
        self.probe_at = now + wait;
        self.ends_at = self.ends_at.min(self.probe_at).max(now);
    }

    /// The limit of the path is known for now: the next rate probe is due then.
    pub(super) fn limit_found(&mut self, probe_at: Timestamp) {
        self.quiet_intervals = QUIET_INTERVALS;
        if !matches!(self.phase, Phase::Observe | Phase::Drain) {
            self.phase = Phase::Cruise;
        }
        self.probe_at = probe_at;
    }

    /// Cruises, and lets a rate probe follow as soon as the phase ends.
    pub(super) fn cruise_and_probe(&mut self, now: Timestamp) {
        self.phase = Phase::Cruise;
        self.probe_at = now;
    }

    /// Empties the queue that a rate probe of startup has made.
    pub(super) fn drain(&mut self) {
        self.phase = Phase::Drain;
    }

    /// The next rate probe is due then.
    pub(super) fn probe_at(&mut self, at: Timestamp) {
        self.probe_at = at;
    }

    /// Losses count as congestion again.
    pub(super) fn end_quiet_intervals(&mut self) {
        self.quiet_intervals = 0;
    }
}

/// How long an observe phase lasts.
pub(super) fn observe_length(path: &Path) -> Duration {
    let packets = path.packet_time(MIN_OBSERVE_PACKETS, 1.0);
    (path.rtt() / 16).clamp(MIN_OBSERVE, MAX_OBSERVE).max(packets)
}

/// How long startup waits for a report until it sends another probe packet: the last one, or its
/// report, may be lost. Where packets do not come evenly, reports take longer than a round trip.
pub(super) fn await_length(path: &Path) -> Duration {
    let usual = (path.rtt() * 2).max(path.report_delay() / 2);
    usual.max(MIN_AWAIT).min(cruise_length(path))
}

/// How long a cruise phase lasts.
pub(super) fn cruise_length(path: &Path) -> Duration {
    let packets = path.packet_time(MIN_CRUISE_PACKETS, 1.0);
    (path.rtt() / 2).clamp(MIN_PHASE, MAX_PHASE).max(packets)
}
