//! Packets on lines of rules.

use std::sync::Arc;

use norm_core::{Rng, Timestamp};

use super::line::{Damage, Fate};
use super::*;
use crate::clock::START;
use crate::packet::{Body, Packet, Segment, To};

fn datagram(size: u32) -> Packet {
    Packet {
        symbol: None,
        from: 0,
        from_moves: 0,
        to: To::Group,
        body: Body::Datagram(Arc::from(vec![0xa5; size as usize - 28])),
        size,
        ecn_capable: true,
        ce: false,
        intact: true,
        cut_off: false,
        plain: None,
        proof: norm_core::endpoint::Proof::None,
        fingerprint: 0,
    }
}

fn line(rules: &[Rule]) -> Line {
    Line::new(rules, Rng::new(11))
}

fn at(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

/// True for each of `n` packets that is lost.
fn losses(line: &mut Line, n: usize) -> Vec<bool> {
    let packet = datagram(1000);
    (0..n).map(|_| !line.passes(at(0), &packet)).collect()
}

fn share(lost: &[bool]) -> f64 {
    lost.iter().filter(|&&l| l).count() as f64 / lost.len() as f64
}

fn mean_burst(lost: &[bool]) -> f64 {
    let bursts: Vec<usize> =
        lost.chunk_by(|a, b| a == b).filter(|chunk| chunk[0]).map(<[bool]>::len).collect();
    bursts.iter().sum::<usize>() as f64 / bursts.len() as f64
}

#[test]
fn empty_line_passes_all_packets_at_once() {
    let mut line = line(&[]);
    assert!(line.only_drops() && line.passes(at(0), &datagram(100)));
    let once = Fate { arrivals: [Some(Arrival::default()), None] };
    assert_eq!(line.apply(at(0), &datagram(100)), once);
}

#[test]
fn losses_of_several_rules_add_up() {
    let lost = losses(&mut line(&[Rule::Loss(0.1), Rule::Loss(0.2)]), 200_000);
    assert!((share(&lost) - 0.28).abs() < 0.005, "{}", share(&lost));
}

#[test]
fn apply_and_passes_lose_the_same_packets() {
    let rules = [Rule::Loss(0.1), Rule::wifi_bursts(0.1, 3.0), Rule::Recorded(vec![false, true])];
    let mut one = line(&rules);
    let mut other = line(&rules);
    let packet = datagram(500);
    for _ in 0..10_000 {
        let arrives = other.apply(at(0), &packet).arrivals[0].is_some();
        assert_eq!(one.passes(at(0), &packet), arrives);
    }
}

#[test]
fn bursts_agree_with_the_theory_of_gilbert_and_elliott() {
    let (enter, leave, loss) = (0.01, 0.2, 0.5);
    let lost = losses(&mut line(&[Rule::Bursts { enter, leave, loss }]), 2_000_000);
    let expected = enter / (enter + leave) * loss;
    assert!((share(&lost) / expected - 1.0).abs() < 0.03, "{} for {expected}", share(&lost));
    // A burst continues with the probability that the bad state stays and loses again.
    let expected = 1.0 / (1.0 - (1.0 - leave) * loss);
    assert!((mean_burst(&lost) / expected - 1.0).abs() < 0.03, "{}", mean_burst(&lost));
}

#[test]
fn wifi_bursts_have_their_loss_and_length() {
    for (loss, burst) in [(0.02, 8.0), (0.1, 3.0), (0.5, 1.0)] {
        let lost = losses(&mut line(&[Rule::wifi_bursts(loss, burst)]), 2_000_000);
        assert!((share(&lost) / loss - 1.0).abs() < 0.04, "{} for {loss}", share(&lost));
        let mean = mean_burst(&lost);
        assert!((mean / burst - 1.0).abs() < 0.04, "{mean} for {burst}");
    }
}

#[test]
fn short_runs_see_the_mean_loss_of_bursts_too() {
    let rule = Rule::wifi_bursts(0.2, 20.0);
    let first =
        |seed| !Line::new(std::slice::from_ref(&rule), Rng::new(seed)).passes(at(0), &datagram(99));
    let lost: Vec<bool> = (0..20_000).map(first).collect();
    assert!((share(&lost) - 0.2).abs() < 0.01, "{}", share(&lost));
}

#[test]
fn recorded_trace_is_played_again_and_again() {
    let trace = vec![true, false, false, true, true];
    let lost = losses(&mut line(&[Rule::Recorded(trace.clone())]), 5 * 100);
    assert_eq!(lost[..5], trace);
    let rotations: Vec<_> = (0..5).map(|by| [&trace[by..], &trace[..by]].concat()).collect();
    let starts = lost.chunks(5).map(|again| rotations.iter().position(|r| r == again).unwrap());
    assert_eq!(starts.collect::<std::collections::BTreeSet<_>>().len(), 5);
    assert_eq!(losses(&mut line(&[Rule::Recorded(Vec::new())]), 3), [false; 3]);
}

#[test]
fn outage_has_its_span_of_the_run() {
    let (from, to) = (Duration::from_millis(100), Duration::from_millis(200));
    for rule in [Rule::Outage { from, to }, Rule::LossDuring { from, to, loss: 1.0 }] {
        let mut line = line(&[rule]);
        let seen = [0, 99, 100, 199, 200].map(|ms| line.passes(at(ms), &datagram(100)));
        assert_eq!(seen, [true, true, false, false, true]);
    }
}

#[test]
fn loss_in_a_span_has_its_probability() {
    let (from, to) = (Duration::ZERO, Duration::from_secs(1));
    let lost = losses(&mut line(&[Rule::LossDuring { from, to, loss: 0.3 }]), 100_000);
    assert!((share(&lost) - 0.3).abs() < 0.01, "{}", share(&lost));
}

#[test]
fn packets_longer_than_the_mtu_are_dropped() {
    let mut line = line(&[Rule::Mtu(1400)]);
    assert!(line.passes(at(0), &datagram(1400)));
    assert!(!line.passes(at(0), &datagram(1401)));
}

#[test]
fn path_may_change_at_a_time() {
    let from = Duration::from_secs(1);
    let mut line = line(&[Rule::MtuFrom { from, bytes: 1400 }]);
    assert!(line.passes(at(999), &datagram(1401)));
    assert!(line.passes(at(1000), &datagram(1400)) && !line.passes(at(1000), &datagram(1401)));
}

#[test]
fn link_without_multicast_passes_unicast_alone() {
    let mut line = line(&[Rule::NoMulticast]);
    let group = datagram(100);
    assert!(!line.passes(at(0), &group));
    assert!(line.passes(at(0), &Packet { to: To::Host(3), ..group }));
}

#[test]
fn nothing_passes_a_one_way_link() {
    let mut line = line(&[Rule::Nothing]);
    assert!(line.only_drops() && losses(&mut line, 100).iter().all(|&lost| lost));
}

#[test]
fn bottleneck_delays_marks_and_drops() {
    let rate = Rule::Rate { bits: 8_000_000, queue: 3000, mark: Some(1500) };
    let mut line = line(&[rate]);
    assert!(!line.only_drops());
    let fates = [(); 4].map(|()| line.apply(at(0), &datagram(1000)).arrivals[0].clone());
    let expected =
        |millis, ce| Some(Arrival { delay: Duration::from_millis(millis), ce, damage: None });
    assert_eq!(fates, [expected(1, false), expected(2, false), expected(3, true), None]);
}

#[test]
fn queue_of_a_bottleneck_can_be_given_as_time() {
    let rule = Rule::bottleneck(8_000_000, Duration::from_millis(5));
    assert_eq!(rule, Rule::Rate { bits: 8_000_000, queue: 5000, mark: None });
}

#[test]
fn ce_mark_stays() {
    let marked = Packet { ce: true, ..datagram(100) };
    let fate = line(&[Rule::Jitter(Duration::ZERO)]).apply(at(0), &marked);
    assert!(fate.arrivals[0].as_ref().unwrap().ce);
}

#[test]
fn duplicates_meet_the_rules_that_follow_one_by_one() {
    let mut line = line(&[Rule::Duplicate(0.5), Rule::Loss(0.5)]);
    let mut seen = [0; 3];
    for _ in 0..40_000 {
        let fate = line.apply(at(0), &datagram(100));
        seen[fate.arrivals.iter().flatten().count()] += 1;
    }
    // Twice: 1/2 * 1/4. Never: 1/2 * 1/2 + 1/2 * 1/4.
    assert!((f64::from(seen[2]) / 40_000.0 - 0.125).abs() < 0.01, "{seen:?}");
    assert!((f64::from(seen[0]) / 40_000.0 - 0.375).abs() < 0.01, "{seen:?}");
}

#[test]
fn jitter_reorders_within_its_bound() {
    let max = Duration::from_millis(10);
    let mut line = line(&[Rule::Jitter(max)]);
    let delays: Vec<Duration> = (0..1000)
        .map(|_| line.apply(at(0), &datagram(100)).arrivals[0].as_ref().unwrap().delay)
        .collect();
    assert!(delays.iter().all(|&delay| delay < max));
    assert!(!delays.is_sorted(), "packets arrive in another order");
    let mean = delays.iter().sum::<Duration>() / 1000;
    assert!(mean.abs_diff(max / 2) < Duration::from_micros(500), "{mean:?}");
}

#[test]
fn some_packets_are_late() {
    let by = Duration::from_millis(7);
    let mut line = line(&[Rule::Late { share: 0.1, by }]);
    let late = (0..10_000)
        .map(|_| line.apply(at(0), &datagram(100)).arrivals[0].as_ref().unwrap().delay)
        .inspect(|&delay| assert!(delay == by || delay.is_zero()))
        .filter(|&delay| delay == by)
        .count();
    assert!((900..1100).contains(&late), "{late}");
}

#[test]
fn corruption_flips_exactly_one_bit() {
    let mut line = line(&[Rule::Corrupt(1.0)]);
    let payload = [0xa5; 72];
    let mut bits = std::collections::BTreeSet::new();
    for _ in 0..5000 {
        let fate = line.apply(at(0), &datagram(100));
        let damage = fate.arrivals[0].as_ref().unwrap().damage.unwrap();
        let after = damage.apply(&payload);
        let differing: u32 = payload.iter().zip(&after).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!((after.len(), differing), (72, 1));
        let Damage::Flip { bit } = damage else { panic!("{damage:?}") };
        bits.insert(bit);
    }
    assert!(bits.len() > 570 && bits.last() < Some(&576), "any of 576 bits: {}", bits.len());
}

#[test]
fn truncation_always_takes_something() {
    let mut line = line(&[Rule::Truncate(1.0)]);
    for _ in 0..1000 {
        let fate = line.apply(at(0), &datagram(100));
        let after = fate.arrivals[0].as_ref().unwrap().damage.unwrap().apply(&[0xa5; 72]);
        assert!(after.len() < 72);
    }
}

#[test]
fn packets_without_bytes_are_not_damaged() {
    let mut line = line(&[Rule::Corrupt(1.0), Rule::Truncate(1.0)]);
    let segment = Segment { sequence: 0, len: 1448, acknowledged: 0, echo: false };
    for packet in [datagram(28), Packet { body: Body::Tcp(segment), ..datagram(1500) }] {
        assert_eq!(line.apply(at(0), &packet).arrivals[0], Some(Arrival::default()));
    }
    assert!(Damage::Flip { bit: 9 }.apply(&[]).is_empty());
}

#[test]
fn seed_decides_all_fates() {
    let rules = [
        Rule::Loss(0.05),
        Rule::wifi_bursts(0.05, 4.0),
        Rule::Duplicate(0.2),
        Rule::Jitter(Duration::from_millis(3)),
        Rule::Late { share: 0.1, by: Duration::from_millis(9) },
        Rule::Corrupt(0.1),
        Rule::bottleneck(50_000_000, Duration::from_millis(20)),
    ];
    let run = |seed| {
        let mut line = Line::new(&rules, Rng::new(seed));
        (0..2000).map(|i| line.apply(at(i), &datagram(1000))).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn rules_are_readable_as_json() {
    let rules = vec![Rule::Loss(0.01), Rule::Mtu(1400), Rule::NoMulticast];
    let json = serde_json::to_string(&rules).unwrap();
    assert_eq!(json, r#"[{"Loss":0.01},{"Mtu":1400},"NoMulticast"]"#);
    let spans = vec![
        Rule::bottleneck(1_000_000, Duration::from_secs(1)),
        Rule::Jitter(Duration::from_secs(1)),
    ];
    let json = serde_json::to_string(&spans).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Rule>>(&json).unwrap(), spans);
}
