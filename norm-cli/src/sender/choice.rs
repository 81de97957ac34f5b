//! What the command line says is to be sent.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use norm_net::{Rule, Selection};

use crate::args::{PatternArg, SendArgs};
use crate::exit::Failure;
use crate::text;

/// Reads the files that options name.
pub(super) fn selection(args: &SendArgs) -> Result<Selection, Failure> {
    let mut rules = Vec::new();
    for pattern in &args.choice.patterns.0 {
        match pattern {
            PatternArg::Exclude(pattern) => rules.push(Rule::exclude(pattern)),
            PatternArg::Include(pattern) => rules.push(Rule::include(pattern)),
            PatternArg::ExcludeFrom(file) => {
                let bytes = read("--exclude-from", file)?;
                let lines = String::from_utf8(bytes).map_err(|_| {
                    Failure::usage(format!(
                        "--exclude-from {}: it is no UTF-8; write ? for each byte that is none",
                        text::path(file)
                    ))
                })?;
                rules.extend(Rule::of_file(file, &lines));
            }
        }
    }
    let listed = match &args.choice.files_from {
        Some(file) => Some(names(&read("--files-from", file)?, args.choice.from0)?.into()),
        None => None,
    };
    Ok(Selection::new(args.paths.as_slice()).with(|selection| {
        selection.rules = rules;
        selection.listed = listed;
        selection.follow_links = args.choice.follow_symlinks;
        selection.standalone = args.code.compat.is_some();
        selection.preserve = args.choice.preserve.value();
    }))
}

fn read(option: &str, file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let result = match file.to_str() {
        Some("-") => io::stdin().read_to_end(&mut bytes).map(|_| bytes),
        _ => fs::read(file),
    };
    result.map_err(|error| {
        let file = text::path(file);
        Failure::usage(format!("{option} {file} cannot be read: {error}; check the name"))
    })
}

/// The names in a list; empty ones are none.
fn names(bytes: &[u8], ends_with_zero: bool) -> Result<Vec<PathBuf>, Failure> {
    if !ends_with_zero && bytes.contains(&0) {
        return Err(Failure::usage(
            "--files-from: there are zero bytes in the list; use -0 (--from0) if they end names",
        ));
    }
    let end = if ends_with_zero { 0 } else { b'\n' };
    let names = bytes.split(|byte| *byte == end).map(|name| match name.strip_suffix(b"\r") {
        Some(line) if !ends_with_zero => line,
        _ => name,
    });
    names.filter(|name| !name.is_empty()).map(path).collect()
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "not on other systems")]
fn path(name: &[u8]) -> Result<PathBuf, Failure> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::OsStr::from_bytes(name).into())
}

#[cfg(not(unix))]
fn path(name: &[u8]) -> Result<PathBuf, Failure> {
    std::str::from_utf8(name).map(PathBuf::from).map_err(|_| {
        Failure::usage("--files-from: a name in the list is no UTF-8; write the list as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_with_lines_or_zero_bytes() {
        let lines = names(b"a\r\n\nb c\n#d", false).unwrap();
        assert_eq!(lines, ["a", "b c", "#d"].map(PathBuf::from));
        let zeros = names(b"a\nb\0c\r\0\0", true).unwrap();
        assert_eq!(zeros, ["a\nb", "c\r"].map(PathBuf::from));
        assert!(names(b"a\0b", false).unwrap_err().message.contains("-0"));
    }
}
