//! `norm-send`: one run, from the command line to the exit code.

mod choice;
mod dry_run;
mod left_out;
mod names;
mod words;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use norm_net::announce::SessionDescription;
use norm_net::event::MemberState;
use norm_net::io::error::NetError;
use norm_net::io::interface::Zoned;
use norm_net::{
    Announce, NoEvent, NodeId, PatternError, ReceiverInfo, ReceiverReport, ScanError, SendError,
    SendEvent, SendOptions, SendOutcome, SendReport, SendSettings, Sending, SlowCause,
    StateFolders, WithdrawnFile, Writes,
};

use crate::address::{self, Patience};
use crate::args::{self, SendArgs, SlowChoice};
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::json::{SenderEvent, Settings, Summary};
use crate::keys::{Given, Protection, Side};
use crate::output::{self, Output};
use crate::report::{Destination, Report};
use crate::sandbox::{self, Allowed};
use crate::{demo, described, explain, schedule, settings, text};

use names::ReceiverNames;
use words::{receiver_table, standing, verdict};

/// Time to wait for an event before Ctrl-C is looked for again.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Limit of the receivers with a note.
const MAX_LISTED: usize = 20;
/// Packets that a receiver must drop before the user hears of it.
const MIN_DROPS: u32 = 100;

/// Runs `norm-send` with this command line.
///
/// # Errors
///
/// What ends the run without success, as one line and an exit code.
pub fn run(command_line: impl IntoIterator<Item = OsString>) -> Result<Code, Failure> {
    let Some(args) = args::read::<SendArgs>(command_line)? else { return Ok(Code::Success) };
    output::with_error_event(args.common.json, || {
        let destination = Destination::begin(args.common.report.as_deref())?;
        args.check()?;
        let given = given(&args)?;
        if args.demo.is_none() {
            confine(&args, &destination)?;
        }
        let interrupt = Interrupt::install()?;
        match args.demo {
            Some(receivers) => demo::run(&args, receivers, &interrupt, &destination),
            None if args.choice.dry_run => dry_run::run(&args),
            None => {
                let protection = given.protect(args.session().group)?;
                transfer(&args, &interrupt, &destination, &protection)
            }
        }
    })
}

/// What seals the session. A demo stays on this machine, and a dry run sends nothing.
fn given(args: &SendArgs) -> Result<Given, Failure> {
    if args.demo.is_some() || args.choice.dry_run {
        return Ok(Given::Nothing { insecure: true });
    }
    Given::read(&args.keys, Side::Sender)
}

/// Has the system keep this process from writing to anything but what is its own.
fn confine(args: &SendArgs, destination: &Destination) -> Result<(), Failure> {
    let state = if args.choice.dry_run { StateFolders::none() } else { state(args)? };
    let writes = Writes::of_sender(&options(args, state));
    let mut allowed = Allowed { writes, ..Allowed::default() };
    allowed.writes.files.extend(args.announce.sdp.clone());
    destination.allow(&mut allowed);
    sandbox::confine(&allowed);
    Ok(())
}

/// Where hashes are kept, if they are.
fn state(args: &SendArgs) -> Result<StateFolders, Failure> {
    let state = args.common.state()?;
    Ok(if args.no_hash_cache { state.without_hashes() } else { state })
}

/// The options of a transfer.
fn options(args: &SendArgs, state: StateFolders) -> SendOptions {
    let session = args.session();
    let default = SendOptions::new(session.group);
    let standard = args.code.compat();
    standard.map_or(default.clone(), |standard| default.in_standard_mode(standard)).with(|o| {
        o.interface = session.interface();
        o.pace = args.pace();
        o.slow = args.slow();
        o.rate.schedule = args.rate.schedule();
        o.rate.trace = args.rate.trace_rate.clone();
        o.ttl = session.ttl;
        o.dscp = args.dscp();
        o.mtu = args.mtu;
        o.min_mtu = args.min_mtu;
        o.fec = args.code.set_fec();
        o.flute = args.flute.value();
        o.memory = args.common.memory;
        o.node = session.node_id.map(NodeId);
        o.min_receivers = args.receivers.min_receivers as usize;
        o.start.timeout = args.receivers.start_timeout;
        o.start.max_wait = args.receivers.max_wait;
        o.start.linger = args.receivers.linger;
        o.content.payload = args.unasked();
        o.content.hash_first = args.hashes_first();
        o.content.state = state;
        o.announce = args.announce.name(&args.paths).map(Announce::new);
        if let Some(name) = &args.name {
            o.name.clone_from(name);
        }
    })
}

