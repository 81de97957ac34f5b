//! What `norm-recv` says in words: notes, progress, what was received, the verdict.

use norm_net::event::ResumeData;
use norm_net::io::interface::Zoned;
use norm_net::{
    NotSent, ReceiveEvent, ReceiveOutcome, ReceiveProgress, ReceiveReport, ReceiveSettings,
    SetReport,
};

use super::{code, is_mute, other_key};
use crate::exit::Failure;
use crate::progress::{Part, Standing};
use crate::{explain, group, text};

/// What is said of an event.
pub(super) fn note(event: &ReceiveEvent) -> Option<String> {
    Some(match event {
        ReceiveEvent::SenderFound { address, .. } => {
            format!("sender {} found", Zoned(*address))
        }
        ReceiveEvent::SetFound { bytes, .. } => {
            format!("transfer of {} found", text::bytes(*bytes))
        }
        ReceiveEvent::SetResumed { bytes_done, bytes_total, .. } => {
            resumed_note(*bytes_done, *bytes_total)
        }
        ReceiveEvent::ResumeDataKept { bytes_done, bytes_total, .. } => {
            kept_note(*bytes_done, *bytes_total)
        }
        ReceiveEvent::FilesKnown { files, links, bytes, unwanted, left_out, .. } => {
            let files = text::count(*files, "file") + &links_too(*links);
            let others = not_wanted(*unwanted) + &not_sent(left_out);
            format!("list of files received: {files}, {}{others}", text::bytes(*bytes))
        }
        ReceiveEvent::Verifying { .. } => "all data received; verifying".to_owned(),
        ReceiveEvent::SetFailed(failure) => {
            format!("transfer failed: {}", explain::failure(failure))
        }
        ReceiveEvent::SenderMoved { address, .. } => {
            format!("sender moved: continuing from {address}")
        }
        ReceiveEvent::SenderPaused { .. } => {
            "sender paused (scheduled); waiting for it to resume".to_owned()
        }
        ReceiveEvent::SenderResumed { .. } => "sender resumed".to_owned(),
        ReceiveEvent::SenderStopped { .. } => {
            "sender stopped before the end; keeping what is here, and waiting: run norm-send with \
             the same files again, on any machine, to receive the rest"
                .to_owned()
        }
        ReceiveEvent::SenderSilent { .. } => "sender silent; waiting for it".to_owned(),
        ReceiveEvent::SenderEnded { .. } => "sender ended the session".to_owned(),
        ReceiveEvent::Evicted { separate_group: Some(group), .. } => format!(
            "this receiver is slower than the others: continuing in the separate group {}",
            Zoned(*group)
        ),
        ReceiveEvent::Hint(hint) => format!("hint: {}", explain::hint(hint)),
        ReceiveEvent::FileFailed { path, problem, .. } => {
            format!("not received: {}: {}", text::path(path), explain::problem(problem))
        }
        _ => return None,
    })
}

fn resumed_note(bytes: u64, of: u64) -> String {
    format!("resuming: {} of {} already received", text::bytes(bytes), text::bytes(of))
}

fn kept_note(bytes: u64, of: u64) -> String {
    format!(
        "kept {} of {} to resume: run norm-recv with this directory when the files are sent again",
        text::bytes(bytes),
        text::bytes(of)
    )
}

/// What earlier runs have left.
pub(super) fn leftover_notes(kept: &[ResumeData], removed: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if removed > 0 {
        let removed = text::count(removed as u64, "unfinished transfer");
        notes.push(format!("{removed} removed"));
    }
    let parts: Vec<String> = kept
        .iter()
        .map(|data| {
            format!("{} of {}", text::bytes(data.bytes_done), text::bytes(data.bytes_total))
        })
        .collect();
    if !parts.is_empty() {
        notes.push(format!(
            "{} kept here ({}): resumed when the same files are sent again; --no-resume removes it",
            text::count(parts.len() as u64, "unfinished transfer"),
            parts.join(", ")
        ));
    }
    notes
}

