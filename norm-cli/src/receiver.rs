//! `norm-recv`: one run, from the command line to the exit code.

mod find;
mod other_key;
pub(crate) mod preview;

use std::ffi::OsString;

use norm_net::event::ResumeData;
use norm_net::io::error::NetError;
use norm_net::io::interface::{Zoned, choose};
use norm_net::{
    Hint, NoEvent, NotSent, ReceiveError, ReceiveEvent, ReceiveOptions, ReceiveOutcome,
    ReceiveProgress, ReceiveReport, ReceiveSettings, Receiving, SetReport, StateFolders, Writes,
};

use crate::address::{self, Patience};
use crate::args::{self, RecvArgs};
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::json::{ReceiverEvent, Settings, Summary};
use crate::keys::{Given, Protection, Side};
use crate::output::{self, Output};
use crate::progress::{Part, Standing};
use crate::report::{Destination, Report};
use crate::sandbox::{self, Allowed};
use crate::sender::{POLL_INTERVAL, net_code};
use crate::{explain, group, settings, text};

pub(crate) use find::unique;

/// Polls without an event after a complete transfer, before a note says what is waited for.
const POLLS_BEFORE_NOTE: u32 = 10;

/// Runs `norm-recv` with this command line.
///
/// # Errors
///
/// What ends the run without success, as one line and an exit code.
pub fn run(command_line: impl IntoIterator<Item = OsString>) -> Result<Code, Failure> {
    let Some(args) = args::read::<RecvArgs>(command_line)? else { return Ok(Code::Success) };
    output::with_error_event(args.common.json, || {
        let destination = Destination::begin(args.common.report.as_deref())?;
        args.check()?;
        args.check_directory()?;
        let given = Given::read(&args.keys, Side::Receiver)?;
        confine(&args, &destination)?;
        let interrupt = Interrupt::install()?;
        let args = find::resolve(args)?;
        args.check_rules()?;
        let protection = given.protect(args.session().group)?;
        transfer(&args, &interrupt, &destination, &protection)
    })
}

/// Has the system keep this process from writing elsewhere. What must be there for that is made
/// now, but for a session that cannot be.
fn confine(args: &RecvArgs, destination: &Destination) -> Result<(), Failure> {
    let session = args.session();
    let begins = || choose(session.interface().as_ref(), session.group.ip()).is_ok();
    if !args.directory.is_dir() && !args.continuous && !begins() {
        return Ok(());
    }
    let writes = Writes::of_receiver(&options(args, &args.common.state()?));
    let writes = writes.map_err(|error| failure(&error))?;
    let mut allowed = Allowed { writes, ..Allowed::default() };
    destination.allow(&mut allowed);
    sandbox::confine(&allowed);
    Ok(())
}

/// The options of a session.
fn options(args: &RecvArgs, state: &StateFolders) -> ReceiveOptions {
    let session = args.session();
    ReceiveOptions::new(session.group, &args.directory).with(|o| {
        o.interface = session.interface();
        o.source = args.source;
        o.sender_name.clone_from(&args.sender_name);
        o.feedback = args.feedback();
        o.flute = args.flute.value();
        o.memory = args.common.memory;
        o.node = session.node_id.map(norm_net::NodeId);
        o.ttl = session.ttl;
        o.dscp = args.network.dscp.unwrap_or_default();
        o.timeout = args.timeout;
        o.continuous = args.continuous;
        o.overwrite = args.files.overwrite;
        o.files.backup_dir.clone_from(&args.files.backup_dir);
        o.files.delete = args.files.delete;
        o.files.only.clone_from(&args.files.only);
        o.files.expect = args.files.expect;
        o.files.state = state.clone();
        o.files.dry_run = args.files.dry_run;
        o.files.preserve = args.files.preserve.value();
        o.files.allow_sparse = args.files.allow_sparse;
        o.resume = !args.files.no_resume;
        if let Some(name) = &args.name {
            o.name.clone_from(name);
        }
        o.demo.drop_percent = args.drop;
    })
}