fn transfer(
    args: &SendArgs,
    interrupt: &Interrupt,
    destination: &Destination,
    protection: &Protection,
) -> Result<Code, Failure> {
    let mut output = Output::new(args.common.json);
    let sending = begin(args, &mut output, protection)?;
    let (leaver, stopper) = (sending.stopper(), sending.stopper());
    interrupt.leaves(move || leaver.leave(), move || stopper.stop());
    let settings = sending.settings().clone();
    let told = Settings::new("norm-send", protection.known, &settings);
    announce(told, &settings, &mut output);
    protection.line.iter().for_each(|line| output.say(line));
    let labels = Labels::new(&args.paths, args.slow.policy).in_passes(settings.passes.is_some());
    tell_of(args, sending.description(), &output)?;
    let report = follow(sending, &mut output, interrupt, &labels)?;
    output.clear();
    conclude((&mut output, interrupt), destination, (told, &settings), &report)
}

/// Writes the description of the session, and says that it is announced.
fn tell_of(
    args: &SendArgs,
    description: &SessionDescription,
    output: &Output,
) -> Result<(), Failure> {
    if let Some(path) = &args.announce.sdp {
        let name = args.announce.described_name(&args.paths);
        described::write(path, &SessionDescription { name, ..description.clone() })?;
    }
    if args.announce.announce.is_some() {
        output.say(&format!(
            "announced as '{}': norm-recv --session finds it",
            text::plain(&description.name)
        ));
    }
    Ok(())
}

/// Begins the session. An interface that was named, and has no address yet, is waited for; a
/// session that waits for receivers waits for any.
fn begin(
    args: &SendArgs,
    output: &mut Output,
    protection: &Protection,
) -> Result<Sending, Failure> {
    let receivers = &args.receivers;
    let for_interfaces = receivers.min_receivers > 0;
    let patience = Patience { for_interfaces, limit: receivers.start_timeout };
    let selection = choice::selection(args)?;
    let mut options = options(args, state(args)?);
    options.seal.clone_from(&protection.seal);
    let start = || norm_net::send(&selection, &options);
    address::begin(output, patience, net_error, start).map_err(|error| failure(&error))
}

fn net_error(error: &SendError) -> Option<&NetError> {
    if let SendError::Net(error) = error { Some(error) } else { None }
}

/// Prints and writes the results.
fn conclude(
    (output, interrupt): (&mut Output, &Interrupt),
    destination: &Destination,
    (told, settings): (Settings<&SendSettings>, &SendSettings),
    report: &SendReport,
) -> Result<Code, Failure> {
    let result = verdict(settings, report).map_err(|failure| interrupt.name(failure));
    let code = result.as_ref().map_or_else(|failure| failure.code, |_| Code::Success);
    let summary = Summary::new(report, code);
    output.event(&SenderEvent::Summary(summary));
    output.results(receiver_table(report).lines());
    let written = destination.write(&Report::new("norm-send", told, &summary));
    output.report_written(&written, result.is_err());
    let content = report.content.map(|content| format!("content hash {content}"));
    output.results(content.into_iter().chain([result?]));
    written?;
    if let Some(note) = left_out::note(&settings.left_out) {
        output.say(&note);
    }
    Ok(Code::Success)
}

/// Words of the progress line that depend on the command line.
pub(crate) struct Labels {
    /// What is sent.
    content: String,
    /// What has become of slow receivers.
    slow: &'static str,
    /// Slow receivers are waited for.
    waits: bool,
    /// Everything is sent in passes, and receivers may not answer.
    in_passes: bool,
}

impl Labels {
    /// For these paths, and this policy for slow receivers.
    pub(crate) fn new(paths: &[PathBuf], policy: SlowChoice) -> Self {
        let slow = if policy == SlowChoice::Separate { "in separate group" } else { "evicted" };
        Self {
            content: content_name(paths),
            slow,
            waits: policy == SlowChoice::Wait,
            in_passes: false,
        }
    }