/// Progress as one line.
pub(super) fn standing(progress: &ReceiveProgress) -> Standing {
    let mut details: Vec<Part> = files(progress).into_iter().collect();
    details.push(Part::fixed(format!("loss {}", text::share(progress.loss))));
    let waiting = progress.bytes_waiting;
    if waiting > 0 {
        // Of what waits for the rest of its blocks some may be coded, and more than is missing.
        let left = progress.bytes_total.saturating_sub(progress.bytes_done);
        let likely = waiting.min(left);
        let [written, waiting, unknown] =
            [progress.bytes_done, likely, left - likely].map(text::bytes);
        details.push(Part::new(
            format!("{written} certain, {waiting} likely, {unknown} unknown"),
            format!("{written} certain"),
        ));
    }
    if let Some(passes) = progress.passes_left.filter(|passes| *passes > 0.0) {
        details.push(Part::new(passes_words(passes), format!("{passes:.1} passes")));
    }
    if progress.decoded > 0 {
        let blocks = text::count(progress.decoded, "block");
        details.push(Part::new(
            format!("{blocks} repaired"),
            format!("{} repaired", progress.decoded),
        ));
    }
    if progress.chunks_to_compare > 0 {
        let (done, all) = (progress.chunks_compared, progress.chunks_to_compare);
        details.push(Part::fixed(format!("comparing {done} of {all}")));
    }
    if progress.no_room > 0 {
        details.push(Part::new(
            format!("{} dropped: --memory is full", text::count(progress.no_room, "packet")),
            format!("{} dropped", progress.no_room),
        ));
    }
    Standing {
        elapsed: progress.elapsed,
        // Of a carousel nearly all waits until the end, and may be more than is missing: coded
        // symbols are among it.
        done: progress.bytes_total.min(progress.bytes_done + waiting),
        total: progress.bytes_total,
        details,
        name: progress.file.as_deref().map(text::file_name).unwrap_or_default(),
        ..Standing::default()
    }
}

/// How many files are here, or have their names; of a single one there is nothing to say.
fn files(progress: &ReceiveProgress) -> Option<Part> {
    let total = progress.files_total;
    match progress.files_done? {
        _ if total < 2 => None,
        done if done >= total && progress.files_placed < total => {
            let placed = progress.files_placed;
            let short = format!("{placed}/{total} placed");
            Some(Part::new(format!("{placed} of {total} files placed"), short))
        }
        done => {
            Some(Part::new(format!("{done} of {total} files"), format!("{done}/{total} files")))
        }
    }
}

/// How much more a sender has to send that repeats everything, about.
fn passes_words(passes: f64) -> String {
    match passes {
        ..0.75 => format!("complete after about {:.0} % of a pass", (passes * 100.0).max(1.0)),
        0.75..1.25 => "complete after about one more pass".to_owned(),
        _ => format!("complete after about {passes:.1} more passes"),
    }
}

/// A complete transfer, in words and numbers.
pub(super) fn set_line(report: &SetReport) -> String {
    if report.unchanged {
        return format!(
            "already complete: {} ({}), unchanged since received",
            text::count(report.files, "file"),
            text::bytes(report.bytes)
        );
    }
    let what = match report.paths.as_slice() {
        [only] if report.links == 0 => text::path(only).into_owned(),
        _ => text::count(report.files, "file") + &links_too(report.links),
    };
    format!(
        "received {what} ({}) from {} in {}, {}, loss {}; {}",
        text::bytes(report.bytes),
        report.address.map_or("its sender".to_owned(), |address| Zoned(address).to_string()),
        text::span(report.elapsed),
        text::bit_rate(report.bits_per_second),
        text::share(report.loss),
        if report.is_verified() { "verified" } else { "not verified: the sender has no checksums" },
    ) + &already_present(report.present)
        + &kept_elsewhere(report.backups)
        + &removed(report.removed)
        + &not_wanted(report.unwanted)
        + &withdrawn_too(report.withdrawn_files)
        + &not_sent(&report.left_out)
}

/// How many symbolic links there are, if any.
fn links_too(links: u64) -> String {
    match links {
        0 => String::new(),
        links => format!(", {}", text::count(links, "symbolic link")),
    }
}

/// What the sender could not send, if there is anything.
fn not_sent(left_out: &NotSent) -> String {
    let &NotSent { sockets, fifos, devices, others } = left_out;
    let kinds = [
        (sockets, "socket"),
        (fifos, "named pipe"),
        (devices, "device"),
        (others, "other special file"),
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| text::count(count.into(), noun))
        .collect();
    if kinds.is_empty() { String::new() } else { format!("; not sent: {}", kinds.join(", ")) }
}

/// How much of earlier transfers was removed, if anything was.
fn removed(entries: u64) -> String {
    match entries {
        0 => String::new(),
        1 => "; 1 removed that is no longer sent".to_owned(),
        entries => format!("; {entries} removed that are no longer sent"),
    }
}

/// How many replaced files are kept, if there are any.
fn kept_elsewhere(files: u64) -> String {
    match files {
        0 => String::new(),
        files => format!("; {} kept in the backup directory", text::count(files, "replaced file")),
    }
}

