//! The path from a sender: its timing, the echo of its probes, and what is measured.

use core::time::Duration;

use super::lateness::Lateness;
use super::loss::LossMeter;
use super::probes::{Arrival, Probes};
use super::reordering::Reordering;
use super::sizes::{PacketSizes, ShortOnly};
use super::timing::Timing;
use crate::base::Timestamp;
use crate::endpoint::PacketOverhead;
use crate::norm::wire::{CcFeedback, SenderFields, Sequence, WireTime};

/// What is known of the path from one sender.
#[derive(Debug)]
pub(crate) struct Path {
    /// The header fields heard last.
    fields: SenderFields,
    timing: Timing,
    echo: Option<ProbeEcho>,
    /// Only for a sender that wants to know what arrives.
    probes: Option<Box<Probes>>,
    loss: LossMeter,
    reordering: Reordering,
    /// The last packet noted.
    noted: Sequence,
    /// Packets of the sender with a CE mark.
    ce_marked: u64,
    /// Bytes of a packet besides its UDP payload.
    overhead: PacketOverhead,
    sizes: PacketSizes,
}

/// The send time of a probe, to be echoed (RFC 5740 §5.5.1).
#[derive(Copy, Clone, Debug)]
struct ProbeEcho {
    sent: WireTime,
    arrived: Timestamp,
}

impl Path {
    pub(super) fn new(fields: &SenderFields, overhead: PacketOverhead) -> Self {
        Self {
            fields: *fields,
            timing: Timing::new(fields),
            echo: None,
            probes: None,
            loss: LossMeter::default(),
            reordering: Reordering::default(),
            noted: Sequence(0),
            ce_marked: 0,
            overhead,
            sizes: PacketSizes::new(),
        }
    }

    /// The timing that the sender advertises.
    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    /// The group round-trip time.
    pub(crate) fn grtt(&self) -> Duration {
        self.timing.grtt
    }

    /// Notes the header fields of a packet. False when they are those of the one before it, as in
    /// most packets.
    pub(super) fn advertise(&mut self, fields: &SenderFields) -> bool {
        let news = *fields != self.fields;
        if news {
            self.fields = *fields;
            self.timing = Timing::new(fields);
        }
        news
    }

    /// Notes a packet of the sender.
    pub(crate) fn note_packet(&mut self, now: Timestamp, arrival: Arrival) {
        self.loss.note(arrival.sequence);
        self.sizes.note(arrival.bytes + self.overhead.bytes());
        self.ce_marked += u64::from(arrival.ce);
        self.noted = arrival.sequence;
        let (probes, timing) = (&mut self.probes, self.timing);
        self.reordering.note(now, arrival, &mut |released| {
            if let Some(probes) = probes {
                probes.note(released.at, released.arrival, timing);
            }
        });
    }

    /// Time has passed: packets that others have overtaken are lost.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        let (probes, timing) = (&mut self.probes, self.timing);
        self.reordering.expire(now, &mut |released| {
            if let Some(probes) = probes {
                probes.note(released.at, released.arrival, timing);
            }
        });
    }

    /// How late packets come that others have overtaken.
    pub(crate) fn lateness(&self) -> &Lateness {
        self.reordering.lateness()
    }

    /// The newest packet of the sender.
    pub(crate) fn newest(&self) -> Option<Sequence> {
        self.reordering.newest()
    }

    /// The last packet noted, if it waits for others.
    pub(crate) fn held(&self) -> Option<Sequence> {
        self.reordering.holds(self.noted).then_some(self.noted)
    }

    /// Packets lost, as a fraction of 65,535.
    pub(crate) fn loss_fraction(&self) -> u16 {
        self.loss.fraction()
    }

    /// Packets of the sender with a CE mark.
    pub(crate) fn ce_marked(&self) -> u64 {
        self.ce_marked
    }

    /// How long the packets are that arrive.
    pub(crate) fn sizes(&self) -> &PacketSizes {
        &self.sizes
    }

    /// How long the packets are that arrive.
    pub(crate) fn sizes_mut(&mut self) -> &mut PacketSizes {
        &mut self.sizes
    }

    /// Notes a command; tells when nothing else arrives.
    pub(crate) fn note_command(&mut self, now: Timestamp) -> Option<ShortOnly> {
        self.sizes.note_command(now, self.loss.missing())
    }

    /// Notes the send time of a probe, to be echoed.
    pub(crate) fn note_send_time(&mut self, now: Timestamp, sent: WireTime) {
        self.echo = Some(ProbeEcho { sent, arrived: now });
    }

    /// The last probe's send time plus the time it was held here; zero when there was none.
    pub(crate) fn grtt_response(&self, now: Timestamp) -> WireTime {
        self.echo.map_or(WireTime::ZERO, |echo| {
            let held = now.saturating_since(echo.arrived).as_nanos() as u64;
            WireTime::from_nanos(echo.sent.to_nanos().saturating_add(held))
        })
    }

    /// Begins measuring what arrives, unless that has begun.
    pub(crate) fn start_probes(&mut self) {
        self.probes.get_or_insert_default();
    }

    /// Since when the sender does not hear us, as far as its probes tell.
    pub(crate) fn unheard_since(&self) -> Option<Timestamp> {
        self.probes.as_ref().and_then(|probes| probes.unheard_since())
    }

    /// What is measured for a sender that wants to know what arrives.
    pub(crate) fn probes_mut(&mut self) -> Option<&mut Probes> {
        self.probes.as_deref_mut()
    }

    /// Another receiver's EXT_CC, or the sender's copy of it: it may speak for us, too.
    pub(crate) fn overhear_cc(&mut self, now: Timestamp, feedback: Option<CcFeedback>) {
        if let (Some(probes), Some(feedback)) = (&mut self.probes, feedback) {
            probes.overhear(now, &feedback, self.timing);
        }
    }

    /// When an answer to a probe is due.
    pub(super) fn next_answer(&self) -> Option<Timestamp> {
        self.probes.as_ref().and_then(|probes| probes.next())
    }

    /// True when an answer to a probe is due.
    pub(crate) fn is_answer_due(&self, now: Timestamp) -> bool {
        self.next_answer().is_some_and(|at| at <= now)
    }

    /// True when the sender does not want to know what arrives.
    #[cfg(test)]
    pub(crate) fn is_unmeasured(&self) -> bool {
        self.probes.is_none()
    }
}
