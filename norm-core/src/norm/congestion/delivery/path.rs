//! What is known of the path to the limiting receiver.

use core::time::Duration;

use super::super::RateLimits;
use super::super::interval::LITTLE_LOSS;
use crate::endpoint::PacketOverhead;

/// Reports over which the usual loss is averaged.
const USUAL_REPORTS: f64 = 16.0;
/// Share of the highest rate allowed from which on rate probes would find nothing: 1 %.
const NEAR_MAX: f64 = 0.99;

/// The estimates that all parts of the controller share: bandwidth, baseline loss, round trip,
/// jitter.
#[derive(Clone, Debug)]
pub(super) struct Path {
    limits: RateLimits,
    overhead: PacketOverhead,
    /// Bytes of a packet, headers included.
    packet: f64,
    /// Bytes per second that are known to arrive, headers included.
    bandwidth: f64,
    /// Share of packets that is lost in quiet intervals, 0 to 1.
    baseline_loss: f64,
    /// Its average over the reports of late, whichever receiver was the limiting one.
    usual_loss: f64,
    /// The same of all other receivers.
    loss_of_others: f64,
    rtt: Duration,
    /// How much the delay of a probe differs while there is no queue.
    jitter: Duration,
    /// How much the times in reports may be off because packets do not come evenly.
    unevenness: Duration,
    /// From the departure of a probe packet to its report, where packets do not come evenly.
    report_delay: Duration,
}

impl Path {
    /// Before the first report: bandwidth for ten packets in `rtt`, a guess. `packet` bytes are the
    /// longest UDP payload.
    pub(super) fn new(
        limits: RateLimits,
        packet: usize,
        overhead: PacketOverhead,
        rtt: Duration,
    ) -> Self {
        let mut new = Self {
            limits,
            overhead,
            packet: (packet + overhead.bytes()) as f64,
            bandwidth: 0.0,
            baseline_loss: 0.0,
            usual_loss: 0.0,
            loss_of_others: 0.0,
            rtt,
            jitter: Duration::ZERO,
            unevenness: Duration::ZERO,
            report_delay: Duration::ZERO,
        };
        new.bandwidth = new.first_rate();
        new
    }

    pub(super) fn overhead(&self) -> PacketOverhead {
        self.overhead
    }

    /// Bytes of a packet, headers included.
    pub(super) fn packet(&self) -> f64 {
        self.packet
    }

    /// The bandwidth estimate, in bytes per second.
    pub(super) fn bandwidth(&self) -> f64 {
        self.bandwidth
    }

    pub(super) fn baseline_loss(&self) -> f64 {
        self.baseline_loss
    }

    /// The baseline loss of the limiting receivers of late, 0 to 1, or of the others if that is
    /// more: another one may be of a shorter acquaintance.
    pub(super) fn usual_loss(&self) -> f64 {
        self.usual_loss.max(self.loss_of_others)
    }

    /// So much is lost at any rate that chance finds limits.
    pub(super) fn is_lossy(&self) -> bool {
        self.usual_loss() > LITTLE_LOSS
    }

    pub(super) fn rtt(&self) -> Duration {
        self.rtt
    }

    pub(super) fn jitter(&self) -> Duration {
        self.jitter
    }

    /// How much the times in reports may be off because packets do not come evenly.
    pub(super) fn unevenness(&self) -> Duration {
        self.unevenness
    }

    /// How long reports take where packets do not come evenly; zero where they do.
    pub(super) fn report_delay(&self) -> Duration {
        self.report_delay
    }

    /// Notes what a report says of it, which has come `delay` after its probe packet left. Greater
    /// values count at once.
    pub(super) fn note_unevenness(&mut self, unevenness: Duration, delay: Duration) {
        let average = |old: Duration, new: Duration| new.max((old * 7 + new) / 8);
        self.unevenness = average(self.unevenness, unevenness);
        let delay = if self.unevenness.is_zero() { Duration::ZERO } else { delay };
        self.report_delay = average(self.report_delay, delay);
    }

    /// The lowest rate allowed, in bytes per second.
    pub(super) fn min_rate(&self) -> f64 {
        self.limits.min
    }

    /// What a session begins with, for this packet and round trip, in bytes per second.
    pub(super) fn first_rate(&self) -> f64 {
        self.limits.first_rate(self.packet, self.rtt)
    }

    /// The rate within the limits.
    pub(super) fn bounded(&self, rate: f64) -> f64 {
        self.limits.bounded(rate)
    }

    /// Whether the limits leave room for more than the bandwidth estimate.
    pub(super) fn has_headroom(&self) -> bool {
        self.bandwidth < self.limits.max * NEAR_MAX
    }

    /// How long `count` packets take at `share` times the bandwidth estimate.
    pub(super) fn packet_time(&self, count: f64, share: f64) -> Duration {
        Duration::from_secs_f64(count * self.packet / (self.bandwidth * share).max(1.0))
    }

    /// Sets the longest UDP payload, in bytes.
    pub(super) fn set_packet(&mut self, packet: usize) {
        self.packet = (packet + self.overhead.bytes()) as f64;
    }

    /// Sets the highest rate, in bytes per second. The estimate follows when it changes next.
    pub(super) fn set_max_rate(&mut self, max: f64) {
        self.limits.max = max;
    }

    pub(super) fn note_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    pub(super) fn note_baseline_loss(&mut self, share: f64) {
        self.baseline_loss = share;
        self.usual_loss += (share - self.usual_loss) / USUAL_REPORTS;
    }

    /// Notes the baseline loss of a receiver that does not limit the rate, 0 to 1.
    pub(super) fn note_loss_of_others(&mut self, share: f64) {
        self.loss_of_others += (share - self.loss_of_others) / USUAL_REPORTS;
    }

    /// Averages a difference of delay that was no queue into the jitter, as one part of `weight`.
    pub(super) fn note_jitter(&mut self, difference: Duration, weight: u32) {
        self.jitter = (self.jitter * (weight - 1) + difference) / weight;
    }

    /// The path is another one, of which no jitter is known yet.
    pub(super) fn forget_jitter(&mut self) {
        self.jitter = Duration::ZERO;
    }

    /// Replaces the bandwidth estimate.
    pub(super) fn set_bandwidth(&mut self, rate: f64) {
        self.bandwidth = rate;
    }

    /// Raises the bandwidth estimate to `rate`, if it is lower.
    pub(super) fn raise_to(&mut self, rate: f64) {
        self.bandwidth = self.bandwidth.max(rate);
    }

    /// Lowers the bandwidth estimate to `rate`, if it is higher.
    pub(super) fn lower_to(&mut self, rate: f64) {
        self.bandwidth = self.bandwidth.min(rate);
    }

    /// Multiplies the bandwidth estimate.
    pub(super) fn scale(&mut self, factor: f64) {
        self.bandwidth *= factor;
    }

    /// Brings the bandwidth estimate within the limits.
    pub(super) fn apply_limits(&mut self) {
        self.bandwidth = self.limits.bounded(self.bandwidth);
    }
}
