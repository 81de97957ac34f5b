//! Header extensions as LCT (RFC 5651 §5.2) and NORM (RFC 5740 §4.1) have them.
//!
//! ```text
//! | het < 128      | hel 8         | content ...                  |  hel words in all
//! | het >= 128     | content 24                                   |  one word
//! ```

/// Types from here on are one word long.
const FIRST_FIXED: u8 = 128;

/// One header extension.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its type.
    pub het: u8,
    /// What follows type and length, or the three bytes after a type of 128 and above.
    pub body: &'a [u8],
}

/// True when the bytes are whole extensions, one after the other.
pub(crate) fn are_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((_, tail)) = split_first(rest) else { return false };
        rest = tail;
    }
    true
}

/// The extensions, up to the first one that is not whole.
pub(crate) fn iter(bytes: &[u8]) -> impl Iterator<Item = Extension<'_>> + Clone {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        let (extension, tail) = split_first(rest)?;
        rest = tail;
        Some(extension)
    })
}

/// The first extension and what follows it; `None` when it is cut off or of length zero.
fn split_first(bytes: &[u8]) -> Option<(Extension<'_>, &[u8])> {
    let (&[het, words], _) = bytes.split_first_chunk()?;
    let (len, prefix) = if het >= FIRST_FIXED { (4, 1) } else { (usize::from(words) << 2, 2) };
    // A length of zero has no room for the prefix: this is what makes every step advance.
    let (extension, rest) = bytes.split_at_checked(len)?;
    Some((Extension { het, body: extension.get(prefix..)? }, rest))
}
