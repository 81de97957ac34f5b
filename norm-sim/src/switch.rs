//! The switches: a tree, which one thread serves between the turns of the hosts.

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use norm_core::{Rng, Timestamp};

use crate::link::Direction;
use crate::packet::{HostId, Packet, To, mix};
use crate::scenario::{Role, Scenario};

/// A packet that leaves a switch.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) departs: Timestamp,
    /// Running number of forwarded packets, which orders those of the same time.
    pub(crate) order: u64,
    pub(crate) packet: Arc<Packet>,
}

/// Packets that a switch has sent to all its ports, as long as a host may need them.
#[derive(Debug, Default)]
pub(crate) struct Log {
    first: u64,
    entries: VecDeque<Entry>,
}

impl Log {
    /// The entry with this running number.
    pub(crate) fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// One past the newest entry.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn trim(&mut self, before: Timestamp) {
        while self.entries.front().is_some_and(|entry| entry.departs < before) {
            self.entries.pop_front();
            self.first += 1;
        }
    }
}

#[derive(Debug)]
struct Node {
    parent: usize,
    children: Vec<usize>,
    up: Direction,
    down: Direction,
    /// Number of packets that came out of `up`.
    carried_up: u64,
    /// Number of packets that came out of `down`.
    carried_down: u64,
    log: Log,
    /// The longest delay to a host of this switch.
    farthest: Duration,
    /// Number of receivers here and below.
    receivers: u64,
}

/// A packet that arrives at a switch.
#[derive(Debug)]
pub(crate) struct Arriving {
    pub(crate) at: Timestamp,
    pub(crate) switch: u32,
    /// A host, a switch below (numbered after all hosts), or [`ABOVE`].
    pub(crate) port: u32,
    /// Running number of the port's packets.
    pub(crate) number: u64,
    pub(crate) packet: Arc<Packet>,
}

/// The port to the switch above.
const ABOVE: u32 = u32::MAX;

impl Arriving {
    fn key(&self) -> (Timestamp, u32, u32, u64) {
        (self.at, self.switch, self.port, self.number)
    }
}

impl PartialEq for Arriving {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Arriving {}
impl PartialOrd for Arriving {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Arriving {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// All switches.
#[derive(Debug)]
pub(crate) struct Fabric {
    nodes: Vec<Node>,
    /// The switch of each host.
    home: Vec<u32>,
    waiting: BinaryHeap<Reverse<Arriving>>,
    order: u64,
    /// Packets for single hosts that have left their last switch.
    pub(crate) to_hosts: Vec<(HostId, Entry)>,
    /// Content packets that were lost between switches, counted for each receiver.
    pub(crate) lost: u64,
}

impl Fabric {
    /// # Panics
    /// When the switches are no tree.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let hosts = scenario.hosts.len() as u64;
        let mut nodes: Vec<Node> = Vec::new();
        for (n, switch) in scenario.switches.iter().enumerate() {
            let parent = if n == 0 { 0 } else { switch.parent as usize };
            assert!(n == 0 || parent < n, "the parent of switch {n} must come before it");
            let link = &switch.link;
            let rng = |way: u64| Rng::new(mix(scenario.seed, (hosts + n as u64) * 8 + way));
            nodes.push(Node {
                parent,
                children: Vec::new(),
                up: Direction::new(&link.up, link.delay_up.unwrap_or(link.delay), rng(0)),
                down: Direction::new(&link.down, link.delay, rng(1)),
                carried_up: 0,
                carried_down: 0,
                log: Log::default(),
                farthest: Duration::ZERO,
                receivers: 0,
            });
            if n > 0 {
                nodes[parent].children.push(n);
            }
        }
        let mut home = Vec::with_capacity(scenario.hosts.len());
        for (id, host) in scenario.hosts.iter().enumerate() {
            let node = nodes.get_mut(host.switch as usize);
            let node = node.unwrap_or_else(|| panic!("host {id} has no switch"));
            node.farthest = node.farthest.max(host.link.delay + Duration::from_micros(1));
            node.receivers += u64::from(matches!(host.role, Role::Receiver(_)));
            home.push(host.switch);
        }
        for n in (1..nodes.len()).rev() {
            let (parent, receivers) = (nodes[n].parent, nodes[n].receivers);
            nodes[parent].receivers += receivers;
        }
        Self { nodes, home, waiting: BinaryHeap::new(), order: 0, to_hosts: Vec::new(), lost: 0 }
    }