    /// The same for content that is sent in passes, or not.
    pub(crate) fn in_passes(self, in_passes: bool) -> Self {
        Self { in_passes, ..self }
    }
}

/// The name of what is sent, for the progress line: `image.iso`, `photos and 2 more`.
fn content_name(paths: &[PathBuf]) -> String {
    let Some(first) = paths.first() else { return "a list of files".to_owned() };
    let name = text::os_text(first.file_name().unwrap_or(first.as_os_str()));
    match paths.len() - 1 {
        0 => text::plain(&name).into_owned(),
        more => format!("{} and {more} more", text::plain(&name)),
    }
}

/// Says what the session was set up with.
pub(crate) fn announce(
    told: Settings<&SendSettings>,
    settings: &SendSettings,
    output: &mut Output,
) {
    output.event(&SenderEvent::Settings(told));
    output.say(&settings::sender_line(settings));
    for line in left_out::lines(&settings.left_out) {
        output.say(&line);
    }
    for hint in &settings.hints {
        output.hint(hint);
    }
}

/// Shows what happens until the session is over. Receivers in the report are sorted by name.
pub(crate) fn follow(
    sending: Sending,
    output: &mut Output,
    interrupt: &Interrupt,
    labels: &Labels,
) -> Result<SendReport, Failure> {
    let mut notes = Notes {
        labels,
        receivers: 0,
        count: 0,
        names: ReceiverNames::default(),
        dropping: BTreeSet::new(),
        writing: BTreeSet::new(),
        withdrawn: 0,
    };
    loop {
        let event = sending.events().recv_timeout(POLL_INTERVAL);
        output.watch(interrupt, interrupt.is_last().then_some("notifying the receivers"));
        match event {
            Ok(event) => notes.show(&event, output),
            Err(NoEvent::NotYet) => {}
            Err(NoEvent::Over) => break,
        }
    }
    let mut report = sending.wait().map_err(|error| failure(&error))?;
    sort_by_name(&mut report.receivers);
    Ok(report)
}

fn sort_by_name(receivers: &mut [ReceiverReport]) {
    receivers.sort_by(|a, b| {
        (&a.receiver.name, a.receiver.node).cmp(&(&b.receiver.name, b.receiver.node))
    });
}

/// What has been shown.
struct Notes<'a> {
    labels: &'a Labels,
    receivers: usize,
    count: usize,
    names: ReceiverNames,
    /// Receivers for which a note said that they drop packets.
    dropping: BTreeSet<NodeId>,
    /// Receivers for which a note said that their disk is the limit.
    writing: BTreeSet<NodeId>,
    /// Files that were withdrawn.
    withdrawn: usize,
}

impl Notes<'_> {
    fn show(&mut self, event: &SendEvent, output: &mut Output) {
        output.event(event);
        match event {
            SendEvent::Progress(progress) => {
                self.receivers = progress.receivers;
                output.progress(&standing(progress, self.labels));
            }
            &SendEvent::Hashing { elapsed, bytes_done, bytes_total } => {
                output.progress(&words::hashing(elapsed, bytes_done, bytes_total, self.labels));
            }
            SendEvent::ReceiverFound { receiver } => {
                let name = self.names.name(receiver);
                self.note(output, &format!("receiver {name} joined"));
            }
            SendEvent::ReceiverConfirmed { receiver } => {
                let name = self.names.name(receiver);
                self.note(output, &format!("receiver {name} complete"));
            }
            SendEvent::ReceiverProgress(progress) => {
                let receiver = &progress.receiver;
                if progress.state == MemberState::Writing {
                    self.slow_disk(receiver, output);
                }
                // A full memory drops, too.
                if progress.drops > MIN_DROPS
                    && !self.writing.contains(&receiver.node)
                    && self.dropping.len() < MAX_LISTED
                    && self.dropping.insert(receiver.node)
                {
                    output.say(&drops_note(&self.names.name(receiver)));
                }
            }
            SendEvent::ReceiverSlow { receiver, cause: SlowCause::Storage, .. } => {
                self.slow_disk(receiver, output);
            }
            SendEvent::FileWithdrawn(file) => {
                self.withdrawn += 1;
                if self.withdrawn <= MAX_LISTED {
                    output.say(&withdrawn_note(file));
                }
            }
            SendEvent::Hint(hint) => output.say_hint(hint),
            event => {
                if let Some(note) = note(event, &mut self.names, self.labels.in_passes) {
                    output.say(&note);
                }
            }
        }
    }

    /// Says once of a receiver that its disk is the limit.
    fn slow_disk(&mut self, receiver: &ReceiverInfo, output: &Output) {
        if self.writing.len() < MAX_LISTED && self.writing.insert(receiver.node) {
            let others = self.receivers > 1;
            output.say(&disk_note(&self.names.name(receiver), others && self.labels.waits));
        }
    }

    /// A note on one receiver; with many of them there is none.
    fn note(&mut self, output: &Output, note: &str) {
        self.count += 1;
        if self.count <= 2 * MAX_LISTED && self.receivers <= MAX_LISTED {
            output.say(note);
        }
    }
}

