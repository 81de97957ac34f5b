//! Verdicts that follow from reports.

use super::*;
use crate::endpoint::Proof;
use crate::norm::sender::receivers::Speaker;
use crate::norm::wire::{Identity, MovedObjects};

const SIZES: [PacketSize; 3] = [
    PacketSize { packet: 1500, segment: 1344 },
    PacketSize { packet: 1400, segment: 1280 },
    PacketSize { packet: 1280, segment: 1152 },
];
/// The first receiver.
const A: NodeId = NodeId(11);
/// Bytes of most packets with content of the longest size.
const CONTENT: u16 = 1392;
/// Bytes of the longest of them.
const LONGEST: u16 = 1408;
const OPENING: Opening = Opening { expects_receivers: true, spread: Duration::from_millis(10) };

struct Session {
    path: PathMtu,
    receivers: Receivers,
    round: u16,
    now: Timestamp,
}

fn at(ms: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_millis(ms)
}

impl Session {
    fn new() -> Self {
        let mut config = SenderConfig::new(NodeId(1));
        config.packets.sizes = SIZES.into();
        let receivers = Receivers::new(&config, at(0));
        Self { path: PathMtu::new(&config), receivers, round: 0, now: at(5_000) }
    }

    fn join(&mut self, node: u32) -> NodeId {
        let address = core::net::SocketAddr::from(([10, 0, 0, node as u8], 5740));
        let identity = Identity(u128::from(node).to_be_bytes());
        let speaker = Speaker::new(NodeId(node), address, Proof::None);
        self.receivers.heard(at(0), speaker, Some(identity), 0);
        NodeId(node)
    }

    /// A query with what goes before it; the lengths of the probes.
    fn query(&mut self) -> Vec<u16> {
        let next = |path: &mut PathMtu| path.next_probe(1, MovedObjects::default());
        let probes = core::iter::from_fn(|| next(&mut self.path)).map(|probe| {
            assert_eq!(usize::from(probe.len), usize::from(probe.packet) - 28 - COMMAND_BYTES);
            probe.packet
        });
        let probes = probes.collect();
        self.round += 1;
        self.path.query_sent(at(self.round.into()), self.round);
        probes
    }

    fn report(&mut self, node: NodeId, largest: u16) -> Option<Verdict> {
        let answer = self.path.answer(self.round, largest);
        let evidence = self.receivers.members_mut().note_sizes(node, &answer);
        self.path.judge(self.now, node, evidence, self.receivers.members())
    }

    fn is_ready(&mut self) -> bool {
        self.path.is_ready(at(20), OPENING, &self.receivers)
    }

    fn start(&mut self) -> (u16, Vec<Verdict>) {
        let decided = self.path.decide(self.receivers.members());
        let (change, verdicts) = decided.expect("it is the first time");
        self.change(&change);
        (change.packet(), verdicts)
    }

    fn change(&mut self, change: &SizeChange) {
        self.path.changed(change);
        self.receivers.members_mut().judge_sizes_anew(self.path.needed());
    }

    /// Started, with receivers that get the longest packets.
    fn started(nodes: u32) -> Self {
        let mut session = Self::new();
        let nodes: Vec<NodeId> = (0..nodes).map(|node| session.join(A.0 + node)).collect();
        session.query();
        for node in nodes {
            session.report(node, 1500);
        }
        assert!(session.is_ready());
        assert_eq!(session.start().0, 1500);
        session
    }

    /// Content flows, and a query follows.
    fn flow(&mut self) -> Vec<u16> {
        self.path.note_content(usize::from(CONTENT) - 28);
        self.path.note_content(usize::from(LONGEST) - 28);
        self.query()
    }
}

#[test]
fn start_waits_until_each_receiver_has_got_or_missed_the_longest_probe() {
    let mut session = Session::new();
    let (a, b) = (session.join(11), session.join(12));
    assert!(!session.is_ready(), "there was no query yet");
    assert_eq!(session.query(), [1500, 1400, 1280]);
    session.report(a, 1500);
    session.report(b, 1400);
    for _ in 1..MIN_SETS {
        assert!(!session.is_ready());
        assert_eq!(session.query(), [1500, 1400, 1280]);
        session.report(b, 1280);
    }
    assert!(session.is_ready());
    assert_eq!(session.start(), (1400, vec![]));
    assert!(session.query().is_empty(), "all is well");
}

#[test]
fn longest_probe_is_enough_once() {
    let mut session = Session::new();
    let (a, b) = (session.join(11), session.join(12));
    session.query();
    session.report(a, 1500);
    assert!(!session.is_ready(), "nothing is known of the other one");
    session.query();
    session.report(a, 1280);
    session.report(b, 1500);
    assert!(session.is_ready());
    assert_eq!(session.start(), (1500, vec![]), "the next one was lost by accident");
}

#[test]
fn start_does_not_wait_for_ever() {
    let mut session = Session::new();
    let a = session.join(11);
    session.query();
    session.report(a, 60);
    assert!(!session.is_ready());
    assert!(session.path.is_ready(at(20) + MAX_OPENING, OPENING, &session.receivers));
    let (packet, verdicts) = session.start();
    assert_eq!((packet, verdicts), (1500, vec![]), "it has answered once only");
}

#[test]
fn without_receivers_to_wait_for_the_first_answers_are_waited_for() {
    let mut session = Session::new();
    let opening = Opening { expects_receivers: false, ..OPENING };
    let mut ready = |ms| session.path.is_ready(at(ms), opening, &session.receivers);
    assert!(!ready(0));
    session.path.query_sent(at(1), 1);
    let mut ready = |ms| session.path.is_ready(at(ms), opening, &session.receivers);
    assert!(!ready(100));
    assert!(ready(211));
}

