//! When a receiver answers a sender's probes, and what it says (RFC 5740 §5.5.2.2).

use core::time::Duration;

use super::equation::throughput;
use crate::base::{Rng, Timestamp};
use crate::norm::backoff::random_backoff;
use crate::norm::wire::{CcFeedback, CcFlags, CcNode, QuantizedLoss, QuantizedRate, QuantizedRtt};

/// The smallest backoff factor for answers to probes, of which there can be far more than NACKs
/// (RFC 5740 §5.5.2.2).
const MIN_BACKOFF: u8 = 4;
/// Share of the longest backoff that depends on the rate, not on chance: the slowest answer first.
const BIAS: f64 = 0.25;
/// A rate above this share of an overheard one has nothing to add.
const NEWS: f64 = 0.9;
/// A receiver that cannot take what is sent is suppressed this often between two answers of its
/// own: the suppressing one may be lying. From then on it answers with a probability that grows
/// fourfold each time, so that a large group does not answer all at once.
const MAX_SUPPRESSED: u8 = 2;

/// The sender's advertised timing, and whether there are other receivers.
#[derive(Copy, Clone, Debug)]
pub struct CcGroup {
    /// The group's greatest round trip.
    pub grtt: Duration,
    /// K, the backoff factor.
    pub backoff: u8,
    /// Receivers, estimated.
    pub size: u64,
    /// A session of one receiver: there is none to suppress, or to be suppressed by.
    pub alone: bool,
}

impl CcGroup {
    fn longest_backoff(&self) -> Duration {
        self.grtt.saturating_mul(u32::from(self.backoff.max(MIN_BACKOFF)))
    }
}

/// What concerns us in a NORM_CMD(CC).
#[derive(Copy, Clone, Debug)]
pub struct CcProbe {
    /// Its number.
    pub cc_sequence: u16,
    /// EXT_RATE; without it no answer is wanted.
    pub send_rate: Option<QuantizedRate>,
    /// Our item of the list, if there is one.
    pub entry: Option<CcNode>,
}

/// What we have measured of the path from the sender.
#[derive(Copy, Clone, Debug)]
pub struct PathState {
    /// Bytes per packet: the `s` of the equation.
    pub packet: f64,
    /// Bytes per second that arrive; `None` before anything could be measured.
    pub receive_rate: Option<f64>,
    /// The loss event rate; `None` in slow start, before the first loss.
    pub loss: Option<f64>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// An answer is due then.
    Backoff(Timestamp),
    /// Probes do not start a backoff before.
    Holdoff(Timestamp),
}

/// The answers of one receiver to one sender.
#[derive(Clone, Debug)]
pub struct CcAnswer {
    state: State,
    /// The last probe's.
    cc_sequence: u16,
    /// We have answered the next probe before it came.
    ahead: bool,
    /// The last probe's EXT_RATE.
    send_rate: Option<QuantizedRate>,
    /// CLR and PLR, as the last probe had it.
    role: CcFlags,
    /// Our round trip, when the sender has listed it.
    rtt: Option<QuantizedRtt>,
    /// The longest backoff when the last probe came.
    scale: Duration,
    /// Times in a row that we were suppressed while we could not take what was sent.
    suppressed: u8,
    /// We were suppressed last while we could.
    kept_up: bool,
    /// Drawn for each backoff, 0 to 1: it decides which of many receivers answer although
    /// suppressed.
    lot: f64,
}

impl CcAnswer {
    /// Before the first probe.
    pub fn new() -> Self {
        Self {
            state: State::Idle,
            cc_sequence: 0,
            ahead: false,
            send_rate: None,
            role: CcFlags::NONE,
            rtt: None,
            scale: Duration::ZERO,
            suppressed: 0,
            kept_up: false,
            lot: 1.0,
        }
    }

    /// Our round trip as the sender has measured it; `None` until it has listed us.
    pub fn measured_rtt(&self) -> Option<Duration> {
        self.rtt.map(QuantizedRtt::to_duration)
    }

    /// Our round trip, or the GRTT while it is unknown.
    pub fn rtt(&self, grtt: Duration) -> Duration {
        self.measured_rtt().unwrap_or(grtt)
    }

