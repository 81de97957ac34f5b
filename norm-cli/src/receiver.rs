//! `norm-recv`: one run, from the command line to the exit code.

use std::ffi::OsString;

use norm_net::event::ResumeData;
use norm_net::{
    Hint, NoEvent, ReceiveError, ReceiveEvent, ReceiveOptions, ReceiveOutcome, ReceiveProgress,
    ReceiveReport, ReceiveSettings, Receiving, SetReport,
};

use crate::args::{self, RecvArgs};
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::json::{ReceiverEvent, Settings, Summary};
use crate::output::{self, Output};
use crate::progress::Standing;
use crate::report::{self, Report};
use crate::sender::{TURN, net_code};
use crate::{explain, group, settings, text};

/// Turns without an event after a complete transfer, until the user is told why it goes on.
const TURNS_BEFORE_A_WORD: u32 = 10;

/// Runs `norm-recv` with this command line.
///
/// # Errors
///
/// What ends the run without success, as one line and an exit code.
pub fn run(command_line: impl IntoIterator<Item = OsString>) -> Result<Code, Failure> {
    let Some(args) = args::read::<RecvArgs>(command_line)? else { return Ok(Code::Success) };
    output::told(args.json, || {
        report::begin(args.report.as_deref())?;
        args.check()?;
        args.check_directory()?;
        transfer(&args, &Interrupt::install()?)
    })
}

fn transfer(args: &RecvArgs, interrupt: &Interrupt) -> Result<Code, Failure> {
    let options = ReceiveOptions::new(args.group, &args.directory).with(|o| {
        o.interface = args.interface.clone();
        o.source = args.source;
        o.feedback = args.feedback();
        o.memory = args.memory;
        o.node = args.node_id.map(norm_net::NodeId);
        o.ttl = args.ttl;
        o.dscp = args.dscp.unwrap_or_default();
        o.timeout = args.timeout;
        o.daemon = args.daemon;
        o.overwrite = args.overwrite;
        o.fresh = args.fresh;
        if let Some(name) = &args.name {
            o.name.clone_from(name);
        }
        o.drop_percent = args.drop;
    });
    let mut output = Output::new(args.json);
    let receiving = norm_net::receive(&options).map_err(|error| failure(&error))?;
    let stopper = receiving.stopper();
    interrupt.stops(move || stopper.stop());
    let settings = receiving.settings().clone();
    announce(&settings, &mut output);
    let mut report = follow(receiving, &mut output, interrupt, args.daemon)?;
    output.clear();
    if args.daemon && interrupt.requested() {
        // A daemon is never done: whatever is complete, it was stopped.
        report.outcome = ReceiveOutcome::Stopped;
    }
    if report.kernel_drops > 0 {
        output.hint(&Hint::KernelDrops { packets: report.kernel_drops });
    }
    let result = verdict(&settings, &report).map_err(|failure| interrupt.name(failure));
    let code = result.as_ref().map_or_else(|failure| failure.code, |_| Code::Success);
    let summary = Summary::new(&report, code);
    output.event(&ReceiverEvent::Summary(summary));
    let written = args.report.as_deref().map_or(Ok(()), |path| {
        Report::new("norm-recv", Settings::new("norm-recv", &settings), &summary).write(path)
    });
    if let (Err(_), Err(error)) = (&result, &written) {
        output.report_failed(error);
    }
    output.results([result?]);
    written?;
    Ok(Code::Success)
}

fn announce(settings: &ReceiveSettings, output: &mut Output) {
    output.event(&ReceiverEvent::Settings(Settings::new("norm-recv", settings)));
    output.say(&settings::receiver_line(settings));
    for hint in &settings.hints {
        output.hint(hint);
    }
    if let Some(hint) = group::hint_if_foreign(settings.group) {
        output.hint(&hint);
    }
}

