//! The gate of a session: seals what leaves, opens what arrives.

use core::net::SocketAddr;
use core::time::Duration;

use norm_core::Timestamp;

use crate::address::SessionAddress;
use crate::backend::Prk;
use crate::budget::Budget;
use crate::counters::{DropReason, SealCounters};
use crate::feedback::FeedbackRuns;
use crate::forward::{Arrival, ForwardRuns};
use crate::header::{HEADER_LEN, Header, Kind, RunId, Suite, TAG_LEN};
use crate::keyring::Keyring;
use crate::schedule::{KeyInfo, RunKey};
use crate::sealer::{Origin, Sealer};
use crate::senders::KnownSenders;

/// A new run is drawn at most this often because another machine was heard that uses ours.
const REDRAW_INTERVAL: Duration = Duration::from_secs(60);

/// The upper half of the first byte of packets without a seal: the version of what is sealed.
const VERSION_WITHOUT_SEAL: u8 = 1;

/// Which end of a session.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Seals content and commands; opens feedback that is for it.
    Sender,
    /// Seals feedback; opens what senders and other receivers seal.
    Receiver,
}

/// Seals every datagram that leaves and opens every one that arrives; all else is dropped and
/// counted, before anything is allocated for it.
pub struct Guard {
    role: Role,
    keys: Keyring,
    suite: Suite,
    secret: Prk,
    address: SessionAddress,
    sealer: Sealer,
    forward: ForwardRuns,
    feedback: FeedbackRuns,
    /// Whom feedback may be for: the senders that were heard, or ourselves.
    senders: KnownSenders,
    budget: Budget,
    redraw: Redraw,
    counters: SealCounters,
}

/// Whether another run is to be drawn.
#[derive(Default)]
struct Redraw {
    /// It is, and until then nothing is sealed.
    wanted: bool,
    /// When one was drawn last because another machine was heard that used ours.
    heard_at: Option<Timestamp>,
    /// Another was heard before [`REDRAW_INTERVAL`] was over: one is to be drawn then.
    is_due: bool,
}

impl Guard {
    /// A guard at one end of a session in a group. `run` is random, of this process alone.
    pub fn new(
        role: Role,
        keys: Keyring,
        suite: Suite,
        address: SessionAddress,
        run: RunId,
    ) -> Self {
        let mut senders = KnownSenders::default();
        if role == Role::Sender {
            senders.note(run);
        }
        Self {
            role,
            secret: keys.epoch_secret(),
            keys,
            suite,
            address,
            sealer: Sealer::new(run),
            forward: ForwardRuns::default(),
            feedback: FeedbackRuns::new(),
            senders,
            budget: Budget::new(),
            redraw: Redraw::default(),
            counters: SealCounters::default(),
        }
    }

    /// What has been counted.
    pub fn counters(&self) -> &SealCounters {
        &self.counters
    }

    /// The keys.
    pub fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// Goes on in another group.
    pub fn set_address(&mut self, address: SessionAddress) {
        if self.address != address {
            self.address = address;
            self.sealer.forget_key();
            self.forward.forget_keys();
            self.feedback.forget_keys();
        }
    }

    /// True when another run has to be drawn and handed to [`set_run`](Self::set_run): until then
    /// nothing is sealed.
    pub fn wants_run(&self) -> bool {
        self.redraw.wanted || self.sealer.is_spent()
    }

    /// Goes on with a run that was drawn anew: random, of this process alone.
    pub fn set_run(&mut self, run: RunId) {
        self.redraw = Redraw { heard_at: self.redraw.heard_at, ..Redraw::default() };
        self.sealer.set_run(run);
        if self.role == Role::Sender {
            // Feedback that is on its way is for the run before.
            self.senders.note(run);
        }
    }

    /// This machine may have been copied while it ran: draws another run at once, each time. Only
    /// what this machine sees of itself, such as its clocks, may call for it; what comes from the
    /// network does so at most once a minute.
    pub fn suspect_copy(&mut self) {
        self.counters.redraws += u64::from(!self.redraw.wanted);
        self.redraw.wanted = true;
    }

    /// Another machine was heard that uses our run: draws another one, at most once a minute. What
    /// is heard before that is over is not forgotten.
    fn hear_copy(&mut self, now: Timestamp) {
        self.redraw.is_due = true;
        self.redraw_if_due(now);
    }

    fn redraw_if_due(&mut self, now: Timestamp) {
        let redraw = &mut self.redraw;
        let may = redraw.heard_at.is_none_or(|at| now >= at + REDRAW_INTERVAL);
        if redraw.is_due && may {
            *redraw = Redraw { heard_at: Some(now), is_due: false, wanted: redraw.wanted };
            self.suspect_copy();
        }
    }