    /// The rate that we can take, in bytes per second: twice what arrives, until something is lost,
    /// and from then on the equation's.
    ///
    /// Where nothing could be measured yet, the sender's own: it shall go on as it does.
    pub fn rate(&self, grtt: Duration, path: &PathState) -> f64 {
        match (path.loss, path.receive_rate) {
            (Some(loss), _) => throughput(path.packet, self.rtt(grtt), loss),
            (None, Some(rate)) => rate * 2.0,
            (None, None) => self.send_rate().unwrap_or(0.0),
        }
    }

    /// Takes a probe. A limiting receiver answers at once, and so does one that is alone; others
    /// after a backoff, unless they have just answered or were suppressed.
    ///
    /// RFC 5740 has each new probe cancel the backoff under way. Here it goes on: probes come each
    /// round trip, backoffs take several, and a slow receiver would hardly ever be heard.
    pub fn probe(
        &mut self,
        now: Timestamp,
        probe: &CcProbe,
        group: &CcGroup,
        path: &PathState,
        rng: &mut Rng,
    ) {
        self.cc_sequence = probe.cc_sequence;
        self.ahead = false;
        self.send_rate = probe.send_rate;
        self.role = CcFlags::NONE;
        if let Some(entry) = probe.entry {
            self.role = CcFlags(entry.flags.0 & CcFlags::CLR.with(CcFlags::PLR).0);
            if entry.flags.contains(CcFlags::RTT) {
                self.rtt = Some(entry.rtt);
            }
        }
        self.rescale(now, group.longest_backoff());
        if self.send_rate.is_none() {
            self.state = State::Idle;
        } else if self.is_prompt(group) {
            self.state = State::Backoff(now);
        } else if match self.state {
            State::Idle => true,
            State::Backoff(_) => false,
            // A receiver that gets less than when it was suppressed has something to add.
            State::Holdoff(until) => {
                until <= now || (self.kept_up && self.is_squeezed(group.grtt, path))
            }
        } {
            self.kept_up = false;
            self.lot = rng.unit();
            self.state = State::Backoff(now + self.backoff(group, path, rng));
        }
    }

    /// A loss event has begun: a limiting receiver says so without waiting for the next probe.
    ///
    /// The answer then carries the next probe's number, once: a known peer ignores one that is not
    /// newer than the last.
    pub fn expedite(&mut self, now: Timestamp, group: &CcGroup) {
        if self.send_rate.is_some() && self.is_prompt(group) && !self.ahead {
            self.ahead = true;
            self.state = State::Backoff(now);
        }
    }

    /// A report has become ready: a limiting receiver hands it in at once.
    pub fn prompt(&mut self, now: Timestamp, group: &CcGroup) {
        if self.send_rate.is_some() && self.is_prompt(group) {
            self.state = State::Backoff(now);
        }
    }

    /// An answer that is due earlier waits until then.
    pub fn wait_until(&mut self, at: Timestamp) {
        if let State::Backoff(until) = &mut self.state {
            *until = at.max(*until);
        }
    }

    /// Takes another receiver's feedback, from its NACK or ACK or from a NORM_CMD(REPAIR_ADV). It
    /// suppresses ours when it is about as bad or worse.
    ///
    /// A receiver that does not know its round trip is suppressed only by others that do not. The
    /// limiting receiver suppresses none (RFC 4654 §4.5), nor does one that leaves.
    pub fn overhear(
        &mut self,
        now: Timestamp,
        heard: &CcFeedback,
        group: &CcGroup,
        path: &PathState,
    ) {
        let flags = heard.flags;
        let apart = flags.contains(CcFlags::CLR) || flags.contains(CcFlags::LEAVE);
        let unequal = self.rtt.is_none() && flags.contains(CcFlags::RTT);
        let waiting = matches!(self.state, State::Backoff(_));
        if !waiting || self.is_prompt(group) || apart || unequal {
            return;
        }
        let rate = heard.rate.to_bytes_per_second();
        let ours = self.rate(group.grtt, path);
        let squeezed = self.is_squeezed(group.grtt, path);
        let answers = (1u64 << (2 * self.suppressed).min(60)) as f64;
        let drawn = self.lot * (group.size as f64) < answers;
        let in_vain = squeezed && self.suppressed >= MAX_SUPPRESSED && drawn;
        if rate > 0.0 && ours > NEWS * rate && !in_vain {
            self.suppressed = if squeezed { self.suppressed.saturating_add(1) } else { 0 };
            self.hold(now, group);
            self.kept_up = !squeezed;
        }
    }

    /// We are the limiting receiver, says the sender.
    pub fn is_clr(&self) -> bool {
        self.role.contains(CcFlags::CLR)
    }

