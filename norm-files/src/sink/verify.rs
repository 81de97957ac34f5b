//! Checks what was written: hashes of chunks.
//!
//! Runs on worker threads. Blocks that were written in order were hashed then ([`super::ledger`]);
//! everything else is read back.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::flush::flush;
use super::ledger::ReadBack;
use super::spool::Spool;
use super::spool_files::SpoolFile;

/// How often it is looked whether blocks are written.
const WRITE_CHECK: Duration = Duration::from_millis(5);

/// Which chunks are read back.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Those that are written as a whole.
    Whole,
    /// All of them: everything is written, and what is being written is waited for.
    All,
}

/// Hashes the chunks with bytes in this range of the payload whose hashes are not known. Returns
/// the places of those that an earlier session has left, and that were damaged since.
///
/// # Errors
/// What the system says; [`io::ErrorKind::Interrupted`] after `cancel` was set.
pub fn hash_chunks(
    spool: &Spool,
    range: Range<u64>,
    which: Reading,
    cancel: &AtomicBool,
) -> io::Result<Vec<Range<u64>>> {
    let stop = || match cancel.load(Ordering::Relaxed) {
        true => Err(io::Error::from(io::ErrorKind::Interrupted)),
        false => Ok(()),
    };
    // Blocks of a transfer that went elsewhere may be on their way.
    while which == Reading::All && spool.is_coming(range.start, range.end) {
        stop()?;
        std::thread::sleep(WRITE_CHECK);
    }
    // What a share refuses now is no fault of the sender's.
    flush(spool.file(SpoolFile::Payload))?;
    let mut damaged = Vec::new();
    let mut buffer = Vec::new();
    let Some(map) = spool.chunk_map() else { return Ok(damaged) };
    for number in map.over(range.start, range.end) {
        stop()?;
        let Some(chunk) = map.chunk(number) else { break };
        let place = chunk.range();
        let is_here = which == Reading::All || spool.is_written(place.start, place.end);
        if !is_here || !spool.start_reading(number) {
            continue;
        }
        buffer.resize(usize::try_from(chunk.data).unwrap_or(0), 0);
        spool.read_back(&mut buffer, chunk.payload)?;
        let Some(hash) = map.hash(number, &buffer) else { break };
        if !spool.was_read(number, hash) {
            damaged.push(place);
        }
    }
    Ok(damaged)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use norm_core::fileset::{
        CHUNK_BYTES, ChunkHasher, DigestListWriter, Entry, EntryKind, ManifestHash, ManifestWriter,
    };

    use super::*;
    use crate::sink::digests::Digests;
    use crate::sink::plan::Plan;
    use crate::sink::spool_table::Spools;
    use crate::sink::system;

    const MIB: usize = CHUNK_BYTES as usize;
    /// No chunks.
    const NONE: [u32; 0] = [];

    fn plan(size: u64) -> (Plan, ManifestHash) {
        let mut writer = ManifestWriter::new();
        writer.push(&Entry { size, ..Entry::new(EntryKind::File, "file") }).unwrap();
        let (manifest, hash) = writer.finish();
        (Plan::new(&manifest, size).unwrap(), hash)
    }

    #[test]
    fn what_is_not_hashed_is_read_back_when_it_is_here() {
        let dir = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..3 * MIB + 10).map(|n| (n * 31 + n / 251) as u8).collect();
        let (plan, hash) = plan(content.len() as u64);
        let spool = Spools::new(dir.path(), true).create(hash, content.len() as u64).unwrap();
        spool.write(SpoolFile::Payload, &content[..2 * MIB + 1], 0).unwrap();
        spool.know_files(&plan);
        let run = AtomicBool::new(false);
        let whole = 0..content.len() as u64;
        assert_eq!(hash_chunks(&spool, whole.clone(), Reading::Whole, &run).unwrap(), []);
        let mut writer = DigestListWriter::new(hash);
        for (n, chunk) in content.chunks(MIB).enumerate() {
            let at = n as u64 * CHUNK_BYTES;
            writer.push(&ChunkHasher::hash(at, content.len() as u64, chunk)).unwrap();
        }
        let digests = Arc::new(Digests::parse(&writer.finish().0, hash).unwrap());
        assert_eq!(digests.len(), 4);
        assert_eq!(spool.judge(&digests), NONE);
        assert_eq!(spool.not_verified(|_| false), [2, 3]);
        // The session believes that all of it is written.
        system::write_all_at(spool.file(SpoolFile::Payload), &content[MIB..3 * MIB], MIB as u64)
            .unwrap();
        assert_eq!(hash_chunks(&spool, whole, Reading::All, &run).unwrap(), []);
        assert_eq!(spool.judge(&digests), [3]);
        assert_eq!(spool.not_verified(|_| false), [3]);
        run.store(true, Ordering::Relaxed);
        let stopped = hash_chunks(&spool, 0..10, Reading::Whole, &run).unwrap_err();
        assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn manifest_that_no_set_can_have_is_not_allocated() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spools::new(dir.path(), true).create(ManifestHash([7; 32]), 0).unwrap();
        assert!(spool.read_whole(SpoolFile::Manifest, u64::MAX).is_err());
        assert_eq!(&*spool.read_whole(SpoolFile::Manifest, 0).unwrap(), b"");
    }
}
