//! Keys of receivers: what a sender wraps secrets for, and what opens them.

use core::fmt;
use core::num::NonZeroU64;
use std::collections::BTreeSet;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use norm_core::endpoint::ReceiverKey;
use zeroize::Zeroizing;

use crate::backend::{Prk, x25519_of_ed25519, x25519_of_seed, x25519_public};
use crate::signature::{Signer, Verifier};
use crate::ssh_key::{self, SshKeyProblem, SshLine};

/// Of the public keys of age.
const AGE: Hrp = Hrp::parse_unchecked("age");
/// Of the private ones.
const AGE_SECRET: Hrp = Hrp::parse_unchecked("age-secret-key-");
/// Characters of a file with identities at most.
const MAX_TEXT: usize = 65_536;
/// Identities of one receiver.
pub(crate) const MAX_IDENTITIES: usize = 8;

/// The public key of a receiver: X25519, of age, or of the same point as an `ssh-ed25519` key.
/// Printed as age has it.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecipientKey(pub(crate) [u8; 32]);

impl RecipientKey {
    /// Reads a key of age, `age1…`; `None` for all else.
    pub(crate) fn of_age(text: &str) -> Option<Self> {
        of_bech32(AGE, text).map(|bytes| Self(*bytes))
    }

    /// The key of an Ed25519 key; `None` when that is none.
    pub(crate) fn of_ed25519(public: &[u8; 32]) -> Option<Self> {
        x25519_of_ed25519(public).map(Self)
    }

    /// The key of the same point as one that signs; `None` when that is none.
    pub fn of_signer(signer: Verifier) -> Option<Self> {
        Self::of_ed25519(&signer.0)
    }

    /// The one with these bytes (RFC 7748 §5).
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What engines know the key by.
    pub fn receiver_key(self) -> ReceiverKey {
        let mut bytes = [0; 8];
        Prk::extract(b"norm-keys 1", &self.0).expand(&[b"receiver"], &mut bytes);
        ReceiverKey(NonZeroU64::new(u64::from_be_bytes(bytes)).unwrap_or(NonZeroU64::MIN))
    }
}

impl fmt::Display for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only what is longer than 1,023 characters fails.
        f.write_str(&bech32::encode::<Bech32>(AGE, &self.0).unwrap_or_default())
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientKey({self})")
    }
}

/// The private key of a receiver. It is overwritten when it is dropped; `Debug` prints the public
/// key only.
#[derive(Clone)]
pub struct Identity {
    secret: Zeroizing<[u8; 32]>,
    public: RecipientKey,
    /// Of an ssh key, its own public half.
    ed25519: Option<[u8; 32]>,
}

/// Why a text has no identity.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum IdentityError {
    /// It has none, or something else.
    None,
    /// The ssh key has a passphrase.
    Passphrase,
    /// The ssh key is of another type than `ssh-ed25519`.
    OtherType,
    /// A character is wrong or missing.
    Damaged,
    /// It has more than eight.
    TooMany,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "it has no line AGE-SECRET-KEY-1… and is no OpenSSH private key",
            Self::Passphrase => {
                "the key has a passphrase, for which these programs do not ask: use a key without \
                 one, such as the host key"
            }
            Self::OtherType => "of ssh keys only ssh-ed25519 ones can be used",
            Self::Damaged => "a character of the key is wrong or missing",
            Self::TooMany => "it has more than eight keys",
        })
    }
}

impl core::error::Error for IdentityError {}

impl Identity {
    /// The one with this X25519 secret; `None` when it is none.
    pub fn new(secret: [u8; 32]) -> Option<Self> {
        let secret = Zeroizing::new(secret);
        let public = RecipientKey(x25519_public(&secret)?);
        Some(Self { secret, public, ed25519: None })
    }

    /// That of an Ed25519 key.
    fn of_seed(seed: &[u8; 32]) -> Option<Self> {
        let ed25519 = Some(Signer::from_seed(*seed).verifier().0);
        Self::new(*x25519_of_seed(seed)).map(|identity| Self { ed25519, ..identity })
    }

