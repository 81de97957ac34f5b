//! Which file is being sent, and how many were: for people.

use std::path::PathBuf;

use norm_core::transfer::OutboundProgress;
use norm_files::source::{FileSet, SourceFiles};

/// Where the files of a session are in its content.
#[derive(Clone, Debug)]
pub(super) struct SentFiles {
    files: SourceFiles,
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
        let (files, manifest) = (found.files.clone(), found.manifest.len() as u64);
        Self { files, manifest, list_first, total: found.file_count }
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
        let file = self.position(progress).unwrap_or(0);
        let sent = if file == self.files.len() { self.total } else { file as u64 };
        Some(sent.min(self.total))
    }

    /// The file whose first transmission is under way, by its index, or how many there are when all
    /// were sent; `None` before the first one.
    fn position(&self, progress: &OutboundProgress) -> Option<usize> {
        let map = self.files.map();
        let lists = progress.bytes_total.saturating_sub(map.payload_size());
        let before = if self.list_first { lists } else { lists.min(self.manifest) };
        Some(map.file_at(progress.bytes_sent.checked_sub(before)?))
    }

    /// The file to be told of, when this one was read last: when all were sent once, and where
    /// only what receivers ask for is sent, that is the one.
    pub(super) fn told(
        &self,
        read: impl FnOnce() -> Option<PathBuf>,
        progress: &OutboundProgress,
    ) -> Option<PathBuf> {
        if progress.pass > 0 {
            return None;
        }
        let position =
            if progress.on_request { Some(self.files.len()) } else { self.position(progress) };
        match self.files.get(position?) {
            Some(file) => Some(file.path),
            None => read(),
        }
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
        let read = || Some("read".into());
        let told = |progress| {
            let path = files.told(read, &progress)?;
            Some(path.file_name()?.to_str()?.to_owned())
        };
        let sent = |bytes_sent| OutboundProgress {
            bytes_sent,
            bytes_total: manifest + 135,
            ..OutboundProgress::default()
        };
        assert_eq!(told(sent(manifest - 1)), None, "that is the manifest");
        assert_eq!(told(sent(manifest)).unwrap(), "a");
        assert_eq!(told(sent(manifest + 10)).unwrap(), "b");
        assert_eq!(told(sent(manifest + 35)).unwrap(), "read", "repair");
        let passes = OutboundProgress { pass: 1, ..sent(1_000) };
        assert_eq!((files.sent(&passes), told(passes)), (None, None));
        let asked = OutboundProgress { on_request: true, ..sent(0) };
        assert_eq!((files.sent(&asked), told(asked).unwrap()), (None, "read".to_owned()));
    }
}
