//! What guards say to each other: HELLO, keys, statements, challenges and their answers. Engines
//! hear nothing of it.

use core::net::SocketAddr;
use core::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{Destination, Proof};

use super::{Guard, Opened, Role};
use crate::counters::DropReason;
use crate::header::{HEADER_LEN, Header, Kind, RunId, TAG_LEN};
use crate::hello::SIGNATURE_LEN;
use crate::introducer::Introducer;
use crate::proof::{self, Challenges};
use crate::stated::{HeardStatement, Stated};
use crate::stating::{StatedSet, Stating};

/// A packet of a guard's own, as it leaves.
#[derive(Clone, Debug)]
pub struct Own {
    /// Its bytes, seal included.
    pub bytes: Vec<u8>,
    /// Where it goes.
    pub to: Destination,
}

/// What guards say to each other beside HELLOs.
pub(super) struct Talk {
    /// What a sender states of its set.
    pub(super) stating: Stating,
    /// What senders have stated to a receiver.
    stated: Stated,
    /// The runs that a receiver with a way back has challenged; `None` without one.
    pub(super) challenges: Option<Challenges>,
    /// What a sender has to answer.
    pub(super) answers: proof::Answers,
}

impl Talk {
    pub(super) fn new() -> Self {
        Self {
            stating: Stating::default(),
            stated: Stated::new(),
            challenges: None,
            answers: proof::Answers::default(),
        }
    }
}

impl Guard {
    /// Has a receiver ask each sender whether it is live: only where senders hear it. It asks the
    /// sender alone, and with `in_group` every second time through the group. Until it is answered,
    /// what a sender states is told as of one that may be recorded. What it asks follows from
    /// `seed`: 32 random bytes of this process alone.
    pub fn ask_if_live(&mut self, in_group: bool, seed: &[u8; 32]) {
        self.talk.challenges = Some(Challenges::new(in_group, seed));
        self.forward.ask();
    }

    /// Says how many receivers are expected: the more, the longer is the time in which they send
    /// their first challenges.
    pub fn expect(&mut self, receivers: usize) {
        self.talk.answers.expect(receivers);
    }

    /// States this set, or more of it than before: only of a sender that signs.
    pub fn state(&mut self, set: StatedSet) {
        if self.signs() {
            self.talk.stating.state(set);
        }
    }

    /// What a sender has stated that is news: said for the first time, or known since now to be of
    /// a sender that is live.
    pub fn poll_statement(&mut self) -> Option<HeardStatement> {
        self.talk.stated.poll()
    }

    /// When [`poll_own`](Self::poll_own) has something.
    pub fn next_own(&self) -> Option<Timestamp> {
        let Talk { stating, challenges, answers, .. } = &self.talk;
        let hello = self.introducer.as_ref().map(Introducer::next);
        let challenge = challenges.as_ref().and_then(Challenges::next);
        let own = [hello, self.next_keys(), stating.next(), challenge, answers.next()];
        own.into_iter().flatten().min()
    }

    /// A packet that the guard has to send itself, if one is due: it goes before those of an
    /// engine.
    pub fn poll_own(&mut self, now: Timestamp) -> Option<Own> {
        if self.wants_run() {
            return None;
        }
        let to_group = |bytes| Own { bytes, to: Destination::Group };
        if let Some(hello) = self.poll_hello(now).map(<[u8]>::to_vec) {
            return Some(to_group(hello));
        }
        if let Some((to, bytes)) = self.poll_keys(now).map(|(to, bytes)| (to, bytes.to_vec())) {
            return Some(Own { bytes, to });
        }
        let wall = self.wall.at(now);
        if let Some(text) = self.talk.stating.poll(now, wall, self.keys.signer()) {
            let text = text.to_vec();
            return self.seal_own((Kind::Statement, None), true, &text).map(to_group);
        }
        if let Some(text) = self.talk.answers.poll(now) {
            return self.seal_own((Kind::Proof, None), true, &text).map(to_group);
        }
        self.settle_moves(now);
        // For one sender there may be a key already, and none for another one yet.
        while let Some(due) = self.talk.challenges.as_mut()?.poll(now) {
            let bytes = self.seal_own((Kind::Proof, Some(due.run)), false, &due.challenge);
            let there = due.moved_to.or(self.forward.source_of(due.run)).unwrap_or(due.source);
            let to = if due.to_group { Destination::Group } else { Destination::Unicast(there) };
            if let Some(bytes) = bytes {
                return Some(Own { bytes, to });
            }
        }
        None
    }

