//! HELLO: what a sender says of a run before anything else of it is taken (`docs/wire.md` §11).
//!
//! It is in the clear. A code shows that it is of a member, and a signature by the long-term key
//! which one; without such a key the code is all. It names the key that signs in the run.

use norm_core::endpoint::Proof;

use crate::address::SessionAddress;
use crate::backend::{Prk, mac};
use crate::header::{Epoch, HEADER_LEN, Header, Kind, RunId, Suite};
use crate::secret::KeyId;
use crate::signature::{BadSignature, Signer, Verifier};

/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = Proof::SIGNATURE;
/// How long a HELLO holds, in seconds.
pub(crate) const LIFE: u64 = 24 * 3600;
/// `expires` of a sender that does not know the time.
const NEVER: u64 = u64::MAX;

/// Bytes of the code at the end.
const MAC_LEN: usize = 16;
/// Bytes before the long-term key and what follows it.
const FIXED_LEN: usize = HEADER_LEN + 8 + 4 + 32;
/// Bytes of the long-term key and its signature.
const SIGNER_LEN: usize = 32 + SIGNATURE_LEN;
/// Bytes of a HELLO without a long-term key.
const SHORT_LEN: usize = FIXED_LEN + MAC_LEN;
/// Bytes of a HELLO with one.
const LONG_LEN: usize = FIXED_LEN + SIGNER_LEN + MAC_LEN;
/// Flag: there is a long-term key.
const HAS_SIGNER: u8 = 1;
/// Flag: the secret of the group is handed out by KEYS.
const HAS_KEYS: u8 = 2;
/// What the long-term key signs begins with this, so that it is nothing else that it signs.
const LABEL: &[u8; 12] = b"norm-hello 1";
/// Bytes that the long-term key signs: label, address, and all before the signature.
const SIGNED_LEN: usize = LABEL.len() + 18 + FIXED_LEN + 32;

/// What a HELLO says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) suite: Suite,
    pub(crate) epoch: Epoch,
    pub(crate) key_id: KeyId,
    pub(crate) run: RunId,
    /// In seconds since 1970; 0 when the sender does not know the time.
    pub(crate) created: u64,
    /// In seconds since 1970.
    pub(crate) expires: u64,
    /// Receivers send their first challenge at random within this time, in milliseconds.
    pub(crate) jitter: u16,
    /// What signs in the run.
    pub(crate) session: Verifier,
    /// The long-term key of the sender, if it has one.
    pub(crate) signer: Option<Verifier>,
    /// The secret of the group is handed out by KEYS.
    pub(crate) has_keys: bool,
}

/// A HELLO as it is sent.
#[derive(Copy, Clone)]
pub(crate) struct HelloBytes {
    bytes: [u8; LONG_LEN],
    len: usize,
}

impl HelloBytes {
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// When a HELLO that is made now ends; the sender may not know the time.
pub(crate) fn expiry(now: Option<u64>) -> u64 {
    now.map_or(NEVER, |now| now.saturating_add(LIFE))
}

impl Hello {
    /// Reads a HELLO, and checks nothing of it; `None` for all else.
    pub(crate) fn parse(datagram: &[u8]) -> Option<Self> {
        let header = Header::parse(datagram).filter(|header| header.kind == Kind::Hello)?;
        let Header { suite, epoch, key_id, run, counter: created, .. } = header;
        let (expires, rest) = datagram[HEADER_LEN..].split_first_chunk()?;
        let (flags, rest) = rest.split_first_chunk::<4>()?;
        let (session, rest) = rest.split_first_chunk()?;
        let [flags, 0, jitter @ ..] = *flags else { return None };
        let jitter = u16::from_be_bytes(jitter);
        let signer = match (flags, datagram.len()) {
            (0, SHORT_LEN) => None,
            (1..=3, LONG_LEN) if flags & HAS_SIGNER != 0 => Some(Verifier(*rest.first_chunk()?)),
            _ => return None,
        };
        let has_keys = flags & HAS_KEYS != 0;
        let (expires, session) = (u64::from_be_bytes(*expires), Verifier(*session));
        Some(Self {
            suite,
            epoch,
            key_id,
            run,
            created,
            expires,
            jitter,
            session,
            signer,
            has_keys,
        })
    }

