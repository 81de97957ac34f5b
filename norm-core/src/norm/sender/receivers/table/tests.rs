use core::net::SocketAddr;

use super::super::member::MOVE_AFTER;
use super::*;
use crate::endpoint::Proof;

const NOW: Timestamp = Timestamp::ZERO;
/// Silence after which the next claim from another address is believed.
const UNTIL: Duration = MOVE_AFTER.saturating_add(MIN_ANSWER_TIME);

fn id(n: u32) -> Identity {
    Identity(u128::from(n).to_be_bytes())
}

fn speaker(node: u32, peer: u16) -> Speaker {
    Speaker::new(NodeId(node), SocketAddr::from(([10, 0, 0, 1], peer)), Proof::None)
}

fn hear(members: &mut MemberTable, node: u32, peer: u16, identity: Option<u32>) -> Heard {
    members.heard(NOW, speaker(node, peer), identity.map(id), 0)
}

#[test]
fn member_stays_within_128_bytes() {
    // Numbers in two orders, in runs that are half full; a node of a tree may be half full, too.
    let orders = 2 * 2 * size_of::<u32>();
    let nodes = 2 * size_of::<(NodeId, u32)>();
    let list = size_of::<Member>() + size_of::<Member>().div_ceil(GROW_BY);
    assert!(list + orders + nodes <= 112);
}

#[test]
fn place_of_a_receiver_that_left_is_used_again() {
    let mut members = MemberTable::new(9, false);
    for n in 1..=3 {
        assert_eq!(hear(&mut members, n, n as u16, Some(n)), Heard::New);
    }
    members.forget(NodeId(2));
    assert_eq!(hear(&mut members, 4, 4, Some(4)), Heard::New);
    assert_eq!(members.members.len(), 3);
    // Silent for long, the first may speak from where the third is.
    members.heard(NOW + MOVE_AFTER, speaker(1, 3), Some(id(1)), 0);
    let later = NOW + UNTIL;
    let moved = members.heard(later, speaker(1, 3), Some(id(1)), 0);
    assert_eq!(moved, Heard::Known);
    members.forget(NodeId(3));
    let nodes: Vec<u32> = members.iter().map(|(node, _)| node.0).collect();
    assert_eq!(nodes, [1, 4]);
    assert_eq!(members.heard(later, speaker(1, 3), None, 0), Heard::Known);
    assert_eq!(hear(&mut members, 9, 3, Some(9)), Heard::Unannounced, "one address, one receiver");
}

#[test]
fn counts_follow_the_statuses() {
    let mut members = MemberTable::new(3, false);
    for n in 1..=4u16 {
        let heard = hear(&mut members, n.into(), n, Some(n.into()));
        assert_eq!(heard, if n <= 3 { Heard::New } else { Heard::Unlisted });
    }
    assert!(members.set_status(NodeId(1), MemberStatus::Confirmed));
    assert!(!members.set_status(NodeId(1), MemberStatus::Confirmed));
    assert_eq!(members.confirmed(), 1);
    assert_eq!(members.next_active(NodeId(2), 9), [NodeId(2), NodeId(3)]);
    assert_eq!(members.next_active(NodeId(0), 1), [NodeId(2)]);
    assert_eq!(members.next_active(NodeId(2), 1), [NodeId(3)]);
    assert_eq!(members.next_active(NodeId(3), 1), [NodeId(2)]);
    assert_eq!(members.following(NodeId(2), 9), [NodeId(3), NodeId(2)]);
    assert_eq!(members.following(NodeId(3), 1), [NodeId(2)]);
    assert!(members.is_active(NodeId(2)) && !members.is_active(NodeId(1)));
    members.set_status(NodeId(2), MemberStatus::Failed);
    members.set_status(NodeId(3), MemberStatus::Lost);
    assert!(members.all_settled());
    assert_eq!(hear(&mut members, 3, 3, None), Heard::Known);
    assert!(!members.all_settled());
    members.reopen();
    assert_eq!(members.confirmed(), 0);
    assert_eq!(members.next_active(NodeId(0), 9), [NodeId(1), NodeId(3)]);
}

