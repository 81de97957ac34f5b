//! The file delivery table (RFC 6726 §3.4.2): which objects a session has, and what they are.
//!
//! What is read is lenient, because the field is: names count without their prefixes, whatever the
//! namespace, and an entry that makes no sense is left out and counted. What is written is one of
//! the namespaces that receivers know.

mod attributes;
mod encoding;
mod oti;
mod read;
mod set_part;
mod write;

pub use attributes::{Digest, FileAttributes};
pub use encoding::{DecodeError, decode, decode_stream, gzip};
pub use oti::Oti;
pub use read::{FdtError, MAX_DOCUMENT, MAX_FILES};
pub use set_part::SetPart;
pub use write::Namespace;

use super::wire::Toi;

/// An instance of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fdt {
    /// When it expires, in seconds of NTP: an era of 136 years is not told.
    pub expires: u32,
    /// With all instances before it, it lists all files that the session has and will have.
    pub complete: bool,
    /// What holds for all files that do not say otherwise.
    pub common: FileAttributes,
    /// Names of groups that all files belong to.
    pub groups: Vec<String>,
    /// The files, in the order of the document.
    pub files: Vec<FdtFile>,
    /// Elements of others, as they stood in the document.
    pub elements: Vec<String>,
    /// Entries that made no sense and were left out.
    pub ignored: u32,
}

/// A file of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FdtFile {
    /// The object that has its content; never 0.
    pub toi: Toi,
    /// A URI that says which file it is; it proves nothing, and is no path.
    pub location: String,
    /// What is said of it.
    pub attributes: FileAttributes,
    /// Names of groups that it belongs to.
    pub groups: Vec<String>,
    /// Elements of others, as they stood in the document.
    pub elements: Vec<String>,
}

impl Fdt {
    /// Reads a document, of [`MAX_DOCUMENT`] bytes and [`MAX_FILES`] files at most.
    ///
    /// # Errors
    /// [`FdtError`].
    pub fn parse(document: &[u8]) -> Result<Self, FdtError> {
        read::parse(document)
    }

    /// Writes the document. Elements of others are left out: their namespaces are not known.
    pub fn emit(&self, namespace: Namespace) -> Vec<u8> {
        write::emit(self, namespace)
    }

    /// What holds for a file of this instance: what it says itself, else what all have in common.
    pub fn attributes(&self, file: &FdtFile) -> FileAttributes {
        file.attributes.or(&self.common)
    }
}

#[cfg(test)]
mod tests;
