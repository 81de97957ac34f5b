//! What is told of a set when it is complete.

use std::ops::Range;

use norm_core::Timestamp;
use norm_files::sink::Plan;

use super::super::engine::Engine;
use super::super::summary::rate;
use super::SetJob;
use crate::event::{MAX_PATHS, SetReport};

/// The report, with this many files present before.
pub(super) fn of(job: &SetJob, engine: &impl Engine, now: Timestamp, present: u64) -> SetReport {
    let elapsed = now.saturating_since(job.started);
    let mut report = SetReport {
        set: Some(job.id()),
        content: job.state.digests().and_then(|digests| digests.content()),
        present,
        elapsed,
        loss: job.loss(engine),
        nacks: engine.stats().nacks - job.nacks_before,
        ..SetReport::new(job.sender)
    };
    // There is a plan, or nothing could have been placed.
    if let Some(plan) = &job.plan {
        let directory = job.spool.directory();
        let here = || plan.wanted_places().filter(|at| !job.lost.contains(at));
        let named = || here().take(MAX_PATHS);
        let path = |at| Some(directory.join(plan.file(at)?.path));
        report.paths = named().filter_map(path).collect();
        report.hashes = named().filter_map(|at| job.spool.file_hash(at)).collect();
        report.unwanted = plan.unwanted_files();
        let lost_names = job.lost.iter().map(|&file| plan.name_range(file).len() as u64);
        let lost = job.lost.len() as u64 + lost_names.sum::<u64>();
        let files = (plan.file_count() + plan.name_count()) as u64;
        report.files = files - report.unwanted - lost;
        report.withdrawn_files = lost;
        report.links = plan.link_count() as u64;
        report.left_out = plan.left_out().into();
        report.directories = plan.directory_count() as u64;
        report.bytes = here().map(|at| bytes_of(plan, at)).sum();
    }
    if !job.lost.is_empty() {
        report.content = None;
        report.withdrawn = job.withdrawn_files();
        report.withdrawn.truncate(MAX_PATHS);
    }
    if report.unwanted > 0 {
        // It names more than what is here.
        report.content = None;
    }
    report.bits_per_second = rate(report.bytes, elapsed);
    report
}

/// Bytes in the payload of the file with this place among all.
fn bytes_of(plan: &Plan, file: usize) -> u64 {
    let Range { start, end } = plan.chunks().payload_of(file);
    end - start
}
