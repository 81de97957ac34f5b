//! How many files of a set are here: for people, so it is found out when it is asked for.

use super::plan::Plan;
use super::spool::Spool;

/// Pieces that are missing at most, where files are counted.
const MAX_PIECES: usize = 4_096;

/// How many names of files of a plan belong to files of which all is here, other names included;
/// `None` where what is missing is in too many pieces to look at each time.
pub fn files_here(spool: &Spool, plan: &Plan) -> Option<u64> {
    let map = plan.chunks();
    let (mut missing, mut next) = (0, 0);
    for (start, end) in spool.missing(MAX_PIECES)? {
        let files = map.file_at(start).max(next)..map.file_at(end - 1) + 1;
        next = files.end.max(next);
        missing += plan.names_in(files);
    }
    Some(plan.names_in(0..plan.file_count()).saturating_sub(missing))
}

#[cfg(test)]
mod tests {
    use norm_core::fileset::{Entry, EntryKind, ManifestWriter};

    use super::*;
    use crate::sink::{SpoolFile, Spools};

    #[test]
    fn files_are_here_when_no_byte_of_them_is_missing() {
        let mut writer = ManifestWriter::new();
        let file = |name, size| Entry { size, ..Entry::new(EntryKind::File, name) };
        for (name, size) in [("a", 10), ("b", 0), ("c", 20), ("d", 5)] {
            writer.push(&file(name, size)).unwrap();
        }
        writer.push(&Entry::new(EntryKind::HardLink { to: 2 }, "e")).unwrap();
        let (manifest, hash) = writer.finish();
        let plan = Plan::new(&manifest, 35).unwrap();
        let temp = tempfile::tempdir().unwrap();
        let mut spools = Spools::new(temp.path(), false);
        let spool = spools.open(hash, 35).unwrap().spool;
        spool.know_files(&plan);
        let here = || files_here(&spool, &plan);
        assert_eq!(here(), Some(0));
        let write = |start: u64, end: u64| {
            spool.write(SpoolFile::Payload, &vec![7; (end - start) as usize], start).unwrap();
            assert_eq!(spool.last_written(), Some(start));
            here()
        };
        assert_eq!(write(30, 34), Some(0));
        assert_eq!(write(34, 35), Some(1), "the last one");
        assert_eq!(write(0, 9), Some(1));
        assert_eq!(write(9, 12), Some(3), "an empty one comes after it");
        assert_eq!(write(12, 30), Some(5), "with its other name");
        spool.forget(29, 30);
        assert_eq!(here(), Some(3));
    }
}
