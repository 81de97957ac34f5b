//! What stands before an engine: a guard with its source of runs, or, without a key, what notices
//! sealed packets.

use core::fmt;
use core::net::SocketAddr;

use norm_core::Timestamp;
use norm_core::endpoint::{Margins, Proof, Transmit, TransmitBuf};

use crate::book::Book;
use crate::guard::{Guard, Opened, Own};
use crate::header::{RunId, sealed_key_id};
use crate::hello::SIGNATURE_LEN;
use crate::secret::KeyId;

/// Where runs come from: the operating system, or a simulation's seed.
pub trait RunSource {
    /// Draws a run that no other process has.
    ///
    /// # Errors
    /// When there are no random bytes: nothing may be sealed any more.
    fn draw(&mut self) -> Result<RunId, NoRandomness>;

    /// The keys of the next epoch, when they are due and made; none where none are handed out.
    ///
    /// # Errors
    /// When they are due, and the session has had its last epoch.
    fn poll_book(&mut self, _now: Timestamp, _guard: &Guard) -> Result<Option<Book>, NoEpochLeft> {
        Ok(None)
    }
}

/// The source of random bytes has failed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NoRandomness;

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system has no random numbers: nothing can be sealed")
    }
}

impl core::error::Error for NoRandomness {}

/// Other keys are due, and the session has used all that it can have. What is sealed may neither be
/// read by those that were left out, nor sealed for longer than it was to be.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NoEpochLeft;

impl fmt::Display for NoEpochLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the session has used all of its 65,536 keys, and another one is due: start it again, \
             which begins anew",
        )
    }
}

impl core::error::Error for NoEpochLeft {}

/// Why nothing can be sealed any more.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum GateFailure {
    /// There are no random numbers.
    NoRandomness(NoRandomness),
    /// There is no further epoch.
    NoEpochLeft(NoEpochLeft),
}

impl fmt::Display for GateFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRandomness(error) => error.fmt(f),
            Self::NoEpochLeft(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for GateFailure {}

/// The gate of a session. With a guard nothing passes that does not open; without one nothing
/// passes that is sealed.
pub struct Gate<R> {
    guard: Option<Guard>,
    runs: R,
    unopened: Unopened,
    failure: Option<GateFailure>,
}

/// Sealed packets for which there is no key.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Unopened {
    /// How many there were.
    pub packets: u64,
    /// The key of the first one, and where it came from.
    pub first: Option<(KeyId, SocketAddr)>,
}

impl Unopened {
    pub(crate) fn note(&mut self, key_id: KeyId, source: SocketAddr) {
        self.packets += 1;
        self.first.get_or_insert((key_id, source));
    }
}

impl<R: RunSource> Gate<R> {
    /// A gate with this guard, which may get other runs from `runs`.
    pub fn new(guard: Option<Guard>, runs: R) -> Self {
        Self { guard, runs, unopened: Unopened::default(), failure: None }
    }

    /// The guard.
    pub fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    /// Where runs and keys come from.
    pub fn runs(&self) -> &R {
        &self.runs
    }

    /// The guard, to be changed.
    pub fn guard_mut(&mut self) -> Option<&mut Guard> {
        self.guard.as_mut()
    }

    /// Sealed packets for which there is no key.
    pub fn unopened(&self) -> Unopened {
        self.guard.as_ref().map_or(self.unopened, |guard| guard.counters().unopened)
    }

    /// Hands out the keys of the next epoch, if they have been made. To be called now and then.
    pub fn rekey(&mut self, now: Timestamp) {
        let Some(guard) = &mut self.guard else { return };
        match self.runs.poll_book(now, guard) {
            Ok(Some(book)) => _ = guard.begin_epoch(now, book),
            Ok(None) => {}
            Err(error) => self.failure = Some(GateFailure::NoEpochLeft(error)),
        }
    }

    /// Why nothing can be sealed any more.
    pub fn failure(&self) -> Option<GateFailure> {
        self.failure
    }

    /// What an engine may see of a datagram, opened in place, and what is proved of it; `None` for
    /// nothing.
    pub fn admit<'a>(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        datagram: &'a mut [u8],
    ) -> Option<(&'a mut [u8], Proof)> {
        if let Some(guard) = &mut self.guard {
            return match guard.open(now, source, datagram) {
                Ok(Opened::Text(text, proof)) => Some((text, proof)),
                Ok(Opened::Hello | Opened::Own) | Err(_) => None,
            };
        }
        match sealed_key_id(datagram) {
            None => Some((datagram, Proof::None)),
            Some(key_id) => {
                self.unopened.note(key_id, source);
                None
            }
        }
    }

    /// Sets the buffer's margins for what [`seal`](Self::seal) adds. Call it before an engine
    /// writes.
    pub fn prepare(&mut self, out: &mut TransmitBuf) {
        out.set_margins(self.guard.as_ref().map_or(Margins::NONE, Guard::margins));
    }

    /// Writes what the guard has to say itself, if something is due: it goes before what an engine
    /// has to say.
    pub fn poll_own(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        self.draw();
        let Own { bytes, to } = self.guard.as_mut()?.poll_own(now)?;
        out.set_margins(Margins::NONE);
        out.append(|buffer| buffer.extend_from_slice(&bytes));
        out.transmit(to)
    }

    /// When the guard has something to say.
    pub fn next_own(&self) -> Option<Timestamp> {
        self.guard.as_ref().and_then(Guard::next_own)
    }

    /// Seals what an engine has written, and signs it if it is to be signed. `None` if it cannot
    /// be: then it must not be sent, and is lost as far as the engine knows.
    pub fn seal(&mut self, transmit: Transmit, out: &mut TransmitBuf) -> Option<Transmit> {
        self.draw();
        let Some(guard) = &mut self.guard else { return Some(transmit) };
        let sealed = if transmit.to_sign && guard.signs() {
            out.lengthen(SIGNATURE_LEN);
            out.datagrams_mut().all(|datagram| guard.seal_signed(datagram))
        } else {
            out.datagrams_mut().all(|datagram| guard.seal(transmit.feedback_to, datagram))
        };
        if !sealed {
            out.clear();
            return None;
        }
        Some(Transmit { segment_size: out.segment_size(), ..transmit })
    }

    /// Draws a run if one is wanted.
    fn draw(&mut self) {
        let Some(guard) = self.guard.as_mut().filter(|guard| guard.wants_run()) else { return };
        match self.runs.draw() {
            Ok(run) => guard.set_run(run),
            Err(error) => self.failure = Some(GateFailure::NoRandomness(error)),
        }
    }
}
