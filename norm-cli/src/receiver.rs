//! `norm-recv`: one run, from the command line to the exit code.

mod fill;
mod find;
mod other_key;
pub(crate) mod preview;
mod words;

use std::ffi::OsString;

use norm_net::io::error::NetError;
use norm_net::io::interface::choose;
use norm_net::{
    Feedback, Hint, NoEvent, ReceiveError, ReceiveEvent, ReceiveOptions, ReceiveOutcome,
    ReceiveReport, ReceiveSettings, Receiving, StateFolders, Writes,
};

use crate::address::{self, Patience};
use crate::args::{self, RecvArgs};
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::json::{ReceiverEvent, Settings, Summary};
use crate::keys::{Given, Protection};
use crate::output::{self, Output};
use crate::report::{Destination, Report};
use crate::sandbox::{self, Allowed};
use crate::sender::{POLL_INTERVAL, net_code};
use crate::{explain, group, settings, text};

pub(crate) use find::unique;
use words::{leftover_notes, note, set_line, standing, verdict};

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
        let given = Given::read_own(&args.keys, &args.identities)?;
        if !args.fill.fill.is_empty() {
            return fill::run(&args, &given, &destination);
        }
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
    let may_begin_later = args.continuous || args.find.session.is_some();
    if !args.directory.is_dir() && !may_begin_later && !begins() {
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
        o.files.accept_older = args.files.accept_older;
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
    let result = result.map_err(|failure| protection.explain(failure, &report.security));
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
    output.report_written(&written, result.is_err());
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
    let is_mute = is_mute(receiving.settings());
    // Since a transfer became complete.
    let mut idle_polls = None;
    loop {
        let event = receiving.events().recv_timeout(POLL_INTERVAL);
        let stopping = match is_mute {
            true => "saving what can be resumed",
            false => "notifying the sender, and saving what can be resumed",
        };
        output.watch(interrupt, Some(stopping));
        match event {
            Ok(event) => {
                show(&event, output);
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

fn show(event: &ReceiveEvent, output: &mut Output) {
    if let ReceiveEvent::DryRun { preview, .. } = event {
        output.clear();
        return preview::show(event, preview, output);
    }
    output.event(event);
    match event {
        ReceiveEvent::Progress(progress) => output.progress(&standing(progress)),
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

/// True of a receiver that sends nothing.
fn is_mute(settings: &ReceiveSettings) -> bool {
    settings.flute.is_some() || settings.feedback == Feedback::None
}

fn code(report: &ReceiveReport) -> Code {
    match &report.outcome {
        ReceiveOutcome::Complete => Code::Success,
        ReceiveOutcome::Partial => Code::Partial,
        ReceiveOutcome::Nothing => Code::AllFailed,
        ReceiveOutcome::NoSender => {
            other_key::why(&report.security).map_or(Code::NotHeard, |(code, _)| code)
        }
        ReceiveOutcome::VerifyFailed => Code::Verification,
        ReceiveOutcome::Evicted => Code::Evicted,
        ReceiveOutcome::LeftOut => Code::LeftOut,
        ReceiveOutcome::LocalError { .. } => Code::LocalIo,
        ReceiveOutcome::Refused { .. } => Code::Expired,
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
