use super::super::answers::{MAX_UNPACED, MIN_UNPACED};
use super::*;

const START: Timestamp = Timestamp::from_nanos(1_000_000_000);
const MS: Duration = Duration::from_millis(1);
const ONE: NodeId = NodeId(1);

fn room(bytes: u64) -> ReceiveWindow {
    ReceiveWindow { bytes, burst: u64::MAX }
}

#[test]
fn data_lead_the_answer_by_the_room_that_it_tells() {
    let mut window = ReceiveWindows::new();
    assert!(window.must_ask(START, 0, MS));
    let first = window.ask(START, 0, &[ONE], Pacing::None);
    assert!(!window.stalls(START, FIRST_ROOM - 1) && window.stalls(START, FIRST_ROOM));
    assert!(window.must_ask(START + MS, FIRST_ROOM / 2, MS));
    let second = window.ask(START + MS, 100_000, &[], Pacing::None);
    window.answered(START + MS, ONE, second, room(1 << 20), Pacing::Fixed);
    let limit = 100_000 + (1 << 20);
    assert!(!window.stalls(START + MS, limit - 1) && window.stalls(START + MS, limit));
    // An older answer that comes late takes nothing back, and one without a question is none.
    window.answered(START + MS, ONE, first, room(1 << 20), Pacing::Fixed);
    window.answered(START + MS, ONE, 200, room(1 << 40), Pacing::Fixed);
    assert!(!window.stalls(START + MS, limit - 1) && window.stalls(START + MS, limit));
}

#[test]
fn socket_buffer_counts_without_a_rate() {
    let mut window = ReceiveWindows::new();
    let id = window.ask(START, 0, &[ONE], Pacing::None);
    let answer = ReceiveWindow { bytes: 64 << 20, burst: 4 << 20 };
    window.answered(START + MS, ONE, id, answer, Pacing::None);
    assert!(window.stalls(START, 3 << 20));
    assert!(!window.stalls(START, (3 << 20) - 1));
    window.answered(START + MS, ONE, id, answer, Pacing::Fixed);
    assert!(!window.stalls(START, 3 << 20));
}

#[test]
fn controlled_rate_leads_by_the_socket_buffer_or_what_is_under_way() {
    let mut window = ReceiveWindows::new();
    let id = window.ask(START, 0, &[ONE], Pacing::None);
    let answer = ReceiveWindow { bytes: 64 << 20, burst: 4 << 20 };
    let pacing = Pacing::Controlled { bytes: 100_000_000 };
    window.answered(START + MS, ONE, id, answer, pacing);
    // 512 KiB wait at most, or what comes in 5 ms.
    let ahead = 512 << 10;
    assert!(!window.stalls(START, ahead - 1) && window.stalls(START, ahead));
    // Four times 1 ms, and twice 50 us, are under way: there are at most 20,000 answers a second.
    let mut small = ReceiveWindows::new();
    let id = small.ask(START, 0, &[ONE], Pacing::None);
    let answer_of_small = ReceiveWindow { bytes: 64 << 20, burst: 400 << 10 };
    small.answered(START + MS, ONE, id, answer_of_small, pacing);
    assert!(!small.stalls(START, 409_999) && small.stalls(START, 410_000));
    let mut far = ReceiveWindows::new();
    let id = far.ask(START, 0, &[ONE], Pacing::None);
    far.answered(START + MS * 3, ONE, id, answer, pacing);
    assert!(!far.stalls(START, 63 << 20));
    // In a large group, one of many always has no answer.
    let many: Vec<NodeId> = (1..20).map(NodeId).collect();
    let id = window.ask(START, 0, &many, Pacing::None);
    for node in many {
        window.answered(START + MS, node, id, answer, pacing);
    }
    assert!(!window.stalls(START, 63 << 20));
}

#[test]
fn data_lead_by_a_few_milliseconds_without_a_rate() {
    let mut window = ReceiveWindows::new();
    let answer = ReceiveWindow { bytes: 64 << 20, burst: 64 << 20 };
    let (mut now, mut sent) = (START, 0);
    let mut ahead = |window: &mut ReceiveWindows, rate: u64| {
        for _ in 0..40 {
            let id = window.ask(now, sent, &[ONE], Pacing::None);
            now += MS * 3;
            sent += rate / 1000 * 3;
            window.answered(now, ONE, id, answer, Pacing::None);
        }
        window.receivers[&ONE].limit - window.receivers[&ONE].asked
    };
    // 5 ms, and twice the 3 ms that the answer takes.
    let bytes = ahead(&mut window, 200_000_000);
    assert!((2_190_000..=2_200_000).contains(&bytes), "{bytes}");
    assert_eq!(ahead(&mut window, 2_000_000_000), MAX_UNPACED);
    assert_eq!(ahead(&mut window, 1_000_000), MIN_UNPACED);
}