#[test]
fn path_that_changes_is_followed_after_a_burst_of_probes() {
    let mut session = Session::started(2);
    let (a, b) = (A, NodeId(A.0 + 1));
    session.flow();
    assert_eq!((session.report(a, LONGEST), session.report(b, 70)), (None, None));
    assert!(session.path.is_searching());
    let probes = session.flow();
    assert_eq!(probes.len(), 3 * MIN_SETS as usize);
    assert!(session.path.is_in_haste());
    assert_eq!(session.report(a, LONGEST), None);
    let Some(Verdict::Change(change)) = session.report(b, 1400) else { panic!() };
    assert_eq!((change.packet(), change.segment(), change.node()), (1400, 1280, Some(b)));
    session.change(&change);
    assert!(!session.path.is_searching());
}

#[test]
fn receiver_that_gets_one_long_packet_is_not_suspected_any_more() {
    let mut session = Session::started(1);
    session.flow();
    session.report(A, 70);
    assert!(session.path.is_searching());
    session.flow();
    assert_eq!(session.report(A, LONGEST), None);
    assert!(!session.path.is_searching());
}

#[test]
fn silence_of_the_sender_is_no_reason_for_suspicion() {
    let mut session = Session::started(1);
    session.query();
    session.report(A, 70);
    assert!(!session.path.is_searching());
}

#[test]
fn late_receiver_is_followed_only_if_no_other_gets_what_is_sent() {
    let mut session = Session::started(1);
    let late = session.join(99);
    session.flow();
    session.report(late, 70);
    session.flow();
    assert_eq!(session.report(late, 1280), Some(Verdict::TooShort { node: late, largest: 1280 }));
    session.path.note_told(late);
    session.flow();
    assert_eq!(session.report(late, 1280), None, "it was told");
    let mut session = Session::started(0);
    let late = session.join(99);
    session.flow();
    session.report(late, 70);
    session.flow();
    assert!(matches!(session.report(late, 1280), Some(Verdict::Change(_))));
}

#[test]
fn receiver_that_answers_soon_after_the_start_is_followed() {
    let mut session = Session::started(1);
    let far = session.join(99);
    session.now = at(1400);
    session.flow();
    session.report(far, 70);
    session.now = at(60_000);
    session.flow();
    assert!(matches!(session.report(far, 1280), Some(Verdict::Change(_))));
}

#[test]
fn start_that_is_interrupted_begins_anew() {
    let mut session = Session::new();
    session.join(11);
    session.query();
    session.path.note_interruption(at(10));
    assert!(!session.path.is_ready(at(20) + MAX_OPENING, OPENING, &session.receivers));
    session.query();
    session.report(A, 1400);
    assert!(!session.is_ready());
    for _ in 1..MIN_SETS {
        session.query();
        session.report(A, 1400);
    }
    assert!(session.is_ready());
    assert_eq!(session.start(), (1400, vec![]));
}

#[test]
fn receiver_that_gets_none_of_the_sizes_is_given_more_time() {
    let mut session = Session::started(1);
    let node = A;
    let mut rounds = 0;
    let verdict = loop {
        session.flow();
        rounds += 1;
        if let Some(verdict) = session.report(node, 70) {
            break verdict;
        }
    };
    assert_eq!(verdict, Verdict::TooShort { node, largest: 70 });
    assert_eq!(rounds, 1 + 1 + (HOPELESS_FACTOR - 1) * MIN_SETS);
}

#[test]
fn probe_stands_in_for_the_longest_packets_where_content_has_none() {
    let mut session = Session::started(1);
    assert!(session.flow().is_empty(), "content had some");
    session.path.note_content(usize::from(CONTENT) - 28);
    assert_eq!(session.query(), [LONGEST]);
    session.path.note_content(usize::from(CONTENT) - 29);
    assert!(session.query().is_empty(), "a short packet shows nothing");
}

#[test]
fn path_that_lets_most_of_the_content_through_is_found_out() {
    let mut session = Session::started(1);
    for _ in 0..3 {
        assert!(!session.path.is_searching());
        session.flow();
        assert_eq!(session.report(A, CONTENT), None);
    }
    assert!(session.path.is_searching());
    assert_eq!(session.flow()[..3], [LONGEST, 1400, 1280]);
    let Some(Verdict::Change(change)) = session.report(A, 1400) else { panic!() };
    assert_eq!(change.packet(), 1400);
}

#[test]
fn receiver_that_gets_none_of_the_sizes_is_named_at_the_start() {
    let mut session = Session::new();
    let (a, b) = (session.join(11), session.join(12));
    for _ in 0..MIN_SETS {
        session.query();
        session.report(a, 1500);
        session.report(b, 60);
    }
    assert!(session.is_ready());
    assert_eq!(session.start(), (1500, vec![Verdict::TooShort { node: b, largest: 60 }]));
    assert!(session.path.decide(session.receivers.members()).is_none(), "once");
}

#[test]
fn limit_of_this_host_leaves_the_sizes_that_fit() {
    let mut session = Session::new();
    assert_eq!(session.path.limit(1450), Some(OwnLimit::Kept), "nothing is decided yet");
    session.join(11);
    assert_eq!(session.query(), [1400, 1280]);
    session.report(A, 1400);
    assert_eq!(session.start().0, 1400);
    assert_eq!(session.path.limit(1500), Some(OwnLimit::Kept));
    let Some(OwnLimit::Change(change)) = session.path.limit(1399) else { panic!() };
    assert_eq!((change.packet(), change.node()), (1280, None));
    session.change(&change);
    assert_eq!(session.path.limit(1399), Some(OwnLimit::Kept), "of packets from before");
    assert_eq!(session.path.limit(1279), None, "there is no shorter one");
    assert_eq!(Session::new().path.limit(1279), None);
}
