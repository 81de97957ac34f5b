//! The serial numbers of sets that were received, by signer and name: none that is lower is taken
//! later.
//!
//! ```text
//!  0  magic "NSER"
//!  4  version, 1
//!  5  reserved, 3 zero bytes
//!  8  serial number, 64 bits
//!     BLAKE3 of everything above, 32 bytes
//! ```

use std::io::{self, Write};
use std::path::PathBuf;

use crate::state::{RecordReader, RecordWriter, SERIAL_EXTENSION, StateFolders};

const MAGIC: [u8; 8] = *b"NSER\x01\0\0\0";

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

    /// The highest one of the sets with this name that this key has signed; 0 if none is known.
    pub fn last(&self, signer: &[u8; 32], name: &str) -> u64 {
        let read = || {
            let mut record = RecordReader::open(&self.folder.join(file(signer, name)))?;
            let magic: [u8; 8] = record.array()?;
            if magic != MAGIC { Ok(0) } else { record.u64() }
        };
        let read: io::Result<u64> = read();
        read.unwrap_or(0)
    }

    /// A set with this serial number is complete.
    ///
    /// # Errors
    /// What the system says.
    pub fn note(&self, signer: &[u8; 32], name: &str, serial: u64) -> io::Result<()> {
        if serial <= self.last(signer, name) {
            return Ok(());
        }
        let mut out = RecordWriter::new(&self.folder)?;
        out.write_all(&MAGIC)?;
        out.write_all(&serial.to_be_bytes())?;
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

    #[test]
    fn highest_number_of_each_name_and_signer_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let folders = StateFolders::within(dir.path());
        let serials = Serials::new(&folders).unwrap();
        assert_eq!(serials.last(&[1; 32], "lab"), 0);
        serials.note(&[1; 32], "lab", 7).unwrap();
        serials.note(&[1; 32], "lab", 5).unwrap();
        let again = Serials::new(&folders).unwrap();
        assert_eq!(again.last(&[1; 32], "lab"), 7);
        assert_eq!((again.last(&[2; 32], "lab"), again.last(&[1; 32], "home")), (0, 0));
        folders.trim(0);
        assert_eq!(again.last(&[1; 32], "lab"), 7, "it stays when room is made");
        assert!(Serials::new(&StateFolders::none()).is_none());
    }

    #[test]
    fn damaged_file_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folders = StateFolders::within(dir.path());
        let serials = Serials::new(&folders).unwrap();
        serials.note(&[1; 32], "lab", 7).unwrap();
        let path = folders.receipts().unwrap().join(file(&[1; 32], "lab"));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[15] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(serials.last(&[1; 32], "lab"), 0);
    }
}
