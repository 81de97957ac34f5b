use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::fec::FecId;
use crate::fileset::{ManifestHash, PartKind, SetDescriptor, SetId, SetSummary, digest_list_len};
use crate::flute::wire::Fti;

fn parse(text: &str) -> Result<Fdt, FdtError> {
    Fdt::parse(text.as_bytes())
}

fn toi(number: u128) -> Toi {
    Toi::new(number).unwrap()
}

/// As GPAC and rt-libflute write it, more or less: with namespaces, both levels, groups.
const FIELD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<f:FDT-Instance xmlns:f="urn:IETF:metadata:2005:FLUTE:FDT" xmlns:dvb="urn:dvb:x"
  Expires=" 4294967290 " Complete="1" FEC-OTI-FEC-Encoding-ID="0" sv:schemaVersion="2"
  FEC-OTI-Maximum-Source-Block-Length="64" FEC-OTI-Encoding-Symbol-Length="1400">
  <!-- files -->
  <f:File TOI="1" Content-Location="http://host/a%20b.mp4" Content-Length="5000"
    Transfer-Length="5000" Content-Type="video/mp4" Content-MD5="1B2M2Y8AsgTpgAmY7PhCfg=="
    dvb:Content-Digest="sha-512=:AA==:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
    FEC-OTI-Encoding-Symbol-Length="1000" X-Other="it&apos;s &#60;"/>
  <f:File TOI="2" Content-Location="b"><Group>one &amp; two</Group><Group><![CDATA[<3>]]></Group>
    <dvb:Cache-Control><dvb:no-cache>true</dvb:no-cache></dvb:Cache-Control></f:File>
  <Group>all</Group>
  <dvb:Tail a="1"/>
</f:FDT-Instance>"#;

