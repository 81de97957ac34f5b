//! Keys of the next epoch: when they are made, and for whom. On a thread of their own, as ten
//! thousand recipients take a second.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver as Channel, TryRecvError, bounded};
use norm_core::Timestamp;
use norm_seal::{Book, Epoch, Guard, NoEpochLeft, RecipientKey, SessionAddress, Verifier};
use zeroize::Zeroizing;

use crate::io::keys_not_made::KeysNotMade;

/// Whom a sender hands keys to; it can be changed while sessions run, which then hand out new ones.
#[derive(Clone, Debug)]
pub struct RecipientList(Arc<Mutex<Listed>>);

#[derive(Debug)]
struct Listed {
    keys: Arc<[RecipientKey]>,
    /// How often it was set.
    version: u64,
}

impl RecipientList {
    /// A list of these.
    pub fn new(keys: &[RecipientKey]) -> Self {
        Self(Arc::new(Mutex::new(Listed { keys: keys.into(), version: 0 })))
    }

    /// Others from now on. Running sessions go on to another key, which those that are no longer
    /// listed do not get.
    pub fn set(&self, keys: &[RecipientKey]) {
        let mut listed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listed.keys = keys.into();
        listed.version += 1;
    }

    /// How many there are now.
    pub(crate) fn count(&self) -> usize {
        self.get().0.len()
    }

    /// Those that are listed now.
    pub(crate) fn keys(&self) -> Arc<[RecipientKey]> {
        self.get().0
    }

    fn get(&self) -> (Arc<[RecipientKey]>, u64) {
        let listed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&listed.keys), listed.version)
    }
}

/// Time from a failure to make keys to the next attempt.
const RETRY: Duration = Duration::from_secs(1);

/// What a session's keys are made for.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) address: SessionAddress,
    pub(crate) session: Verifier,
}

/// Makes the keys of one session.
#[derive(Debug)]
pub struct Rekeyer {
    list: RecipientList,
    every: Option<Duration>,
    subject: Subject,
    /// The list that the last keys were made for.
    version: u64,
    /// When they were begun to be made; that of the first poll for those that a session starts
    /// with.
    began: Option<Timestamp>,
    making: Option<Making>,
    /// No others are begun before.
    not_before: Timestamp,
    /// Why none were made, when that was tried last.
    problem: Option<KeysNotMade>,
    /// How many of the last list cannot be used, and one of them.
    unusable: (usize, Option<RecipientKey>),
}

/// Keys that are being made.
#[derive(Debug)]
struct Making {
    done: Channel<Result<Book, KeysNotMade>>,
    /// The list that they are for.
    version: u64,
    began: Timestamp,
}

impl Rekeyer {
    /// The keys that a session starts with, and what makes later ones: when the list has changed,
    /// and each time that this time is over.
    ///
    /// # Errors
    /// When the system has no random numbers, or the list cannot be.
    pub(crate) fn start(
        list: &RecipientList,
        every: Option<Duration>,
        subject: Subject,
    ) -> io::Result<(Self, Book)> {
        let (keys, version) = list.get();
        let book = make(&keys, subject, Epoch(0)).map_err(io::Error::other)?;
        let rekeyer = Self {
            list: list.clone(),
            every,
            subject,
            version,
            began: None,
            making: None,
            not_before: Timestamp::ZERO,
            problem: None,
            unusable: unusable(&book),
        };
        Ok((rekeyer, book))
    }

    /// Why keys that are due could not be made; none when they were, since.
    pub(crate) fn problem(&self) -> Option<KeysNotMade> {
        self.problem
    }

    /// How many of the keys that are listed cannot be used, and one of them.
    pub(crate) fn unusable(&self) -> (usize, Option<RecipientKey>) {
        self.unusable
    }

    /// The keys of the next epoch, when they are made; begins to make them when it is time. When
    /// they cannot be made, the session goes on with those that it has, and it is tried again.
    ///
    /// # Errors
    /// When it is time for other keys, and the session has had its last epoch.
    pub(crate) fn poll(
        &mut self,
        now: Timestamp,
        guard: &Guard,
    ) -> Result<Option<Book>, NoEpochLeft> {
        if let Some(making) = self.making.take() {
            return Ok(self.made(making, now));
        }
        let (keys, version) = self.list.get();
        let began = *self.began.get_or_insert(now);
        let is_old = self.every.is_some_and(|every| now >= began + every);
        if (version == self.version && !is_old) || now < self.not_before {
            return Ok(None);
        }
        match guard.next_epoch() {
            Some(epoch) => self.begin(now, keys, version, epoch),
            None if guard.is_last_epoch() => return Err(NoEpochLeft),
            None => {}
        }
        Ok(None)
    }

