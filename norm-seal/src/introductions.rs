//! The runs of senders that have introduced themselves to a receiver.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use norm_core::Timestamp;

use crate::address::SessionAddress;
use crate::backend::Prk;
use crate::budget::{Budget, Limit};
use crate::counters::DropReason;
use crate::header::{Epoch, RunId, Suite};
use crate::hello::{self, Hello};
use crate::keyring::Keyring;
use crate::signature::Verifier;

/// Runs that are known at once. A further one takes the place of the one that was introduced first.
const MAX: usize = 64;

/// What a HELLO said, and proved.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Introduction {
    /// How packets of the run are sealed.
    pub(crate) suite: Suite,
    /// What signs in the run.
    pub(crate) session: Verifier,
    /// The long-term key that says so; `None` when only membership is proved.
    pub(crate) signer: Option<Verifier>,
    /// Which secret seals in the run now.
    pub(crate) epoch: Epoch,
    /// See [`Hello`].
    pub(crate) jitter: u16,
    created: u64,
    /// In seconds since 1970.
    expires: u64,
}

impl Introduction {
    /// True when it no longer holds, as far as the time is known.
    pub(crate) fn has_expired(&self, wall: Option<u64>) -> bool {
        wall.is_some_and(|wall| wall >= self.expires)
    }
}

/// Which runs have been introduced, by whom, and until when that holds.
pub(crate) struct Introductions {
    runs: BTreeMap<RunId, (Introduction, Timestamp)>,
    signatures: Budget,
}

/// What became of a HELLO that is not refused.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heeded {
    /// The run is known by one that is as new: nothing of this one was looked at.
    Known,
    /// It has introduced the run, or says so for longer.
    New(RunId, Introduction),
}

/// A HELLO that has come, and what it is judged by.
pub(crate) struct Arrived<'a> {
    pub(crate) now: Timestamp,
    /// The time of day in seconds since 1970, if it is known.
    pub(crate) wall: Option<u64>,
    pub(crate) source: SocketAddr,
    /// The secret that it names; `None` when that is not known yet.
    pub(crate) secret: Option<&'a Prk>,
    pub(crate) address: SessionAddress,
    /// Whose signature is believed.
    pub(crate) keys: &'a Keyring,
    pub(crate) datagram: &'a [u8],
}

impl Introductions {
    pub(crate) fn new() -> Self {
        Self { runs: BTreeMap::new(), signatures: Budget::new(Limit::HELLOS) }
    }

    /// What is known of a run.
    pub(crate) fn get(&self, run: RunId) -> Option<&Introduction> {
        self.runs.get(&run).map(|(introduction, _)| introduction)
    }

    /// Takes a HELLO. Where no code can be checked before its signature, `may_verify` says whether
    /// that is done.
    ///
    /// # Errors
    /// Why it is not believed, and the long-term key that it names.
    pub(crate) fn take(
        &mut self,
        arrived: &Arrived<'_>,
        attempts: &mut Budget,
        may_verify: impl FnOnce() -> bool,
    ) -> Result<Heeded, (DropReason, Option<Verifier>)> {
        let hello = Hello::parse(arrived.datagram).ok_or((DropReason::NotAuthentic, None))?;
        let judged = self.judge(arrived, &hello, attempts, may_verify);
        judged.map_err(|reason| (reason, hello.signer))
    }

    fn judge(
        &mut self,
        arrived: &Arrived<'_>,
        hello: &Hello,
        attempts: &mut Budget,
        may_verify: impl FnOnce() -> bool,
    ) -> Result<Heeded, DropReason> {
        let Arrived { now, wall, source, secret, address, keys, datagram } = *arrived;
        let known = self.get(hello.run).copied();
        let age = (hello.epoch, hello.created);
        if known.is_some_and(|known| age <= (known.epoch, known.created)) {
            return Ok(Heeded::Known);
        }
        if let Some(secret) = secret {
            if !attempts.take(now, source) {
                return Err(DropReason::TooMany);
            }
            if !hello::is_of_group(secret, address, datagram) {
                return Err(DropReason::NotAuthentic);
            }
        }
        if secret.is_none() && !hello.has_keys {
            return Err(DropReason::OtherKey);
        }
        if !keys.believes(hello.signer) {
            return Err(DropReason::OtherSigner);
        }
        // Another member may not take a run over.
        if known.is_some_and(|known| known.session != hello.session) {
            return Err(DropReason::BadSignature);
        }
        if let Some(signer) = hello.signer {
            let may = match secret {
                Some(_) => self.signatures.take(now, source),
                None => may_verify(),
            };
            if !may {
                return Err(DropReason::TooMany);
            }
            let holds = hello::verify(signer, address, datagram);
            holds.map_err(|_| DropReason::BadSignature)?;
        }
        let Hello { suite, session, signer, epoch, jitter, created, expires, .. } = *hello;
        let introduction = Introduction { suite, session, signer, epoch, jitter, created, expires };
        if introduction.has_expired(wall) {
            return Err(DropReason::Expired);
        }
        self.insert(hello.run, introduction, now);
        Ok(Heeded::New(hello.run, introduction))
    }

    fn insert(&mut self, run: RunId, introduction: Introduction, now: Timestamp) {
        if self.runs.len() >= MAX && !self.runs.contains_key(&run) {
            let first = self.runs.iter().min_by_key(|(_, (_, at))| *at).map(|(run, _)| *run);
            first.map(|run| self.runs.remove(&run));
        }
        self.runs.insert(run, (introduction, now));
    }

    /// Forgets all runs: they were introduced in another group.
    pub(crate) fn forget(&mut self) {
        self.runs.clear();
    }
}
