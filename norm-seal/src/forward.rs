//! Opens what senders seal.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use norm_core::Timestamp;
use norm_core::endpoint::Proof;

use crate::backend::Prk;
use crate::budget::{Budget, Limit};
use crate::counters::DropReason;
use crate::header::{HEADER_LEN, Header, Kind, RunId, Suite, TAG_LEN};
use crate::hello::SIGNATURE_LEN;
use crate::proof::QUIET;
use crate::schedule::{KeyInfo, RunKey};
use crate::signature::Verifier;
use crate::window::Window;

/// Runs with a window.
const MAX_RUNS: usize = 64;
/// Runs of which only the highest counter is known.
const MAX_RETIRED: usize = 4096;
/// Keys of a run that are kept: the one in use, and those before and after it.
const KEYS: u64 = 3;
/// A sender that was not heard for this long at its address may have left it: as an engine has it.
const LEFT_AFTER: Duration = Duration::from_secs(2);
/// A sender has left its address, too, when this many packets more came from another one.
const MAX_STRAYS: u32 = 256;
/// 8,192 packets: 9 ms at 10 Gbit/s.
type ForwardWindow = Window<129>;

/// What is known of the runs of senders.
pub(crate) struct ForwardRuns {
    live: BTreeMap<RunId, Box<ForwardRun>>,
    /// The highest counter of runs that had to make room, and when they were heard last.
    retired: BTreeMap<RunId, (u64, Timestamp)>,
    /// Signatures of packets that do not hold. Those that do cost as much, but are as many as the
    /// sender makes.
    signatures: Budget,
    /// Answers to challenges that come from other addresses.
    answers: Budget,
    /// A run goes to another address only by [`relocate`](Self::relocate).
    asks: bool,
}

struct ForwardRun {
    window: ForwardWindow,
    keys: [Option<RunKey>; KEYS as usize],
    /// What its packets are sealed by; it never changes it.
    suite: Suite,
    /// Where it was heard last.
    source: SocketAddr,
    heard_at: Timestamp,
    /// Authentic packets from elsewhere, less those from there.
    strays: u32,
}

impl ForwardRun {
    /// The key for this; it is derived for the one in use, and those before and after it. `info`
    /// may be of a packet that is not authentic: what follows from it is no more than a key.
    fn key(&mut self, secret: &Prk, info: KeyInfo) -> Option<&RunKey> {
        let place = &mut self.keys[(info.index % KEYS) as usize];
        if place.as_ref().is_none_or(|key| *key.info() != info) {
            *place = RunKey::derive(secret, info);
        }
        place.as_ref()
    }

    /// True when keys for this counter are at hand, or soon are: forged counters cost no more than
    /// forged tags.
    fn is_near(&self, index: u64) -> bool {
        let highest = crate::schedule::index_of(self.window.highest().unwrap_or(0));
        index.abs_diff(highest) <= 1
    }

    /// Notes where an authentic packet came from; false if it is not to be taken. Another machine
    /// that sends packets again, and faster, may neither use their counters up nor have feedback
    /// for itself. If it was first, it keeps the sender out only while it sends as much.
    fn is_from_there(&mut self, source: SocketAddr, now: Timestamp, asks: bool) -> bool {
        if source == self.source {
            self.strays = self.strays.saturating_sub(1);
        } else {
            self.strays = self.strays.saturating_add(1);
            if asks || !self.has_left(now) {
                return false;
            }
            self.strays = 0;
        }
        (self.source, self.heard_at) = (source, now);
        true
    }

    /// True when the sender may have left its address.
    fn has_left(&self, now: Timestamp) -> bool {
        self.strays >= MAX_STRAYS || now >= self.heard_at + LEFT_AFTER
    }
}

impl ForwardRuns {
    pub(crate) fn new() -> Self {
        Self {
            live: BTreeMap::new(),
            retired: BTreeMap::new(),
            signatures: Budget::new(Limit::SIGNATURES),
            answers: Budget::new(Limit::ANSWERS),
            asks: false,
        }
    }

    /// A run goes to another address only when it is said so from now on.
    pub(crate) fn ask(&mut self) {
        self.asks = true;
    }

    /// Opens a packet in place, between its header and its tag, and checks its signature if it has
    /// one. `session` is what signs in its run, if that is known.
    pub(crate) fn open(
        &mut self,
        secret: &Prk,
        info: KeyInfo,
        arrival: Arrival<'_>,
        session: Option<Verifier>,
        datagram: &mut [u8],
    ) -> Result<Proof, DropReason> {
        let Arrival { now, source, header, budget } = arrival;
        let (head, sealed) = datagram.split_at_mut(HEADER_LEN);
        let Some(run) = self.live.get_mut(&header.run) else {
            let window = match self.retired.get(&header.run) {
                Some((highest, _)) => ForwardWindow::after(*highest),
                None => ForwardWindow::new(),
            };
            if !window.is_fresh(header.counter) {
                return Err(DropReason::Replayed);
            }
            if !budget.take(now, source) {
                return Err(DropReason::TooMany);
            }
            let key = RunKey::derive(secret, info).ok_or(DropReason::NotAuthentic)?;
            key.open(header.counter, head, sealed).ok_or(DropReason::NotAuthentic)?;
            let proof = prove(&mut self.signatures, (now, source), header, session, datagram)?;
            self.begin(header, window, key, source, now);
            return Ok(proof);
        };
        if !run.window.is_fresh(header.counter) {
            return Err(DropReason::Replayed);
        }
        if run.suite != info.suite {
            return Err(DropReason::NotAuthentic);
        }
        if run.is_near(info.index) {
            let key = run.key(secret, info).ok_or(DropReason::NotAuthentic)?;
            key.open(header.counter, head, sealed).ok_or(DropReason::NotAuthentic)?;
        } else {
            // We were cut off for long.
            if !budget.take(now, source) {
                return Err(DropReason::TooMany);
            }
            let key = RunKey::derive(secret, info).ok_or(DropReason::NotAuthentic)?;
            key.open(header.counter, head, sealed).ok_or(DropReason::NotAuthentic)?;
        }
        if header.kind == Kind::Proof && source != run.source {
            // What is signed for a challenge may come from anywhere. The counter is not used up: if
            // another machine sends it again, it is to be heard from where the sender is.
            if !self.answers.take(now, source) {
                return Err(DropReason::TooMany);
            }
            return prove(&mut self.signatures, (now, source), header, session, datagram);
        }
        if !run.is_from_there(source, now, self.asks) {
            return Err(DropReason::Elsewhere);
        }
        let proof = prove(&mut self.signatures, (now, source), header, session, datagram)?;
        run.window.note(header.counter);
        Ok(proof)
    }

