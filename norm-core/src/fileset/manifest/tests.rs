use super::*;
use proptest::prelude::*;

const FILE: Entry<'_> = Entry {
    mode: 0o100_644,
    mtime: Mtime { seconds: -2, nanos: 999_999_999 },
    size: 0x0102,
    ..Entry::new(EntryKind::File, "dir/é")
};
const DIRECTORY: Entry<'_> = Entry { size: 0, path: "dir", kind: EntryKind::Directory, ..FILE };

fn manifest(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut writer = ManifestWriter::new();
    for entry in entries {
        writer.push(entry).unwrap();
    }
    writer.finish().0
}

fn read(bytes: &[u8]) -> Result<Vec<Entry<'_>>, ContentError> {
    Manifest::parse(bytes)?.entries().collect()
}

fn holes(list: &[(u64, u64)]) -> HoleList {
    let mut holes = HoleList::default();
    list.iter().for_each(|&(offset, len)| holes.push(Hole { offset, len }));
    holes
}

fn xattrs(list: &[(&[u8], &[u8])]) -> XattrList {
    let mut xattrs = XattrList::default();
    list.iter().for_each(|&(name, value)| xattrs.push(Xattr { name, value }).unwrap());
    xattrs
}

/// The header, with these numbers of entries and bytes.
fn header(entries: u8, bytes: u8) -> Vec<u8> {
    let mut header = b"NMAN\x02\0\0\0\0\0\0".to_vec();
    header.extend_from_slice(&[entries, 0, 0, 0, 0, 0, 0, 0, bytes]);
    header
}

#[test]
fn layout_of_a_file_is_fixed() {
    let mut expected = header(1, 34);
    expected.extend_from_slice(b"\x01\0\0\x06\0\0\x81\xa4");
    expected.extend_from_slice(&[255, 255, 255, 255, 255, 255, 255, 254, 0x3b, 0x9a, 0xc9, 0xff]);
    expected.extend_from_slice(b"\0\0\0\0\0\0\x01\x02dir/\xc3\xa9");
    expected.extend_from_slice(b"\0\0\0\0\0\0\x01\x02");
    expected.extend_from_slice(&[0; 20]);
    assert_eq!(manifest(&[FILE]), expected);
    assert_eq!(read(&expected), Ok(vec![FILE]));
}

