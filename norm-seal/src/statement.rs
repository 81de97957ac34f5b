//! What a sender says of a file set as a whole (`docs/wire.md` §11).
//!
//! ```text
//!   0  magic "NSST"
//!   4  version, 1
//!   5  flags: 1 when a long-term key has signed it
//!   6  reserved, 1 zero byte
//!   7  bytes in the name, at most 64
//!   8  set id, 16 bytes
//!  24  manifest hash, 32 bytes
//!  56  hash at the end of the digest list, 32 bytes; zeros while its sender does not know it
//!  88  serial number, 64 bits
//!  96  when it was made, when it expires: in seconds since 1970, 64 bits each
//! 112  name, UTF-8
//!      signature by the long-term key, 64 bytes; only with the flag
//! ```
//!
//! The signature is of `"norm-set 1"` and all before it. It names no group and no session: what is
//! signed may travel anywhere.

use norm_core::fileset::{ManifestHash, SetId};

use crate::hello::SIGNATURE_LEN;
use crate::signature::{BadSignature, Signer, Verifier};

const MAGIC: [u8; 4] = *b"NSST";
const VERSION: u8 = 1;
/// Flag: a long-term key has signed it.
const HAS_SIGNATURE: u8 = 1;
/// Bytes before the name.
const FIXED_LEN: usize = 112;
/// What the long-term key signs begins with this, so that it is nothing else that it signs.
const LABEL: &[u8; 10] = b"norm-set 1";
/// Bytes in the name of a set at most.
pub const MAX_SET_NAME: usize = 64;

/// What a sender says of a file set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The set.
    pub set: SetId,
    /// Names its files.
    pub manifest: ManifestHash,
    /// The last 32 bytes of its digest list: the content hash, or what stands for it when files are
    /// withdrawn. `None` while the sender does not know it.
    pub list: Option<[u8; 32]>,
    /// Sets of one name and signer follow each other in the order of these: seconds since 1970, or
    /// 0 if the sender does not know the time.
    pub serial: u64,
    /// When this was said, in seconds since 1970; 0 if the sender does not know the time.
    pub created: u64,
    /// Until when it holds, in seconds since 1970; `u64::MAX` if the sender does not know the time.
    pub expires: u64,
    /// Name of the set, of at most [`MAX_SET_NAME`] bytes.
    pub name: String,
}

/// A statement as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read<'a> {
    pub(crate) statement: Statement,
    /// All but the signature.
    signed: &'a [u8],
    signature: Option<&'a [u8; SIGNATURE_LEN]>,
}

impl Statement {
    /// Bytes before the signature, with the flag that says whether there is one.
    fn emit(&self, flags: u8) -> Vec<u8> {
        let name = cut(&self.name);
        let mut out = Vec::with_capacity(FIXED_LEN + MAX_SET_NAME + SIGNATURE_LEN);
        out.extend_from_slice(&MAGIC);
        // A name is at most 64 bytes long.
        out.extend_from_slice(&[VERSION, flags, 0, name.len() as u8]);
        out.extend_from_slice(&self.set.0);
        out.extend_from_slice(&self.manifest.0);
        out.extend_from_slice(&self.list.unwrap_or_default());
        for number in [self.serial, self.created, self.expires] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(name.as_bytes());
        out
    }

    /// Its bytes, signed by the long-term key if there is one.
    pub fn encode(&self, signer: Option<&Signer>) -> Vec<u8> {
        let Some(signer) = signer else { return self.emit(0) };
        let mut out = self.emit(HAS_SIGNATURE);
        let signature = signer.sign(&message(&out));
        out.extend_from_slice(&signature);
        out
    }

    /// Reads a statement, and checks nothing of what it says; `None` for all else.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Read<'_>> {
        let (fixed, rest) = bytes.split_first_chunk::<FIXED_LEN>()?;
        let [flags, 0, name_len] = fixed[5..8] else { return None };
        let name_len = usize::from(name_len);
        if fixed[..4] != MAGIC || fixed[4] != VERSION || name_len > MAX_SET_NAME {
            return None;
        }
        let (name, rest) = rest.split_at_checked(name_len)?;
        let signature = match (flags, rest.len()) {
            (0, 0) => None,
            (HAS_SIGNATURE, SIGNATURE_LEN) => Some(rest.first_chunk()?),
            _ => return None,
        };
        let number = |at| Some(u64::from_be_bytes(*fixed.get(at..)?.first_chunk()?));
        let statement = Self {
            set: SetId(*fixed.get(8..)?.first_chunk()?),
            manifest: ManifestHash(*fixed.get(24..)?.first_chunk()?),
            list: Some(*fixed.get(56..)?.first_chunk()?).filter(|list| *list != [0; 32]),
            serial: number(88)?,
            created: number(96)?,
            expires: number(104)?,
            name: str::from_utf8(name).ok()?.to_owned(),
        };
        let signed = bytes.get(..FIXED_LEN + name_len)?;
        Some(Read { statement, signed, signature })
    }
}

