//! Public keys: in the command line, or in files.

use std::fs;
use std::io::Read;
use std::path::Path;

use norm_net::seal::{PublicKeys, Verifier};

use super::key_file_text;
use crate::exit::Failure;
use crate::text;

/// Bytes of a file at most: 100,000 keys.
const MAX_LEN: u64 = 16 << 20;

/// The keys that a value of an option is, or that its file has.
pub(super) fn read(option: &str, value: &str) -> Result<PublicKeys, Failure> {
    if is_key(value) {
        return PublicKeys::parse(value).map_err(|error| {
            let error = error.to_string();
            let (_, problem) = error.split_once(": ").unwrap_or(("", &error));
            Failure::usage(format!("{option} {}: {problem}; copy it again", text::plain(value)))
        });
    }
    let shown = text::path(Path::new(value)).into_owned();
    let content = content(option, value)?;
    PublicKeys::parse(&content).map_err(|error| {
        Failure::usage(format!("{option} {shown}: {error}; remove the line, or make it a comment"))
    })
}

/// The keys of senders that a value is, or that its file has.
pub(super) fn trusted(option: &str, value: &str) -> Result<Vec<Verifier>, Failure> {
    let path = Path::new(value);
    if !is_key(value) && content(option, value)?.contains("norm-") {
        // It has a secret, too.
        return Ok(vec![key_file_text(option, path)?.signer()]);
    }
    let keys = read(option, value)?;
    if keys.ed25519.is_empty() {
        let skipped = skipped(&keys).unwrap_or_default();
        return Err(Failure::usage(format!(
            "{option} {} has no key ssh-ed25519 that signs{skipped}: give the public key of what \
             norm-send --sign uses",
            text::plain(value)
        )));
    }
    Ok(keys.ed25519.into_iter().map(Verifier).collect())
}

/// What was skipped, if something was.
pub(super) fn skipped(keys: &PublicKeys) -> Option<String> {
    if keys.skipped.is_empty() {
        return None;
    }
    let each = keys.skipped.iter().map(|(kind, count)| match kind.starts_with("sk-") {
        true => format!("{count} {} (security keys sign, and open nothing)", text::plain(kind)),
        false => format!("{count} {}", text::plain(kind)),
    });
    Some(format!(", {} skipped: {}", keys.all_skipped(), each.collect::<Vec<_>>().join(", ")))
}

/// True of a value that is a key, not the name of a file.
fn is_key(value: &str) -> bool {
    value.starts_with("age1") || value.contains("ssh-ed25519 ")
}

fn content(option: &str, value: &str) -> Result<String, Failure> {
    let path = Path::new(value);
    let unreadable = |error: &dyn std::fmt::Display| {
        let shown = text::path(path);
        Failure::usage(format!(
            "{option} {shown} cannot be read: {error}; check the name, or give a key age1… or \
             \"ssh-ed25519 …\""
        ))
    };
    let mut content = String::new();
    let file = fs::File::open(path).map_err(|error| unreadable(&error))?;
    let read = file.take(MAX_LEN + 1).read_to_string(&mut content);
    read.map_err(|error| unreadable(&error))?;
    if content.len() as u64 > MAX_LEN {
        return Err(unreadable(&"it is too long"));
    }
    Ok(content)
}