#[test]
fn layout_of_links_owners_attributes_and_holes_is_fixed() {
    let list = xattrs(&[(b"user.a", b"\x01\x02"), (b"user.b", b"")]);
    let sparse = holes(&[(0, 0x100), (0x101, 1)]);
    let owner = Some(Owner { uid: 1000, gid: 100, user: "ann", group: "" });
    let file = Entry { owner, xattrs: list.as_xattrs(), holes: sparse.as_holes(), ..FILE };
    let kind = EntryKind::SymbolicLink { target: "../x" };
    let link = Entry { mode: 0o120_777, ..Entry::new(kind, "l") };
    let hard = Entry::new(EntryKind::HardLink { to: 1 }, "h");
    let entries = [link, file, hard];
    let bytes = manifest(&entries);
    let mut expected = header(3, 141);
    expected.extend_from_slice(b"\x03\0\0\x01\0\0\xa1\xff");
    expected.extend_from_slice(&[0; 20]);
    expected.extend_from_slice(b"l\0\x04../x");
    expected.extend_from_slice(b"\x01\x03\0\x06\0\0\x81\xa4");
    expected.extend_from_slice(&[255, 255, 255, 255, 255, 255, 255, 254, 0x3b, 0x9a, 0xc9, 0xff]);
    expected.extend_from_slice(b"\0\0\0\0\0\0\x01\x02dir/\xc3\xa9");
    expected.extend_from_slice(b"\0\0\x03\xe8\0\0\0\x64\x03\0ann");
    expected.extend_from_slice(b"\0\x02\x06\0\0\0\x02user.a\x01\x02\x06\0\0\0\0user.b");
    expected.extend_from_slice(b"\x04\0\0\x01");
    expected.extend_from_slice(&[0; 24]);
    expected.extend_from_slice(b"h\0\0\0\x01");
    let identity = expected.len();
    expected.extend_from_slice(b"\0\0\0\0\0\0\0\x01");
    expected.extend_from_slice(&[0; 16]);
    expected.extend_from_slice(b"\0\0\0\x01\0\0\0\x01\0\0\0\x02");
    expected.extend_from_slice(b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0");
    expected.extend_from_slice(b"\0\0\0\0\0\0\x01\x01\0\0\0\0\0\0\0\x01");
    assert_eq!(bytes, expected);
    assert_eq!(read(&bytes), Ok(entries.to_vec()));
    let parsed = Manifest::parse(&bytes).unwrap();
    assert_eq!(parsed.hash().0, *blake3::hash(&bytes[..identity]).as_bytes());
    let last = parsed.entries().nth(1).unwrap().unwrap();
    assert_eq!(last.xattrs.iter().map(|x| x.name).collect::<Vec<_>>(), [b"user.a", b"user.b"]);
    assert_eq!(last.holes.iter().last(), Some(Hole { offset: 0x101, len: 1 }));
}

#[test]
fn holes_change_the_payload_and_not_the_hash() {
    let sparse = holes(&[(0, 0x100)]);
    let with = |holes| {
        let mut writer = ManifestWriter::new();
        writer.push(&Entry { holes, ..FILE }).unwrap();
        (writer.payload_size(), writer.finish().1)
    };
    let (full, less) = (with(Holes::NONE), with(sparse.as_holes()));
    assert_eq!((full.0, less.0), (0x102, 2));
    assert_eq!(full.1, less.1);
}

#[test]
fn what_is_left_out_is_told_and_changes_no_hash() {
    let counts = LeftOutCounts { sockets: 1, fifos: 2, devices: 3, others: 0x0102_0304 };
    let mut writer = ManifestWriter::new();
    writer.push(&FILE).unwrap();
    writer.set_left_out(counts);
    let (bytes, hash) = writer.finish();
    let at = bytes.len() - 20;
    assert_eq!(bytes[at..at + 16], [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4]);
    let parsed = Manifest::parse(&bytes).unwrap();
    assert_eq!((parsed.left_out(), parsed.left_out().all()), (counts, 6 + 0x0102_0304));
    assert_eq!(hash, Manifest::parse(&manifest(&[FILE])).unwrap().hash());
}

#[test]
fn set_without_entries_is_valid() {
    let bytes = manifest(&[]);
    assert_eq!(read(&bytes), Ok(vec![]));
    assert!(Manifest::parse(&bytes).unwrap().is_empty());
}

#[test]
fn offsets_in_the_payload_follow_from_the_sizes() {
    let bytes = manifest(&[DIRECTORY, FILE, FILE]);
    let parsed = Manifest::parse(&bytes).unwrap();
    assert_eq!((parsed.len(), parsed.payload_size()), (3, 0x0204));
    let mut entries = parsed.entries();
    let mut offsets = vec![entries.offset()];
    while entries.next().transpose().unwrap().is_some() {
        offsets.push(entries.offset());
    }
    assert_eq!(offsets, [0, 0, 0x0102, 0x0204]);
    assert_eq!(entries.size(), 0x0204);
}

#[test]
fn truncation_and_trailing_bytes_are_refused() {
    let mut bytes = manifest(&[DIRECTORY, FILE]);
    for len in 0..bytes.len() {
        assert_eq!(read(&bytes[..len]), Err(ContentError::Truncated), "{len} bytes");
    }
    bytes.push(0);
    assert_eq!(read(&bytes), Err(ContentError::TrailingBytes));
}

#[test]
fn malformed_manifests_are_told_apart() {
    use ContentError as E;
    let with = |at: usize, values: &[u8]| {
        let mut bytes = manifest(&[DIRECTORY, FILE]);
        bytes[at..at + values.len()].copy_from_slice(values);
        read(&bytes).err()
    };
    assert_eq!(with(0, b"n"), Some(E::BadMagic));
    assert_eq!(with(4, &[1]), Some(E::UnsupportedVersion(1)));
    assert_eq!(with(7, &[1]), Some(E::BadField));
    assert_eq!(with(8, &[255]), Some(E::TooLarge), "entries");
    assert_eq!(with(8, &[0, 0x0f, 0x42, 0x40]), Some(E::Truncated), "a million entries");
    assert_eq!(with(8, &[0, 0, 0, 1]), Some(E::TrailingBytes), "fewer entries");
    assert_eq!(with(12, &[255; 8]), Some(E::Truncated), "more bytes of entries");
    assert_eq!(with(20, &[5]), Some(E::BadKind));
    assert_eq!(with(21, &[4]), Some(E::BadField), "something else follows");
    assert_eq!(with(22, &[0, 0]), Some(E::BadPath), "an empty path");
    assert_eq!(with(36, &[0x3b, 0x9a, 0xca, 0x00]), Some(E::BadField), "10^9 ns");
    assert_eq!(with(47, &[1]), Some(E::BadField), "a directory with content");
    assert_eq!(with(48, &[0xff]), Some(E::BadPath), "not UTF-8");
    assert_eq!(with(48, b"a"), None);
    let layout = manifest(&[DIRECTORY, FILE]).len() - 28;
    assert_eq!(with(layout, &[1]), Some(E::SizeMismatch), "more payload");
    assert_eq!(with(layout + 7, &[1]), Some(E::SizeMismatch), "less payload");
    assert_eq!(with(layout + 27, &[1]), Some(E::Truncated), "holes of a file");
}

#[test]
fn hard_links_lead_to_files_that_came_before() {
    let link = |to| Entry::new(EntryKind::HardLink { to }, "link");
    let push = |entries: &[Entry<'_>]| {
        let mut writer = ManifestWriter::new();
        entries.iter().try_for_each(|entry| writer.push(entry))
    };
    assert_eq!(push(&[DIRECTORY, FILE, link(1)]), Ok(()));
    for to in [0, 2, 3, u32::MAX] {
        assert_eq!(push(&[DIRECTORY, FILE, link(to)]), Err(ContentError::BadField), "{to}");
        let mut bytes = manifest(&[DIRECTORY, FILE, link(1)]);
        let at = bytes.len() - 28 - 4;
        bytes[at..at + 4].copy_from_slice(&to.to_be_bytes());
        assert_eq!(read(&bytes).err(), Some(ContentError::BadField), "{to}");
    }
    assert_eq!(push(&[FILE, link(0), link(1)]), Err(ContentError::BadField), "a link to a link");
    let own_mode = Entry { mode: 1, ..link(0) };
    assert_eq!(push(&[FILE, own_mode]), Err(ContentError::BadField));
}

#[test]
fn holes_without_sense_are_refused_before_anything_is_made_of_them() {
    let write = |size, list: &[(u64, u64)]| {
        let sparse = holes(list);
        let entry = Entry { size, holes: sparse.as_holes(), ..FILE };
        ManifestWriter::new().push(&entry)
    };
    assert_eq!(write(100, &[(0, 10), (11, 89)]), Ok(()));
    let senseless: [&[(u64, u64)]; 6] = [
        &[(0, 0)],
        &[(0, 101)],
        &[(10, 5), (15, 5)],
        &[(20, 5), (10, 5)],
        &[(1, u64::MAX)],
        &[(0, 1 << 62)],
    ];
    for list in senseless {
        assert_eq!(write(100, list), Err(ContentError::BadField), "{list:?}");
        // The same in a manifest that came.
        let (sparse, good) = (holes(list), holes(&[(0, 1), (2, 1)]));
        let good = Holes::new(&good.as_holes().encoded()[..16 * list.len()]);
        let mut bytes = manifest(&[Entry { size: 100, holes: good, ..FILE }]);
        let at = bytes.len() - 16 * list.len();
        bytes[at..].copy_from_slice(sparse.as_holes().encoded());
        assert_eq!(read(&bytes).err(), Some(ContentError::BadField), "{list:?}");
    }
    let many: Vec<(u64, u64)> = (0..=u64::from(MAX_HOLES)).map(|n| (2 * n, 1)).collect();
    assert_eq!(write(1 << 40, &many), Err(ContentError::TooLarge));
    assert_eq!(write(1 << 40, &many[1..]), Ok(()));
    assert_eq!(write(MAX_FILE_BYTES + 1, &[]), Err(ContentError::TooLarge));
    let one = holes(&[(0, 1)]);
    let directory = Entry { holes: one.as_holes(), ..DIRECTORY };
    assert_eq!(ManifestWriter::new().push(&directory), Err(ContentError::BadField));
}

#[test]
fn holes_of_entries_that_are_no_files_are_refused() {
    let sparse = holes(&[(0, 1)]);
    let mut bytes = manifest(&[DIRECTORY, Entry { holes: sparse.as_holes(), ..FILE }]);
    let at = bytes.len() - 24;
    bytes[at + 3] = 0;
    assert_eq!(read(&bytes).err(), Some(ContentError::SizeMismatch), "of the folder");
    bytes[at + 3] = 2;
    assert_eq!(read(&bytes).err(), Some(ContentError::SizeMismatch), "of nothing");
}

#[test]
fn sets_may_be_sparse_up_to_a_tebibyte_or_64_times() {
    const TIB: u64 = 1 << 40;
    assert!(sparse_fits(TIB, 0) && !sparse_fits(TIB + 1, 0));
    assert!(sparse_fits(64 * TIB, TIB) && !sparse_fits(64 * TIB + 1, TIB));
    assert!(sparse_fits(u64::MAX, u64::MAX));
}

#[test]
fn chunks_wholly_in_a_hole_do_not_count() {
    const MIB: u64 = CHUNK_BYTES;
    let count = |size, list: &[(u64, u64)]| data_chunks(size, holes(list).as_holes());
    assert_eq!(count(0, &[]), 0);
    assert_eq!(count(3 * MIB + 1, &[]), 4);
    assert_eq!(count(3 * MIB + 1, &[(0, MIB)]), 3);
    assert_eq!(count(3 * MIB + 1, &[(1, 2 * MIB)]), 3);
    assert_eq!(count(3 * MIB + 1, &[(1, 3 * MIB)]), 1, "the end is in it");
    assert_eq!(count(3 * MIB + 1, &[(0, 3 * MIB + 1)]), 0);
    assert_eq!(count(3 * MIB, &[(MIB, MIB - 1), (2 * MIB, MIB)]), 2);
    assert_eq!(count(3 * MIB, &[(MIB / 2, 1)]), 3);
}

#[test]
fn extended_attributes_are_ordered_and_bounded() {
    let mut list = xattrs(&[(b"user.b", b"1")]);
    let long = vec![0; MAX_XATTR_BYTES as usize + 1];
    let push = |list: &mut XattrList, name: &[u8], value: &[u8]| list.push(Xattr { name, value });
    let before = list.clone();
    for (name, value, error) in [
        (&b"user.a"[..], &b""[..], ContentError::BadField),
        (b"user.b", b"", ContentError::BadField),
        (b"user\0c", b"", ContentError::BadField),
        (&[b'x'; 256], b"", ContentError::BadField),
        (b"user.c", &long, ContentError::TooLarge),
    ] {
        assert_eq!(push(&mut list, name, value), Err(error));
    }
    assert_eq!(list, before);
    push(&mut list, b"user.c", &long[1..]).unwrap();
    let bytes = manifest(&[Entry { xattrs: list.as_xattrs(), ..FILE }]);
    let names = |bytes: &[u8]| -> Option<ContentError> { read(bytes).err() };
    assert_eq!(names(&bytes), None);
    let at = bytes.windows(6).position(|window| window == b"user.b").unwrap();
    let mut twice = bytes.clone();
    twice[at + 5] = b'c';
    assert_eq!(names(&twice), Some(ContentError::BadField));
    let mut none = bytes;
    none[at - 6] = 0;
    assert!(names(&none).is_some());
}

#[test]
fn sizes_that_overflow_are_refused() {
    let huge = Entry { size: MAX_FILE_BYTES, ..FILE };
    let mut writer = ManifestWriter::new();
    writer.push(&huge).unwrap();
    writer.payload_size = u64::MAX;
    assert_eq!(writer.push(&FILE), Err(ContentError::TooLarge));
    assert_eq!((writer.entries(), writer.payload_size()), (1, u64::MAX));
}

#[test]
fn iteration_ends_at_the_first_error() {
    let mut bytes = manifest(&[DIRECTORY, FILE, FILE]);
    bytes[20 + 28 + 3] = 9; // the kind of the second entry
    let items: Vec<_> = Manifest::parse(&bytes).unwrap().entries().collect();
    assert_eq!(items, [Ok(DIRECTORY), Err(ContentError::BadKind)]);
}

#[test]
fn entries_stay_within_the_payload() {
    let mut bytes = manifest(&[FILE, FILE]);
    let at = bytes.len() - 28 + 6;
    bytes[at..at + 2].copy_from_slice(&[1, 3]); // room for the first file and one byte more
    let items: Vec<_> = Manifest::parse(&bytes).unwrap().entries().collect();
    assert_eq!(items, [Ok(FILE), Err(ContentError::SizeMismatch)]);
}

#[test]
fn writer_refuses_what_the_reader_would() {
    let long = "x".repeat(MAX_PATH_BYTES + 1);
    let mut writer = ManifestWriter::default();
    let target = |target| Entry { size: 0, kind: EntryKind::SymbolicLink { target }, ..FILE };
    let owner = |user| Some(Owner { uid: 0, gid: 0, user, group: "" });
    for (entry, error) in [
        (Entry { path: "", ..FILE }, ContentError::BadPath),
        (Entry { path: &long, ..FILE }, ContentError::BadPath),
        (target(""), ContentError::BadPath),
        (target(&long), ContentError::BadPath),
        (Entry { owner: owner(&long[..256]), ..FILE }, ContentError::BadField),
        (Entry { size: 1, ..DIRECTORY }, ContentError::BadField),
        (Entry { size: 1, ..target("x") }, ContentError::BadField),
        (
            Entry { mtime: Mtime { seconds: 0, nanos: 1_000_000_000 }, ..FILE },
            ContentError::BadField,
        ),
    ] {
        assert_eq!(writer.push(&entry), Err(error));
    }
    assert_eq!(writer.finish().0, manifest(&[]));
    let longest = Entry { path: &long[1..], ..FILE };
    assert_eq!(read(&manifest(&[longest])), Ok(vec![longest]));
}

/// What an entry drawn at random is made of.
type Drawn = (u8, u32, (i64, u32), u32, String, Option<(u32, String)>, Vec<(u64, u64)>);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let owner = prop::option::of((any::<u32>(), "[a-zé]{0,9}"));
    let holes = prop::collection::vec((1u64..1 << 22, 1u64..1 << 22), 0..4);
    let time = (any::<i64>(), 0..1_000_000_000u32);
    let entry = (0u8..5, any::<u32>(), time, any::<u32>(), ".{1,30}", owner, holes);
    prop::collection::vec(entry, 0..20)
}

