//! What a user wants to send.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Rule;
use crate::Preserve;

/// Paths to send, and what of them is left out. More fields may come.
///
/// A path that ends with a slash, and `.`, stands for what is in the directory, as with rsync: its
/// entries arrive without it. Any other one arrives under its last component.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Selection {
    /// Files, and directories with all that is in them.
    pub paths: Vec<PathBuf>,
    /// Only these names, which are relative to the directory that is the only path, or to the
    /// current directory if there is no path. They arrive with their directories. A directory among
    /// them is sent without what is in it. Absolute names are below the path, or arrive without
    /// their root.
    pub listed: Option<Arc<[PathBuf]>>,
    /// What is left out. The last rule that matches decides.
    pub rules: Vec<Rule>,
    /// What symbolic links lead to is sent in their place; else they are sent as they are.
    pub follow_links: bool,
    /// Files are sent alone, without names of more than files: no links, no holes.
    pub standalone: bool,
    /// What of files is sent beyond content, permissions and times.
    pub preserve: Preserve,
}

impl Selection {
    /// These paths, with all that is in them.
    pub fn new(paths: impl Into<Vec<PathBuf>>) -> Self {
        Self { paths: paths.into(), ..Self::default() }
    }

    /// The same with changes, such as `.with(|s| s.rules.push(Rule::exclude("*.o")))`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl From<&[PathBuf]> for Selection {
    fn from(paths: &[PathBuf]) -> Self {
        Self::new(paths)
    }
}

impl From<&Vec<PathBuf>> for Selection {
    fn from(paths: &Vec<PathBuf>) -> Self {
        Self::new(paths.as_slice())
    }
}

impl<const N: usize> From<&[PathBuf; N]> for Selection {
    fn from(paths: &[PathBuf; N]) -> Self {
        Self::new(paths.as_slice())
    }
}

impl From<&Self> for Selection {
    fn from(selection: &Self) -> Self {
        selection.clone()
    }
}

/// True for a path that stands for what is in a directory: one that ends with a slash, `.` or `..`.
pub fn means_contents(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    let is_separator = |byte: &u8| std::path::is_separator(char::from(*byte));
    let last = bytes.rsplit(is_separator).next().unwrap_or_default();
    !bytes.is_empty() && matches!(last, b"" | b"." | b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_or_dots_at_the_end_mean_what_is_in_a_directory() {
        for path in ["a/", "/", "a//", ".", "./", "..", "a/.", "a/.."] {
            assert!(means_contents(Path::new(path)), "{path}");
        }
        for path in ["", "a", "/a", "./a", "a.", "a..", "..a", ".a"] {
            assert!(!means_contents(Path::new(path)), "{path}");
        }
    }
}