    pub(crate) fn seal_own(
        &mut self,
        what: (Kind, Option<RunId>),
        is_signed: bool,
        text: &[u8],
    ) -> Option<Vec<u8>> {
        let signature = if is_signed { SIGNATURE_LEN } else { 0 };
        let mut datagram = vec![0; HEADER_LEN + text.len() + signature + TAG_LEN];
        datagram[HEADER_LEN..HEADER_LEN + text.len()].copy_from_slice(text);
        self.seal_as(what, is_signed, &mut datagram).then_some(datagram)
    }

    /// Takes what another guard says.
    pub(super) fn hear<'a>(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        header: &Header,
        (text, proof): (&[u8], Proof),
    ) -> Result<Opened<'a>, DropReason> {
        let is_signed = proof == Proof::Signed;
        let heard = match (header.kind, self.role) {
            (Kind::Statement, Role::Receiver) if is_signed => {
                self.hear_statement((now, source), header.run, text)
            }
            (Kind::Proof, Role::Receiver) if is_signed => self.hear_proof(now, header.run, text),
            (Kind::Proof, Role::Sender) if !header.is_signed => self.hear_challenge(text),
            // Another receiver asks.
            (Kind::Proof, Role::Receiver) if !header.is_signed => Ok(()),
            _ => Err(DropReason::BadSignature),
        };
        heard.or_else(|reason| self.drop(reason)).map(|()| Opened::Own)
    }

    fn hear_statement(
        &mut self,
        heard: (Timestamp, SocketAddr),
        run: RunId,
        text: &[u8],
    ) -> Result<(), DropReason> {
        let introduction = self.introductions.as_ref().and_then(|known| known.get(run));
        let signer = introduction.ok_or(DropReason::NoHello)?.signer;
        let Talk { challenges, stated, .. } = &mut self.talk;
        let is_live = challenges.as_ref().is_none_or(|challenges| challenges.is_live(run));
        let is_news = stated.take(heard, run, signer, is_live, text)?;
        self.counters.statements += u64::from(is_news);
        Ok(())
    }

    fn hear_proof(&mut self, now: Timestamp, run: RunId, text: &[u8]) -> Result<(), DropReason> {
        let signed = proof::parse(text).ok_or(DropReason::NotAuthentic)?;
        let Talk { challenges: Some(challenges), stated, .. } = &mut self.talk else {
            return Ok(());
        };
        if challenges.answered(run, signed) {
            self.counters.live += 1;
            stated.is_live(run);
        }
        challenges.answered_there(now, run, signed);
        Ok(())
    }

    /// Goes on with senders where they are now, if they have moved.
    fn settle_moves(&mut self, now: Timestamp) {
        let Some(challenges) = &mut self.talk.challenges else { return };
        let forward = &mut self.forward;
        while let Some((run, to)) = challenges.settle(now, |run| forward.heard_at(run)) {
            forward.relocate(run, to, now);
        }
    }

    fn hear_challenge(&mut self, text: &[u8]) -> Result<(), DropReason> {
        match proof::parse(text) {
            Some([challenge]) if self.introducer.is_some() => {
                self.talk.answers.note(*challenge);
                Ok(())
            }
            _ => Err(DropReason::NotAuthentic),
        }
    }

    /// Packets of a run come from another address than before: asks there whether that is where its
    /// sender is, if nothing came for a while from where it was.
    pub(super) fn challenge_at(&mut self, now: Timestamp, run: RunId, to: SocketAddr) {
        let Some(challenges) = &mut self.talk.challenges else { return };
        if let Some(heard_at) = self.forward.quiet_since(run, now) {
            challenges.begin_at(now, (run, heard_at), to);
        }
    }

    /// True of a run that was asked whether it is live, and has not answered.
    pub(super) fn may_be_recorded(&self, run: RunId) -> bool {
        self.talk.challenges.as_ref().is_some_and(|challenges| !challenges.is_live(run))
    }

    /// There is a key now that was missing: what could not be sealed may be sent.
    pub(crate) fn retry_challenges(&mut self, now: Timestamp) {
        self.talk.challenges.iter_mut().for_each(|challenges| challenges.retry(now));
    }

    /// Asks the sender of a run that was introduced whether it is live.
    pub(super) fn challenge(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        run: RunId,
        jitter: u16,
    ) {
        if let Some(challenges) = &mut self.talk.challenges {
            let jitter = Duration::from_millis(jitter.into());
            challenges.begin(now, run, source, jitter);
        }
    }
}