/// A manifest of drawn entries.
fn manifest_of(list: &[Drawn]) -> Vec<u8> {
    let mut writer = ManifestWriter::new();
    for (kind, mode, (seconds, nanos), size, path, owner, gaps) in list {
        let number = writer.entries();
        let mut sparse = HoleList::default();
        let mut at = 0;
        for (gap, len) in gaps {
            sparse.push(Hole { offset: at + gap, len: *len });
            at += gap + len;
        }
        let owned = owner.as_ref();
        let attributes = match owned {
            Some((_, name)) if !name.is_empty() => xattrs(&[(name.as_bytes(), path.as_bytes())]),
            _ => XattrList::default(),
        };
        let base = Entry {
            mode: *mode,
            mtime: Mtime { seconds: *seconds, nanos: *nanos },
            owner: owned.map(|(uid, user)| Owner { uid: *uid, gid: 7, user, group: "g" }),
            xattrs: attributes.as_xattrs(),
            ..Entry::new(EntryKind::Directory, path)
        };
        let file = Entry {
            kind: EntryKind::File,
            size: at + u64::from(*size),
            holes: sparse.as_holes(),
            ..base
        };
        let entry = match kind {
            0 => base,
            1 => Entry { kind: EntryKind::SymbolicLink { target: path }, ..base },
            2 if number > 0 && writer.files[number as usize - 1] => {
                Entry::new(EntryKind::HardLink { to: number - 1 }, path)
            }
            _ => file,
        };
        writer.push(&entry).unwrap();
    }
    writer.finish().0
}

