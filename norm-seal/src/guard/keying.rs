//! What a guard does with the keys of epochs: hands them out, asks for them, takes them.

use core::net::SocketAddr;

use norm_core::Timestamp;
use norm_core::endpoint::Destination;

use super::{Guard, Opened, Role};
use crate::attestation::ATTESTATION_LEN;
use crate::book::Book;
use crate::counters::DropReason;

use crate::header::{Epoch, HEADER_LEN, Header, Kind, RunId, TAG_LEN};
use crate::introducer::{self, Introducer};
use crate::introductions::Introduction;
use crate::issuer::{Due, Issuer, Part};
use crate::keys::{self, KeyRequest, PageHead, PageView, Subject};
use crate::recipient::{Recipient, Standing};
use crate::secret::KeyId;
use crate::signature::Verifier;

impl Guard {
    /// The guard of a sender that hands these keys to their recipients. They have been made for its
    /// session key ([`session`](Self::session)) and group.
    #[must_use]
    pub fn with_book(mut self, book: Book) -> Self {
        let Subject { session, epoch, .. } = book.subject();
        self.secrets.insert((session, epoch), book.secret(), true);
        self.issuer = Some(Issuer::new(book));
        self
    }

    /// The guard of a receiver that has identities instead of the group's secret. One that
    /// `is_mute` asks for nothing.
    #[must_use]
    pub fn with_identities(mut self, is_mute: bool) -> Self {
        let recipient = Recipient::new(self.keys.identities(), self.sealer.run(), is_mute);
        self.recipient = Some(recipient);
        self
    }

    /// Sets the highest rate of a sender, in bits per second: keys take at most half of it while
    /// they are new, and a tenth then.
    pub fn set_rate(&mut self, rate: u64) {
        self.issuer.iter_mut().for_each(|issuer| issuer.set_rate(rate / 8));
    }

    /// What a sender signs with in this session.
    pub fn session(&self) -> Option<Verifier> {
        self.introducer.as_ref().map(Introducer::verifier)
    }

    /// The epoch that keys may be made for, with the group that they are for; `None` while others
    /// are on their way, and where no keys are handed out.
    pub fn next_epoch(&self) -> Option<Epoch> {
        let issuer = self.issuer.as_ref().filter(|issuer| issuer.coming().is_none())?;
        issuer.book().subject().epoch.0.checked_add(1).map(Epoch)
    }

    /// True when no other keys can be made for this session: epochs end.
    pub fn is_last_epoch(&self) -> bool {
        let issuer = self.issuer.as_ref().filter(|issuer| issuer.coming().is_none());
        issuer.is_some_and(|issuer| issuer.book().subject().epoch == Epoch::LAST)
    }

    /// The epoch in use, or the newest one that is known, where keys are handed out.
    pub fn epoch(&self) -> Option<Epoch> {
        let hands_out = self.issuer.is_some() || self.recipient.is_some();
        self.secrets.latest().filter(|_| hands_out).map(|secret| secret.epoch)
    }

    /// Names the key of that epoch, or the group's; `None` while there is none.
    pub fn key_id(&self) -> Option<KeyId> {
        self.secrets.latest().map(|secret| secret.key_id)
    }

    /// Hands out the keys of the next epoch, which is used as soon as all recipients have reported
    /// it, or after two seconds. Those that it has no key for open nothing of it. False if it is
    /// not the next one.
    pub fn begin_epoch(&mut self, now: Timestamp, book: Book) -> bool {
        let Some(issuer) = &mut self.issuer else { return false };
        let Subject { session, epoch, .. } = book.subject();
        let secret = book.secret().clone();
        let begun = issuer.begin(now, book);
        if begun {
            self.secrets.insert((session, epoch), &secret, false);
        }
        begun
    }

    /// When [`poll_keys`](Self::poll_keys) may have something.
    pub fn next_keys(&self) -> Option<Timestamp> {
        let issuer = self.issuer.as_ref().map(Issuer::next);
        issuer.or_else(|| self.recipient.as_ref().and_then(Recipient::next))
    }

    /// What is due of KEYS, requests and answers, and where it goes, as it is.
    pub fn poll_keys(&mut self, now: Timestamp) -> Option<(Destination, &[u8])> {
        if self.wants_run() {
            return None;
        }
        self.own.clear();
        let to = match self.role {
            Role::Sender => self.poll_issuer(now),
            Role::Receiver => self.poll_recipient(now),
        }?;
        Some((to, &self.own))
    }

    /// Goes on to the next epoch if it is time: then a HELLO is due.
    pub(super) fn switch_epoch(&mut self, now: Timestamp) {
        let epoch = self.issuer.as_mut().and_then(|issuer| issuer.poll_switch(now));
        if let Some(epoch) = epoch {
            self.secrets.switch_to(epoch);
            self.introducer.iter_mut().for_each(Introducer::begin);
        }
    }

