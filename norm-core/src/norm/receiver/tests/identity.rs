//! Identities and node ids.

use super::*;
use crate::endpoint::{ObjectRef, Proof};
use crate::norm::receiver::event::ReceiverEvent;
use crate::norm::wire::{Application, MemberReport, MembershipQuery};

/// The identity in the answer to a membership query.
fn identity(receiver: &mut Receiver<NoStore>) -> Identity {
    identity_at(receiver, START + SECOND, 1)
}

/// The same at another time, for the query of this round.
fn identity_at(receiver: &mut Receiver<NoStore>, now: Timestamp, round: u16) -> Identity {
    let send_time = WireTime::from_nanos(5_000_000_000);
    query(
        receiver,
        &MembershipQuery::Query { round, window_ms: 0, send_time, confirmed: 0, listed: 0 },
    );
    for packet in spoken(receiver, now) {
        if let (_, Message::Report(report)) = Message::parse(&packet).unwrap() {
            return MemberReport::parse(report.content).unwrap().identity;
        }
    }
    panic!("no answer");
}

fn query(receiver: &mut Receiver<NoStore>, call: &MembershipQuery) {
    let mut content = Vec::new();
    call.emit(&mut content);
    let command = Command::Application(Application { reserved: [0; 3], content: &content });
    hear(receiver, START, command, false);
}

#[test]
fn sender_sees_an_identity_of_its_own_if_configured() {
    let open = ReceiverConfig::new(Identity([3; 16]));
    assert_eq!(identity(&mut Receiver::new(open.clone(), NoStore, 1)), Identity([3; 16]));
    let hidden = ReceiverConfig { identity_per_sender: true, ..open };
    let mut engine = Receiver::new(hidden.clone(), NoStore, 1);
    let alias = identity(&mut engine);
    assert_ne!(alias, Identity([3; 16]));
    assert_eq!(identity(&mut Receiver::new(hidden, NoStore, 2)), alias, "after a restart");

    // It is this identity that the sender knows.
    let node = engine.node();
    query(&mut engine, &MembershipQuery::Collision { node, keeper: alias });
    assert_eq!(engine.node(), node, "it is the keeper");
    let evicted = |engine: &mut Receiver<NoStore>, identity| {
        query(engine, &MembershipQuery::Evict { node, identity, group: None });
        std::iter::from_fn(|| engine.poll_event())
            .any(|event| matches!(event, ReceiverEvent::Evicted { .. }))
    };
    assert!(!evicted(&mut engine, Identity([3; 16])));
    assert!(evicted(&mut engine, alias));
    query(&mut engine, &MembershipQuery::Collision { node, keeper: Identity([3; 16]) });
    assert_ne!(engine.node(), node, "another receiver is");
}

#[test]
fn receiver_takes_a_new_identity_after_a_claim() {
    for copied in [true, false] {
        let mut engine = receiver();
        let alias = identity(&mut engine);
        let node = engine.node();
        let nodes = node.0.to_be_bytes();
        let asks = Flush {
            fec_id: FecId::REED_SOLOMON_8,
            object: ObjectId(0),
            payload_id: PayloadId { block: 0, block_len: 0, symbol: 0 }
                .encode(PayloadFormat::Block24Symbol8),
            acking: NodeList::from_bytes(&nodes[..]).unwrap(),
        };
        let mut now = START + SECOND;
        hear(&mut engine, now, Command::Flush(asks), false);
        let key = key(&mut engine, 0);
        engine.give_up(SENDER_ID, key..key + 1);
        engine.confirm(ObjectRef { sender: SENDER_ID, key });
        for turn in 0..6 {
            now += SECOND;
            hear(&mut engine, now, Command::Flush(asks), false);
            now += SECOND;
            for mut copy in spoken(&mut engine, now).into_iter().filter(|_| copied && turn < 4) {
                let source = SocketAddr::from(([10, 0, 0, 66], 5740));
                let waited = Duration::ZERO;
                let (to_group, ce) = (true, false);
                let payload = &mut copy[..];
                let datagram =
                    Datagram { source, to_group, ce, waited, proof: Proof::None, payload };
                engine.handle_datagram(now, datagram);
            }
        }
        assert_eq!(engine.node() != node, copied);
        // Under its new identity it has confirmed nothing: an empty list does not release it.
        while engine.poll_event().is_some() {}
        let unlisted = Flush { acking: NodeList::EMPTY, ..asks };
        if engine.node() != node {
            hear(&mut engine, now, Command::Flush(unlisted), false);
            assert!(engine.poll_event().is_none());
        }
        assert_eq!(identity_at(&mut engine, now, 2) != alias, copied);
    }
}
