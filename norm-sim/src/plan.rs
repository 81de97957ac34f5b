//! What to expect of a transfer before it is sent: how long it takes, what it costs, who is last.
//!
//! As much as can be simulated in seconds is; the steady state of that stretch stands for the rest.
//! A plan says which part is which.

mod measure;
mod network;
mod page;
pub(crate) mod plot;
mod request;
mod words;

use core::time::Duration;

use norm_core::endpoint::PacketOverhead;
use serde::Serialize;

use crate::kernel::{RunOptions, run_with};
use crate::outcome::{Outcome, Sample};

use measure::{Steady, Stretching};
use network::Network;

pub use request::{MAX_RECEIVERS, Request, RequestError};

/// What to expect of a transfer. Times are seconds since the sender starts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// What was asked for.
    pub request: Request,
    /// The rate in use, bits per second.
    pub rate: u64,
    /// The block length in use, packets.
    pub block_len: u32,
    /// When the last receiver is complete; `None` if some are not in a reasonable time.
    pub seconds: Option<f64>,
    /// When all content has been sent once; `None` if it is not in a reasonable time.
    pub sent_once_seconds: Option<f64>,
    /// When the sender has heard of all that they are complete, and ends the session.
    pub session_seconds: Option<f64>,
    /// Receivers that become complete.
    pub complete: u32,
    /// When 50, 90, 99 and 100 % of the receivers are complete.
    pub milestones: Vec<Milestone>,
    /// Repair packets per content packet.
    pub repair_share: f64,
    /// Bytes that leave the sender, UDP and IPv4 headers included.
    pub wire_bytes: u64,
    /// What the receivers say.
    pub feedback: Feedback,
    /// The receivers that are complete last, the worst first.
    pub worst: Vec<Worst>,
    /// What was simulated of it.
    pub simulated: Simulated,
    /// What the user should know about this plan.
    pub notes: Vec<String>,
    /// The course of the simulated stretch.
    pub course: Vec<Point>,
    /// How many receivers are complete at which time.
    pub completion: Vec<(f64, u32)>,
}

/// A share of the receivers and when so many are complete.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Milestone {
    /// Percent of the receivers.
    pub percent: u32,
    /// When; `None` for never.
    pub seconds: Option<f64>,
}

/// What all receivers together say to the sender.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Feedback {
    /// NACKs in the whole transfer.
    pub nacks: u64,
    /// NACKs per second on average.
    pub nacks_per_second: f64,
    /// Reports of who is there and how far, in the whole transfer.
    pub reports: u64,
    /// Bytes of all feedback in the whole transfer, UDP and IPv4 headers included.
    pub bytes: u64,
    /// The same in bits per second on average.
    pub bits_per_second: f64,
}

/// One receiver.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worst {
    /// What it is called here.
    pub name: String,
    /// When it is complete.
    pub seconds: Option<f64>,
    /// The share of the sender's packets that it lost.
    pub loss: f64,
    /// NACKs that it sent in the simulated stretch.
    pub nacks: u64,
}

/// What was simulated.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Simulated {
    /// Bytes of content.
    pub bytes: u64,
    /// The whole transfer: nothing is extrapolated.
    pub whole: bool,
    /// Simulated seconds.
    pub seconds: f64,
    /// When all of it had been sent once.
    pub sent_once_seconds: Option<f64>,
    /// Receivers that were full engines.
    pub engines: u32,
    /// Receivers that were a simplified population.
    pub population: u32,
    /// Packets that arrived somewhere.
    pub deliveries: u64,
}

/// A moment of the simulated stretch: what was measured since the one before.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// When.
    pub seconds: f64,
    /// Bits per second that the sender sent, without UDP and IPv4 headers.
    pub rate: f64,
    /// The share of content packets that the receivers lost.
    pub loss: f64,
    /// Repair packets per content packet, since the start.
    pub repair: f64,
}

/// Moments that a stretch is recorded at, about.
const SAMPLES: f64 = 1000.0;
/// Moments in the course of a plan, about.
const POINTS: usize = 80;
/// Receivers that are listed as the worst.
const WORST: usize = 5;
/// Seconds after which a session is steady: receivers and round trips are known.
const STEADY: f64 = 1.8;
/// Tells what to expect of a transfer, by simulating as much of it as seconds allow.
///
/// # Errors
/// When nothing useful can be said of such a transfer; the message says what to change.
pub fn plan(request: &Request) -> Result<Plan, RequestError> {
    request.check()?;
    let network = Network::new(request);
    let expected = network.stretch as f64 * 8.0 / network.rate as f64;
    let every = Duration::from_secs_f64(expected.max(0.05) / SAMPLES);
    let options =
        RunOptions { threads: request.threads, sample_every: Some(every), ..RunOptions::default() };
    let outcome = run_with(&network.scenario, &options);
    Ok(extrapolate(request, network, &outcome))
}

