//! Presets: networks with names.
//!
//! Each has one sender (host 0) of an object of `size` bytes, and a number of receivers. The links
//! are those of the network, and so are the few settings that a user would change for it, above all
//! the sender's rate. All else is the default.

use core::time::Duration;

use norm_core::norm::receiver::Feedback;

use crate::rule::Rule;
use crate::scenario::{Host, Link, ReceiverPlan, Role, Scenario, Switch};

const MBIT: u64 = 1_000_000;

/// The names that [`by_name`] knows.
pub const NAMES: [&str; 5] = ["lan", "wifi", "satellite", "campus", "wan"];

/// The network with this name, one of [`NAMES`].
pub fn by_name(name: &str, seed: u64, size: u64, receivers: usize) -> Option<Scenario> {
    let network = match name {
        "lan" => lan,
        "wifi" => wifi,
        "satellite" => satellite,
        "campus" => campus,
        "wan" => wan,
        _ => return None,
    };
    Some(network(seed, size, receivers))
}

/// One switch with ports of 1 Gbit/s, 100 us per link, no random loss.
///
/// Ports have queues of 512 KiB, so only longer bursts lose packets. Sent at 400 Mbit/s.
pub fn lan(seed: u64, size: u64, receivers: usize) -> Scenario {
    let port = || vec![Rule::Rate { bits: 1000 * MBIT, queue: 512 << 10, mark: None }];
    let link = Link { down: port(), up: port(), ..wire(Duration::from_micros(100)) };
    let mut scenario = sent_at(400 * MBIT, seed, size).receivers(receivers, &link);
    scenario.hosts[0].link = link;
    scenario
}

/// A wired sender, and receivers with a radio link each.
///
/// Down: 50 Mbit/s with 50 ms of queue, 2 % of the packets lost in bursts of 6 on average, up to
/// 3 ms of jitter on 2 ms. Up: a tenth of that loss, because the radio repeats feedback, and equal
/// jitter. Sent at 20 Mbit/s.
pub fn wifi(seed: u64, size: u64, receivers: usize) -> Scenario {
    let jitter = Rule::Jitter(Duration::from_millis(3));
    let rate = Rule::bottleneck(50 * MBIT, Duration::from_millis(50));
    let link = Link {
        down: vec![rate, Rule::wifi_bursts(0.02, 6.0), jitter.clone()],
        up: vec![Rule::wifi_bursts(0.002, 2.0), jitter],
        ..wire(Duration::from_millis(2))
    };
    sent_at(20 * MBIT, seed, size).receivers(receivers, &link)
}

/// A geostationary satellite down to each receiver, and a return over the ground.
///
/// Down: 270 ms, 0.5 % random loss, and 0.5 % in bursts of 50. Up: 60 ms and unicast only, so
/// feedback is unicast. The carrier has 40 Mbit/s and a queue of half a second. Sent at 30 Mbit/s.
pub fn satellite(seed: u64, size: u64, receivers: usize) -> Scenario {
    let link = Link {
        delay_up: Some(Duration::from_millis(60)),
        down: vec![Rule::Loss(0.005), Rule::wifi_bursts(0.005, 50.0)],
        up: vec![Rule::NoMulticast],
        ..wire(Duration::from_millis(270))
    };
    let mut plan = ReceiverPlan::default();
    plan.config.feedback = Feedback::Unicast;
    let mut scenario = sent_at(30 * MBIT, seed, size);
    let carrier = Rule::bottleneck(40 * MBIT, Duration::from_millis(500));
    scenario.hosts[0].link.up = vec![carrier];
    let receiver = Host::new(Role::Receiver(plan), link);
    scenario.hosts.extend((0..receivers).map(|_| receiver.clone()));
    scenario
}