    /// Reads the text of a file: identities of age, one a line with comments, or an OpenSSH private
    /// key of the type `ssh-ed25519` without a passphrase.
    ///
    /// # Errors
    /// When it has none, or one that is damaged. What it says is not in the error.
    pub fn parse(text: &str) -> Result<Vec<Self>, IdentityError> {
        if text.len() > MAX_TEXT {
            return Err(IdentityError::None);
        }
        if ssh_key::is_private(text) {
            let seed = ssh_key::parse_private(text).map_err(IdentityError::from)?;
            return Self::of_seed(&seed).map(|it| vec![it]).ok_or(IdentityError::Damaged);
        }
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut found = Vec::with_capacity(MAX_IDENTITIES);
        for line in lines {
            if found.len() >= MAX_IDENTITIES {
                return Err(IdentityError::TooMany);
            }
            found.push(Self::of_age_line(line)?);
        }
        if found.is_empty() { Err(IdentityError::None) } else { Ok(found) }
    }

    fn of_age_line(line: &str) -> Result<Self, IdentityError> {
        let start = "AGE-SECRET-KEY-1";
        if !line.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start)) {
            return Err(IdentityError::None);
        }
        let secret = of_bech32(AGE_SECRET, line).ok_or(IdentityError::Damaged)?;
        Self::new(*secret).ok_or(IdentityError::Damaged)
    }

    /// What senders wrap secrets for.
    pub fn public(&self) -> RecipientKey {
        self.public
    }

    /// The public key of the ssh key that it is from, if it is from one.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        self.ed25519
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl Signer {
    /// Reads an OpenSSH private key of the type `ssh-ed25519` without a passphrase.
    ///
    /// # Errors
    /// When it is none. What it says is not in the error.
    pub fn parse_ssh(text: &str) -> Result<Self, IdentityError> {
        if text.len() > MAX_TEXT || !ssh_key::is_private(text) {
            return Err(IdentityError::None);
        }
        let seed = ssh_key::parse_private(text).map_err(IdentityError::from)?;
        Ok(Self::from_seed(*seed))
    }
}

impl From<SshKeyProblem> for IdentityError {
    fn from(problem: SshKeyProblem) -> Self {
        match problem {
            SshKeyProblem::Encrypted => Self::Passphrase,
            SshKeyProblem::OtherType => Self::OtherType,
            SshKeyProblem::Damaged => Self::Damaged,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.public)
    }
}

/// The 32 bytes of a text in Bech32 (BIP 173).
fn of_bech32(hrp: Hrp, text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
    let data = checked.byte_iter();
    if checked.hrp() != hrp || data.len() != 32 {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.iter_mut().zip(data).for_each(|(byte, read)| *byte = read);
    Some(bytes)
}

/// True of a word that is long enough for a key of age.
fn is_age_key(word: &str) -> bool {
    word.starts_with("age1") && word.len() > 40
}

/// Whose keys a text has: what can be used, and what was skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicKeys {
    /// Of receivers, each once.
    pub recipients: Vec<RecipientKey>,
    /// Those of them that are ssh keys, as they sign.
    pub ed25519: Vec<[u8; 32]>,
    /// Keys that cannot be used, by their type.
    pub skipped: Vec<(String, usize)>,
    /// What is in `ed25519`.
    known: BTreeSet<[u8; 32]>,
}

/// Why a text is no list of public keys.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum PublicKeysError {
    /// A line, counted from 1, is neither a key nor a comment.
    NoKey(usize),
    /// A key in a line, counted from 1, is damaged.
    Damaged(usize),
    /// A line, counted from 1, has a private key.
    Private(usize),
}

impl fmt::Display for PublicKeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey(line) => write!(f, "line {line} is no key age1… or ssh-ed25519 …"),
            Self::Damaged(line) => {
                write!(f, "line {line}: a character of the key is wrong or missing")
            }
            Self::Private(line) => write!(f, "line {line} has a private key"),
        }
    }
}

impl core::error::Error for PublicKeysError {}

impl PublicKeys {
    /// Reads a key, or the text of a file: keys of age and of ssh, one a line, and comments; so
    /// `authorized_keys`, `known_hosts`, `allowed_signers`, `.keys` and `.pub` files as they are,
    /// and lines of a roster that have a key: a name, perhaps an address, then the key.
    /// ssh keys of other types are skipped, and those that are revoked, of an authority, or for
    /// other uses (`namespaces`) or times.
    ///
    /// # Errors
    /// The first line that is something else.
    pub fn parse(text: &str) -> Result<Self, PublicKeysError> {
        let mut keys = Self::default();
        for (number, line) in text.lines().enumerate() {
            keys.take_line(number + 1, line.trim())?;
        }
        Ok(keys)
    }

