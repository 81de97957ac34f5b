//! Flows from sources to sinks through one bottleneck.

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::{BTreeMap, BinaryHeap};

use norm_core::{Rng, Timestamp};

use super::window::RECEIVE_WINDOW;
use super::*;
use crate::clock::START;
use crate::node::contract::Outbox;
use crate::packet::{Body, Packet, To};
use crate::rule::{Line, Rule};
use crate::scenario::Control;

/// Source 2 n sends to sink 2 n + 1. Data passes one line of rules, acknowledgments none.
struct Bench {
    nodes: Vec<Box<dyn Node>>,
    line: Line,
    delay: Duration,
    now: Timestamp,
    /// By time and number.
    events: BinaryHeap<Reverse<(Timestamp, u64)>>,
    what: BTreeMap<u64, Event>,
    count: u64,
    rng: Rng,
    /// Send time of the last packet of each node: a host does not reorder.
    left: Vec<Timestamp>,
}

enum Event {
    /// Data comes to the bottleneck.
    Enters(Packet),
    /// A packet comes to a node.
    Arrives(usize, Packet),
    /// A node wanted to be called.
    Rings(usize),
}

impl Bench {
    fn new(controls: &[Control], rules: &[Rule], round_trip: Duration) -> Self {
        let mut nodes = Vec::new();
        for (i, &control) in (0..).zip(controls) {
            nodes.push(node(&TcpPlan::Source { to: 2 * i + 1, control }, 2 * i, 5));
            nodes.push(node(&TcpPlan::Sink, 2 * i + 1, 5));
        }
        let now = START;
        let mut bench = Self {
            left: vec![now; nodes.len()],
            nodes,
            line: Line::new(rules, Rng::new(1)),
            delay: round_trip / 2,
            now,
            events: BinaryHeap::new(),
            what: BTreeMap::new(),
            count: 0,
            rng: Rng::new(2),
        };
        for id in 0..bench.nodes.len() {
            bench.turn(id, |node, now, out| node.start(now, out));
        }
        bench
    }

    fn at(&mut self, time: Timestamp, event: Event) {
        self.count += 1;
        self.events.push(Reverse((time, self.count)));
        self.what.insert(self.count, event);
    }

