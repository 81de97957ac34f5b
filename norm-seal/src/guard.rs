//! The gate of a session: seals what leaves, opens what arrives.

mod keying;
mod own;

use core::net::SocketAddr;

use norm_core::Timestamp;
use norm_core::endpoint::{Margins, Proof};

use crate::address::SessionAddress;
use crate::attestation::ATTESTATION_LEN;
use crate::backend::SigningKey;
use crate::budget::{Budget, Limit};
use crate::counters::{DropReason, SealCounters};
use crate::epoch::{Secret, Secrets};
use crate::feedback::{FeedbackRuns, Taken};
use crate::forward::{Arrival, ForwardRuns};
use crate::header::{HEADER_LEN, Header, Kind, RunId, Suite, TAG_LEN};
use crate::introducer::{Introducer, Subject};
use crate::introductions::{Arrived, Heeded, Introductions};
use crate::issuer::Issuer;
use crate::keyring::Keyring;
use crate::proof::Challenges;
use crate::recipient::Recipient;
use crate::redraw::Redraw;
use crate::schedule::{KeyInfo, RunKey};
use crate::sealer::{Ending, Origin, Sealer};
use crate::senders::KnownSenders;
use crate::signature::Verifier;
use crate::wall_clock::WallClock;
pub use own::Own;
use own::Talk;

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
    secrets: Secrets,
    address: SessionAddress,
    sealer: Sealer,
    forward: ForwardRuns,
    feedback: FeedbackRuns,
    /// Whom feedback may be for: the senders that were heard, or ourselves.
    senders: KnownSenders,
    budget: Budget,
    redraw: Redraw,
    /// What a sender signs with, and says of that.
    introducer: Option<Introducer>,
    /// What a receiver has heard of that; `None` when it believes every member.
    introductions: Option<Introductions>,
    talk: Talk,
    /// How a sender hands out the secrets of epochs, if it does.
    issuer: Option<Issuer>,
    /// How a receiver gets them.
    recipient: Option<Recipient>,
    wall: WallClock,
    counters: SealCounters,
    /// Work space: what is sent beside an engine's packets.
    own: Vec<u8>,
}

