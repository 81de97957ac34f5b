//! Events for scripts: one JSON object per line, told apart by the field `event`.
//!
//! Nearly all of them are events of `norm_net`, serialised as they are; here is what only programs
//! say. `docs/json.md` is generated from all these types, and so is `docs/json.schema.json`.

#[cfg(test)]
mod docs;
mod fill;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, Stdout, Write, stdout};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use norm_net::announce::{Announced, Tsi};
use norm_net::{
    ContentHash, FoundEntry, LeftOut, NodeId, Preview, PreviewEntry, ReceiveReport,
    ReceiveSettings, SendReport, SendSettings,
};
use serde::Serialize;

use crate::exit::Code;
use crate::keys::KnownKey;
use crate::sandbox::{self, Sandbox};
pub use fill::{FillLine, FillResult, FillSetup, FillSource, source_failed};

/// What programs say beside the events of their sessions.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ProgramEvent {
    /// Said once, at the first Ctrl-C (SIGINT), SIGTERM or SIGHUP. The session is then ended
    /// cleanly; the last line follows.
    Interrupted,
    /// The report that `--report` asks for cannot be written, and the run has failed anyway.
    ReportFailed {
        /// Why, in words for people.
        message: String,
    },
    /// Another run has taken the name of `--report` since this one began: the report has another
    /// one.
    ReportElsewhere {
        /// Where the report is.
        path: String,
    },
    /// The last line of a run that ends without success, and was not stopped; after `summary`, if
    /// there is one. Standard error says the same.
    Error {
        /// What the program exits with.
        exit_code: u8,
        /// Why, in words for people.
        message: String,
    },
}

