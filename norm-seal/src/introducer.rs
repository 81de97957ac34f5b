//! How a sender introduces its run, and when.

use core::time::Duration;

use norm_core::Timestamp;

use crate::address::SessionAddress;
use crate::backend::{Prk, SigningKey};
use crate::header::{RunId, Suite};
use crate::hello::{self, Hello, HelloBytes};
use crate::keyring::Keyring;
use crate::renewal::Made;
use crate::signature::Verifier;

/// Times from one HELLO of a run to the next one; the last one for all that follow.
const INTERVALS: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(750), Duration::from_secs(1)];

/// The key of a session, and the HELLO that names it.
pub(crate) struct Introducer {
    session: SigningKey,
    /// What is sent at present; `None` when it is to be made.
    made: Option<(HelloBytes, Made)>,
    /// How often it was sent in this run.
    sent: usize,
    next: Timestamp,
}

/// What a HELLO says beside the key of the session.
pub(crate) struct Subject<'a> {
    pub(crate) keys: &'a Keyring,
    pub(crate) secret: &'a Prk,
    pub(crate) suite: Suite,
    pub(crate) address: SessionAddress,
    pub(crate) run: RunId,
    /// See [`Hello`].
    pub(crate) jitter: u16,
}

impl Introducer {
    pub(crate) fn new(session: SigningKey) -> Self {
        Self { session, made: None, sent: 0, next: Timestamp::ZERO }
    }

    /// What signs in the session.
    pub(crate) fn session(&self) -> &SigningKey {
        &self.session
    }

    /// When the next HELLO is due.
    pub(crate) fn next(&self) -> Timestamp {
        self.next
    }

    /// Introduces another run, at once.
    pub(crate) fn begin(&mut self) {
        (self.made, self.sent, self.next) = (None, 0, Timestamp::ZERO);
    }

    /// The HELLO that is due, if one is. `wall` is the time of day, if it is known.
    pub(crate) fn poll(
        &mut self,
        now: Timestamp,
        wall: Option<u64>,
        subject: &Subject<'_>,
    ) -> Option<&[u8]> {
        if now < self.next {
            return None;
        }
        let last = INTERVALS.len() - 1;
        self.next = now + INTERVALS[self.sent.min(last)];
        self.sent = (self.sent + 1).min(last);
        if self.made.as_ref().is_none_or(|(_, made)| made.is_old(now, wall)) {
            self.made = Some((self.make(wall, subject), Made::now(now, wall)));
        }
        self.made.as_ref().map(|(bytes, _)| bytes.as_slice())
    }

    fn make(&self, wall: Option<u64>, subject: &Subject<'_>) -> HelloBytes {
        let Subject { keys, secret, suite, address, run, jitter } = *subject;
        let hello = Hello {
            suite,
            epoch: keys.epoch(),
            key_id: keys.key_id(),
            run,
            created: wall.unwrap_or(0),
            expires: hello::expiry(wall),
            jitter,
            session: Verifier(self.session.public()),
            signer: keys.trusted(),
        };
        hello.emit(secret, address, keys.signer())
    }
}
