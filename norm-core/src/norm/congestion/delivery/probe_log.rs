//! The probe packets that left, to match reports with.

use std::collections::VecDeque;

use super::super::interval::{Departure, Interval, Reporter};
use super::schedule::Phase;
use crate::endpoint::PacketOverhead;
use crate::norm::wire::PathReport;

/// Probe packets remembered: reports of older ones tell nothing.
const CAPACITY: usize = 64;

/// A probe packet that left.
#[derive(Copy, Clone, Debug)]
pub(super) struct SentProbe {
    pub(super) cc_sequence: u16,
    pub(super) departure: Departure,
    /// The phase that it ended.
    pub(super) phase: Phase,
    /// What that phase was to send, in bytes per second.
    pub(super) target: f64,
}

/// The last probe packets, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct ProbeLog {
    sent: VecDeque<SentProbe>,
}

impl ProbeLog {
    pub(super) fn push(&mut self, probe: SentProbe) {
        if self.sent.len() == CAPACITY {
            self.sent.pop_front();
        }
        self.sent.push_back(probe);
    }

    /// Forgets all: numbers of probe packets may come again, or reports of them tell nothing.
    pub(super) fn clear(&mut self) {
        self.sent.clear();
    }

    pub(super) fn newest(&self) -> Option<&SentProbe> {
        self.sent.back()
    }

    pub(super) fn find(&self, cc_sequence: u16) -> Option<&SentProbe> {
        self.sent.iter().find(|probe| probe.cc_sequence == cc_sequence)
    }

    /// The interval that a report describes, seen from both sides; `None` when its probe packets
    /// are unknown, or the report cannot be true.
    pub(super) fn interval(
        &self,
        report: &PathReport,
        overhead: PacketOverhead,
        reporter: Reporter,
        usual_loss: f64,
    ) -> Option<Interval> {
        let to = self.find(report.cc_sequence)?;
        let from = self.find(report.cc_sequence.wrapping_sub(report.probes))?;
        let ends = [from.departure, to.departure];
        let scavenges = reporter == Reporter::AskedByScavenger;
        let faster = if scavenges { Vec::new() } else { self.faster(report) };
        Interval::new(ends, &faster, report, overhead, reporter, usual_loss)
    }

    /// When rate probes began that a report of several phases covers, but for the first phase.
    fn faster(&self, report: &PathReport) -> Vec<Departure> {
        let later = |probe: &SentProbe| {
            let before = report.cc_sequence.wrapping_sub(probe.cc_sequence);
            before.saturating_add(1) < report.probes && probe.phase == Phase::Probe
        };
        let pairs = self.sent.iter().zip(self.sent.iter().skip(1));
        pairs.filter(|(_, probe)| later(probe)).map(|(before, _)| before.departure).collect()
    }

    /// The phases that a report covers.
    pub(super) fn phases(&self, report: &PathReport) -> impl Iterator<Item = Phase> {
        let covered =
            |probe: &&SentProbe| report.cc_sequence.wrapping_sub(probe.cc_sequence) < report.probes;
        self.sent.iter().filter(covered).map(|probe| probe.phase)
    }

    /// Rate probes among the probe packets.
    #[cfg(test)]
    pub(super) fn rate_probes(&self) -> usize {
        self.sent.iter().filter(|probe| probe.phase == Phase::Probe).count()
    }
}