    /// A run was heard for the first time, or again.
    fn begin(
        &mut self,
        header: &Header,
        mut window: ForwardWindow,
        key: RunKey,
        source: SocketAddr,
        now: Timestamp,
    ) {
        self.retired.remove(&header.run);
        self.make_room();
        window.note(header.counter);
        let mut keys = [const { None }; KEYS as usize];
        let place = (key.info().index % KEYS) as usize;
        keys[place] = Some(key);
        let run =
            ForwardRun { window, keys, suite: header.suite, source, heard_at: now, strays: 0 };
        self.live.insert(header.run, Box::new(run));
    }

    /// The run that was silent for longest gives its window up, if there are too many.
    fn make_room(&mut self) {
        if self.live.len() < MAX_RUNS {
            return;
        }
        if self.retired.len() >= MAX_RETIRED {
            let oldest = self.retired.iter().min_by_key(|(_, (_, heard_at))| *heard_at);
            if let Some(oldest) = oldest.map(|(run, _)| *run) {
                self.retired.remove(&oldest);
            }
        }
        let silent = self.live.iter().min_by_key(|(_, run)| run.heard_at).map(|(run, _)| *run);
        if let Some((run, state)) = silent.and_then(|run| self.live.remove_entry(&run)) {
            self.retired.insert(run, (state.window.highest().unwrap_or(0), state.heard_at));
        }
    }

    /// The run that was heard last from an address.
    pub(crate) fn run_at(&self, source: SocketAddr) -> Option<RunId> {
        let there = self.live.iter().filter(|(_, run)| run.source == source);
        there.max_by_key(|(_, run)| run.heard_at).map(|(run, _)| *run)
    }

    /// When something of a run came from where it is, last.
    pub(crate) fn heard_at(&self, run: RunId) -> Option<Timestamp> {
        self.live.get(&run).map(|run| run.heard_at)
    }

    /// The same, if that was a while ago: it may have left its address.
    pub(crate) fn quiet_since(&self, run: RunId, now: Timestamp) -> Option<Timestamp> {
        self.heard_at(run).filter(|&heard_at| now >= heard_at + QUIET)
    }

    /// The sender of a run is at this address now.
    pub(crate) fn relocate(&mut self, run: RunId, source: SocketAddr, now: Timestamp) {
        if let Some(run) = self.live.get_mut(&run) {
            (run.source, run.heard_at, run.strays) = (source, now, 0);
        }
    }

    /// Where a run was heard last.
    pub(crate) fn source_of(&self, run: RunId) -> Option<SocketAddr> {
        self.live.get(&run).map(|run| run.source)
    }

    /// Forgets all keys: they were of another group. What was used stays used.
    pub(crate) fn forget_keys(&mut self) {
        self.live.values_mut().for_each(|run| run.keys = [const { None }; KEYS as usize]);
    }
}

/// What is proved of an opened packet: that it is of the group, and, if it is signed, of the sender
/// whose session key this is. Without a key no signature can be checked.
fn prove(
    budget: &mut Budget,
    heard: (Timestamp, SocketAddr),
    header: &Header,
    session: Option<Verifier>,
    datagram: &[u8],
) -> Result<Proof, DropReason> {
    let Some(session) = session.filter(|_| header.is_signed) else { return Ok(Proof::Group) };
    let (now, source) = heard;
    if !budget.has_left(now, source) {
        return Err(DropReason::TooMany);
    }
    let holds =
        signed(datagram).is_some_and(|(text, signature)| session.verify(text, signature).is_ok());
    if !holds {
        budget.take(now, source);
        return Err(DropReason::BadSignature);
    }
    Ok(Proof::Signed)
}

/// What is signed of an opened packet, its header included, and the signature.
fn signed(datagram: &[u8]) -> Option<(&[u8], &[u8; SIGNATURE_LEN])> {
    let text = datagram.get(..datagram.len().checked_sub(TAG_LEN)?)?;
    text.split_last_chunk::<SIGNATURE_LEN>()
}

/// A packet that has come.
pub(crate) struct Arrival<'a> {
    pub(crate) now: Timestamp,
    pub(crate) source: SocketAddr,
    pub(crate) header: &'a Header,
    pub(crate) budget: &'a mut Budget,
}