/// What the stretch was measured to be, made as long as the transfer.
fn extrapolate(request: &Request, network: Network, outcome: &Outcome) -> Plan {
    let stats = outcome.sender();
    let segment = u64::from(request.segment_size);
    let more = (request.size - network.stretch).div_ceil(segment);
    let last = last_complete(outcome);
    let sent = network.stretch.div_ceil(segment).min(stats.data_packets);
    let steady = Steady::of(outcome, sent);
    let scale = steady.map(|steady| Stretching::new(steady, more, last));
    let time = |at: f64| scale.map(|scale| scale.time(at));

    let mut completion = completion(outcome);
    for (at, _) in &mut completion {
        *at = time(*at).unwrap_or(*at);
    }
    let complete = completion.last().map_or(0, |(_, count)| *count);
    let milestones: Vec<Milestone> = [50, 90, 99, 100]
        .map(|percent| {
            let count = (u64::from(request.receivers) * u64::from(percent)).div_ceil(100);
            let reached = completion.iter().find(|(_, done)| u64::from(*done) >= count);
            Milestone { percent, seconds: reached.map(|(at, _)| *at) }
        })
        .into();
    let packets = (stats.data_packets + stats.resent_packets + stats.coded_packets).max(1) as f64;
    let wire = (stats.bytes + PacketOverhead::IPV4.of(stats.packets)) as f64;
    let content = stats.data_packets.max(1) as f64;
    let more_repairs = steady.map_or(0.0, |steady| steady.repair * more as f64);
    let repair_share = (packets - content + more_repairs) / (content + more as f64);
    let recorded = outcome.series.last().map(|sample| sample.at);
    let simulated = outcome.finished.or(recorded).unwrap_or_default().as_secs_f64();
    let session = outcome.finished.and_then(|at| time(at.as_secs_f64()));
    let seconds = milestones[3].seconds;
    let lasts = session.or(seconds).unwrap_or(simulated);
    let mut notes = network.notes;
    let falls_behind = steady.is_some_and(|steady| steady.falls_behind());
    if falls_behind {
        notes.push(
            "Repairs pile up: some receivers lose more than is repaired while content is sent, \
             and have to wait for the rest after it. Consider a lower rate, or a transfer of \
             their own."
                .to_owned(),
        );
    }
    if more > 0 && steady.is_some_and(|steady| steady.grows) {
        notes.push(
            "The share of repair still grows at the end of the simulated part, so this is a low \
             estimate: simulate more with --simulate, or try a lower rate."
                .to_owned(),
        );
    }
    let content_seconds = network.stretch as f64 * 8.0 / network.rate as f64;
    if more > 0 && content_seconds < STEADY {
        notes.push(format!(
            "The simulated part is short ({}): the number of NACKs is still that of the start, \
             likely too high.",
            words::short(content_seconds)
        ));
    }
    Plan {
        request: request.clone(),
        rate: network.rate,
        block_len: network.block_len,
        seconds,
        sent_once_seconds: scale.map(|scale| scale.sent_once()),
        session_seconds: session,
        complete,
        repair_share,
        wire_bytes: (wire + wire / packets * (more as f64 + more_repairs)).round() as u64,
        feedback: feedback(outcome, request.receivers, steady, more, lasts, simulated),
        worst: worst(outcome, &network.names, time),
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

fn last_complete(outcome: &Outcome) -> f64 {
    let engines = outcome.receivers.iter().filter_map(|receiver| receiver.completed);
    let populations = outcome.populations.iter().filter_map(|population| population.completed);
    engines.chain(populations).max().unwrap_or_default().as_secs_f64()
}

/// How many are complete at which time of the stretch. Engines are known exactly, a population as often
/// as it was looked at.
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

/// Reports of the receivers that the sender knows: it asks each once a second, and more than 500 in
/// turns. Stretches are too short to measure this.
fn reports_per_second(receivers: u32) -> f64 {
    receivers.min(500).into()
}

fn feedback(
    outcome: &Outcome,
    all: u32,
    steady: Option<Steady>,
    more: u64,
    lasts: f64,
    simulated: f64,
) -> Feedback {
    let (receivers, populations) = (&outcome.receivers, &outcome.populations);
    let nacks = receivers.iter().map(|r| r.stats.nacks).sum::<u64>()
        + populations.iter().map(|c| c.nacks).sum::<u64>();
    let reports: u64 = receivers.iter().map(|r| r.stats.reports).sum();
    let packets = receivers.iter().map(|r| r.stats.sent_packets).sum::<u64>()
        + populations.iter().map(|c| c.nacks).sum::<u64>();
    let bytes = receivers.iter().map(|r| r.stats.sent_bytes).sum::<u64>()
        + populations.iter().map(|c| c.nack_bytes).sum::<u64>();
    let more_time = (lasts - simulated).max(0.0);
    let more_nacks = steady.map_or(0.0, |s| s.nacks * more as f64);
    let more_reports = if more == 0 { 0.0 } else { reports_per_second(all) * more_time };
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

fn worst(outcome: &Outcome, names: &[String], time: impl Fn(f64) -> Option<f64>) -> Vec<Worst> {
    let sent = outcome.sender().packets.max(1) as f64;
    let mut all: Vec<Worst> = outcome
        .receivers
        .iter()
        .zip(names)
        .map(|(receiver, name)| Worst {
            name: name.clone(),
            seconds: receiver.completed.and_then(|at| time(at.as_secs_f64())),
            loss: (1.0 - receiver.stats.heard as f64 / sent).max(0.0),
            nacks: receiver.stats.nacks,
        })
        .collect();
    let when = |one: &Worst| one.seconds.unwrap_or(f64::INFINITY);
    all.sort_by(|a, b| when(b).total_cmp(&when(a)).then(b.loss.total_cmp(&a.loss)));
    all.truncate(WORST);
    all
}

/// The course between moments that are some samples apart.
fn course(series: &[Sample], end: f64) -> Vec<Point> {
    let series: Vec<&Sample> = series.iter().filter(|s| s.at.as_secs_f64() <= end).collect();
    let step = series.len().div_ceil(POINTS).max(1);
    let moments: Vec<&Sample> = series.into_iter().step_by(step).collect();
    let share = |part: u64, rest: u64| part as f64 / (part + rest).max(1) as f64;
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

#[cfg(test)]
mod tests;