    fn poll_issuer(&mut self, now: Timestamp) -> Option<Destination> {
        let issuer = self.issuer.as_mut()?;
        let introducer = self.introducer.as_mut()?;
        let due = issuer.poll(now)?;
        let is_coming = matches!(due, Due::Page { is_coming: true, .. });
        let book = issuer.coming().filter(|_| is_coming).unwrap_or(issuer.book());
        let (suite, run) = (self.suite, self.sealer.run());
        let (epoch, key_id) = (book.subject().epoch, book.secret().key_id());
        let head = PageHead { suite, epoch, key_id, run };
        let page = |number: usize, introducer: &Introducer, out: &mut Vec<u8>| {
            let page = book.pages().get(number);
            let session = introducer.session();
            page.map(|page| page.emit(head, self.address, session, out))
        };
        match due {
            Due::Page { number, .. } => {
                page(number, introducer, &mut self.own)?;
                Some(Destination::Group)
            }
            Due::Answer { to, nonce, part } => {
                let mut inner = Vec::with_capacity(keys::PAGE_LEN);
                match part {
                    Part::Page(number) => page(number, introducer, &mut inner)?,
                    Part::Hello => {
                        let (keys, address) = (&self.keys, self.address);
                        let secret = self.secrets.sealing(Some(introducer.verifier()))?;
                        let subject = introducer::Subject {
                            keys,
                            secret,
                            has_keys: true,
                            suite,
                            address,
                            run,
                            jitter: self.talk.answers.jitter(),
                        };
                        let hello = introducer.again(now, self.wall.at(now), &subject);
                        inner.extend_from_slice(hello.as_slice());
                    }
                }
                keys::emit_answer(head, nonce, &inner, &mut self.own);
                Some(Destination::Unicast(to))
            }
        }
    }

    fn poll_recipient(&mut self, now: Timestamp) -> Option<Destination> {
        let recipient = self.recipient.as_mut()?;
        if let Some(sender) = recipient.poll_request(now, &mut self.own) {
            return Some(Destination::Unicast(sender));
        }
        let sender = recipient.poll_report(now)?;
        let mut report = [0; HEADER_LEN + ATTESTATION_LEN + TAG_LEN];
        let sealed = self.seal(Some(sender), &mut report);
        self.own.extend_from_slice(&report);
        sealed.then_some(Destination::Unicast(sender))
    }

