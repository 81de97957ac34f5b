//! What a sender says of the content of a standalone file: it is checked, and decoded if need be.

use std::io;

use norm_core::flute::fdt::decode_stream;
use norm_core::transfer::FileContent;
use norm_files::sink::StandaloneFile;

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
    if let Some(expected) = content.blake3 {
        let mut hasher = blake3::Hasher::new();
        let hashed = file.reader().and_then(|mut reader| io::copy(&mut reader, &mut hasher));
        hashed.map_err(failed)?;
        if hasher.finalize() != expected {
            return Err(Problem::HashMismatch);
        }
    }
    if content.is_encoded {
        let len = file.size();
        file.rewrite(|encoded, out| decode_stream(encoded, len, out)).map_err(failed)?;
    }
    // That of an encoded file may be said of either.
    match content.len {
        Some(len) if !content.is_encoded && len != file.size() => Err(Problem::HashMismatch),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    use norm_core::flute::fdt::gzip;
    use norm_files::sink::PlaceOptions;

    use super::*;

    /// What becomes of a file with these bytes, of which this is said.
    fn settled(bytes: &[u8], content: &FileContent) -> Result<Vec<u8>, Problem> {
        let dir = tempfile::tempdir().unwrap();
        let size = bytes.len() as u64;
        let path = Path::new("file");
        let file = StandaloneFile::create(dir.path(), path, "test-1", size, false).unwrap();
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
