//! The peer: sender and receiver of the crate `flute`.
#![allow(clippy::disallowed_types, reason = "its interfaces have clocks and shared ownership")]

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use flute::core::lct::Cenc;
use flute::core::{Oti, UDPEndpoint};
use flute::receiver::MultiReceiver;
use flute::receiver::writer::ObjectWriterBufferBuilder;
use flute::sender::{CarouselRepeatMode, Config, ObjectDesc, Sender, TransferConfig};

use crate::case::{Case, Fec, Table};

/// When tests begin.
pub fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn endpoint() -> UDPEndpoint {
    UDPEndpoint::new(None, "239.0.0.1".to_owned(), 5000)
}

/// How the peer describes the code of an object.
pub fn oti(case: &Case) -> Oti {
    let (size, len, parity) = (case.symbol_size, case.block_len, case.parity);
    let (len8, parity8) = (len.min(255) as u8, parity.min(255) as u8);
    let mut oti = match case.fec {
        Fec::NoCode => Oti::new_no_code(size, len),
        Fec::Raptor => Oti::new_raptor(size, len, parity, 1, 4).unwrap(),
        Fec::Rs2m8 => Oti::new_reed_solomon_rs2m(size, len, parity, 8).unwrap(),
        Fec::Rs2m16 => Oti::new_reed_solomon_rs2m(size, len, parity, 16).unwrap(),
        Fec::Rs5 => Oti::new_reed_solomon_rs28(size, len8, parity8).unwrap(),
        Fec::RaptorQ => Oti::new_raptorq(size, len, parity, 1, 4).unwrap(),
        Fec::Rs129 => Oti::new_reed_solomon_rs28_under_specified(size, len, parity).unwrap(),
    };
    oti.inband_fti = case.in_band;
    oti
}

/// The peer's sender with one object, sent some times.
pub struct PeerSender {
    sender: Sender,
    now: SystemTime,
    closing: bool,
}

impl PeerSender {
    /// Sent once, or over and over until the caller stops.
    pub fn new(case: &Case, content: &[u8], repeats: bool) -> Self {
        let fdt_cenc = match case.table {
            Table::Plain => Cenc::Null,
            Table::Gzip => Cenc::Gzip,
            Table::Zlib => Cenc::Zlib,
            Table::Deflate => Cenc::Deflate,
        };
        // Once in a hundred packets, so that losing it costs little.
        let again = CarouselRepeatMode::DelayBetweenTransfers(Duration::from_millis(10));
        let config = Config { fdt_cenc, fdt_carousel_mode: again, ..Config::default() };
        let no_code = Oti::new_no_code(1400, 64);
        let table = if case.coded_table { oti(case) } else { no_code };
        let mut sender = Sender::new(endpoint(), 1, &table, &config);
        let config = TransferConfig {
            carousel_mode: repeats.then_some(again),
            oti: Some(oti(case)),
            ..TransferConfig::default()
        };
        let location = "file:///a/b.bin".parse().unwrap();
        let kind = "application/octet-stream";
        let object =
            ObjectDesc::create_from_buffer(content.to_vec(), kind, &location, true, config);
        sender.add_object(0, object.unwrap()).unwrap();
        sender.publish(start()).unwrap();
        Self { sender, now: start(), closing: false }
    }

    /// The packet that closes the session; the peer's program begins with it, too.
    pub fn close(&mut self) -> Vec<u8> {
        self.sender.read_close_session(self.now)
    }

    /// The next packet; the last one closes the session.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        while self.sender.nb_objects() > 0 {
            if let Some(packet) = self.sender.read(self.now) {
                self.now += Duration::from_micros(100);
                return Some(packet);
            }
            self.now += Duration::from_millis(10);
        }
        let is_last = !core::mem::replace(&mut self.closing, true);
        is_last.then(|| self.close())
    }
}

/// The peer's receiver, which keeps objects in memory.
pub struct PeerReceiver {
    receiver: MultiReceiver,
    written: Rc<ObjectWriterBufferBuilder>,
    now: SystemTime,
    /// Packets that it would not have.
    pub refused: Vec<String>,
}

impl PeerReceiver {
    /// `room` is how many bytes it keeps of blocks that are not complete.
    pub fn new(room: usize) -> Self {
        let written = Rc::new(ObjectWriterBufferBuilder::new(true));
        let config = flute::receiver::Config {
            object_timeout: None,
            object_max_cache_size: Some(room),
            ..flute::receiver::Config::default()
        };
        let receiver = MultiReceiver::new(written.clone(), Some(config), false);
        Self { receiver, written, now: start(), refused: Vec::new() }
    }

    pub fn hear(&mut self, packet: &[u8]) {
        self.now += Duration::from_micros(100);
        if let Err(error) = self.receiver.push(&endpoint(), packet, self.now) {
            self.refused.push(format!("{error:?}"));
        }
        self.receiver.cleanup(self.now);
    }

    /// Locations and bytes of the objects that are complete.
    pub fn complete(&self) -> Vec<(String, Vec<u8>)> {
        let objects = self.written.objects.borrow();
        let complete = objects.iter().map(|object| object.borrow()).filter(|one| one.complete);
        complete.map(|one| (one.meta.content_location.clone(), one.data.clone())).collect()
    }

    /// Objects that were given up.
    pub fn failed(&self) -> usize {
        self.written.objects.borrow().iter().filter(|object| object.borrow().error).count()
    }
}
