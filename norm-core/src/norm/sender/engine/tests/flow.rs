//! How far new data go.

use super::*;
use crate::norm::wire::{ACK_WINDOW, ReceiveWindow};

#[test]
fn new_data_go_as_far_as_a_receive_window() {
    let mut config = config();
    config.segment_size = 1024;
    config.block_len = 64;
    config.min_receivers = 1;
    let mut sender = Sender::new(config, 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 4 << 20, info: None, file: true }).unwrap();
    sender.finish();
    announce(&mut sender, START, 2);
    let packets = drain(&mut sender, START);
    let first = sender.progress().0;
    assert!((256 << 10..300 << 10).contains(&first), "{first} before any answer");
    let asked = packets.iter().rev().find_map(|packet| match Message::parse(packet) {
        Ok((_, Message::Cmd(Cmd { command: Command::AckReq(request), .. }))) => {
            Some(request.ack_id)
        }
        _ => None,
    });
    let mut payload = Vec::new();
    ReceiveWindow { bytes: 1 << 20, burst: u64::MAX }.emit(&mut payload);
    let answer = Message::Ack(Ack { ack_id: asked.unwrap(), ..ack(&sender, ACK_WINDOW, &payload) });
    feed(&mut sender, START, 2, &answer);
    drain(&mut sender, START);
    let second = sender.progress().0;
    assert!((1 << 20..first + (1 << 20) + 9000).contains(&second), "{second} with an answer");
    drain(&mut sender, START + MS * 499);
    assert_eq!(sender.progress().0, second, "it is waited for");
    drain(&mut sender, START + MS * 501);
    assert_eq!(sender.progress().0, 4 << 20, "and then no longer");
}
