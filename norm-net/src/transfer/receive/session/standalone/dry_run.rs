//! What would become of standalone files, in a dry run.

use std::path::PathBuf;
use std::time::Duration;

use norm_core::Timestamp;

/// No list says which files there are: a sender that has named no other one for this long has named
/// all of them, as far as is to be known.
const NAMED_ALL_AFTER: Duration = Duration::from_secs(3);
/// Files that are remembered.
const MAX_FILES: usize = 100_000;

/// The files that a sender has named.
#[derive(Debug, Default)]
pub(super) struct NamedFiles {
    files: Vec<(PathBuf, u64)>,
    /// When the last one was named, if any was.
    named: Option<Timestamp>,
}

impl NamedFiles {
    /// A file was named, with its size.
    pub(super) fn push(&mut self, now: Timestamp, path: PathBuf, size: u64) {
        if self.files.len() < MAX_FILES {
            self.files.push((path, size));
            self.named = Some(now);
        }
    }

    /// True when a file was named.
    pub(super) fn has_any(&self) -> bool {
        self.named.is_some()
    }

    /// All of them, when there are no others: because the sender `has_told_all`, or for want of
    /// news. Handed out once.
    pub(super) fn take_all(
        &mut self,
        now: Timestamp,
        has_told_all: bool,
    ) -> Option<Vec<(PathBuf, u64)>> {
        let is_time = has_told_all || self.named.is_some_and(|at| now >= at + NAMED_ALL_AFTER);
        (is_time && !self.files.is_empty()).then(|| std::mem::take(&mut self.files))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_known_when_no_other_is_named() {
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let mut named = NamedFiles::default();
        assert_eq!(named.take_all(at(9), true), None);
        named.push(at(1), "a".into(), 5);
        named.push(at(2), "b".into(), 6);
        assert_eq!(named.take_all(at(4), false), None);
        let both = Some(vec![("a".into(), 5), ("b".into(), 6)]);
        assert_eq!(named.take_all(at(5), false), both);
        assert_eq!(named.take_all(at(99), false), None);
        named.push(at(6), "c".into(), 7);
        assert!(named.take_all(at(6), true).is_some());
    }
}