    /// The HELLO of a group, by a member that has its secret.
    pub(crate) fn emit(
        &self,
        secret: &Prk,
        address: SessionAddress,
        signer: Option<&Signer>,
    ) -> HelloBytes {
        let Self { suite, epoch, key_id, run, created: counter, .. } = *self;
        let kind = Kind::Hello;
        let header = Header { suite, kind, is_signed: false, epoch, key_id, run, counter };
        let mut hello = HelloBytes { bytes: [0; LONG_LEN], len: 0 };
        let mut put = |bytes: &[u8]| {
            hello.bytes[hello.len..hello.len + bytes.len()].copy_from_slice(bytes);
            hello.len += bytes.len();
        };
        put(&header.emit());
        put(&self.expires.to_be_bytes());
        let flag = |is_set: bool, flag| if is_set { flag } else { 0 };
        put(&[flag(signer.is_some(), HAS_SIGNER) | flag(self.has_keys, HAS_KEYS), 0]);
        put(&self.jitter.to_be_bytes());
        put(&self.session.0);
        if let Some(signer) = signer {
            put(&signer.verifier().0);
            let signature = signer.sign(&signed(address, hello.as_slice()));
            hello.bytes[hello.len..hello.len + SIGNATURE_LEN].copy_from_slice(&signature);
            hello.len += SIGNATURE_LEN;
        }
        let code = code(secret, address, hello.as_slice());
        hello.bytes[hello.len..hello.len + MAC_LEN].copy_from_slice(&code);
        hello.len += MAC_LEN;
        hello
    }
}

/// True when the code of a HELLO is by a member of the group. `datagram` was parsed.
pub(crate) fn is_of_group(secret: &Prk, address: SessionAddress, datagram: &[u8]) -> bool {
    let Some((text, found)) = datagram.split_last_chunk::<MAC_LEN>() else { return false };
    is_equal(&code(secret, address, text), found)
}

/// True when two codes of one length are equal. Looks at all bytes, whichever differ.
pub(crate) fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other));
    core::hint::black_box(differ) == 0
}

/// Checks the signature of a HELLO by its long-term key. `datagram` was parsed, and has one.
pub(crate) fn verify(
    signer: Verifier,
    address: SessionAddress,
    datagram: &[u8],
) -> Result<(), BadSignature> {
    let (text, rest) = datagram.split_at_checked(FIXED_LEN + 32).ok_or(BadSignature)?;
    let signature = rest.first_chunk().ok_or(BadSignature)?;
    signer.verify(&signed(address, text), signature)
}

/// What the long-term key signs of a HELLO in this group.
fn signed(address: SessionAddress, text: &[u8]) -> [u8; SIGNED_LEN] {
    let mut message = [0; SIGNED_LEN];
    let parts = [LABEL.as_slice(), address.bytes(), text];
    message.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
    message
}

