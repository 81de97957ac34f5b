//! Key files: what members keep of a group, as text.
//!
//! A file has one key in a line of its own, `norm-key-1…` or `norm-join-1…`: Bech32m (BIP 350) of
//! a version byte, 1, and 64 bytes. Empty lines, and those that begin with `#`, are comments.

use core::fmt;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use zeroize::Zeroizing;

use crate::keyring::Keyring;
use crate::secret::GroupSecret;
use crate::signature::{Signer, Verifier};

/// Of the file of a sender, before the separator `1`.
const KEY: Hrp = Hrp::parse_unchecked("norm-key-");
/// Of the file of receivers.
const JOIN: Hrp = Hrp::parse_unchecked("norm-join-");
/// Of the bytes after it.
const VERSION: u8 = 1;
/// Bytes of a key.
const LEN: usize = 1 + 32 + 32;
/// Characters of a file at most.
const MAX_TEXT: usize = 4096;

/// What a key file holds. `Debug` prints nothing that is secret.
#[derive(Clone, Debug)]
pub enum KeyFile {
    /// For the sender alone: what it signs with, and the group's secret.
    Key(Signer, GroupSecret),
    /// For receivers: whose signatures they believe, and the group's secret.
    Join(Verifier, GroupSecret),
}

/// Why a text is no key file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum KeyFileError {
    /// No line has a key, or a line has something else.
    NoKey,
    /// Several lines have keys.
    Several,
    /// The checksum does not hold: a character is wrong or missing.
    Checksum,
    /// Made by a newer version of this program, which is given.
    Version(u8),
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("it has no line that is a key"),
            Self::Several => f.write_str("it has several keys"),
            Self::Checksum => f.write_str("a character of the key is wrong or missing"),
            Self::Version(version) => write!(f, "its version is {version}, and 1 is known here"),
        }
    }
}

impl core::error::Error for KeyFileError {}

impl KeyFile {
    /// The file of a sender, and the one of its receivers, with these secret random bytes.
    pub fn pair(seed: [u8; 32], group: [u8; 32]) -> [Self; 2] {
        let (signer, group) = (Signer::from_seed(seed), GroupSecret::new(group));
        let join = Self::Join(signer.verifier(), group.clone());
        [Self::Key(signer, group), join]
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it has no key, several, or a damaged one. What it says is not in the error.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        if text.len() > MAX_TEXT {
            return Err(KeyFileError::NoKey);
        }
        let lines = text.lines().map(str::trim);
        let mut keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (keys.next(), keys.next()) {
            (Some(key), None) => parse_line(key),
            (None, _) => Err(KeyFileError::NoKey),
            (Some(_), Some(_)) => Err(KeyFileError::Several),
        }
    }

    /// The line of the file, without its end.
    pub fn line(&self) -> Zeroizing<String> {
        let (hrp, first, group) = match self {
            Self::Key(signer, group) => (KEY, signer.seed(), group),
            Self::Join(trusted, group) => (JOIN, &trusted.0, group),
        };
        let mut bytes = Zeroizing::new([VERSION; LEN]);
        bytes[1..33].copy_from_slice(first);
        bytes[33..].copy_from_slice(group.bytes());
        // Only what is longer than 1,023 characters fails.
        Zeroizing::new(bech32::encode::<Bech32m>(hrp, &*bytes).unwrap_or_default())
    }

    /// The secret of the group.
    pub fn group(&self) -> &GroupSecret {
        match self {
            Self::Key(_, group) | Self::Join(_, group) => group,
        }
    }

    /// The public half of what the sender signs with.
    pub fn signer(&self) -> Verifier {
        match self {
            Self::Key(signer, _) => signer.verifier(),
            Self::Join(trusted, _) => *trusted,
        }
    }

    /// The keys of the member that has this file.
    pub fn keyring(&self) -> Keyring {
        let keys = Keyring::new(self.group().clone());
        match self {
            Self::Key(signer, _) => keys.with_signer(signer.clone()),
            Self::Join(trusted, _) => keys.with_trusted(*trusted),
        }
    }
}

