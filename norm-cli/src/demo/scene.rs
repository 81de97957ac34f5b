//! What a demo runs in: a temporary directory, a file to send, a group of its own.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use norm_core::Rng;

use crate::exit::{Code, Failure};
use crate::text;

/// Size of the file that a demo creates when it is given none.
const FILE_BYTES: u64 = 16 << 20;

/// What a demo needs on this machine; its directory is removed when this is dropped.
pub(super) struct Scene {
    folder: PathBuf,
    source: PathBuf,
    group: SocketAddr,
}

impl Scene {
    /// Creates a directory, and in it a random file if there is no `source`.
    pub(super) fn new(source: Option<&Path>) -> Result<Self, Failure> {
        // The hasher's keys are random in every process; the process id is not needed on top.
        let mut rng = Rng::new(RandomState::new().hash_one("norm-send --demo"));
        let folder = std::env::temp_dir().join(format!("norm-demo-{:016x}", rng.next_u64()));
        let group = group(&mut rng)?;
        let failed = |error: io::Error| {
            let folder = text::path(&folder);
            Failure::local(format!(
                "cannot prepare the demo in {folder}: {error}; set TMPDIR to use another directory"
            ))
        };
        fs::create_dir(&folder).map_err(failed)?;
        let made = folder.join("demo.bin");
        let scene = Self {
            source: source.map_or_else(|| made.clone(), Path::to_path_buf),
            folder: folder.clone(),
            group,
        };
        if source.is_none() {
            write_random(&made, FILE_BYTES, &mut rng).map_err(failed)?;
        }
        Ok(scene)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn source(&self) -> &Path {
        &self.source
    }

    pub(super) fn group(&self) -> SocketAddr {
        self.group
    }

    /// Creates the directory of a receiver.
    pub(super) fn receiver_folder(&self, number: u32) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(format!("receiver-{number}"));
        fs::create_dir(&folder).map_err(|error| {
            Failure::local(format!("cannot create {}: {error}", text::path(&folder)))
        })?;
        Ok(folder)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // What cannot be removed is in the system's temporary directory, which the system cleans.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A random group of the local scope (RFC 2365) and a port that is free just now, so that demos at
/// the same time do not meet.
fn group(rng: &mut Rng) -> Result<SocketAddr, Failure> {
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|socket| socket.local_addr())
        .map_err(|error| {
            Failure::new(Code::Network, format!("this machine has no loopback network: {error}"))
        })?
        .port();
    let [.., high, low] = rng.next_u32().to_be_bytes();
    Ok((Ipv4Addr::new(239, 255, high, low), port).into())
}

fn write_random(path: &Path, bytes: u64, rng: &mut Rng) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for _ in 0..bytes / 8 {
        file.write_all(&rng.next_u64().to_le_bytes())?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scene_leaves_no_files() {
        let scene = Scene::new(None).unwrap();
        assert_eq!(fs::metadata(scene.source()).unwrap().len(), FILE_BYTES);
        assert!(scene.receiver_folder(1).unwrap().is_dir());
        assert!(scene.group().ip().is_multicast() && scene.group().port() >= 1024);
        let folder = scene.folder().to_path_buf();
        drop(scene);
        assert!(!folder.exists());
    }

    #[test]
    fn given_source_is_used_and_not_removed() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("mine");
        fs::write(&file, "content").unwrap();
        let scene = Scene::new(Some(&file)).unwrap();
        assert_eq!(scene.source(), file);
        drop(scene);
        assert!(file.exists());
    }

    #[test]
    fn scenes_have_different_groups_and_directories() {
        let (one, other) = (Scene::new(Some(Path::new("."))), Scene::new(Some(Path::new("."))));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one.group(), other.group());
        assert_ne!(one.folder(), other.folder());
    }
}
