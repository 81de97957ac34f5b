//! Where a case happens: network namespaces of its own, so that cases do not hear each other.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::command::{run, say};
use crate::net::{Batches, Host, Network};

/// What a peer is in the case.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    Sender,
    NrlReceiver,
    OurReceiver,
}

/// Disappears with this value.
pub enum Place {
    /// All on the loopback of one namespace.
    Alone(Loopback),
    /// A host for each, so that each can lose what the others get.
    Apart(Network),
}

/// A namespace with nothing but `lo`, which carries multicast.
pub struct Loopback {
    name: String,
}

impl Place {
    pub fn alone() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Named so that `Network` removes it should this process be killed.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("norm-test-{}-lo{number}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]));
        let loopback = Loopback { name };
        // Batches are cut into datagrams, as captures and the peers' loss need them.
        for words in [
            "link set lo gso_max_segs 1",
            "link set lo up multicast on",
            "route add 239.0.0.0/8 dev lo",
        ] {
            run(Command::new("ip").args(["-n", &loopback.name]).args(words.split(' ')));
        }
        Self::Alone(loopback)
    }

    /// Three hosts on a bridge; the one with our receiver loses this share of what arrives.
    pub fn apart(loss: u8) -> Self {
        let network = Network::build(3, Batches::Cut);
        network.host(index(Spot::OurReceiver)).lose(loss);
        Self::Apart(network)
    }

    /// A command that runs `program` there.
    pub fn command(&self, spot: Spot, program: &Path) -> Command {
        match self {
            Self::Alone(loopback) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", &loopback.name]).arg(program);
                // Nothing is kept from one run to the next.
                command.env_remove("HOME").env_remove("XDG_CACHE_HOME");
                command.env_remove("XDG_STATE_HOME");
                command
            }
            Self::Apart(network) => network.host(index(spot)).command(program),
        }
    }

    /// The host with a peer, if each has one.
    pub fn host(&self, spot: Spot) -> Option<&Host> {
        match self {
            Self::Alone(_) => None,
            Self::Apart(network) => Some(network.host(index(spot))),
        }
    }

    /// Datagrams that were dropped here because a socket's buffer was full: its owner came too
    /// late. Zero where each peer has a host of its own.
    pub fn overflows(&self) -> u64 {
        let Self::Alone(loopback) = self else { return 0 };
        let words = ["netns", "exec", &loopback.name, "cat", "/proc/net/snmp"];
        let counters = run(Command::new("ip").args(words));
        let mut lines = counters.lines().filter_map(|line| line.strip_prefix("Udp: "));
        let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let mut pairs = names.split(' ').zip(values.split(' '));
        let errors =
            pairs.find(|(name, _)| *name == "RcvbufErrors").map(|(_, value)| value.parse());
        errors.expect("Linux counts them").expect("a number")
    }

    /// The interface that all traffic crosses.
    pub fn interface(&self) -> &'static str {
        match self {
            Self::Alone(_) => "lo",
            Self::Apart(_) => "eth0",
        }
    }
}

fn index(spot: Spot) -> usize {
    match spot {
        Spot::Sender => 0,
        Spot::NrlReceiver => 1,
        Spot::OurReceiver => 2,
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        // Never panics: it runs while cases already fail.
        let removed = Command::new("ip").args(["netns", "delete", &self.name]).output();
        if !removed.is_ok_and(|output| output.status.success()) {
            say(format_args!("could not remove the namespace {}", self.name));
        }
    }
}
