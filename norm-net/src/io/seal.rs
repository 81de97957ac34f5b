//! Sealed sessions: what an application gives for one, and the gate before an engine.

use std::io;
use std::net::SocketAddr;

use norm_core::endpoint::{Endpoint, Margins};
use norm_seal::{
    Gate, Guard, Guarded, Heard, KeyId, Keyring, NoRandomness, Role, RunId, RunSource, SEAL,
    SessionAddress, Suite, Unopened,
};

use super::layer::Layer;

/// The key of a session, and how it is used. With one, everything is sealed that is sent, and
/// whatever does not open is dropped before it is looked at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SealConfig {
    /// What this member of the group holds.
    pub keys: Keyring,
    /// How is sealed; either is opened.
    pub suite: Suite,
}

impl SealConfig {
    /// AES-256-GCM with these keys.
    pub fn new(keys: Keyring) -> Self {
        Self { keys, suite: Suite::default() }
    }

    /// What sealing takes of each packet; nothing without a key.
    pub(crate) fn margins(seal: Option<&Self>) -> Margins {
        seal.map_or(Margins::NONE, |_| SEAL)
    }
}

/// What has passed the gate of a session, and what has not.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SealState {
    /// The session's own key; `None` without one.
    pub key_id: Option<KeyId>,
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
    /// How often another machine was heard that used our run: one was copied while it ran.
    pub copies: u64,
}

/// Draws runs from the operating system.
#[derive(Copy, Clone, Debug)]
pub struct OsRuns;

impl RunSource for OsRuns {
    fn draw(&mut self) -> Result<RunId, NoRandomness> {
        let mut run = [0; 12];
        getrandom::fill(&mut run).map_err(|_| NoRandomness)?;
        Ok(RunId(run))
    }
}

/// An engine with a gate before it.
pub(crate) type Sealed<E> = Guarded<E, OsRuns>;

/// Puts a gate before an engine of a session in this group.
///
/// # Errors
/// When the system has no random numbers.
pub(crate) fn sealed<E>(
    engine: E,
    seal: Option<&SealConfig>,
    role: Role,
    group: SocketAddr,
) -> io::Result<Sealed<E>> {
    let guard = match seal {
        Some(SealConfig { keys, suite }) => {
            let run = OsRuns.draw().map_err(io::Error::other)?;
            let address = SessionAddress::of(group);
            Some(Guard::new(role, keys.clone(), *suite, address, run))
        }
        None => None,
    };
    Ok(Guarded::new(engine, Gate::new(guard, OsRuns)))
}

/// What has passed a gate.
pub(crate) fn state(gate: &Gate<OsRuns>) -> SealState {
    let unopened = gate.unopened();
    let Some(guard) = gate.guard() else {
        return SealState { dropped: unopened.packets, unopened, ..SealState::default() };
    };
    let counters = guard.counters();
    SealState {
        key_id: Some(guard.keys().key_id()),
        opened: counters.opened,
        dropped: counters.all_dropped(),
        unopened,
        unsealed: counters.unsealed,
        not_authentic: counters.not_authentic,
        copies: counters.copies,
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
