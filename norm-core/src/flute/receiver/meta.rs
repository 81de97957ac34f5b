//! What an FDT says of an object, for those that receive it.

use bytes::Bytes;

use crate::fileset::text_to_name;
use crate::flute::fdt::FileAttributes;
use crate::transfer::{FileContent, ObjectMeta};

/// Bytes of a Content-Location at most; a file with a longer one gets no name.
const MAX_LOCATION: usize = 4096;

/// What is said of a file: which part of a set it is, or else its name and content.
pub(super) fn meta(location: &str, attributes: &FileAttributes) -> ObjectMeta {
    if let Some(part) = attributes.set_part {
        return ObjectMeta::SetPart { index: part.index, part: part.part };
    }
    let content = FileContent {
        is_encoded: attributes.is_encoded(),
        len: attributes.content_length,
        md5: attributes.content_md5,
        sha256: attributes.content_digest,
        blake3: attributes.blake3,
    };
    ObjectMeta::File { name: name(location), content }
}

/// True unless both are said to have different content.
pub(super) fn may_be_same(one: &ObjectMeta, other: &ObjectMeta) -> bool {
    fn agree<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
        one.zip(other).is_none_or(|(one, other)| one == other)
    }
    match (one, other) {
        (ObjectMeta::File { content: one, .. }, ObjectMeta::File { content: other, .. }) => {
            one.is_encoded == other.is_encoded
                && agree(one.len, other.len)
                && agree(one.md5, other.md5)
                && agree(one.sha256, other.sha256)
                && agree(one.blake3, other.blake3)
        }
        _ => one == other,
    }
}

/// The relative path of a URI (RFC 3986): without scheme, authority, query and fragment, decoded,
/// and without segments that lead elsewhere. `None` when nothing is left.
fn name(location: &str) -> Option<Bytes> {
    if location.len() > MAX_LOCATION {
        return None;
    }
    let path = location.trim().split(['?', '#']).next().unwrap_or_default();
    let path = after_scheme(path);
    let path = match path.strip_prefix("//") {
        Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
        None => path,
    };
    let decoded = percent_decoded(&text_to_name(path));
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in decoded.split(|&byte| byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    (!segments.is_empty()).then(|| segments.join(&b'/').into())
}

fn after_scheme(uri: &str) -> &str {
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    match uri.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => uri,
    }
}

/// Bytes with what `%xx` stands for; a `%` without two digits stands for itself.
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.split_first_chunk::<2>().filter(|_| first == b'%');
        let decoded = digits.and_then(|([high, low], after)| {
            let byte = digit(high)? << 4 | digit(low)?;
            Some((byte as u8, after))
        });
        let (byte, after) = decoded.unwrap_or((first, after));
        bytes.push(byte);
        rest = after;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_paths() {
        let name =
            |location| name(location).map(|name| String::from_utf8_lossy(&name).into_owned());
        for (location, path) in [
            ("a/b.txt", "a/b.txt"),
            ("http://host:80/a%20b.mp4?x=1#y", "a b.mp4"),
            ("file:///etc/passwd", "etc/passwd"),
            ("//host/c", "c"),
            ("/d//./e/", "d/e"),
            ("K%c3%a4se", "Käse"),
            ("Käse", "Käse"),
            ("100%", "100%"),
            ("a:b/c", "b/c"),
            ("1:b", "1:b"),
        ] {
            assert_eq!(name(location).as_deref(), Some(path), "{location}");
        }
        for location in ["", "/", "http://host", "..", "%2e%2e/%2E", &"x".repeat(5000)] {
            assert_eq!(name(location), None, "{location}");
        }
    }

    #[test]
    fn bug_30_and_31_names_lead_nowhere_else() {
        for location in ["../../x", "/../x", "file:///../../x", "a/../../x", "%2e%2e%2f%2e%2e/x"] {
            assert_eq!(name(location).as_deref(), Some(&b"x"[..]), "{location}");
        }
    }
}
