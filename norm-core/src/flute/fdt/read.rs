//! Reads an instance of the table.

use core::fmt;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{Fdt, FdtFile, FileAttributes, SetPart};
use crate::fec::FecId;
use crate::flute::wire::Toi;

/// Bytes of a document at most.
pub const MAX_DOCUMENT: usize = 1 << 20;
/// Files of a document at most.
pub const MAX_FILES: usize = 100_000;
/// Attributes of an element at most.
const MAX_ATTRIBUTES: usize = 256;
/// Elements within one another at most.
const MAX_DEPTH: usize = 32;

/// Why a document is no instance of the table.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum FdtError {
    /// It has more bytes, files, attributes or depth than is accepted.
    TooLarge,
    /// It is no XML in UTF-8.
    Xml,
    /// It has a document type, which could define anything.
    DocumentType,
    /// Its root is no `FDT-Instance`, or there is none.
    Root,
    /// It does not say when it expires.
    Expires,
}

impl fmt::Display for FdtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "more bytes, files, attributes or depth than is accepted",
            Self::Xml => "no XML in UTF-8",
            Self::DocumentType => "XML with a document type",
            Self::Root => "no FDT-Instance",
            Self::Expires => "it does not say when it expires",
        })
    }
}

impl core::error::Error for FdtError {}

impl From<quick_xml::Error> for FdtError {
    fn from(_: quick_xml::Error) -> Self {
        Self::Xml
    }
}

/// Reads a document.
pub(super) fn parse(document: &[u8]) -> Result<Fdt, FdtError> {
    if document.len() > MAX_DOCUMENT {
        return Err(FdtError::TooLarge);
    }
    let text = core::str::from_utf8(document).map_err(|_| FdtError::Xml)?;
    Parser { text, reader: Reader::from_str(text) }.parse()
}

struct Parser<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
}

impl<'a> Parser<'a> {
    fn parse(&mut self) -> Result<Fdt, FdtError> {
        let (root, is_empty) = self.root()?;
        let mut attributes = attributes(&root)?;
        // Some write seconds that no longer fit: the era is by the reader's clock anyway.
        let expires = attributes.remove("Expires").and_then(|text| text.trim().parse::<u64>().ok());
        let complete = attributes.remove("Complete").is_some_and(|text| is_true(&text));
        let mut fdt = Fdt {
            expires: expires.ok_or(FdtError::Expires)? as u32,
            complete,
            common: FileAttributes::take(attributes),
            ..Fdt::default()
        };
        if !is_empty {
            self.children(&mut fdt)?;
        }
        Ok(fdt)
    }

    /// The root element, and whether it is empty.
    fn root(&mut self) -> Result<(BytesStart<'a>, bool), FdtError> {
        loop {
            let (root, is_empty) = match self.reader.read_event()? {
                Event::Start(root) => (root, false),
                Event::Empty(root) => (root, true),
                Event::DocType(_) => return Err(FdtError::DocumentType),
                Event::Eof | Event::End(_) => return Err(FdtError::Root),
                _ => continue,
            };
            let is_table = root.local_name().as_ref() == "FDT-Instance";
            return if is_table { Ok((root, is_empty)) } else { Err(FdtError::Root) };
        }
    }

    fn children(&mut self, fdt: &mut Fdt) -> Result<(), FdtError> {
        loop {
            let start = self.position();
            let (element, is_empty) = match self.reader.read_event()? {
                Event::Start(element) => (element, false),
                Event::Empty(element) => (element, true),
                Event::End(_) => return Ok(()),
                Event::Eof => return Err(FdtError::Xml),
                Event::DocType(_) => return Err(FdtError::DocumentType),
                _ => continue,
            };
            match element.local_name().as_ref() {
                "File" if fdt.files.len() + fdt.ignored as usize >= MAX_FILES => {
                    return Err(FdtError::TooLarge);
                }
                "File" => match self.file(&element, is_empty)? {
                    Some(file) => fdt.files.push(file),
                    None => fdt.ignored += 1,
                },
                "Group" if !is_empty => fdt.groups.push(self.text()?),
                _ => fdt.elements.push(self.foreign(start, is_empty)?),
            }
        }
    }

    /// A file; `None` when it does not say which object and which file it is.
    fn file(
        &mut self,
        element: &BytesStart<'_>,
        is_empty: bool,
    ) -> Result<Option<FdtFile>, FdtError> {
        let mut attributes = attributes(element)?;
        let toi = attributes.remove("TOI").and_then(|text| text.trim().parse().ok());
        let toi = toi.and_then(Toi::new).filter(|&toi| toi != Toi::FDT);
        let location = attributes.remove("Content-Location").filter(|text| !text.is_empty());
        let attributes = FileAttributes::take(attributes);
        let (groups, elements) =
            if is_empty { Default::default() } else { self.children_of_file()? };
        let named = toi.zip(location);
        Ok(named.map(|(toi, location)| FdtFile { toi, location, attributes, groups, elements }))
    }

    /// Groups of a file, and elements of others in it.
    fn children_of_file(&mut self) -> Result<(Vec<String>, Vec<String>), FdtError> {
        let (mut groups, mut elements) = (Vec::new(), Vec::new());
        loop {
            let start = self.position();
            match self.reader.read_event()? {
                Event::Start(element) if element.local_name().as_ref() == "Group" => {
                    groups.push(self.text()?);
                }
                Event::Start(_) => elements.push(self.foreign(start, false)?),
                Event::Empty(_) => elements.push(self.foreign(start, true)?),
                Event::End(_) => return Ok((groups, elements)),
                Event::Eof => return Err(FdtError::Xml),
                Event::DocType(_) => return Err(FdtError::DocumentType),
                _ => {}
            }
        }
    }

