//! The crate `flute`, driven in memory.
#![allow(clippy::disallowed_types, reason = "its interfaces have shared ownership")]

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use flute::core::{Oti, UDPEndpoint};
use flute::receiver::writer::ObjectWriterBufferBuilder;
use flute::receiver::{Config as Receiving, MultiReceiver};
use flute::sender::{Config, ObjectDesc, Sender, TransferConfig};

use crate::allocator::live;
use crate::case::{Case, Fec, Measured, SYMBOL, processor_time};

fn endpoint() -> UDPEndpoint {
    UDPEndpoint::new(None, "239.0.0.1".to_owned(), 5000)
}

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn oti(case: &Case) -> Oti {
    let (len, parity) = (case.block_len, case.parity);
    match case.fec {
        Fec::NoCode => Oti::new_no_code(SYMBOL, len),
        Fec::Raptor => Oti::new_raptor(SYMBOL, len, parity, 1, 4).expect("a good code"),
        Fec::RaptorQ => Oti::new_raptorq(SYMBOL, len, parity, 1, 4).expect("a good code"),
        Fec::Rs2m8 => Oti::new_reed_solomon_rs2m(SYMBOL, len, parity, 8).expect("a good code"),
        Fec::Rs5 => {
            Oti::new_reed_solomon_rs28(SYMBOL, len as u8, parity as u8).expect("a good code")
        }
        Fec::Rs129 => {
            Oti::new_reed_solomon_rs28_under_specified(SYMBOL, len, parity).expect("a good code")
        }
    }
}

/// Hands out all packets.
fn run(case: &Case, content: Vec<u8>, mut each: impl FnMut(Vec<u8>)) {
    let table = Oti::new_no_code(SYMBOL, 64);
    let mut sender = Sender::new(endpoint(), 1, &table, &Config::default());
    let config = TransferConfig { oti: Some(oti(case)), ..TransferConfig::default() };
    let location = "file:///a".parse().expect("a good location");
    let kind = "application/octet-stream";
    let object = ObjectDesc::create_from_buffer(content, kind, &location, false, config);
    sender.add_object(0, object.expect("a good object")).expect("room for one");
    sender.publish(start()).expect("a table");
    let mut now = start();
    while sender.nb_objects() > 0 {
        match sender.read(now) {
            Some(packet) => each(packet),
            None => now += Duration::from_millis(10),
        }
    }
}

/// The packets that arrive.
pub(crate) fn packets(case: &Case, content: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    run(case, content.to_vec(), |packet| packets.push(packet));
    case.lose(&mut packets);
    packets
}

/// Makes all packets.
pub(crate) fn make(case: &Case, content: &[u8]) -> Measured {
    let content = content.to_vec();
    let (before, mut most) = (live(), 0);
    let began = processor_time();
    run(case, content, |packet| {
        black_box(packet);
        most = most.max(live());
    });
    let seconds = (processor_time() - began).as_secs_f64();
    Measured { seconds, coding: 0.0, memory: most.saturating_sub(before) }
}

/// Takes an object from its packets.
pub(crate) fn take(packets: &[Vec<u8>], content: &[u8]) -> Measured {
    let (before, mut most) = (live(), 0);
    let began = processor_time();
    let written = Rc::new(ObjectWriterBufferBuilder::new(false));
    let config = Receiving {
        object_timeout: None,
        object_max_cache_size: Some(2 * content.len()),
        ..Receiving::default()
    };
    let mut receiver = MultiReceiver::new(written.clone(), Some(config), false);
    for packet in packets {
        receiver.push(&endpoint(), packet, start()).expect("a good packet");
        most = most.max(live());
    }
    let seconds = (processor_time() - began).as_secs_f64();
    let objects = written.objects.borrow();
    let object = objects.first().expect("it is received").borrow();
    assert!(object.complete && object.data == content, "it is received");
    // The content is not counted on either side.
    let memory = most.saturating_sub(before).saturating_sub(content.len());
    Measured { seconds, coding: 0.0, memory }
}
