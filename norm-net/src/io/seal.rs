//! Sealed sessions: what an application gives for one, and the gate before an engine.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{Endpoint, Margins};
use norm_seal::{
    Book, Epoch, Gate, Guard, Guarded, Heard, KeyId, Keyring, NoEpochLeft, NoRandomness,
    OtherSigner, RecipientKey, Role, RunId, RunSource, SEAL, SIGNATURE_LEN, SessionAddress, Suite,
    Unopened, Verifier,
};
use zeroize::Zeroizing;

use super::layer::Layer;
use super::rekey::{RecipientList, Rekeyer, Subject};
use crate::io::keys_not_made::KeysNotMade;

/// The key of a session, and how it is used. With one, everything is sealed that is sent, and
/// whatever does not open is dropped before it is looked at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SealConfig {
    /// What this member of the group holds.
    pub keys: Keyring,
    /// How is sealed; either is opened.
    pub suite: Suite,
    /// Whom a sender hands keys to that has no secret of a group.
    pub recipients: Option<RecipientList>,
    /// How long it uses a key.
    pub rekey_every: Option<Duration>,
}

impl SealConfig {
    /// AES-256-GCM with these keys.
    pub fn new(keys: Keyring) -> Self {
        Self { keys, suite: Suite::default(), recipients: None, rekey_every: None }
    }

    /// What sealing takes of each packet; nothing without a key.
    pub(crate) fn margins(seal: Option<&Self>) -> Margins {
        seal.map_or(Margins::NONE, |_| SEAL)
    }

    /// What signing takes of each packet that is signed; nothing without a key.
    pub(crate) fn signature(seal: Option<&Self>) -> usize {
        seal.map_or(0, |_| SIGNATURE_LEN)
    }
}

/// What has passed the gate of a session, and what has not.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SealState {
    /// The session's own key; `None` without one.
    pub key_id: Option<KeyId>,
    /// Keys are handed to recipients.
    pub has_recipients: bool,
    /// Which of a session's keys that is; `None` where there are no others.
    pub epoch: Option<Epoch>,
    /// Those that show that a sender has no key for this receiver.
    pub not_listed: Heard,
    /// Those that show that it had one, and has none for the present.
    pub left_out: Heard,
    /// Datagrams that opened.
    pub opened: u64,
    /// Datagrams that were dropped, for whatever reason.
    pub dropped: u64,
    /// Those of them that were sealed under another key.
    pub unopened: Unopened,
    /// Those without a seal that look like packets of a session without a key, at a session with
    /// one.
    pub unsealed: Heard,
    /// Those of senders that are sealed with the session's own key, but do not open.
    pub not_authentic: Heard,
    /// The long-term key that has signed the session that is heard.
    pub signer: Option<Verifier>,
    /// Its signature is the one that this session trusts: it is not only one that any member can
    /// make.
    pub is_trusted: bool,
    /// Sessions of the group that another long-term key has signed, or none.
    pub other_signer: OtherSigner,
    /// Sessions of the group whose time is over.
    pub expired: Heard,
    /// How often another machine was heard that used our run: one was copied while it ran.
    pub copies: u64,
    /// Why keys that are due to recipients are not made.
    pub keys_not_made: Option<KeysNotMade>,
    /// How many recipients' keys cannot be used, and one of them.
    pub unusable: (usize, Option<RecipientKey>),
}

/// Draws runs from the operating system, and has keys made.
#[derive(Debug, Default)]
pub struct OsRuns {
    rekeyer: Option<Rekeyer>,
}

impl RunSource for OsRuns {
    fn draw(&mut self) -> Result<RunId, NoRandomness> {
        draw_run()
    }

    fn poll_book(&mut self, now: Timestamp, guard: &Guard) -> Result<Option<Book>, NoEpochLeft> {
        self.rekeyer.as_mut().map_or(Ok(None), |rekeyer| rekeyer.poll(now, guard))
    }
}

