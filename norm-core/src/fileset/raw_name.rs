//! Names of files that are not UTF-8, as text and back.
//!
//! Names on Unix are bytes, and old ones are often not UTF-8; paths on the wire are. A byte that is
//! no part of a character travels as one of 128 characters for private use, U+F780 to U+F7FF, for
//! the bytes 0x80 to 0xFF. Should a name have such a character itself, that one travels byte by
//! byte, so that every name comes back as it was.

use std::borrow::Cow;

/// U+F700 and the byte.
const RAW: u32 = 0xf700;

/// The byte that a character stands for, if it stands for one.
pub(super) fn raw_byte(c: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(c).checked_sub(RAW)?).ok()?;
    (byte >= 0x80).then_some(byte)
}

/// A name as text: itself where it is UTF-8.
#[must_use]
pub fn name_to_text(name: &[u8]) -> Cow<'_, str> {
    match core::str::from_utf8(name) {
        Ok(text) if !text.chars().any(|c| raw_byte(c).is_some()) => return Cow::Borrowed(text),
        _ => {}
    }
    let raw =
        |byte: u8| char::from_u32(RAW + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER);
    let mut text = String::with_capacity(name.len() * 3);
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match raw_byte(c) {
                Some(_) => text.extend(c.encode_utf8(&mut [0; 4]).bytes().map(raw)),
                None => text.push(c),
            }
        }
        text.extend(chunk.invalid().iter().copied().map(raw));
    }
    Cow::Owned(text)
}

/// The name that a text stands for, byte by byte. Beyond the text's own it has no byte below 0x80,
/// so no `/` and no NUL.
#[must_use]
pub fn text_to_name(text: &str) -> Cow<'_, [u8]> {
    if !text.chars().any(|c| raw_byte(c).is_some()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut name = Vec::with_capacity(text.len());
    for c in text.chars() {
        match raw_byte(c) {
            Some(byte) => name.push(byte),
            None => name.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn utf8_is_kept_and_other_bytes_become_characters() {
        assert!(matches!(name_to_text("Käse".as_bytes()), Cow::Borrowed("Käse")));
        assert_eq!(name_to_text(b"caf\xe9.txt"), "caf\u{f7e9}.txt");
        assert_eq!(*text_to_name("caf\u{f7e9}.txt"), *b"caf\xe9.txt");
        let private = "\u{f7e9}";
        assert_eq!(name_to_text(private.as_bytes()), "\u{f7ef}\u{f79f}\u{f7a9}");
        assert_eq!(name_to_text("\u{f77f}\u{f800}".as_bytes()), "\u{f77f}\u{f800}");
    }

    proptest! {
        #[test]
        fn names_survive_the_round_trip(name in proptest::collection::vec(any::<u8>(), 0..64)) {
            let text = name_to_text(&name);
            prop_assert_eq!(&*text_to_name(&text), &*name);
        }

        #[test]
        fn private_characters_survive_the_round_trip(name in "[a\u{f700}-\u{f810}é]{0,20}") {
            let text = name_to_text(name.as_bytes());
            prop_assert_eq!(&*text_to_name(&text), name.as_bytes());
        }

        #[test]
        fn raw_bytes_add_no_ascii(text in any::<String>()) {
            let count = |bytes: &[u8], wanted: u8| bytes.iter().filter(|&&b| b == wanted).count();
            let name = text_to_name(&text);
            for byte in 0..0x80 {
                prop_assert_eq!(count(&name, byte), count(text.as_bytes(), byte));
            }
        }
    }
}
