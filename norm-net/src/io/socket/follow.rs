//! Addresses and interfaces that change while a session goes on: when the sockets must be opened
//! anew, and where.
//!
//! The interface is the one of the same name, whatever number and address it has by then. Only one
//! that the system chose may be replaced by another, after it has been of no use for some seconds.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::{LinkConfig, setup};
use crate::io::error::NetError;
use crate::io::interface::{self, Chosen, Interface, InterfaceSpec};
use crate::io::watch::{InterfaceChanges, Watch};

/// Time between two attempts to open the sockets anew, unless the system tells of a change.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// Time after which another interface is taken, if none was asked for. A cable that is plugged in
/// again, or a lease that is renewed, takes less.
const OTHER_INTERFACE_AFTER: Duration = Duration::from_secs(5);
/// Time for which sockets that cannot be opened are no news: a new IPv6 address is checked for
/// duplicates at first.
const FAILS_AFTER: Duration = Duration::from_secs(5);

/// What has become of the interface of a link, and of its address.
#[derive(Debug)]
pub enum LinkChange {
    /// The interface is gone, or has no address that the session could use. Nothing leaves until it
    /// has one.
    Lost {
        /// Its name.
        interface: String,
    },
    /// The sockets were opened anew, and the group was joined again.
    Moved {
        /// The interface.
        interface: Interface,
        /// Where packets left from before.
        from: SocketAddr,
        /// Where they leave from now; the same if only the interface is another one.
        to: SocketAddr,
    },
    /// The interface has an address, but the sockets cannot be opened there. It is tried again.
    Failed {
        /// Why.
        error: NetError,
    },
}

/// What is to be done about a change.
#[derive(Debug)]
pub(super) enum Task {
    /// The sockets are to be opened here.
    Open(Chosen),
    /// The user should know.
    Tell(LinkChange),
}

/// Knows whether the sockets of a link are of use.
#[derive(Debug)]
pub(super) struct Follower {
    watch: Watch,
    broken: Option<Broken>,
}

/// Sockets that are of no use any more.
#[derive(Debug)]
struct Broken {
    since: Instant,
    next_try: Instant,
    /// The user knows that there is no address.
    told_lost: bool,
    /// The user knows that they cannot be opened.
    told_failed: bool,
}

impl Follower {
    pub(super) fn new(now: Instant) -> Self {
        Self { watch: Watch::new(now), broken: None }
    }

    /// Looks at the interfaces, if they may have changed.
    pub(super) fn look(
        &mut self,
        now: Instant,
        config: &LinkConfig,
        chosen: &Chosen,
    ) -> Option<Task> {
        let changes = self.watch.take(now);
        let broken = match &mut self.broken {
            Some(broken) if changes.is_some() || now >= broken.next_try => broken,
            Some(_) => return None,
            None if is_stale(config, &chosen.interface, &changes?) => self.broken.insert(Broken {
                since: now,
                next_try: now,
                told_lost: false,
                told_failed: false,
            }),
            None => return None,
        };
        broken.next_try = now + TRY_EVERY;
        let may_change = now >= broken.since + OTHER_INTERFACE_AFTER;
        if let Some(chosen) = place_again(config, chosen, may_change) {
            return Some(Task::Open(chosen));
        }
        let news = !std::mem::replace(&mut broken.told_lost, true);
        let interface = chosen.interface.name.clone();
        news.then_some(Task::Tell(LinkChange::Lost { interface }))
    }

    /// The sockets are open.
    pub(super) fn repaired(&mut self) {
        self.broken = None;
    }

    /// The sockets cannot be opened; returns what the user should know.
    pub(super) fn failed(&mut self, error: NetError) -> Option<LinkChange> {
        let broken = self.broken.as_mut()?;
        if broken.told_failed || broken.next_try < broken.since + FAILS_AFTER {
            return None;
        }
        broken.told_failed = true;
        Some(LinkChange::Failed { error })
    }
}

/// True when sockets on this interface are of no use any more.
fn is_stale(config: &LinkConfig, used: &Interface, changes: &InterfaceChanges) -> bool {
    let address = used.address_like(config.group.ip());
    if !setup::is_bound_to_address(config) {
        // Listening everywhere goes on whatever happens.
        let here = || setup::place(config).ok()?.interface.address_like(config.group.ip());
        return !config.bind_session_port && here() != address;
    }
    let Ok(interfaces) = interface::list() else { return false };
    changes.has_lost(used.index, address) || !is_there(&interfaces, used, address)
}

/// True when the interface is there, and has the address.
fn is_there(interfaces: &[Interface], used: &Interface, address: Option<IpAddr>) -> bool {
    let same = |one: &&Interface| match used.index {
        0 => one.name == used.name,
        index => one.index == index,
    };
    let has = |one: &Interface| address.is_none_or(|ip| one.addresses.contains(&ip));
    interfaces.iter().find(same).is_some_and(has)
}

/// Where the session is to go on, if that is known. `may_change`: on another interface, too, if
/// none was asked for.
fn place_again(config: &LinkConfig, used: &Chosen, may_change: bool) -> Option<Chosen> {
    if !setup::is_bound_to_address(config) {
        return setup::place(config).ok();
    }
    let group = config.group.ip();
    let choose = |spec: Option<&InterfaceSpec>| interface::choose(spec, group).ok();
    // An address or a network that was asked for may be there again.
    let asked = config.interface.as_ref().and_then(|spec| choose(Some(spec)));
    let name = InterfaceSpec::Name(used.interface.name.clone());
    let mut chosen = asked
        .or_else(|| Some(Chosen { because: used.because, ..choose(Some(&name))? }))
        .or_else(|| choose(None).filter(|_| may_change && config.interface.is_none()))?;
    let old = used.interface.address_like(group);
    if old.is_some_and(|ip| chosen.interface.addresses.contains(&ip)) {
        chosen.interface.prefer(old);
    }
    Some(chosen)
}
