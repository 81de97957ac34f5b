//! What is received of a set outlives its sender, and the session: it is kept, and gone on with.

use std::sync::Arc;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::fileset::{PartKind, SetDescriptor, SetId};

use super::{Engine, Session};
use crate::event::{ReceiveEvent, ResumeData};
use crate::transfer::receive::event::Events;
use norm_files::sink::{Part, Spool, Sweep, sweep};

/// How often it is written down what is here of a set.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// A sender that says nothing for this long has perhaps been started anew.
const QUIET: Duration = Duration::from_millis(1500);
/// How often a daemon looks for what nobody came back for.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

impl Session {
    /// At the start: tells what there is in the output directory, and removes what is stale.
    pub(in crate::transfer::receive) fn look_around(&mut self, now: Timestamp) {
        self.next_sweep = now + SWEEP_EVERY;
        let Sweep { resumable, removed } = sweep(&self.policy.directory, self.policy.fresh);
        let kept: Vec<(u64, u64)> = resumable.iter().map(|set| (set.bytes, set.payload)).collect();
        if removed > 0 || !kept.is_empty() {
            let sets = kept.into_iter().map(|(done, total)| ResumeData::new(done, total)).collect();
            self.events.send(ReceiveEvent::ResumeDataFound { sets, removed });
        }
    }

    /// Removes what is stale in the output directory, now and then.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP_EVERY;
            sweep(&self.policy.directory, false);
        }
    }

    /// Takes an object of a set, less what is here of it.
    pub(super) fn accept(engine: &mut Engine, object: ObjectRef, spool: &Spool, part: &Part) {
        match part.kind {
            PartKind::Manifest if spool.take_manifest(part.size) => {
                engine.accept_with(object, |_, _| true);
            }
            PartKind::Payload if spool.have().bytes() > 0 => {
                let have = spool.have();
                engine.accept_with(object, |offset, len| {
                    let start = part.offset + offset;
                    have.covers(start, start + u64::from(len))
                });
            }
            PartKind::Manifest | PartKind::Payload | PartKind::DigestList => engine.accept(object),
        }
    }

    /// Writes down what has come, now and then.
    pub(super) fn save_states(&mut self, now: Timestamp) {
        for set in self.sets.values_mut() {
            if now < set.next_save || !set.spool.is_unsaved() {
                continue;
            }
            set.next_save = now + SAVE_EVERY;
            let spool = Arc::clone(&set.spool);
            // Behind the blocks that are to be written. When it fails there is less to go on with.
            self.store_workers.submit(move || drop(spool.save()));
        }
    }

    /// A sender says nothing more, and another one sends the same files: it gets what is here of them. The
    /// first one is as good as never heard.
    pub(super) fn take_over(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        remote: SenderId,
        info: &SetDescriptor,
    ) {
        let same = self.sets.iter().find(|&(&number, set)| {
            let alone =
                self.sets.iter().all(|(&n, other)| n == number || other.remote != set.remote);
            // Of one set from two nobody knows who is right: see `twins`.
            set.state.content() == info.content
                && set.state.id() != info.set
                && alone
                && !set.state.all_written()
                && set.remote != remote
                && self.is_gone(engine, now, set.remote)
        });
        if let Some((&number, _)) = same {
            self.leave(engine, number);
        }
    }

    /// True when a sender says nothing more: for the moment, while somebody else sends the same files, and
    /// did not say that it pauses.
    pub(super) fn is_gone(&self, engine: &Engine, now: Timestamp, remote: SenderId) -> bool {
        let quiet = |at: Timestamp| now >= at + QUIET;
        let quiet = !engine.is_paused(remote) && engine.last_heard(remote).is_some_and(quiet);
        quiet || self.is_silent(engine, remote)
    }

    /// Forgets a set and its sender; what is here of it waits for the next one.
    pub(super) fn leave(&mut self, engine: &mut Engine, number: u64) {
        let Some(set) = self.sets.remove(&number) else { return };
        engine.forget(set.remote);
        engine.store_mut().forget(set.remote);
        self.senders.remove(&set.remote);
        set.spool.release();
    }
}

/// Says what is kept of a set that is not received to its end.
pub(super) fn tell_kept(events: &Events, spool: &Spool, sender: SenderId, set: SetId, of: u64) {
    if let Some(bytes) = spool.resumable() {
        let (bytes_done, bytes_total) = (bytes, of);
        events.send(ReceiveEvent::ResumeDataKept { sender, set, bytes_done, bytes_total });
    }
}
