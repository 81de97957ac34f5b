//! Congestion control with the NRL implementation (RFC 5740 §5.5.2): a file through a bottleneck
//! that neither side knows of.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::command::say;
use crate::content::Content;
use crate::matrix::{Case, Fec, Feedback, Kind, Pairing, Size};
use crate::net::Host;
use crate::ours::Ours;
use crate::peers::{Programs, Task};
use crate::place::{Place, Spot};
use crate::slots::Slot;
use crate::{logs, process};

/// The bottleneck, in bits per second of frames.
const BITS: u32 = 100_000_000;
/// The bottleneck's queue, at its rate.
const QUEUE: Duration = Duration::from_millis(20);
/// The part of the bottleneck that must be used once its rate has been found.
const USED: f64 = 0.8;
/// The part of the file in which the rate must be found.
const FOUND: f64 = 0.5;
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// The part of the bottleneck that is used for the second half of the file, and for all of it.
fn used(pairing: Pairing) -> Result<(f64, f64), String> {
    let (fec, kind, feedback) = (Fec::Five, Kind::Data, Feedback::Multicast);
    let case = Case { pairing, kind, fec, loss: 0, feedback, size: Size::Large };
    let logs = logs(&format!("rate {case}"));
    // Not there the first time.
    let _ = fs::remove_dir_all(&logs);
    fs::create_dir_all(&logs).map_err(|error| format!("{logs:?}: {error}"))?;
    let result = transfer(&case, &logs);
    result.map_err(|why| format!("{logs:?}: {why}\n{}", process::tails(&logs)))
}

fn transfer(case: &Case, logs: &Path) -> Result<(f64, f64), String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let content = Content::make(case, folder.path())?;
    let place = Place::apart(0);
    let (source, sizes) = (&content.source, &content.sizes);
    let task = Task { case, place: &place, source, sizes };
    let out = folder.path().join("out");
    fs::create_dir(&out).map_err(|error| format!("{out:?}: {error}"))?;
    let (programs, ours) = (Programs::get()?, Ours::of(case.kind));
    let we_send = case.pairing == Pairing::OursToNrl;
    let spot = if we_send { Spot::NrlReceiver } else { Spot::OurReceiver };
    let host = place.host(spot).ok_or("there is one host only")?;
    host.narrow(BITS, QUEUE);
    let (mut receiver, sender) = if we_send {
        let mut sender = ours.sender(&task);
        sender.command.arg("--fair");
        (programs.receiver(&task, &out, true).start(logs)?, sender)
    } else {
        let mut sender = programs.sender(&task, true);
        sender.command.arg("cc=1");
        (ours.receiver(&task, &out).start(logs)?, sender)
    };
    let mut sender = sender.start(logs)?;
    let course = watch(host, || receiver.events().iter().any(|line| line["event"] == "done"));
    receiver.wait_until_done(Duration::ZERO)?;
    receiver.let_go();
    // The NRL sender may not hear the acknowledgment in its own time; what counts is here.
    let _ = sender.finish(PATIENCE)?;
    content.check(case.kind, &out)?;
    Ok((part(&course, FOUND), part(&course, 0.0)))
}

/// Bytes that have come to a host, again and again until `done`.
fn watch(host: &Host, mut done: impl FnMut() -> bool) -> Vec<(Instant, u64)> {
    let mut course = vec![(Instant::now(), host.bytes_received())];
    let end = Instant::now() + PATIENCE;
    while !done() && Instant::now() < end {
        thread::sleep(LOOK);
        course.push((Instant::now(), host.bytes_received()));
    }
    course
}

/// The part of the bottleneck that was used since this part of all bytes had come.
fn part(course: &[(Instant, u64)], since: f64) -> f64 {
    let (Some(&(_, first)), Some(&(end, all))) = (course.first(), course.last()) else {
        return 0.0;
    };
    let from = first + ((all - first) as f64 * since) as u64;
    let begin = course.iter().find(|(_, bytes)| *bytes >= from);
    let Some(&(at, bytes)) = begin else { return 0.0 };
    (all - bytes) as f64 * 8.0 / (end - at).as_secs_f64() / f64::from(BITS)
}

#[test]
fn bottleneck_is_used_in_both_directions() {
    if !crate::is_wanted("a_bottleneck_is_used_in_both_directions") {
        return;
    }
    if cfg!(debug_assertions) {
        say(format_args!("a_bottleneck_is_used_in_both_directions skipped: add --release"));
        return;
    }
    let _slot = Slot::all();
    let results = [Pairing::OursToNrl, Pairing::NrlToOurs].map(|pairing| {
        let (later, all) = used(pairing).unwrap_or_else(|why| panic!("{pairing:?}: {why}"));
        say(format_args!("{pairing:?}: {later:.3} of the bottleneck, {all:.3} from the start"));
        later
    });
    assert!(results.iter().all(|&later| later >= USED), "{results:?} of the bottleneck");
}
