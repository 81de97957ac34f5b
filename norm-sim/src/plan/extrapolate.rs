//! From a simulated stretch to the whole transfer.

use core::time::Duration;

use norm_core::endpoint::PacketOverhead;

use super::measure::{Steady, Stretching};
use super::network::Network;
use super::request::Request;
use super::words;
use super::{Feedback, Milestone, Plan, Point, Simulated, Worst};
use crate::outcome::{Outcome, Sample};

/// Number of points in the course of a plan, approximately.
const POINTS: usize = 80;
/// Number of receivers that are listed as the worst.
const WORST: usize = 5;
/// Seconds after which a session is steady: receivers and round trips are known.
const STEADY_AFTER: f64 = 1.8;

/// The plan that follows from the outcome of a stretch.
pub(super) fn plan(request: &Request, network: &Network, outcome: &Outcome) -> Plan {
    let extrapolation = Extrapolation::new(request, network, outcome);
    let Extrapolation { steady, scale, more, .. } = extrapolation;
    let completion = extrapolation.completion();
    let milestones = extrapolation.milestones(&completion);
    let simulated = extrapolation.simulated_seconds();
    let session_seconds = outcome.finished.and_then(|at| extrapolation.time(at.as_secs_f64()));
    let seconds = milestones.last().and_then(|milestone| milestone.seconds);
    let lasts = session_seconds.or(seconds).unwrap_or(simulated);
    let mut notes = network.notes.clone();
    notes.extend(extrapolation.notes(network));
    Plan {
        request: request.clone(),
        rate: network.rate,
        block_len: network.block_len,
        seconds,
        sent_once_seconds: scale.map(|scale| scale.sent_once()),
        session_seconds,
        complete: completion.last().map_or(0, |(_, count)| *count),
        repair_share: extrapolation.repair_share(),
        wire_bytes: extrapolation.wire_bytes(),
        feedback: extrapolation.feedback(lasts, simulated),
        worst: extrapolation.worst(&network.names),
        simulated: Simulated {
            bytes: network.stretch,
            whole: more == 0,
            seconds: simulated,
            sent_once_seconds: steady.map(|steady| steady.sent_once),
            engines: outcome.receivers.len() as u32,
            population: request.population(),
            deliveries: outcome.deliveries,
        },
        notes,
        course: course(&outcome.series, simulated),
        milestones,
        completion,
    }
}

/// A stretch, and how it is extended to the whole transfer.
struct Extrapolation<'a> {
    request: &'a Request,
    outcome: &'a Outcome,
    steady: Option<Steady>,
    scale: Option<Stretching>,
    /// Number of content packets that were not simulated.
    more: u64,
}

impl<'a> Extrapolation<'a> {
    fn new(request: &'a Request, network: &Network, outcome: &'a Outcome) -> Self {
        let segment = u64::from(request.segment_size);
        let more = (request.size - network.stretch).div_ceil(segment);
        let sent = network.stretch.div_ceil(segment).min(outcome.sender().data_packets);
        let steady = Steady::of(outcome, sent);
        let last = last_complete(outcome);
        let scale = steady.map(|steady| Stretching::new(steady, more, last));
        Self { request, outcome, steady, scale, more }
    }

    /// The time of the transfer for a time of the stretch, if it is known.
    fn time(&self, at: f64) -> Option<f64> {
        self.scale.map(|scale| scale.time(at))
    }

    /// Number of complete receivers by time.
    fn completion(&self) -> Vec<(f64, u32)> {
        let mut completion = completion(self.outcome);
        for (at, _) in &mut completion {
            *at = self.time(*at).unwrap_or(*at);
        }
        completion
    }

    fn milestones(&self, completion: &[(f64, u32)]) -> Vec<Milestone> {
        let milestone = |percent: u32| {
            let count = (u64::from(self.request.receivers) * u64::from(percent)).div_ceil(100);
            let reached = completion.iter().find(|(_, done)| u64::from(*done) >= count);
            Milestone { percent, seconds: reached.map(|(at, _)| *at) }
        };
        [50, 90, 99, 100].map(milestone).into()
    }

    fn simulated_seconds(&self) -> f64 {
        let recorded = self.outcome.series.last().map(|sample| sample.at);
        self.outcome.finished.or(recorded).unwrap_or_default().as_secs_f64()
    }

    /// Number of content and repair packets of the stretch, at least one.
    fn packets(&self) -> f64 {
        let stats = self.outcome.sender();
        (stats.data_packets + stats.resent_packets + stats.coded_packets).max(1) as f64
    }

    /// Number of repair packets that were not simulated.
    fn more_repairs(&self) -> f64 {
        self.steady.map_or(0.0, |steady| steady.repair * self.more as f64)
    }

    fn repair_share(&self) -> f64 {
        let content = self.outcome.sender().data_packets.max(1) as f64;
        (self.packets() - content + self.more_repairs()) / (content + self.more as f64)
    }

    fn wire_bytes(&self) -> u64 {
        let stats = self.outcome.sender();
        let wire = (stats.bytes + PacketOverhead::IPV4.of(stats.packets)) as f64;
        let more = self.more as f64 + self.more_repairs();
        (wire + wire / self.packets() * more).round() as u64
    }

