//! The serial numbers of sets that were received, by signer and name: none that is lower is taken
//! later, but for one with the same content.
//!
//! ```text
//!  0  magic "NSER"
//!  4  version, 2
//!  5  reserved, 3 zero bytes
//!  8  serial number, 64 bits
//! 16  manifest hash, 32 bytes
//! 48  hash at the end of the digest list, 32 bytes
//!     BLAKE3 of everything above, 32 bytes
//! ```

use std::io::{self, Write};
use std::path::PathBuf;

use crate::state::{RecordReader, RecordWriter, SERIAL_EXTENSION, StateFolders};

const MAGIC: [u8; 8] = *b"NSER\x02\0\0\0";

/// A set that was received.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct LastSet {
    /// Its serial number.
    pub serial: u64,
    /// Names its files.
    pub manifest: [u8; 32],
    /// What its digest list ends with, which names its content.
    pub list: [u8; 32],
}

/// The serial numbers of a user.
#[derive(Clone, Debug)]
pub struct Serials {
    folder: PathBuf,
}

impl Serials {
    /// Those in these folders, if there are to be some: beside the receipts.
    pub fn new(folders: &StateFolders) -> Option<Self> {
        Some(Self { folder: folders.receipts()?.to_owned() })
    }

    /// Of the sets with this name that this key has signed the one with the highest number; `None`
    /// if none is known.
    pub fn last(&self, signer: &[u8; 32], name: &str) -> Option<LastSet> {
        let read = || {
            let mut record = RecordReader::open(&self.folder.join(file(signer, name)))?;
            let magic: [u8; 8] = record.array()?;
            if magic != MAGIC {
                return Ok(None);
            }
            let (serial, manifest, list) = (record.u64()?, record.array()?, record.array()?);
            Ok(Some(LastSet { serial, manifest, list }))
        };
        let read: io::Result<Option<LastSet>> = read();
        read.unwrap_or(None)
    }

    /// A set is complete.
    ///
    /// # Errors
    /// What the system says.
    pub fn note(&self, signer: &[u8; 32], name: &str, set: &LastSet) -> io::Result<()> {
        if self.last(signer, name).is_some_and(|last| set.serial <= last.serial) {
            return Ok(());
        }
        let mut out = RecordWriter::new(&self.folder)?;
        out.write_all(&MAGIC)?;
        out.write_all(&set.serial.to_be_bytes())?;
        out.write_all(&set.manifest)?;
        out.write_all(&set.list)?;
        out.finish(&file(signer, name))
    }
}

/// The file for the sets with this name that this key signs.
fn file(signer: &[u8; 32], name: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(signer).update(name.as_bytes());
    format!("{}.{SERIAL_EXTENSION}", hasher.finalize().to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(serial: u64) -> LastSet {
        LastSet { serial, manifest: [serial as u8; 32], list: [3; 32] }
    }

    #[test]
    fn highest_number_of_each_name_and_signer_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let folders = StateFolders::within(dir.path());
        let serials = Serials::new(&folders).unwrap();
        assert_eq!(serials.last(&[1; 32], "lab"), None);
        serials.note(&[1; 32], "lab", &set(7)).unwrap();
        serials.note(&[1; 32], "lab", &set(5)).unwrap();
        let again = Serials::new(&folders).unwrap();
        assert_eq!(again.last(&[1; 32], "lab"), Some(set(7)));
        assert_eq!((again.last(&[2; 32], "lab"), again.last(&[1; 32], "home")), (None, None));
        folders.trim(0);
        assert_eq!(again.last(&[1; 32], "lab"), Some(set(7)), "it stays when room is made");
        assert!(Serials::new(&StateFolders::none()).is_none());
    }

    #[test]
    fn damaged_file_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folders = StateFolders::within(dir.path());
        let serials = Serials::new(&folders).unwrap();
        serials.note(&[1; 32], "lab", &set(7)).unwrap();
        let path = folders.receipts().unwrap().join(file(&[1; 32], "lab"));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[15] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(serials.last(&[1; 32], "lab"), None);
    }
}
