//! How a sender hands the secrets of epochs to its recipients.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use norm_core::Timestamp;
use norm_core::endpoint::ReceiverKey;

use crate::attestation::ATTESTATION_LEN;
use crate::book::Book;
use crate::budget::{Budget, Limit};
use crate::header::{Epoch, HEADER_LEN};
use crate::keys::{KeyRequest, PAGE_LEN, Page, REQUEST_LEN};
use crate::pages::Rounds;

/// The next epoch is used after this time, though not all have its key.
const SWITCH_AFTER: Duration = Duration::from_secs(2);
/// Answers that wait.
const MAX_ANSWERS: usize = 64;
/// Bytes of an answer at most: a HELLO and a page, each after a header.
const ANSWER_LEN: u64 = (2 * HEADER_LEN + 184 + PAGE_LEN) as u64;
/// What answers may take: 64 kbit/s, but no more than a tenth of a rate, or 2 % of what else is
/// sent.
const ANSWER_RATE: u64 = 8_000;
const ANSWER_SHARE: u64 = 10;
const ANSWER_PERCENT: u64 = 2;
/// Answers that are saved up at most.
const SAVED: u64 = 32;

const _: () = assert!(ANSWER_LEN <= 3 * REQUEST_LEN as u64);

/// An epoch that is handed out, and not used yet.
struct Coming {
    book: Book,
    since: Timestamp,
    /// Receivers that have sealed with its key.
    reported: BTreeSet<ReceiverKey>,
}

/// Part of an answer to a request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// What the session is signed with.
    Hello,
    /// This page of the epoch in use.
    Page(usize),
}

/// What is to be sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// A page to all: of the coming epoch, or of the one in use.
    Page { is_coming: bool, number: usize },
    /// Part of an answer to a request with this nonce.
    Answer { to: SocketAddr, nonce: u64, part: Part },
}

/// The keys of the epoch in use, and those of the next one.
pub(crate) struct Issuer {
    book: Book,
    coming: Option<Coming>,
    rounds: Rounds,
    answers: VecDeque<(SocketAddr, u64, Part)>,
    requests: Budget,
    /// Bytes that answers may take now, in hundredths.
    allowance: u64,
    allowed_at: Timestamp,
}

impl Issuer {
    pub(crate) fn new(book: Book) -> Self {
        Self {
            book,
            coming: None,
            rounds: Rounds::new(Timestamp::ZERO, None),
            answers: VecDeque::new(),
            requests: Budget::new(Limit::REQUESTS),
            allowance: SAVED * ANSWER_LEN * 100,
            allowed_at: Timestamp::ZERO,
        }
    }

    /// Sets the highest rate of the session, in bytes a second.
    pub(crate) fn set_rate(&mut self, rate: u64) {
        self.rounds.set_rate(Some(rate));
    }

    /// The keys of the epoch in use.
    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    /// The keys of the coming epoch.
    pub(crate) fn coming(&self) -> Option<&Book> {
        self.coming.as_ref().map(|coming| &coming.book)
    }

    /// Hands out the keys of the next epoch; false if that is not the next one, or another one is
    /// on its way.
    pub(crate) fn begin(&mut self, now: Timestamp, book: Book) -> bool {
        let epoch = self.book.subject().epoch.0.checked_add(1).map(Epoch);
        if self.coming.is_some() || Some(book.subject().epoch) != epoch {
            return false;
        }
        self.coming = Some(Coming { book, since: now, reported: BTreeSet::new() });
        self.rounds = Rounds::new(now, self.rounds.rate());
        true
    }

    /// Notes that a receiver has sealed with the key of an epoch.
    pub(crate) fn note_report(&mut self, epoch: Epoch, receiver: ReceiverKey) {
        let Some(coming) = &mut self.coming else { return };
        if coming.book.subject().epoch == epoch {
            coming.reported.insert(receiver);
        }
    }

    /// Which recipient of an epoch has attested a datagram that begins with `text`.
    pub(crate) fn attested_by(
        &self,
        epoch: Epoch,
        text: &[u8],
        attestation: &[u8; ATTESTATION_LEN],
    ) -> Option<ReceiverKey> {
        let mut books = [Some(&self.book), self.coming()].into_iter().flatten();
        let book = books.find(|book| book.subject().epoch == epoch)?;
        book.attested_by(text, attestation)
    }

    /// The epoch that is used from now on, if it is another one.
    pub(crate) fn poll_switch(&mut self, now: Timestamp) -> Option<Epoch> {
        let coming = self.coming.as_ref()?;
        let have_all = coming.reported.len() >= coming.book.recipients();
        let is_late = self.rounds.are_ahead() && now >= coming.since + SWITCH_AFTER;
        let is_due = is_late || have_all && coming.book.recipients() > 0;
        let coming = self.coming.take_if(|_| is_due)?;
        // They name pages of the epoch before; those that wait for them ask again.
        self.answers.clear();
        self.book = coming.book;
        Some(self.book.subject().epoch)
    }

    /// Takes a request; false if it is refused for now.
    pub(crate) fn hear(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        request: &KeyRequest,
    ) -> bool {
        let elapsed = now.saturating_since(self.allowed_at).as_millis() as u64;
        let most = self.rounds.rate().map_or(ANSWER_RATE, |rate| rate / ANSWER_SHARE);
        self.allow(elapsed.saturating_mul(ANSWER_RATE.min(most)) / 10);
        self.allowed_at += Duration::from_millis(elapsed);
        let is_full = self.answers.len() + 2 > MAX_ANSWERS;
        if is_full || self.allowance < ANSWER_LEN * 100 || !self.requests.take(now, source) {
            return false;
        }
        self.allowance -= ANSWER_LEN * 100;
        let page = self.book.page_of(request.recipient);
        for part in [Part::Hello, Part::Page(page)] {
            self.answers.push_back((source, request.nonce, part));
        }
        true
    }

    /// Notes that the session has sent something else.
    pub(crate) fn note_sent(&mut self, bytes: usize) {
        self.rounds.note_sent(bytes);
        self.allow((bytes as u64).saturating_mul(ANSWER_PERCENT));
    }

    fn allow(&mut self, hundredths: u64) {
        self.allowance = (self.allowance + hundredths).min(SAVED * ANSWER_LEN * 100);
    }

    /// When something is due.
    pub(crate) fn next(&self) -> Timestamp {
        let switch = self.coming.as_ref().map(|coming| coming.since + SWITCH_AFTER);
        let switch = switch.filter(|_| self.rounds.are_ahead());
        let answer = (!self.answers.is_empty()).then_some(Timestamp::ZERO);
        let others = switch.into_iter().chain(answer).min();
        others.map_or(self.rounds.next(), |other| other.min(self.rounds.next()))
    }

    /// What is due.
    pub(crate) fn poll(&mut self, now: Timestamp) -> Option<Due> {
        if let Some((to, nonce, part)) = self.answers.pop_front() {
            return Some(Due::Answer { to, nonce, part });
        }
        let is_coming = self.coming.is_some();
        let pages = self.pages(is_coming).len();
        self.rounds.poll(now, pages).map(|number| Due::Page { is_coming, number })
    }

    /// The pages of the coming epoch, or of the one in use.
    pub(crate) fn pages(&self, is_coming: bool) -> &[Page] {
        let coming = self.coming.as_ref().filter(|_| is_coming);
        coming.map_or(&self.book, |coming| &coming.book).pages()
    }
}