/// What `norm-send` says of a session as a whole.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SenderEvent<'a> {
    /// First, when the sockets are open.
    Settings(Settings<&'a SendSettings>),
    /// Last, when the session is over, however it ended. With a separate group, both together.
    Summary(Summary<&'a SendReport>),
    /// Only with `--serve`, after `settings`: where the files can be fetched once they are hashed.
    Serving {
        /// The address, for `norm-recv --fill`.
        url: String,
    },
    /// Only with `--serve`, when that ends: after `summary`.
    Served {
        /// Bytes of files that went out by HTTP.
        bytes: u64,
        /// Requests, refused ones included.
        requests: u64,
    },
    /// Only with `--hash-only`: the hashes of a file or folder are written.
    HashesWritten {
        /// The file with the hashes.
        path: String,
        /// Names the files with all that is in them.
        content: ContentHash,
        /// Bytes of the files, without those in holes.
        bytes: u64,
    },
    /// Only with `--dry-run`: a file or directory that would be sent.
    WouldSend(WouldSend<'a>),
    /// Only with `--dry-run`, and last: all that would be sent.
    DryRun(DryRun<'a>),
}

/// What `norm-recv` says of a session as a whole.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ReceiverEvent<'a> {
    /// First, when the sockets are open and the folder can be written.
    Settings(Settings<&'a ReceiveSettings>),
    /// Last, when the session is over, however it ended.
    Summary(Summary<&'a ReceiveReport>),
    /// Only with `--dry-run`, before `dry_run`: what would become of a file or directory.
    WouldReceive(WouldReceive<'a>),
}

/// What only `norm-send --demo` says.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum DemoEvent<'a> {
    /// At the end, one for each receiver.
    DemoCopy(&'a DemoCopy),
    /// Last.
    DemoSummary(&'a DemoSummary<'a>),
}

/// What `normctl list` says.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum CtlEvent<'a> {
    /// First: announcements are heard from now on.
    Listening {
        /// The interfaces, with their addresses.
        interfaces: Vec<String>,
        /// For how long, in seconds; by default a second longer if nothing was heard.
        seconds: f64,
    },
    /// A session that is announced, when it is heard; again when something else is said of it.
    Session(HeardSession<'a>),
    /// A session is announced no longer.
    SessionEnded {
        /// Its name.
        name: &'a str,
        /// Multicast group and port.
        group: String,
        /// Address of the host that announced it.
        from: String,
    },
}

/// A session that is announced.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HeardSession<'a> {
    /// Its name; may be empty, and nothing prevents that two have one name.
    name: &'a str,
    /// `NORM` or `FLUTE`.
    protocol: String,
    /// Multicast group and port.
    group: String,
    /// TTL or hop limit of its packets; null when it was not told.
    ttl: Option<u8>,
    /// Addresses of the only senders, where there are such.
    sources: Vec<String>,
    /// Transport session id, with FLUTE only.
    tsi: Option<u64>,
    /// Highest rate in bits per second; null when there is none, or it was not told.
    rate: Option<u64>,
    /// FEC encoding ids in use.
    fec: Vec<u8>,
    /// Files; null when it was not told.
    files: Option<u64>,
    /// Bytes in all files; null when it was not told.
    bytes: Option<u64>,
    /// The key id of a sealed session, in hexadecimal; null of others.
    key_id: Option<String>,
    /// Address of the host that announces it.
    from: String,
}

impl<'a> HeardSession<'a> {
    /// For what was heard.
    pub fn new(session: &'a Announced) -> Self {
        let Announced { description, host } = session;
        Self {
            name: &description.name,
            protocol: description.protocol.to_string(),
            group: description.group.to_string(),
            ttl: description.ttl,
            sources: description.sources.iter().map(ToString::to_string).collect(),
            tsi: description.tsi.map(Tsi::get),
            rate: description.rate,
            fec: description.fec_ids().map(|id| id.0).collect(),
            files: description.content.map(|content| content.files),
            bytes: description.content.map(|content| content.bytes),
            key_id: description.key_id.map(|id| format!("{id:08x}")),
            from: host.to_string(),
        }
    }
}

/// What a session was set up with, and by which program.
#[derive(Copy, Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Program{S}"))]
pub struct Settings<S> {
    /// Name of the program.
    program: &'static str,
    /// Version of the program.
    version: &'static str,
    /// How far the system keeps the program from writing elsewhere than it must.
    sandbox: Sandbox,
    /// The key that packets are sealed with; null without one, when nothing is protected.
    key: Option<KnownKey>,
    #[serde(flatten)]
    settings: S,
}

impl<S> Settings<S> {
    /// The settings of a session of this program, which is this process.
    pub fn new(program: &'static str, key: Option<KnownKey>, settings: S) -> Self {
        Self::with(program, (sandbox::state(), key), settings)
    }

    /// The same of a process that is confined so far.
    pub(crate) fn with(
        program: &'static str,
        (sandbox, key): (Sandbox, Option<KnownKey>),
        settings: S,
    ) -> Self {
        Self { program, version: env!("CARGO_PKG_VERSION"), sandbox, key, settings }
    }
}

/// What came of a session, and what the program makes of it.
#[derive(Copy, Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Program{R}"))]
pub struct Summary<R> {
    /// What the program is about to exit with. It is 4 in place of this, as `error` says, when the
    /// file of `--report` cannot be written.
    exit_code: u8,
    #[serde(flatten)]
    report: R,
}

impl<R> Summary<R> {
    /// A report, and the exit code that follows from it.
    pub fn new(report: R, code: Code) -> Self {
        Self { exit_code: code.number(), report }
    }
}

/// A file or directory that would be sent.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WouldSend<'a> {
    /// Its name, with its directories, as it arrives.
    path: Cow<'a, str>,
    /// It is a directory; else it is a file or link.
    directory: bool,
    /// Where a symbolic link leads; null for all else.
    link: Option<Cow<'a, str>>,
    /// Bytes of a file.
    size: u64,
}

impl<'a> WouldSend<'a> {
    /// For something that was found.
    pub fn new(entry: &'a FoundEntry) -> Self {
        let (directory, size) = (entry.is_directory, entry.size);
        let link = entry.link.as_ref().map(|target| target.to_string_lossy());
        Self { path: entry.path.to_string_lossy(), directory, link, size }
    }
}

/// A file or directory that would be received.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WouldReceive<'a> {
    /// Its name below the output directory.
    path: Cow<'a, str>,
    /// It is a directory; else it is a file or link.
    directory: bool,
    /// Where a symbolic link leads; null for all else.
    link: Option<Cow<'a, str>>,
    /// Bytes of a file; 0 for another name of it.
    size: u64,
    /// What would become of it, as in the fields of `dry_run`.
    change: &'static str,
}

impl<'a> WouldReceive<'a> {
    /// For an entry of a file set.
    pub fn new(entry: &PreviewEntry<'a>) -> Self {
        let (directory, size) = (entry.is_directory, entry.bytes);
        let change = crate::receiver::preview::name(entry.change);
        let link = entry.link.map(OsStr::to_string_lossy);
        Self { path: entry.path.to_string_lossy(), directory, link, size, change }
    }
}

/// What a sender would send.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DryRun<'a> {
    /// Files, empty ones included.
    files: u64,
    /// Directories.
    directories: u64,
    /// Symbolic links.
    links: u64,
    /// Bytes in all files, without those in holes.
    bytes: u64,
    /// What was found and would not be sent, by reason.
    left_out: &'a [LeftOut],
}

impl<'a> DryRun<'a> {
    /// For what was found.
    pub fn new(preview: &'a Preview) -> Self {
        let &Preview { files, directories, links, bytes, ref left_out, .. } = preview;
        Self { files, directories, links, bytes, left_out }
    }
}

/// One copy that a demo made.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DemoCopy {
    /// Name of the receiver.
    pub receiver: String,
    /// Share of the packets that the receiver threw away, 0 to 1.
    pub loss_injected: f64,
    /// The copy was compared byte for byte with the source, and is identical.
    pub identical: bool,
    /// Why the copy is not identical; null when it is.
    pub problem: Option<String>,
    /// Seconds from the first packet to the last file; null when the copy is not complete.
    pub elapsed: Option<f64>,
    /// Content of files over that time, in bits per second; null likewise.
    pub bits_per_second: Option<f64>,
}

