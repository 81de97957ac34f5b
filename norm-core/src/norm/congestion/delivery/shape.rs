//! The shape of what is sent: how long each step lasts, how fast the first pulses are, and how many packets
//! leave at once.

use super::*;

/// Packets of a pulse at least, and how many more when all are lost at calm times: the more chance
/// there is in a count, the longer it is to be.
const PULSE_PACKETS: f64 = 12.0;
const PULSE_PACKETS_OPENING: f64 = 7.0;
const PULSE_LOSSY: f64 = 400.0;
const PULSE_LOSSY_OPENING: f64 = 60.0;
const PULSE_SHORTEST: Duration = Duration::from_millis(2);
const PULSE_LONGEST: Duration = Duration::from_millis(250);
/// How much faster pulses are in the beginning while they are few packets, and on a long way.
const OPENING_SLOW: f64 = 4.0;
const OPENING_FAR: f64 = 3.0;
const FAR: Duration = Duration::from_millis(50);
/// Packets that leave at once make so many seconds of the rate; the least that they are cut down to.
const BURST_TIME: f64 = 0.000_25;
const BURST_LEAST: usize = 8;
/// The most while what is lost anyway is counted.
const BURST_CALM: usize = 4;
/// The least where routers mark packets: their queues are to be short.
const BURST_MARKED: usize = 4;

impl Delivery {
    /// In the beginning, unless it gives way to everybody: the first rate is far below what most paths take.
    pub(super) fn is_bold(&self) -> bool {
        self.opening && self.way.is_none()
    }

    /// How much faster a pulse is in the beginning: four times, while it is so few packets that any queue holds them.
    pub(super) fn opening_gain(&self) -> f64 {
        let few = self.packets(PULSE_PACKETS_OPENING, OPENING_SLOW) > self.usual();
        if few { OPENING_SLOW } else { self.first_gain().min(self.gain) }
    }

    /// The same where it is more packets.
    pub(super) fn first_gain(&self) -> f64 {
        if self.rtt > FAR { OPENING_FAR } else { OPENING }
    }

    /// How long so many packets take at this part of what arrives.
    fn packets(&self, count: f64, part: f64) -> Duration {
        Duration::from_secs_f64(count * self.packet / (self.bandwidth * part).max(1.0))
    }

    /// How long a pulse is to last where neither few packets nor uncertain counts make it longer.
    fn usual(&self) -> Duration {
        let share = if self.opening { self.rtt / 8 } else { self.rtt / 4 };
        let shortest = PULSE_SHORTEST.max(self.jitter * 8).min(PULSE_LONGEST);
        share.clamp(shortest, PULSE_LONGEST) * self.longer
    }

    /// How long the step that begins is to last.
    pub(super) fn length(&self) -> Duration {
        let packets = |count, part| self.packets(count, part);
        match self.step {
            Step::Pulse | Step::Drain => {
                let lossy = if self.opening { PULSE_LOSSY_OPENING } else { PULSE_LOSSY };
                let lossy = packets(lossy * self.base, self.gain);
                let least = if self.is_bold() { PULSE_PACKETS_OPENING } else { PULSE_PACKETS };
                self.usual().max(lossy).min(PULSE_LONGEST).max(packets(least, self.gain))
            }
            Step::Settle => {
                let pulse = self.rtt / 16;
                pulse.clamp(PULSE_SHORTEST / 4, PULSE_LONGEST / 4).max(packets(2.0, 1.0))
            }
            Step::Hold | Step::Await { .. } if !self.begun => GAP_SHORTEST,
            Step::Hold | Step::Await { .. } => {
                (self.rtt / 2).clamp(GAP_SHORTEST, GAP_LONGEST).max(packets(4.0, 1.0))
            }
        }
    }

    /// Packets that may leave at once.
    pub fn burst(&self) -> usize {
        // What is lost at calm times is not to be lost because of these.
        let usual = self.usual_burst();
        if self.is_calm() { usual.min(BURST_CALM) } else { usual }
    }

    pub(super) fn usual_burst(&self) -> usize {
        self.burst.min((self.rate() * BURST_TIME / self.packet) as usize).max(1)
    }

    /// What is lost now is lost anyway.
    pub(super) fn is_calm(&self) -> bool {
        match self.step {
            Step::Drain => true,
            Step::Hold | Step::Await { .. } => {
                self.opening || (1..CALM_HOLDS).contains(&self.calm_holds)
            }
            Step::Pulse | Step::Settle => false,
        }
    }

    /// Loss, or marks, without a queue that grows may be a queue that is shorter than what leaves at once: true
    /// when less is to leave at once now, instead of less in all.
    pub(super) fn shorten_bursts(&mut self, now: Timestamp, interval: &Interval) -> bool {
        let least = if interval.ce_share > 0.0 { BURST_MARKED } else { BURST_LEAST };
        if interval.has_grown(self.jitter) || self.usual_burst() <= least {
            return false;
        }
        self.burst = (self.usual_burst() / 2).max(least);
        self.longer_at = now + LONGER_BURSTS;
        true
    }
}
