use core::net::SocketAddr;
use core::time::Duration;

use super::*;
use crate::endpoint::BlockGeometry;
use crate::wire::{
    ACK_CC, Cc, CcNodes, Cmd, Command, Eot, ExtensionBuf, Header, Identity, InstanceId, Message,
    QuantizedGroupSize, QuantizedRate, QuantizedRtt, SenderFields, WireTime,
};

const START: Timestamp = Timestamp::from_nanos(1_000_000_000);
const SECOND: Duration = Duration::from_secs(1);

/// Keeps nothing.
#[derive(Debug)]
struct NoStore;

impl SymbolStore for NoStore {
    fn put(&mut self, _: BlockSlot, _: &BlockGeometry, _: u32, _: &[u8]) -> bool {
        false
    }

    fn room(&mut self) -> u64 {
        0
    }

    fn discard(&mut self, _: BlockSlot) {}
}

fn receiver() -> Receiver<NoStore> {
    Receiver::new(ReceiverConfig::new(Identity([3; 16])), NoStore, 1)
}

fn hear(receiver: &mut Receiver<NoStore>, now: Timestamp, command: Command<'_>, rate: bool) {
    let mut extensions = ExtensionBuf::new();
    if rate {
        extensions.push_rate(QuantizedRate::from_bytes_per_second(1e6));
    }
    let sender = SenderFields {
        instance: InstanceId(9),
        grtt: QuantizedRtt::from_duration(Duration::from_millis(10)),
        backoff: 4,
        group_size: QuantizedGroupSize::from_count(10),
    };
    let message = Message::Cmd(Cmd { sender, extensions: extensions.as_extensions(), command });
    let mut bytes = Vec::new();
    message.emit(Header { sequence: Sequence(0), source: NodeId(1) }, &mut bytes);
    let source = SocketAddr::from(([10, 0, 0, 1], 5740));
    receiver.handle_datagram(now, Datagram { source, to_group: true, payload: &mut bytes });
}

fn probe() -> Command<'static> {
    let send_time = WireTime::from_nanos(5_000_000_000);
    Command::Cc(Cc { reserved: 0, cc_sequence: 1, send_time, nodes: CcNodes::EMPTY })
}

/// Lets everything that is due by `now` out; how many acknowledgments of probes there were.
fn answers(receiver: &mut Receiver<NoStore>, now: Timestamp) -> usize {
    receiver.handle_timeout(now);
    let mut out = TransmitBuf::new(4);
    let mut answers = 0;
    while receiver.poll_transmit(now, &mut out).is_some() {
        let (_, message) = Message::parse(&out.bytes).unwrap();
        let Message::Ack(ack) = message else { panic!("{message:?}") };
        assert_eq!(ack.ack_type, ACK_CC);
        assert!(!ack.grtt_response.is_zero());
        answers += 1;
    }
    answers
}

#[test]
fn probes_of_a_sender_that_calls_no_roll_are_answered_now_and_then() {
    let mut engine = receiver();
    hear(&mut engine, START, probe(), true);
    let soon = START + SECOND;
    assert_eq!(answers(&mut engine, soon), 1);
    hear(&mut engine, soon, probe(), true);
    assert_eq!(answers(&mut engine, soon + SECOND), 0, "it has heard of us lately");
    hear(&mut engine, soon + SECOND * 2, probe(), true);
    assert_eq!(answers(&mut engine, soon + SECOND * 3), 1);
}

#[test]
fn a_sender_has_ended_while_its_goodbye_is_the_last_that_was_heard() {
    let mut engine = receiver();
    hear(&mut engine, START, probe(), true);
    assert!(!engine.has_ended(0) && !engine.has_all(0), "nothing of it was heard of yet");
    hear(&mut engine, START, Command::Eot(Eot { reserved: [0; 3] }), false);
    assert!(engine.has_ended(0));
    hear(&mut engine, START, probe(), true);
    assert!(!engine.has_ended(0), "it goes on");
    assert!(!engine.has_all(5), "an unknown one has nothing");
}
