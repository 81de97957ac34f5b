use super::*;
use proptest::prelude::*;

const FILE: Entry<'_> = Entry {
    kind: EntryKind::File,
    mode: 0o100_644,
    mtime: Mtime { seconds: -2, nanos: 999_999_999 },
    size: 0x0102,
    path: "dir/é",
};
const DIRECTORY: Entry<'_> = Entry { kind: EntryKind::Directory, size: 0, path: "dir", ..FILE };

fn manifest(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut writer = ManifestWriter::new();
    for entry in entries {
        writer.push(entry).unwrap();
    }
    writer.finish()
}

fn read(bytes: &[u8]) -> Result<Vec<Entry<'_>>, ContentError> {
    Manifest::parse(bytes)?.entries().collect()
}

#[test]
fn layout_is_fixed() {
    let mut expected = b"NHED\x01\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01\x02".to_vec();
    expected.extend_from_slice(b"\x01\0\x06\0\0\x81\xa4");
    expected.extend_from_slice(&[255, 255, 255, 255, 255, 255, 255, 254, 0x3b, 0x9a, 0xc9, 0xff]);
    expected.extend_from_slice(b"\0\0\0\0\0\0\x01\x02dir/\xc3\xa9");
    assert_eq!(manifest(&[FILE]), expected);
    assert_eq!(read(&expected), Ok(vec![FILE]));
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
    assert_eq!(with(4, &[2]), Some(E::UnsupportedVersion(2)));
    assert_eq!(with(7, &[1]), Some(E::BadField));
    assert_eq!(with(8, &[255]), Some(E::TooLarge), "entries");
    assert_eq!(with(8, &[0, 0x0f, 0x42, 0x40]), Some(E::Truncated), "a million entries");
    assert_eq!(with(8, &[0, 0, 0, 1]), Some(E::TrailingBytes), "fewer entries");
    assert_eq!(with(12, &[1]), Some(E::SizeMismatch), "more payload");
    assert_eq!(with(19, &[1]), Some(E::SizeMismatch), "less payload");
    assert_eq!(with(20, &[3]), Some(E::BadKind));
    assert_eq!(with(21, &[0, 0]), Some(E::BadPath), "an empty path");
    assert_eq!(with(35, &[0x3b, 0x9a, 0xca, 0x00]), Some(E::BadField), "10^9 ns");
    assert_eq!(with(46, &[1]), Some(E::BadField), "a directory with content");
    assert_eq!(with(47, &[0xff]), Some(E::BadPath), "not UTF-8");
    assert_eq!(with(47, b"a"), None);
}

#[test]
fn sizes_that_overflow_are_refused() {
    let huge = Entry { size: u64::MAX, ..FILE };
    let mut writer = ManifestWriter::new();
    writer.push(&huge).unwrap();
    assert_eq!(writer.push(&FILE), Err(ContentError::TooLarge));
    writer.push(&Entry { size: 0, ..FILE }).unwrap();
    assert_eq!((writer.entries(), writer.payload_size()), (2, u64::MAX));
    let mut bytes = writer.finish();
    assert!(read(&bytes).is_ok());
    let last_size = bytes.len() - FILE.path.len() - 1;
    bytes[last_size] = 1;
    assert_eq!(read(&bytes), Err(ContentError::SizeMismatch));
}

#[test]
fn iteration_ends_at_the_first_error() {
    let mut bytes = manifest(&[DIRECTORY, FILE, FILE]);
    bytes[20 + 27 + 3] = 9; // the kind of the second entry
    let items: Vec<_> = Manifest::parse(&bytes).unwrap().entries().collect();
    assert_eq!(items, [Ok(DIRECTORY), Err(ContentError::BadKind)]);
}

#[test]
fn entries_stay_within_the_payload() {
    let mut bytes = manifest(&[FILE, FILE]);
    bytes[18..20].copy_from_slice(&[1, 3]); // room for the first file and one byte more
    let items: Vec<_> = Manifest::parse(&bytes).unwrap().entries().collect();
    assert_eq!(items, [Ok(FILE), Err(ContentError::SizeMismatch)]);
}

#[test]
fn writer_refuses_what_the_reader_would() {
    let long = "x".repeat(MAX_PATH_BYTES + 1);
    let mut writer = ManifestWriter::default();
    for (entry, error) in [
        (Entry { path: "", ..FILE }, ContentError::BadPath),
        (Entry { path: &long, ..FILE }, ContentError::BadPath),
        (Entry { size: 1, ..DIRECTORY }, ContentError::BadField),
        (
            Entry { mtime: Mtime { seconds: 0, nanos: 1_000_000_000 }, ..FILE },
            ContentError::BadField,
        ),
    ] {
        assert_eq!(writer.push(&entry), Err(error));
    }
    assert_eq!(writer.finish(), manifest(&[]));
    let longest = Entry { path: &long[1..], ..FILE };
    assert_eq!(read(&manifest(&[longest])), Ok(vec![longest]));
}

#[test]
fn writer_stops_at_a_million_entries() {
    let mut writer = ManifestWriter::new();
    for _ in 0..MAX_ENTRIES {
        writer.push(&DIRECTORY).unwrap();
    }
    assert_eq!(writer.push(&DIRECTORY), Err(ContentError::TooLarge));
    let bytes = writer.finish();
    assert_eq!(Manifest::parse(&bytes).unwrap().entries().filter(Result::is_ok).count(), 1_000_000);
}

proptest! {
    #[test]
    fn any_list_comes_back(
        list in prop::collection::vec(
            (
                any::<bool>(),
                any::<u32>(),
                any::<i64>(),
                0..NANOS_PER_SECOND,
                any::<u32>(),
                ".{1,30}",
            ),
            0..20,
        ),
    ) {
        let entries: Vec<Entry<'_>> = list.iter().map(|(file, mode, seconds, nanos, size, path)| {
            Entry {
                kind: if *file { EntryKind::File } else { EntryKind::Directory },
                mode: *mode,
                mtime: Mtime { seconds: *seconds, nanos: *nanos },
                size: if *file { u64::from(*size) } else { 0 },
                path,
            }
        }).collect();
        let bytes = manifest(&entries);
        prop_assert_eq!(read(&bytes), Ok(entries));
    }

    #[test]
    fn flipped_bits_never_panic_and_encoding_is_canonical(
        flips in prop::collection::vec((0usize..91, 0u8..8), 1..4),
    ) {
        let mut bytes = manifest(&[DIRECTORY, FILE]);
        for (at, bit) in flips {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        if let Ok(entries) = read(&bytes) {
            prop_assert_eq!(manifest(&entries), bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&tail);
        let mut bytes = manifest(&[]);
        bytes[11] = 3;
        bytes.extend_from_slice(&tail);
        let _ = read(&bytes);
    }
}