    pub(crate) fn log(&self, switch: u32) -> &Log {
        &self.nodes[switch as usize].log
    }

    /// Number of receivers on this network.
    pub(crate) fn receivers(&self) -> u64 {
        self.nodes[0].receivers
    }

    /// Takes a packet that a host has sent.
    pub(crate) fn push(&mut self, arriving: Arriving) {
        self.waiting.push(Reverse(arriving));
    }

    /// When the next packet arrives at a switch.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.waiting.peek().map(|Reverse(arriving)| arriving.at)
    }

    /// Forwards all packets that arrive before `until`.
    pub(crate) fn run(&mut self, until: Timestamp) {
        while self.next().is_some_and(|at| at < until)
            && let Some(Reverse(arriving)) = self.waiting.pop()
        {
            self.order += 1;
            match arriving.packet.to {
                To::Group => self.forward_to_group(arriving),
                To::Host(host) | To::Address(host, _) => self.forward_to_host(arriving, host),
            }
        }
    }

    /// Removes entries that no host needs, when all hosts have run up to `now`.
    pub(crate) fn trim(&mut self, now: Timestamp) {
        for node in &mut self.nodes {
            let before = now - node.farthest;
            node.log.trim(before);
        }
    }

    fn forward_to_group(&mut self, arriving: Arriving) {
        let Arriving { at, switch, port, packet, .. } = arriving;
        let n = switch as usize;
        for child in 0..self.nodes[n].children.len() {
            let child = self.nodes[n].children[child];
            if self.port_of(child) != port {
                self.send_down(at, child, &packet);
            }
        }
        if n > 0 && port != ABOVE {
            self.send_up(at, n, &packet);
        }
        let order = self.order;
        self.nodes[n].log.entries.push_back(Entry { departs: at, order, packet });
    }

    fn forward_to_host(&mut self, arriving: Arriving, host: HostId) {
        let Arriving { at, switch, packet, .. } = arriving;
        let Some(&home) = self.home.get(host as usize) else { return };
        if home == switch {
            let order = self.order;
            self.to_hosts.push((host, Entry { departs: at, order, packet }));
            return;
        }
        // The host is below this switch if the way up from it comes here.
        let mut below = home as usize;
        while below > 0 && self.nodes[below].parent != switch as usize {
            below = self.nodes[below].parent;
        }
        if below > 0 {
            self.send_down(at, below, &packet);
        } else if switch > 0 {
            self.send_up(at, switch as usize, &packet);
        }
    }

    fn port_of(&self, child: usize) -> u32 {
        (self.home.len() + child) as u32
    }

    fn send_down(&mut self, now: Timestamp, child: usize, packet: &Arc<Packet>) {
        let Self { nodes, waiting, lost, .. } = self;
        let Node { down, carried_down, receivers, .. } = &mut nodes[child];
        let copies = down.carry(now, packet, |at, packet| {
            *carried_down += 1;
            let (switch, number) = (child as u32, *carried_down);
            waiting.push(Reverse(Arriving { at, switch, port: ABOVE, number, packet }));
        });
        if copies == 0 && packet.symbol.is_some() {
            *lost += *receivers;
        }
    }

    fn send_up(&mut self, now: Timestamp, child: usize, packet: &Arc<Packet>) {
        let port = self.port_of(child);
        let all = self.receivers();
        let Self { nodes, waiting, lost, .. } = self;
        let Node { up, carried_up, receivers, parent, .. } = &mut nodes[child];
        let copies = up.carry(now, packet, |at, packet| {
            *carried_up += 1;
            let (switch, number) = (*parent as u32, *carried_up);
            waiting.push(Reverse(Arriving { at, switch, port, number, packet }));
        });
        if copies == 0 && packet.symbol.is_some() {
            *lost += all - *receivers;
        }
    }
}