/// An engine with a gate before it.
pub(crate) type Sealed<E> = Guarded<E, OsRuns>;

/// Puts a gate before an engine of a session in this group. A receiver that `is_mute` asks for no
/// keys.
///
/// # Errors
/// When the system has no random numbers, or keys cannot be made for the recipients.
pub(crate) fn sealed<E>(
    engine: E,
    seal: Option<&SealConfig>,
    role: Role,
    group: SocketAddr,
    is_mute: bool,
) -> io::Result<Sealed<E>> {
    let Some(seal) = seal else {
        return Ok(Guarded::new(engine, Gate::new(None, OsRuns::default())));
    };
    let address = SessionAddress::of(group);
    let guard = Guard::new(
        role,
        seal.keys.clone(),
        seal.suite,
        address,
        draw_run().map_err(io::Error::other)?,
    );
    let (guard, rekeyer) = match role {
        Role::Sender => {
            recipients(guard.signing(&*random_bytes().map_err(io::Error::other)?), seal, address)?
        }
        Role::Receiver if seal.keys.identities().is_empty() => (guard.requiring_hello(), None),
        Role::Receiver => (guard.requiring_hello().with_identities(is_mute), None),
    };
    Ok(Guarded::new(engine, Gate::new(Some(guard), OsRuns { rekeyer })))
}

/// Makes the first keys of a session that hands them out.
fn recipients(
    guard: Guard,
    seal: &SealConfig,
    address: SessionAddress,
) -> io::Result<(Guard, Option<Rekeyer>)> {
    let Some((list, session)) = seal.recipients.as_ref().zip(guard.session()) else {
        return Ok((guard, None));
    };
    let (rekeyer, book) = Rekeyer::start(list, seal.rekey_every, Subject { address, session })?;
    Ok((guard.with_book(book), Some(rekeyer)))
}

fn draw_run() -> Result<RunId, NoRandomness> {
    let mut run = [0; 12];
    getrandom::fill(&mut run).map_err(|_| NoRandomness)?;
    Ok(RunId(run))
}

/// What the key of a session follows from, or what a receiver asks.
pub(crate) fn random_bytes() -> Result<Zeroizing<[u8; 32]>, NoRandomness> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|_| NoRandomness)?;
    Ok(seed)
}

/// What has passed a gate.
pub(crate) fn state(gate: &Gate<OsRuns>) -> SealState {
    let unopened = gate.unopened();
    let Some(guard) = gate.guard() else {
        return SealState { dropped: unopened.packets, unopened, ..SealState::default() };
    };
    let counters = guard.counters();
    let rekeyer = gate.runs().rekeyer.as_ref();
    SealState {
        key_id: guard.key_id(),
        has_recipients: guard.keys().key_id().is_none(),
        epoch: guard.epoch(),
        not_listed: counters.not_listed,
        left_out: counters.left_out,
        opened: counters.opened,
        dropped: counters.all_dropped(),
        unopened,
        unsealed: counters.unsealed,
        not_authentic: counters.not_authentic,
        signer: counters.signer,
        is_trusted: counters.signer.is_some_and(|key| guard.keys().trusted().contains(&key)),
        other_signer: counters.other_signer,
        expired: counters.expired,
        copies: counters.copies,
        keys_not_made: rekeyer.and_then(Rekeyer::problem),
        unusable: rekeyer.map_or((0, None), Rekeyer::unusable),
    }
}

impl<E: Layer> Layer for Sealed<E>
where
    Self: Endpoint<Event = E::Event>,
{
    type Engine = E::Engine;

    fn engine(&self) -> &E::Engine {
        self.inner().engine()
    }

    fn engine_mut(&mut self) -> &mut E::Engine {
        self.inner_mut().engine_mut()
    }

    fn gate(&mut self) -> Option<&mut Gate<OsRuns>> {
        Some(self.gate_mut())
    }
}
