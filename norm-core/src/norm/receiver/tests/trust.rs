//! What is believed of messages that are not signed, where senders sign.

use super::*;
use crate::endpoint::Proof;
use crate::norm::receiver::config::Trust;
use crate::norm::wire::{
    AckReq, Data, Eot, Extensions, Fti, Info, ObjectFlags, ObjectList, ObjectSize, RepairAdv,
    RepairRequests, Squelch,
};

const FEC: FecId = FecId::REED_SOLOMON_8;

fn fti() -> ExtensionBuf {
    let size = ObjectSize::new(8 * 100 * 4).unwrap();
    let mut extensions = ExtensionBuf::new();
    let fti = Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 };
    assert!(extensions.push_fti(&fti));
    extensions
}

fn strict(trust: Trust) -> Receiver<NoStore> {
    Receiver::new(ReceiverConfig { trust, ..ReceiverConfig::new(Identity([3; 16])) }, NoStore, 1)
}

fn tell(receiver: &mut Receiver<NoStore>, now: Timestamp, proof: Proof, message: &Message<'_>) {
    let mut payload = Vec::new();
    message.emit(Header { sequence: Sequence(0), source: NodeId(1) }, &mut payload);
    let (source, waited) = (SocketAddr::from(([10, 0, 0, 1], 5740)), Duration::ZERO);
    let (to_group, ce, payload) = (true, false, payload.as_mut_slice());
    receiver.handle_datagram(now, Datagram { source, to_group, ce, waited, proof, payload });
}

fn info(object: u16, extensions: Extensions<'_>) -> Message<'_> {
    let (flags, object) = (ObjectFlags::FILE, ObjectId(object));
    Message::Info(Info { sender: sender(), flags, fec_id: FEC, object, extensions, payload: b"x" })
}

fn data(object: u16, block: u32, extensions: Extensions<'_>) -> Message<'_> {
    let payload_id = PayloadId { block, block_len: 4, symbol: 0 };
    Message::Data(Data {
        sender: SenderFields { grtt: QuantizedRtt::from_duration(SECOND), ..sender() },
        flags: ObjectFlags::FILE.with(ObjectFlags::INFO),
        fec_id: FEC,
        object: ObjectId(object),
        payload_id: payload_id.encode(PayloadFormat::Block24Symbol8),
        extensions,
        payload: &[7; 100],
    })
}

fn cmd(command: Command<'_>) -> Message<'_> {
    Message::Cmd(Cmd { sender: sender(), extensions: Extensions::EMPTY, command })
}

#[test]
fn nothing_that_has_to_be_signed_is_taken_without() {
    let fti = fti();
    let extensions = fti.as_extensions();
    let squelch = Squelch {
        fec_id: FEC,
        object: ObjectId(9),
        payload_id: PayloadId { block: 0, block_len: 0, symbol: 0 }
            .encode(PayloadFormat::Block24Symbol8),
        invalid: ObjectList::EMPTY,
    };
    let acking = NodeList::EMPTY;
    let messages = [
        info(0, extensions),
        cmd(Command::Eot(Eot { reserved: [0; 3] })),
        cmd(flush(FEC, 0, 7, 3)),
        cmd(Command::Squelch(squelch)),
        cmd(probe()),
        cmd(Command::AckReq(AckReq { reserved: 0, ack_type: 16, ack_id: 1, acking })),
    ];
    for trust in [Trust::Data, Trust::Symbols] {
        for proof in [Proof::None, Proof::Group] {
            let mut engine = strict(trust);
            for message in &messages {
                tell(&mut engine, START, proof, message);
            }
            assert_eq!((engine.stats().unsigned, engine.stats().heard), (6, 0));
            assert!(engine.poll_event().is_none(), "no sender was found");
        }
        let mut engine = strict(trust);
        for message in &messages {
            tell(&mut engine, START, Proof::Signed, message);
        }
        assert_eq!((engine.stats().unsigned, engine.stats().heard), (0, 6));
    }
}

#[test]
fn sender_is_found_by_what_it_signs_and_its_timing_is_what_that_says() {
    let fti = fti();
    for trust in [Trust::Data, Trust::Symbols] {
        let mut engine = strict(trust);
        tell(&mut engine, START, Proof::Group, &data(0, 0, fti.as_extensions()));
        let adv = RepairAdv { flags: 0, reserved: 0, requests: RepairRequests::EMPTY };
        tell(&mut engine, START, Proof::Group, &cmd(Command::RepairAdv(adv)));
        assert_eq!((engine.stats().unsigned, engine.stats().heard), (2, 0));
        tell(&mut engine, START, Proof::Signed, &cmd(probe()));
        tell(&mut engine, START, Proof::Group, &data(0, 0, fti.as_extensions()));
        assert_eq!(engine.stats().heard, 2);
        let grtt = state(&mut engine).path.grtt();
        assert!(grtt < SECOND / 10, "{grtt:?}: DATA says a second");
    }
}

#[test]
fn content_tells_of_no_object_but_has_its_info_asked_for() {
    let fti = fti();
    let mut engine = strict(Trust::Symbols);
    tell(&mut engine, START, Proof::Signed, &cmd(probe()));
    tell(&mut engine, START, Proof::Group, &data(3, 1, fti.as_extensions()));
    let at = key(&mut engine, 3);
    assert!(state(&mut engine).interest.object(at).is_none());
    let asked = requests(&mut engine, START + SECOND);
    assert_eq!(asked, [(RepairFlags::INFO, 3)]);
    // Every member can name any object: there is no end of them.
    for object in [1000, 2000, 40_000] {
        tell(&mut engine, START + SECOND, Proof::Group, &data(object, 0, fti.as_extensions()));
    }
    assert_eq!(state(&mut engine).timeline.newest(), at);
    // What is signed counts, wherever content has begun.
    tell(&mut engine, START + SECOND, Proof::Signed, &info(1, fti.as_extensions()));
    let at = key(&mut engine, 1);
    assert!(state(&mut engine).interest.object(at).is_some());
    assert_eq!((state(&mut engine).interest.first(), engine.stats().unopened), (Some(at), 4));
}

#[test]
fn content_of_a_known_object_adds_symbols_and_changes_nothing_else() {
    let fti = fti();
    let mut engine = strict(Trust::Symbols);
    tell(&mut engine, START, Proof::Signed, &info(0, fti.as_extensions()));
    let mut other = ExtensionBuf::new();
    let size = ObjectSize::new(1 << 30).unwrap();
    other.push_fti(&Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 });
    tell(&mut engine, START, Proof::Group, &data(0, 0, other.as_extensions()));
    tell(&mut engine, START, Proof::Group, &data(0, 70, other.as_extensions()));
    // The store has no room; the block beyond the end is none.
    assert_eq!((engine.stats().no_room, engine.stats().invalid), (1, 1));
    let at = key(&mut engine, 0);
    assert_eq!(state(&mut engine).timeline.position().block, 0);
    assert!(state(&mut engine).interest.object(at).unwrap().layout().unwrap().size() == 3200);
}
