//! GPAC: one block for each object, whose number it does not look at; an object with EXT_FTI is a
//! table; ids of 16 bits each or of 32.

use super::lct::{self, Lct};
use super::pieces::{self, Objects, Pieces, table_of};
use super::table;
use super::{Model, Verdict};

const EXT_FTI: u8 = 64;
/// Bytes of an object at most.
const LARGEST: usize = 50_000_000;

#[derive(Default)]
pub struct Gpac {
    /// The table that is coming, under its instance.
    table: Option<(u64, Pieces)>,
    objects: Objects<Pieces>,
}

impl Gpac {
    fn take(&mut self, lct: &Lct) -> Result<(), Verdict> {
        let refused = |why| Err(Verdict::Refused(why));
        if lct.version != 1 || lct.c != 0 || lct.psi != 0 {
            return refused("version or congestion control");
        }
        if !matches!((lct.s, lct.o, lct.h), (0, 0, 1) | (1, 1, 0)) {
            return refused("widths of ids");
        }
        if lct.codepoint > 1 {
            return refused("codepoint");
        }
        let (id, symbol) = lct.payload.split_at_checked(4).ok_or(Verdict::Refused("too short"))?;
        let esi = lct::number(&id[2..]) as usize;
        let toi = lct::number(&lct.toi);
        let fti = lct.extension(EXT_FTI);
        if toi == 0 {
            return self.take_table(lct, fti, esi, symbol);
        }
        if fti.is_some() {
            return refused("an object that says how it is coded is taken for a table");
        }
        let object = self.objects.get_mut(&toi).ok_or(Verdict::Ignored)?;
        if object.put(esi, symbol) { Ok(()) } else { Err(Verdict::Ignored) }
    }

    fn take_table(
        &mut self,
        lct: &Lct,
        fti: Option<&[u8]>,
        esi: usize,
        symbol: &[u8],
    ) -> Result<(), Verdict> {
        let fti =
            fti.and_then(lct::no_code_fti).ok_or(Verdict::Refused("table without its FTI"))?;
        let (len, symbol_len, _) = fti;
        let instance = lct.extension(192).map(|body| lct::number(body) & 0xf_ffff);
        let instance = instance.ok_or(Verdict::Refused("table without an instance"))?;
        if symbol_len == 0 {
            return Err(Verdict::Fatal("division by zero"));
        }
        let begin = || Pieces::new(String::new(), len, symbol_len);
        let table = table_of(&mut self.table, instance, begin);
        if !table.put(esi, symbol) {
            return Err(Verdict::Ignored);
        }
        if table.is_complete() {
            let text = table.text()?;
            self.read(&text)?;
        }
        Ok(())
    }

    fn read(&mut self, text: &str) -> Result<(), Verdict> {
        if table::elements(text, "FDT-Instance").is_empty() {
            return Err(Verdict::Refused("no table"));
        }
        for file in table::elements(text, "File") {
            let length = |name| table::get_number(&file, name);
            let len = length("Transfer-Length").or_else(|| length("Content-Length"));
            let (Some(toi), Some(len), Some(location)) =
                (length("TOI"), len, table::get(&file, "Content-Location"))
            else {
                return Err(Verdict::Refused("attributes of a file are missing"));
            };
            // It is looked for at the file only.
            let symbol = length("FEC-OTI-Encoding-Symbol-Length").unwrap_or(0);
            if symbol == 0 {
                return Err(Verdict::Fatal("division by zero"));
            }
            if len > LARGEST {
                return Err(Verdict::Refused("object too large"));
            }
            let known = self.objects.get(&(toi as u64));
            if known.is_none_or(|known| known.len() != len) {
                self.objects.insert(toi as u64, Pieces::new(location.to_owned(), len, symbol));
            }
        }
        Ok(())
    }
}

impl Model for Gpac {
    fn hear(&mut self, packet: &[u8]) -> Verdict {
        let lct = match lct::read(packet) {
            Ok(lct) => lct,
            Err(why) => return Verdict::Refused(why),
        };
        self.take(&lct).err().unwrap_or(Verdict::Taken)
    }

    fn complete(&self) -> Vec<(String, Vec<u8>)> {
        pieces::complete(self.objects.values())
    }
}
