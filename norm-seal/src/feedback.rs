//! Opens what receivers seal.

use core::time::Duration;
use std::collections::BTreeMap;

use norm_core::Timestamp;
use norm_core::endpoint::Proof;

use crate::backend::Prk;
use crate::counters::DropReason;
use crate::forward::Arrival;
use crate::header::{HEADER_LEN, Header, RunId, TAG_LEN};
use crate::schedule::{KeyInfo, RunKey};
use crate::senders::KnownSenders;
use crate::window::Window;

/// Runs of receivers that are known at once.
const MAX_RUNS: usize = 16_384;
/// A run that was silent for this long may be forgotten. Others are not: what was recorded of them
/// would open again.
const FORGET_AFTER: Duration = Duration::from_secs(600);
/// How often it is seen whether there are such runs, when there is no room.
const FORGET_EVERY: Duration = Duration::from_secs(1);
/// Keys that are kept. To derive one takes less than a microsecond.
const HOT: usize = 256;
/// Bytes of a datagram at most.
const LONGEST: usize = 1 << 16;
/// 64 packets.
type FeedbackWindow = Window<2>;

/// What is known of the runs of receivers.
pub(crate) struct FeedbackRuns {
    runs: BTreeMap<RunId, FeedbackRun>,
    hot: Vec<Option<RunKey>>,
    looked_at: Timestamp,
    /// Where a packet is kept while it is tried for several senders.
    copy: Box<[u8]>,
}

/// What is made of a packet that has opened.
pub(crate) struct Taken {
    pub(crate) proof: Proof,
    /// Its counter is used up.
    pub(crate) uses_up: bool,
}

struct FeedbackRun {
    window: FeedbackWindow,
    /// The run of the sender that the last packet was for.
    sender: RunId,
    heard_at: Timestamp,
}

impl FeedbackRuns {
    pub(crate) fn new() -> Self {
        Self {
            runs: BTreeMap::new(),
            hot: (0..HOT).map(|_| None).collect(),
            looked_at: Timestamp::ZERO,
            copy: vec![0; LONGEST].into_boxed_slice(),
        }
    }

    /// Opens a packet in place that is for one of these senders. `info` does not say for which.
    /// Its counter is used up only if `accept` takes what it says, header included: all members
    /// can seal in this run.
    pub(crate) fn open(
        &mut self,
        secret: &Prk,
        info: KeyInfo,
        arrival: Arrival<'_>,
        senders: &KnownSenders,
        datagram: &mut [u8],
        accept: impl FnOnce(&[u8]) -> Result<Taken, DropReason>,
    ) -> Result<Proof, DropReason> {
        let Arrival { now, header, .. } = arrival;
        let known = self.runs.get(&header.run);
        if known.is_some_and(|run| !run.window.is_fresh(header.counter)) {
            return Err(DropReason::Replayed);
        }
        let known = known.map(|run| run.sender);
        let sender = self.try_all(secret, info, arrival, (known, senders), datagram)?;
        let Taken { proof, uses_up } = accept(&datagram[..datagram.len() - TAG_LEN])?;
        if uses_up {
            self.note(now, header, sender)?;
        }
        Ok(proof)
    }

    /// Tries one sender after the other, `known` first: which one it was for. All but the first
    /// attempt for a known run are bounded.
    pub(crate) fn try_all(
        &mut self,
        secret: &Prk,
        info: KeyInfo,
        arrival: Arrival<'_>,
        (known, senders): (Option<RunId>, &KnownSenders),
        datagram: &mut [u8],
    ) -> Result<RunId, DropReason> {
        let Arrival { now, source, header, budget } = arrival;
        let (head, sealed) = datagram.split_at_mut(HEADER_LEN);
        // A failure leaves nothing that could be tried again.
        let copy = self.copy.get_mut(..sealed.len()).ok_or(DropReason::NotAuthentic)?;
        copy.copy_from_slice(sealed);
        let place = header.run.0.iter().fold(0_u8, |hash, byte| hash.rotate_left(3) ^ byte);
        let hot = &mut self.hot[usize::from(place)];
        for (number, sender) in senders.beginning_with(known).enumerate() {
            let is_free = number == 0 && known == Some(sender);
            if !is_free && !budget.take(now, source) {
                return Err(DropReason::TooMany);
            }
            let info = KeyInfo { sender: Some(sender), ..info };
            if hot.as_ref().is_none_or(|key| *key.info() != info) {
                *hot = RunKey::derive(secret, info);
            }
            if number > 0 {
                sealed.copy_from_slice(copy);
            }
            let key = hot.as_ref().ok_or(DropReason::NotAuthentic)?;
            if key.open(header.counter, head, sealed).is_some() {
                return Ok(sender);
            }
        }
        Err(DropReason::NotAuthentic)
    }

    /// Notes an authentic packet.
    fn note(&mut self, now: Timestamp, header: &Header, sender: RunId) -> Result<(), DropReason> {
        if let Some(run) = self.runs.get_mut(&header.run) {
            run.window.note(header.counter);
            (run.sender, run.heard_at) = (sender, now);
            return Ok(());
        }
        if self.runs.len() >= MAX_RUNS && now >= self.looked_at + FORGET_EVERY {
            self.looked_at = now;
            self.runs.retain(|_, run| now < run.heard_at + FORGET_AFTER);
        }
        if self.runs.len() >= MAX_RUNS {
            return Err(DropReason::NoRoom);
        }
        let mut window = FeedbackWindow::new();
        window.note(header.counter);
        self.runs.insert(header.run, FeedbackRun { window, sender, heard_at: now });
        Ok(())
    }

    /// Forgets all keys: they were of another group. What was used stays used.
    pub(crate) fn forget_keys(&mut self) {
        self.hot.iter_mut().for_each(|key| *key = None);
    }
}