#[test]
fn list_of_active_receivers_is_full_and_goes_round() {
    let mut members = MemberTable::new(9, false);
    for n in 1..=6 {
        hear(&mut members, n, n as u16, Some(n));
    }
    members.set_status(NodeId(4), MemberStatus::Confirmed);
    let next = |after, limit| -> Vec<u32> {
        members.next_active(NodeId(after), limit).iter().map(|node| node.0).collect()
    };
    assert_eq!(next(3, 9), [1, 2, 3, 5, 6]);
    assert_eq!(next(3, 5), [1, 2, 3, 5, 6]);
    assert_eq!(next(1, 3), [2, 3, 5]);
    assert_eq!(next(3, 3), [3, 5, 6]);
    assert_eq!(next(6, 3), [1, 2, 3]);
    assert!(next(3, 0).is_empty());
}

#[test]
fn unannounced_receiver_is_not_waited_for() {
    let mut members = MemberTable::new(9, false);
    assert_eq!(hear(&mut members, 7, 7, None), Heard::Unannounced);
    assert!(!members.set_status(NodeId(7), MemberStatus::Confirmed));
    assert!(members.all_settled() && members.next_active(NodeId(0), 9).is_empty());
    assert_eq!((members.len(), members.announced(), members.confirmed()), (1, 0, 0));
    assert_eq!(hear(&mut members, 7, 7, Some(7)), Heard::New);
    assert!(!members.all_settled());
    assert_eq!((members.len(), members.present(NOW)), (1, 1));
    members.forget(NodeId(7));
    assert_eq!((members.len(), members.announced(), members.present(NOW)), (0, 0, 0));
    assert!(members.all_settled());
}

#[test]
fn second_identity_on_a_node_id_is_a_collision() {
    let mut members = MemberTable::new(9, false);
    assert_eq!(hear(&mut members, 1, 1, Some(1)), Heard::New);
    assert_eq!(hear(&mut members, 1, 2, Some(2)), Heard::Collision(id(1)));
    members.set_status(NodeId(1), MemberStatus::Confirmed);
    assert_eq!(hear(&mut members, 5, 5, Some(1)), Heard::Unannounced, "too soon");
    assert_eq!(hear(&mut members, 5, 1, Some(1)), Heard::Moved(NodeId(1)), "it is itself");
    assert_eq!((members.announced(), members.confirmed(), members.all_settled()), (1, 0, false));
    let mut moves = |after| members.heard(NOW + after, speaker(5, 9), Some(id(1)), 0);
    assert_eq!(moves(MOVE_AFTER), Heard::Unannounced, "it is asked first");
    assert_eq!(moves(UNTIL), Heard::Known, "silent for long, it may have another address");
    assert_eq!(hear(&mut members, 5, 1, None), Heard::Unannounced, "and not the old one");
}

#[test]
fn receiver_that_answers_queries_keeps_its_identity() {
    let mut members = MemberTable::new(9, false);
    hear(&mut members, 1, 1, Some(1));
    let ms = Duration::from_millis;
    let mut now = NOW;
    for n in 2..9 {
        for late in [2_000, 2_900] {
            let heard = |node| speaker(node, 7);
            let late = now + ms(late);
            assert_eq!(members.heard(late, heard(1), Some(id(1)), 0), Heard::Unannounced);
            assert_eq!(members.heard(late, heard(n), Some(id(1)), 0), Heard::Unannounced);
        }
        now += ms(2_950);
        assert_eq!(members.heard(now, speaker(1, 1), None, 0), Heard::Known);
    }
}

#[test]
fn receiver_that_has_started_again_counts_once() {
    let mut members = MemberTable::new(9, false);
    let again = |members: &mut MemberTable, now, node: u32, joined| {
        members.heard(now, speaker(node, node as u16), Some(id(1)), joined)
    };
    hear(&mut members, 1, 1, Some(1));
    assert_eq!(
        again(&mut members, NOW, 2, 7),
        Heard::Unannounced,
        "the first one may still be there"
    );
    assert_eq!(again(&mut members, NOW + MOVE_AFTER, 2, 7), Heard::Unannounced, "it is asked");
    let later = NOW + UNTIL;
    assert_eq!(again(&mut members, later, 2, 7), Heard::Moved(NodeId(1)));
    assert_eq!(
        members.get(NodeId(2)).unwrap().joined(),
        7,
        "it has nothing of what was sent before"
    );
    // It says that it goes, and comes back at once.
    members.set_status(NodeId(2), MemberStatus::Failed);
    assert_eq!(again(&mut members, later, 3, 8), Heard::Moved(NodeId(2)));
    assert!(members.is_active(NodeId(3)));
    assert_eq!(
        again(&mut members, later, 2, 9),
        Heard::Unannounced,
        "late feedback of the one before"
    );
    // It was evicted: a user that starts it again wants it back.
    members.set_status(NodeId(3), MemberStatus::Evicted);
    assert_eq!(again(&mut members, later + MOVE_AFTER, 4, 9), Heard::Unannounced);
    assert_eq!(again(&mut members, later + UNTIL, 4, 9), Heard::Moved(NodeId(3)));
    assert_eq!((members.announced(), members.evicted(), members.all_settled()), (1, 0, false));
}

