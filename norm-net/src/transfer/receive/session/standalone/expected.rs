//! The one file that is wanted, where its hash is given.

use std::path::PathBuf;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::ObjectRef;
use norm_core::fileset::ContentHash;
use norm_core::transfer::FileContent;

/// How long the expected file is waited for when others are sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// True when this is said to be the hash of a file: it is compared when the file is here.
pub(super) fn is_said(expected: ContentHash, content: &FileContent) -> bool {
    content.blake3 == Some(expected.0) || content.sha256 == Some(expected.0)
}

/// Files that are sent, and are not the expected one.
#[derive(Debug, Default)]
pub(super) struct OtherFiles {
    /// The first one, with its name, and when it was heard of.
    first: Option<(ObjectRef, PathBuf, Timestamp)>,
    count: u64,
}

impl OtherFiles {
    /// Notes one of them.
    pub(super) fn note(&mut self, now: Timestamp, object: ObjectRef, path: PathBuf) {
        self.count += 1;
        self.first.get_or_insert((object, path, now));
    }

    /// The first one, how many there are, and its name, if some time has passed since. Handed out
    /// once.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(ObjectRef, u64, PathBuf)> {
        let (object, path, _) = self.first.take_if(|(_, _, at)| now >= *at + PATIENCE)?;
        Some((object, std::mem::take(&mut self.count), path))
    }
}

#[cfg(test)]
mod tests {
    use norm_core::endpoint::SenderId;

    use super::*;

    #[test]
    fn either_hash_names_a_file() {
        let expected = ContentHash([7; 32]);
        let said = |blake3, sha256| {
            let content = FileContent { blake3, sha256, ..FileContent::default() };
            is_said(expected, &content)
        };
        assert!(said(Some([7; 32]), None) && said(None, Some([7; 32])));
        assert!(!said(Some([8; 32]), None) && !said(None, None));
    }

    #[test]
    fn other_files_are_told_after_a_time_and_once() {
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let object = |key| ObjectRef { sender: SenderId(0), key };
        let mut others = OtherFiles::default();
        assert_eq!(others.take_due(at(100)), None);
        others.note(at(1), object(3), "a".into());
        others.note(at(5), object(4), "b".into());
        assert_eq!(others.take_due(at(5)), None);
        assert_eq!(others.take_due(at(6)), Some((object(3), 2, "a".into())));
        assert_eq!(others.take_due(at(100)), None);
    }
}
