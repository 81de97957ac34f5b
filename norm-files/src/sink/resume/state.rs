//! The file that says which bytes of an unfinished payload are there.
//!
//! ```text
//!  0  magic "NKPT"
//!  4  version, 2
//!  5  reserved, 3 zero bytes
//!  8  manifest hash, 32 bytes
//! 40  bytes in the payload, 64 bits
//! 48  number of ranges, 32 bits
//! 52  ranges, each: first byte, and the one after the last, 64 bits each; ascending, with gaps
//!     BLAKE3 of everything above, 32 bytes
//! ```
//!
//! All numbers are big-endian. The file may have been torn by a crash, or be another user's:
//! parsing is strict, and what does not parse counts for nothing.

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::ManifestHash;

use super::have::Have;

const MAGIC: [u8; 8] = *b"NKPT\x02\0\0\0";
const HEADER_LEN: usize = 52;
const RANGE_LEN: usize = 16;
const HASH_LEN: usize = blake3::OUT_LEN;

/// Ranges in a file at most.
pub const MAX_RANGES: usize = 65_536;
/// Bytes in a file at most.
pub const MAX_STATE_BYTES: usize = HEADER_LEN + RANGE_LEN * MAX_RANGES + HASH_LEN;

/// What is there of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What the set is about.
    pub content: ManifestHash,
    /// Bytes in the whole payload.
    pub payload: u64,
    /// The bytes that are there.
    pub have: Have,
}

