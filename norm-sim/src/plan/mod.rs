//! Plans: duration, cost and slowest receivers of a transfer before it is sent.
//!
//! A stretch is simulated that takes some seconds. Its steady state is extrapolated to the whole
//! transfer. A plan says which part was simulated.

mod extrapolate;
mod measure;
mod network;
mod page;
pub(crate) mod plot;
mod request;
mod words;

use core::time::Duration;

use serde::Serialize;

use crate::kernel::{RunOptions, run_with};

use network::Network;

pub use request::{MAX_RECEIVERS, Request, RequestError};

/// The expected course of a transfer. Times are in seconds since the start of the sender.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The transfer that was planned.
    pub request: Request,
    /// Rate in bits per second.
    pub rate: u64,
    /// Block length in packets.
    pub block_len: u32,
    /// When the last receiver is complete; `None` if some receivers do not complete in time.
    pub seconds: Option<f64>,
    /// When all content has been sent once; `None` if that takes too long.
    pub sent_once_seconds: Option<f64>,
    /// When all receivers have confirmed and the sender ends the session.
    pub session_seconds: Option<f64>,
    /// Number of receivers that become complete.
    pub complete: u32,
    /// When 50, 90, 99 and 100 % of the receivers are complete.
    pub milestones: Vec<Milestone>,
    /// Repair packets per content packet.
    pub repair_share: f64,
    /// Bytes that leave the sender, UDP and IPv4 headers included.
    pub wire_bytes: u64,
    /// Feedback of the receivers.
    pub feedback: Feedback,
    /// The receivers that complete last, the last one first.
    pub worst: Vec<Worst>,
    /// The simulated part.
    pub simulated: Simulated,
    /// Notes on this plan for the user.
    pub notes: Vec<String>,
    /// The course of the simulated stretch.
    pub course: Vec<Point>,
    /// Times, and the number of complete receivers then.
    pub completion: Vec<(f64, u32)>,
}

/// When a share of the receivers is complete.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Milestone {
    /// Percent of the receivers.
    pub percent: u32,
    /// Time in seconds; `None` for never.
    pub seconds: Option<f64>,
}

/// Feedback of all receivers.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Feedback {
    /// Number of NACKs in the whole transfer.
    pub nacks: u64,
    /// Mean number of NACKs per second.
    pub nacks_per_second: f64,
    /// Number of membership reports in the whole transfer.
    pub reports: u64,
    /// Bytes of all feedback in the whole transfer, UDP and IPv4 headers included.
    pub bytes: u64,
    /// Mean rate of all feedback in bits per second.
    pub bits_per_second: f64,
}

/// One receiver.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worst {
    /// Name of the receiver in this plan.
    pub name: String,
    /// When it is complete, in seconds; `None` for never.
    pub seconds: Option<f64>,
    /// Share of the sender's packets that it lost.
    pub loss: f64,
    /// Number of NACKs that it sent in the simulated stretch.
    pub nacks: u64,
}

/// The simulated part of a transfer.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Simulated {
    /// Bytes of content.
    pub bytes: u64,
    /// The whole transfer was simulated; nothing is extrapolated.
    pub whole: bool,
    /// Simulated seconds.
    pub seconds: f64,
    /// When all of these bytes had been sent once, in seconds.
    pub sent_once_seconds: Option<f64>,
    /// Number of receivers that were full engines.
    pub engines: u32,
    /// Number of receivers that were a population.
    pub population: u32,
    /// Number of packets that arrived at a host.
    pub deliveries: u64,
}

/// A point of the simulated stretch, with measurements since the previous point.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Time in seconds.
    pub seconds: f64,
    /// Bits per second of the sender, without UDP and IPv4 headers.
    pub rate: f64,
    /// Share of content packets that the receivers lost.
    pub loss: f64,
    /// Repair packets per content packet since the start.
    pub repair: f64,
}

/// Number of samples of a stretch, approximately.
const SAMPLES: f64 = 1000.0;

/// Plans a transfer, by simulating a stretch of it that takes some seconds.
///
/// # Errors
/// When such a transfer cannot be planned; the message says what to change.
pub fn plan(request: &Request) -> Result<Plan, RequestError> {
    request.check()?;
    let network = Network::new(request);
    let expected = network.stretch as f64 * 8.0 / network.rate as f64;
    let every = Duration::from_secs_f64(expected.max(0.05) / SAMPLES);
    let options =
        RunOptions { threads: request.threads, sample_every: Some(every), ..RunOptions::default() };
    let outcome = run_with(&network.scenario, &options);
    Ok(extrapolate::plan(request, &network, &outcome))
}

#[cfg(test)]
mod tests;
