//! What happens while receiving.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use norm_core::endpoint::SenderId;
use norm_core::fileset::{ContentHash, FileHash, ManifestHash, SetId};
use norm_core::transfer::NodeId;
use norm_files::sink::{SetPreview, Sum};

#[cfg(feature = "serde")]
use super::serial;
use super::{Hint, NotSent, Problem, SetFailure, SetReport};

/// Something that happens while receiving.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum ReceiveEvent {
    /// A sender was heard for the first time; of the first 64.
    SenderFound {
        /// Number of the sender, by which later events name it.
        sender: SenderId,
        /// Its node id.
        node: NodeId,
        /// Where it sends from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
    },
    /// A file set is on its way. Said once more when it begins again, as in a separate group.
    SetFound {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// Names the transfer: the hash of the list of files, the same for every sender of them.
        manifest: ManifestHash,
        /// Names the files with all that is in them; null if their sender has not hashed them yet.
        content: Option<ContentHash>,
        /// Bytes of all its files.
        bytes: u64,
    },
    /// Part of a file set was kept by an earlier session, and is not received again.
    SetResumed {
        /// Number of the sender.
        sender: SenderId,
        /// The file set. It may have had another id then.
        set: SetId,
        /// Bytes of files that are here.
        bytes_done: u64,
        /// Bytes of all its files.
        bytes_total: u64,
    },
    /// The manifest of a file set is here.
    FilesKnown {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// Files in it that are wanted, other names of files (hard links) included.
        files: u64,
        /// Symbolic links in it that are wanted.
        links: u64,
        /// Bytes of the files, without those in holes.
        bytes: u64,
        /// Files in it that are not wanted: they match none of the patterns given.
        unwanted: u64,
        /// What the sender has found and cannot send.
        left_out: NotSent,
    },
    /// Only in a dry run: what would become of a file set, or of the standalone files that a sender
    /// has named. Nothing of their content was asked for.
    DryRun {
        /// Number of the sender.
        sender: SenderId,
        /// The file set; null for standalone files.
        set: Option<SetId>,
        /// What would be made.
        create: EntrySum,
        /// What would be replaced.
        replace: EntrySum,
        /// What is there with the same content, and directories that are there.
        keep: EntrySum,
        /// Files that are there with the same size: those with other content would be refused in
        /// the end.
        compare: EntrySum,
        /// What would not be replaced, or cannot be: the transfer would fail.
        refuse: EntrySum,
        /// Files and links that earlier sets had and this one has not: they would be removed. Their
        /// bytes are not counted.
        delete: EntrySum,
        /// Files that are not wanted: they match none of the patterns given.
        unwanted: u64,
        /// All entries.
        #[cfg_attr(feature = "serde", serde(skip))]
        preview: Arc<SetPreview>,
    },
    /// How far receiving is: about four times per second while something is on its way, and when
    /// everything of a file set is here.
    Progress(ReceiveProgress),
    /// Every byte of a file set is here: hashes are compared, then files are made. Said again when
    /// part of it was received again.
    Verifying {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
    },
    /// A file has its final name. Of a file set that is after all of it is verified.
    FileComplete {
        /// Number of the sender.
        sender: SenderId,
        /// The file set; null for a standalone file.
        set: Option<SetId>,
        /// Where it is: begins with the output directory.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// BLAKE3 of its content, as `b3sum` prints it; null for a standalone file.
        hash: Option<FileHash>,
        /// An identical file was in place before, and stays as it was.
        present: bool,
    },
    /// A file, link or directory was removed, because an earlier set had it and this one has not.
    FileRemoved {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// Where it was, below the output directory.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        path: PathBuf,
    },
    /// A standalone file cannot be had or made, or a file of a set does not match its hash; of the
    /// first hundred of each sender or set. Or the sender has withdrawn a file of a set; of the
    /// first ten thousand of a set. Other files may be complete.
    FileFailed {
        /// Number of the sender.
        sender: SenderId,
        /// Where it was to be.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        path: PathBuf,
        /// Why.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::described"))]
        problem: Problem,
    },
    /// All files of a set have their final names, but for those that its sender has withdrawn; or
    /// all standalone files that a sender has sent.
    SetComplete(SetReport),
    /// A file set is given up, or standalone files of a sender are missing. Files that were
    /// complete before stay.
    SetFailed(SetFailure),
    /// What is here of a file set stays for the next session that is sent the same files.
    ResumeDataKept {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// Bytes of files that are here.
        bytes_done: u64,
        /// Bytes of all its files.
        bytes_total: u64,
    },
    /// At the start, when earlier sessions have left something in the output directory.
    ResumeDataFound {
        /// Unfinished file sets that can be resumed; may be empty.
        sets: Vec<ResumeData>,
        /// Unfinished file sets that were removed: stale, of no use, or because nothing was to be
        /// kept.
        removed: usize,
    },
    /// A sender has another address, and goes on from there.
    SenderMoved {
        /// Number of the sender.
        sender: SenderId,
        /// Where it sends from now.
        address: SocketAddr,
    },
    /// A sender says that it sends nothing for now, and will go on.
    SenderPaused {
        /// Number of the sender.
        sender: SenderId,
    },
    /// A sender goes on after a pause.
    SenderResumed {
        /// Number of the sender.
        sender: SenderId,
    },
    /// A sender says that it was stopped, and sends no more: what is here stays, and the same files
    /// from any sender are received from where it ended.
    SenderStopped {
        /// Number of the sender.
        sender: SenderId,
    },
    /// Nothing was heard from a sender for five seconds.
    SenderSilent {
        /// Number of the sender.
        sender: SenderId,
    },
    /// A sender has ended its session, and has said nothing since.
    SenderEnded {
        /// Number of the sender.
        sender: SenderId,
    },
    /// A sender waits for this receiver no longer, because it keeps the others slow.
    Evicted {
        /// Number of the sender.
        sender: SenderId,
        /// The group in which receiving goes on; null is nowhere.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
        separate_group: Option<SocketAddr>,
    },
    /// Something looks wrong. A hint is no failure.
    Hint(#[cfg_attr(feature = "serde", serde(serialize_with = "serial::described"))] Hint),
}

