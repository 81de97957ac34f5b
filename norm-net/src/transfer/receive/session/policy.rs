//! What of the user's options a session acts on.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use norm_files::Preserve;
use norm_files::sink::{Backup, Only, PlaceOptions};

/// What of the user's options a session acts on.
#[derive(Debug)]
pub(in crate::transfer::receive) struct Policy {
    /// The output directory.
    pub directory: PathBuf,
    /// What becomes of files.
    pub files: Arc<FilePolicy>,
    /// Resume data is used and kept.
    pub resume: bool,
    /// The session goes on after a transfer, until it is stopped.
    pub continuous: bool,
    /// A transfer that stalls for this long is given up; so is waiting for a sender.
    pub timeout: Option<Duration>,
    /// Senders hear nothing from us, so none will release us.
    pub is_mute: bool,
    /// The session's own group and port.
    pub group: SocketAddr,
    /// The only address from which packets are received.
    pub source: Option<IpAddr>,
    /// Name of the interface.
    pub interface: String,
    /// Bytes of an IP packet that it lets through, if that is known.
    pub mtu: Option<u32>,
}

/// What becomes of files, on any thread.
#[derive(Debug, Default)]
pub(in crate::transfer::receive) struct FilePolicy {
    /// Existing files are replaced.
    pub overwrite: bool,
    /// What keeps what is replaced, if anything does.
    pub backup: Option<Backup>,
    /// What is wanted of a set; `None` is all.
    pub only: Option<Only>,
    /// Only said is what would become of sets in this directory. Nothing else is received, and that
    /// goes elsewhere.
    pub preview: Option<PathBuf>,
    /// What of files is set beyond permissions and times.
    pub preserve: Preserve,
    /// Sets may be as sparse as they like.
    pub allow_sparse: bool,
}

/// How much of a set is received.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::transfer::receive) enum Aim {
    /// All of it.
    All,
    /// What of it is wanted.
    Part,
    /// Its lists, to say what would become of it.
    Preview,
}

impl FilePolicy {
    /// How much of a set is received.
    pub(super) fn aim(&self) -> Aim {
        match (&self.preview, &self.only) {
            (Some(_), _) => Aim::Preview,
            (None, Some(_)) => Aim::Part,
            (None, None) => Aim::All,
        }
    }

    /// How the files of a set are placed.
    pub(in crate::transfer::receive) fn place_options(&self) -> PlaceOptions<'_> {
        let (overwrite, backup, preserve) = (self.overwrite, self.backup.as_ref(), self.preserve);
        PlaceOptions { overwrite, backup, preserve }
    }
}
