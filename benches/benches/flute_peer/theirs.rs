//! The crate `flute`, driven in memory.
#![allow(clippy::disallowed_types, reason = "its interfaces have shared ownership")]

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use flute::core::{Oti, UDPEndpoint};
use flute::error::Result;
use flute::receiver::writer::{
    ObjectMetadata, ObjectWriter, ObjectWriterBuilder, ObjectWriterBuilderResult,
};
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
pub(crate) fn run(case: &Case, content: Vec<u8>, mut each: impl FnMut(Vec<u8>)) {
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

/// Memory for an object, which is there before it comes, as ours is.
struct Place {
    bytes: RefCell<Vec<u8>>,
    /// Bytes that were written.
    end: Cell<usize>,
    is_complete: Cell<bool>,
}

/// Has the object written there.
#[derive(Clone)]
struct Places(Rc<Place>);

impl ObjectWriterBuilder for Places {
    fn new_object_writer(
        &self,
        _: &UDPEndpoint,
        _: &u64,
        _: &u128,
        _: &ObjectMetadata,
        _: SystemTime,
    ) -> ObjectWriterBuilderResult {
        ObjectWriterBuilderResult::StoreObject(Box::new(self.clone()))
    }

    fn update_cache_control(
        &self,
        _: &UDPEndpoint,
        _: &u64,
        _: &u128,
        _: &ObjectMetadata,
        _: SystemTime,
    ) {
    }

    fn fdt_received(
        &self,
        _: &UDPEndpoint,
        _: &u64,
        _: &str,
        _: SystemTime,
        _: &ObjectMetadata,
        _: Duration,
        _: SystemTime,
        _: Option<SystemTime>,
    ) {
    }
}

impl ObjectWriter for Places {
    fn open(&self, _: SystemTime) -> Result<()> {
        Ok(())
    }

    fn write(&self, _: u32, data: &[u8], _: SystemTime) -> Result<()> {
        let Self(place) = self;
        let at = place.end.get();
        let mut bytes = place.bytes.borrow_mut();
        bytes[at..at + data.len()].copy_from_slice(data);
        place.end.set(at + data.len());
        Ok(())
    }

    fn complete(&self, _: SystemTime) {
        self.0.is_complete.set(true);
    }

    fn error(&self, _: SystemTime) {}

    fn interrupted(&self, _: SystemTime) {}

    fn enable_md5_check(&self) -> bool {
        false
    }
}

/// A receiver of one object.
pub(crate) struct Taking {
    receiver: MultiReceiver,
    place: Rc<Place>,
}

impl Taking {
    /// With memory for the object, which is there and touched before it comes.
    pub(crate) fn new(len: usize) -> Self {
        let bytes = RefCell::new(vec![0xa5; len]);
        let place = Rc::new(Place { bytes, end: Cell::new(0), is_complete: Cell::new(false) });
        let config = Receiving {
            object_timeout: None,
            object_max_cache_size: Some(2 * len),
            ..Receiving::default()
        };
        let writer = Rc::new(Places(Rc::clone(&place)));
        Self { receiver: MultiReceiver::new(writer, Some(config), false), place }
    }

    /// Takes a packet.
    pub(crate) fn hear(&mut self, packet: &[u8]) {
        self.receiver.push(&endpoint(), packet, start()).expect("a good packet");
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.place.is_complete.get()
    }

    /// True when it is complete, and the content.
    pub(crate) fn is_right(&self, content: &[u8]) -> bool {
        let is_whole = self.is_complete() && self.place.end.get() == content.len();
        is_whole && *self.place.bytes.borrow() == content
    }
}

/// Takes an object from its packets.
pub(crate) fn take(packets: &[Vec<u8>], content: &[u8]) -> Measured {
    let mut taking = Taking::new(content.len());
    let (before, mut most) = (live(), 0);
    let began = processor_time();
    for packet in packets {
        taking.hear(packet);
        most = most.max(live());
    }
    let seconds = (processor_time() - began).as_secs_f64();
    assert!(taking.is_right(content), "it is received");
    Measured { seconds, coding: 0.0, memory: most.saturating_sub(before) }
}