fn transfer(
    args: &RecvArgs,
    interrupt: &Interrupt,
    destination: &Destination,
    protection: &Protection,
) -> Result<Code, Failure> {
    let mut output = Output::new(args.common.json);
    let receiving = begin(args, &mut output, protection)?;
    let stopper = receiving.stopper();
    interrupt.stops(move || stopper.stop());
    let settings = receiving.settings().clone();
    let told = Settings::new("norm-recv", protection.known, &settings);
    announce(told, &settings, &mut output, protection);
    let mut report = follow(receiving, &mut output, interrupt, args.continuous)?;
    output.clear();
    if args.continuous && interrupt.requested() {
        // Such a run has no end of its own: it was stopped, whatever is complete.
        report.outcome = ReceiveOutcome::Stopped;
    }
    let is_service = args.continuous && interrupt.code(Code::Interrupted) == Code::Terminated;
    let served = is_service && report.idle;
    let result = result(&settings, &report, interrupt, served);
    conclude(&mut output, destination, told, &report, result)
}

/// What is told at the end. A service that has `served` until it was stopped is no failure.
fn result(
    settings: &ReceiveSettings,
    report: &ReceiveReport,
    interrupt: &Interrupt,
    served: bool,
) -> Result<String, Failure> {
    match verdict(settings, report) {
        Err(stopped) if served => Ok(format!("{}; nothing was under way", stopped.message)),
        result => result.map_err(|failure| interrupt.name(failure)),
    }
}

/// Begins the session. A service waits until there is an address to listen on.
fn begin(
    args: &RecvArgs,
    output: &mut Output,
    protection: &Protection,
) -> Result<Receiving, Failure> {
    let mut options = options(args, &args.common.state()?);
    options.seal.clone_from(&protection.seal);
    let start = || norm_net::receive(&options);
    let begun = if args.continuous {
        let patience = Patience { for_interfaces: true, limit: None };
        address::begin(output, patience, net_error, start)
    } else {
        start()
    };
    begun.map_err(|error| failure(&error))
}

fn net_error(error: &ReceiveError) -> Option<&NetError> {
    if let ReceiveError::Net(error) = error { Some(error) } else { None }
}

/// Prints and writes the results.
fn conclude(
    output: &mut Output,
    destination: &Destination,
    settings: Settings<&ReceiveSettings>,
    report: &ReceiveReport,
    result: Result<String, Failure>,
) -> Result<Code, Failure> {
    if report.kernel_drops > 0 {
        output.hint(&Hint::KernelDrops { packets: report.kernel_drops });
    }
    let code = result.as_ref().map_or_else(|failure| failure.code, |_| Code::Success);
    let summary = Summary::new(report, code);
    output.event(&ReceiverEvent::Summary(summary));
    let written = destination.write(&Report::new("norm-recv", settings, &summary));
    if let (Err(_), Err(error)) = (&result, &written) {
        output.report_failed(error);
    }
    output.results([result?]);
    written?;
    Ok(Code::Success)
}

fn announce(
    told: Settings<&ReceiveSettings>,
    settings: &ReceiveSettings,
    output: &mut Output,
    protection: &Protection,
) {
    output.event(&ReceiverEvent::Settings(told));
    output.say(&settings::receiver_line(settings));
    protection.line.iter().for_each(|line| output.say(line));
    for hint in &settings.hints {
        output.hint(hint);
    }
    if let Some(hint) = group::hint_if_foreign(settings.group) {
        output.hint(&hint);
    }
}

/// Shows what happens until the session is over.
fn follow(
    receiving: Receiving,
    output: &mut Output,
    interrupt: &Interrupt,
    continuous: bool,
) -> Result<ReceiveReport, Failure> {
    let one_way = receiving.settings().flute.is_some();
    // Since a transfer became complete.
    let mut idle_polls = None;
    loop {
        let event = receiving.events().recv_timeout(POLL_INTERVAL);
        let stopping = match one_way {
            true => "saving what can be resumed",
            false => "notifying the sender, and saving what can be resumed",
        };
        output.watch(interrupt, Some(stopping));
        match event {
            Ok(event) => {
                show(&event, output, one_way);
                idle_polls = matches!(event, ReceiveEvent::SetComplete(_)).then_some(0);
            }
            Err(NoEvent::NotYet) => {
                idle_polls = idle_polls.map(|polls| polls + 1);
                let waits = idle_polls == Some(POLLS_BEFORE_NOTE);
                if waits && !continuous && !interrupt.requested() {
                    output.say("waiting for the sender to acknowledge; press Ctrl-C to exit now");
                }
            }
            Err(NoEvent::Over) => break,
        }
    }
    receiving.wait().map_err(|error| failure(&error))
}