#[test]
fn documents_of_the_field_are_read() {
    let fdt = parse(FIELD).unwrap();
    assert_eq!((fdt.expires, fdt.complete, fdt.ignored), (4_294_967_290, true, 0));
    assert_eq!(fdt.groups, ["all"]);
    assert_eq!(fdt.elements, [r#"<dvb:Tail a="1"/>"#]);
    let [first, second] = &fdt.files[..] else { panic!("{:?}", fdt.files) };
    assert_eq!((first.toi, &*first.location), (toi(1), "http://host/a%20b.mp4"));
    let attributes = fdt.attributes(first);
    assert_eq!(attributes.object_length(), Some(5000));
    assert_eq!(attributes.content_type.as_deref(), Some("video/mp4"));
    assert_eq!(attributes.content_md5.map(|hash| hash[0]), Some(0xd4));
    assert_eq!(attributes.content_digest.map(|hash| hash[..2].to_vec()), Some(vec![0xe3, 0xb0]));
    assert_eq!(attributes.others.get("X-Other").map(String::as_str), Some("it's <"));
    assert_eq!(fdt.common.others.get("schemaVersion").map(String::as_str), Some("2"));
    let no_code = |symbol_size| Fti::NoCode { size: 5000, symbol_size, max_block_len: 64 };
    assert_eq!(attributes.oti.fti(5000), Some(no_code(1000)), "attribute by attribute");
    assert_eq!(fdt.attributes(second).oti.fti(5000), Some(no_code(1400)));
    assert_eq!(second.groups, ["one & two", "<3>"]);
    assert_eq!(
        second.elements,
        ["<dvb:Cache-Control><dvb:no-cache>true</dvb:no-cache></dvb:Cache-Control>"]
    );
}

#[test]
fn entries_that_make_no_sense_are_left_out_and_counted() {
    let files = [
        r#"<File TOI="0" Content-Location="a"/>"#,
        r#"<File TOI="-1" Content-Location="a"/>"#,
        r#"<File TOI="7"/>"#,
        r#"<File Content-Location="a"><x/></File>"#,
        r#"<File TOI="5192296858534827628530496329220096" Content-Location="too wide"/>"#,
        "<File TOI='5192296858534827628530496329220095' Content-Location='b' Content-Length='x'/>",
    ];
    let fdt = parse(&format!("<FDT-Instance Expires='1'>{}</FDT-Instance>", files.concat()));
    let fdt = fdt.unwrap();
    assert_eq!((fdt.files.len(), fdt.ignored), (1, 5));
    assert_eq!(fdt.files[0].toi, Toi::MAX);
    assert_eq!(fdt.files[0].attributes.content_length, None);
}

#[test]
fn documents_that_are_none_are_refused() {
    let root = "<FDT-Instance Expires='1'/>";
    assert!(parse(root).unwrap().files.is_empty());
    assert_eq!(parse(""), Err(FdtError::Root));
    assert_eq!(parse("<x Expires='1'/>"), Err(FdtError::Root));
    assert_eq!(parse("<FDT-Instance/>"), Err(FdtError::Expires));
    assert_eq!(parse("<FDT-Instance Expires='soon'/>"), Err(FdtError::Expires));
    assert_eq!(parse("<FDT-Instance Expires='1'>"), Err(FdtError::Xml));
    assert_eq!(parse("<FDT-Instance Expires='1'><File></FDT-Instance>"), Err(FdtError::Xml));
    assert_eq!(Fdt::parse(b"<FDT-Instance Expires='1' x='\xff'/>"), Err(FdtError::Xml));
    let entity = "<!DOCTYPE x [<!ENTITY a 'aaaa'>]>".to_owned() + root;
    assert_eq!(parse(&entity), Err(FdtError::DocumentType));
    let wide: String = (0..300).map(|n| format!(" a{n}='1'")).collect();
    assert_eq!(parse(&format!("<FDT-Instance Expires='1'{wide}/>")), Err(FdtError::TooLarge));
    let deep = "<x>".repeat(100) + &"</x>".repeat(100);
    let deep = format!("<FDT-Instance Expires='1'>{deep}</FDT-Instance>");
    assert_eq!(parse(&deep), Err(FdtError::TooLarge));
    assert_eq!(parse(&" ".repeat(MAX_DOCUMENT + 1)), Err(FdtError::TooLarge));
}

#[test]
fn prefixes_and_masses_of_attributes_are_no_way_in() {
    let many: String = (0..1_000_000).map(|n| format!(" a{n}='1'")).collect();
    assert_eq!(parse(&format!("<FDT-Instance Expires='1'{many}/>")), Err(FdtError::TooLarge));
    let many = &many[..MAX_DOCUMENT - 100];
    let many = &many[..many.rfind(' ').unwrap()];
    for document in [
        format!("<FDT-Instance Expires='1'{many}/>"),
        format!("<FDT-Instance Expires='1'><File TOI='1'{many}/></FDT-Instance>"),
    ] {
        assert_eq!(parse(&document), Err(FdtError::TooLarge));
    }
    let bindings: String = (0..200).map(|n| format!(" xmlns:p{n}='u{n}'")).collect();
    let inside = "<b:File a:TOI='1' b:Content-Location='x' TOI='2'/>";
    let elsewhere = "<n:File xmlns:n='urn:n' n:TOI='3' n:Content-Location='y'/>";
    let undeclared = "<q:x><q:File TOI='4' Content-Location='z'/></q:x>";
    let root = format!("<a:FDT-Instance xmlns:a='a' xmlns:b='b' a:Expires='1'{bindings}>");
    let fdt = parse(&format!("{root}{inside}{elsewhere}{undeclared}</a:FDT-Instance>")).unwrap();
    let found: Vec<(u128, &str)> =
        fdt.files.iter().map(|file| (file.toi.get(), &*file.location)).collect();
    assert_eq!(found, [(1, "x"), (3, "y")], "the first of each local name, and only of files");
    assert_eq!(fdt.elements, [undeclared]);
}

#[test]
fn lengths_of_encoded_files_are_not_guessed() {
    let attributes = |encoding: &str, transfer: &str| {
        let file = format!(
            "<File TOI='1' Content-Location='a' Content-Length='9' {transfer} \
             Content-Encoding='{encoding}'/>"
        );
        let fdt = parse(&format!("<FDT-Instance Expires='1'>{file}</FDT-Instance>")).unwrap();
        fdt.attributes(&fdt.files[0]).object_length()
    };
    assert_eq!(attributes("gzip", ""), None);
    assert_eq!(attributes("gzip", "Transfer-Length='4'"), Some(4));
    assert_eq!(attributes("null", ""), Some(9));
}

#[test]
fn information_about_each_code_survives_the_attributes() {
    let (size, symbol_size) = (100_000, 1000);
    let (max_block_len, max_symbols) = (64, 80);
    for fti in [
        Fti::NoCode { size, symbol_size, max_block_len: 64 },
        Fti::Raptor { size, symbol_size, blocks: 300, sub_blocks: 2, alignment: 4 },
        Fti::ReedSolomon { size, m: 16, group: 1, symbol_size, max_block_len, max_symbols },
        Fti::ReedSolomon8 { size, symbol_size, max_block_len: 64, max_symbols: 80 },
        Fti::RaptorQ { size, symbol_size, blocks: 3, sub_blocks: 258, alignment: 4 },
        Fti::SmallBlock { size, instance: 0, symbol_size, max_block_len, max_symbols },
    ] {
        let oti = Oti::of(&fti);
        assert_eq!(oti.fti(size), Some(fti));
        assert_eq!(oti.instance.is_some(), fti.fec_id() == FecId::SMALL_BLOCK);
        assert_eq!(Oti { symbol_size: None, ..oti.clone() }.fti(size), None);
        assert_eq!(Oti { symbol_size: Some(65_536), ..oti }.fti(size), None);
    }
    let url_safe = "<FDT-Instance Expires='1' FEC-OTI-FEC-Encoding-ID='6' \
                    FEC-OTI-Encoding-Symbol-Length='8' FEC-OTI-Scheme-Specific-Info='-_8ABA'/>";
    let fti = Fti::RaptorQ { size, symbol_size: 8, blocks: 251, sub_blocks: 0xff00, alignment: 4 };
    assert_eq!(parse(url_safe).unwrap().common.oti.fti(size), Some(fti));
}

fn attributes() -> impl Strategy<Value = FileAttributes> {
    let lengths = (any::<Option<u64>>(), any::<Option<u64>>());
    let texts = (any::<Option<String>>(), any::<Option<String>>());
    let hashes = (any::<Option<[u8; 16]>>(), any::<Option<[u8; 32]>>(), any::<Option<[u8; 32]>>());
    let oti = (any::<Option<u8>>(), any::<[Option<u64>; 4]>(), any::<Option<Vec<u8>>>());
    (lengths, texts, hashes, oti).prop_map(|(lengths, texts, hashes, oti)| FileAttributes {
        content_length: lengths.0,
        transfer_length: lengths.1,
        content_type: texts.0.as_deref().map(printable),
        content_encoding: texts.1.as_deref().map(printable),
        content_md5: hashes.0,
        content_digest: hashes.1,
        blake3: hashes.2,
        set_part: hashes.2.map(|hash| SetPart {
            index: 1,
            part: SetDescriptor {
                kind: PartKind::Payload,
                offset: 7,
                set: SetSummary {
                    set: SetId([9; 16]),
                    parts: 3,
                    list_first: false,
                    payload_size: 100,
                    manifest_size: 60,
                    list_size: digest_list_len(2),
                    manifest: ManifestHash(hash),
                    content: None,
                },
            },
        }),
        oti: Oti {
            fec: oti.0.map(FecId),
            instance: oti.1[0],
            max_block_len: oti.1[1],
            symbol_size: oti.1[2],
            max_symbols: oti.1[3],
            scheme_info: oti.2,
        },
        others: BTreeMap::from([("X-A".to_owned(), "\"<&>'".to_owned())]),
    })
}

/// What XML can carry: no control characters, but for white space in the middle.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !('\u{fffe}'..='\u{ffff}').contains(c)).collect()
}

proptest! {
    #[test]
    fn tables_survive_the_document(
        expires in any::<u32>(),
        complete in any::<bool>(),
        common in attributes(),
        files in proptest::collection::vec((1_u128..1 << 112, attributes(), any::<bool>()), 0..5),
    ) {
        let files = files.into_iter().map(|(number, attributes, grouped)| FdtFile {
            toi: toi(number),
            location: format!("file:///a&b/{number}?<>\"'\n\t%20"),
            attributes,
            groups: if grouped { vec!["a & b <c>".to_owned()] } else { Vec::new() },
            elements: Vec::new(),
        });
        let files = files.collect();
        let groups = vec!["g".to_owned()];
        let fdt = Fdt { expires, complete, common, groups, files, ..Fdt::default() };
        for namespace in [Namespace::Ietf2005, Namespace::Rfc6726, Namespace::Mbms] {
            prop_assert_eq!(Fdt::parse(&fdt.emit(namespace)), Ok(fdt.clone()));
        }
    }

    #[test]
    fn damaged_documents_are_refused_or_read(
        at in 0..FIELD.len(),
        byte in any::<u8>(),
        cut in 0..40_usize,
    ) {
        let mut document = FIELD.as_bytes().to_vec();
        document[at] = byte;
        let _ = Fdt::parse(&document);
        let end = document.len() - cut;
        let _ = Fdt::parse(&document[..end]);
        document.remove(at);
        let _ = Fdt::parse(&document);
    }
}