#[test]
fn receiver_with_the_same_node_id_is_waited_for_again() {
    let mut members = MemberTable::new(9, false);
    hear(&mut members, 1, 1, Some(1));
    members.set_status(NodeId(1), MemberStatus::Failed);
    let again =
        |members: &mut MemberTable, peer| members.heard(NOW, speaker(1, peer), Some(id(1)), 7);
    assert_eq!(again(&mut members, 1), Heard::Known);
    assert!(!members.is_active(NodeId(1)), "it only says again that it goes");
    assert_eq!(again(&mut members, 2), Heard::Known);
    assert!(members.is_active(NodeId(1)));
    assert_eq!(members.get(NodeId(1)).unwrap().joined(), 7);
}

#[test]
fn address_is_one_receiver_and_speaks_for_no_other() {
    let mut members = MemberTable::new(9, false);
    assert_eq!(hear(&mut members, 1, 1, Some(1)), Heard::New);
    assert_eq!(hear(&mut members, 66, 66, Some(66)), Heard::New);
    for n in 67..99 {
        assert_eq!(hear(&mut members, n, 66, Some(n)), Heard::Unannounced);
        assert_eq!(hear(&mut members, 1, 66, None), Heard::Unannounced);
        assert_eq!(hear(&mut members, n, 66, Some(1)), Heard::Unannounced);
    }
    assert_eq!((members.len(), members.announced()), (2, 2));
    let mut restarts = |after| members.heard(NOW + after, speaker(7, 66), Some(id(7)), 3);
    assert_eq!(restarts(MOVE_AFTER), Heard::Unannounced);
    assert_eq!(restarts(UNTIL), Heard::Moved(NodeId(66)));
    assert_eq!((members.len(), members.announced()), (2, 2));
}

#[test]
fn round_trip_is_believed_the_second_time() {
    let mut members = MemberTable::new(9, false);
    hear(&mut members, 1, 1, Some(1));
    let ms = Duration::from_millis;
    let believed = [5, 3000, 4].map(|rtt| members.believe(NodeId(1), ms(rtt)));
    assert_eq!(believed, [None, Some(ms(5)), Some(ms(4))]);
}

#[test]
fn receivers_that_start_again_together_all_count() {
    let mut members = MemberTable::new(500, false);
    for n in 1..=300 {
        assert_eq!(hear(&mut members, n, n as u16, Some(n)), Heard::New);
    }
    let again = |members: &mut MemberTable, after: Duration, n: u32| {
        members.heard(NOW + after, speaker(n + 1_000, n as u16 + 1_000), Some(id(n)), 0)
    };
    let ms = Duration::from_millis;
    members.note_query(None);
    for n in 1..=300 {
        assert_eq!(again(&mut members, ms(60_000), n), Heard::Unannounced, "in a pause");
    }
    members.note_query(Some(ms(1_500)));
    for round in 0..=15 {
        let after = ms(61_000 + round * 100);
        let moved =
            (1..=300).filter(|&n| again(&mut members, after, n) != Heard::Unannounced).count();
        assert_eq!(moved, if round < 15 { 0 } else { 300 });
    }
    assert_eq!(members.announced(), 300);
}

#[test]
fn late_second_claim_is_a_new_claim() {
    let mut members = MemberTable::new(9, false);
    hear(&mut members, 1, 1, Some(1));
    let mut claim = |after| members.heard(NOW + after, speaker(1, 2), Some(id(1)), 0);
    assert_eq!(claim(MOVE_AFTER), Heard::Unannounced);
    assert_eq!(claim(MOVE_AFTER + MIN_ANSWER_TIME * 60), Heard::Unannounced);
    assert_eq!(claim(MOVE_AFTER + MIN_ANSWER_TIME * 61), Heard::Known);
}