impl Read<'_> {
    /// True when it has a signature.
    pub(crate) fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// Checks that this key has signed it.
    pub(crate) fn verify(&self, signer: Verifier) -> Result<(), BadSignature> {
        signer.verify(&message(self.signed), self.signature.ok_or(BadSignature)?)
    }
}

/// What the long-term key signs.
fn message(signed: &[u8]) -> Vec<u8> {
    [LABEL.as_slice(), signed].concat()
}

/// A name, cut between characters.
fn cut(name: &str) -> &str {
    let end = (0..=MAX_SET_NAME).rev().find(|&end| name.is_char_boundary(end.min(name.len())));
    &name[..end.unwrap_or(0).min(name.len())]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signer() -> Signer {
        Signer::from_seed([9; 32])
    }

    fn statement() -> Statement {
        Statement {
            set: SetId([1; 16]),
            manifest: ManifestHash([2; 32]),
            list: Some([3; 32]),
            serial: 1_800_000_000,
            created: 1_800_000_100,
            expires: 1_800_086_500,
            name: "lab image".to_owned(),
        }
    }

    /// True when these bytes are a statement that the signer has signed.
    fn holds(bytes: &[u8]) -> bool {
        Statement::parse(bytes).is_some_and(|read| read.verify(signer().verifier()).is_ok())
    }

    #[test]
    fn statement_reads_as_it_was_written_and_is_short() {
        for (list, key) in [(None, None), (Some([3; 32]), Some(&signer()))] {
            let statement = Statement { list, ..statement() };
            let bytes = statement.encode(key);
            assert_eq!(Statement::parse(&bytes).unwrap().statement, statement);
            assert_eq!(holds(&bytes), key.is_some());
        }
        let long = Statement { name: "ä".repeat(40), ..statement() };
        let bytes = long.encode(Some(&signer()));
        assert_eq!(bytes.len(), FIXED_LEN + MAX_SET_NAME + SIGNATURE_LEN);
        assert_eq!(Statement::parse(&bytes).unwrap().statement.name, "ä".repeat(32));
        let uneven = Statement { name: format!("a{}", "ä".repeat(40)), ..statement() };
        let bytes = uneven.encode(None);
        assert_eq!(Statement::parse(&bytes).unwrap().statement.name.len(), MAX_SET_NAME - 1);
    }

    #[test]
    fn every_flipped_bit_and_every_other_length_is_rejected() {
        let mut bytes = statement().encode(Some(&signer()));
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!holds(&bytes), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(holds(&bytes));
        for len in 0..bytes.len() {
            assert!(Statement::parse(&bytes[..len]).is_none(), "{len} bytes");
        }
        bytes.push(0);
        assert!(Statement::parse(&bytes).is_none());
    }

    #[test]
    fn what_the_key_has_signed_otherwise_is_no_statement() {
        let mut bytes = statement().encode(Some(&signer()));
        let end = bytes.len() - SIGNATURE_LEN;
        let signature = signer().sign(&bytes[..end]);
        bytes[end..].copy_from_slice(&signature);
        assert!(Statement::parse(&bytes).is_some() && !holds(&bytes), "without the label");
    }

    proptest! {
        #[test]
        fn whatever_parses_is_written_again_byte_for_byte(
            set: [u8; 16], list: [u8; 32], serial: u64, expires: u64, name in "\\PC{0,16}",
        ) {
            let list = Some(list).filter(|list| *list != [0; 32]);
            let said = Statement { set: SetId(set), list, serial, expires, name, ..statement() };
            prop_assert_eq!(Statement::parse(&said.encode(None)).unwrap().statement, said);
        }

        #[test]
        fn any_bytes_parse_or_not_and_never_panic(
            start: bool, mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            if start && bytes.len() > 8 {
                bytes[..7].copy_from_slice(b"NSST\x01\x01\0");
            }
            prop_assert!(!holds(&bytes));
        }
    }
}
