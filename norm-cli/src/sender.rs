//! `norm-send`: one run, from the command line to the exit code.

mod choice;
mod dry_run;
mod failure;
mod follow;
mod hash_only;
mod left_out;
mod names;
mod roster;
mod serving;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use norm_net::announce::SessionDescription;
use norm_net::io::error::NetError;
use norm_net::{
    Announce, NodeId, Roster, SendError, SendOptions, SendReport, SendSettings, Sending,
    StateFolders, Writes,
};

use crate::address::{self, Patience};
use crate::args::{self, SendArgs, SlowChoice};
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::json::{SenderEvent, Settings, Summary};
use crate::keys::{Given, Protection, Recipients, Side};
use crate::output::{self, Output};
use crate::report::{Destination, Report};
use crate::sandbox::{self, Allowed};
use crate::{demo, described, settings, text};

pub(crate) use failure::{code, failure, net_code};
pub(crate) use follow::follow;
use serving::Serving;
use words::{receiver_table, verdict};

/// Time to wait for an event before Ctrl-C is looked for again.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(100);
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
        if args.serve.hash_only {
            return hash_only::run(&args, &destination);
        }
        let roster = roster::read(&args.receivers)?;
        let given = given(&args)?;
        serving::check(&args, &given)?;
        if args.demo.is_none() {
            confine(&args, &destination)?;
        }
        let interrupt = Interrupt::install()?;
        if let Given::Recipients(recipients) = &given {
            let recipients = recipients.clone();
            interrupt.reloads(move || recipients.read_again());
        }
        match args.demo {
            Some(receivers) => demo::run(&args, receivers, &interrupt, &destination),
            None if args.choice.dry_run => dry_run::run(&args),
            None => {
                let protection = given.protect(args.session().group)?;
                transfer(&args, &interrupt, &destination, (&protection, roster.as_ref()))
            }
        }
    })
}

/// What seals the session. A demo stays on this machine, and a dry run sends nothing.
fn given(args: &SendArgs) -> Result<Given, Failure> {
    if args.demo.is_some() || args.choice.dry_run {
        return Ok(Given::Nothing { insecure: true });
    }
    match Recipients::read(&args.recipients)? {
        Some(recipients) => Ok(Given::Recipients(recipients)),
        None => Given::read(&args.keys, Side::Sender),
    }
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
        o.min_receivers = args.receivers.min_receivers.unwrap_or(0) as usize;
        o.start.timeout = args.receivers.start_timeout;
        o.start.max_wait = args.receivers.max_wait;
        o.start.linger = args.receivers.linger;
        o.content.payload = args.unasked();
        o.content.hash_first = args.hashes_first();
        o.content.expires = args.expires;
        o.content.state = state;
        if let Some(name) = &args.name {
            o.name.clone_from(name);
        }
    })
}

fn transfer(
    args: &SendArgs,
    interrupt: &Interrupt,
    destination: &Destination,
    (protection, roster): (&Protection, Option<&Roster>),
) -> Result<Code, Failure> {
    let mut output = Output::new(args.common.json);
    let sending = begin(args, &mut output, protection, roster)?;
    let (leaver, stopper) = (sending.stopper(), sending.stopper());
    interrupt.leaves(move || leaver.leave(), move || stopper.stop());
    let settings = sending.settings().clone();
    let told = Settings::new("norm-send", protection.known, &settings);
    announce(told, &settings, &mut output);
    protection.line.iter().for_each(|line| output.say(line));
    if let Some(roster) = roster {
        output.say(&format!("for {} of --receivers", text::count(roster.len() as u64, "receiver")));
    }
    let labels = Labels::new(&args.paths, args.slow.policy).in_passes(settings.passes.is_some());
    tell_of(args, protection.seal.is_some(), sending.description(), &output)?;
    // Whatever it is called in the session.
    let own_name = SendOptions::new(args.session().group).name;
    let mut serving = Serving::begin(args, &settings, &own_name, &mut output)?;
    let report = follow(sending, &mut output, interrupt, &labels, &mut |event, sending| {
        serving.iter_mut().for_each(|serving| serving.note(event, sending));
    })?;
    output.clear();
    let code = conclude((&mut output, interrupt), destination, (told, &settings), &report);
    if let Some(serving) = serving {
        serving.stay(&mut output, interrupt);
    }
    code
}

/// Writes the description of the session, and says that it is announced. That of a sealed one names
/// no files.
fn tell_of(
    args: &SendArgs,
    is_sealed: bool,
    description: &SessionDescription,
    output: &Output,
) -> Result<(), Failure> {
    if let Some(path) = &args.announce.sdp {
        let is_unnamed = args.announce.announce.is_none() && !is_sealed;
        let name = match is_unnamed {
            true => args::name_of(&args.paths),
            false => description.name.clone(),
        };
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
    roster: Option<&Roster>,
) -> Result<Sending, Failure> {
    let receivers = &args.receivers;
    let patience = Patience { for_interfaces: receivers.waits(), limit: receivers.start_timeout };
    let selection = choice::selection(args)?;
    let mut options = roster::expect(options(args, state(args)?), roster, receivers);
    options.seal.clone_from(&protection.seal);
    if options.seal.is_none() && options.content.expires.is_some() {
        let message = "--expires needs a key, with which that is signed: add --key or --phrase";
        return Err(Failure::usage(message));
    }
    // All can read an announcement; names of files are for members only.
    let name = match options.seal.is_some() {
        true => options.name.clone(),
        false => args::name_of(&args.paths),
    };
    options.announce = args.announce.name(&name).map(Announce::new);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_named_after_the_first_path() {
        let name =
            |paths: &[&str]| content_name(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(name(&["/srv/image.iso"]), "image.iso");
        assert_eq!(name(&["photos/", "a", "b"]), "photos and 2 more");
        assert_eq!((name(&[".."]), name(&[])), ("..".to_owned(), "a list of files".to_owned()));
    }
}
