//! Phrases: words that members tell each other, instead of a key file.
//!
//! Who knows the phrase is a member, and members cannot be told apart: it proves nothing of who is
//! the sender. A phrase can be guessed at leisure from one recorded packet, which is why each guess
//! takes 64 MiB and a tenth of a second, and why own phrases must be long.

use core::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::address::SessionAddress;
use crate::backend::Prk;
use crate::secret::GroupSecret;

/// Characters of a phrase at least, counted after [`Phrase::new`] has put it in order.
pub const MIN_PHRASE: usize = 20;
/// Argon2id (RFC 9106): memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (64 << 10, 3, 1);

/// A phrase. It is overwritten when it is dropped, and `Debug` prints nothing of it.
#[derive(Clone)]
pub struct Phrase(Zeroizing<String>);

/// A phrase that is too short: it could be guessed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ShortPhrase;

/// There is no memory for the derivation.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl Phrase {
    /// Takes a phrase; how its words are spaced does not matter.
    ///
    /// # Errors
    /// When it has fewer than [`MIN_PHRASE`] characters.
    pub fn new(text: &str) -> Result<Self, ShortPhrase> {
        let mut phrase = Zeroizing::new(String::with_capacity(text.len()));
        for word in text.split_whitespace() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        if phrase.chars().count() < MIN_PHRASE { Err(ShortPhrase) } else { Ok(Self(phrase)) }
    }

    /// The words, to be shown to the one who made them.
    pub fn words(&self) -> &str {
        &self.0
    }

    /// The secret of the group that has this phrase, in a session at this address: Argon2id over
    /// 64 MiB in 3 passes. Takes 0.15 s on the processors of 2020.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn group_secret(&self, address: SessionAddress) -> Result<GroupSecret, NoMemory> {
        let mut salt = [0; 32];
        Prk::extract(b"norm-phrase 1", address.bytes()).expand(&[b"salt"], &mut salt);
        let (memory, passes, lanes) = COST;
        let params = Params::new(memory, passes, lanes, Some(32)).map_err(|_| NoMemory)?;
        let mut secret = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(self.0.as_bytes(), &salt, &mut *secret)
            .map_err(|_| NoMemory)?;
        Ok(GroupSecret::new(*secret))
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phrase(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(text: &str) -> Phrase {
        Phrase::new(text).unwrap()
    }

    fn group(text: &str) -> SessionAddress {
        SessionAddress::of(text.parse().unwrap())
    }

    #[test]
    fn secret_follows_from_words_and_group() {
        let words = phrase("one two three four five six");
        let secret = |phrase: &Phrase, at: &str| phrase.group_secret(group(at)).unwrap();
        let here = secret(&words, "239.255.57.40:5740");
        let spaced = phrase(" one\ttwo  three four\nfive six ");
        assert_eq!(secret(&spaced, "239.255.57.40:5740").bytes(), here.bytes());
        for other in ["239.255.57.40:5741", "239.255.57.41:5740", "192.0.2.1:5740"] {
            assert_ne!(secret(&words, other).bytes(), here.bytes(), "{other}");
        }
        let others = phrase("one two three four five sit");
        assert_ne!(secret(&others, "239.255.57.40:5740").bytes(), here.bytes());
        // The same as another implementation of Argon2id makes of the salt in docs/wire.md.
        let hex: String = here.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, SECRET);
    }

    const SECRET: &str = "94e2d7bef7698ed6783da2b3eca03bc636c8aa34ba9afbcd9cae8838db6b2783";

    #[test]
    fn short_phrases_are_refused() {
        assert_eq!(Phrase::new("correct horse").unwrap_err(), ShortPhrase);
        assert_eq!(Phrase::new(&format!("a{}b", " ".repeat(40))).unwrap_err(), ShortPhrase);
        assert_eq!(Phrase::new(&"ä".repeat(19)).unwrap_err(), ShortPhrase);
        assert_eq!(Phrase::new(&"ä".repeat(20)).unwrap().words().len(), 40);
        assert_eq!(Phrase::new("").unwrap_err(), ShortPhrase);
    }

    #[test]
    fn debug_prints_nothing_of_a_phrase() {
        let printed = format!("{:?}", phrase("one two three four five six"));
        assert!(!printed.contains("one"), "{printed}");
    }
}