impl State {
    /// The encoded form.
    pub fn emit(&self) -> Vec<u8> {
        let ranges = self.have.ranges();
        let mut out = Vec::with_capacity(HEADER_LEN + RANGE_LEN * ranges.pieces() + HASH_LEN);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.content.0);
        out.extend_from_slice(&self.payload.to_be_bytes());
        // No more than MAX_RANGES.
        out.extend_from_slice(&(ranges.pieces() as u32).to_be_bytes());
        for (start, end) in ranges.iter() {
            out.extend_from_slice(&start.to_be_bytes());
            out.extend_from_slice(&end.to_be_bytes());
        }
        let hash = blake3::hash(&out);
        out.extend_from_slice(hash.as_bytes());
        out
    }

    /// Reads what a file says; `None` for anything but what [`State::emit`] writes.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_STATE_BYTES {
            return None;
        }
        let (said, hash) = bytes.split_last_chunk::<HASH_LEN>()?;
        if blake3::hash(said) != *hash {
            return None;
        }
        let rest = said.strip_prefix(&MAGIC)?;
        let (&content, rest) = rest.split_first_chunk()?;
        let (&payload, rest) = rest.split_first_chunk()?;
        let (&count, rest) = rest.split_first_chunk()?;
        let payload = u64::from_be_bytes(payload);
        let (pairs, left_over) = rest.as_chunks::<RANGE_LEN>();
        if !left_over.is_empty() || pairs.len() as u64 != u64::from(u32::from_be_bytes(count)) {
            return None;
        }
        let mut ranges = RangeSet::new();
        let mut before = None;
        for pair in pairs {
            let (start, end) = pair.split_at(RANGE_LEN / 2);
            let start = u64::from_be_bytes(start.try_into().ok()?);
            let end = u64::from_be_bytes(end.try_into().ok()?);
            let apart = before.is_none_or(|before| before < start);
            if !apart || start >= end || end > payload {
                return None;
            }
            ranges.insert(start, end);
            before = Some(end);
        }
        Some(Self { content: ManifestHash(content), payload, have: Have::new(ranges) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn state(ranges: &[(u64, u64)], payload: u64) -> State {
        let mut have = Have::default();
        for &(start, end) in ranges {
            have.insert(start, end);
        }
        State { content: ManifestHash([7; 32]), payload, have }
    }

    /// `said`, with a hash that fits.
    fn sealed(said: &[u8]) -> Vec<u8> {
        [said, blake3::hash(said).as_bytes()].concat()
    }

    #[test]
    fn encoded_bytes_are_these() {
        let bytes = state(&[(1, 0x102)], 0x1_0000).emit();
        let mut expected = b"NKPT\x02\0\0\0".to_vec();
        expected.extend_from_slice(&[7; 32]);
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(bytes, sealed(&expected));
    }

    #[test]
    fn torn_and_flipped_files_are_refused() {
        let good = state(&[(0, 10), (20, 30)], 30).emit();
        assert!(State::parse(&good).is_some());
        for len in 0..good.len() {
            assert_eq!(State::parse(&good[..len]), None);
        }
        for at in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            assert_eq!(State::parse(&bytes), None, "bit {at}");
        }
        assert_eq!(State::parse(&[good.as_slice(), &[0]].concat()), None);
        assert_eq!(State::parse(&vec![0; MAX_STATE_BYTES + 1]), None);
    }

    #[test]
    fn ranges_without_sense_are_refused_although_the_hash_fits() {
        let with = |ranges: &[(u64, u64)], payload: u64, count: u32| {
            let mut out = MAGIC.to_vec();
            out.extend_from_slice(&[7; 32]);
            out.extend_from_slice(&payload.to_be_bytes());
            out.extend_from_slice(&count.to_be_bytes());
            for (start, end) in ranges {
                out.extend_from_slice(&start.to_be_bytes());
                out.extend_from_slice(&end.to_be_bytes());
            }
            State::parse(&sealed(&out))
        };
        assert_eq!(with(&[(0, 10), (11, 12)], 12, 2), Some(state(&[(0, 10), (11, 12)], 12)));
        assert_eq!(with(&[], 0, 0), Some(state(&[], 0)));
        assert_eq!(with(&[(0, 10)], 9, 1), None, "beyond the end");
        assert_eq!(with(&[(5, 5)], 9, 1), None, "empty");
        assert_eq!(with(&[(6, 5)], 9, 1), None, "backwards");
        assert_eq!(with(&[(0, 5), (5, 9)], 9, 2), None, "one in two");
        assert_eq!(with(&[(4, 9), (0, 2)], 9, 2), None, "out of order");
        assert_eq!(with(&[(0, 5)], 9, 2), None, "fewer than it says");
        assert_eq!(with(&[(0, 5)], 9, u32::MAX), None);
        assert_eq!(with(&[(0, u64::MAX)], u64::MAX - 1, 1), None);
    }

    #[test]
    fn longest_state_fits() {
        let mut have = Have::default();
        for n in 0..MAX_RANGES as u64 {
            have.insert(n * 2, n * 2 + 1);
        }
        let state = State { content: ManifestHash([1; 32]), payload: u64::MAX, have };
        let bytes = state.emit();
        assert_eq!(bytes.len(), MAX_STATE_BYTES);
        assert_eq!(State::parse(&bytes), Some(state));
    }

    proptest! {
        #[test]
        fn emitted_states_are_parsed(
            ranges in prop::collection::vec((0u64..1 << 40, 1u64..1 << 30), 0..50),
            content: [u8; 32],
        ) {
            let ranges = ranges.into_iter().map(|(start, len)| (start, start + len));
            let ranges: Vec<_> = ranges.collect();
            let state = State { content: ManifestHash(content), ..state(&ranges, 1 << 41) };
            prop_assert_eq!(State::parse(&state.emit()), Some(state));
        }

        #[test]
        fn arbitrary_bytes_parse_only_if_they_are_what_is_emitted(
            said in prop::collection::vec(any::<u8>(), 0..120), magic: bool, seal: bool,
        ) {
            let mut said = said;
            if magic {
                let n = said.len().min(MAGIC.len());
                said[..n].copy_from_slice(&MAGIC[..n]);
            }
            let bytes = if seal { sealed(&said) } else { said };
            if let Some(state) = State::parse(&bytes) {
                prop_assert_eq!(state.emit(), bytes);
            }
        }
    }
}
