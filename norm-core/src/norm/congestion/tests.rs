//! The parts together, as a receiver uses them, with a sender of fixed loss.

use core::time::Duration;

use super::*;
use crate::base::Rng;
use crate::base::Timestamp;
use crate::norm::wire::{
    CcFeedback, CcFlags, CcNode, NodeId, QuantizedRate, QuantizedRtt, Sequence,
};

const GRTT: Duration = Duration::from_millis(50);
const GROUP: CcGroup = CcGroup { grtt: GRTT, backoff: 4, size: 10, alone: false };
const PACKET: usize = 1400;

/// The receiving side of one path.
struct Path {
    loss: LossHistory,
    meter: RateMeter,
    answer: CcAnswer,
    rng: Rng,
}

impl Path {
    fn new() -> Self {
        Self {
            loss: LossHistory::new(),
            meter: RateMeter::new(),
            answer: CcAnswer::new(),
            rng: Rng::new(1),
        }
    }

    fn state(&self, now: Timestamp) -> PathState {
        PathState {
            packet: self.meter.mean_packet().unwrap_or(PACKET as f64),
            receive_rate: self.meter.rate(now),
            loss: self.loss.has_loss().then(|| self.loss.rate()),
        }
    }

    fn packet(&mut self, now: Timestamp, sequence: u16) {
        let rtt = self.answer.rtt(GRTT);
        self.meter.note(now, PACKET, rtt);
        let event = self.loss.note(now, Sequence(sequence), rtt);
        if event == Some(LossEvent::First) {
            let rate = self.meter.rate(now).unwrap();
            self.loss.seed(1.0 / equation::loss_rate(PACKET as f64, rtt, rate), rtt);
        }
        if event.is_some() {
            self.answer.expedite(now, &GROUP);
        }
    }

    fn probe(&mut self, now: Timestamp, cc_sequence: u16, rate: f64, listed: bool) -> CcFeedback {
        let send_rate = Some(QuantizedRate::from_bytes_per_second(rate));
        let flags = CcFlags::CLR.with(CcFlags::RTT);
        let rtt = QuantizedRtt::from_duration(Duration::from_millis(20));
        let node = CcNode { id: NodeId(7), flags, rtt, rate: QuantizedRate::ZERO };
        let probe = CcProbe { cc_sequence, send_rate, entry: listed.then_some(node) };
        let state = self.state(now);
        self.answer.probe(now, &probe, &GROUP, &state, &mut self.rng);
        if let Some(rtt) = self.answer.measured_rtt() {
            self.loss.correct_seed(rtt);
        }
        // Again, for the corrected history.
        let state = self.state(now);
        self.answer.attach(now, &GROUP, &state).unwrap()
    }
}

/// Sends `count` packets, of which the share `loss` is lost; the moment after them.
fn send(path: &mut Path, count: u64, spacing: Duration, loss: f64, seed: u64) -> Timestamp {
    let (mut rng, mut now) = (Rng::new(seed), Timestamp::ZERO);
    for n in 0..count {
        now += spacing;
        if n < 100 || !rng.chance(loss) {
            path.packet(now, n as u16);
        }
    }
    now
}

#[test]
fn lossless_stream_stays_in_slow_start() {
    let mut path = Path::new();
    let now = send(&mut path, 100_000, Duration::from_micros(100), 0.0, 1);
    let feedback = path.probe(now, 3, 14e6, true);
    assert_eq!(feedback.flags, CcFlags::CLR.with(CcFlags::RTT).with(CcFlags::START));
    let rate = feedback.rate.to_bytes_per_second();
    assert!((rate / 28e6 - 1.0).abs() < 0.03, "{rate}");
    assert_eq!(feedback.loss.to_fraction(), 0.0);
}

#[test]
fn estimated_loss_is_near_that_of_the_path() {
    // Packets are further apart than the round trip, so that each loss is an event.
    for loss in [0.2, 0.05, 0.02, 0.005] {
        let mut mean = 0.0;
        for seed in 0..20 {
            let mut path = Path::new();
            let spacing = Duration::from_millis(60);
            let now = send(&mut path, (60.0 / loss) as u64, spacing, loss, seed);
            let feedback = path.probe(now, 3, 23e3, true);
            assert_eq!(feedback.flags, CcFlags::CLR.with(CcFlags::RTT));
            mean += feedback.loss.to_fraction() / 20.0;
        }
        assert!((0.7..1.3).contains(&(mean / loss)), "{loss} was estimated as {mean}");
    }
}

#[test]
fn first_loss_ends_slow_start_at_the_receive_rate() {
    let mut path = Path::new();
    let spacing = Duration::from_micros(500);
    let now = send(&mut path, 1000, spacing, 0.0, 1);
    for n in [1001, 1002, 1003] {
        path.packet(now + spacing * (n - 999), n as u16);
    }
    assert!(path.loss.has_loss());
    // With a guess of the round trip, and again when the sender has measured another.
    for (cc_sequence, listed) in [(4, false), (5, true)] {
        let feedback = path.probe(now + spacing * 4, cc_sequence, 2.8e6, listed);
        let rate = feedback.rate.to_bytes_per_second();
        assert!(!feedback.flags.contains(CcFlags::START));
        assert!((0.8..1.3).contains(&(rate / 2.8e6)), "{rate}");
    }
}