    /// Takes KEYS, a request or an answer.
    pub(super) fn hear_keying<'a>(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        kind: Kind,
        datagram: &[u8],
    ) -> Result<Opened<'a>, DropReason> {
        let is_own = Header::parse(datagram).is_some_and(|it| it.run == self.sealer.run());
        match (kind, self.role) {
            (Kind::Keys | Kind::Answer, Role::Sender) if is_own => self.drop(DropReason::Own),
            (Kind::KeyRequest, Role::Sender) => self.hear_request(now, source, datagram),
            (Kind::Keys, Role::Receiver) => self.hear_page(now, source, datagram, false),
            (Kind::Answer, Role::Receiver) => self.hear_answer(now, source, datagram),
            (_, Role::Sender) => self.drop(DropReason::OtherSender),
            (_, Role::Receiver) => self.drop(DropReason::Unsealed),
        }
    }

    fn hear_request<'a>(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Result<Opened<'a>, DropReason> {
        let Some(issuer) = &mut self.issuer else { return self.drop(DropReason::OtherKey) };
        match KeyRequest::parse(datagram) {
            None => self.drop(DropReason::NotAuthentic),
            Some(request) if issuer.hear(now, source, &request) => Ok(Opened::Own),
            Some(_) => self.drop(DropReason::TooMany),
        }
    }

    fn hear_answer<'a>(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Result<Opened<'a>, DropReason> {
        let Some((nonce, inner)) = keys::parse_answer(datagram) else {
            return self.drop(DropReason::NotAuthentic);
        };
        let is_asked = self.recipient.as_mut().is_some_and(|it| it.is_asked_for(nonce));
        let header = Header::parse(inner).filter(|_| is_asked);
        match header {
            Some(header) if header.kind == Kind::Hello => {
                self.hear_hello(now, source, &header, inner, true)
            }
            Some(_) => self.hear_page(now, source, inner, true),
            None => self.drop(DropReason::NotAuthentic),
        }
    }

    fn hear_page<'a>(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        datagram: &[u8],
        is_answer: bool,
    ) -> Result<Opened<'a>, DropReason> {
        let (Some(recipient), Some(introductions)) = (&mut self.recipient, &self.introductions)
        else {
            return self.drop(DropReason::OtherKey);
        };
        let Some((head, page)) = PageView::parse(datagram) else {
            return self.drop(DropReason::NotAuthentic);
        };
        let Some(introduction) = introductions.get(head.run) else {
            return self.drop(DropReason::NoHello);
        };
        if introduction.has_expired(self.wall.at(now)) {
            return self.drop(DropReason::Expired);
        }
        let (session, epoch) = (introduction.session, head.epoch);
        let newest = self.secrets.newest(session);
        if epoch < introduction.epoch || newest.is_some_and(|newest| epoch <= newest) {
            return Ok(Opened::Own);
        }
        let in_use = introduction.epoch;
        let subject = Subject { address: self.address, session, epoch };
        if !recipient.may_have(&subject, &page) {
            self.look_at_standing(source, head.run, in_use);
            return Ok(Opened::Own);
        }
        if !is_answer && !recipient.may_verify(now) {
            return self.drop(DropReason::TooMany);
        }
        if keys::verify(session, self.address, datagram).is_err() {
            return self.drop(DropReason::BadSignature);
        }
        match recipient.open(&subject, &page) {
            Some((secret, attester)) if secret.key_id() == head.key_id => {
                recipient.found(now, source, newest.is_some());
                self.secrets.learn((session, epoch), &secret, attester);
                self.secrets.retire_before(now, session, in_use);
                self.counters.epochs += 1;
                self.retry_challenges(now);
                Ok(Opened::Own)
            }
            Some(_) => self.drop(DropReason::NotAuthentic),
            None => {
                recipient.note_absent(&subject, &page, newest.is_some());
                self.look_at_standing(source, head.run, in_use);
                Ok(Opened::Own)
            }
        }
    }

    /// A HELLO was taken: its epoch is in use.
    pub(super) fn begin_epoch_of(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        header: &Header,
        introduction: &Introduction,
    ) {
        let Introduction { session, epoch, .. } = *introduction;
        self.secrets.retire_before(now, session, epoch);
        self.look_at_standing(source, header.run, epoch);
        if self.secrets.get(now, epoch, header.key_id).is_none() {
            let had_one = self.secrets.newest(session).is_some();
            self.want(now, source, header, had_one);
        }
    }

    /// Counts that a sender has no key for us, if that is known. That it has none any more counts
    /// only of one that is known to be live: of a recording it means nothing.
    fn look_at_standing(&mut self, source: SocketAddr, run: RunId, epoch: Epoch) {
        let introduction = self.introductions.as_ref().and_then(|known| known.get(run));
        let (Some(recipient), Some(introduction)) = (&self.recipient, introduction) else { return };
        match recipient.standing(introduction.session, epoch) {
            Standing::Open => {}
            Standing::NotListed => self.counters.not_listed.note(source),
            Standing::LeftOut if !self.may_be_recorded(run) => self.counters.left_out.note(source),
            Standing::LeftOut => {}
        }
    }

    /// A key is missing for what a header names.
    pub(super) fn want(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        header: &Header,
        had_one: bool,
    ) {
        let Some(recipient) = &mut self.recipient else { return };
        let Header { suite, epoch, key_id, run, .. } = *header;
        let known = self.introductions.as_ref().and_then(|known| known.get(run));
        let standing = known.map(|known| recipient.standing(known.session, epoch));
        if standing.is_none_or(|standing| standing == Standing::Open) {
            recipient.want(now, source, PageHead { suite, epoch, key_id, run }, had_one);
        }
    }

    /// True of a packet that this machine has sealed with the key of an earlier epoch, which it has
    /// forgotten: the network has sent it back.
    pub(super) fn is_own_of_before(&self, header: &Header) -> bool {
        let is_before = self.epoch().is_some_and(|epoch| header.epoch < epoch);
        is_before && header.run == self.sealer.run()
    }

    /// A packet is sealed with a key that is not known here.
    pub(super) fn miss<T>(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        header: &Header,
    ) -> Result<T, DropReason> {
        if self.recipient.is_some() {
            let known = self.introductions.as_ref().and_then(|known| known.get(header.run));
            let session = known.map(|known| known.session);
            if let Some(session) = session.filter(|_| header.kind == Kind::Forward) {
                let had_one = self.secrets.newest(session).is_some();
                self.want(now, source, header, had_one);
            }
            return self.drop(DropReason::NoEpoch);
        }
        if self.secrets.has_key(header.key_id) {
            return self.drop(DropReason::NotAuthentic);
        }
        self.counters.note_other_key(header.key_id, source);
        Err(DropReason::OtherKey)
    }
}
