//! What a sender says of the content of a standalone file: it is checked, and decoded if need be.

use std::io::{self, Write};

use md5::Md5;
use norm_core::flute::fdt::decode_stream;
use norm_core::transfer::FileContent;
use norm_files::sink::StandaloneFile;
use sha2::{Digest, Sha256};

use crate::event::Problem;
use crate::transfer::receive::session::failure::cannot_write;

/// Compares a file that is complete with what is said of it, and decodes it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn settle(file: &StandaloneFile, content: &FileContent) -> Result<(), Problem> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => Problem::HashMismatch,
        _ => cannot_write(file.target(), &error),
    };
    let found = Hashes::of(file, content).map_err(failed)?;
    // Senders differ: hashes of an encoded file may be those of either form.
    let is_said = |found: &Hashes| content.md5 == found.md5 && content.sha256 == found.sha256;
    let is_right = is_said(&found);
    if content.blake3 != found.blake3 || !(is_right || content.is_encoded) {
        return Err(Problem::HashMismatch);
    }
    if content.is_encoded {
        let len = file.size();
        file.rewrite(|encoded, out| decode_stream(encoded, len, out)).map_err(failed)?;
        if !is_right && !is_said(&Hashes::of(file, content).map_err(failed)?) {
            return Err(Problem::HashMismatch);
        }
    }
    // That of an encoded file may be said of either.
    match content.len {
        Some(len) if !content.is_encoded && len != file.size() => Err(Problem::HashMismatch),
        _ => Ok(()),
    }
}

/// Hashes of a file: those that are said of it.
#[derive(Default)]
struct Hashes {
    blake3: Option<[u8; 32]>,
    sha256: Option<[u8; 32]>,
    md5: Option<[u8; 16]>,
}

impl Hashes {
    /// Reads the file, if any of them is said.
    fn of(file: &StandaloneFile, said: &FileContent) -> io::Result<Self> {
        let mut hashers = Hashers {
            blake3: said.blake3.map(|_| blake3::Hasher::new()),
            sha256: said.sha256.map(|_| Sha256::new()),
            md5: said.md5.map(|_| Md5::new()),
        };
        if said.blake3.is_some() || said.sha256.is_some() || said.md5.is_some() {
            io::copy(&mut file.reader()?, &mut hashers)?;
        }
        Ok(Self {
            blake3: hashers.blake3.map(|hasher| hasher.finalize().into()),
            sha256: hashers.sha256.map(|hasher| hasher.finalize().into()),
            md5: hashers.md5.map(|hasher| hasher.finalize().into()),
        })
    }
}

/// What computes them.
struct Hashers {
    blake3: Option<blake3::Hasher>,
    sha256: Option<Sha256>,
    md5: Option<Md5>,
}

impl Write for Hashers {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(hasher) = &mut self.blake3 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sha256 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.md5 {
            hasher.update(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use norm_core::flute::fdt::gzip;
    use norm_files::sink::{Parts, PlaceOptions};

    use super::*;

    /// What becomes of a file with these bytes, of which this is said.
    fn settled(bytes: &[u8], content: &FileContent) -> Result<Vec<u8>, Problem> {
        let dir = tempfile::tempdir().unwrap();
        let size = bytes.len() as u64;
        let path = Path::new("file");
        let parts = Arc::new(Parts::new(dir.path()));
        let file = StandaloneFile::new(&parts, path, size, false).unwrap();
        file.write(bytes, 0).unwrap();
        settle(&file, content)?;
        file.place(&PlaceOptions::default(), &AtomicBool::new(false)).unwrap();
        Ok(std::fs::read(dir.path().join(path)).unwrap())
    }

    #[test]
    fn encoded_file_is_decoded() {
        let text: String = (0..5_000).map(|n| format!("line {n}, ")).collect();
        let encoded = gzip(text.as_bytes());
        let said = FileContent { is_encoded: true, ..FileContent::default() };
        assert_eq!(settled(&encoded, &said).as_deref(), Ok(text.as_bytes()));
        let cut = &encoded[..encoded.len() / 2];
        assert_eq!(settled(cut, &said), Err(Problem::HashMismatch));
        assert_eq!(settled(&encoded, &FileContent::default()).as_deref(), Ok(&*encoded));
    }

    #[test]
    fn hashes_of_other_senders_are_checked() {
        let sha256 = Some(Sha256::digest(b"content").into());
        let md5 = |bytes: &[u8]| Some(Md5::digest(bytes).into());
        let right = FileContent { sha256, md5: md5(b"content"), ..FileContent::default() };
        assert_eq!(settled(b"content", &right).as_deref(), Ok(&b"content"[..]));
        for said in [FileContent { md5: None, ..right }, FileContent { sha256: None, ..right }] {
            assert_eq!(settled(b"kontent", &said), Err(Problem::HashMismatch));
        }
        let text: String = (0..500).map(|n| format!("line {n}, ")).collect();
        let encoded = gzip(text.as_bytes());
        for (md5, is_right) in
            [(md5(&encoded), true), (md5(text.as_bytes()), true), (md5(b"other"), false)]
        {
            let said = FileContent { is_encoded: true, md5, ..FileContent::default() };
            assert_eq!(settled(&encoded, &said).is_ok(), is_right);
        }
    }

    #[test]
    fn file_that_is_not_what_its_sender_says_gets_no_name() {
        let right = FileContent {
            blake3: Some(blake3::hash(b"content").into()),
            len: Some(7),
            ..FileContent::default()
        };
        assert_eq!(settled(b"content", &right).as_deref(), Ok(&b"content"[..]));
        assert_eq!(settled(b"kontent", &right), Err(Problem::HashMismatch));
        let longer = FileContent { len: Some(8), ..FileContent::default() };
        assert_eq!(settled(b"content", &longer), Err(Problem::HashMismatch));
    }
}
