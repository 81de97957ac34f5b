//! All parsers of this crate with the same bytes, for tests and for the fuzzer.

use super::bitmap::Bitmap;
use super::range::{ContentRange, Wanted, wanted};
use super::route::{Route, content_of};
use super::sidecar::{HEADER_BYTES, Sidecar};
use super::{catalogue, host};
use crate::client::SourceUrl;

/// Hands these bytes to each parser, and checks what they say of it.
///
/// # Panics
/// When a parser contradicts itself.
pub fn parsers(bytes: &[u8]) {
    if let Some(header) = bytes.first_chunk::<HEADER_BYTES>()
        && let Ok(sidecar) = Sidecar::parse(header)
    {
        assert_eq!(&sidecar.emit(), header);
    }
    let chunks = bytes.len() as u32 * 8;
    if let Some(bitmap) = Bitmap::parse(bytes, chunks) {
        assert_eq!(bitmap.as_bytes(), bytes);
    }
    if let Some(sets) = catalogue::parse(bytes) {
        assert_eq!(catalogue::parse(&catalogue::emit(sets.clone())), Some(sets));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for size in [0, 1, 1 << 20, u64::MAX] {
        if let Wanted::Part(part) = wanted(Some(text), size) {
            assert!(part.start < part.end && part.end <= size);
        }
    }
    if let Some(range) = ContentRange::parse(text) {
        assert_eq!(ContentRange::parse(&range.to_string()), Some(range));
    }
    host::is_allowed(text, Some("lab-7"));
    if let Some(route) = Route::parse(text) {
        assert_eq!(Route::parse(&route.path()), Some(route));
    }
    content_of(text);
    if let Ok(url) = SourceUrl::parse(text) {
        let _ = url.redirected(text);
        assert_eq!(SourceUrl::parse(&url.to_string()), Ok(url));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            parsers(&bytes);
        }

        #[test]
        fn any_words_are_taken(
            text in "(bytes( |=)|https?://|/norm/1/)?[0-9a-f./:*\\[\\]%@?#, -]{0,40}(/[0-9*]{1,20})?"
        ) {
            parsers(text.as_bytes());
        }
    }
}
