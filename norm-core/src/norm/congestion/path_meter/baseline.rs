//! Baseline loss: loss that is not congestion, measured while little is sent.

/// Packets over which the loss of quiet intervals is averaged.
const WINDOW: f64 = 2_000.0;
/// A quiet interval of fewer packets counts by its packets alone; of more, as a quarter of
/// [`WINDOW`] at least.
const MIN_PACKETS: f64 = 50.0;
/// Share of the average that stays when a short quiet interval counts for more than its packets.
const KEEP_WEIGHTED: f64 = 0.75;
/// Weighted packets of an interval that loses far less than the average: it is believed at once.
const CLEAR_PACKETS: f64 = 50.0;
/// Share of the average that stays then: intervals before were not quiet.
const KEEP_CLEAR: f64 = 0.1;

/// The average over quiet intervals.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct BaselineLoss {
    /// Packets that arrived, weighted.
    received: f64,
    /// Packets that were to arrive, weighted.
    expected: f64,
    /// Packets that were to arrive, forgotten as those are.
    packets: f64,
}

impl BaselineLoss {
    /// Share of packets that is lost, 0 to 1.
    pub(super) fn share(&self) -> f64 {
        if self.expected > 0.0 { 1.0 - self.received / self.expected } else { 0.0 }
    }

    /// Packets that the share rests on.
    pub(super) fn packets(&self) -> u16 {
        self.packets as u16
    }

    /// Averages a quiet interval in.
    pub(super) fn note(&mut self, received: u64, lost: u64) {
        let packets = (received + lost) as f64;
        // A short interval counts too, if there is anything to count: there are few quiet ones.
        let weight = if packets >= MIN_PACKETS { (WINDOW / 4.0 / packets).max(1.0) } else { 1.0 };
        let keep = if weight > 1.0 { KEEP_WEIGHTED } else { (1.0 - packets / WINDOW).max(0.0) };
        let received = received as f64 * weight;
        let expected = packets * weight;
        let clear =
            expected >= CLEAR_PACKETS && expected - received < expected * self.share() / 2.0;
        let keep = if clear { KEEP_CLEAR } else { keep };
        self.received = self.received * keep + received;
        self.expected = self.expected * keep + expected;
        self.packets = self.packets * keep + packets;
    }
}
