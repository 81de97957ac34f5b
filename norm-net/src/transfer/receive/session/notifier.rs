//! Says what happens, in the words of [`ReceiveEvent`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use norm_core::endpoint::SenderId;
use norm_core::fileset::{SetId, SetSummary};
use norm_core::transfer::NodeId;
use norm_files::sink::{
    Change, Placed, PlacedFile, Plan, PresentFiles, RefusedMetadata, Removed, ResumeProblem,
    SetPreview, Sweep,
};

use crate::event::{
    EntrySum, Hint, Outlet, Problem, ReceiveEvent, ReceiveProgress, ResumeData, SetFailure,
    SetReport,
};

/// Events that are not fetched, beyond which those that only accompany are left out.
const MAX_WAITING: usize = 65_536;

/// A file set, and the sender that it comes from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct SetRef {
    pub(super) sender: SenderId,
    pub(super) set: SetId,
}

/// The sending end of a session's events. Clones send to the same queue.
#[derive(Clone, Debug)]
pub(in crate::transfer::receive) struct Notifier {
    outlet: Outlet<ReceiveEvent>,
}

impl Notifier {
    /// Sends to this outlet.
    pub(in crate::transfer::receive) fn new(outlet: Outlet<ReceiveEvent>) -> Self {
        Self { outlet }
    }

    /// A sender was heard for the first time.
    pub(super) fn sender_found(&self, sender: SenderId, node: NodeId, address: SocketAddr) {
        self.send(ReceiveEvent::SenderFound { sender, node, address });
    }

    /// A sender has another address.
    pub(super) fn sender_moved(&self, sender: SenderId, address: SocketAddr) {
        self.send(ReceiveEvent::SenderMoved { sender, address });
    }

    /// A sender pauses.
    pub(super) fn sender_paused(&self, sender: SenderId) {
        self.send(ReceiveEvent::SenderPaused { sender });
    }

    /// A sender sends again after a pause.
    pub(super) fn sender_resumed(&self, sender: SenderId) {
        self.send(ReceiveEvent::SenderResumed { sender });
    }

    /// A sender sends no more, and another one may go on.
    pub(super) fn sender_stopped(&self, sender: SenderId) {
        self.send(ReceiveEvent::SenderStopped { sender });
    }

    /// Nothing was heard from a sender for some seconds.
    pub(super) fn sender_silent(&self, sender: SenderId) {
        self.send(ReceiveEvent::SenderSilent { sender });
    }

    /// A sender has ended its session.
    pub(super) fn sender_ended(&self, sender: SenderId) {
        self.send(ReceiveEvent::SenderEnded { sender });
    }

    /// A sender no longer waits for us; receiving goes on in this group, if at all.
    pub(super) fn evicted(&self, sender: SenderId, separate_group: Option<SocketAddr>) {
        self.send(ReceiveEvent::Evicted { sender, separate_group });
    }

    /// A set has begun, with these bytes in all its files.
    pub(super) fn set_found(&self, sender: SenderId, summary: &SetSummary) {
        let &SetSummary { set, manifest, content, payload_size: bytes, .. } = summary;
        self.send(ReceiveEvent::SetFound { sender, set, manifest, content, bytes });
    }

    /// Part of a set is here from an earlier session.
    pub(super) fn set_resumed(&self, SetRef { sender, set }: SetRef, done: u64, total: u64) {
        let (bytes_done, bytes_total) = (done, total);
        self.send(ReceiveEvent::SetResumed { sender, set, bytes_done, bytes_total });
    }

    /// Resume data of a set cannot be used.
    pub(super) fn resume_data_unusable(&self, SetRef { sender, set }: SetRef, why: ResumeProblem) {
        self.hint(Hint::ResumeDataUnusable { sender, set, error: why });
    }

    /// The manifest of a set is here.
    pub(super) fn files_known(&self, SetRef { sender, set }: SetRef, plan: &Plan) {
        let (unwanted, bytes) = (plan.unwanted_files(), plan.bytes());
        let files = (plan.file_count() + plan.name_count()) as u64 - unwanted;
        let (links, left_out) = (plan.link_count() as u64, plan.left_out().into());
        let event =
            ReceiveEvent::FilesKnown { sender, set, files, links, bytes, unwanted, left_out };
        self.send(event);
    }

    /// It is known what would become of a set, or of the standalone files of a sender.
    pub(super) fn previewed(&self, sender: SenderId, set: Option<SetId>, preview: SetPreview) {
        let sum = |change| EntrySum::from(preview.sum(change));
        self.send(ReceiveEvent::DryRun {
            sender,
            set,
            create: sum(Change::Create),
            replace: sum(Change::Replace),
            keep: sum(Change::Keep),
            compare: sum(Change::Compare),
            refuse: sum(Change::Refuse),
            delete: sum(Change::Delete),
            unwanted: preview.plan().unwanted_files(),
            preview: Arc::new(preview),
        });
    }