/// What is always said of an event.
fn note(event: &SendEvent, names: &mut ReceiverNames, in_passes: bool) -> Option<String> {
    Some(match event {
        SendEvent::Started { receivers: 0 } if in_passes => "sending starts".to_owned(),
        SendEvent::Started { receivers } => {
            format!("sending starts; {} joined so far", text::count(*receivers as u64, "receiver"))
        }
        SendEvent::Hashed { content } => format!("content hash {content}"),
        SendEvent::OnRequest { bytes_done, bytes_total, .. } => format!(
            "all receivers have a part of it already ({} of {} at least): sending only the rest; \
             --payload all sends everything",
            text::bytes(*bytes_done),
            text::bytes(*bytes_total)
        ),
        SendEvent::ReceiverFailed { receiver, reason } => {
            format!("receiver {} failed: {reason}", names.name(receiver))
        }
        SendEvent::ReceiverSlow { receiver, cause, loss } => {
            slow_note(&names.name(receiver), *cause, *loss)
        }
        SendEvent::ReceiverEvicted { receiver, separate_group: Some(group) } => {
            let (name, group) = (names.name(receiver), Zoned(*group));
            format!("receiver {name} is slow: it continues in the separate group {group}")
        }
        SendEvent::ReceiverEvicted { receiver, separate_group: None } => {
            let name = names.name(receiver);
            format!("receiver {name} evicted: it is too slow for the others")
        }
        SendEvent::ReceiverLost { receiver } => {
            format!("receiver {} lost: no answer, no longer waiting for it", names.name(receiver))
        }
        SendEvent::PacketSize { packet, receiver: Some(receiver), .. } => format!(
            "packets of {packet} bytes from now on: longer ones do not reach receiver {}, because \
             a link on the way has a smaller MTU",
            receiver.name
        ),
        SendEvent::ReceiverMtuTooSmall { receiver, largest, needed } => {
            words::mtu_too_small(&receiver.name, *largest, *needed)
        }
        SendEvent::RateBound { bound, until } => schedule::change(*bound, *until),
        SendEvent::ContentStopped { receivers, wait } => format!(
            "stopping: {} what they have, and will wait for the rest; press Ctrl-C again within \
             {} s to end them, too",
            match receivers {
                1 => "1 receiver keeps".to_owned(),
                more => format!("{more} receivers keep"),
            },
            wait.as_secs()
        ),
        _ => return None,
    })
}

fn withdrawn_note(file: &WithdrawnFile) -> String {
    format!("withdrawn: {}; the other files go on", file.problem)
}

fn slow_note(name: &str, cause: SlowCause, loss: f64) -> String {
    let why = match cause {
        SlowCause::Loss => format!("it loses {} of the packets", text::share(loss)),
        _ => "its network takes no more".to_owned(),
    };
    format!("receiver {name} slows the others: {why}. {WITHOUT_IT}")
}

/// What helps the others.
const WITHOUT_IT: &str = "--slow separate sends to it apart from them, --slow evict no longer \
                          waits for it";

/// `others` are held back, and wait.
fn disk_note(name: &str, others: bool) -> String {
    if others {
        return format!(
            "receiver {name} slows the others: its disk takes less than arrives. {WITHOUT_IT}"
        );
    }
    format!("the disk of receiver {name} takes less than arrives")
}

fn drops_note(name: &str) -> String {
    format!(
        "receiver {name} drops packets that have reached it: its CPU or disk is too slow for this \
         rate, or its socket buffer too small (sysctl net.core.rmem_max there)"
    )
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
    Failure::new(code, message(error))
}

