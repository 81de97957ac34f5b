//! The paths of the service: `/norm/1/sets`, and `/norm/1/CONTENT/` with `manifest`, `digests`,
//! `payload` or `have`.

use norm_core::fileset::ContentHash;

/// Where all paths begin; the number is that of this protocol.
const PREFIX: &str = "/norm/1/";

/// What a path leads to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The sets that are here.
    Sets,
    /// A part of a set.
    Part(ContentHash, Part),
}

/// A part of a set.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The manifest, encoded as in a session.
    Manifest,
    /// The digest list, likewise.
    Digests,
    /// The payload: the data of all files, one after the other.
    Payload,
    /// Which chunks are here.
    Have,
}

impl Part {
    const ALL: [(&'static str, Self); 4] = [
        ("manifest", Self::Manifest),
        ("digests", Self::Digests),
        ("payload", Self::Payload),
        ("have", Self::Have),
    ];

    /// Its name in the path.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, part)| *part == self);
        found.map_or("", |(name, _)| name)
    }
}

impl Route {
    /// Where a path leads; `None` when to nothing.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix(PREFIX)?;
        if rest == "sets" {
            return Some(Self::Sets);
        }
        let (content, part) = rest.split_once('/')?;
        let part = Part::ALL.iter().find(|(name, _)| *name == part).map(|(_, part)| *part)?;
        Some(Self::Part(content_hash(content)?, part))
    }

    /// The path.
    pub fn path(self) -> String {
        match self {
            Self::Sets => format!("{PREFIX}sets"),
            Self::Part(content, part) => format!("{PREFIX}{content}/{}", part.name()),
        }
    }
}

/// The content that a path names as a whole: `/norm/1/CONTENT`, perhaps with a slash.
pub fn content_of(path: &str) -> Option<ContentHash> {
    let content = path.strip_prefix(PREFIX)?;
    content_hash(content.strip_suffix('/').unwrap_or(content))
}

/// A content hash of 64 hexadecimal digits.
pub fn content_hash(text: &str) -> Option<ContentHash> {
    let mut hash = [0; 32];
    if text.len() != 2 * hash.len() || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(ContentHash(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_parts_and_back() {
        let content = ContentHash([0xa5; 32]);
        let parts = Part::ALL.map(|(_, part)| Route::Part(content, part));
        for route in parts.into_iter().chain([Route::Sets]) {
            assert_eq!(Route::parse(&route.path()), Some(route));
        }
        let digits = "a5".repeat(32);
        assert_eq!(content_of(&format!("/norm/1/{digits}/")), Some(content));
        assert_eq!(content_of(&format!("/norm/1/{}", digits.to_uppercase())), Some(content));
    }

    #[test]
    fn other_paths_lead_to_nothing() {
        let digits = "a5".repeat(32);
        for path in [
            "",
            "/",
            "/norm/1/",
            "/norm/1/sets/",
            "/norm/2/sets",
            "/norm/1/x/payload",
            &format!("/norm/1/{digits}"),
            &format!("/norm/1/{digits}/"),
            &format!("/norm/1/{digits}/payload/"),
            &format!("/norm/1/{digits}0/payload"),
            &format!("/norm/1/{}/have", "+5".repeat(32)),
            &format!("//norm/1/{digits}/have"),
        ] {
            assert_eq!(Route::parse(path), None, "{path}");
        }
        assert_eq!(content_of("/norm/1/sets"), None);
    }
}