/// How many files were left out, if there are any.
fn not_wanted(files: u64) -> String {
    match files {
        0 => String::new(),
        1 => "; 1 other not wanted (--only)".to_owned(),
        files => format!("; {files} others not wanted (--only)"),
    }
}

/// How many files the sender has withdrawn, if there are any.
fn withdrawn_too(files: u64) -> String {
    match files {
        0 => String::new(),
        files => format!("; {} withdrawn by the sender", text::count(files, "file")),
    }
}

/// How many files did not have to be created, if there are any.
fn already_present(files: u64) -> String {
    match files {
        0 => String::new(),
        files => format!("; {} already present, with the same content", text::count(files, "file")),
    }
}

/// How receiving ended: a sentence for success, else the failure.
pub(super) fn verdict(
    settings: &ReceiveSettings,
    report: &ReceiveReport,
) -> Result<String, Failure> {
    let complete = text::count(report.sets.len() as u64, "transfer");
    let reason = match report.failed.as_slice() {
        [.., failure] => format!(": {}", explain::failure(failure)),
        [] => String::new(),
    };
    let message = match &report.outcome {
        ReceiveOutcome::Complete => return Ok(success(settings, report)),
        ReceiveOutcome::Partial if report.sets.is_empty() => format!("incomplete{reason}"),
        ReceiveOutcome::Partial if report.failed.is_empty() => {
            format!("{complete} received without {}", withdrawn(report))
        }
        ReceiveOutcome::Partial => {
            format!("{complete} complete, {} incomplete{reason}", report.failed.len().max(1))
        }
        ReceiveOutcome::Nothing if !report.failed.is_empty() => format!("nothing received{reason}"),
        ReceiveOutcome::Nothing => format!(
            "a sender was heard on {}, but it sent no transfer: start norm-send again",
            Zoned(settings.group)
        ),
        ReceiveOutcome::NoSender => other_key::message(&report.security)
            .unwrap_or_else(|| no_sender(settings, report.other_tsi)),
        ReceiveOutcome::VerifyFailed => {
            format!("verification failed{reason}; have the files sent again")
        }
        ReceiveOutcome::Evicted => format!("incomplete{reason}"),
        ReceiveOutcome::LeftOut => {
            "the sender has left this machine out: it has gone on to a key that it gives to \
             others only; ask there why"
                .to_owned()
        }
        ReceiveOutcome::LocalError { problem } => explain::problem(problem),
        ReceiveOutcome::Refused { problem } => format!("refused: {}", explain::problem(problem)),
        _ => format!("stopped; {complete} complete"),
    };
    Err(Failure::new(code(report), message))
}

/// The files that senders have withdrawn.
fn withdrawn(report: &ReceiveReport) -> String {
    let files = report.sets.iter().map(|set| set.withdrawn_files).sum();
    let first = report.sets.iter().find_map(|set| set.withdrawn.first());
    let first = first.map(|path| format!(", {} for one", text::path(path))).unwrap_or_default();
    format!(
        "{}{first}: withdrawn by the sender, because they changed, were removed or could not be \
         read while being sent; have them sent again",
        text::count(files, "file")
    )
}

fn success(settings: &ReceiveSettings, report: &ReceiveReport) -> String {
    if report.sets.is_empty() {
        return "dry run: the transfer would be received".to_owned();
    }
    let files: u64 = report.sets.iter().map(|set| set.files).sum();
    format!(
        "complete: {} ({}) in {}{}{}",
        text::count(files, "file"),
        text::bytes(report.bytes),
        text::path(&settings.directory),
        match is_mute(settings) {
            // Nothing can be asked for.
            true => String::new(),
            false => format!(", {} sent", text::count(report.nacks, "repair request")),
        },
        already_present(report.sets.iter().map(|set| set.present).sum()),
    )
}

/// Why no sender may have been heard.
fn no_sender(settings: &ReceiveSettings, other_tsi: Option<u64>) -> String {
    let (group, shown) = (settings.group, Zoned(settings.group));
    let wanted = settings.flute.and_then(|flute| flute.tsi);
    if let Some((wanted, other)) = wanted.zip(other_tsi) {
        return format!(
            "no session with TSI {wanted} heard on {shown}, but one with TSI {other}: give --tsi \
             {other} to receive that"
        );
    }
    let port = group.port();
    if !group::is_multicast(group) {
        return format!(
            "no sender heard on {shown}, which is not a multicast group: check that norm-send is \
             running with --group and an address of this machine, and that the firewall here \
             allows UDP port {port}"
        );
    }
    format!(
        "no sender heard on {shown} via {}: check that norm-send is running with this group and \
         port, with --ttl above 1 if there are routers on the path, and that the firewall here \
         allows UDP port {port} and {}",
        settings.interface.name,
        group::membership(group),
    )
}