    fn take_line(&mut self, number: usize, line: &str) -> Result<(), PublicKeysError> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let begins = |start: &str| {
            line.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        };
        if begins("AGE-SECRET-KEY-") || begins("-----BEGIN") {
            return Err(PublicKeysError::Private(number));
        }
        if begins("age1") {
            // A word after it is a comment.
            let key = line.split_whitespace().next().and_then(RecipientKey::of_age);
            self.add(key.ok_or(PublicKeysError::Damaged(number))?, None);
            return Ok(());
        }
        match ssh_key::parse_line(line) {
            SshLine::Ed25519 { before, .. } if is_not_for_us(before) => {
                self.skip("ssh-ed25519 for another use");
            }
            SshLine::Ed25519 { public, .. } => {
                let key = RecipientKey::of_ed25519(&public);
                self.add(key.ok_or(PublicKeysError::Damaged(number))?, Some(public));
            }
            SshLine::Other(kind) => self.skip(kind),
            SshLine::Damaged => return Err(PublicKeysError::Damaged(number)),
            SshLine::Nothing => {
                // In a roster a name stands before it, and perhaps an address.
                let mut words = line.split_whitespace().skip(1).take(2);
                let key = words.find(|word| is_age_key(word));
                let key = RecipientKey::of_age(key.ok_or(PublicKeysError::NoKey(number))?);
                self.add(key.ok_or(PublicKeysError::Damaged(number))?, None);
            }
        }
        Ok(())
    }

    /// Adds what another text has.
    pub fn extend(&mut self, others: Self) {
        for key in others.recipients {
            self.add(key, None);
        }
        others.ed25519.into_iter().for_each(|key| self.add_ed25519(key));
        for (kind, count) in others.skipped {
            (0..count).for_each(|_| self.skip(&kind));
        }
    }

    /// Keys that cannot be used.
    pub fn all_skipped(&self) -> usize {
        self.skipped.iter().map(|(_, count)| count).sum()
    }

    fn add(&mut self, key: RecipientKey, ed25519: Option<[u8; 32]>) {
        self.recipients.push(key);
        ed25519.into_iter().for_each(|key| self.add_ed25519(key));
    }

    fn add_ed25519(&mut self, key: [u8; 32]) {
        if self.known.insert(key) {
            self.ed25519.push(key);
        }
    }

    /// The same with each recipient once, in an order of their own.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.recipients.sort_unstable();
        self.recipients.dedup();
        self
    }

    fn skip(&mut self, kind: &str) {
        match self.skipped.iter_mut().find(|(known, _)| known == kind) {
            Some((_, count)) => *count += 1,
            None => self.skipped.push((kind.to_owned(), 1)),
        }
    }
}

