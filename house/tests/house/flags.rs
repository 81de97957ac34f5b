//! Libraries do not speak of the command line.
//!
//! A program with a window has neither flags nor Ctrl-C. A library reports errors as values; the
//! words, and the flag that helps, belong to the program (`norm-cli`).

use crate::sources::{assert_none, files};

const LIBRARIES: [&str; 3] = ["norm-files/src", "norm-http/src", "norm-net/src"];

#[test]
fn libraries_do_not_name_flags_or_ctrl_c() {
    let mut found = Vec::new();
    for file in LIBRARIES.iter().flat_map(|folder| files(folder, ".rs")) {
        for (number, line) in file.lines() {
            if let Some(flag) = flag(line) {
                found.push(format!("{}:{number}: {flag}", file.path));
            }
        }
    }
    assert_none("words of the command line in libraries", &found);
}

/// The first `--word` or "Ctrl-C" of a line.
fn flag(line: &str) -> Option<&str> {
    if let Some(at) = line.find("Ctrl-C") {
        return Some(&line[at..at + "Ctrl-C".len()]);
    }
    line.match_indices("--").find_map(|(at, _)| {
        let word = &line[at + 2..];
        let end = word.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(word.len());
        let is_flag = word.starts_with(|c: char| c.is_ascii_lowercase())
            && !line[..at].ends_with(|c: char| c == '-' || c.is_alphanumeric());
        is_flag.then(|| &line[at..at + 2 + end])
    })
}
