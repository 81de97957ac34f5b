//! Why content data is refused.

/// What is wrong with a manifest, a digest list or a set descriptor.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ContentError {
    /// The data ends too early.
    Truncated,
    /// There are bytes after the end.
    TrailingBytes,
    /// The data does not begin with the magic of its format.
    BadMagic,
    /// A version that this program does not know; a newer sender.
    UnsupportedVersion(u8),
    /// An object kind or entry kind that does not exist.
    BadKind,
    /// A field has a value that makes no sense.
    BadField,
    /// A path is empty, too long or not UTF-8.
    BadPath,
    /// More bytes, entries, holes or chunks than are accepted.
    TooLarge,
    /// The sizes of the files do not add up to the size of the payload.
    SizeMismatch,
    /// The digest list is damaged, or belongs to another set.
    ContentMismatch,
}

impl core::fmt::Display for ContentError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the data ends too early",
            Self::TrailingBytes => "there are bytes after the end of the data",
            Self::BadMagic => "not data of the expected format",
            Self::UnsupportedVersion(version) => {
                return write!(f, "format version {version} is not supported; the sender is newer");
            }
            Self::BadKind => "unknown kind of object or entry",
            Self::BadField => "a field has an impossible value",
            Self::BadPath => "a path is empty, too long or not UTF-8",
            Self::TooLarge => "the data is larger than accepted",
            Self::SizeMismatch => "the file sizes do not add up to the size of the payload",
            Self::ContentMismatch => "the digest list is damaged or belongs to another transfer",
        })
    }
}

impl core::error::Error for ContentError {}
