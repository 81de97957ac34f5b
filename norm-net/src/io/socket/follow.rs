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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::interface::Because;

    fn interface(name: &str, index: u32, addresses: &[&str]) -> Interface {
        let mut interface = Interface {
            name: name.to_owned(),
            index,
            v4: None,
            v6: None,
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            loopback: false,
            up: true,
            running: true,
            mtu: None,
        };
        interface.prefer(None);
        interface
    }

    #[test]
    fn interface_is_there_while_it_has_its_number_and_the_address() {
        let used = interface("eth0", 2, &["10.0.0.5"]);
        let address = used.address_like([10, 0, 0, 1].into());
        let there = |interfaces: &[Interface]| is_there(interfaces, &used, address);
        let other = interface("lo", 1, &["127.0.0.1"]);
        assert!(there(&[other.clone(), used.clone()]));
        assert!(there(&[interface("eth0", 2, &["10.0.0.4", "10.0.0.5"])]), "one more address");
        assert!(there(&[interface("net0", 2, &["10.0.0.5"])]), "renamed");
        assert!(!there(&[interface("eth0", 2, &["10.0.0.9"])]));
        assert!(!there(&[interface("eth0", 7, &["10.0.0.5"])]), "made anew");
        assert!(!there(&[other]));
    }

    fn on_loopback() -> (LinkConfig, Chosen) {
        let mut config = LinkConfig::new("239.255.57.41:9".parse().unwrap());
        config.interface = Some(InterfaceSpec::Address([127, 0, 0, 1].into()));
        let chosen = setup::place(&config).unwrap();
        (config, chosen)
    }

    #[test]
    fn interface_that_has_gone_is_told_once_and_looked_for() {
        let (config, chosen) = on_loopback();
        let gone = Chosen { interface: interface("gone0", 99_999, &["10.0.0.5"]), ..chosen };
        let config = LinkConfig { interface: Some(InterfaceSpec::Name("gone0".into())), ..config };
        let start = Instant::now();
        let mut follower = Follower::new(start);
        let broken = Broken { since: start, next_try: start, told_lost: false, told_failed: false };
        follower.broken = Some(broken);
        let told = follower.look(start, &config, &gone);
        assert!(
            matches!(told, Some(Task::Tell(LinkChange::Lost { interface })) if interface == "gone0")
        );
        let later = start + OTHER_INTERFACE_AFTER;
        assert!(follower.look(later, &config, &gone).is_none(), "it was asked for by name");
        let back = LinkConfig { interface: Some(InterfaceSpec::Name("lo".into())), ..config };
        match follower.look(later + TRY_EVERY, &back, &gone) {
            Some(Task::Open(chosen)) => assert_eq!(chosen.because, Because::Given),
            other => panic!("{other:?}"),
        }
        follower.repaired();
        assert!(follower.broken.is_none());
    }

    #[test]
    fn sockets_that_cannot_be_opened_are_news_after_a_while() {
        let start = Instant::now();
        let mut follower = Follower::new(start);
        let error = || NetError::socket("bind")(std::io::ErrorKind::AddrNotAvailable.into());
        assert!(follower.failed(error()).is_none());
        let at = |next_try| Broken { since: start, next_try, told_lost: false, told_failed: false };
        follower.broken = Some(at(start + TRY_EVERY));
        assert!(follower.failed(error()).is_none(), "the address may be checked for duplicates");
        follower.broken = Some(at(start + FAILS_AFTER));
        assert!(follower.failed(error()).is_some() && follower.failed(error()).is_none());
    }

    #[test]
    fn changes_elsewhere_are_none_of_a_session() {
        let (config, chosen) = on_loopback();
        assert!(!is_stale(&config, &chosen.interface, &InterfaceChanges::default()));
    }
}