/// The words for an error; those with paths are put here, as names may not be UTF-8.
fn message(error: &SendError) -> String {
    match error {
        SendError::Scan(ScanError::Unreadable { path, error }) => {
            let path = text::path(path);
            let cure = match error.kind() {
                io::ErrorKind::NotFound => "; check the name",
                io::ErrorKind::PermissionDenied => "; change its permissions, or do not send it",
                _ => "",
            };
            format!("cannot read {path}: {error}{cure}")
        }
        SendError::Scan(ScanError::Name { path, problem }) => {
            format!("cannot send {}: its name {problem}; rename it", text::path(path))
        }
        SendError::Scan(ScanError::Pattern(PatternError { pattern, file, problem, .. })) => {
            let option = match file {
                Some(file) => format!("--exclude-from {}: pattern", text::path(file)),
                None => "--exclude or --include".to_owned(),
            };
            format!(
                "{option} {pattern:?} cannot be used: {problem}; a backslash before a sign takes \
                 its meaning away"
            )
        }
        SendError::Scan(ScanError::NothingLeft) => {
            "nothing is left to send: the directory is empty, or all that is in it is left out, by \
             --exclude or because of its type; --dry-run tells more"
                .to_owned()
        }
        SendError::Scan(ScanError::Outside { path }) => format!(
            "--files-from: {} is not below PATH, or the current directory: write it without \
             \"..\", or give another PATH",
            text::path(path)
        ),
        SendError::Scan(ScanError::Missing { first, count }) => {
            let these = match count {
                1 => format!("{} does not exist", text::path(first)),
                n => format!("{n} files do not exist, {} for one", text::path(first)),
            };
            format!("--files-from: {these}; nothing was sent: make the list anew, or correct it")
        }
        SendError::Scan(ScanError::SameName { name, first, second }) => format!(
            "{} and {} would both arrive as {name}: send them in separate transfers, or send their \
             directories",
            text::path(first),
            text::path(second)
        ),
        SendError::RateTrace { path, error } => format!(
            "the trace of the rate cannot be written to {}: {error}; use another name",
            text::path(path)
        ),
        other => explain::send_error(other),
    }
}

/// A setting that cannot work is the command line's fault, everything else the network's.
pub(crate) fn net_code(error: &NetError) -> Code {
    match error {
        NetError::Config(_) => Code::Usage,
        _ => Code::Network,
    }
}

/// The exit code that follows from how a transfer ended.
pub(crate) fn code(report: &SendReport) -> Code {
    match &report.outcome {
        SendOutcome::Complete | SendOutcome::Partial if report.withdrawn_files > 0 => Code::LocalIo,
        SendOutcome::Sent if report.withdrawn_files > 0 => Code::LocalIo,
        SendOutcome::Complete | SendOutcome::Sent => Code::Success,
        SendOutcome::Partial => Code::Partial,
        SendOutcome::AllFailed => Code::AllFailed,
        SendOutcome::NoReceivers | SendOutcome::StartTimedOut { .. } => Code::NotHeard,
        SendOutcome::Stopped { .. } => Code::Interrupted,
        _ => Code::LocalIo,
    }
}

#[cfg(test)]
mod tests {
    use norm_net::{ReceiverInfo, ReceiverOutcome};

    use super::*;

    #[test]
    fn receivers_are_sorted_by_name_then_node() {
        let receiver = |name: &str, node| {
            let info = ReceiverInfo::new(NodeId(node), name.to_owned());
            ReceiverReport::new(info, ReceiverOutcome::Confirmed)
        };
        let mut receivers = [receiver("lab-2", 1), receiver("lab-1", 3), receiver("lab-1", 2)];
        sort_by_name(&mut receivers);
        assert_eq!(receivers.map(|receiver| receiver.receiver.node.0), [2, 3, 1]);
    }

    #[test]
    fn content_is_named_after_the_first_path() {
        let name =
            |paths: &[&str]| content_name(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(name(&["/srv/image.iso"]), "image.iso");
        assert_eq!(name(&["photos/", "a", "b"]), "photos and 2 more");
        assert_eq!((name(&[".."]), name(&[])), ("..".to_owned(), "a list of files".to_owned()));
    }
}
