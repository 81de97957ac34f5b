//! What an FDT says of a file.

use std::collections::BTreeMap;

use super::{Oti, SetPart};

/// A SHA-256.
pub type Digest = [u8; 32];

/// Attributes of a file, or of all files of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileAttributes {
    /// Bytes of the file, before it was encoded.
    pub content_length: Option<u64>,
    /// Bytes of the object, after that.
    pub transfer_length: Option<u64>,
    /// Its media type.
    pub content_type: Option<String>,
    /// How it was encoded, such as `gzip`.
    pub content_encoding: Option<String>,
    /// MD5, of the file or of the object: senders differ.
    pub content_md5: Option<[u8; 16]>,
    /// SHA-256 of the object (`Content-Digest`, RFC 9530).
    pub content_digest: Option<Digest>,
    /// BLAKE3 of the object (`Content-BLAKE3`, our own).
    pub blake3: Option<[u8; 32]>,
    /// Which part of a file set the object is (`Norm-Set-Part`, our own).
    pub set_part: Option<SetPart>,
    /// FEC object transmission information.
    pub oti: Oti,
    /// Attributes of others, by their local names.
    pub others: BTreeMap<String, String>,
}

impl FileAttributes {
    /// These, and what they do not say from `common`, but for attributes of others.
    #[must_use]
    pub fn or(&self, common: &Self) -> Self {
        let text = |own: &Option<String>, common: &Option<String>| {
            own.as_ref().or(common.as_ref()).cloned()
        };
        Self {
            content_length: self.content_length.or(common.content_length),
            transfer_length: self.transfer_length.or(common.transfer_length),
            content_type: text(&self.content_type, &common.content_type),
            content_encoding: text(&self.content_encoding, &common.content_encoding),
            content_md5: self.content_md5.or(common.content_md5),
            content_digest: self.content_digest.or(common.content_digest),
            blake3: self.blake3.or(common.blake3),
            set_part: self.set_part.or(common.set_part),
            oti: self.oti.or(&common.oti),
            others: self.others.clone(),
        }
    }

    /// Bytes of the object: those said, or those of the file where it is not encoded. `None` means
    /// that only EXT_FTI can tell.
    pub fn object_length(&self) -> Option<u64> {
        self.transfer_length.or(self.content_length.filter(|_| !self.is_encoded()))
    }

    /// True when the object is the file in an encoding that changes something.
    pub fn is_encoded(&self) -> bool {
        self.content_encoding.as_deref().is_some_and(is_encoding)
    }
}

/// True of a content encoding that changes something; some senders write names of none.
fn is_encoding(name: &str) -> bool {
    !matches!(name.trim(), "" | "null" | "identity" | "none")
}
