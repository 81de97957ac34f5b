//! What of the user's options a session acts on.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use norm_core::fileset::{ContentHash, Manifest};
use norm_files::Preserve;
use norm_files::receipts::Store;
use norm_files::serials::Serials;
use norm_files::sink::{Backup, Only, PlaceOptions, Plan, Superfluous};

use super::statements::Statements;
use crate::transfer::receive::other_protocol::OtherProtocol;

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
    /// Packets are sealed, and senders sign what they say.
    pub is_sealed: bool,
    /// FLUTE is received, and not NORM.
    pub is_flute: bool,
    /// Bytes of memory for symbols, where those beyond wait on the disk.
    pub spooling: Option<u64>,
    /// The session (TSI) that is wanted, if one is named.
    pub tsi: Option<u64>,
    /// The sender of the other one, once it was heard.
    pub other: OtherProtocol,
}

impl Policy {
    /// What was stated of sets: nothing yet.
    pub(super) fn statements(&self) -> Statements {
        Statements::new(self.files.serials.clone(), self.files.accept_older)
    }
}

/// What becomes of files, on any thread.
#[derive(Debug, Default)]
pub(in crate::transfer::receive) struct FilePolicy {
    /// Existing files are replaced.
    pub overwrite: bool,
    /// What keeps what is replaced, if anything does.
    pub backup: Option<Backup>,
    /// What earlier sets had and a new one has not is removed, as receipts say.
    pub delete: bool,
    /// What is wanted of a set; `None` is all.
    pub only: Option<Only>,
    /// The only content that is wanted; `None` is any.
    pub expect: Option<ContentHash>,
    /// Where receipts are kept, if they are.
    pub receipts: Option<Store>,
    /// Only said is what would become of sets in this directory. Nothing else is received, and that
    /// goes elsewhere.
    pub preview: Option<PathBuf>,
    /// What of files is set beyond permissions and times.
    pub preserve: Preserve,
    /// Sets may be as sparse as they like.
    pub allow_sparse: bool,
    /// Serial numbers of sets that were received before.
    pub serials: Option<Serials>,
    /// Sets may be older than those.
    pub accept_older: bool,
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

    /// What earlier sets had below `root` and this one has not, if that is to go.
    pub(super) fn superfluous(&self, root: &Path, plan: &Plan) -> Superfluous {
        match self.receipts.as_ref().filter(|_| self.delete) {
            Some(receipts) => Superfluous::find(receipts, root, plan),
            None => Superfluous::default(),
        }
    }

    /// True when a set with this content, which is in place below `root`, leaves nothing that is to
    /// go.
    pub(super) fn is_alone(&self, root: &Path, content: ContentHash) -> bool {
        let Some(receipts) = self.receipts.as_ref().filter(|_| self.delete) else { return true };
        let receipt = receipts.look_up(root, content);
        let plan = receipt.and_then(|receipt| {
            let manifest = Manifest::parse(&receipt.manifest).ok()?;
            Plan::new(&receipt.manifest, manifest.payload_size()).ok()
        });
        plan.is_some_and(|plan| Superfluous::find(receipts, root, &plan).is_empty())
    }

    /// How the files of a set are placed.
    pub(in crate::transfer::receive) fn place_options(&self) -> PlaceOptions<'_> {
        let (overwrite, backup, preserve) = (self.overwrite, self.backup.as_ref(), self.preserve);
        PlaceOptions { overwrite, backup, preserve }
    }
}