/// How many files and directories there are of a kind, and how large the files are.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct EntrySum {
    /// Files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

impl From<Sum> for EntrySum {
    fn from(sum: Sum) -> Self {
        let Sum { files, directories, links, bytes } = sum;
        Self { files, directories, links, bytes }
    }
}

/// An unfinished file set that an earlier session has left.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ResumeData {
    /// Bytes of files that are here.
    pub bytes_done: u64,
    /// Bytes of all its files.
    pub bytes_total: u64,
}

impl ResumeData {
    /// Resume data with these bytes here of these in all.
    pub fn new(bytes_done: u64, bytes_total: u64) -> Self {
        Self { bytes_done, bytes_total }
    }
}

impl ReceiveProgress {
    /// Passes until all is here, if each brings as much as is lost of it lets through.
    pub(crate) fn passes(&self) -> Option<f64> {
        let held = self.bytes_done.saturating_add(self.bytes_waiting);
        let missing = self.bytes_total.saturating_sub(held);
        let comes = self.bytes_total as f64 * (1.0 - self.loss);
        (comes > 0.0).then(|| missing as f64 / comes)
    }
}

/// How far receiving is. Counts are since the session began, and of all senders.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReceiveProgress {
    /// Seconds since the first file set or file was found.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub elapsed: Duration,
    /// Bytes of content written of what is on its way now, resume data included.
    pub bytes_done: u64,
    /// Bytes received that wait for the rest of their blocks.
    pub bytes_waiting: u64,
    /// Bytes of content in all of what is on its way now; of standalone files, those heard of so
    /// far.
    pub bytes_total: u64,
    /// One way: passes of its sender, about, until all of it is here, at the loss of late: 0.5 is
    /// half a pass. Null where something else limits it, or nothing is on its way.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_hundredths"))]
    pub passes_left: Option<f64>,
    /// Bytes of UDP payload received.
    pub wire_bytes: u64,
    /// Share of packets lost of late, 0 to 1, from the sender with the most loss.
    pub loss: f64,
    /// Blocks that had losses and were repaired by decoding.
    pub decoded: u64,
    /// NACKs (requests for repair) sent.
    pub nacks: u64,
    /// Content packets dropped because the memory for blocks was full.
    pub no_room: u64,
    /// Packets that could not be parsed.
    pub malformed: u64,
    /// Packets that arrived with a CE mark: a router's queue was long (ECN, RFC 3168).
    pub ce_marked: u64,
    /// Chunks of the file sets that are being compared with files that are there: those that are
    /// compared.
    pub chunks_compared: u64,
    /// All chunks of these sets; 0 while nothing is compared.
    pub chunks_to_compare: u64,
    /// The file of which something was written last, or that was placed last: begins with the
    /// output directory. Null before there is one.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_path"))]
    pub file: Option<PathBuf>,
    /// Files of which all is here, verified or not. Null where they are not counted, because what
    /// is missing is in thousands of pieces.
    pub files_done: Option<u64>,
    /// Files that have their final names.
    pub files_placed: u64,
    /// Files that are wanted, other names (hard links) included; 0 while no list of files is here.
    /// Of standalone files, those heard of so far.
    pub files_total: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_what_is_missing_by_what_a_pass_brings() {
        let of = |bytes_done, bytes_waiting, bytes_total, loss| {
            let progress = ReceiveProgress {
                bytes_done,
                bytes_waiting,
                bytes_total,
                loss,
                ..Default::default()
            };
            progress.passes()
        };
        assert_eq!(of(0, 0, 0, 0.0), None, "nothing is known");
        assert_eq!(of(0, 0, 100, 0.5), Some(2.0));
        assert_eq!(of(20, 30, 100, 0.0), Some(0.5));
        assert_eq!(of(100, 5, 100, 0.1), Some(0.0));
        assert_eq!(of(1, 0, 100, 1.0), None, "nothing comes");
    }
}
