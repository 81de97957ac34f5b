//! What a report means for the rate: a pulse that arrived or did not, and less than was sent at other
//! times.

use super::*;

/// Each pulse that arrives makes the next one so much bolder.
const BOLDER: f64 = 1.6;
/// A pulse that raised the rate was wrong when less arrives within this time, and the round trips.
const LASTING: Duration = Duration::from_millis(200);
/// Pulses are at most so many times longer than usual.
const LONGEST: u32 = 16;
/// A pulse has arrived when this part of it has.
const ARRIVED: f64 = 0.93;
/// Less than this part of what was to be sent, and less than this multiple of what is held, tells nothing about
/// more.
const BUSY: f64 = 0.75;
const BOLDER_LEAST: f64 = 1.1;
/// What was sent in a pulse and around it is faster than what is known to arrive when it is this multiple of it.
const MERGED: f64 = 1.05;
/// A pulse that does not arrive makes the rate no less than this part of what it was.
const KNOWN: f64 = 0.95;

/// Whether there is mostly a queue is said of this time, and so many round trips.
const CROWD_TIME: Duration = Duration::from_secs(3);
const CROWD_ROUNDS: u32 = 15;

impl Delivery {
    /// The way of a probe was so much longer than that of the one before, and it was no queue.
    pub(super) fn note_jitter(&mut self, way: Duration, weight: u32) {
        self.jitter = (self.jitter * (weight - 1) + way) / weight;
    }

    pub(super) fn take_pulse(&mut self, now: Timestamp, pulse: Interval, target: f64) {
        if pulse.ce_share > 0.0 {
            self.take_marked_pulse(now, &pulse);
            return;
        }
        // Where a queue is full it grows no more, and what is lost then is hardly more than by chance.
        let congested = self.pressed
            || pulse.is_congested(self.jitter) && pulse.delivered < pulse.sent * ARRIVED;
        if congested && pulse.lossy {
            if self.shorten_bursts(now, &pulse) {
                self.go_on(now, self.rtt);
            } else {
                self.fail(now, &pulse);
            }
            return;
        }
        if congested {
            // A queue, or a receiver that came late to its socket: the next probe tells.
            self.unsure = Some((pulse, target));
            return;
        }
        self.doubts = 0;
        let sent = pulse.sent.min(target);
        if sent < target * BUSY && sent < self.bandwidth * BOLDER_LEAST {
            // There was not enough to send: more is not asked of the path.
            let wait = if self.opening { GAP_SHORTEST } else { CYCLE_SHORTEST / 10 };
            self.go_on(now, self.rtt + wait);
            return;
        }
        self.bandwidth = self.bandwidth.max(sent);
        self.raised_at = Some(now);
        if !self.opening {
            self.gain = (self.gain * BOLDER).min(OPENING);
        }
        self.go_on(now, Duration::ZERO);
    }

    /// True when all of a pulse and of what was around it has arrived, and was faster than what is known to.
    pub(super) fn take_merged_pulse(&mut self, now: Timestamp, step: Step, all: &Interval) -> bool {
        let arrived = !self.pressed && !all.is_congested(self.jitter) && all.ce_share == 0.0;
        let faster = arrived && all.sent > self.bandwidth * MERGED;
        if faster && matches!(step, Step::Pulse | Step::Settle) {
            self.bandwidth = all.sent;
            self.raised_at = Some(now);
            self.go_on(now, Duration::ZERO);
            return true;
        }
        false
    }

    /// What the probe behind a pulse that arrived late tells: whether that was a queue.
    pub(super) fn settle(
        &mut self,
        now: Timestamp,
        pulse: &Interval,
        target: f64,
        behind: &Interval,
    ) {
        if self.is_bold() {
            // A pulse that was far faster than what follows it leaves a queue that is soon gone.
            let part = (1.0 - behind.sent / pulse.delivered.max(1.0)).max(0.0);
            if behind.span.mul_f64(part) > pulse.grown * 3 / 4 {
                // Too long ago to tell; so much has arrived.
                self.bandwidth = self.bandwidth.max(pulse.delivered.min(target));
                self.go_on(now, self.rtt);
                return;
            }
        }
        if behind.queue * 2 >= pulse.grown {
            self.fail(now, pulse);
            return;
        }
        self.note_jitter(pulse.grown, 4);
        let wait = if pulse.sent < target * BUSY { CYCLE_SHORTEST / 10 } else { Duration::ZERO };
        self.go_on(now, self.rtt + wait);
    }