fn show(event: &ReceiveEvent, output: &mut Output, one_way: bool) {
    if let ReceiveEvent::DryRun { preview, .. } = event {
        output.clear();
        return preview::show(event, preview, output);
    }
    output.event(event);
    match event {
        ReceiveEvent::Progress(progress) => output.progress(&standing(progress, one_way)),
        ReceiveEvent::SetComplete(report) => {
            output.clear();
            output.results([set_line(report)]);
        }
        ReceiveEvent::ResumeDataFound { sets, removed } => {
            for note in leftover_notes(sets, *removed) {
                output.say(&note);
            }
        }
        event => {
            if let Some(note) = note(event) {
                output.say(&note);
            }
        }
    }
}

/// What is said of an event.
fn note(event: &ReceiveEvent) -> Option<String> {
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
fn leftover_notes(kept: &[ResumeData], removed: usize) -> Vec<String> {
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

fn standing(progress: &ReceiveProgress, one_way: bool) -> Standing {
    // One way nearly all of it waits until the end.
    let waiting = if one_way { progress.bytes_waiting } else { 0 };
    let mut details = vec![Part::fixed(format!("loss {}", text::share(progress.loss)))];
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
        // What waits may be more than is missing: coded symbols are among it.
        done: progress.bytes_total.min(progress.bytes_done + waiting),
        total: progress.bytes_total,
        details,
        ..Standing::default()
    }
}

/// A complete transfer, in words and numbers.
fn set_line(report: &SetReport) -> String {
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
fn verdict(settings: &ReceiveSettings, report: &ReceiveReport) -> Result<String, Failure> {
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
        ReceiveOutcome::NoSender => {
            other_key::message(&report.security).unwrap_or_else(|| no_sender(settings))
        }
        ReceiveOutcome::VerifyFailed => {
            format!("verification failed{reason}; have the files sent again")
        }
        ReceiveOutcome::Evicted => format!("incomplete{reason}"),
        ReceiveOutcome::LocalError { problem } => explain::problem(problem),
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
        match settings.flute {
            // Nothing can be asked for.
            Some(_) => String::new(),
            None => format!(", {} sent", text::count(report.nacks, "repair request")),
        },
        already_present(report.sets.iter().map(|set| set.present).sum()),
    )
}

/// Why no sender may have been heard.
fn no_sender(settings: &ReceiveSettings) -> String {
    let (group, shown) = (settings.group, Zoned(settings.group));
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

fn code(report: &ReceiveReport) -> Code {
    match &report.outcome {
        ReceiveOutcome::Complete => Code::Success,
        ReceiveOutcome::Partial => Code::Partial,
        ReceiveOutcome::Nothing => Code::AllFailed,
        ReceiveOutcome::NoSender if other_key::message(&report.security).is_some() => Code::Key,
        ReceiveOutcome::NoSender => Code::NotHeard,
        ReceiveOutcome::VerifyFailed => Code::Verification,
        ReceiveOutcome::Evicted => Code::Evicted,
        ReceiveOutcome::LocalError { .. } => Code::LocalIo,
        _ => Code::Interrupted,
    }
}

fn failure(error: &ReceiveError) -> Failure {
    let code = match error {
        ReceiveError::Config(_) => Code::Usage,
        ReceiveError::Directory { .. } | ReceiveError::BackupDirectory { .. } => Code::LocalIo,
        ReceiveError::Net(error) => net_code(error),
        _ => Code::Network,
    };
    let message = match error {
        ReceiveError::Directory { path, error } => {
            format!("cannot write to DIR {}: {error}; use another directory", text::path(path))
        }
        other => explain::receive_error(other),
    };
    Failure::new(code, message)
}

#[cfg(test)]
mod tests {
    use norm_net::event::{SenderId, SetId};
    use norm_net::io::interface::Interface;
    use norm_net::{Problem, SetFailure};

    use super::*;

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
