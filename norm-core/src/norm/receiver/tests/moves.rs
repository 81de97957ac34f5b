//! A sender that speaks from another address.

use super::*;
use crate::norm::moves::{MoveChain, SenderIds};
use crate::norm::receiver::event::ReceiverEvent;
use crate::norm::wire::{Application, MembershipQuery, MoveProof};

const OLD: ([u8; 4], u16) = ([10, 0, 0, 1], 5740);
const NEW: ([u8; 4], u16) = ([10, 0, 0, 9], 5741);
const FORGER: ([u8; 4], u16) = ([10, 0, 0, 66], 1);

fn chain(secret: u8) -> MoveChain {
    MoveChain::new(SenderIds { node: NodeId(1), instance: InstanceId(9) }, [secret; 16])
}

/// Has the receiver hear a message about membership from this address.
fn hear_from(
    receiver: &mut Receiver<NoStore>,
    now: Timestamp,
    source: ([u8; 4], u16),
    query: &MembershipQuery,
    proof: Option<MoveProof>,
) {
    let (mut content, mut extensions) = (Vec::new(), ExtensionBuf::new());
    query.emit(&mut content);
    if let Some(proof) = proof {
        assert!(extensions.push_move(proof));
    }
    let command = Command::Application(Application { reserved: [0; 3], content: &content });
    let message =
        Message::Cmd(Cmd { sender: sender(), extensions: extensions.as_extensions(), command });
    let mut bytes = Vec::new();
    message.emit(Header { sequence: Sequence(0), source: NodeId(1) }, &mut bytes);
    let (source, payload) = (SocketAddr::from(source), &mut bytes[..]);
    let (to_group, ce, waited) = (true, false, Duration::ZERO);
    receiver.handle_datagram(
        now,
        Datagram { source, to_group, ce, waited, proof: Proof::None, payload },
    );
}

fn events(receiver: &mut Receiver<NoStore>) -> Vec<ReceiverEvent> {
    std::iter::from_fn(|| receiver.poll_event()).collect()
}

#[test]
fn feedback_follows_a_sender_that_proves_its_move() {
    let mut receiver = Receiver::new(
        ReceiverConfig { feedback: Feedback::Unicast, ..ReceiverConfig::new(Identity([3; 16])) },
        NoStore,
        1,
    );
    let mut chain = chain(7);
    hear_from(&mut receiver, START, OLD, &MembershipQuery::Moved, Some(chain.proof()));
    assert_eq!(events(&mut receiver).len(), 1, "it was found");
    chain.advance();
    let now = START + SECOND * 2;
    hear_from(&mut receiver, now, NEW, &MembershipQuery::Moved, Some(chain.proof()));
    let (sender, address) = (SENDER_ID, SocketAddr::from(NEW));
    assert_eq!(events(&mut receiver), [ReceiverEvent::SenderMoved { sender, address }]);
    receiver.report_now(SENDER_ID, now);
    let mut out = TransmitBuf::new(1);
    let sent = receiver.poll_transmit(now, &mut out).unwrap();
    assert_eq!(sent.destination, Destination::Unicast(address));
    // What still comes from the old address is of another sender.
    hear_from(&mut receiver, now, OLD, &MembershipQuery::Moved, None);
    assert_eq!(events(&mut receiver).len(), 1);
    assert_eq!(receiver.load().senders, 2);
}

#[test]
fn stray_packet_before_the_proof_is_forgotten() {
    let mut receiver = receiver();
    let mut chain = chain(7);
    hear_from(&mut receiver, START, OLD, &MembershipQuery::Moved, Some(chain.proof()));
    hear_from(&mut receiver, START + SECOND, NEW, &MembershipQuery::Moved, None);
    assert_eq!(receiver.load().senders, 2, "it counts as another sender at first");
    events(&mut receiver);
    chain.advance();
    let now = START + SECOND * 2;
    hear_from(&mut receiver, now, NEW, &MembershipQuery::Moved, Some(chain.proof()));
    let (sender, address) = (SENDER_ID, SocketAddr::from(NEW));
    assert_eq!(events(&mut receiver), [ReceiverEvent::SenderMoved { sender, address }]);
    assert_eq!(receiver.load().senders, 1);
}

#[test]
fn forger_is_not_followed_and_is_counted() {
    let mut receiver = receiver();
    let mut chain = chain(7);
    let first = chain.proof();
    hear_from(&mut receiver, START, OLD, &MembershipQuery::Moved, Some(first));
    events(&mut receiver);
    chain.advance();
    let second = chain.proof();
    let now = START + SECOND * 2;
    // Before the sender moves, its proof is repeated from elsewhere.
    hear_from(&mut receiver, now, FORGER, &MembershipQuery::Moved, Some(first));
    hear_from(&mut receiver, now, NEW, &MembershipQuery::Moved, Some(second));
    assert!(matches!(events(&mut receiver)[..], [ReceiverEvent::SenderMoved { .. }]));
    // And after it has moved, however long it is silent.
    for (seconds, proof) in [(3, second), (9, second), (30, second), (30, first)] {
        let now = START + SECOND * seconds;
        hear_from(&mut receiver, now, FORGER, &MembershipQuery::Moved, Some(proof));
    }
    assert_eq!(events(&mut receiver), []);
    assert_eq!(receiver.stats().moves_refused, 5);
    assert_eq!(receiver.load().senders, 1);
    // The next proof comes in time, and once only.
    chain.advance();
    let now = START + SECOND * 31;
    hear_from(&mut receiver, now, OLD, &MembershipQuery::Moved, Some(chain.proof()));
    hear_from(&mut receiver, now, FORGER, &MembershipQuery::Moved, Some(chain.proof()));
    assert!(matches!(events(&mut receiver)[..], [ReceiverEvent::SenderMoved { .. }]));
}

#[test]
fn interface_with_another_number_leaves_a_sender_where_it_is() {
    let mut receiver = receiver();
    let (to_group, ce, waited) = (true, false, Duration::ZERO);
    for scope in [2, 3] {
        let mut bytes = Vec::new();
        let extensions = ExtensionBuf::new();
        let extensions = extensions.as_extensions();
        let message = Message::Cmd(Cmd { sender: sender(), extensions, command: probe() });
        message.emit(Header { sequence: Sequence(0), source: NodeId(1) }, &mut bytes);
        let ip = std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        let source = std::net::SocketAddrV6::new(ip, 5740, 0, scope).into();
        let payload = &mut bytes[..];
        receiver.handle_datagram(
            START,
            Datagram { source, to_group, ce, waited, proof: Proof::None, payload },
        );
        assert_eq!(state(&mut receiver).source.address, source, "feedback goes there");
    }
    assert_eq!(receiver.load().senders, 1);
}