fn follow(
    receiving: Receiving,
    output: &mut Output,
    interrupt: &Interrupt,
    daemon: bool,
) -> Result<ReceiveReport, Failure> {
    let mut idle_turns = None;
    loop {
        let event = receiving.events().recv_timeout(TURN);
        output.watch(interrupt, "telling the sender and putting things in order");
        match event {
            Ok(event) => {
                show(&event, output);
                idle_turns = matches!(event, ReceiveEvent::SetComplete(_)).then_some(0);
            }
            Err(NoEvent::NotYet) => {
                idle_turns = idle_turns.map(|turns| turns + 1);
                if idle_turns == Some(TURNS_BEFORE_A_WORD) && !daemon && !interrupt.requested() {
                    output.say("waiting until the sender knows; Ctrl-C leaves at once");
                }
            }
            Err(NoEvent::Over) => break,
        }
    }
    receiving.wait().map_err(|error| failure(&error))
}

fn show(event: &ReceiveEvent, output: &mut Output) {
    output.event(event);
    match event {
        ReceiveEvent::SenderFound { address, .. } => {
            output.say(&format!("sender {address} is here"));
        }
        ReceiveEvent::SetFound { bytes, .. } => {
            output.say(&format!("a transfer of {} is on its way", text::bytes(*bytes)));
        }
        ReceiveEvent::SetResumed { bytes_done: bytes, bytes_total: of, .. } => output.say(&format!(
            "{} of it are here already, kept from before; only the rest of {} is received",
            text::bytes(*bytes),
            text::bytes(*of)
        )),
        ReceiveEvent::ResumeDataKept { bytes_done: bytes, bytes_total: of, .. } => output.say(&format!(
            "kept {} of {}: when the same files are sent again, norm-recv into the same folder receives only the rest; norm-send --rest sends no more than that",
            text::bytes(*bytes),
            text::bytes(*of)
        )),
        ReceiveEvent::ResumeDataFound { sets, removed } => leftovers(sets, *removed, output),
        ReceiveEvent::FilesKnown { files, bytes, .. } => {
            let files = text::count(*files, "file");
            output.say(&format!("it has {files}, {}", text::bytes(*bytes)));
        }
        ReceiveEvent::Progress(progress) => output.progress(&standing(progress)),
        ReceiveEvent::Verifying { .. } => output.say("everything is here; comparing hashes"),
        ReceiveEvent::SetComplete(report) => {
            output.clear();
            output.results([set_line(report)]);
        }
        ReceiveEvent::SetFailed(failure) => {
            output.say(&format!("transfer failed: {}", explain::failure(failure)));
        }
        ReceiveEvent::SenderPaused { .. } => {
            output.say("the sender pauses, and says that it goes on later; waiting for it");
        }
        ReceiveEvent::SenderResumed { .. } => output.say("the sender goes on"),
        ReceiveEvent::SenderSilent { .. } => output.say("the sender is silent; waiting for it"),
        ReceiveEvent::SenderEnded { .. } => output.say("the sender has ended the session"),
        ReceiveEvent::Evicted { separate_group: Some(group), .. } => output.say(&format!(
            "this receiver takes less than the others: going on in the separate group, {group}"
        )),
        ReceiveEvent::Evicted { separate_group: None, .. } => {
            output.say("this receiver takes less than the others, and the sender waits no longer");
        }
        ReceiveEvent::Hint(hint) => output.say_hint(hint),
        ReceiveEvent::FileFailed { path, problem, .. } => {
            let problem = explain::problem(problem);
            output.say(&format!("not received: {}: {problem}", path.display()));
        }
        _ => {}
    }
}

/// What earlier runs have left.
fn leftovers(kept: &[ResumeData], removed: usize, output: &mut Output) {
    if removed > 0 {
        output.say(&format!("{} removed", text::count(removed as u64, "unfinished transfer")));
    }
    let parts: Vec<String> = kept
        .iter()
        .map(|set| format!("{} of {}", text::bytes(set.bytes_done), text::bytes(set.bytes_total)))
        .collect();
    if !parts.is_empty() {
        output.say(&format!(
            "{} kept here ({}): received to the end when the same files are sent again; --fresh removes \
             what is kept",
            text::count(parts.len() as u64, "unfinished transfer"),
            parts.join(", ")
        ));
    }
}

fn standing(progress: &ReceiveProgress) -> Standing {
    let mut details = format!("loss {}", text::share(progress.loss));
    if progress.decoded > 0 {
        details.push_str(&format!(", {} repaired", text::count(progress.decoded, "block")));
    }
    if progress.no_room > 0 {
        details.push_str(&format!(", {} packets without room", progress.no_room));
    }
    Standing {
        elapsed: progress.elapsed,
        done: progress.bytes_done,
        total: progress.bytes_total,
        details,
    }
}