fn parse_line(line: &str) -> Result<KeyFile, KeyFileError> {
    let named = |prefix: &str| {
        line.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if !named("norm-key-1") && !named("norm-join-1") {
        return Err(KeyFileError::NoKey);
    }
    let checked = CheckedHrpstring::new::<Bech32m>(line).map_err(|_| KeyFileError::Checksum)?;
    let mut data = checked.byte_iter();
    let version = data.next().ok_or(KeyFileError::Checksum)?;
    if version != VERSION {
        return Err(KeyFileError::Version(version));
    }
    let mut bytes = Zeroizing::new([0; 64]);
    if data.len() != bytes.len() {
        return Err(KeyFileError::Checksum);
    }
    bytes.iter_mut().zip(data).for_each(|(byte, read)| *byte = read);
    let (mut first, mut group) = (Zeroizing::new([0; 32]), [0; 32]);
    first.copy_from_slice(&bytes[..32]);
    group.copy_from_slice(&bytes[32..]);
    let group = GroupSecret::new(group);
    Ok(if checked.hrp() == KEY {
        KeyFile::Key(Signer::from_seed(*first), group)
    } else {
        KeyFile::Join(Verifier(*first), group)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A pair of fixed keys, as docs/wire.md has it.
    fn pair() -> [KeyFile; 2] {
        let count = |from: u8| std::array::from_fn(|at| from + at as u8);
        KeyFile::pair(count(0), count(0x80))
    }

    #[test]
    fn files_say_what_they_hold_and_nothing_else_reads_as_one() {
        let [key, join] = pair();
        for file in [&key, &join] {
            let text = format!("# lab\n\n  {} \n", *file.line());
            let read = KeyFile::parse(&text).unwrap();
            assert_eq!(read.line(), file.line());
            assert_eq!(read.group().key_id(), key.group().key_id());
            assert_eq!(read.signer(), key.signer());
            assert_eq!(read.keyring().key_id(), Some(key.group().key_id()));
            let upper = file.line().to_uppercase();
            assert_eq!(KeyFile::parse(&upper).unwrap().line(), file.line());
        }
        assert!(key.keyring().signer().is_some() && join.keyring().signer().is_none());
        assert_eq!(join.keyring().trusted(), [key.signer()]);
        let both = format!("{}\n{}\n", *key.line(), *join.line());
        assert_eq!(KeyFile::parse(&both).unwrap_err(), KeyFileError::Several);
        for text in ["", "# nothing", "norm-key", "age1xyz", "ssh-ed25519 AAAA", "norm-key-2q"] {
            assert_eq!(KeyFile::parse(text).unwrap_err(), KeyFileError::NoKey, "{text}");
        }
        let long = format!("#{}\n{}", "x".repeat(MAX_TEXT), *key.line());
        assert_eq!(KeyFile::parse(&long).unwrap_err(), KeyFileError::NoKey);
    }

    #[test]
    fn text_of_a_key_is_fixed() {
        let [key, join] = pair();
        assert_eq!(*key.line(), KEY_TEXT);
        assert_eq!(*join.line(), JOIN_TEXT);
    }

    /// As another implementation writes them; also in docs/wire.md.
    const KEY_TEXT: &str = "norm-key-1qyqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50plqyps2pc\
        fpvxs7ygnz5t3jxcarusjxff89y4j6te3xv6nwwfm85ljg3268";
    const JOIN_TEXT: &str = "norm-join-1qyp6zpal708pp0sawrw33e6tczvk0exkxzd62r2lrhwgveqj25cm3qyps2\
        pcfpvxs7ygnz5t3jxcarusjxff89y4j6te3xv6nwwfm85lh4a8kj";

    #[test]
    fn every_wrong_character_is_noticed() {
        let line = pair()[1].line();
        let start = "norm-join-1".len();
        for at in start..line.len() {
            let mut wrong = line.as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'q' { b'p' } else { b'q' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(KeyFile::parse(&wrong).unwrap_err(), KeyFileError::Checksum, "{at}");
            let mut shorter = line.to_string();
            shorter.remove(at);
            assert_eq!(KeyFile::parse(&shorter).unwrap_err(), KeyFileError::Checksum, "{at}");
        }
        // The other kind has another checksum.
        let renamed = line.replace("join", "key");
        assert_eq!(KeyFile::parse(&renamed).unwrap_err(), KeyFileError::Checksum);
    }

    proptest! {
        #[test]
        fn texts_that_are_no_keys_are_refused(
            text in "norm-(key|join)-1[ac-hj-np-z02-9]{0,130}|(# ?x?\n|norm-key-1q|\\PC){0,40}"
        ) {
            // 30 bits of checksum: none of these has the right one.
            prop_assert!(KeyFile::parse(&text).is_err());
        }
    }

    #[test]
    fn newer_and_shorter_keys_are_refused() {
        let of = |bytes: &[u8]| bech32::encode::<Bech32m>(KEY, bytes).unwrap();
        assert_eq!(KeyFile::parse(&of(&[2; LEN])).unwrap_err(), KeyFileError::Version(2));
        for len in [0, 1, LEN - 1, LEN + 1, 2 * LEN] {
            let wrong = of(&vec![1; len]);
            assert_eq!(KeyFile::parse(&wrong).unwrap_err(), KeyFileError::Checksum, "{len}");
        }
    }

    #[test]
    fn debug_prints_nothing_secret() {
        let [key, join] = KeyFile::pair([0xab; 32], [0xcd; 32]);
        for printed in [format!("{key:?}"), format!("{join:?}")] {
            assert!(!printed.contains("abab") && !printed.contains("cdcd"), "{printed}");
            assert!(!printed.contains("171") && !printed.contains("norm-"), "{printed}");
        }
    }
}