#[test]
fn full_receiver_is_waited_for_a_while_and_again_with_room() {
    let mut window = ReceiveWindows::new();
    let mut now = START;
    let id = window.ask(now, 0, &[ONE], Pacing::None);
    window.answered(now, ONE, id, room(0), Pacing::Fixed);
    let mut stalled = 0;
    while window.stalls(now, FIRST_ROOM) {
        assert!(window.wakes(MS).is_some());
        let id = window.ask(now, FIRST_ROOM, &[], Pacing::None);
        window.answered(now, ONE, id, room(0), Pacing::Fixed);
        now += MS * 10;
        stalled += 1;
    }
    assert_eq!(stalled, 50);
    assert!(window.must_ask(now + MS * 10, FIRST_ROOM, MS), "it is still asked");
    let id = window.ask(now, FIRST_ROOM * 2, &[], Pacing::None);
    window.answered(START + MS, ONE, id, room(1000), Pacing::Fixed);
    assert!(window.stalls(now, FIRST_ROOM * 2 + 1000));
    window.retain(|node| node != ONE);
    assert!(!window.stalls(now, FIRST_ROOM * 2 + 1000));
}

#[test]
fn receiver_with_little_room_sets_the_pace_of_questions() {
    let (poor, rich) = (NodeId(1), NodeId(2));
    let mut window = ReceiveWindows::new();
    let id = window.ask(START, 0, &[poor, rich], Pacing::None);
    window.answered(START + MS, poor, id, room(1 << 20), Pacing::Fixed);
    window.answered(START + MS, rich, id, room(96 << 20), Pacing::Fixed);
    let (quarter, now) = (256 << 10, START + MS * 10);
    assert!(!window.must_ask(now, quarter - 1, MS) && window.must_ask(now, quarter, MS));
    assert_eq!(window.due(quarter).collect::<Vec<_>>(), [poor]);
    assert_eq!(window.due(12 << 20).collect::<Vec<_>>(), [poor, rich]);
    let id = window.ask(now, quarter, &[], Pacing::None);
    window.answered(START + MS, poor, id, room(0), Pacing::Fixed);
    assert_eq!(window.due(quarter).collect::<Vec<_>>(), [poor], "it has no room");
    window.retain(|node| node == rich);
    assert!(!window.stalls(now, (96 << 20) - 1) && window.stalls(now, 96 << 20));
}

#[test]
fn receiver_whose_answer_was_lost_is_asked_again_before_it_holds_data_up() {
    let (lost, rich) = (NodeId(1), NodeId(2));
    let pacing = Pacing::Controlled { bytes: 125_000_000 };
    let mut window = ReceiveWindows::new();
    let id = window.ask(START, 0, &[lost, rich], pacing);
    window.answered(START + MS, rich, id, room(1 << 30), Pacing::Fixed);
    let (quarter, now) = (FIRST_ROOM_PACED / 4, START + MS * 10);
    assert!(!window.must_ask(now, quarter - 1, MS) && window.must_ask(now, quarter, MS));
    assert_eq!(window.due(quarter).collect::<Vec<_>>(), [lost]);
    assert!(!window.stalls(now, quarter));
}

#[test]
fn receiver_with_ample_room_is_asked_every_second_time() {
    for (took, again) in [(MS * 5, 36), (MS * 300, 12)] {
        let mut window = ReceiveWindows::new();
        let id = window.ask(START, 0, &[ONE], Pacing::None);
        window.answered(START + took, ONE, id, room(96 << 20), Pacing::Fixed);
        window.ask(START + MS * 200, 8 << 20, &[], Pacing::None);
        assert_eq!(window.due((again << 20) - 1).count(), 0);
        assert_eq!(window.due(again << 20).count(), 1);
    }
}

#[test]
fn receivers_with_the_least_room_are_watched() {
    let mut window = ReceiveWindows::new();
    let all: Vec<NodeId> = (1..=100).map(NodeId).collect();
    let id = window.ask(START, 0, &all, Pacing::None);
    assert_eq!(window.receivers.len(), MAX_WATCHED);
    for &node in &all {
        // The later, the less.
        window.answered(
            START + MS,
            node,
            id,
            room(FIRST_ROOM * 200 - u64::from(node.0)),
            Pacing::Fixed,
        );
    }
    assert_eq!(window.receivers.len(), MAX_WATCHED);
    assert!(window.receivers.contains_key(&NodeId(100)));
    assert!(
        !window.stalls(START, FIRST_ROOM * 200 - 101)
            && window.stalls(START, FIRST_ROOM * 200 - 100)
    );
}
