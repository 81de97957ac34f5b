//! What is sent, and whether it arrived.

use std::fs;
use std::path::{Path, PathBuf};

use norm_core::Rng;

use crate::files;
use crate::matrix::{Case, Kind};

/// The files that a case sends from.
pub struct Content {
    pub source: PathBuf,
    pub sizes: PathBuf,
}

impl Content {
    /// Makes them; the same case gets the same.
    pub fn make(case: &Case, folder: &Path) -> Result<Self, String> {
        let content = Self { source: folder.join("source.bin"), sizes: folder.join("sizes") };
        files::random(&content.source, case.bytes(), case.seed());
        let mut rng = Rng::new(case.seed());
        let (mut left, mut lines) = (case.bytes(), String::new());
        while left > 0 {
            let length = (1 + rng.next_u64() % case.longest_message()).min(left);
            lines += &format!("{length}\n");
            left -= length;
        }
        fs::write(&content.sizes, lines).map_err(|error| format!("{folder:?}: {error}"))?;
        Ok(content)
    }

    /// Whether a receiver's folder holds what was sent and nothing else.
    pub fn check(&self, kind: Kind, folder: &Path) -> Result<(), String> {
        let expected = match kind {
            Kind::File => vec![("source.bin", &self.source)],
            Kind::Data => vec![("data-0", &self.source)],
            Kind::Stream => vec![("stream-0", &self.source), ("stream-0.lengths", &self.sizes)],
        };
        let mut found = names(folder)?;
        for (name, original) in expected {
            let place = found.iter().position(|other| other == name);
            let place = place.ok_or_else(|| format!("{name} is not in {folder:?}: {found:?}"))?;
            found.remove(place);
            let (sent, got) = (read(original)?, read(&folder.join(name))?);
            if sent != got {
                let same = sent.iter().zip(&got).take_while(|(a, b)| a == b).count();
                let (sent, got) = (sent.len(), got.len());
                let what = format!("{name}: {got} bytes instead of {sent}");
                return Err(format!("{what}, different from byte {same} on"));
            }
        }
        if found.is_empty() { Ok(()) } else { Err(format!("left behind in {folder:?}: {found:?}")) }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn names(folder: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    entries.map(|entry| entry.map(name).map_err(|error| error.to_string())).collect()
}

#[test]
fn wrong_bits_boundaries_and_extra_files_are_noticed() {
    use crate::matrix;
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let case = matrix::all()
        .into_iter()
        .find(|case| case.kind == Kind::Stream && case.size == matrix::Size::Blocks);
    let content = Content::make(&case.expect("streams are tried"), folder.path());
    let content = content.unwrap_or_else(|error| panic!("{error}"));
    let received = folder.path().join("received");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(received.join(name), bytes).expect("the folder is there");
    };
    fs::create_dir(&received).expect("the folder is ours");
    let (mut bytes, sizes) = (fs::read(&content.source), fs::read(&content.sizes));
    let (bytes, sizes) = (bytes.as_mut().expect("just made"), sizes.expect("just made"));
    assert!(content.check(Kind::Stream, &received).is_err(), "nothing is there");
    write("stream-0", bytes);
    write("stream-0.lengths", &sizes);
    assert_eq!(content.check(Kind::Stream, &received), Ok(()));
    write("normTempAbCdEf", b"");
    assert!(content.check(Kind::Stream, &received).is_err_and(|error| error.contains("left")));
    fs::remove_file(received.join("normTempAbCdEf")).expect("just made");
    write("stream-0.lengths", b"100003\n");
    assert!(content.check(Kind::Stream, &received).is_err_and(|error| error.contains("lengths")));
    write("stream-0.lengths", &sizes);
    bytes[4711] ^= 1;
    write("stream-0", bytes);
    assert!(content.check(Kind::Stream, &received).is_err_and(|error| error.contains("4711")));
}
