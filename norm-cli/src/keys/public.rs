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
    if !is_key(value) && is_key_file(&content(option, value)?) {
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

/// True of a text that normctl keygen has made.
pub(super) fn is_key_file(text: &str) -> bool {
    let starts = |line: &str| ["norm-key-1", "norm-join-1"].iter().any(|it| line.starts_with(it));
    text.lines().any(|line| starts(line.trim_start()))
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

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNER: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

    #[test]
    fn keys_are_told_from_files_and_files_of_ssh_from_those_of_keygen() {
        assert!(is_key(SIGNER) && is_key("age1x") && !is_key("./age1") && !is_key("keys/lab.pub"));
        assert!(is_key_file("# x\n norm-join-1qyp"));
        assert!(!is_key_file(&format!("norm-admin {SIGNER} norm-join-1")));
    }

    #[test]
    fn senders_that_are_trusted_sign_and_others_are_told() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("signers");
        let name = path.to_str().unwrap();
        fs::write(&path, format!("norm-admin {SIGNER}\nx ssh-rsa AAAA\n")).unwrap();
        let [key] = trusted("--trust", name).unwrap()[..] else { panic!("one key") };
        assert!(key.to_string().starts_with("d75a9801"), "{key}");
        assert_eq!(trusted("--trust", SIGNER).unwrap(), [key]);
        fs::write(&path, "x ssh-rsa AAAA\nsk-ssh-ed25519@openssh.com AAAA\n").unwrap();
        let refused = trusted("--trust", name).unwrap_err().message;
        assert!(refused.contains("2 skipped") && refused.contains("--sign"), "{refused}");
    }
}
