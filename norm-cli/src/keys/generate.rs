//! Makes key files.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use norm_net::seal::{KeyFile, KeyId, Verifier};
use zeroize::Zeroizing;

use super::file;
use crate::exit::Failure;

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// For the sender alone.
    pub key: PathBuf,
    /// For receivers.
    pub join: PathBuf,
    /// What names the group's secret in both.
    pub key_id: KeyId,
    /// The public half of what the sender signs with.
    pub signer: Verifier,
}

/// Makes `NAME.key` and `NAME.join`, with new secrets, and readable by their owner only.
///
/// # Errors
///
/// When one of them is there, or cannot be written; then none is left.
pub fn generate(name: &Path) -> Result<Files, Failure> {
    let [key, join] = KeyFile::pair(*random()?, *random()?);
    let (key_path, join_path) = (with_end(name, ".key"), with_end(name, ".join"));
    if fs::symlink_metadata(&join_path).is_ok() {
        // Nothing is made for half a pair.
        file::create(&join_path, "")?;
    }
    file::create(&key_path, &text(&key, "for norm-send --key: keep it at the sender"))?;
    let made = file::create(&join_path, &text(&join, "for norm-recv --key, at each receiver"));
    made.inspect_err(|_| drop(fs::remove_file(&key_path)))?;
    let (key_id, signer) = (key.group().key_id(), key.signer());
    Ok(Files { key: key_path, join: join_path, key_id, signer })
}

/// Thirty-two bytes of the system's random source.
fn random() -> Result<Zeroizing<[u8; 32]>, Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|error| {
        Failure::local(format!("the system has no random numbers for a key: {error}"))
    })?;
    Ok(bytes)
}

fn text(key: &KeyFile, what_for: &str) -> Zeroizing<String> {
    let (key_id, signer) = (key.group().key_id(), key.signer());
    let line = key.line();
    Zeroizing::new(format!("# {what_for}\n# key id {key_id}, signer {signer}\n{}\n", *line))
}

fn with_end(name: &Path, end: &str) -> PathBuf {
    let mut path = OsString::from(name);
    path.push(end);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn pair_is_made_once_and_never_overwritten() {
        let temp = tempfile::tempdir().unwrap();
        let name = temp.path().join("lab.7");
        let files = generate(&name).unwrap();
        assert_eq!(names(temp.path()), ["lab.7.join", "lab.7.key"]);
        let read = |path: &Path| KeyFile::parse(&file::read("--key", path).unwrap()).unwrap();
        let (key, join) = (read(&files.key), read(&files.join));
        assert!(matches!(key, KeyFile::Key(..)) && matches!(join, KeyFile::Join(..)));
        for file in [key, join] {
            assert_eq!((file.group().key_id(), file.signer()), (files.key_id, files.signer));
        }
        let before = fs::read(&files.key).unwrap();
        for removed in [&files.join, &files.key] {
            assert!(generate(&name).unwrap_err().message.contains("exists already"));
            assert_eq!(names(temp.path()).len(), 2);
            let kept = fs::read(removed).unwrap();
            fs::remove_file(removed).unwrap();
            assert!(generate(&name).unwrap_err().message.contains("exists already"));
            assert_eq!(names(temp.path()).len(), 1, "no half pair is made");
            fs::write(removed, kept).unwrap();
        }
        assert_eq!(fs::read(&files.key).unwrap(), before);
        let other = generate(&temp.path().join("other")).unwrap();
        assert!(other.key_id != files.key_id && other.signer != files.signer);
        let nowhere = generate(&temp.path().join("none/lab")).unwrap_err().message;
        assert!(nowhere.contains("another directory"), "{nowhere}");
    }
}
