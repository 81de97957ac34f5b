//! A network that exists for one test: hosts in namespaces of their own, joined by a bridge.
//!
//! Nothing outside these namespaces is touched, so hosts of different networks share no address.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::command;

/// Namespaces are called `norm-test-<process>-<network>-<host>`.
const PREFIX: &str = "norm-test";

/// Whether a batch that one system call sends (GSO) crosses the network as one packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Batches {
    /// As the kernel likes it between virtual interfaces; one loss then takes the whole batch.
    Whole,
    /// As on a real wire: cut into datagrams before the first interface.
    Cut,
}

/// A bridge with its hosts; all of it disappears with this value.
pub struct Network {
    /// Everything made so far, so that a half-built network is removed as well.
    namespaces: Vec<String>,
    hosts: Vec<Host>,
}

impl Network {
    /// Builds a bridge and this many hosts, at most 200.
    pub fn build(hosts: u8, batches: Batches) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        remove_orphans();
        let prefix =
            format!("{PREFIX}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut network = Self { namespaces: Vec::new(), hosts: Vec::new() };
        let switch = network.namespace(format!("{prefix}-switch"));
        // Without a querier a snooping bridge would sooner or later forget the members.
        ip(&format!("-n {switch} link add name bridge0 type bridge mcast_snooping 0"));
        ip(&format!("-n {switch} link set bridge0 up"));
        for index in 0..hosts {
            let namespace = network.namespace(format!("{prefix}-{index}"));
            let host = Host { namespace, switch: switch.clone(), index, batches };
            ip(&format!("-n {} link set lo up", host.namespace));
            host.plug_in();
            network.hosts.push(host);
        }
        network
    }

    /// The host with this index, from 0.
    pub fn host(&self, index: usize) -> &Host {
        &self.hosts[index]
    }

    /// Lets no more than this rate, in the words of `tc`, through to a host.
    pub fn limit(&self, index: usize, rate: &str) {
        let (switch, port) = (&self.namespaces[0], self.hosts[index].index + 1);
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            switch,
            "tc",
            "qdisc",
            "add",
            "dev",
            &format!("port{port}"),
        ]);
        command.args(["root", "tbf", "rate", rate, "burst", "32k", "limit", "256k"]);
        command::run(&mut command);
    }

    /// From now on the bridge sends a group only to members, and forgets those that have not
    /// reported for this long: a switch with IGMP and MLD snooping. It asks once, now, and never
    /// again, which is as good as no querier. (Without any, this bridge floods.)
    pub fn forget_members_after(&self, time: std::time::Duration) {
        let switch = &self.namespaces[0];
        let memory = time.as_millis() / 10; // in hundredths of a second
        let never = 100_000;
        // Asks by IPv6 from this address only.
        ip(&format!("-n {switch} address add fe80::57/64 dev bridge0 nodad"));
        ip(&format!(
            "-n {switch} link set bridge0 type bridge mcast_igmp_version 3 mcast_mld_version 2 \
             mcast_query_interval {never} mcast_startup_query_interval {never} \
             mcast_query_response_interval 50 \
             mcast_membership_interval {memory} mcast_snooping 1 mcast_querier 1"
        ));
    }

    /// Takes all addresses from the hosts but link-local IPv6 ones, and all routes with them: a LAN
    /// without a router. Host `n`, from 0, has `fe80::57:(n + 1)`.
    pub fn without_router(&self) {
        for host in &self.hosts {
            let (namespace, number) = (&host.namespace, host.index + 1);
            ip(&format!("-n {namespace} address flush dev eth0"));
            ip(&format!("-n {namespace} address add fe80::57:{number}/64 dev eth0 nodad"));
        }
    }

    /// Lets nothing through to a host from now on; what it sends leaves.
    pub fn deafen(&self, index: usize) {
        let (switch, port) = (&self.namespaces[0], self.hosts[index].index + 1);
        // A packet longer than the burst never passes.
        ip(&format!(
            "netns exec {switch} tc qdisc add dev port{port} root tbf rate 8kbit burst 10 limit 10"
        ));
    }

    /// Lets nothing out of a host from now on; what is sent to it arrives.
    pub fn mute(&self, index: usize) {
        let namespace = &self.hosts[index].namespace;
        ip(&format!(
            "netns exec {namespace} tc qdisc add dev eth0 root tbf rate 8kbit burst 10 limit 10"
        ));
    }

    /// Gives a host another interface, `eth1`, with the address 10.58.1.1 and no carrier.
    pub fn add_unplugged(&self, index: usize) {
        let namespace = &self.hosts[index].namespace;
        ip(&format!("-n {namespace} link add eth1 type veth peer name unplugged"));
        ip(&format!("-n {namespace} address add 10.58.1.1/24 dev eth1"));
        ip(&format!("-n {namespace} link set eth1 up"));
    }

    /// Gives a host a second interface at the switch, `eth1`, with the address `10.57.1.(101 + n)`
    /// of host `n`, from 0, and routes that are used when the first one has gone: a dock.
    pub fn add_second(&self, index: usize) {
        let (switch, namespace) = (&self.namespaces[0], &self.hosts[index].namespace);
        let (port, number) = (format!("second{index}"), 101 + index);
        ip(&format!("-n {namespace} link add eth1 type veth peer name {port} netns {switch}"));
        ip(&format!("-n {namespace} link set eth1 gso_max_segs 1"));
        ip(&format!("-n {switch} link set {port} master bridge0 up"));
        ip(&format!("-n {namespace} link set eth1 up"));
        ip(&format!("-n {namespace} address add 10.57.1.{number}/24 brd + dev eth1"));
        ip(&format!("-n {namespace} route add default via 10.57.1.254 dev eth1 metric 100"));
    }

    /// The names of all namespaces that it is made of.
    pub fn namespaces(&self) -> &[String] {
        &self.namespaces
    }

    fn namespace(&mut self, name: String) -> String {
        ip(&format!("netns add {name}"));
        self.namespaces.push(name.clone());
        name
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in &self.namespaces {
            remove(namespace);
        }
    }
}