proptest! {
    #[test]
    fn any_list_comes_back(list in drawn()) {
        let bytes = manifest_of(&list);
        prop_assert_eq!(crate::fileset::exercise::manifest(&bytes), Ok(()));
    }

    #[test]
    fn damaged_manifests_never_panic_and_encoding_is_canonical(
        list in drawn(), flips in prop::collection::vec((any::<u16>(), 0u8..8), 1..4),
    ) {
        let mut bytes = manifest_of(&list);
        for (at, bit) in flips {
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        let _ = crate::fileset::exercise::manifest(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&tail);
        let mut bytes = manifest(&[]);
        bytes[11] = 3;
        bytes[19] = tail.len() as u8;
        bytes.truncate(20);
        bytes.extend_from_slice(&tail);
        bytes.extend_from_slice(&[0; 28]);
        let _ = crate::fileset::exercise::manifest(&bytes);
    }
}

#[test]
fn manifest_that_is_taken_in_pieces_is_the_same() {
    let sparse = holes(&[(0, 1)]);
    let entries = [DIRECTORY, FILE, Entry { path: "z", holes: sparse.as_holes(), ..FILE }];
    let whole = manifest(&entries);
    for step in 1..=3 {
        let (mut writer, mut kept, mut positions) = (ManifestWriter::new(), Vec::new(), Vec::new());
        for (number, entry) in entries.iter().enumerate() {
            positions.push(writer.position());
            writer.push(entry).unwrap();
            if number % step == 0 {
                kept.append(&mut writer.take());
                assert_eq!(writer.buffered(), 0);
            }
        }
        let (header, rest) = writer.finish_rest();
        kept.extend(rest);
        kept[..HEADER_LEN].copy_from_slice(&header);
        assert_eq!(kept, whole);
        for (position, entry) in positions.into_iter().zip(&entries) {
            let read = Entry::at(&whole, position).unwrap();
            assert_eq!(read, Entry { holes: Holes::NONE, ..*entry });
            assert_eq!(Entry::path_at(&whole, position), Some(entry.path.as_bytes()));
        }
    }
    assert_eq!(Entry::at(&whole, whole.len() + 1).err(), Some(ContentError::Truncated));
    assert_eq!(
        (Entry::path_at(&whole, whole.len()), Entry::path_at(&whole, usize::MAX)),
        (None, None)
    );
}

#[test]
fn positions_are_told_while_entries_are_read() {
    let bytes = manifest(&[DIRECTORY, FILE, FILE]);
    let parsed = Manifest::parse(&bytes).unwrap();
    let mut entries = parsed.entries();
    for _ in 0..3 {
        let position = entries.position();
        let entry = entries.next().unwrap().unwrap();
        assert_eq!(Entry::at(&bytes, position), Ok(entry));
    }
    assert_eq!((entries.next(), entries.position()), (None, parsed.bytes().len()));
}
