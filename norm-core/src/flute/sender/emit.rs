//! How packets are written (RFC 5775 §2).

use core::time::Duration;

use super::objects::{Object, Objects};
use super::table::TableSymbol;
use crate::carousel::Symbol;
use crate::fec::{PayloadId, Scheme};
use crate::flute::wire::{Cenc, ExtFdt, ExtTime, ExtensionBuf, Header, IdWidths, NtpTime, Toi};

/// Bytes of EXT_FDT, EXT_CENC and EXT_TIME.
const EXT_FDT: usize = 4;
const EXT_CENC: usize = 4;
const EXT_TIME: usize = 12;
/// Bytes of EXT_FTI and payload id of the table's schemes.
const TABLE_FTI: usize = 16;
const TABLE_PAYLOAD_ID: usize = 4;

/// Bytes of a packet of the table besides its symbol, with the widest ids.
pub(super) fn table_header_len(objects: &Objects) -> usize {
    let time = if objects.rules().time { EXT_TIME } else { 0 };
    let cenc = if objects.has_gzip_table() { EXT_CENC } else { 0 };
    let ids = TABLE_FTI + TABLE_PAYLOAD_ID;
    bare_header_len() + EXT_FDT + cenc + time + ids + objects.signature()
}

/// Bytes of a header without extensions, with the widest ids.
fn bare_header_len() -> usize {
    8 + IdWidths::WORDS.tsi_len() + IdWidths::WORDS.toi_len()
}

/// Bytes of the table's symbols, whose packets are as long as those of objects or a little shorter:
/// `header` is what the latter have before a symbol of `symbol_size` bytes.
pub(super) fn table_symbol_size(objects: &Objects, header: usize, symbol_size: u16) -> u16 {
    let own = table_header_len(objects);
    let more = u16::try_from(own.saturating_sub(header.max(bare_header_len()))).unwrap_or(0);
    symbol_size.saturating_sub(more) & !3
}

/// Appends a packet of an object.
pub(super) fn symbol(objects: &Objects, symbol: &Symbol, out: &mut Vec<u8>) {
    let Some(object) = objects.get(symbol.object) else { return };
    // Manifest and digest list are repeated beside the passes.
    let closes = symbol.closes && !object.is_set_list() && objects.signature() == 0;
    begin(objects, object, closes, symbol.sbn, symbol.id, out);
    let start = out.len();
    out.extend_from_slice(&symbol.payload);
    if object.layout().scheme() != Scheme::NoCode {
        out.resize(start + usize::from(object.layout().symbol_size()), 0);
    }
}

/// Appends a packet of an object without content.
pub(super) fn empty(objects: &Objects, object: usize, out: &mut Vec<u8>) {
    if let Some(object) = objects.get(object) {
        begin(objects, object, false, 0, 0, out);
    }
}

/// Appends all but the symbol.
fn begin(
    objects: &Objects,
    object: &Object,
    closes: bool,
    sbn: u32,
    symbol: u32,
    out: &mut Vec<u8>,
) {
    let (layout, scheme) = (object.layout(), object.layout().scheme());
    let mut header = Header::new(objects.tsi(), object.toi(), scheme.fec_id().0);
    header.widths = objects.widths();
    header.close_object = closes;
    let mut extensions = ExtensionBuf::new();
    if objects.rules().fti_in_band {
        extensions.push_fti(object.fti());
    }
    header.emit(extensions.as_extensions(), out);
    // Only one format has the length, and its blocks are shorter.
    let block_len = layout.block_len(sbn) as u16;
    let id = PayloadId { block: sbn, block_len, symbol };
    out.extend_from_slice(id.encode(scheme.payload_format()).as_bytes());
}

/// Appends a packet of the table, sent at `unix`, with the A flag or without.
pub(super) fn table(
    objects: &Objects,
    symbol: &TableSymbol,
    unix: Duration,
    close_session: bool,
    out: &mut Vec<u8>,
) {
    let rules = objects.rules();
    let mut header = Header::new(objects.tsi(), Toi::FDT, symbol.fti.fec_id().0);
    header.widths = objects.widths();
    header.close_session = close_session;
    let mut extensions = ExtensionBuf::new();
    extensions.push_fdt(ExtFdt { version: rules.version, instance: symbol.instance });
    if objects.has_gzip_table() {
        extensions.push_cenc(Cenc::GZIP);
    }
    if rules.time {
        let sent = Some(NtpTime::from_unix(unix));
        extensions.push_time(ExtTime { sent, ..ExtTime::default() });
    }
    extensions.push_fti(&symbol.fti);
    header.emit(extensions.as_extensions(), out);
    let id = PayloadId { block: 0, block_len: 0, symbol: symbol.id };
    out.extend_from_slice(id.encode(symbol.scheme.payload_format()).as_bytes());
    out.extend_from_slice(&symbol.bytes);
}

/// Appends a packet that only says that the session ends.
pub(super) fn close(objects: &Objects, out: &mut Vec<u8>) {
    let mut header = Header::new(objects.tsi(), Toi::FDT, 0);
    header.toi = None;
    header.widths = header.widths.without_toi();
    header.close_session = true;
    header.emit(ExtensionBuf::new().as_extensions(), out);
}