/// One machine of the network.
pub struct Host {
    namespace: String,
    switch: String,
    index: u8,
    batches: Batches,
}

impl Host {
    /// Its name, unique in its network.
    pub fn name(&self) -> String {
        format!("host{}", self.index)
    }

    /// A command that runs `program` here. The process id stays the same through `ip`.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        // Nothing is kept from one run to the next.
        command.env_remove("HOME").env_remove("XDG_CACHE_HOME").env_remove("XDG_STATE_HOME");
        command
    }

    /// Gives it its only interface, `eth0`, and plugs the other end into the bridge.
    pub fn plug_in(&self) {
        let Self { namespace, switch, index, batches } = self;
        let number = index + 1;
        let port = format!("port{number}");
        ip(&format!("-n {namespace} link add eth0 type veth peer name {port} netns {switch}"));
        if *batches == Batches::Cut {
            // Must come first: what the interface promises is remembered by routes and sockets.
            ip(&format!("-n {namespace} link set eth0 gso_max_segs 1"));
            ip(&format!("-n {switch} link set {port} gso_max_segs 1"));
        }
        ip(&format!("-n {switch} link set {port} master bridge0 up"));
        // No other host has this address; looking for one would take a second.
        ip(&format!("-n {namespace} address add fd57::{number}/64 dev eth0 nodad"));
        ip(&format!("-n {namespace} link set eth0 up"));
        self.give_address(number);
    }

    /// Takes its interface away.
    #[allow(dead_code, reason = "the tests with other implementations do not do so")]
    pub fn take_away(&self) {
        ip(&format!("-n {} link delete eth0", self.namespace));
    }

    /// Takes its interface away, and gives it another one with the same name and address.
    #[allow(dead_code, reason = "the tests with other implementations do not do so")]
    pub fn make_anew(&self) {
        self.take_away();
        self.plug_in();
    }

    /// Gives it an IPv4 address and the routes that need one.
    pub fn give_address(&self, number: u8) {
        let namespace = &self.namespace;
        ip(&format!("-n {namespace} address add 10.57.1.{number}/24 brd + dev eth0"));
        ip(&format!("-n {namespace} route replace default via 10.57.1.254"));
        ip(&format!("-n {namespace} route replace 224.0.0.0/4 dev eth0"));
    }

    /// Takes its IPv4 addresses away.
    #[allow(dead_code, reason = "the tests with other implementations do not do so")]
    pub fn take_address(&self) {
        ip(&format!("-n {} -4 address flush dev eth0", self.namespace));
    }

    /// Gives it another IPv4 address, as DHCP does.
    #[allow(dead_code, reason = "the tests with other implementations do not do so")]
    pub fn change_address(&self, number: u8) {
        self.take_address();
        self.give_address(number);
    }

    /// From now on its packets say that they come from another host, whose number is given, from 1
    /// on.
    #[allow(dead_code, reason = "the tests with other implementations do not do so")]
    pub fn pretend_to_be(&self, number: u8) {
        let own = self.index + 1;
        let table = format!(
            "table ip forged {{\n chain leaving {{\n type filter hook postrouting priority 300\n \
             ip saddr 10.57.1.{own} ip saddr set 10.57.1.{number}\n }}\n }}"
        );
        command::run(self.command(Path::new("nft")).arg(table));
    }

    /// Gives it another IPv6 address instead of the one that it has.
    #[allow(dead_code, reason = "the tests with other implementations do not do so")]
    pub fn change_address_v6(&self, from: u8, to: u8) {
        let namespace = &self.namespace;
        ip(&format!("-n {namespace} address delete fd57::{from}/64 dev eth0"));
        ip(&format!("-n {namespace} address add fd57::{to}/64 dev eth0 nodad"));
    }

    /// From now on loses this share of the UDP packets that arrive, each by its own toss.
    pub fn lose(&self, percent: u8) {
        if percent > 0 {
            let table = format!(
                "table inet loss {{\n chain arriving {{\n \
                 type filter hook prerouting priority -300\n \
                 meta l4proto udp counter numgen random mod 100 < {percent} counter drop\n \
                 }}\n }}"
            );
            command::run(self.command(Path::new("nft")).arg(table));
        }
    }

    /// From now on no more than this reaches it; the switch queues up to `queue`, and drops the
    /// rest.
    #[allow(dead_code, reason = "only the tests with other implementations do so")]
    pub fn narrow(&self, bits: u32, queue: std::time::Duration) {
        let limit = u128::from(bits) * queue.as_nanos() / 8_000_000_000;
        let words = format!(
            "netns exec {} tc qdisc add dev port{} root tbf rate {bits}bit burst 16kb \
             limit {limit}",
            self.switch,
            self.index + 1
        );
        ip(&words);
    }

    /// From now on only packets of this many bytes, IP header included, pass to this host and from
    /// it; its own interface does not know.
    #[allow(dead_code, reason = "only the tests of the path MTU do so")]
    pub fn let_through(&self, bytes: u32) {
        let port = self.index + 1;
        ip(&format!("-n {} link set port{port} mtu {bytes}", self.switch));
    }

    /// From now on its own interface takes no longer packets than this.
    #[allow(dead_code, reason = "only the tests of the path MTU do so")]
    pub fn set_mtu(&self, bytes: u32) {
        ip(&format!("-n {} link set eth0 mtu {bytes}", self.namespace));
    }

    /// Counts UDP packets that leave this host from now on, and those that may be cut.
    #[allow(dead_code, reason = "only the tests of the path MTU do so")]
    pub fn watch_fragments(&self) {
        let table = "table ip cuts {\n chain leaving {\n \
                     type filter hook postrouting priority 300\n \
                     meta l4proto udp counter ip frag-off & 0x4000 == 0 counter\n }\n }";
        command::run(self.command(Path::new("nft")).arg(table));
    }

    /// UDP packets that may be cut, and all of them, since they are counted.
    #[allow(dead_code, reason = "only the tests of the path MTU do so")]
    pub fn fragmentable(&self) -> (u64, u64) {
        let list = ["list", "chain", "ip", "cuts", "leaving"];
        let text = command::run(self.command(Path::new("nft")).args(list));
        let mut counts = text.split("counter packets ").skip(1).map(|rest| {
            let number = rest.split_whitespace().next().expect("nft prints the count");
            number.parse::<u64>().expect("nft prints a number")
        });
        let all = counts.next().expect("there are two counters");
        (counts.next().expect("there are two counters"), all)
    }

    /// The share of packets lost to [`lose`](Self::lose) so far; `None` before any arrived.
    pub fn lost(&self) -> Option<f64> {
        let list = ["list", "chain", "inet", "loss", "arriving"];
        let text = command::run(self.command(Path::new("nft")).args(list));
        // `... counter packets 1000 bytes ... counter packets 50 bytes ... drop`
        let mut counts = text.split("counter packets ").skip(1).map(|rest| {
            let number = rest.split_whitespace().next().expect("nft prints the count");
            number.parse::<f64>().expect("nft prints a number")
        });
        let (arrived, dropped) = (counts.next()?, counts.next()?);
        (arrived > 0.0).then(|| dropped / arrived)
    }

    /// Bytes of all Ethernet frames that have left this host, headers included.
    pub fn bytes_sent(&self) -> u64 {
        self.counted("tx")
    }

    /// Bytes of all Ethernet frames that have come to this host, headers included.
    #[allow(dead_code, reason = "only the tests with other implementations do so")]
    pub fn bytes_received(&self) -> u64 {
        self.counted("rx")
    }

    fn counted(&self, way: &str) -> u64 {
        let text = ip(&format!("-n {} -s -j link show dev eth0", self.namespace));
        let links: serde_json::Value = serde_json::from_str(&text).expect("ip prints JSON");
        links[0]["stats64"][way]["bytes"].as_u64().expect("ip -s prints counters")
    }
}

fn ip(arguments: &str) -> String {
    command::run(Command::new("ip").args(arguments.split_whitespace()))
}

/// Never panics: it runs while tests already fail.
fn remove(namespace: &str) {
    let removed = Command::new("ip").args(["netns", "delete", namespace]).output();
    if !removed.is_ok_and(|output| output.status.success()) {
        command::say(format_args!("could not remove the namespace {namespace}"));
    }
}

/// Removes what test processes left behind that were killed.
fn remove_orphans() {
    for line in ip("netns list").lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1));
        let process = owner.and_then(|text| text.parse::<u32>().ok());
        if process.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            remove(name);
        }
    }
}