    /// Has a thread make the keys of an epoch for the list of a version.
    fn begin(&mut self, now: Timestamp, keys: Arc<[RecipientKey]>, version: u64, epoch: Epoch) {
        let (made, done) = bounded(1);
        let subject = self.subject;
        let spawned = thread::Builder::new().name("norm-keys".to_owned()).spawn(move || {
            let _ = made.send(make(&keys, subject, epoch));
        });
        match spawned {
            Ok(_) => self.making = Some(Making { done, version, began: now }),
            Err(_) => self.failed(now, KeysNotMade::NoThread),
        }
    }

    fn failed(&mut self, now: Timestamp, problem: KeysNotMade) {
        self.problem = Some(problem);
        self.not_before = now + RETRY;
    }

    /// Looks whether keys are made: only then is the list that they are for done with.
    fn made(&mut self, making: Making, now: Timestamp) -> Option<Book> {
        match making.done.try_recv() {
            Ok(Ok(book)) => {
                self.problem = None;
                self.unusable = unusable(&book);
                self.version = making.version;
                self.began = Some(making.began);
                Some(book)
            }
            Err(TryRecvError::Empty) => {
                self.making = Some(making);
                None
            }
            Ok(Err(problem)) => {
                self.failed(now, problem);
                None
            }
            Err(TryRecvError::Disconnected) => {
                self.failed(now, KeysNotMade::NoThread);
                None
            }
        }
    }
}

fn make(keys: &[RecipientKey], subject: Subject, epoch: Epoch) -> Result<Book, KeysNotMade> {
    let Subject { address, session } = subject;
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *random).map_err(|_| KeysNotMade::NoRandomness)?;
    Book::make(keys, (address, session, epoch), &random).map_err(|_| KeysNotMade::SameTags)
}

fn unusable(book: &Book) -> (usize, Option<RecipientKey>) {
    (book.unusable().len(), book.unusable().first().copied())
}

#[cfg(test)]
mod tests {
    use norm_seal::{Identity, Keyring, Role, RunId, Signer, Suite};

    use super::*;

    fn key(byte: u8) -> RecipientKey {
        Identity::new([byte; 32]).unwrap().public()
    }

    fn after(seconds: u64) -> Timestamp {
        Timestamp::since_epoch(Duration::from_secs(seconds))
    }

    /// A session that hands out these keys, and changes them each minute.
    fn session(list: &RecipientList) -> (Rekeyer, Guard) {
        let address = SessionAddress::of(([239, 1, 2, 3], 6003).into());
        let keys = Keyring::without_group().with_signer(Signer::from_seed([1; 32]));
        let guard = Guard::new(Role::Sender, keys, Suite::default(), address, RunId([1; 12]));
        let guard = guard.signing(&[2; 32]);
        let subject = Subject { address, session: guard.session().unwrap() };
        let every = Some(Duration::from_secs(60));
        let (rekeyer, book) = Rekeyer::start(list, every, subject).unwrap();
        (rekeyer, guard.with_book(book))
    }

    fn poll(rekeyer: &mut Rekeyer, now: Timestamp, guard: &Guard) -> Option<Book> {
        rekeyer.poll(now, guard).unwrap()
    }

