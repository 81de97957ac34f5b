//! How a sender introduces its run, and when.

use core::time::Duration;

use norm_core::Timestamp;

use crate::address::SessionAddress;
use crate::backend::SigningKey;
use crate::epoch::Secret;
use crate::header::{RunId, Suite};
use crate::hello::{self, Hello, HelloBytes};
use crate::keyring::Keyring;
use crate::renewal::Made;
use crate::signature::{Signer, Verifier};

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
    pub(crate) secret: &'a Secret,
    /// The secret is handed out by KEYS.
    pub(crate) has_keys: bool,
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

    /// The public half of that.
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier(self.session.public())
    }

    /// When the next HELLO is due.
    pub(crate) fn next(&self) -> Timestamp {
        self.next
    }

    /// Makes the HELLO that is sent now, once more.
    pub(crate) fn again(
        &mut self,
        now: Timestamp,
        wall: Option<u64>,
        subject: &Subject<'_>,
    ) -> HelloBytes {
        if let Some((bytes, _)) = self.made.as_ref().filter(|(_, made)| !made.is_old(now, wall)) {
            return *bytes;
        }
        let bytes = self.make(wall, subject);
        self.made = Some((bytes, Made::now(now, wall)));
        bytes
    }

    /// Introduces another run or epoch, at once.
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
        self.again(now, wall, subject);
        self.made.as_ref().map(|(bytes, _)| bytes.as_slice())
    }

    fn make(&self, wall: Option<u64>, subject: &Subject<'_>) -> HelloBytes {
        let Subject { keys, secret, has_keys, suite, address, run, jitter } = *subject;
        let hello = Hello {
            suite,
            epoch: secret.epoch,
            key_id: secret.key_id,
            run,
            created: wall.unwrap_or(0),
            expires: hello::expiry(wall),
            jitter,
            session: self.verifier(),
            signer: keys.signer().map(Signer::verifier),
            has_keys,
        };
        hello.emit(&secret.prk, address, keys.signer())
    }
}
