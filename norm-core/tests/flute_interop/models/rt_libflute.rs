//! rt-libflute 0.12.3: no code, TSI of 16 bits, blocks by RFC 5052; what it does not expect ends
//! the program.

use super::lct::{self, Lct};
use super::pieces::{self, Objects, Pieces, table_of};
use super::table::{self, Attributes};
use super::{Model, Verdict};

const EXT_CENC: u8 = 193;
const EXT_FDT: u8 = 192;
const EXT_FTI: u8 = 64;
const NAMESPACES: [&str; 2] =
    ["urn:IETF:metadata:2005:FLUTE:FDT", "urn:3GPP:metadata:2022:FLUTE:FDT"];

/// An object, or the table.
struct Object {
    pieces: Pieces,
    /// Where each block begins, in symbols; the end after the last one.
    blocks: Vec<usize>,
}

impl Object {
    /// Cuts it into blocks of two lengths (RFC 5052 §9.1).
    fn new(location: String, len: usize, symbol: usize, longest: usize) -> Self {
        let symbols = len.div_ceil(symbol);
        let count = symbols.div_ceil(longest).max(1);
        let mut blocks = vec![0];
        for block in 0..count {
            let longer = usize::from(block < symbols % count);
            blocks.push(blocks[block] + symbols / count + longer);
        }
        Self { pieces: Pieces::new(location, len, symbol), blocks }
    }

    /// Puts the symbols of a packet; it may have several.
    fn put(&mut self, sbn: usize, esi: usize, payload: &[u8]) -> Result<(), Verdict> {
        let (Some(&start), Some(&end)) = (self.blocks.get(sbn), self.blocks.get(sbn + 1)) else {
            return Err(Verdict::Refused("no such block"));
        };
        for (number, symbol) in (start + esi..).zip(payload.chunks(self.pieces.symbol())) {
            if number >= end || !self.pieces.put(number, symbol) {
                return Err(Verdict::Refused("no such symbol"));
            }
        }
        Ok(())
    }
}

pub struct RtLibflute {
    tsi: u64,
    table: Option<(u64, Object)>,
    objects: Objects<Object>,
}

impl RtLibflute {
    /// Of this session.
    pub fn new(tsi: u64) -> Self {
        Self { tsi, table: None, objects: Objects::new() }
    }

    fn take(&mut self, lct: &Lct) -> Result<(), Verdict> {
        if lct.version != 1 {
            return Err(Verdict::Refused("version"));
        }
        if lct.c != 0 {
            return Err(Verdict::Fatal("long congestion control"));
        }
        if lct.codepoint != 0 {
            return Err(Verdict::Fatal("codepoint"));
        }
        // With an additional half word the ids are misread.
        if lct.h == 1 && (lct.s, lct.o) != (0, 0) {
            return Err(Verdict::Refused("widths of ids"));
        }
        if lct::number(&lct.tsi) & 0xffff != self.tsi {
            return Err(Verdict::Ignored);
        }
        let (id, symbols) = lct.payload.split_at_checked(4).ok_or(Verdict::Ignored)?;
        let (sbn, esi) = (lct::number(&id[..2]) as usize, lct::number(&id[2..]) as usize);
        let toi = lct::number(&lct.toi);
        if toi == 0 {
            return self.take_table(lct, sbn, esi, symbols);
        }
        self.objects.get_mut(&toi).ok_or(Verdict::Ignored)?.put(sbn, esi, symbols)
    }

    fn take_table(
        &mut self,
        lct: &Lct,
        sbn: usize,
        esi: usize,
        symbols: &[u8],
    ) -> Result<(), Verdict> {
        let fdt = lct.extension(EXT_FDT).map(lct::number);
        let fdt = fdt.ok_or(Verdict::Refused("table without an instance"))?;
        if fdt >> 20 > 2 {
            return Err(Verdict::Refused("version of FLUTE"));
        }
        if lct.extension(EXT_CENC).is_some_and(|body| body[0] != 0) {
            return Err(Verdict::Refused("encoded table"));
        }
        let fti = lct.extension(EXT_FTI).and_then(lct::no_code_fti);
        let (len, symbol, longest) = fti.ok_or(Verdict::Refused("table without its FTI"))?;
        if symbol == 0 || longest == 0 {
            return Err(Verdict::Fatal("an endless loop"));
        }
        let instance = fdt & 0xf_ffff;
        let begin = || Object::new(String::new(), len, symbol, longest);
        let table = table_of(&mut self.table, instance, begin);
        table.put(sbn, esi, symbols)?;
        if table.pieces.is_complete() {
            let text = table.pieces.text()?;
            self.read(&text)?;
        }
        Ok(())
    }

    fn read(&mut self, text: &str) -> Result<(), Verdict> {
        let roots = table::elements(text, "FDT-Instance");
        let root = roots.first().ok_or(Verdict::Refused("no table"))?;
        if table::get(root, "xmlns").is_some_and(|name| !NAMESPACES.contains(&name)) {
            return Err(Verdict::Fatal("namespace of the table"));
        }
        if table::get_number(root, "Expires").is_none() {
            return Err(Verdict::Refused("a table that does not expire"));
        }
        // The newest table is all there is.
        let mut listed = Objects::new();
        for file in table::elements(text, "File") {
            let (toi, object) = object(root, &file)?;
            let known = self.objects.remove(&toi);
            let same = known.filter(|known| known.pieces.len() == object.pieces.len());
            listed.insert(toi, same.unwrap_or(object));
        }
        self.objects = listed;
        Ok(())
    }
}

/// What a table says of an object; attributes may stand at either place.
fn object(root: &Attributes, file: &Attributes) -> Result<(u64, Object), Verdict> {
    let either = |name| table::get_number(file, name).or_else(|| table::get_number(root, name));
    let len = either("Transfer-Length").or_else(|| either("Content-Length"));
    let (Some(toi), Some(len), Some(location), Some(symbol), Some(longest)) = (
        table::get_number(file, "TOI"),
        len,
        table::get(file, "Content-Location"),
        either("FEC-OTI-Encoding-Symbol-Length").filter(|&len| len > 0),
        either("FEC-OTI-Maximum-Source-Block-Length").filter(|&len| len > 0),
    ) else {
        return Err(Verdict::Refused("attributes of a file are missing"));
    };
    Ok((toi as u64, Object::new(location.to_owned(), len, symbol, longest)))
}

impl Model for RtLibflute {
    fn hear(&mut self, packet: &[u8]) -> Verdict {
        let lct = match lct::read(packet) {
            Ok(lct) => lct,
            Err(why) => return Verdict::Refused(why),
        };
        self.take(&lct).err().unwrap_or(Verdict::Taken)
    }

    fn complete(&self) -> Vec<(String, Vec<u8>)> {
        pieces::complete(self.objects.values().map(|object| &object.pieces))
    }
}