/// How a demo ended.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DemoSummary<'a> {
    /// What the program is about to exit with.
    pub exit_code: u8,
    /// How many copies are identical.
    pub identical: usize,
    /// The copies, one for each receiver.
    pub copies: Vec<DemoCopy>,
    /// The summary of the sender; its own exit code leaves the comparison aside.
    pub transfer: Summary<&'a SendReport>,
}

#[derive(Serialize)]
struct Line<'a, E> {
    #[serde(flatten)]
    event: &'a E,
    at: f64,
}

/// Why events could not be written to standard output, of which a process has one.
static FAILURE: OnceLock<String> = OnceLock::new();

/// Why events could not be written, if that has happened.
pub fn failure() -> Option<&'static str> {
    FAILURE.get().map(String::as_str)
}

/// The stream of events on standard output.
pub struct EventLines {
    start: Instant,
    out: Stdout,
}

impl EventLines {
    /// A stream that begins now.
    pub fn new() -> Self {
        Self { start: Instant::now(), out: stdout() }
    }

    /// Writes one event and flushes it. After one that could not be written, perhaps half of it,
    /// nothing more is written; [`failure`] says why. A reader that is gone is no failure.
    pub fn write(&mut self, event: &impl Serialize) {
        if FAILURE.get().is_some() {
            return;
        }
        let line = encode(event, self.start.elapsed());
        let written = self.out.write_all(line.as_bytes()).and_then(|()| self.out.flush());
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            // Another one may have failed meanwhile, for the same reason.
            let _ = FAILURE.set(error.to_string());
        }
    }
}

impl Default for EventLines {
    fn default() -> Self {
        Self::new()
    }
}

fn encode(event: &impl Serialize, at: Duration) -> String {
    let line = Line { event, at: seconds(at) };
    let mut text = serde_json::to_string(&line)
        .expect("only strings, numbers and structs of them: nothing that JSON cannot express");
    text.push('\n');
    text
}

/// A node id as scripts and people see it.
pub fn node_id(node: NodeId) -> String {
    format!("{:08x}", node.0)
}

/// A duration in seconds, to the millisecond.
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use norm_net::{Hint, ReceiverInfo, SendEvent};

    use super::*;

    #[test]
    fn event_is_one_line_with_its_name_and_time() {
        let event = SendEvent::Hint(Hint::KernelDrops { packets: 7 });
        let line = encode(&event, Duration::from_millis(1500));
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let message = Hint::KernelDrops { packets: 7 }.to_string();
        let expected = serde_json::json!({
            "event": "hint", "kind": "kernel_drops", "packets": 7, "message": message, "at": 1.5,
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn node_ids_are_eight_hex_digits() {
        assert_eq!(node_id(NodeId(0xbeef)), "0000beef");
        let info = serde_json::to_value(ReceiverInfo::new(NodeId(0xbeef), "lab")).unwrap();
        assert_eq!(info["node"], "0000beef");
    }
}