    /// The path takes no more than what arrived of a pulse.
    pub(super) fn fail(&mut self, now: Timestamp, pulse: &Interval) {
        let opening = self.opening;
        // Once the opening is over, what is held is known to arrive; who can take less says so of
        // other times too.
        let least = self.bandwidth * if opening { 0.5 } else { KNOWN };
        let unknown = opening && self.leaks && !pulse.lossy;
        let arrived = if unknown { pulse.passed } else { pulse.delivered };
        let found = arrived.clamp(least, pulse.sent.max(self.bandwidth));
        self.bandwidth = if opening { found } else { found.min(self.bandwidth * TOUCH) };
        self.found(now);
        if self.retries > 0 && self.way.is_none() {
            self.retry_at = Some(now + (self.rtt * 4).max(RETRY_SHORTEST));
        }
        if opening {
            self.step = Step::Drain;
            self.until = now + self.length();
        }
    }

    /// Less arrived than was sent, and it was no pulse.
    pub(super) fn take_doubt(&mut self, now: Timestamp, interval: &Interval) {
        self.doubts += 1;
        // Losses alone may be chance, once, and a receiver may come late to its socket.
        let clear = interval.lossy && interval.has_grown(self.jitter);
        if self.doubts < 2 && !clear {
            self.blip = interval.grown;
            return;
        }
        (self.doubts, self.blip) = (0, Duration::ZERO);
        // An old report may be of a faster time than now.
        let found = interval.delivered.max(self.limits.min);
        if found < self.bandwidth {
            self.bandwidth = found;
        }
        let raised = self.raised_at.take_if(|at| now < *at + self.rtt * 4 + LASTING);
        if raised.is_some() && !self.opening {
            self.longer = (self.longer * 2).min(LONGEST);
        }
        self.found(now);
        // That was no measurement of what the path takes.
        self.pulse_at = now + (self.rtt * 4).max(CYCLE_SHORTEST / 10) * self.longer;
    }

    /// The path's limit is known for now.
    pub(super) fn found(&mut self, now: Timestamp) {
        self.retries = if self.opening { RETRIES } else { self.retries.saturating_sub(1) };
        (self.opening, self.retry_at) = (false, None);
        self.calm_holds = CALM_HOLDS;
        self.gain = TOUCH;
        self.bandwidth = self.limits.bounded(self.bandwidth);
        if !matches!(self.step, Step::Settle | Step::Drain) {
            self.step = Step::Hold;
        }
        self.pulse_at = now + (self.rtt * 10).clamp(CYCLE_SHORTEST, CYCLE_LONGEST);
        self.until = self.until.min(now + self.length());
    }

    /// The next pulse is due after this time.
    pub(super) fn go_on(&mut self, now: Timestamp, wait: Duration) {
        self.step = Step::Hold;
        self.pulse_at = now + wait;
        self.until = self.until.min(self.pulse_at).max(now);
    }

    /// The queue has become long while nothing was tried, too slowly to be seen in one time alone: the path takes
    /// a little less.
    fn heed_slow_growth(&mut self, step: Step, interval: &Interval) {
        let held = !self.opening && matches!(step, Step::Hold | Step::Await { .. });
        let slowly = !interval.has_grown(self.jitter) && interval.sent > self.bandwidth * BUSY;
        if held && slowly {
            let found = interval.passed.max(self.bandwidth * KNOWN);
            self.bandwidth = self.limits.bounded(found.min(self.bandwidth));
        }
    }

    pub(super) fn watch_queue(&mut self, step: Step, interval: &Interval) {
        let packets = Duration::from_secs_f64(8.0 * self.packet / self.bandwidth.max(1.0));
        let most = (self.rtt / 3).max(packets).max(Duration::from_millis(4)).max(self.jitter * 4);
        let stretch = self.stretch.map_or(Duration::ZERO, |(stretch, _)| stretch);
        let queue = interval.queue.max(stretch);
        if queue > most {
            if interval.queue > most && !self.pressed {
                self.heed_slow_growth(step, interval);
            }
            self.pressed = !self.opening || self.pressed;
        } else if queue < most / 2 {
            self.pressed = false;
        }
        if !self.opening {
            let part =
                interval.span.as_secs_f64() / CROWD_TIME.max(self.rtt * CROWD_ROUNDS).as_secs_f64();
            let stands = queue > most / 2 || self.is_ce_marked();
            let now = if stands { 1.0 } else { 0.0 };
            self.crowding += (now - self.crowding) * part.min(1.0);
        }
    }
}
