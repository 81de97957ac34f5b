//! How a receiver gets the secrets of epochs: from KEYS, by its identity.

use core::net::SocketAddr;
use core::time::Duration;

use norm_core::{Rng, Timestamp};

use crate::attestation::{Attester, FeedbackSecret};
use crate::backend::{Prk, Unwrapped, unwrap};
use crate::draw::Draw;
use crate::header::{Epoch, RunId};
use crate::identity::{Identity, MAX_IDENTITIES};
use crate::keys::{KeyRequest, PageHead, PageView, Subject, Tag};
use crate::secret::GroupSecret;
use crate::signature::Verifier;

/// A receiver that hears a session for the first time waits at least so long for its pages, and at
/// most so much longer.
const PATIENCE: Duration = Duration::from_millis(250);
const JITTER: Duration = Duration::from_secs(1);
/// The same when it has had a key of the session.
const JITTER_AGAIN: Duration = Duration::from_millis(100);
/// Time from one request to the next one; it doubles, up to the second of these.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const ASK_SELDOM: Duration = Duration::from_secs(8);
/// A report of a new key is sent within this time.
const REPORT_WITHIN: Duration = Duration::from_millis(500);
/// Addresses that are asked in turn.
const PLACES: usize = 8;
/// Answers that one nonce is good for.
const ANSWERS: u8 = 4;
/// Epochs of which is known that they have no key for us.
const MAX_ABSENT: usize = 16;

/// What is known of an epoch that has no key for some of the identities.
#[derive(Copy, Clone, Debug)]
struct Absent {
    session: Verifier,
    epoch: Epoch,
    /// Those identities.
    identities: u8,
    /// An earlier epoch of the session had one.
    had_one: bool,
}

/// Whether a session has a key for this receiver.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may have.
    Open,
    /// It never had.
    NotListed,
    /// It had, and has none for the epoch in use.
    LeftOut,
}

/// Requests that are sent.
#[derive(Debug)]
struct Asking {
    due: Timestamp,
    wait: Duration,
    /// Which address is asked next.
    turn: usize,
}

/// What a receiver knows itself by, and what it does to get keys.
pub(crate) struct Recipient {
    identities: Vec<Identity>,
    /// It sends nothing.
    is_mute: bool,
    rng: Rng,
    draw: Draw,
    tags: Option<(Subject, [Tag; MAX_IDENTITIES])>,
    asking: Option<Asking>,
    heard: [Option<(SocketAddr, PageHead)>; PLACES],
    /// That of the last request, and how many answers may have it.
    nonce: (u64, u8),
    absent: Vec<Absent>,
    report: Option<(Timestamp, SocketAddr)>,
}

impl Recipient {
    /// A receiver with these identities. `run` is random, and not known to others yet.
    pub(crate) fn new(identities: &[Identity], run: RunId, is_mute: bool) -> Self {
        let identities: Vec<Identity> = identities.iter().take(MAX_IDENTITIES).cloned().collect();
        let secret = identities.first().map_or([].as_slice(), |identity| identity.secret());
        let mut seed = [0; 8];
        Prk::extract(b"norm-keys 1 nonces", secret).expand(&[&run.0], &mut seed);
        Self {
            identities,
            is_mute,
            rng: Rng::new(u64::from_be_bytes(seed)),
            draw: Draw::new(),
            tags: None,
            asking: None,
            heard: [None; PLACES],
            nonce: (0, 0),
            absent: Vec::new(),
            report: None,
        }
    }

    /// True when a HELLO or page that has come may be verified.
    pub(crate) fn may_verify(&mut self, now: Timestamp) -> bool {
        self.draw.take(now, &mut self.rng)
    }

    /// Something of a session was heard for which there is no key: it is to be asked for.
    pub(crate) fn want(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        head: PageHead,
        had_one: bool,
    ) {
        if self.is_mute {
            return;
        }
        let place = place(source);
        self.heard[place] = Some((source, head));
        if self.asking.is_none() {
            let (least, jitter) =
                if had_one { (Duration::ZERO, JITTER_AGAIN) } else { (PATIENCE, JITTER) };
            let due = now + least + jitter.mul_f64(self.rng.unit());
            self.asking = Some(Asking { due, wait: ASK_AGAIN, turn: place });
        }
    }