    /// Nothing of a set matches these patterns of what is wanted.
    pub(super) fn patterns_unmatched(&self, SetRef { sender, set }: SetRef, patterns: Vec<String>) {
        self.hint(Hint::PatternsUnmatched { sender, set, patterns });
    }

    /// Files of a set are in their places already, with the right size.
    pub(super) fn files_present(&self, SetRef { sender, set }: SetRef, present: PresentFiles) {
        let PresentFiles { count, first } = present;
        self.hint(Hint::FilesPresent { sender, set, files: count, first });
    }

    /// Modes or times of files were refused.
    pub(super) fn metadata_refused(&self, sender: SenderId, refused: RefusedMetadata) {
        let RefusedMetadata { entries, first, error } = refused;
        self.hint(Hint::MetadataRefused { sender, entries, first, error });
    }

    /// Every byte of a set is here.
    pub(super) fn verifying(&self, SetRef { sender, set }: SetRef) {
        self.send(ReceiveEvent::Verifying { sender, set });
    }

    /// Part of a set is wrong, and received again.
    pub(super) fn received_again(&self, SetRef { sender, set }: SetRef) {
        self.hint(Hint::ReceivedAgain { sender, set });
    }

    /// A file of a set has its final name.
    pub(super) fn file_placed(&self, SetRef { sender, set }: SetRef, file: PlacedFile<'_>) {
        let (set, path, bytes, hash) = (Some(set), file.path.to_owned(), file.size, file.hash);
        let present = file.placed == Placed::Present;
        let event = ReceiveEvent::FileComplete { sender, set, path, bytes, hash, present };
        self.send_optional(event);
    }

    /// A file, link or directory of an earlier set is gone.
    pub(super) fn file_removed(&self, SetRef { sender, set }: SetRef, path: &Path) {
        self.send_optional(ReceiveEvent::FileRemoved { sender, set, path: path.to_owned() });
    }

    /// What earlier sets had stays in part.
    pub(super) fn not_removed(&self, SetRef { sender, set }: SetRef, removed: Removed) {
        if let Some(first) = removed.first_changed {
            self.hint(Hint::ChangedFilesStay { sender, set, files: removed.changed, first });
        }
        if let Some((first, error)) = removed.first_refused {
            self.hint(Hint::NotRemoved { sender, set, entries: removed.refused, first, error });
        }
    }

    /// A standalone file has its final name.
    pub(super) fn standalone_placed(
        &self,
        sender: SenderId,
        path: PathBuf,
        bytes: u64,
        present: bool,
    ) {
        let (set, hash) = (None, None);
        let event = ReceiveEvent::FileComplete { sender, set, path, bytes, hash, present };
        self.send_optional(event);
    }

    /// A file cannot be had or made, or is not what it should be.
    pub(super) fn file_failed(&self, sender: SenderId, path: PathBuf, problem: Problem) {
        self.send(ReceiveEvent::FileFailed { sender, path, problem });
    }

    /// A set is complete, or all standalone files of a sender.
    pub(super) fn complete(&self, report: SetReport) {
        self.send(ReceiveEvent::SetComplete(report));
    }

    /// A set is given up, or standalone files of a sender are missing.
    pub(super) fn failed(&self, failure: SetFailure) {
        self.send(ReceiveEvent::SetFailed(failure));
    }

    /// What is here of a set stays for later sessions.
    pub(super) fn resume_data_kept(&self, SetRef { sender, set }: SetRef, done: u64, total: u64) {
        let (bytes_done, bytes_total) = (done, total);
        self.send(ReceiveEvent::ResumeDataKept { sender, set, bytes_done, bytes_total });
    }

    /// What earlier sessions have left, unless that is nothing.
    pub(super) fn resume_data_found(&self, sweep: &Sweep) {
        if sweep.removed == 0 && sweep.resumable.is_empty() {
            return;
        }
        let sets = sweep.resumable.iter().map(|set| ResumeData::new(set.bytes, set.payload));
        let (sets, removed) = (sets.collect(), sweep.removed);
        self.send(ReceiveEvent::ResumeDataFound { sets, removed });
    }

    /// How far the session is.
    pub(super) fn progress(&self, progress: ReceiveProgress) {
        self.send_optional(ReceiveEvent::Progress(progress));
    }

    /// Something may explain trouble.
    pub(super) fn hint(&self, hint: Hint) {
        self.send(ReceiveEvent::Hint(hint));
    }

    fn send(&self, event: ReceiveEvent) {
        // Fails only when there is no handle any more.
        let _ = self.outlet.push(event, usize::MAX);
    }

    /// Leaves the event out when very many wait.
    fn send_optional(&self, event: ReceiveEvent) {
        let _ = self.outlet.push(event, MAX_WAITING);
    }
}