/// What has come in a datagram.
#[derive(Debug)]
pub enum Opened<'a> {
    /// What was sealed, and what is proved of it.
    Text(&'a mut [u8], Proof),
    /// A HELLO: nothing for an engine.
    Hello,
    /// Something else that guards say to each other.
    Own,
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
            secrets: keys.group().map_or_else(Secrets::default, Secrets::of_group),
            keys,
            suite,
            address,
            sealer: Sealer::new(run),
            forward: ForwardRuns::new(),
            feedback: FeedbackRuns::new(),
            senders,
            budget: Budget::new(Limit::OPENING),
            redraw: Redraw::default(),
            introducer: None,
            introductions: None,
            talk: Talk::new(),
            issuer: None,
            recipient: None,
            wall: WallClock::default(),
            counters: SealCounters::default(),
            own: Vec::new(),
        }
    }

    /// The guard of a sender that signs in this session, by a key that follows from 32 random bytes
    /// of this process alone, and says so in HELLOs.
    #[must_use]
    pub fn signing(mut self, seed: &[u8; 32]) -> Self {
        self.introducer = SigningKey::from_seed(seed).map(Introducer::new);
        self
    }

    /// The guard of a receiver that takes nothing of a run before its HELLO, which the trusted key
    /// has to have signed, if there is one.
    #[must_use]
    pub fn requiring_hello(mut self) -> Self {
        self.introductions = Some(Introductions::new());
        self
    }

    /// Sets the time of day, in seconds since 1970. To be called now and then, because clocks are
    /// set. Without it, and while a clock shows a time in the past, it is not known: then HELLOs do
    /// not expire.
    pub fn set_wall_clock(&mut self, now: Timestamp, seconds: u64) {
        self.wall.set(now, seconds);
    }

    /// True for a sender that signs: packets that speak for it are to be sealed by
    /// [`seal_signed`](Self::seal_signed).
    pub fn signs(&self) -> bool {
        self.introducer.is_some()
    }

    /// The HELLO that is due, if one is. It goes to the group as it is.
    pub fn poll_hello(&mut self, now: Timestamp) -> Option<&[u8]> {
        self.switch_epoch(now);
        let introducer = self.introducer.as_mut().filter(|_| !self.redraw.is_wanted())?;
        let subject = Subject {
            keys: &self.keys,
            secret: self.secrets.sealing(Some(introducer.verifier()))?,
            has_keys: self.issuer.is_some(),
            suite: self.suite,
            address: self.address,
            run: self.sealer.run(),
            jitter: self.talk.answers.jitter(),
        };
        introducer.poll(now, self.wall.at(now), &subject)
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
            self.introducer.iter_mut().for_each(Introducer::begin);
            self.introductions.iter_mut().for_each(Introductions::forget);
            self.talk.stating.begin();
            self.talk.challenges.iter_mut().for_each(Challenges::forget);
            if let Some(recipient) = &mut self.recipient {
                recipient.forget();
                self.secrets.forget_sessions();
            }
        }
    }

    /// True when another run has to be drawn and handed to [`set_run`](Self::set_run): until then
    /// nothing is sealed.
    pub fn wants_run(&self) -> bool {
        self.redraw.is_wanted() || self.sealer.is_spent()
    }

    /// Goes on with a run that was drawn anew: random, of this process alone.
    pub fn set_run(&mut self, run: RunId) {
        self.redraw.done();
        self.sealer.set_run(run);
        self.introducer.iter_mut().for_each(Introducer::begin);
        self.talk.stating.begin();
        if self.role == Role::Sender {
            // Feedback that is on its way is for the run before.
            self.senders.note(run);
        }
    }

    /// This machine may have been copied while it ran: draws another run at once, each time. Only
    /// what this machine sees of itself, such as its clocks, may call for it; what comes from the
    /// network does so at most once a minute.
    pub fn suspect_copy(&mut self) {
        self.counters.redraws += u64::from(self.redraw.want());
    }

    /// The room that [`seal`](Self::seal) needs around what is sealed.
    pub fn margins(&self) -> Margins {
        // A recipient attests all that it says.
        let attestation = if self.recipient.is_some() { ATTESTATION_LEN } else { 0 };
        Margins { head: HEADER_LEN, tail: TAG_LEN + attestation }
    }

    /// Seals a datagram in place: it has the [margins](Self::margins) around what is sealed.
    /// Feedback is for the sender at an address. False when it cannot be sealed, and must not be
    /// sent: a run is wanted, or there is no such sender.
    pub fn seal(&mut self, sender: Option<SocketAddr>, datagram: &mut [u8]) -> bool {
        let what = match self.role {
            Role::Sender => (Kind::Forward, None),
            Role::Receiver => match sender.and_then(|at| self.forward.run_at(at)) {
                Some(run) => (Kind::Feedback, Some(run)),
                None => return false,
            },
        };
        self.seal_as(what, false, datagram)
    }

    /// The same of a sender's packet that is signed: after what is sealed it has room for
    /// [`SIGNATURE_LEN`](crate::SIGNATURE_LEN) bytes more. False also when this guard does not
    /// sign.
    pub fn seal_signed(&mut self, datagram: &mut [u8]) -> bool {
        self.signs() && self.seal_as((Kind::Forward, None), true, datagram)
    }

    /// Seals a packet of this kind; one of a receiver is for the sender with this run.
    fn seal_as(
        &mut self,
        (kind, sender): (Kind, Option<RunId>),
        is_signed: bool,
        datagram: &mut [u8],
    ) -> bool {
        if self.redraw.is_wanted() {
            return false;
        }
        let Some(secret) = self.secrets.sealing(self.session_for(sender)) else { return false };
        let Secret { epoch, key_id, prk, attester, .. } = secret;
        let (suite, run, epoch, key_id) = (self.suite, self.sealer.run(), *epoch, *key_id);
        let header = Header { suite, kind, is_signed, epoch, key_id, run, counter: 0 };
        let session = self.introducer.as_ref().filter(|_| is_signed).map(Introducer::session);
        let attester = attester.as_ref().filter(|_| kind == Kind::Feedback);
        let ending = session.map(Ending::Signature).or(attester.map(Ending::Attestation));
        let ending = ending.unwrap_or(Ending::None);
        let sealed = self.sealer.seal(prk, self.address, (header, sender), ending, datagram);
        self.counters.sealed += u64::from(sealed);
        self.issuer.iter_mut().for_each(|issuer| issuer.note_sent(datagram.len()));
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
    ) -> Result<Opened<'a>, DropReason> {
        self.counters.redraws += u64::from(self.redraw.look(now));
        let Some(header) = Header::parse(datagram) else {
            if datagram.first().is_some_and(|byte| byte >> 4 == VERSION_WITHOUT_SEAL) {
                self.counters.unsealed.note(source);
            }
            return self.drop(DropReason::Unsealed);
        };
        if matches!(header.kind, Kind::Keys | Kind::KeyRequest | Kind::Answer) {
            return self.hear_keying(now, source, header.kind, datagram);
        }
        let secret = self.secrets.get(now, header.epoch, header.key_id);
        if secret.is_none() && self.is_own_of_before(&header) {
            return self.drop(DropReason::Own);
        }
        if secret.is_none() && !(header.kind == Kind::Hello && self.recipient.is_some()) {
            return self.miss(now, source, &header);
        }
        if header.run == self.sealer.run() {
            self.hear_own_run(now, source, &header, datagram);
            return self.drop(DropReason::Own);
        }
        if header.is_of_sender() && self.role == Role::Sender {
            return self.drop(DropReason::OtherSender);
        }
        let opened = match header.kind {
            Kind::Keys | Kind::KeyRequest | Kind::Answer => Err(DropReason::Unsealed),
            Kind::Hello => return self.hear_hello(now, source, &header, datagram, false),
            _ if header.is_of_sender() => self.open_forward(now, source, &header, datagram),
            _ => self.open_feedback(now, source, &header, datagram),
        };
        let proof = opened.or_else(|reason| self.drop(reason))?;
        let end = datagram.len().checked_sub(TAG_LEN + header.ending());
        let Some(end) = end.filter(|end| *end >= HEADER_LEN) else {
            return self.drop(DropReason::BadSignature);
        };
        let text = &mut datagram[HEADER_LEN..end];
        if !matches!(header.kind, Kind::Forward | Kind::Feedback) {
            return self.hear(now, source, &header, (&*text, proof));
        }
        self.counters.opened += 1;
        self.counters.signed += u64::from(proof == Proof::Signed);
        if header.kind == Kind::Feedback {
            if let (Proof::Receiver(receiver), Some(issuer)) = (proof, &mut self.issuer) {
                issuer.note_report(header.epoch, receiver);
            }
            let has_epochs = self.issuer.is_some() || self.recipient.is_some();
            if has_epochs && text.is_empty() {
                return Ok(Opened::Own);
            }
        }
        Ok(Opened::Text(text, proof))
    }

    /// Opens a packet of a receiver in place. Only its sender can tell which receiver has attested
    /// it; for others it is of some member.
    fn open_feedback(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        header: &Header,
        datagram: &mut [u8],
    ) -> Result<Proof, DropReason> {
        let info = KeyInfo::of(header, self.address, None);
        let arrival = Arrival { now, source, header, budget: &mut self.budget };
        let secret = self.secrets.get(now, header.epoch, header.key_id);
        // The sender opens nothing of a receiver that it has left out: nor do others.
        let secret = secret.filter(|secret| secret.is_in_use()).ok_or(DropReason::NoEpoch)?;
        let issuer = self.issuer.as_ref();
        self.feedback.open(&secret.prk, info, arrival, &self.senders, datagram, |said| {
            let Some(issuer) = issuer else {
                return Ok(Taken { proof: Proof::Group, uses_up: true });
            };
            if header.kind != Kind::Feedback {
                // A challenge: any recipient may send it in this run, and it is answered once more.
                return Ok(Taken { proof: Proof::Group, uses_up: false });
            }
            let attested = said.split_last_chunk().filter(|_| header.is_attested());
            let (text, attestation) = attested.ok_or(DropReason::BadSignature)?;
            let receiver = issuer.attested_by(header.epoch, text, attestation);
            let receiver = receiver.ok_or(DropReason::BadSignature)?;
            Ok(Taken { proof: Proof::Receiver(receiver), uses_up: true })
        })
    }

    /// Opens a packet of a sender in place, which has to have introduced itself where that is
    /// required.
    fn open_forward(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        header: &Header,
        datagram: &mut [u8],
    ) -> Result<Proof, DropReason> {
        let session = self.session_of(now, header)?;
        let secret = self.secrets.get(now, header.epoch, header.key_id);
        // A recipient of one sender may not seal as another one.
        let secret = secret.filter(|secret| secret.is_of(session));
        let secret = &secret.ok_or(DropReason::NotAuthentic)?.prk;
        let info = KeyInfo::of(header, self.address, None);
        let arrival = Arrival { now, source, header, budget: &mut self.budget };
        let opened = self.forward.open(secret, info, arrival, session, datagram);
        if matches!(opened, Err(DropReason::Elsewhere)) {
            self.challenge_at(now, header.run, source);
        }
        // Feedback may be for a sender that was not heard yet; this is not.
        if matches!(opened, Err(DropReason::NotAuthentic)) {
            self.counters.not_authentic.note(source);
        }
        if opened.is_ok() {
            self.senders.note(header.run);
        }
        opened
    }

    /// What signs in the run of a packet; `None` where every member is believed.
    fn session_of(&self, now: Timestamp, header: &Header) -> Result<Option<Verifier>, DropReason> {
        let Some(introductions) = &self.introductions else { return Ok(None) };
        let introduction = introductions.get(header.run).ok_or(DropReason::NoHello)?;
        if introduction.has_expired(self.wall.at(now)) {
            return Err(DropReason::Expired);
        }
        if introduction.suite != header.suite {
            return Err(DropReason::NotAuthentic);
        }
        Ok(Some(introduction.session))
    }

    /// What signs in the session that feedback is for, or that this sender has.
    fn session_for(&self, sender: Option<RunId>) -> Option<Verifier> {
        match (&self.introductions, sender) {
            (Some(introductions), Some(run)) => introductions.get(run).map(|known| known.session),
            _ => self.introducer.as_ref().map(Introducer::verifier),
        }
    }

    /// Takes the HELLO of a sender, which may be an answer to what was asked.
    fn hear_hello<'a>(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        header: &Header,
        datagram: &[u8],
        is_answer: bool,
    ) -> Result<Opened<'a>, DropReason> {
        let Some(introductions) = &mut self.introductions else {
            return self.drop(DropReason::Unsealed);
        };
        let arrived = Arrived {
            now,
            wall: self.wall.at(now),
            source,
            secret: self.secrets.get(now, header.epoch, header.key_id).map(|secret| &secret.prk),
            address: self.address,
            keys: &self.keys,
            datagram,
        };
        let recipient = &mut self.recipient;
        let may_verify =
            || is_answer || recipient.as_mut().is_some_and(|recipient| recipient.may_verify(now));
        match introductions.take(&arrived, &mut self.budget, may_verify) {
            Ok(Heeded::New(run, introduction)) => {
                self.counters.hellos += 1;
                self.counters.signer = introduction.signer;
                self.begin_epoch_of(now, source, header, &introduction);
                self.challenge(now, source, run, introduction.jitter);
                Ok(Opened::Hello)
            }
            Ok(Heeded::Known) => Ok(Opened::Hello),
            Err((reason, signer)) => {
                match reason {
                    // Perhaps it is of a sender that is trusted: it may answer.
                    DropReason::TooMany => self.want(now, source, header, false),
                    DropReason::OtherKey => self.counters.unopened.note(header.key_id, source),
                    DropReason::OtherSigner => self.counters.other_signer.note(signer, source),
                    DropReason::Expired => self.counters.expired.note(source),
                    DropReason::NotAuthentic => self.counters.not_authentic.note(source),
                    _ => {}
                }
                self.drop(reason)
            }
        }
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
        if self.redraw.is_wanted() || self.sealer.origin(header.counter, tag) == Origin::Own {
            return;
        }
        let info = KeyInfo::of(header, self.address, None);
        let Some(secret) = self.secrets.get(now, header.epoch, header.key_id) else { return };
        let secret = &secret.prk;
        let is_authentic = match (header.kind, self.role) {
            (Kind::Forward, Role::Sender) => {
                self.budget.take(now, source)
                    && RunKey::derive(secret, info)
                        .is_some_and(|key| key.open(header.counter, head, sealed).is_some())
            }
            (Kind::Feedback, Role::Receiver) => {
                let arrival = Arrival { now, source, header, budget: &mut self.budget };
                let senders = (None, &self.senders);
                self.feedback.try_all(secret, info, arrival, senders, datagram).is_ok()
            }
            _ => false,
        };
        if is_authentic {
            self.counters.copies += 1;
            self.counters.redraws += u64::from(self.redraw.hear_copy(now));
        }
    }
}
