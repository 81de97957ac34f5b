//! The bytes of manifest, digest list and INFO that docs/wire.md shows are those of the code.

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{
    ChunkHasher, DigestListWriter, Entry, EntryKind, Hole, HoleList, ManifestWriter, Mtime, Owner,
    PartKind, SetDescriptor, SetId, SetSummary, Withdrawal, Xattr, XattrList,
};
use norm_core::norm::wire::{ObjectId, SetInfo};

/// Bytes as the document shows them: sixteen to a line, in groups of four.
fn shown(bytes: &[u8]) -> String {
    let line = |line: &[u8]| {
        let group = |group: &[u8]| {
            let digits: Vec<String> = group.iter().map(|byte| format!("{byte:02x}")).collect();
            digits.join(" ")
        };
        let groups: Vec<String> = line.chunks(4).map(group).collect();
        format!("    {}\n", groups.join("  "))
    };
    bytes.chunks(16).map(line).collect()
}

#[track_caller]
fn check(what: &str, bytes: &[u8]) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wire.md");
    let document = std::fs::read_to_string(path).expect("it is beside the code");
    let shown = shown(bytes);
    assert!(document.contains(&shown), "docs/wire.md does not show the {what}:\n{shown}");
}

const MTIME: Mtime = Mtime { seconds: 1_700_000_000, nanos: 5 };

#[test]
fn worked_session_is_what_the_code_makes() {
    let file: Vec<u8> = (0..100).collect();
    let mut manifest = ManifestWriter::new();
    let entry =
        Entry { mode: 0o100_644, mtime: MTIME, size: 100, ..Entry::new(EntryKind::File, "a.txt") };
    manifest.push(&entry).unwrap();
    let (manifest, hash) = manifest.finish();
    check("manifest", &manifest);
    let mut list = DigestListWriter::new(hash);
    list.push(&ChunkHasher::hash(0, 100, &file)).unwrap();
    let (list, _) = list.finish();
    check("digest list", &list);
    let mut withdrawn = DigestListWriter::new(hash);
    withdrawn.push_withdrawn().unwrap();
    check("digest list without the file", &withdrawn.finish().0);
    let set = SetSummary {
        set: SetId(*b"0123456789abcdef"),
        parts: 3,
        list_first: false,
        payload_size: 100,
        manifest_size: manifest.len() as u64,
        list_size: list.len() as u64,
        manifest: hash,
        content: None,
    };
    let part = SetDescriptor { kind: PartKind::Payload, offset: 0, set };
    let mut info = Vec::new();
    SetInfo { first_object: ObjectId(7), part }.emit(&mut info);
    // After the header and EXT_FTI of the packet, which are twenty bytes and fill lines otherwise.
    check("INFO", &info);
}

#[test]
fn worked_notice_is_what_the_code_makes() {
    let mut entries = RangeSet::new();
    for (start, end) in [(0, 1), (3, 5), (700, 701)] {
        entries.insert(start, end);
    }
    let notices = Withdrawal::notices(SetId(*b"0123456789abcdef"), &entries, 384);
    check("notice", &notices.concat());
}

#[test]
fn worked_manifest_of_every_kind_is_what_the_code_makes() {
    let mut holes = HoleList::default();
    holes.push(Hole { offset: 0, len: 1 << 20 });
    let mut xattrs = XattrList::default();
    xattrs.push(Xattr { name: b"user.a", value: b"1" }).unwrap();
    let owner = Owner { uid: 1000, gid: 100, user: "ann", group: "users" };
    let file = Entry {
        mode: 0o100_644,
        mtime: MTIME,
        size: (1 << 20) + 2,
        owner: Some(owner),
        xattrs: xattrs.as_xattrs(),
        holes: holes.as_holes(),
        ..Entry::new(EntryKind::File, "f")
    };
    let mut manifest = ManifestWriter::new();
    manifest.push(&file).unwrap();
    manifest.push(&Entry::new(EntryKind::SymbolicLink { target: "f" }, "s")).unwrap();
    manifest.push(&Entry::new(EntryKind::HardLink { to: 0 }, "h")).unwrap();
    check("manifest of links, owner, attributes and holes", &manifest.finish().0);
}
