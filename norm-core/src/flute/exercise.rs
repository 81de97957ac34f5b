//! What must hold for any bytes at all: the bodies of the fuzz targets, shared with the test that
//! replays their corpus. Not part of the interface.

use super::fdt::{Fdt, Namespace, decode};
use super::wire::{Packet, TimeFields};
use crate::fec::{FecId, PayloadFormat};

/// A packet that is good is written again to the same bytes, but for reserved bits.
pub fn packet(bytes: &[u8]) -> bool {
    let _ = Packet::parse(bytes, TimeFields::InHeader);
    let Ok(packet) = Packet::parse(bytes, TimeFields::Reserved) else { return false };
    for fec in [0, 1, 2, 5, 6, 129].map(FecId) {
        if let Some(fti) = packet.extensions.fti(fec) {
            assert_eq!(fti.fec_id(), fec);
        }
    }
    let extensions = packet.extensions;
    let _ = (extensions.time(), extensions.fdt(), extensions.cenc(), extensions.has_fti());
    for format in [PayloadFormat::Block24Symbol8, PayloadFormat::Block32Len16Symbol16] {
        let _ = packet.symbols(format);
    }
    let mut again = Vec::new();
    packet.emit(&mut again);
    let mut before = bytes.to_vec();
    if let Some(second) = before.get_mut(1) {
        *second &= !0x0c;
    }
    assert!(again == before, "it was not written as it came");
    true
}

/// A table that is good says the same when it is written again, but for what others added.
pub fn fdt(bytes: &[u8]) -> bool {
    let _ = decode(bytes, 1 << 20);
    let Ok(fdt) = Fdt::parse(bytes) else { return false };
    for file in &fdt.files {
        let attributes = fdt.attributes(file);
        let _ = attributes.oti.fti(attributes.object_length().unwrap_or(0));
    }
    let Ok(again) = Fdt::parse(&fdt.emit(Namespace::Ietf2005)) else {
        panic!("what was read can be written")
    };
    assert_eq!((again.expires, again.complete), (fdt.expires, fdt.complete));
    assert!(again.files.len() <= fdt.files.len());
    true
}