/// A complete set, in words and numbers.
fn set_line(report: &SetReport) -> String {
    let what = match report.paths.as_slice() {
        [only] => only.display().to_string(),
        _ => text::count(report.files, "file"),
    };
    format!(
        "received {what} ({}) from {} in {}, {}, loss {}; {}",
        text::bytes(report.bytes),
        report.address.map_or("its sender".to_owned(), |address| address.to_string()),
        text::span(report.elapsed),
        text::bit_rate(report.bits_per_second),
        text::share(report.loss),
        if report.is_verified() { "verified" } else { "not verified: the sender has no checksums" },
    ) + &here_already(report.present)
}

/// How many files did not have to be made, if there are any.
fn here_already(files: u64) -> String {
    match files {
        0 => String::new(),
        files => format!("; {} here already, with the same content", text::count(files, "file")),
    }
}

/// How receiving ended: a sentence for success, else the failure.
fn verdict(settings: &ReceiveSettings, report: &ReceiveReport) -> Result<String, Failure> {
    let complete = text::count(report.sets.len() as u64, "transfer");
    let reason = match report.failed.as_slice() {
        [.., failure] => format!(": {}", explain::failure(failure)),
        [] => String::new(),
    };
    let group = settings.group;
    let message = match &report.outcome {
        ReceiveOutcome::Complete => {
            let files: u64 = report.sets.iter().map(|set| set.files).sum();
            let into = settings.directory.display();
            let files = text::count(files, "file");
            let before = report.sets.iter().map(|set| set.present).sum();
            return Ok(format!(
                "complete: {files} ({}) in {into}, {} for repair sent{}",
                text::bytes(report.bytes),
                text::count(report.nacks, "request"),
                here_already(before),
            ));
        }
        ReceiveOutcome::Partial if report.sets.is_empty() => format!("not complete{reason}"),
        ReceiveOutcome::Partial => {
            format!("{complete} complete, {} not{reason}", report.failed.len().max(1))
        }
        ReceiveOutcome::Nothing => {
            format!("a sender was heard on {group}, but it sent no transfer; start it again")
        }
        ReceiveOutcome::NoSender if !group::is_multicast(group) => format!(
            "no sender heard on {group}, which is no multicast group: is norm-send running with -g and an \
             address of this machine, and does the firewall here let UDP port {} through?",
            group.port(),
        ),
        ReceiveOutcome::NoSender => format!(
            "no sender heard on {group} via {}: is norm-send running on this group and port, with \
             -t above 1 if routers are in between, and does the firewall here let UDP port {} and {} \
             through?",
            settings.interface.name,
            group.port(),
            group::membership(group),
        ),
        ReceiveOutcome::VerifyFailed => {
            format!("what arrived is not what was sent{reason}; have it sent again")
        }
        ReceiveOutcome::Evicted => format!("not complete{reason}"),
        ReceiveOutcome::LocalError { problem } => explain::problem(problem),
        _ => format!("stopped; {complete} complete"),
    };
    Err(Failure::new(code(&report.outcome), message))
}

fn code(outcome: &ReceiveOutcome) -> Code {
    match outcome {
        ReceiveOutcome::Complete => Code::Success,
        ReceiveOutcome::Partial => Code::Partial,
        ReceiveOutcome::Nothing => Code::AllFailed,
        ReceiveOutcome::NoSender => Code::Nobody,
        ReceiveOutcome::VerifyFailed => Code::Verification,
        ReceiveOutcome::Evicted => Code::Evicted,
        ReceiveOutcome::LocalError { .. } => Code::LocalIo,
        _ => Code::Interrupted,
    }
}

fn failure(error: &ReceiveError) -> Failure {
    let code = match error {
        ReceiveError::Config(_) => Code::Usage,
        ReceiveError::Directory { .. } => Code::LocalIo,
        ReceiveError::Net(error) => net_code(error),
        _ => Code::Network,
    };
    Failure::new(code, explain::receive_error(error))
}
