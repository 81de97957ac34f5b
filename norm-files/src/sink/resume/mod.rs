//! What is kept of unfinished sets, so that a later session goes on with it.
//!
//! Beside the payload lies a file that says which bytes of it are there (`state`). It is written after
//! them, by a rename, each second and at the end; so after a kill it is true, if perhaps a second old.
//! After a power cut it may promise bytes that never reached the disk: hashes find that out in the end, and
//! what is wrong is received again.
//!
//! Files are found by content id: whoever sends the same files, in whatever pieces and under whatever
//! code, goes on with them. The list of files proves itself by that id; the hashes at a set's end belong to
//! the sender, and are received anew.
//!
//! `sweep` removes what nobody will come back for.

mod have;
mod open;
mod parts;
mod state;
mod sweep;

use std::fmt;
use std::path::{Path, PathBuf};

pub use have::Have;
pub use open::{Found, Kept, has_state, is_named, is_of_other_size, is_still, open};
pub use state::State;
pub use sweep::{Sweep, sweep};

/// The temporary name of a file that is being made of the spool with this stem.
pub fn part_name(stem: &impl fmt::Display) -> String {
    format!("{stem}.part")
}

/// Payloads of which less is here are not kept, in bytes.
pub const LEAST: u64 = 1 << 20;

/// The names of a spool's files.
#[derive(Clone, Debug)]
pub struct Names {
    directory: PathBuf,
    stem: String,
}

impl Names {
    pub fn new(directory: &Path, stem: &impl fmt::Display) -> Self {
        Self { directory: directory.to_owned(), stem: stem.to_string() }
    }

    pub fn head(&self) -> PathBuf {
        self.path("head")
    }

    pub fn payload(&self) -> PathBuf {
        self.path("payload")
    }

    pub fn tail(&self) -> PathBuf {
        self.path("tail")
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// A state that is being written.
    pub fn new_state(&self) -> PathBuf {
        self.path("state-new")
    }

    /// Removes them all. The head, which carries the lock, is last.
    pub fn remove(&self) {
        let names = [self.state(), self.new_state(), self.payload(), self.tail(), self.head()];
        for name in names {
            // Gone already, or there is nobody left to tell.
            let _ = std::fs::remove_file(name);
        }
    }

    fn path(&self, kind: &str) -> PathBuf {
        self.directory.join(format!("{}.{kind}", self.stem))
    }
}
