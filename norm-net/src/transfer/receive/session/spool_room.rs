//! Whether the disk has room for symbols of blocks that are not whole, by FLUTE.

use std::path::Path;

use norm_files::sink::Free;

use crate::event::Hint;

/// Looks at the disk whenever more is to come than before, and says once that it may be too small.
#[derive(Debug, Default)]
pub(super) struct SpoolRoom {
    /// Bytes in all that were to come when it was looked at last.
    looked_at: u64,
    is_told: bool,
}

impl SpoolRoom {
    /// Of `total` bytes `to_come` are not written, and symbols have this much memory. What is to be
    /// said, if anything is.
    pub(super) fn look(
        &mut self,
        directory: &Path,
        total: u64,
        to_come: u64,
        memory: u64,
    ) -> Option<Hint> {
        if self.is_told || total <= self.looked_at {
            return None;
        }
        self.looked_at = total;
        let hint = lacking(directory, to_come, memory, Free::of(directory).bytes?);
        self.is_told = hint.is_some();
        hint
    }
}

/// All blocks of a carousel become whole at about the same time: until then nothing is written to
/// its place, whose room is taken all the same.
fn lacking(directory: &Path, files: u64, memory: u64, free: u64) -> Option<Hint> {
    let symbols = files.saturating_sub(memory);
    (symbols > 0 && files.saturating_add(symbols) > free).then(|| Hint::SpoolRoom {
        directory: directory.to_owned(),
        symbols,
        files,
        free,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn disk_that_is_too_small_is_told_with_numbers() {
        let of = |files, free| lacking(Path::new("in"), files, 10 * MIB, free);
        assert_eq!(of(10 * MIB, 0).map(|hint| hint.to_string()), None, "all of it is in memory");
        assert_eq!(of(100 * MIB, 190 * MIB), None);
        let said = of(100 * MIB, 190 * MIB - 1).unwrap().to_string();
        assert_eq!(
            said,
            "receiving needs up to 90 MiB on the disk of in for symbols, beside 100 MiB for the \
             files, and 190 MiB are free"
        );
    }

    #[test]
    fn it_is_looked_at_when_there_is_more_to_come() {
        let directory = tempfile::tempdir().unwrap();
        let mut room = SpoolRoom::default();
        assert_eq!(room.look(directory.path(), 1 << 20, 1 << 20, 0), None);
        // No disk has this much.
        assert_eq!(room.look(directory.path(), 1 << 20, 1 << 62, 0), None, "it was looked at");
        assert!(room.look(directory.path(), 1 << 62, 1 << 62, 0).is_some());
        assert_eq!(room.look(directory.path(), 1 << 63, 1 << 62, 0), None, "told already");
    }
}
