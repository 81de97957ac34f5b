//! Keys of OpenSSH, as text: of the many kinds only `ssh-ed25519`.
//!
//! A line of `authorized_keys`, `known_hosts`, `allowed_signers` or a `.pub` file is read by one
//! rule: the first word that names a type of keys, and the base64 after it, are the key. What
//! stands before it are options, hosts or names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The type of key that is taken.
const ED25519: &str = "ssh-ed25519";
/// Types of keys are these, or begin so.
const TYPES: [&str; 5] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "rsa-sha2-"];
/// First and last line of a private key.
const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
/// The start of its bytes (PROTOCOL.key of OpenSSH).
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// What a line has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SshLine<'a> {
    /// An Ed25519 key, and what stands before it.
    Ed25519 { public: [u8; 32], before: &'a str, comment: &'a str },
    /// A key of another type, which is named.
    Other(&'a str),
    /// A key whose base64 is damaged.
    Damaged,
    /// No key.
    Nothing,
}

/// Why a text is no private key that can be used.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum SshKeyProblem {
    /// It has a passphrase.
    Encrypted,
    /// It is of another type.
    OtherType,
    /// It is damaged.
    Damaged,
}

/// Words of a line, quoted ones as one, each with where it begins.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    core::iter::from_fn(move || {
        let start = rest + line[rest..].find(|c: char| !c.is_whitespace())?;
        let mut quoted = false;
        let mut escaped = false;
        let end = line[start..].find(|c: char| {
            quoted ^= c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            c.is_whitespace() && !quoted
        });
        rest = end.map_or(line.len(), |end| start + end);
        Some((start, &line[start..rest]))
    })
}

/// Finds the key in a line.
pub(crate) fn parse_line(line: &str) -> SshLine<'_> {
    let mut words = words(line);
    let Some((at, kind)) = words.find(|(_, word)| TYPES.iter().any(|kind| word.starts_with(kind)))
    else {
        return SshLine::Nothing;
    };
    let Some((from, key)) = words.next() else { return SshLine::Damaged };
    if kind != ED25519 {
        return SshLine::Other(kind);
    }
    let comment = line[from + key.len()..].trim();
    let public = STANDARD.decode(key).ok().and_then(|bytes| {
        let (kind, rest) = string(&bytes)?;
        let (public, rest) = string(rest)?;
        let is_whole = kind == ED25519.as_bytes() && rest.is_empty();
        public.try_into().ok().filter(|_| is_whole)
    });
    let before = line[..at].trim();
    public.map_or(SshLine::Damaged, |public| SshLine::Ed25519 { public, before, comment })
}

/// True of a text that is to be a private key.
pub(crate) fn is_private(text: &str) -> bool {
    text.trim_start().starts_with(BEGIN)
}

/// The seed of an Ed25519 key without a passphrase.
pub(crate) fn parse_private(text: &str) -> Result<Zeroizing<[u8; 32]>, SshKeyProblem> {
    let mut base64 = Zeroizing::new(String::with_capacity(text.len()));
    let mut lines = text.trim().lines().map(str::trim);
    if lines.next() != Some(BEGIN) || lines.next_back() != Some(END) {
        return Err(SshKeyProblem::Damaged);
    }
    lines.for_each(|line| base64.push_str(line));
    let bytes = STANDARD.decode(base64.as_bytes()).map(Zeroizing::new);
    let bytes = bytes.map_err(|_| SshKeyProblem::Damaged)?;
    private_of(&bytes).unwrap_or(Err(SshKeyProblem::Damaged))
}

fn private_of(bytes: &[u8]) -> Option<Result<Zeroizing<[u8; 32]>, SshKeyProblem>> {
    let (cipher, rest) = string(bytes.strip_prefix(MAGIC)?)?;
    let (kdf, rest) = string(rest)?;
    let (_, rest) = string(rest)?;
    if cipher != b"none" || kdf != b"none" {
        return Some(Err(SshKeyProblem::Encrypted));
    }
    let (count, rest) = rest.split_first_chunk()?;
    let (_, rest) = string(rest)?;
    let (private, rest) = string(rest)?;
    if u32::from_be_bytes(*count) != 1 || !rest.is_empty() {
        return None;
    }
    let (checks, rest) = private.split_first_chunk::<8>()?;
    let (kind, rest) = string(rest)?;
    if checks[..4] != checks[4..] {
        return None;
    }
    if kind != ED25519.as_bytes() {
        return Some(Err(SshKeyProblem::OtherType));
    }
    let (public, rest) = string(rest)?;
    let (pair, rest) = string(rest)?;
    let (_, padding) = string(rest)?;
    let is_padding = padding.iter().zip(1_u8..).all(|(byte, number)| *byte == number);
    let (seed, again) = pair.split_first_chunk::<32>().filter(|_| is_padding)?;
    let seed = Zeroizing::new(*seed);
    let signer = crate::signature::Signer::from_seed(*seed);
    (again == public && signer.verifier().0 == *public).then_some(Ok(seed))
}