    /// The text of an element that has begun, up to its end.
    fn text(&mut self) -> Result<String, FdtError> {
        let (mut text, mut depth) = (String::new(), 0);
        loop {
            match self.reader.read_event()? {
                Event::Text(more) if depth == 0 => text.push_str(&more),
                Event::CData(more) if depth == 0 => text.push_str(&more),
                Event::GeneralRef(entity) if depth == 0 => {
                    let named = || quick_xml::escape::resolve_predefined_entity(&entity);
                    match entity.resolve_char_ref()? {
                        Some(character) => text.push(character),
                        None => text.push_str(named().ok_or(FdtError::Xml)?),
                    }
                }
                Event::Start(_) if depth == MAX_DEPTH => return Err(FdtError::TooLarge),
                Event::Start(_) => depth += 1,
                Event::End(_) if depth == 0 => {
                    text.retain(is_text);
                    return Ok(text.trim().to_owned());
                }
                Event::End(_) => depth -= 1,
                Event::Eof => return Err(FdtError::Xml),
                _ => {}
            }
        }
    }

    /// An element of others that began at `start`, as it stands in the document.
    fn foreign(&mut self, start: usize, is_empty: bool) -> Result<String, FdtError> {
        let mut depth = usize::from(!is_empty);
        while depth > 0 {
            match self.reader.read_event()? {
                Event::Start(_) if depth == MAX_DEPTH => return Err(FdtError::TooLarge),
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Eof => return Err(FdtError::Xml),
                Event::DocType(_) => return Err(FdtError::DocumentType),
                _ => {}
            }
        }
        self.text.get(start..self.position()).map(str::to_owned).ok_or(FdtError::Xml)
    }

    /// Where the reader is in the document.
    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }
}

/// The attributes of an element by their local names; the first of each name counts. Declarations
/// of namespaces are left out, and what no document can carry.
fn attributes(element: &BytesStart<'_>) -> Result<BTreeMap<String, String>, FdtError> {
    let mut found = BTreeMap::new();
    // The library compares each with all before it, which takes long for many.
    for (count, attribute) in element.attributes().with_checks(false).enumerate() {
        let attribute = attribute.map_err(|_| FdtError::Xml)?;
        if count >= MAX_ATTRIBUTES {
            return Err(FdtError::TooLarge);
        }
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let value =
            attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| FdtError::Xml)?;
        let name = attribute.key.local_name().as_ref().to_owned();
        if is_name(&name) && value.chars().all(is_text) {
            found.entry(name).or_insert_with(|| value.into_owned());
        }
    }
    Ok(found)
}

/// True of the names that attributes usually have.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// True of a character that XML can carry (XML 1.0 §2.2).
fn is_text(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

impl FileAttributes {
    /// What these say. A value that makes no sense counts as not there.
    fn take(mut from: BTreeMap<String, String>) -> Self {
        let mut this = Self {
            content_length: number(from.remove("Content-Length")),
            transfer_length: number(from.remove("Transfer-Length")),
            content_type: from.remove("Content-Type"),
            content_encoding: from.remove("Content-Encoding"),
            content_md5: bytes(from.remove("Content-MD5")),
            content_digest: from.remove("Content-Digest").and_then(|text| sha256(&text)),
            blake3: bytes(from.remove("Content-BLAKE3")),
            set_part: set_part(from.remove("Norm-Set-Part")),
            ..Self::default()
        };
        let fec = number(from.remove("FEC-OTI-FEC-Encoding-ID"));
        this.oti.fec = fec.and_then(|id| u8::try_from(id).ok()).map(FecId);
        this.oti.instance = number(from.remove("FEC-OTI-FEC-Instance-ID"));
        this.oti.max_block_len = number(from.remove("FEC-OTI-Maximum-Source-Block-Length"));
        this.oti.symbol_size = number(from.remove("FEC-OTI-Encoding-Symbol-Length"));
        this.oti.max_symbols = number(from.remove("FEC-OTI-Max-Number-of-Encoding-Symbols"));
        let info = from.remove("FEC-OTI-Scheme-Specific-Info");
        this.oti.scheme_info = info.and_then(|text| base64(&text));
        this.others = from;
        this
    }
}

fn number(text: Option<String>) -> Option<u64> {
    text?.trim().parse().ok()
}

/// Bytes of this many, in base64.
fn bytes<const N: usize>(text: Option<String>) -> Option<[u8; N]> {
    base64(&text?)?.try_into().ok()
}

fn set_part(text: Option<String>) -> Option<SetPart> {
    SetPart::parse(&base64(&text?)?)
}

/// The SHA-256 of a dictionary of digests (RFC 9530 §2).
fn sha256(text: &str) -> Option<[u8; 32]> {
    text.split(',').find_map(|item| {
        let (name, value) = item.split_once('=')?;
        let value = value.trim().strip_prefix(':')?.strip_suffix(':')?;
        let is_ours = name.trim().eq_ignore_ascii_case("sha-256");
        bytes(is_ours.then(|| value.to_owned()))
    })
}

/// Either alphabet, with padding or without.
fn base64(text: &str) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}

fn is_true(text: &str) -> bool {
    matches!(text.trim(), "1" | "true" | "TRUE" | "True")
}
