//! A file to be sent, and folders for what is received.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::{Program, group, names, norm_recv, norm_send, random_bytes};

/// Where one test's file is, where its receivers write, and in which group.
pub struct Place {
    temp: tempfile::TempDir,
    pub group: String,
}

impl Place {
    /// With a file of this many random bytes.
    pub fn new(seed: u64, size: usize) -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), random_bytes(seed, size)).unwrap();
        Self { temp, group: group() }
    }

    /// The file, or the folder of a receiver.
    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// `norm-recv` that writes to the folder of this name.
    pub fn receiver(&self, name: &str, more: &[&str]) -> Command {
        let mut command = norm_recv();
        command.args(["-i", "127.0.0.1", "-g", &self.group, "--json"]);
        command.args(more).arg(self.path(name));
        command
    }

    /// `norm-send` with the file.
    pub fn sender(&self, more: &[&str]) -> Command {
        let mut command = norm_send();
        command.args(["-i", "127.0.0.1", "-g", &self.group, "--start-timeout", "30"]);
        command.args(more).arg(self.path("file"));
        command
    }

    /// A receiver ends well, and has the file and nothing else.
    pub fn assert_received(&self, receiver: Program, name: &str) {
        let (status, events) = receiver.finish();
        assert_eq!(status.code(), Some(0), "{events:#?}");
        let (file, folder) = (self.path("file"), self.path(name));
        assert!(fs::read(folder.join("file")).unwrap() == fs::read(file).unwrap());
        assert_eq!(names(&folder), ["file"]);
    }
}