/// The code of a HELLO in this group.
fn code(secret: &Prk, address: SessionAddress, text: &[u8]) -> [u8; MAC_LEN] {
    let mut key = zeroize::Zeroizing::new([0; 32]);
    secret.expand(&[b"norm-seal 1 hello", address.bytes()], key.as_mut_slice());
    mac(&key, text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::GroupSecret;

    fn secret() -> Prk {
        GroupSecret::new([7; 32]).epoch_secret()
    }

    fn address(port: u16) -> SessionAddress {
        SessionAddress::of(([239, 1, 2, 3], port).into())
    }

    fn long_term() -> Signer {
        Signer::from_seed([9; 32])
    }

    fn hello(signer: Option<&Signer>) -> Hello {
        Hello {
            suite: Suite::default(),
            epoch: Epoch(0),
            key_id: KeyId([1, 2, 3, 4]),
            run: RunId([5; 12]),
            created: 1_800_000_000,
            expires: 1_800_086_400,
            jitter: 500,
            session: Signer::from_seed([6; 32]).verifier(),
            signer: signer.map(Signer::verifier),
            has_keys: false,
        }
    }

    /// True when a datagram is a HELLO that proves what it says, in the group of this port.
    fn holds(datagram: &[u8], port: u16) -> bool {
        Hello::parse(datagram).is_some_and(|hello| {
            is_of_group(&secret(), address(port), datagram)
                && hello.signer.is_none_or(|key| verify(key, address(port), datagram).is_ok())
        })
    }

    #[test]
    fn hello_reads_as_it_was_written_and_is_short() {
        for (signer, len) in [(Some(&long_term()), 184), (None, 88)] {
            let hello = hello(signer);
            let bytes = hello.emit(&secret(), address(6003), signer);
            assert_eq!(
                (bytes.as_slice().len(), Hello::parse(bytes.as_slice())),
                (len, Some(hello))
            );
            assert!(holds(bytes.as_slice(), 6003) && !holds(bytes.as_slice(), 6004));
            assert!(!is_of_group(
                &GroupSecret::new([8; 32]).epoch_secret(),
                address(6003),
                bytes.as_slice()
            ));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_other_length_is_rejected() {
        for signer in [Some(&long_term()), None] {
            let bytes = hello(signer).emit(&secret(), address(6003), signer);
            let mut flipped = bytes.as_slice().to_vec();
            for bit in 0..flipped.len() * 8 {
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(!holds(&flipped, 6003), "bit {bit}");
                flipped[bit / 8] ^= 1 << (bit % 8);
            }
            assert!(holds(&flipped, 6003));
            for len in 0..flipped.len() {
                assert_eq!(Hello::parse(&flipped[..len]), None, "{len} bytes");
            }
            flipped.push(0);
            assert_eq!(Hello::parse(&flipped), None);
        }
    }

    #[test]
    fn member_cannot_sign_for_the_long_term_key() {
        let (signer, member) = (long_term(), Signer::from_seed([10; 32]));
        let hello = Hello { signer: Some(signer.verifier()), ..hello(Some(&signer)) };
        // Its own signature under the other's name, and another session's key under the real one.
        let mut forged = hello.emit(&secret(), address(6003), Some(&member)).as_slice().to_vec();
        forged[FIXED_LEN..FIXED_LEN + 32].copy_from_slice(&signer.verifier().0);
        let real = hello.emit(&secret(), address(6003), Some(&signer));
        let mut other = real.as_slice().to_vec();
        other[FIXED_LEN - 32..FIXED_LEN].copy_from_slice(&member.verifier().0);
        for mut datagram in [forged, other] {
            let end = LONG_LEN - MAC_LEN;
            let code = code(&secret(), address(6003), &datagram[..end]);
            datagram[end..].copy_from_slice(&code);
            assert!(is_of_group(&secret(), address(6003), &datagram), "it is a member");
            assert!(verify(signer.verifier(), address(6003), &datagram).is_err());
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_is_written_again_byte_for_byte(
            run: [u8; 12], created: u64, expires: u64, epoch: u16, seed: [u8; 32],
            is_signed: bool, has_keys: bool,
        ) {
            let signer = is_signed.then(long_term);
            let session = Signer::from_seed(seed).verifier();
            let hello = Hello {
                run: RunId(run), created, expires, epoch: Epoch(epoch), session,
                has_keys: is_signed && has_keys,
                ..hello(signer.as_ref())
            };
            let bytes = hello.emit(&secret(), address(6003), signer.as_ref());
            let read = Hello::parse(bytes.as_slice()).unwrap();
            prop_assert_eq!(read, hello);
            prop_assert!(holds(bytes.as_slice(), 6003));
        }

        #[test]
        fn any_bytes_parse_or_not_and_never_panic(
            start: bool, mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            if start && bytes.len() > 2 {
                bytes[..2].copy_from_slice(&[0x51, 2]);
            }
            prop_assert!(!holds(&bytes, 6003));
        }
    }
}