    /// An answer that is due has to wait for a message that must go first.
    pub fn postpone(&mut self, until: Timestamp) {
        self.state = State::Backoff(until);
    }

    /// An answer that is due is not given: the sender would ignore it.
    pub fn drop_answer(&mut self, now: Timestamp, group: &CcGroup) {
        self.hold(now, group);
    }

    /// When an answer is due.
    pub fn next(&self) -> Option<Timestamp> {
        match self.state {
            State::Backoff(until) => Some(until),
            State::Idle | State::Holdoff(_) => None,
        }
    }

    /// The content of an answer that is due; it counts as sent.
    pub fn take(
        &mut self,
        now: Timestamp,
        group: &CcGroup,
        path: &PathState,
    ) -> Option<CcFeedback> {
        let due = self.next().is_some_and(|at| at <= now);
        if due { self.attach(now, group, path) } else { None }
    }

    /// What any other feedback to this sender carries, so that no answer is needed; `None` when
    /// the sender does not want it.
    pub fn attach(
        &mut self,
        now: Timestamp,
        group: &CcGroup,
        path: &PathState,
    ) -> Option<CcFeedback> {
        self.send_rate?;
        self.suppressed = 0;
        self.kept_up = false;
        self.hold(now, group);
        Some(self.feedback(group.grtt, path))
    }

    fn feedback(&self, grtt: Duration, path: &PathState) -> CcFeedback {
        let mut flags = self.role;
        if self.rtt.is_some() {
            flags = flags.with(CcFlags::RTT);
        }
        if path.loss.is_none() {
            flags = flags.with(CcFlags::START);
        }
        CcFeedback {
            cc_sequence: self.cc_sequence.wrapping_add(u16::from(self.ahead)),
            flags,
            rtt: self.rtt.unwrap_or_else(|| QuantizedRtt::from_duration(grtt)),
            loss: QuantizedLoss::from_fraction(path.loss.unwrap_or(0.0)),
            rate: QuantizedRate::from_bytes_per_second(self.rate(grtt, path)),
        }
    }

    /// Less arrives than is sent, as far as anything but loss events tells.
    fn is_squeezed(&self, grtt: Duration, path: &PathState) -> bool {
        let ours = self.rate(grtt, path);
        path.loss.is_none() && self.send_rate().is_some_and(|sent| ours < NEWS * sent)
    }

    /// Whether answers need no backoff.
    fn is_prompt(&self, group: &CcGroup) -> bool {
        group.alone || self.role != CcFlags::NONE
    }

    fn hold(&mut self, now: Timestamp, group: &CcGroup) {
        self.state = if self.is_prompt(group) {
            State::Idle
        } else {
            State::Holdoff(now + group.grtt.saturating_mul(u32::from(group.backoff)))
        };
    }

    /// A smaller GRTT shortens what is left of a wait: the first probes of a session carry a guess.
    fn rescale(&mut self, now: Timestamp, scale: Duration) {
        let old = core::mem::replace(&mut self.scale, scale);
        if scale >= old {
            return;
        }
        let ratio = scale.as_secs_f64() / old.as_secs_f64();
        if let State::Backoff(until) | State::Holdoff(until) = &mut self.state {
            *until = now + until.saturating_since(now).mul_f64(ratio);
        }
    }

    fn backoff(&self, group: &CcGroup, path: &PathState, rng: &mut Rng) -> Duration {
        let longest = group.longest_backoff();
        let random = random_backoff(longest, group.size, rng);
        longest.mul_f64(BIAS * self.comfort(group.grtt, path)) + random.mul_f64(1.0 - BIAS)
    }

    /// 0 for a receiver that is far too slow for the sender, 1 for one that keeps up.
    fn comfort(&self, grtt: Duration, path: &PathState) -> f64 {
        let Some(send_rate) = self.send_rate() else { return 1.0 };
        match (path.loss, path.receive_rate) {
            (Some(_), _) => {
                ((self.rate(grtt, path) / send_rate).clamp(0.5, NEWS) - 0.5) / (NEWS - 0.5)
            }
            (None, Some(rate)) => (rate / send_rate).clamp(0.0, 1.0),
            (None, None) => 1.0,
        }
    }

    /// The sender's rate in bytes per second; an advertised zero is none.
    fn send_rate(&self) -> Option<f64> {
        self.send_rate.map(QuantizedRate::to_bytes_per_second).filter(|&rate| rate > 0.0)
    }
}

impl Default for CcAnswer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
