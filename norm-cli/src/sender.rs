//! `norm-send`: one run, from the command line to the exit code.

mod words;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::time::Duration;

use norm_net::event::ReceiverProgress;
use norm_net::io::error::NetError;
use norm_net::{
    NoEvent, NodeId, ReceiverInfo, ScanError, SendError, SendEvent, SendOptions, SendOutcome,
    SendReport, Sending,
};

use crate::args::{self, SendArgs};
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::json::{SenderEvent, Settings, Summary};
use crate::output::{self, Output};
use crate::report::{self, Report};
use crate::{demo, explain, schedule, settings, text};

pub(crate) use words::{receiver_table, standing, verdict};

/// Events are waited for this long before Ctrl-C is looked for again.
pub(crate) const TURN: Duration = Duration::from_millis(100);
/// Notes about single receivers end at this number: a thousand of them help nobody.
const MOST_NOTES: usize = 20;
/// A receiver that drops more packets than this is worth a word.
const MANY_DROPS: u32 = 100;

/// Runs `norm-send` with this command line.
///
/// # Errors
///
/// What ends the run without success, as one line and an exit code.
pub fn run(command_line: impl IntoIterator<Item = OsString>) -> Result<Code, Failure> {
    let Some(args) = args::read::<SendArgs>(command_line)? else { return Ok(Code::Success) };
    output::told(args.json, || {
        report::begin(args.report.as_deref())?;
        args.check()?;
        let interrupt = Interrupt::install()?;
        match args.demo {
            Some(receivers) => demo::run(&args, receivers, &interrupt),
            None => transfer(&args, &interrupt),
        }
    })
}

fn transfer(args: &SendArgs, interrupt: &Interrupt) -> Result<Code, Failure> {
    let usual = SendOptions::new(args.group);
    let options =
        args.compat().map_or(usual.clone(), |compat| usual.in_standard_mode(compat)).with(|o| {
            o.interface = args.interface.clone();
            o.pace = args.pace();
            o.slow = args.slow();
            o.schedule = args.rate_schedule.clone();
            o.clock = args.clock();
            o.ttl = args.ttl;
            o.dscp = args.dscp();
            o.mtu = args.mtu;
            o.fec = args.code();
            o.memory = args.memory;
            o.node = args.node_id.map(NodeId);
            o.min_receivers = args.min_receivers as usize;
            o.start_timeout = args.start_timeout;
            o.linger = args.linger;
            o.on_request = args.rest;
        });
    let mut output = Output::new(args.json);
    let sending = norm_net::send(&args.paths, &options).map_err(|error| failure(&error))?;
    let stopper = sending.stopper();
    interrupt.stops(move || stopper.stop());
    let settings = sending.settings().clone();
    announce(&sending, &mut output);
    let report = follow(sending, &mut output, interrupt)?;
    output.clear();
    let result = verdict(&settings, &report).map_err(|failure| interrupt.name(failure));
    let code = result.as_ref().map_or_else(|failure| failure.code, |_| Code::Success);
    let summary = Summary::new(&report, code);
    output.event(&SenderEvent::Summary(summary));
    output.results(receiver_table(&report).lines());
    let written = args.report.as_deref().map_or(Ok(()), |path| {
        Report::new("norm-send", Settings::new("norm-send", &settings), &summary).write(path)
    });
    if let (Err(_), Err(error)) = (&result, &written) {
        output.report_failed(error);
    }
    output.results([result?]);
    written?;
    if !settings.skipped.is_empty() {
        let entries = text::count(settings.skipped.len() as u64, "entry");
        output.say(&format!("{entries} of the folders could not be sent: see \"not sent\" above"));
    }
    Ok(Code::Success)
}

/// Tells what the session was set up with.
pub(crate) fn announce(sending: &Sending, output: &mut Output) {
    let settings = sending.settings();
    output.event(&SenderEvent::Settings(Settings::new("norm-send", settings)));
    output.say(&settings::sender_line(settings));
    for skipped in settings.skipped.iter().take(MOST_NOTES) {
        output.say(&format!("not sent: {skipped}"));
    }
    if let Some(more) = settings.skipped.len().checked_sub(MOST_NOTES).filter(|more| *more > 0) {
        output.say(&format!("not sent: {more} more"));
    }
    for hint in &settings.hints {
        output.hint(hint);
    }
}