/// A string of SSH (RFC 4251 §5), and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*len) as usize)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signature::Signer;

    fn ssh_string(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
    }

    /// The line of a public key.
    pub(crate) fn public_line(seed: u8) -> String {
        let public = Signer::from_seed([seed; 32]).verifier().0;
        let bytes = [ssh_string(ED25519.as_bytes()), ssh_string(&public)].concat();
        format!("ssh-ed25519 {}", STANDARD.encode(bytes))
    }

    /// The text of a private key as ssh-keygen writes it, by its cipher and type.
    pub(crate) fn private_text(seed: u8, cipher: &str, kind: &str) -> String {
        let public = Signer::from_seed([seed; 32]).verifier().0;
        let pair = [[seed; 32], public].concat();
        let mut private = [[9; 8].as_slice(), &ssh_string(kind.as_bytes())].concat();
        for part in [public.as_slice(), &pair, b"me@here"] {
            private.extend(ssh_string(part));
        }
        (1..).take(8 - private.len() % 8).for_each(|byte| private.push(byte));
        let mut bytes = MAGIC.to_vec();
        for part in [cipher, cipher, ""] {
            bytes.extend(ssh_string(part.as_bytes()));
        }
        bytes.extend(1_u32.to_be_bytes());
        for part in [b"public".as_slice(), &private] {
            bytes.extend(ssh_string(part));
        }
        let base64 = STANDARD.encode(bytes);
        let lines: Vec<&str> =
            base64.as_bytes().chunks(70).map(|line| str::from_utf8(line).unwrap()).collect();
        format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"))
    }

    #[test]
    fn keys_are_found_in_lines_of_all_files() {
        let key = public_line(1);
        let public = Signer::from_seed([1; 32]).verifier().0;
        for (before, after) in [
            ("", ""),
            ("", " me@here with words"),
            ("restrict,command=\"echo \\\"ssh-rsa x\\\" y\",no-pty ", " me"),
            ("[10.0.0.1]:2222,host ", ""),
            ("|1|abc=|def= ", ""),
            ("@cert-authority *.example ", ""),
            ("me@here namespaces=\"norm\" ", ""),
        ] {
            let line = format!("{before}{key}{after}");
            let expected =
                SshLine::Ed25519 { public, before: before.trim(), comment: after.trim() };
            assert_eq!(parse_line(&line), expected, "{line}");
        }
        for kind in ["ssh-rsa", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256"] {
            assert_eq!(parse_line(&format!("host {kind} AAAA x")), SshLine::Other(kind));
        }
        assert_eq!(parse_line("ssh-ed25519"), SshLine::Damaged);
        assert_eq!(parse_line(&key[..key.len() - 4]), SshLine::Damaged);
        assert_eq!(parse_line("some words"), SshLine::Nothing);
    }

    #[test]
    fn private_keys_without_a_passphrase_are_read() {
        let text = private_text(7, "none", ED25519);
        assert!(is_private(&text));
        assert_eq!(parse_private(&text).as_deref(), Ok(&[7; 32]));
        let encrypted = private_text(7, "aes256-ctr", ED25519);
        assert_eq!(parse_private(&encrypted), Err(SshKeyProblem::Encrypted));
        let other = private_text(7, "none", "ssh-rsa");
        assert_eq!(parse_private(&other), Err(SshKeyProblem::OtherType));
        for cut in (0..text.len()).step_by(7) {
            assert_eq!(parse_private(&text[..cut]), Err(SshKeyProblem::Damaged), "{cut}");
        }
    }

    /// As ssh-keygen has written it.
    #[test]
    fn key_of_ssh_keygen_is_read() {
        let SshLine::Ed25519 { public, comment, .. } = parse_line(KEYGEN_PUBLIC) else {
            panic!("{KEYGEN_PUBLIC}")
        };
        assert_eq!(comment, "norm test");
        let seed = parse_private(KEYGEN_PRIVATE).unwrap();
        assert_eq!(Signer::from_seed(*seed).verifier().0, public);
    }

    const KEYGEN_PUBLIC: &str = include_str!("../tests/vectors/ssh_ed25519.pub");
    const KEYGEN_PRIVATE: &str = include_str!("../tests/vectors/ssh_ed25519");

    proptest! {
        #[test]
        fn any_line_and_text_is_read_or_not_and_never_panics(
            line in "(ssh-ed25519|ssh-rsa|\\PC){0,3}[ \"\\\\]{0,3}(ssh-ed25519 )?",
            base64 in "[A-Za-z0-9+/=]{0,80}",
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = parse_line(&format!("{line}{base64}"));
            let text = format!("{BEGIN}\n{}\n{END}", STANDARD.encode([MAGIC, &bytes].concat()));
            prop_assert!(parse_private(&text).is_err());
        }
    }
}
