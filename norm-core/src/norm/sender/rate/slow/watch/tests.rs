use super::*;
use crate::endpoint::Proof;
use crate::norm::sender::receivers::Speaker;
use crate::norm::wire::{Identity, InstanceId, MemberReport, WireTime};

const TICK: Duration = Duration::from_millis(100);
const GRTT: Duration = Duration::from_millis(10);
const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);

fn policy() -> SlowPolicy {
    SlowPolicy { below: None, loss: None, after: Duration::from_secs(2), separate_group: None }
}

fn watch(policy: SlowPolicy) -> SlowWatch {
    SlowWatch::new(policy, Mode::Native)
}

/// A group in which some are slow, each with what it can take, in bytes per second; the others take
/// 10 MB/s.
struct Group {
    now: Timestamp,
    sent: f64,
    active: usize,
    slow: Vec<(NodeId, f64)>,
}

impl Group {
    fn new(active: usize, slow: &[(NodeId, f64)]) -> Self {
        let now = Timestamp::ZERO + Duration::from_secs(1);
        Self { now, sent: 0.0, active, slow: slow.to_vec() }
    }

    /// The receivers that are evicted within some seconds, and how long that took.
    fn run(&mut self, slow: &mut SlowWatch, seconds: u64) -> Option<(Vec<NodeId>, Duration)> {
        let start = self.now;
        for _ in 0..seconds * 10 {
            let heard = self.slow.iter().filter(|(node, _)| !slow.leaves_out(*node));
            let least = heard.min_by(|a, b| a.1.total_cmp(&b.1)).copied();
            let rate = least.map_or(10e6, |(_, rate)| rate);
            self.sent += rate / 10.0;
            self.now += TICK;
            let view = View {
                limiting: least.map(|(node, rate)| Limiting { node, rate: (rate * 8.0) as u64 }),
                sent: self.sent as u64,
                active: self.active,
                evicted: 0,
                grtt: GRTT,
            };
            let nodes = slow.decide(self.now, &view);
            if !nodes.is_empty() {
                return Some((nodes, self.now.saturating_since(start)));
            }
        }
        None
    }
}

#[test]
fn slow_receiver_is_evicted_soon_after_the_policys_time() {
    let mut slow = watch(policy());
    let (gone, took) = Group::new(5, &[(A, 1e6)]).run(&mut slow, 10).unwrap();
    assert_eq!(gone, [A]);
    assert!(took > Duration::from_secs(2) && took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn slow_receivers_go_together_but_no_more_than_a_third() {
    let three = [(A, 1e6), (B, 1.1e6), (NodeId(3), 0.9e6)];
    let (gone, _) = Group::new(9, &three).run(&mut watch(policy()), 20).unwrap();
    assert_eq!(gone, [NodeId(3), A, B]);
    assert!(Group::new(8, &three).run(&mut watch(policy()), 600).is_none(), "no exceptions");
    // Receivers below the limit of the policy are evicted, however many they are.
    let below = SlowPolicy { below: Some(16_000_000), ..policy() };
    let (gone, _) = Group::new(4, &three).run(&mut watch(below), 20).unwrap();
    assert_eq!(gone.len(), 3);
}

#[test]
fn receiver_half_as_fast_as_the_others_stays() {
    let two = [(A, 1e6), (B, 1.9e6), (NodeId(3), 6e6)];
    let (gone, _) = Group::new(9, &two).run(&mut watch(policy()), 20).unwrap();
    assert_eq!(gone, [A, B]);
}

#[test]
fn receiver_that_is_not_the_reason_is_tried_less_often() {
    let mut slow = watch(policy());
    // All have one bottleneck.
    let all: Vec<(NodeId, f64)> = (1..=8).map(|n| (NodeId(n), 1e6)).collect();
    let mut group = Group::new(8, &all);
    let mut out = 0;
    for _ in 0..600 {
        assert!(group.run(&mut slow, 1).is_none());
        out += u32::from(slow.tries());
    }
    assert!(out > 5 && out < 60, "{out} of 600 s");
}

#[test]
fn receiver_above_the_policys_limit_stays() {
    let above = SlowPolicy { below: Some(4_000_000), ..policy() };
    assert!(Group::new(5, &[(A, 0.6e6)]).run(&mut watch(above), 60).is_none());
    let below = SlowPolicy { below: Some(64_000_000), ..policy() };
    let (gone, _) = Group::new(5, &[(A, 7e6)]).run(&mut watch(below), 60).unwrap();
    assert_eq!(gone, [A], "the others take 1.4 times as much");
    assert!(Group::new(5, &[(A, 7e6)]).run(&mut watch(policy()), 60).is_none());
}

#[test]
fn only_receiver_stays_and_all_do_when_everything_was_sent() {
    assert!(Group::new(1, &[(A, 1e6)]).run(&mut watch(policy()), 60).is_none());
    let mut slow = watch(policy());
    let mut group = Group::new(5, &[(A, 1e6)]);
    assert!(group.run(&mut slow, 3).is_none() && slow.leaves_out(A));
    slow.end();
    assert!(!slow.leaves_out(A));
}

#[test]
fn receiver_that_loses_too_much_for_too_long_is_evicted() {
    let mut slow = watch(SlowPolicy { loss: Some(0.5), ..policy() });
    let (much, little) = (40_000, 20_000);
    let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
    assert!(!slow.losses.note(at(1), A, much) && !slow.losses.note(at(2), A, much));
    assert!(!slow.losses.note(at(3), A, little) && !slow.losses.note(at(4), A, much));
    assert!(!slow.losses.note(at(5), A, much) && slow.losses.note(at(6), A, much));
    assert!(!watch(policy()).losses.note(at(1), A, u16::MAX));
}

#[test]
fn receiver_that_writes_what_it_has_is_no_straggler() {
    let mut members = MemberTable::new(9, false);
    for node in [A, B] {
        let speaker = Speaker::new(node, ([10, 0, 0, 1], node.0 as u16).into(), Proof::None);
        let identity = Identity(u128::from(node.0).to_be_bytes());
        members.heard(Timestamp::ZERO, speaker, Some(identity), 0);
    }
    members.set_status(A, MemberStatus::Confirmed);
    let left = |members: &MemberTable| waited_for(members).collect::<Vec<_>>();
    assert_eq!(left(&members), [B]);
    let report = |state| MemberReport {
        sender: NodeId(9),
        instance: InstanceId(9),
        round: 0,
        grtt_response: WireTime::ZERO,
        identity: Identity(2_u128.to_be_bytes()),
        state,
        bytes_done: 0,
        bytes_total: 0,
        loss: 0,
        drops: 0,
        ce_marked: 0,
        largest_heard: 0,
        name: "",
        reason: "",
    };
    members.note_report(B, &report(MemberState::Verifying));
    assert!(left(&members).is_empty(), "it has everything");
    members.note_report(B, &report(MemberState::Writing));
    assert_eq!(left(&members), [B], "it lacks something");
}
