//! Takes the probes of senders that control congestion (RFC 5740 §5.5.2), and what they say of
//! pauses.

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::congestion::{CcProbe, WatchedProbe};
use crate::norm::wire::{Cc, Extensions};

use super::ctx::Ctx;
use super::event::ReceiverEvent;
use super::nack::cycle;
use super::sender_state::SenderState;
use super::sender_state::liveness::Halt;

/// The longest wait in the socket that is not taken for a queue of the network: flow control keeps
/// that queue short. A receiver that comes later to its socket is to be slowed down for.
const MAX_SOCKET_WAIT: Duration = Duration::from_millis(50);

/// Takes a probe that has `waited` on this machine. The first one with EXT_RATE or EXT_WATCH begins
/// the measurements.
pub(super) fn take_probe<S>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    waited: Duration,
    cc: &Cc<'_>,
    extensions: Extensions<'_>,
) {
    sender.path.note_send_time(now, cc.send_time);
    let watch = extensions.watch();
    let halt = watch.map_or(Halt::None, |watch| match (watch.stopped, watch.paused) {
        (true, _) => Halt::Stopped,
        (false, true) => Halt::Paused,
        (false, false) => Halt::None,
    });
    let paused = halt != Halt::None;
    note_halt(ctx, sender, now, halt);
    if !ctx.config().sends_feedback() {
        return;
    }
    let entry = cc.nodes.iter().find(|entry| entry.id == ctx.node());
    let send_rate = extensions.rate().or(watch.map(|watch| watch.rate));
    if send_rate.is_none() {
        sender.report.note_probe(now, entry.is_some());
    } else if !paused {
        sender.path.start_probes();
    }
    let (timing, held) = (sender.path.timing(), sender.path.held());
    let window = sender.path.lateness().usual();
    let Some(probes) = sender.path.probes_mut() else { return };
    if let Some(watch) = watch {
        probes.note_drops(ctx.host_drops());
        let probe = WatchedProbe {
            arrived: now - waited.min(MAX_SOCKET_WAIT),
            cc_sequence: cc.cc_sequence,
            sent: cc.send_time,
            quiet: watch.quiet,
            window,
        };
        probes.watch(probe, watch.fair, held, timing);
    }
    if !paused {
        let probe = CcProbe { cc_sequence: cc.cc_sequence, send_rate, entry };
        probes.probe(now, &probe, timing, ctx.rng());
    }
}

/// Notes whether the sender sends content. When it goes on, what is missing is asked for at once.
pub(super) fn note_halt<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, now: Timestamp, halt: Halt) {
    if !sender.liveness.set_halt(halt) {
        return;
    }
    let id = sender.id;
    ctx.event(match halt {
        Halt::None => ReceiverEvent::SenderResumed { sender: id },
        Halt::Paused => ReceiverEvent::SenderPaused { sender: id },
        Halt::Stopped => ReceiverEvent::SenderStopped { sender: id },
    });
    if halt == Halt::None {
        cycle::check(ctx, sender, now);
    }
}