/// Shows what the session tells until it is over.
pub(crate) fn follow(
    sending: Sending,
    output: &mut Output,
    interrupt: &Interrupt,
) -> Result<SendReport, Failure> {
    let mut state = Wanted { receivers: 0, notes: 0, dropping: BTreeSet::new() };
    loop {
        let event = sending.events().recv_timeout(TURN);
        output.watch(interrupt, "telling the receivers that the session ends");
        match event {
            Ok(event) => state.show(&event, output),
            Err(NoEvent::NotYet) => {}
            Err(NoEvent::Over) => break,
        }
    }
    sending.wait().map_err(|error| failure(&error))
}

/// What has been shown.
struct Wanted {
    receivers: usize,
    notes: usize,
    /// Receivers of which it was told that they drop packets.
    dropping: BTreeSet<NodeId>,
}

impl Wanted {
    fn show(&mut self, event: &SendEvent, output: &mut Output) {
        output.event(event);
        match event {
            SendEvent::Progress(progress) => {
                self.receivers = progress.receivers;
                output.progress(&standing(progress));
            }
            SendEvent::ReceiverFound { receiver } => {
                self.note(output, &format!("{} is here", receiver.name));
            }
            SendEvent::Started { receivers } => {
                output.say(&format!("sending begins; receivers heard so far: {receivers}"));
            }
            SendEvent::ReceiverConfirmed { receiver } => {
                self.note(output, &format!("{} has everything", receiver.name));
            }
            SendEvent::ReceiverFailed { receiver, reason } => {
                output.say(&format!("{} failed: {reason}", receiver.name));
            }
            SendEvent::ReceiverEvicted { receiver, separate_group } => {
                let name = &receiver.name;
                output.say(&match separate_group {
                    Some(group) => {
                        format!("{name} keeps the others slow: it goes on in the separate group, {group}")
                    }
                    None => format!("{name} keeps the others slow and is not waited for any more"),
                });
            }
            SendEvent::ReceiverLost { receiver } => {
                let name = &receiver.name;
                output.say(&format!("{name} has fallen silent and is not waited for any more"));
            }
            SendEvent::RateBound { bound, until } => output.say(&schedule::change(*bound, *until)),
            SendEvent::Hint(hint) => output.say_hint(hint),
            SendEvent::ReceiverProgress(progress) => self.note_drops(output, progress),
            _ => {}
        }
    }

    /// Says once of a receiver that it drops many packets.
    fn note_drops(&mut self, output: &Output, progress: &ReceiverProgress) {
        let ReceiverInfo { node, name, .. } = &progress.receiver;
        let many = progress.drops > MANY_DROPS && self.dropping.len() < MOST_NOTES;
        if many && self.dropping.insert(*node) {
            output.say(&format!(
                "{name} drops packets that have reached it: its processor is too slow for this rate, or \
                 its socket buffer too small (there: sysctl net.core.rmem_max)"
            ));
        }
    }

    fn note(&mut self, output: &Output, note: &str) {
        self.notes += 1;
        if self.notes <= 2 * MOST_NOTES && self.receivers <= MOST_NOTES {
            output.say(note);
        }
    }
}

/// Why a session could not start, or broke.
pub(crate) fn failure(error: &SendError) -> Failure {
    let code = match error {
        SendError::Scan(ScanError::Unreadable { error, .. })
            if error.kind() != io::ErrorKind::NotFound =>
        {
            Code::LocalIo
        }
        SendError::Net(error) => net_code(error),
        SendError::Io(_) => Code::Network,
        _ => Code::Usage,
    };
    Failure::new(code, explain::send_error(error))
}

/// A setting that cannot work is the command line's fault, everything else the network's.
pub(crate) fn net_code(error: &NetError) -> Code {
    match error {
        NetError::Config(_) => Code::Usage,
        _ => Code::Network,
    }
}

/// The exit code that follows from how a transfer ended.
pub(crate) fn code(outcome: &SendOutcome) -> Code {
    match outcome {
        SendOutcome::Complete => Code::Success,
        SendOutcome::Partial => Code::Partial,
        SendOutcome::AllFailed => Code::AllFailed,
        SendOutcome::NoReceivers | SendOutcome::StartTimedOut { .. } => Code::Nobody,
        SendOutcome::Stopped => Code::Interrupted,
        _ => Code::LocalIo,
    }
}
