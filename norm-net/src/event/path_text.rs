//! Paths in sentences.

use std::borrow::Cow;
use std::path::Path;

/// A path, fit for a terminal: what is not UTF-8 is escaped as `\xe9`, control characters as `\n`
/// or `\u{1b}`.
pub fn path_text(path: &Path) -> Cow<'_, str> {
    if let Some(text) = path.to_str().filter(|text| !text.chars().any(char::is_control)) {
        return Cow::Borrowed(text);
    }
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Action, Hint, Obstacle, Problem, SenderId, SourceProblem};

    #[test]
    fn plain_paths_stay_as_they_are() {
        assert_eq!(path_text(Path::new("in/café \\x")), "in/café \\x");
        assert_eq!(path_text(Path::new("a\nb\u{1b}[31m")), "a\\nb\\u{1b}[31m");
    }

    #[test]
    #[cfg(unix)]
    fn sentences_escape_what_a_terminal_must_not_get() {
        use std::os::unix::ffi::OsStrExt;

        let name = std::ffi::OsStr::from_bytes(b"caf\xe9\x1b[2J");
        let path = || std::path::PathBuf::from(name);
        let error = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let mut words: Vec<String> = [
            Problem::NameClash { path: path() },
            Problem::Obstructed { path: path(), obstacle: Obstacle::NoDirectory },
            Problem::Obstructed { path: path(), obstacle: Obstacle::Directory },
            Problem::system(Action::Write, path(), &error()),
            Problem::DirectoryGone { path: path() },
        ]
        .iter()
        .map(ToString::to_string)
        .collect();
        let (sender, first, entries) = (SenderId(0), path(), 1);
        let refused = Hint::MetadataRefused { sender, entries, first, error: (&error()).into() };
        words.push(refused.to_string());
        words.push(Hint::SlowDisk { directory: path() }.to_string());
        words.push(SourceProblem::Changed { path: path(), how: "its size" }.to_string());
        for words in words {
            assert!(words.contains("caf\\xe9\\u{1b}[2J"), "{words}");
        }
    }
}
