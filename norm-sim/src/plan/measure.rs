//! The steady state of a simulated stretch.

use crate::outcome::{Outcome, Sample};

/// The steady state of a stretch, by which it is extended.
#[derive(Copy, Clone, Debug)]
pub(super) struct Steady {
    /// Repair packets per content packet: of the whole stretch, or of its last quarter if they
    /// increase.
    pub(super) repair: f64,
    /// Repair packets per content packet until all content was sent once; others follow after that.
    pub(super) repair_meanwhile: f64,
    /// Time per packet, content or repair.
    pub(super) packet_seconds: f64,
    /// The share of repair still increases.
    pub(super) grows: bool,
    /// NACKs sent per content packet.
    pub(super) nacks: f64,
    /// When all content had been sent once.
    pub(super) sent_once: f64,
}

/// Share of the content above which late repairs pile up further.
const MAX_LATE_SHARE: f64 = 0.01;
/// Increase of the share of repair, in the last quarter, above which it increases further.
const MAX_INCREASE: f64 = 0.02;

impl Steady {
    /// `None` when the stretch ended before all content was sent once.
    pub(super) fn of(outcome: &Outcome, data_packets: u64) -> Option<Self> {
        let series = &outcome.series;
        let at_least = |packets: u64| series.iter().find(|s| s.data_packets >= packets);
        let end = at_least(data_packets)?;
        // The first quarter is not steady: receivers and their needs are not known yet.
        let start = at_least(data_packets / 4)?;
        let stats = outcome.sender();
        let packets = |s: &Sample| (s.data_packets + s.repair_packets) as f64;
        let seconds = |s: &Sample| s.at.as_secs_f64();
        let span = (seconds(end) - seconds(start)).max(1e-9);
        let data = (end.data_packets - start.data_packets).max(1) as f64;
        let repairs = stats.resent_packets + stats.coded_packets;
        let overall = repairs as f64 / data_packets.max(1) as f64;
        let late = at_least(data_packets / 4 * 3)?;
        let lately = (end.repair_packets - late.repair_packets) as f64
            / (end.data_packets - late.data_packets).max(1) as f64;
        let grows = lately > overall + MAX_INCREASE;
        let repair = if grows { lately } else { overall };
        let meanwhile = (end.repair_packets - start.repair_packets) as f64 / data;
        let falls_behind = !grows && overall - meanwhile > MAX_LATE_SHARE;
        Some(Self {
            repair,
            repair_meanwhile: if falls_behind { meanwhile } else { repair },
            packet_seconds: span / (packets(end) - packets(start)).max(1.0),
            grows,
            nacks: (end.nacks - start.nacks) as f64 / data,
            sent_once: outcome.senders[0].all_sent?.as_secs_f64(),
        })
    }

    /// True when repairs pile up while content is sent.
    pub(super) fn falls_behind(&self) -> bool {
        self.repair_meanwhile < self.repair
    }
}

/// The map from times of the stretch to times of the whole transfer.
#[derive(Copy, Clone, Debug)]
pub(super) struct Stretching {
    steady: Steady,
    /// Number of content packets that were not simulated.
    more: f64,
    /// When the last receiver of the stretch was complete.
    last: f64,
}

impl Stretching {
    pub(super) fn new(steady: Steady, more: u64, last: f64) -> Self {
        Self { steady, more: more as f64, last }
    }

    /// When all content is sent once.
    pub(super) fn sent_once(&self) -> f64 {
        let s = &self.steady;
        s.sent_once + self.more * (1.0 + s.repair_meanwhile) * s.packet_seconds
    }

    /// The time that corresponds to `at`. The time after the content stays the same, except that
    /// repairs have piled up.
    pub(super) fn time(&self, at: f64) -> f64 {
        let s = &self.steady;
        let after = at - s.sent_once;
        let piled = self.more * (s.repair - s.repair_meanwhile) * s.packet_seconds;
        let tail = (self.last - s.sent_once).max(1e-9);
        self.sent_once() + after + piled * (after / tail).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady() -> Steady {
        Steady {
            repair: 0.1,
            repair_meanwhile: 0.1,
            packet_seconds: 0.001,
            grows: false,
            nacks: 0.0,
            sent_once: 10.0,
        }
    }

    #[test]
    fn tail_keeps_its_length() {
        let times = Stretching::new(steady(), 10_000, 10.5);
        assert!((times.sent_once() - 21.0).abs() < 1e-9);
        assert!((times.time(10.5) - 21.5).abs() < 1e-9);
        assert!((times.time(10.7) - 21.7).abs() < 1e-9);
    }

    #[test]
    fn repairs_that_pile_up_extend_only_the_tail() {
        let piling = Steady { repair_meanwhile: 0.05, ..steady() };
        assert!(piling.falls_behind() && !steady().falls_behind());
        let times = Stretching::new(piling, 10_000, 10.5);
        assert!((times.sent_once() - 20.5).abs() < 1e-9);
        assert!((times.time(10.5) - 21.5).abs() < 1e-9, "as long in all");
        assert!((times.time(10.25) - 21.0).abs() < 1e-9, "half of the tail");
    }
}
