//! Duplicate sources: one file set from several senders at the same time, a real one and attackers
//! that replay its packets, or what they made of them.
//!
//! Only the hashes can tell them apart. So each copy is received by itself, in files of its own;
//! the first that is complete and verified wins, and the others go without a word. A copy that
//! fails while another is being received does so silently as well: also towards its sender, because
//! a report names the sender by ids that an attacker has copied.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use norm_core::fileset::SetId;

use super::set_job::SetJob;

/// The sets that are being received, by their numbers.
pub(super) type Jobs = BTreeMap<u64, SetJob>;

/// All copies of a set.
pub(super) fn copies(jobs: &Jobs, id: SetId) -> impl Iterator<Item = (u64, &SetJob)> {
    jobs.iter().map(|(&number, job)| (number, job)).filter(move |(_, job)| job.id() == id)
}

/// The copy of a set that is to be placed next: one that is verified, unless a copy is being
/// placed.
pub(super) fn next_to_place(jobs: &Jobs, id: SetId) -> Option<u64> {
    if copies(jobs, id).any(|(_, job)| job.is_placing()) {
        return None;
    }
    copies(jobs, id).find(|(_, job)| job.is_verified()).map(|(number, _)| number)
}

/// The sets, each once: the copy of which most is written.
pub(super) fn leaders(jobs: &Jobs) -> impl Iterator<Item = &SetJob> {
    let rank = |number: u64, job: &SetJob| (job.bytes_written(), Reverse(number));
    let leads = move |number: u64, job: &SetJob| {
        let ours = rank(number, job);
        copies(jobs, job.id()).all(|(other, copy)| rank(other, copy) <= ours)
    };
    jobs.iter().filter(move |&(&number, job)| leads(number, job)).map(|(_, job)| job)
}