#[cfg(test)]
mod tests {
    use norm_net::event::{SenderId, SetId};
    use norm_net::io::interface::Interface;
    use norm_net::{Problem, SetFailure};

    use super::*;
    use crate::exit::Code;

    const SENDER: SenderId = SenderId(0);

    fn settings() -> ReceiveSettings {
        let interface = Interface {
            name: "eth0".to_owned(),
            index: 2,
            v4: None,
            v6: None,
            addresses: Vec::new(),
            loopback: false,
            up: true,
            running: true,
            mtu: None,
        };
        let group = "239.1.2.3:6000".parse().unwrap();
        ReceiveSettings::new(group, interface, group, "in".into())
    }

    #[test]
    fn one_way_it_is_told_what_is_certain_and_what_is_still_to_come() {
        let mut progress = ReceiveProgress::default();
        (progress.bytes_done, progress.bytes_waiting) = (10 << 20, 40 << 20);
        (progress.bytes_total, progress.passes_left) = (100 << 20, Some(0.5));
        let words = |progress: &ReceiveProgress| {
            let standing = standing(progress);
            standing.details.iter().map(Part::full).collect::<Vec<_>>().join("  ")
        };
        let said = words(&progress);
        assert!(said.contains("10 MiB certain, 40 MiB likely, 50 MiB unknown"), "{said}");
        assert!(said.contains("complete after about 50 % of a pass"), "{said}");
        for (passes, expected) in [(1.05, "about one more pass"), (2.04, "about 2.0 more passes")] {
            progress.passes_left = Some(passes);
            let said = words(&progress);
            assert!(said.contains(expected), "{said}");
        }
        progress.passes_left = Some(0.0);
        assert!(!words(&progress).contains("pass"));
    }

    #[test]
    fn progress_names_the_file_and_how_many_are_here_or_placed() {
        let words = |done, placed, total| {
            let mut progress = ReceiveProgress::default();
            progress.file = Some("in/photos/one\u{1b}.jpg".into());
            (progress.files_done, progress.files_placed) = (done, placed);
            progress.files_total = total;
            let standing = standing(&progress);
            assert_eq!(standing.name, "one\\u{1b}.jpg", "safe for a terminal");
            standing.details.iter().map(Part::full).collect::<Vec<_>>().join("  ")
        };
        assert_eq!(words(Some(3), 0, 12), "3 of 12 files  loss 0.0 %");
        assert_eq!(words(Some(12), 5, 12), "5 of 12 files placed  loss 0.0 %");
        assert_eq!(words(Some(12), 12, 12), "12 of 12 files  loss 0.0 %");
        assert_eq!(words(Some(1), 0, 1), "loss 0.0 %", "there is one");
        assert_eq!(words(None, 0, 12), "loss 0.0 %", "they are not counted");
    }

    #[test]
    fn eviction_is_told_by_the_failed_transfer_alone() {
        let evicted = |separate_group| ReceiveEvent::Evicted { sender: SENDER, separate_group };
        assert_eq!(note(&evicted(None)), None);
        let elsewhere = note(&evicted("239.1.2.4:6000".parse().ok())).unwrap();
        assert!(elsewhere.ends_with("in the separate group 239.1.2.4:6000"), "{elsewhere}");
        let failed = SetFailure::of_set(SENDER, SetId([1; 16]), Problem::Evicted);
        let told = note(&ReceiveEvent::SetFailed(failed)).unwrap();
        assert!(told.starts_with("transfer failed: the sender no longer waits"), "{told}");
    }

    #[test]
    fn verdict_on_an_evicted_receiver_says_why_once() {
        let mut report = ReceiveReport::new(ReceiveOutcome::Evicted);
        report.failed = vec![SetFailure::of_set(SENDER, SetId([1; 16]), Problem::Evicted)];
        let failure = verdict(&settings(), &report).unwrap_err();
        assert_eq!(failure.code, Code::Evicted);
        let message = failure.message;
        assert!(message.starts_with("incomplete: the sender no longer waits"), "{message}");
        assert_eq!(message.matches("no longer waits").count(), 1, "{message}");
        assert!(message.contains("receive again when its network or disk is faster"), "{message}");
    }
}