    fn notes(&self, network: &Network) -> Vec<String> {
        let mut notes = Vec::new();
        if self.steady.is_some_and(|steady| steady.falls_behind()) {
            notes.push(
                "Repairs pile up: some receivers lose more than is repaired while content is sent, \
                 and wait for the remaining repairs after it. Consider a lower rate, or a separate \
                 transfer for them."
                    .to_owned(),
            );
        }
        if self.more > 0 && self.steady.is_some_and(|steady| steady.grows) {
            notes.push(
                "The share of repair still grows at the end of the simulated part, so this is a \
                 low estimate: simulate more with --simulate, or try a lower rate."
                    .to_owned(),
            );
        }
        let content_seconds = network.stretch as f64 * 8.0 / network.rate as f64;
        if self.more > 0 && content_seconds < STEADY_AFTER {
            notes.push(format!(
                "The simulated part is short ({}): the number of NACKs is still that of the start, \
                 and probably too high.",
                words::short(content_seconds)
            ));
        }
        notes
    }

    fn feedback(&self, lasts: f64, simulated: f64) -> Feedback {
        let (receivers, populations) = (&self.outcome.receivers, &self.outcome.populations);
        let nacks = receivers.iter().map(|r| r.stats.nacks).sum::<u64>()
            + populations.iter().map(|p| p.nacks).sum::<u64>();
        let reports: u64 = receivers.iter().map(|r| r.stats.reports).sum();
        let packets = receivers.iter().map(|r| r.stats.sent_packets).sum::<u64>()
            + populations.iter().map(|p| p.nacks).sum::<u64>();
        let bytes = receivers.iter().map(|r| r.stats.sent_bytes).sum::<u64>()
            + populations.iter().map(|p| p.nack_bytes).sum::<u64>();
        let more_time = (lasts - simulated).max(0.0);
        let more_nacks = self.steady.map_or(0.0, |steady| steady.nacks * self.more as f64);
        let per_second = reports_per_second(self.request.receivers);
        let more_reports = if self.more == 0 { 0.0 } else { per_second * more_time };
        let each = (bytes + PacketOverhead::IPV4.of(packets)) as f64 / packets.max(1) as f64;
        let all_packets = packets as f64 + more_nacks + more_reports;
        let bytes = all_packets * each;
        let nacks = nacks as f64 + more_nacks;
        Feedback {
            nacks: nacks.round() as u64,
            nacks_per_second: nacks / lasts.max(1e-9),
            reports: (reports as f64 + more_reports).round() as u64,
            bytes: bytes.round() as u64,
            bits_per_second: bytes * 8.0 / lasts.max(1e-9),
        }
    }

    fn worst(&self, names: &[String]) -> Vec<Worst> {
        let sent = self.outcome.sender().packets.max(1) as f64;
        let receivers = self.outcome.receivers.iter().zip(names);
        let mut all: Vec<Worst> = receivers
            .map(|(receiver, name)| Worst {
                name: name.clone(),
                seconds: receiver.completed.and_then(|at| self.time(at.as_secs_f64())),
                loss: (1.0 - receiver.stats.heard as f64 / sent).max(0.0),
                nacks: receiver.stats.nacks,
            })
            .collect();
        let when = |one: &Worst| one.seconds.unwrap_or(f64::INFINITY);
        all.sort_by(|a, b| when(b).total_cmp(&when(a)).then(b.loss.total_cmp(&a.loss)));
        all.truncate(WORST);
        all
    }
}

fn last_complete(outcome: &Outcome) -> f64 {
    let engines = outcome.receivers.iter().filter_map(|receiver| receiver.completed);
    let populations = outcome.populations.iter().filter_map(|population| population.completed);
    engines.chain(populations).max().unwrap_or_default().as_secs_f64()
}

/// Number of complete receivers by time of the stretch: exact for engines, by samples for a
/// population.
fn completion(outcome: &Outcome) -> Vec<(f64, u32)> {
    if outcome.populations.is_empty() {
        let times = outcome.receivers.iter().filter_map(|receiver| receiver.completed);
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        return (1..).zip(times).map(|(n, at)| (at.as_secs_f64(), n)).collect();
    }
    let mut curve: Vec<(f64, u32)> = Vec::new();
    for sample in &outcome.series {
        let seen = curve.last().map_or(0, |(_, count)| *count);
        if sample.complete > seen {
            curve.push((sample.at.as_secs_f64(), sample.complete));
        }
    }
    curve
}

/// Reports per second of the receivers that the sender knows: it queries each once a second, and
/// more than 500 in turns. Stretches are too short to measure this.
fn reports_per_second(receivers: u32) -> f64 {
    receivers.min(500).into()
}

/// The course of a stretch, in points that are several samples apart.
fn course(series: &[Sample], end: f64) -> Vec<Point> {
    let series: Vec<&Sample> = series.iter().filter(|s| s.at.as_secs_f64() <= end).collect();
    let step = series.len().div_ceil(POINTS).max(1);
    let moments: Vec<&Sample> = series.into_iter().step_by(step).collect();
    let share = |part: u64, others: u64| part as f64 / (part + others).max(1) as f64;
    moments
        .windows(2)
        .map(|pair| {
            let (a, b) = (pair[0], pair[1]);
            let seconds = (b.at.saturating_sub(a.at)).as_secs_f64().max(1e-9);
            Point {
                seconds: b.at.as_secs_f64(),
                rate: (b.sent_bytes - a.sent_bytes) as f64 * 8.0 / seconds,
                loss: share(b.lost - a.lost, b.delivered - a.delivered),
                repair: b.repair_packets as f64 / b.data_packets.max(1) as f64,
            }
        })
        .collect()
}
