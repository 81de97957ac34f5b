//! The network: namespaces for a sender and receivers, and one for the bridge between them.
//!
//! Nothing outside of these namespaces is changed. Their names are `norm-compare-<process>-<host>`.

use std::path::Path;
use std::process::Command;

use crate::case::{Buffers, Case};
use crate::shell::{self, ip};

const PREFIX: &str = "norm-compare";

/// The interface of every host.
pub const INTERFACE: &str = "eth0";

/// All hosts of one case. They are removed when this value is dropped.
pub struct Network {
    /// All namespaces so far, so that an incomplete network is removed, too.
    namespaces: Vec<String>,
    sender: String,
    receivers: Vec<String>,
    /// Programs have no right to larger socket buffers than the system's limits.
    limits_hold: bool,
}

impl Network {
    /// Builds the network of a case.
    pub fn build(case: &Case) -> Result<Self, String> {
        let prefix = format!("{PREFIX}-{}", std::process::id());
        let sender = format!("{prefix}-sender");
        let receivers = (1..=case.receivers).map(|n| format!("{prefix}-receiver{n}")).collect();
        let limits_hold = case.buffers == Buffers::Stock;
        let mut network = Self { namespaces: Vec::new(), sender, receivers, limits_hold };
        let switch = network.namespace(format!("{prefix}-switch"))?;
        // Without a querier, a snooping bridge would forget the members after some time.
        ip(&format!("-n {switch} link add name bridge0 type bridge mcast_snooping 0"))?;
        ip(&format!("-n {switch} link set bridge0 mtu {} up", case.mtu))?;
        let hosts = [&[network.sender.clone()], &network.receivers[..]].concat();
        for (host, number) in hosts.into_iter().zip(1..) {
            let host = network.namespace(host)?;
            plug_in(&host, number, &switch, case)?;
        }
        for (receiver, number) in network.receivers.iter().zip(2..) {
            set_loss(receiver, case.loss)?;
            set_bottleneck(&switch, number, case)?;
        }
        Ok(network)
    }

    /// A command that runs `program` at the sender. `ip` keeps the process id.
    pub fn at_sender(&self, program: &Path) -> Command {
        self.program(&self.sender, program)
    }

    /// A command that runs `program` at a receiver, from 0.
    pub fn at_receiver(&self, index: usize, program: &Path) -> Command {
        self.program(&self.receivers[index], program)
    }

    /// Size of the largest receive buffer on a UDP port of a receiver, from 0, in bytes as the
    /// kernel counts them.
    pub fn receive_buffer(&self, index: usize, port: u16) -> Result<u64, String> {
        let mut ss = Command::new("ss");
        ss.args(["-N", &self.receivers[index], "-ulnmH"]).arg(format!("sport = :{port}"));
        let text = shell::run(&mut ss)?;
        let sizes = text.split("rb").skip(1).filter_map(|after| after.split(',').next());
        let largest = sizes.filter_map(|digits| digits.parse().ok()).max();
        largest.ok_or_else(|| format!("ss shows no receive buffer on port {port}"))
    }

    /// A command that runs a measured program. `setpriv` keeps the process id, too.
    fn program(&self, host: &str, program: &Path) -> Command {
        if !self.limits_hold {
            return command(host, program);
        }
        // With this capability a program sets its buffers to any size.
        let mut command = command(host, Path::new("setpriv"));
        command.args(["--bounding-set=-net_admin", "--inh-caps=-net_admin"]).arg(program);
        command
    }

    /// Bytes of all Ethernet frames of the sender. A batch that leaves as one packet counts with
    /// the headers of one packet.
    pub fn bytes_sent(&self) -> Result<u64, String> {
        let text = ip(&format!("-n {} -s -j link show dev {INTERFACE}", self.sender))?;
        let links: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| format!("ip -s -j: {error}"))?;
        let bytes = links[0]["stats64"]["tx"]["bytes"].as_u64();
        bytes.ok_or_else(|| "ip -s prints no counters".to_owned())
    }

    fn namespace(&mut self, name: String) -> Result<String, String> {
        ip(&format!("netns add {name}"))?;
        self.namespaces.push(name.clone());
        Ok(name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in &self.namespaces {
            remove(namespace);
        }
    }
}

fn command(namespace: &str, program: &Path) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program);
    // Nothing is kept from one run to the next.
    command.env_remove("HOME").env_remove("XDG_CACHE_HOME").env_remove("XDG_STATE_HOME");
    command
}

/// Gives a namespace its interface and plugs the other end into the bridge.
fn plug_in(namespace: &str, number: u8, switch: &str, case: &Case) -> Result<(), String> {
    let (port, mtu) = (format!("port{number}"), case.mtu);
    ip(&format!("-n {namespace} link set lo up"))?;
    ip(&format!("-n {namespace} link add {INTERFACE} type veth peer name {port} netns {switch}"))?;
    if !case.offload {
        // Software then cuts batches before they reach the interface.
        let mut ethtool = command(namespace, Path::new("ethtool"));
        let off = ["tx-udp-segmentation", "off", "gso", "off"];
        shell::run(ethtool.args(["-K", INTERFACE]).args(off))?;
    }
    ip(&format!("-n {namespace} link set {INTERFACE} mtu {mtu}"))?;
    ip(&format!("-n {switch} link set {port} mtu {mtu} master bridge0 up"))?;
    ip(&format!("-n {namespace} address add 10.57.2.{number}/24 brd + dev {INTERFACE}"))?;
    ip(&format!("-n {namespace} link set {INTERFACE} up"))?;
    ip(&format!("-n {namespace} route add 224.0.0.0/4 dev {INTERFACE}"))?;
    Ok(())
}

/// Limits the rate to a receiver to that of the case, with a queue of 20 ms.
fn set_bottleneck(switch: &str, number: u8, case: &Case) -> Result<(), String> {
    let Some(bits) = case.bottleneck else { return Ok(()) };
    let (queue, burst) = (bits / 8 / 50, (bits / 8 / 2000).max(16 << 10));
    let arguments = format!(
        "tc qdisc add dev port{number} root tbf rate {bits}bit burst {burst} limit {queue}"
    );
    ip(&format!("netns exec {switch} {arguments}")).map(drop)
}

/// Makes a host drop this share of arriving UDP packets, at random.
fn set_loss(namespace: &str, percent: f64) -> Result<(), String> {
    if percent == 0.0 {
        return Ok(());
    }
    let threshold = (percent * 1000.0).round();
    let table = format!(
        "table inet loss {{\n chain arriving {{\n \
         type filter hook input priority 0\n \
         meta l4proto udp numgen random mod 100000 < {threshold} drop\n }}\n }}"
    );
    shell::run(command(namespace, Path::new("nft")).arg(table)).map(drop)
}

/// Removes a namespace. Never fails, because it runs after other failures.
fn remove(namespace: &str) {
    if let Err(message) = ip(&format!("netns delete {namespace}")) {
        eprintln!("{message}");
    }
}

/// Removes the namespaces of runs that were killed.
pub fn remove_orphans() -> Result<(), String> {
    for line in ip("netns list")?.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let owner = name.strip_prefix(PREFIX).and_then(|name| name.split('-').nth(1));
        let process = owner.and_then(|text| text.parse::<u32>().ok());
        if process.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            remove(name);
        }
    }
    Ok(())
}