    /// When a request or a report is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let asking = self.asking.as_ref().map(|asking| asking.due);
        asking.into_iter().chain(self.report.map(|(due, _)| due)).min()
    }

    /// Writes the request that is due; where it goes.
    pub(crate) fn poll_request(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let Self { asking, heard, identities, rng, nonce, .. } = self;
        let asking = asking.as_mut().filter(|asking| now >= asking.due)?;
        let in_turn = (0..PLACES).filter_map(|step| {
            let place = (asking.turn + step) % PLACES;
            heard[place].map(|heard| (place, heard))
        });
        let (place, (to, head)) = in_turn.into_iter().next()?;
        asking.turn = (place + 1) % PLACES;
        asking.due = now + asking.wait.mul_f64(0.75 + rng.unit() / 2.0);
        asking.wait = (asking.wait * 2).min(ASK_SELDOM);
        *nonce = (rng.next_u64(), ANSWERS);
        let which = (rng.next_u64() % identities.len().max(1) as u64) as usize;
        let recipient = identities.get(which)?.public();
        let PageHead { suite, epoch, key_id, run } = head;
        KeyRequest { suite, epoch, key_id, run, nonce: nonce.0, recipient }.emit(out);
        Some(to)
    }

    /// True of the nonce of an answer to the last request.
    pub(crate) fn is_asked_for(&mut self, nonce: u64) -> bool {
        let is_asked = self.nonce.0 == nonce && self.nonce.1 > 0;
        self.nonce.1 -= u8::from(is_asked);
        is_asked
    }

    /// Whom a report of a new key is due to.
    pub(crate) fn poll_report(&mut self, now: Timestamp) -> Option<SocketAddr> {
        self.report.take_if(|(due, _)| now >= *due).map(|(_, to)| to)
    }

    /// True when the page covers an identity of which is not known yet whether the epoch has a key
    /// for it.
    pub(crate) fn may_have(&mut self, subject: &Subject, page: &PageView<'_>) -> bool {
        self.covered(subject, page) & !self.absent_of(subject) != 0
    }

    /// The identities that a page covers.
    fn covered(&mut self, subject: &Subject, page: &PageView<'_>) -> u8 {
        let tags = self.tags_of(subject);
        let covered = |number: usize| page.covers(tags[number]);
        (0..self.identities.len()).fold(0, |all, number| all | u8::from(covered(number)) << number)
    }

    fn tags_of(&mut self, subject: &Subject) -> [Tag; MAX_IDENTITIES] {
        if let Some((_, tags)) = self.tags.as_ref().filter(|(of, _)| of == subject) {
            return *tags;
        }
        let mut tags = [Tag(0); MAX_IDENTITIES];
        let own = self.identities.iter().map(|identity| subject.tag(identity.public()));
        tags.iter_mut().zip(own).for_each(|(place, tag)| *place = tag);
        self.tags = Some((*subject, tags));
        tags
    }

    /// The secret of an epoch, from a page that its session has signed.
    pub(crate) fn open(
        &mut self,
        subject: &Subject,
        page: &PageView<'_>,
    ) -> Option<(GroupSecret, Attester)> {
        let tags = self.tags_of(subject);
        self.identities.iter().zip(tags).find_map(|(identity, tag)| {
            let info = subject.info(identity.public());
            page.with_tag(tag).find_map(|stanza| {
                let Unwrapped { secret, exported } =
                    unwrap(identity.secret(), &info, &stanza.enc, &stanza.wrapped)?;
                let secret = GroupSecret::new(*secret);
                Some((secret, Attester { tag, secret: FeedbackSecret(exported) }))
            })
        })
    }

    /// A key was found: nothing more is asked for. A receiver that had one reports the new one.
    pub(crate) fn found(&mut self, now: Timestamp, sender: SocketAddr, had_one: bool) {
        self.asking = None;
        self.heard = [None; PLACES];
        if had_one && !self.is_mute {
            let due = now + REPORT_WITHIN.mul_f64(self.rng.unit());
            self.report = Some((due, sender));
        }
    }

    /// Notes that a page, which its session has signed, has no key for the identities it covers.
    pub(crate) fn note_absent(&mut self, subject: &Subject, page: &PageView<'_>, had_one: bool) {
        let covered = self.covered(subject, page);
        let Subject { session, epoch, .. } = *subject;
        let is_this = |absent: &&mut Absent| (absent.session, absent.epoch) == (session, epoch);
        if let Some(absent) = self.absent.iter_mut().find(is_this) {
            absent.identities |= covered;
        } else {
            if self.absent.len() >= MAX_ABSENT {
                self.absent.remove(0);
            }
            self.absent.push(Absent { session, epoch, identities: covered, had_one });
        }
        if self.standing(session, epoch) != Standing::Open {
            self.asking = None;
        }
    }

    fn absent_of(&self, subject: &Subject) -> u8 {
        let own = self.absent.iter();
        let mut own = own.filter(|it| (it.session, it.epoch) == (subject.session, subject.epoch));
        own.next().map_or(0, |absent| absent.identities)
    }

    /// What is known of a session in the epoch that it uses.
    pub(crate) fn standing(&self, session: Verifier, epoch: Epoch) -> Standing {
        let all = ((1_u16 << self.identities.len()) - 1) as u8;
        let mut own = self.absent.iter();
        let absent = own.find(|it| (it.session, it.epoch) == (session, epoch));
        match absent.filter(|absent| absent.identities == all) {
            None => Standing::Open,
            Some(Absent { had_one: true, .. }) => Standing::LeftOut,
            Some(_) => Standing::NotListed,
        }
    }

    /// Forgets what is of a group.
    pub(crate) fn forget(&mut self) {
        (self.asking, self.report, self.tags) = (None, None, None);
        self.heard = [None; PLACES];
        self.absent.clear();
    }
}

fn place(source: SocketAddr) -> usize {
    let port = source.port().to_be_bytes();
    let fold = |octets: &[u8]| {
        octets.iter().chain(&port).fold(0_u8, |hash, byte| hash.rotate_left(3) ^ byte)
    };
    let hash = match source.ip() {
        core::net::IpAddr::V4(ip) => fold(&ip.octets()),
        core::net::IpAddr::V6(ip) => fold(&ip.octets()),
    };
    usize::from(hash ^ hash >> 4) % PLACES
}
