//! Which file is being sent, and how many were: for people.

use std::path::PathBuf;
use std::sync::Arc;

use norm_core::fileset::ChunkMap;
use norm_core::transfer::OutboundProgress;
use norm_files::source::FileSet;

/// Where the files of a session are in its content.
#[derive(Clone, Debug)]
pub(super) struct SentFiles {
    map: Arc<ChunkMap>,
    /// Bytes of the manifest.
    manifest: u64,
    /// The digest list comes before the files.
    list_first: bool,
    /// Files, other names included.
    total: u64,
}

impl SentFiles {
    /// Those that were found.
    pub(super) fn new(found: &FileSet, list_first: bool) -> Self {
        let (map, manifest) = (Arc::clone(&found.map), found.manifest.len() as u64);
        Self { map, manifest, list_first, total: found.file_count }
    }

    /// How many there are.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// How many were sent once; `None` where they are not sent one after the other.
    pub(super) fn sent(&self, progress: &OutboundProgress) -> Option<u64> {
        if progress.on_request || progress.pass > 0 {
            return None;
        }
        let payload = self.map.payload_size();
        let lists = progress.bytes_total.saturating_sub(payload);
        let before = if self.list_first { lists } else { lists.min(self.manifest) };
        let place = progress.bytes_sent.saturating_sub(before);
        let sent = if place >= payload { self.total } else { self.map.file_at(place) as u64 };
        Some(sent.min(self.total))
    }

    /// The file to be told of, when this one was read last.
    pub(super) fn told(
        &self,
        read: Option<PathBuf>,
        progress: &OutboundProgress,
    ) -> Option<PathBuf> {
        read.filter(|_| progress.pass == 0)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use norm_files::source::scan;

    use super::*;

    #[test]
    fn files_count_as_sent_when_the_position_is_after_them() {
        let temp = tempfile::tempdir().unwrap();
        for (name, size) in [("a", 10), ("b", 20), ("c", 0), ("d", 5)] {
            fs::write(temp.path().join(name), vec![1; size]).unwrap();
        }
        let found = scan(&[temp.path().to_owned()]).unwrap();
        let manifest = found.manifest.len() as u64;
        let at = |list_first, bytes_sent| {
            let files = SentFiles::new(&found, list_first);
            let bytes_total = manifest + 35 + 100;
            files.sent(&OutboundProgress { bytes_sent, bytes_total, ..OutboundProgress::default() })
        };
        for (list_first, before) in [(false, manifest), (true, manifest + 100)] {
            for (sent, files) in [(0, 0), (9, 0), (10, 1), (29, 1), (30, 2), (34, 2), (35, 4)] {
                assert_eq!(at(list_first, before + sent), Some(files), "{sent}");
            }
            assert_eq!(at(list_first, before - 1), Some(0));
        }
        let files = SentFiles::new(&found, false);
        let passes = OutboundProgress { pass: 1, bytes_sent: 1_000, ..OutboundProgress::default() };
        assert_eq!(files.sent(&passes), None);
        assert_eq!(files.told(Some("a".into()), &passes), None);
        let asked = OutboundProgress { on_request: true, ..OutboundProgress::default() };
        assert_eq!(files.sent(&asked), None);
        assert_eq!(files.told(Some("a".into()), &asked), Some("a".into()));
    }
}
