//! False path reports.

use core::time::Duration;

use norm_core::Rng;
use norm_core::norm::wire::{
    ACK_CC, CcFeedback, CcFlags, ExtensionBuf, Identity, MemberState, NodeId, PathReport,
    QuantizedLoss, QuantizedRate, QuantizedRtt,
};

use super::feedback::{ack, report_of};
use crate::attacker::choice::{choose, one_of};
use crate::attacker::listener::{Listener, Sender};
use crate::scenario::Lie;

/// Node id of the attacker as a receiver.
const NODE: NodeId = NodeId(0x5eed_1e55);
/// Identity of the attacker as a receiver.
const IDENTITY: Identity = Identity([0x5e; 16]);

/// A packet to this sender: a membership report now and then, otherwise a path report.
pub(in crate::attacker) fn build(
    lie: Lie,
    sender: &Sender,
    listener: &Listener,
    rng: &mut Rng,
) -> Vec<u8> {
    if lie != Lie::Suppress && rng.chance(0.1) {
        return report_of(NODE, sender, IDENTITY, MemberState::Receiving, sender.probe, rng);
    }
    let other = choose(&listener.members, rng).filter(|_| rng.chance(0.3));
    let source = other.map_or(NODE, |member| member.node);
    let (feedback, report) = reports(lie, sender, rng);
    let mut extensions = ExtensionBuf::new();
    extensions.push_cc(&feedback);
    extensions.push_path(&report);
    ack(source, ACK_CC, sender, sender.probe, extensions.as_extensions(), rng)
}

fn reports(lie: Lie, sender: &Sender, rng: &mut Rng) -> (CcFeedback, PathReport) {
    let (rate, span, received) = match lie {
        Lie::Slow | Lie::Suppress => (1_000.0, Duration::from_secs(1), 2),
        Lie::Fast | Lie::Marked => (1e12, Duration::from_micros(1), 4),
        Lie::Absurd => {
            let micros = one_of([0, 1, 20_000, u32::MAX], rng);
            (1e30, Duration::from_micros(micros.into()), one_of([0, 1, 100, u32::MAX], rng))
        }
    };
    let absurd = lie == Lie::Absurd;
    let mut any = |honest: u32| if absurd { one_of([0, honest, u32::MAX], rng) } else { honest };
    let report = PathReport {
        cc_sequence: sender.cc_sequence,
        probes: any(1) as u16,
        baseline_loss: any(0) as u16,
        span,
        received,
        lost: any(0),
        dropped: any(0),
        bytes: any(received.saturating_mul(1400)),
        queue: Duration::from_micros(any(0).into()),
        baseline_packets: any(0) as u16,
        jitter: Duration::from_micros(any(0).into()),
        ce_marked: if lie == Lie::Marked { received } else { any(0) },
    };
    let feedback = CcFeedback {
        cc_sequence: sender.cc_sequence,
        flags: CcFlags::RTT,
        rtt: QuantizedRtt::from_duration(Duration::from_millis(10)),
        // The loss event rate of a CE mark in each round trip.
        loss: QuantizedLoss::from_fraction(if lie == Lie::Marked { 0.5 } else { 0.0 }),
        rate: QuantizedRate::from_bytes_per_second(rate),
    };
    (feedback, report)
}
