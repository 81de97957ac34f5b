//! Writes an instance of the table.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::{Fdt, FdtFile, FileAttributes, SetPart};

/// The namespace that a document is written in. Receivers of the field know the first one; hardly
/// any knows that of the RFC.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Namespace {
    /// `urn:IETF:metadata:2005:FLUTE:FDT`.
    #[default]
    Ietf2005,
    /// That of RFC 6726: `urn:ietf:params:xml:ns:fdt`.
    Rfc6726,
    /// That of 3GPP TS 26.346: `urn:3GPP:metadata:2022:FLUTE:FDT`.
    Mbms,
}

impl Namespace {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ietf2005 => "urn:IETF:metadata:2005:FLUTE:FDT",
            Self::Rfc6726 => "urn:ietf:params:xml:ns:fdt",
            Self::Mbms => "urn:3GPP:metadata:2022:FLUTE:FDT",
        }
    }
}

/// Writes the document.
pub(super) fn emit(fdt: &Fdt, namespace: Namespace) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let mut root = BytesStart::new("FDT-Instance");
    root.push_attribute(("xmlns", namespace.as_str()));
    root.push_attribute(("Expires", &*fdt.expires.to_string()));
    if fdt.complete {
        root.push_attribute(("Complete", "true"));
    }
    push_attributes(&mut root, &fdt.common);
    let mut write = |event: Event<'_>| {
        // Memory takes everything.
        let _ = writer.write_event(event);
    };
    write(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    write(Event::Start(root));
    fdt.files.iter().for_each(|file| write_file(file, &mut write));
    write_groups(&fdt.groups, &mut write);
    write(Event::End(BytesEnd::new("FDT-Instance")));
    writer.into_inner()
}

fn write_file(file: &FdtFile, write: &mut impl FnMut(Event<'_>)) {
    let mut element = BytesStart::new("File");
    element.push_attribute(("TOI", &*file.toi.get().to_string()));
    element.push_attribute(("Content-Location", &*file.location));
    push_attributes(&mut element, &file.attributes);
    if file.groups.is_empty() {
        return write(Event::Empty(element));
    }
    write(Event::Start(element));
    write_groups(&file.groups, write);
    write(Event::End(BytesEnd::new("File")));
}

fn write_groups(groups: &[String], write: &mut impl FnMut(Event<'_>)) {
    for group in groups {
        write(Event::Start(BytesStart::new("Group")));
        write(Event::Text(BytesText::new(group)));
        write(Event::End(BytesEnd::new("Group")));
    }
}

fn push_attributes(element: &mut BytesStart<'_>, attributes: &FileAttributes) {
    let oti = &attributes.oti;
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let base64 = |bytes: Option<&[u8]>| bytes.map(|bytes| STANDARD.encode(bytes));
    let digest = base64(attributes.content_digest.as_ref().map(|hash| &hash[..]));
    let values = [
        ("Content-Length", number(attributes.content_length)),
        ("Transfer-Length", number(attributes.transfer_length)),
        ("Content-Type", attributes.content_type.clone()),
        ("Content-Encoding", attributes.content_encoding.clone()),
        ("Content-MD5", base64(attributes.content_md5.as_ref().map(|hash| &hash[..]))),
        ("Content-Digest", digest.map(|digest| format!("sha-256=:{digest}:"))),
        ("Content-BLAKE3", base64(attributes.blake3.as_ref().map(|hash| &hash[..]))),
        ("Norm-Set-Part", base64(attributes.set_part.map(SetPart::to_bytes).as_deref())),
        ("FEC-OTI-FEC-Encoding-ID", number(oti.fec.map(|id| id.0.into()))),
        ("FEC-OTI-FEC-Instance-ID", number(oti.instance)),
        ("FEC-OTI-Maximum-Source-Block-Length", number(oti.max_block_len)),
        ("FEC-OTI-Encoding-Symbol-Length", number(oti.symbol_size)),
        ("FEC-OTI-Max-Number-of-Encoding-Symbols", number(oti.max_symbols)),
        ("FEC-OTI-Scheme-Specific-Info", base64(oti.scheme_info.as_deref())),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            element.push_attribute((name, &*value));
        }
    }
    for (name, value) in &attributes.others {
        element.push_attribute((&**name, &**value));
    }
}
