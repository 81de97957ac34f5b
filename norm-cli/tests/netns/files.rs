//! Files of random bytes, and whether two files are the same.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use norm_core::Rng;

/// Compared and made in pieces of this many bytes.
const PIECE: usize = 1 << 20;

/// Makes a file that nothing can compress; the same seed makes the same bytes.
pub fn random(path: &Path, bytes: u64, seed: u64) {
    let write = || -> io::Result<()> {
        let mut rng = Rng::new(seed);
        let mut file = BufWriter::with_capacity(PIECE, File::create(path)?);
        let mut left = bytes;
        while left > 0 {
            let word = rng.next_u64().to_le_bytes();
            let part = word.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.write_all(&word[..part])?;
            left -= part as u64;
        }
        file.flush()
    };
    if let Err(error) = write() {
        panic!("cannot make {} of {bytes} bytes: {error}", path.display());
    }
}

/// Compares two files byte by byte.
///
/// # Panics
///
/// When they differ, or one cannot be read.
pub fn assert_same(left: &Path, right: &Path) {
    let open = |path: &Path| match File::open(path) {
        Ok(file) => file,
        Err(error) => panic!("cannot open {}: {error}", path.display()),
    };
    let (mut a, mut b) = (open(left), open(right));
    let (mut from_a, mut from_b) = (vec![0; PIECE], vec![0; PIECE]);
    let mut at = 0;
    loop {
        let length = fill(&mut a, &mut from_a);
        assert_eq!(length, fill(&mut b, &mut from_b), "lengths differ: {left:?}, {right:?}");
        if from_a[..length] != from_b[..length] {
            let same = from_a.iter().zip(&from_b).take_while(|(a, b)| a == b).count();
            panic!("{left:?} and {right:?} differ from byte {} on", at + same);
        }
        if length < PIECE {
            return;
        }
        at += length;
    }
}

/// Everything in a folder whose name is not that of an unfinished transfer.
pub fn finished(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.map_while(Result::ok).map(|entry| entry.path()).collect(),
        Err(error) => panic!("cannot list {}: {error}", folder.display()),
    };
    paths.retain(|path| {
        !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".norm-"))
    });
    paths
}

fn fill(file: &mut File, buffer: &mut [u8]) -> usize {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) => panic!("cannot read: {error}"),
        }
    }
    length
}
