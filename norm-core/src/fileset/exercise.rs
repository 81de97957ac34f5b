//! What must hold for any bytes at all: the bodies of the fuzz targets, shared with the test that
//! replays their corpus. Not part of the interface.

use super::{
    ChunkHash, ChunkMap, ContentError, DigestList, DigestListWriter, Manifest, ManifestHash,
    ManifestWriter, Withdrawal, data_chunks, digest_list_len, safe_components,
};
use super::{HASH_BYTES, MAX_ENTRIES, NameRules};
use crate::base::range_set::RangeSet;

/// A manifest that is good is written again to the same bytes, and its numbers are within bounds.
///
/// # Errors
/// Why it is not good.
pub fn manifest(bytes: &[u8]) -> Result<(), ContentError> {
    let manifest = Manifest::parse(bytes)?;
    let mut writer = ManifestWriter::new();
    writer.set_left_out(manifest.left_out());
    let mut entries = manifest.entries();
    let mut map = ChunkMap::default();
    let mut chunks = 0;
    while let Some(entry) = entries.next().transpose()? {
        assert!(entry.xattrs.iter().all(|xattr| !xattr.name.is_empty()));
        let _ = safe_components(entry.path, NameRules::Windows);
        chunks += data_chunks(entry.size, entry.holes);
        if map.push(entry.size, entry.holes).is_ok() {
            assert_eq!((map.payload_size(), u64::from(map.chunks())), (entries.offset(), chunks));
        }
        assert_eq!(writer.push(&entry), Ok(()), "what was read can be written");
        assert_eq!(writer.payload_size(), entries.offset());
    }
    assert_eq!(writer.payload_size(), manifest.payload_size());
    assert_eq!(writer.chunks(), chunks);
    let (again, hash) = writer.finish();
    assert!(again == bytes, "it was not written as it came");
    assert_eq!(hash, manifest.hash());
    Ok(())
}

/// A digest list of any manifest that is good is written again to the same bytes.
pub fn digest_list(bytes: &[u8]) -> bool {
    let Some(&manifest) = bytes.get(12..).and_then(|rest| rest.first_chunk::<HASH_BYTES>()) else {
        return DigestList::parse(bytes, ManifestHash([0; HASH_BYTES]), []).is_ok();
    };
    let manifest = ManifestHash(manifest);
    let _ = DigestList::parse(bytes, manifest, [(1, ChunkHash([1; HASH_BYTES]))]);
    let Ok(list) = DigestList::parse(bytes, manifest, []) else { return false };
    assert_eq!(digest_list_len(list.chunks().len() as u32), bytes.len() as u64);
    let mut writer = DigestListWriter::new(manifest);
    let mut withdrawn = list.withdrawn().peekable();
    for (chunk, number) in list.chunks().zip(0..) {
        let added = match withdrawn.next_if_eq(&number) {
            Some(_) => writer.push_withdrawn(),
            None => writer.push(&chunk),
        };
        assert_eq!(added, Ok(()));
    }
    let (again, content) = writer.finish();
    assert!(again == bytes && content == list.content(), "it was not written as it came");
    true
}

/// A notice of withdrawn entries that is good is written again to the same bytes.
pub fn withdrawal(bytes: &[u8]) -> bool {
    let Ok(notice) = Withdrawal::parse(bytes) else { return false };
    let mut again = Vec::new();
    notice.emit(&mut again);
    assert_eq!(again, bytes, "it was not written as it came");
    let mut entries = RangeSet::new();
    for range in &notice.entries {
        assert!(range.start < range.end && range.end <= MAX_ENTRIES);
        entries.insert(range.start.into(), range.end.into());
    }
    let parsed = |notice: &Vec<u8>| Withdrawal::parse(notice).map(|notice| notice.entries);
    let cut = Withdrawal::notices(notice.set, &entries, 100);
    let cut: Result<Vec<_>, _> = cut.iter().map(parsed).collect();
    assert_eq!(cut.map(|cut| cut.concat()), Ok(notice.entries));
    true
}