/// True when what stands before a key says that it is not to be used as it is.
fn is_not_for_us(before: &str) -> bool {
    let options = before.to_ascii_lowercase();
    let limits = ["@revoked", "@cert-authority", "cert-authority", "valid-after=", "valid-before="];
    limits.iter().any(|limit| options.contains(limit))
        || options.find("namespaces=").is_some_and(|at| {
            let value = options[at + "namespaces=".len()..].trim_start_matches('"');
            let end = value.find(['"', ' ']).unwrap_or(value.len());
            !value[..end].split(',').any(|name| name == "norm-hello" || name == "*")
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ssh_key::tests::{private_text, public_line};

    /// Made by age-keygen; also in its documentation.
    const AGE_PUBLIC: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    #[test]
    fn keys_of_age_are_read_and_printed() {
        let key = RecipientKey::of_age(AGE_PUBLIC).unwrap();
        assert_eq!(key.to_string(), AGE_PUBLIC);
        let secret = bech32::encode_upper::<Bech32>(AGE_SECRET, &[7; 32]).unwrap();
        let text = format!("# created: today\n# public key: age1…\n{secret}\n");
        let identities = Identity::parse(&text).unwrap();
        assert_eq!(identities.len(), 1);
        assert_eq!(identities[0].public(), Identity::new([7; 32]).unwrap().public());
        for at in 0..AGE_PUBLIC.len() {
            let mut wrong = AGE_PUBLIC.to_owned();
            wrong.replace_range(at..=at, if wrong[at..].starts_with('q') { "p" } else { "q" });
            assert_eq!(RecipientKey::of_age(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn both_halves_of_an_ssh_key_name_the_same_recipient() {
        let identity = &Identity::parse(&private_text(3, "none", "ssh-ed25519")).unwrap()[0];
        let keys = PublicKeys::parse(&public_line(3)).unwrap();
        assert_eq!(keys.recipients, [identity.public()]);
        assert_eq!(keys.ed25519, [identity.ed25519().unwrap()]);
    }

    #[test]
    fn files_of_ssh_are_read_as_they_are() {
        let text = format!(
            "# lab\n\n{AGE_PUBLIC} Ada's laptop\n{} me@here\nrestrict {}\n\
             host,10.0.0.1 ssh-rsa AAAAB3 x\nssh-rsa AAAAB3\nsk-ssh-ed25519@openssh.com AAAA key\n\
             @revoked * {}\n{}\n",
            public_line(1),
            public_line(2),
            public_line(4),
            public_line(1),
        );
        let keys = PublicKeys::parse(&text).unwrap().sorted();
        assert_eq!((keys.recipients.len(), keys.ed25519.len()), (3, 2));
        assert_eq!(keys.all_skipped(), 4);
        assert!(keys.skipped.contains(&("ssh-rsa".to_owned(), 2)), "{keys:?}");
        let sk = "sk-ssh-ed25519@openssh.com".to_owned();
        assert!(keys.skipped.contains(&(sk, 1)), "{keys:?}");
    }

    #[test]
    fn lines_of_a_roster_with_a_key_are_read() {
        let ssh = public_line(1);
        let text = format!("lab-1 192.0.2.1 {AGE_PUBLIC} # x\nlab-2 2001:db8::2 {ssh} root@lab-2");
        let keys = PublicKeys::parse(&text).unwrap();
        assert_eq!((keys.recipients.len(), keys.ed25519.len()), (2, 1));
        let wrong = |text: &str| PublicKeys::parse(text).unwrap_err();
        assert_eq!(wrong("lab-1 192.0.2.1"), PublicKeysError::NoKey(1));
        assert_eq!(wrong(&format!("lab-1 {}", &AGE_PUBLIC[..50])), PublicKeysError::Damaged(1));
    }

    #[test]
    fn very_many_keys_are_read() {
        // If each were compared with all before it, this would take minutes.
        let mut keys = PublicKeys::default();
        for number in (0..200_000_u32).chain(0..1_000) {
            let mut key = [7; 32];
            key[28..].copy_from_slice(&number.to_be_bytes());
            keys.add(RecipientKey(key), Some(key));
        }
        assert_eq!((keys.ed25519.len(), keys.recipients.len()), (200_000, 201_000));
        let mut all = PublicKeys::default();
        all.extend(keys.clone());
        all.extend(keys);
        assert_eq!(all.ed25519.len(), 200_000);
    }

    #[test]
    fn keys_for_other_uses_are_skipped() {
        let key = public_line(1);
        for (options, taken) in [
            ("me namespaces=\"git\"", 0),
            ("me namespaces=\"git,norm-hello\"", 1),
            ("me namespaces=\"*\"", 1),
            ("me cert-authority", 0),
            ("me valid-before=\"20300101\"", 0),
            ("me", 1),
        ] {
            let keys = PublicKeys::parse(&format!("{options} {key}")).unwrap();
            assert_eq!(keys.recipients.len(), taken, "{options}");
        }
    }

    #[test]
    fn what_is_no_key_is_told_by_its_line() {
        let wrong = |text: &str| PublicKeys::parse(text).unwrap_err();
        assert_eq!(wrong("# x\nnonsense"), PublicKeysError::NoKey(2));
        assert_eq!(wrong(&AGE_PUBLIC[..50]), PublicKeysError::Damaged(1));
        assert_eq!(wrong("AGE-SECRET-KEY-1QQ"), PublicKeysError::Private(1));
        assert_eq!(wrong(&private_text(1, "none", "ssh-ed25519")), PublicKeysError::Private(1));
        assert_eq!(Identity::parse("").unwrap_err(), IdentityError::None);
        assert_eq!(Identity::parse(AGE_PUBLIC).unwrap_err(), IdentityError::None);
        assert_eq!(Identity::parse("AGE-SECRET-KEY-1QQ").unwrap_err(), IdentityError::Damaged);
        let encrypted = private_text(1, "aes256-ctr", "ssh-ed25519");
        assert_eq!(Identity::parse(&encrypted).unwrap_err(), IdentityError::Passphrase);
    }

    #[test]
    fn debug_prints_nothing_secret() {
        let identity = Identity::new([0xab; 32]).unwrap();
        let printed = format!("{identity:?}");
        assert!(printed.contains("age1") && !printed.contains("171"), "{printed}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not_and_never_panics(
            text in "((age1|AGE-SECRET-KEY-1|ssh-ed25519 AAAA|namespaces=|\\PC){0,4}\n){0,4}",
        ) {
            let _ = PublicKeys::parse(&text);
            prop_assert!(Identity::parse(&text).is_err());
        }
    }
}