    /// What the thread makes.
    fn made(rekeyer: &mut Rekeyer, now: Timestamp, guard: &Guard) -> Book {
        loop {
            if let Some(book) = rekeyer.poll(now, guard).unwrap() {
                return book;
            }
            assert!(rekeyer.making.is_some(), "nothing is being made");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Has a session use the keys that it hands out.
    fn switch(guard: &mut Guard, from: u64) {
        for ms in (0..5_000).step_by(10) {
            let now = after(from) + Duration::from_millis(ms);
            while guard.poll_hello(now).is_some() || guard.poll_keys(now).is_some() {}
        }
        assert!(guard.next_epoch().is_some());
    }

    #[test]
    fn keys_are_made_when_the_list_has_changed_and_when_their_time_is_over() {
        let list = RecipientList::new(&[key(1), key(2)]);
        let (mut rekeyer, mut guard) = session(&list);
        let first = guard.key_id();
        assert!(poll(&mut rekeyer, after(1), &guard).is_none() && rekeyer.making.is_none());
        list.set(&[key(1)]);
        let next = made(&mut rekeyer, after(2), &guard);
        assert_eq!(next.recipients(), 1);
        assert!(guard.begin_epoch(after(2), next));
        assert!(poll(&mut rekeyer, after(99), &guard).is_none(), "others are on their way");
        switch(&mut guard, 2);
        assert_eq!(guard.epoch(), Some(Epoch(1)));
        assert_ne!(guard.key_id(), first);
        assert!(poll(&mut rekeyer, after(61), &guard).is_none() && rekeyer.making.is_none());
        let next = made(&mut rekeyer, after(62), &guard);
        assert!(guard.begin_epoch(after(62), next));
        switch(&mut guard, 62);
        assert_eq!(guard.epoch(), Some(Epoch(2)));
    }

    #[test]
    fn list_of_which_no_keys_could_be_made_is_tried_again() {
        let list = RecipientList::new(&[key(1), key(2)]);
        let (mut rekeyer, mut guard) = session(&list);
        assert!(poll(&mut rekeyer, after(1), &guard).is_none());
        list.set(&[key(1)]);
        // The thread that was to make them has ended without.
        let (_, done) = bounded(1);
        rekeyer.making = Some(Making { done, version: 1, began: after(2) });
        assert!(poll(&mut rekeyer, after(2), &guard).is_none());
        assert!(
            poll(&mut rekeyer, after(2), &guard).is_none() && rekeyer.making.is_none(),
            "not yet"
        );
        assert_eq!(rekeyer.problem(), Some(KeysNotMade::NoThread));
        let next = made(&mut rekeyer, after(3), &guard);
        assert_eq!((next.recipients(), rekeyer.problem()), (1, None));
        assert!(guard.begin_epoch(after(3), next));
        switch(&mut guard, 3);
        assert!(poll(&mut rekeyer, after(9), &guard).is_none() && rekeyer.making.is_none(), "done");
    }

    #[test]
    fn why_keys_cannot_be_made_is_known_and_so_are_those_that_cannot_be_used() {
        let list = RecipientList::new(&[key(1), RecipientKey::new([0; 32])]);
        let (mut rekeyer, guard) = session(&list);
        assert_eq!(rekeyer.unusable(), (1, Some(RecipientKey::new([0; 32]))));
        list.set(&[key(1)]);
        for problem in [KeysNotMade::NoRandomness, KeysNotMade::SameTags] {
            let (sent, done) = bounded(1);
            sent.send(Err(problem)).unwrap();
            rekeyer.making = Some(Making { done, version: 1, began: after(2) });
            assert!(poll(&mut rekeyer, after(2), &guard).is_none());
            assert_eq!(rekeyer.problem(), Some(problem));
        }
        made(&mut rekeyer, after(3), &guard);
        assert_eq!((rekeyer.problem(), rekeyer.unusable()), (None, (0, None)));
    }

    /// A key is neither used for longer than it may be, nor by those that were left out.
    #[test]
    fn session_that_has_had_its_last_epoch_ends_when_another_key_is_due() {
        let list = RecipientList::new(&[key(1)]);
        let (mut rekeyer, guard) = session(&list);
        let Subject { address, session } = rekeyer.subject;
        let last = Book::make(&[key(1)], (address, session, Epoch::LAST), &[7; 32]).unwrap();
        let guard = guard.with_book(last);
        assert!(guard.is_last_epoch() && guard.next_epoch().is_none());
        assert!(poll(&mut rekeyer, after(1), &guard).is_none(), "none is due");
        assert_eq!(rekeyer.poll(after(61), &guard).err(), Some(NoEpochLeft));
        let (mut rekeyer, _) = self::session(&list);
        list.set(&[]);
        assert_eq!(rekeyer.poll(after(2), &guard).err(), Some(NoEpochLeft));
    }
}