/// A campus with thousands of receivers: a root, distribution switches, access switches, hosts.
///
/// An access switch has 40 receivers, and a distribution switch 25 access switches: for 10,000
/// receivers there are 250 and 10 of them. Trunks lose 0.1 % (root to distribution) and 0.2 %
/// (distribution to access) on the way down, for all receivers below; the links of hosts lose
/// nothing. The delays are 200 us per trunk and 50 us per host. Sent at 100 Mbit/s.
pub fn campus(seed: u64, size: u64, receivers: usize) -> Scenario {
    let trunk = |loss| Link { delay: Duration::from_micros(200), ..Link::lossy(loss) };
    let mut scenario = sent_at(100 * MBIT, seed, size);
    let access = receivers.div_ceil(40) as u32;
    let distribution = access.div_ceil(25);
    let below = |parent, loss| Switch { parent, link: trunk(loss) };
    scenario.switches.extend((0..distribution).map(|_| below(0, 0.001)));
    scenario.switches.extend((0..access).map(|i| below(1 + i / 25, 0.002)));
    let host = |i: usize| {
        let receiver = Host::receiver(wire(Duration::from_micros(50)));
        Host { switch: 1 + distribution + i as u32 / 40, ..receiver }
    };
    scenario.hosts.extend((0..receivers).map(host));
    scenario
}

/// Five sites with delays of 20, 35, 50, 65 and 80 ms, and an equal number of receivers each.
///
/// The trunk of a site has 50 Mbit/s down with 100 ms of queue, which sets CE marks above half of
/// it, and 0.1 % loss. Up it has 10 Mbit/s with 200 ms of queue and 1.5 times the delay. Hosts are
/// 200 us from their site's switch. Sent at 30 Mbit/s.
pub fn wan(seed: u64, size: u64, receivers: usize) -> Scenario {
    const SITES: [u64; 5] = [20, 35, 50, 65, 80];
    let site = |millis| {
        let delay = Duration::from_millis(millis);
        // A queue of 100 ms: 625,000 bytes at 50 Mbit/s.
        let down = Rule::Rate { bits: 50 * MBIT, queue: 625_000, mark: Some(312_500) };
        let link = Link {
            delay,
            delay_up: Some(delay * 3 / 2),
            down: vec![down, Rule::Loss(0.001)],
            up: vec![Rule::bottleneck(10 * MBIT, Duration::from_millis(200))],
        };
        Switch { parent: 0, link }
    };
    let mut scenario = sent_at(30 * MBIT, seed, size);
    scenario.switches.extend(SITES.map(site));
    let host = |i: usize| {
        let receiver = Host::receiver(wire(Duration::from_micros(200)));
        Host { switch: 1 + (i % SITES.len()) as u32, ..receiver }
    };
    scenario.hosts.extend((0..receivers).map(host));
    scenario
}

fn sent_at(rate: u64, seed: u64, size: u64) -> Scenario {
    let mut scenario = Scenario::new(seed, size);
    scenario.sender().config.rate = Some(rate);
    scenario
}

fn wire(delay: Duration) -> Link {
    Link { delay, ..Link::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_the_number_of_receivers_asked_for() {
        for name in NAMES {
            let mut scenario = by_name(name, 1, 5000, 123).unwrap();
            assert_eq!(scenario.receiver_plans().count(), 123, "{name}");
            assert_eq!(scenario.sender().objects[0].size, 5000, "{name}");
        }
        assert!(by_name("moon", 1, 1, 1).is_none());
    }

    #[test]
    fn every_preset_is_a_tree_with_its_hosts() {
        for (name, receivers) in NAMES.iter().flat_map(|name| [0, 1, 41, 10_000].map(|n| (name, n)))
        {
            let scenario = by_name(name, 1, 1, receivers).unwrap();
            for (i, switch) in scenario.switches.iter().enumerate().skip(1) {
                assert!((switch.parent as usize) < i, "{name}: {i}");
            }
            let switches = scenario.switches.len() as u32;
            assert!(scenario.hosts.iter().all(|host| host.switch < switches), "{name}");
        }
    }

    #[test]
    fn campus_switches_have_no_more_hosts_than_ports() {
        let scenario = campus(1, 1, 10_000);
        assert_eq!(scenario.switches.len(), 1 + 10 + 250);
        let hosts = |switch| scenario.hosts.iter().filter(|host| host.switch == switch).count();
        assert!((11..261).all(|access| hosts(access) == 40));
        assert_eq!(hosts(0), 1, "the sender");
        let below = |parent| scenario.switches[11..].iter().filter(|s| s.parent == parent).count();
        assert!((1..11).all(|distribution| below(distribution) == 25));
    }

    #[test]
    fn only_satellite_receivers_use_unicast_feedback() {
        for name in NAMES {
            let unicast = by_name(name, 1, 1, 3)
                .unwrap()
                .receiver_plans()
                .all(|plan| plan.config.feedback == Feedback::Unicast);
            assert_eq!(unicast, name == "satellite");
        }
    }
}