    fn turn(&mut self, id: usize, act: impl FnOnce(&mut dyn Node, Timestamp, &mut Outbox)) {
        let mut out = Outbox::default();
        act(&mut *self.nodes[id], self.now, &mut out);
        for (to, body) in out.packets {
            let (To::Host(host), &Body::Tcp(segment)) = (to, &body) else { panic!("{to:?}") };
            // Without some noise, flows in lockstep would share unfairly.
            let noise = Duration::from_micros(self.rng.below(1000));
            self.left[id] = self.left[id].max(self.now + noise);
            let size = segment.size();
            let (from, left) = (id as HostId, self.left[id]);
            let packet = Packet {
                plain: None,
                proof: norm_core::endpoint::Proof::None,
                symbol: None,
                from,
                from_moves: 0,
                to,
                body,
                size,
                ecn_capable: true,
                ce: false,
                intact: true,
                cut_off: false,
                fingerprint: 0,
            };
            match segment.len {
                0 => self.at(left + self.delay, Event::Arrives(host as usize, packet)),
                _ => self.at(left, Event::Enters(packet)),
            }
        }
        let next = self.nodes[id].next();
        assert!(next > self.now, "a timeout in the past");
        if next < Timestamp::MAX {
            self.at(next, Event::Rings(id));
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(&Reverse((time, key))) = self.events.peek().filter(|e| e.0.0 <= end) {
            self.events.pop();
            self.now = time;
            match self.what.remove(&key).expect("every event has a value") {
                Event::Enters(packet) => {
                    let To::Host(to) = packet.to else { panic!("{packet:?}") };
                    for arrival in self.line.apply(time, &packet).arrivals.into_iter().flatten() {
                        let copy = Packet { ce: arrival.ce, ..packet.clone() };
                        let there = time + arrival.delay + self.delay;
                        self.at(there, Event::Arrives(to as usize, copy));
                    }
                }
                Event::Arrives(id, packet) => {
                    self.turn(id, |node, now, out| node.receive(now, &packet, out));
                }
                Event::Rings(id) if self.nodes[id].next() <= time => {
                    self.turn(id, |node, now, out| node.timeout(now, out));
                }
                Event::Rings(_) => {}
            }
        }
        self.now = end;
    }

    fn bytes(&self, flow: usize) -> u64 {
        self.nodes[2 * flow].flow().expect("a source").acknowledged
    }

    fn resent(&self, flow: usize) -> u64 {
        self.nodes[2 * flow].flow().expect("a source").resent
    }

    /// Share of the rate that a flow uses in the next seconds.
    fn share(&mut self, flow: usize, bits: u64, seconds: u64) -> f64 {
        let before = self.bytes(flow);
        self.run(Duration::from_secs(seconds));
        let wire = (self.bytes(flow) - before) as f64 * 1500.0 / 1448.0;
        wire * 8.0 / (bits * seconds) as f64
    }
}

const MBIT: u64 = 1_000_000;
const RTT: Duration = Duration::from_millis(40);

#[test]
fn flow_fills_a_bottleneck_with_a_queue_of_one_round_trip() {
    for control in [Control::Reno, Control::Cubic] {
        let mut bench = Bench::new(&[control], &[Rule::bottleneck(10 * MBIT, RTT)], RTT);
        bench.run(Duration::from_secs(5));
        let share = bench.share(0, 10 * MBIT, 60);
        assert!(share > 0.9 && share <= 1.01, "{control:?}: {share}");
        assert!(bench.resent(0) > 0, "it never found the limit");
    }
}

#[test]
fn two_equal_flows_share_a_bottleneck() {
    for control in [Control::Reno, Control::Cubic] {
        let mut bench = Bench::new(&[control; 2], &[Rule::bottleneck(10 * MBIT, RTT)], RTT);
        bench.run(Duration::from_secs(300));
        let ratio = bench.bytes(0) as f64 / bench.bytes(1) as f64;
        assert!((0.7..1.4).contains(&ratio), "{control:?}: {ratio}");
    }
}

#[test]
fn flow_recovers_after_a_burst_of_losses() {
    for control in [Control::Reno, Control::Cubic] {
        let (from, to) = (Duration::from_secs(20), Duration::from_millis(20_100));
        let rules = [Rule::Outage { from, to }, Rule::bottleneck(10 * MBIT, RTT)];
        let mut bench = Bench::new(&[control], &rules, RTT);
        bench.run(Duration::from_secs(21));
        assert!(bench.resent(0) > 50);
        let share = bench.share(0, 10 * MBIT, 20);
        assert!(share > 0.85, "{control:?}: {share}");
    }
}

#[test]
fn flow_sends_fewer_and_fewer_segments_in_an_outage() {
    let (from, to) = (Duration::from_secs(5), Duration::from_secs(35));
    let rules = [Rule::Outage { from, to }, Rule::bottleneck(10 * MBIT, RTT)];
    let mut bench = Bench::new(&[Control::Reno], &rules, RTT);
    bench.run(Duration::from_millis(5500));
    let (bytes, resent) = (bench.bytes(0), bench.resent(0));
    bench.run(Duration::from_secs(29));
    assert_eq!(bench.bytes(0), bytes);
    assert!((4..10).contains(&(bench.resent(0) - resent)), "{}", bench.resent(0) - resent);
    bench.run(Duration::from_secs(40));
    assert!(bench.bytes(0) > bytes + 10_000_000, "{}", bench.bytes(0) - bytes);
}

#[test]
fn cubic_regains_a_long_fat_pipe_faster_than_reno() {
    let long = Duration::from_millis(200);
    let share = |control| {
        let from = Duration::from_secs(10);
        let once = Rule::LossDuring { from, to: from + Duration::from_millis(1), loss: 1.0 };
        let rules = [once, Rule::bottleneck(100 * MBIT, long / 4)];
        let mut bench = Bench::new(&[control], &rules, long);
        bench.run(Duration::from_secs(11));
        bench.share(0, 100 * MBIT, 40)
    };
    let (reno, cubic) = (share(Control::Reno), share(Control::Cubic));
    assert!(cubic > 1.2 * reno && cubic > 0.8, "{cubic} against {reno}");
}

#[test]
fn ce_marks_keep_the_queue_short_without_losses() {
    for control in [Control::Reno, Control::Cubic] {
        let mark = Some(50_000);
        let rate = Rule::Rate { bits: 10 * MBIT, queue: 500_000, mark };
        let mut bench = Bench::new(&[control], &[rate], RTT);
        let share = bench.share(0, 10 * MBIT, 60);
        assert_eq!(bench.resent(0), 0);
        assert!(share > 0.9, "{control:?}: {share}");
    }
}

#[test]
fn random_loss_slows_reno_as_its_equation_says() {
    let loss = 0.002;
    let mut bench = Bench::new(&[Control::Reno], &[Rule::Loss(loss)], Duration::from_millis(100));
    bench.run(Duration::from_secs(600));
    let rate = bench.bytes(0) as f64 / 1448.0 / 600.0;
    // Mathis et al. 1997: sqrt(3/2) / (RTT sqrt(p)), one acknowledgment per round trip and growth.
    let expected = (1.5f64 / loss).sqrt() / 0.1;
    assert!((0.7..1.3).contains(&(rate / expected)), "{rate} segments/s, not {expected}");
}

#[test]
fn flow_continues_after_a_restart_of_its_host() {
    let mut bench = Bench::new(&[Control::Reno], &[Rule::bottleneck(10 * MBIT, RTT)], RTT);
    bench.run(Duration::from_secs(5));
    bench.turn(0, |node, now, _| node.stop(now));
    bench.run(Duration::from_secs(1));
    let bytes = bench.bytes(0);
    bench.turn(0, |node, now, out| node.start(now, out));
    bench.run(Duration::from_secs(5));
    assert!(bench.bytes(0) > bytes + 3_000_000, "{}", bench.bytes(0) - bytes);
}

#[test]
fn receive_window_limits_a_flow_without_a_bottleneck() {
    let mut bench = Bench::new(&[Control::Reno], &[], RTT);
    bench.run(Duration::from_secs(3));
    let per_round_trip = bench.bytes(0) as f64 / (3.0 / RTT.as_secs_f64());
    assert!(per_round_trip < RECEIVE_WINDOW as f64, "{per_round_trip}");
    assert_eq!(bench.resent(0), 0);
}