    /// Seals a datagram in place: it has room for [`SEAL`](crate::SEAL) around what is sealed.
    /// Feedback is for the sender at an address. False when it cannot be sealed, and must not be
    /// sent: a run is wanted, or there is no such sender.
    pub fn seal(&mut self, sender: Option<SocketAddr>, datagram: &mut [u8]) -> bool {
        if self.redraw.wanted {
            return false;
        }
        let (kind, sender) = match self.role {
            Role::Sender => (Kind::Forward, None),
            Role::Receiver => match sender.and_then(|at| self.forward.run_at(at)) {
                Some(run) => (Kind::Feedback, Some(run)),
                None => return false,
            },
        };
        let header = Header {
            suite: self.suite,
            kind,
            epoch: self.keys.epoch(),
            key_id: self.keys.key_id(),
            run: self.sealer.run(),
            counter: 0,
        };
        let sealed = self.sealer.seal(&self.secret, self.address, header, sender, datagram);
        self.counters.sealed += u64::from(sealed);
        sealed
    }

    /// Opens a datagram in place; what was sealed.
    ///
    /// # Errors
    /// Why it was dropped. Its bytes are of no use then.
    pub fn open<'a>(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        datagram: &'a mut [u8],
    ) -> Result<&'a mut [u8], DropReason> {
        self.redraw_if_due(now);
        let Some(header) = Header::parse(datagram) else {
            if datagram.first().is_some_and(|byte| byte >> 4 == VERSION_WITHOUT_SEAL) {
                self.counters.unsealed.note(source);
            }
            return self.drop(DropReason::Unsealed);
        };
        if header.key_id != self.keys.key_id() {
            self.counters.note_other_key(header.key_id, source);
            return Err(DropReason::OtherKey);
        }
        if header.epoch != self.keys.epoch() {
            return self.drop(DropReason::NotAuthentic);
        }
        if header.run == self.sealer.run() {
            self.hear_own_run(now, source, &header, datagram);
            return self.drop(DropReason::Own);
        }
        if header.kind == Kind::Forward && self.role == Role::Sender {
            return self.drop(DropReason::OtherSender);
        }
        let info = KeyInfo::of(&header, self.address, None);
        let arrival = Arrival { now, source, header: &header, budget: &mut self.budget };
        let opened = match header.kind {
            Kind::Forward => self.forward.open(&self.secret, info, arrival, datagram),
            Kind::Feedback => {
                self.feedback.open(&self.secret, info, arrival, &self.senders, datagram)
            }
        };
        match &opened {
            Ok(_) => self.counters.opened += 1,
            Err(reason) => self.counters.note_dropped(*reason),
        }
        // Feedback may be for a sender that was not heard yet.
        if header.kind == Kind::Forward && matches!(opened, Err(DropReason::NotAuthentic)) {
            self.counters.not_authentic.note(source);
        }
        if opened.is_ok() && header.kind == Kind::Forward {
            self.senders.note(header.run);
        }
        opened
    }

    fn drop<T>(&mut self, reason: DropReason) -> Result<T, DropReason> {
        self.counters.note_dropped(reason);
        Err(reason)
    }

    /// A packet under our own run: an echo, a recording, or of a copy of this machine. Only the
    /// last is authentic and not ours.
    fn hear_own_run(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        header: &Header,
        datagram: &mut [u8],
    ) {
        let (head, sealed) = datagram.split_at_mut(HEADER_LEN);
        let tag = &sealed[sealed.len() - TAG_LEN..];
        if self.redraw.wanted || self.sealer.origin(header.counter, tag) == Origin::Own {
            return;
        }
        let info = KeyInfo::of(header, self.address, None);
        let is_authentic = match (header.kind, self.role) {
            (Kind::Forward, Role::Sender) => {
                self.budget.take(now, source)
                    && RunKey::derive(&self.secret, info)
                        .is_some_and(|key| key.open(header.counter, head, sealed).is_some())
            }
            (Kind::Feedback, Role::Receiver) => {
                let arrival = Arrival { now, source, header, budget: &mut self.budget };
                let (secret, senders) = (&self.secret, (None, &self.senders));
                self.feedback.try_all(secret, info, arrival, senders, datagram).is_ok()
            }
            _ => false,
        };
        if is_authentic {
            self.counters.copies += 1;
            self.hear_copy(now);
        }
    }
}
