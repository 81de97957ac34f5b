//! Sends files and directories to a group.
//!
//! [`send()`] examines the paths, opens the link and returns at once; a thread of its own then runs the
//! session until every receiver has confirmed, or until it is stopped. `scan` lists what there is,
//! `plan` cuts it into objects, `source` reads and hashes it, `session` surrounds the engine.

mod compat;
mod error;
mod event;
mod fec;
mod jobs;
mod lane;
mod options;
pub(crate) mod pace;
mod plan;
mod receivers;
mod report;
mod session;
mod slow;
mod timetable;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver as Channel, unbounded};
use norm_core::fileset::{ContentId, SetId};
use norm_core::norm::sender::{CacheOptions, Mode, ObjectSpec};
use norm_core::norm::wire::NodeId;
use norm_core::norm::{Sender, SenderConfig};
use norm_core::{JobDone, Rng, Timestamp};

use norm_files::source::{FileSet, Reader, scan};

use crate::io::driver::{self, Clock};
use crate::io::socket::Link;
use crate::stopper::{JobResults, Stopper, os_seed};

pub use compat::{Compat, CompatFec};
pub use error::SendError;
pub use event::{SendEvent, SendPhase, SendProgress};
pub use fec::Fec;
pub use options::{SendOptions, SendSettings};
pub use pace::Pace;
pub use report::{ReceiverOutcome, ReceiverResult, SendOutcome, SendReport};
pub use slow::{Slow, SlowLimits};

use compat::FilePlan;
use event::Events;
use jobs::Jobs;
use lane::{Gate, Lane};
use plan::Plan;
use session::{Facts, Session};
use timetable::Timetable;

/// A transfer under way. Dropping it does not end the transfer; see [`Sending::stopper`].
#[derive(Debug)]
pub struct Sending {
    settings: SendSettings,
    events: Channel<SendEvent>,
    stopper: Stopper,
    thread: JoinHandle<io::Result<SendReport>>,
}

impl Sending {
    /// What the transfer was set up with.
    pub fn settings(&self) -> &SendSettings {
        &self.settings
    }

    /// What happens, as it happens. The channel closes when the transfer is over.
    pub fn events(&self) -> &Channel<SendEvent> {
        &self.events
    }

    /// Ends the transfer from elsewhere: receivers are told, and the report says so.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until the transfer is over.
    ///
    /// # Errors
    /// [`SendError::Io`] when the sockets failed for good.
    pub fn wait(self) -> Result<SendReport, SendError> {
        let panicked = |_| Err(io::Error::other("the sending thread panicked"));
        Ok(self.thread.join().unwrap_or_else(panicked)?)
    }
}

/// Sends files and directories, with all that is in them, to everybody who listens.
///
/// Examines the paths and opens the sockets before it returns, so that most mistakes are told here.
///
/// # Errors
/// When there is nothing to send or it cannot be read, when options cannot work, and when the network
/// or the system refuses.
pub fn send(paths: &[PathBuf], options: &SendOptions) -> Result<Sending, SendError> {
    let (queue, events) = Events::new();
    let Started { settings, stopper, thread } = start(paths, options, None, queue)?;
    Ok(Sending { settings, events, stopper, thread })
}

/// A session on a thread of its own.
struct Started {
    settings: SendSettings,
    stopper: Stopper,
    thread: JoinHandle<io::Result<SendReport>>,
}

/// Starts a session; one of a slow lane with the set that it repeats.
fn start(
    paths: &[PathBuf],
    options: &SendOptions,
    repeats: Option<(SetId, Arc<Gate>)>,
    events: Events,
) -> Result<Started, SendError> {
    options.check()?;
    let found = scan(paths)?;
    let link = Link::open(&options.link_config())?;
    let (segment_size, segment_hint) = options.fit_segment(link.interface())?;
    let options = &SendOptions { segment_size: Some(segment_size), ..options.clone() };
    let mut rng = Rng::new(options.seed.map_or_else(os_seed, Ok)?);
    let node = NodeId::draw(&mut rng);
    let config = sender_config(options, options.node.unwrap_or(node), segment_size);
    let first_key = config.first_object;
    let mut settings = settings(options, &link, &found, segment_size, segment_hint);
    let clock = Clock::start();
    let (repeated, gate) = repeats.unzip();
    let set = repeated.unwrap_or_else(|| draw_set(&mut rng));
    let (engine, source) = match &options.compat {
        None => {
            settings.set = set.to_string();
            let head_len = found.manifest.len() as u64;
            let fec = options.fec.decide(options.pace.limit(), options.min_receivers);
            let payload_size = found.payload_size;
            let plan = Plan::new(fec, segment_size, options.pace.limit(), head_len, payload_size)?;
            let (scheme, block_len) = (plan.scheme, plan.block_len);
            (settings.fec_id, settings.block_len) = (scheme.fec_id().0, block_len);
            let config = SenderConfig { scheme, block_len, ..config };
            let content = ContentId::of(&blake3::hash(&found.manifest));
            let specs = plan.specs(set, content, first_key as u16);
            let engine = engine(config, rng.next_u64(), clock.now(), specs)?;
            (engine, Reader::new(set, plan.extents, found))
        }
        Some(compat) => {
            let plan = FilePlan::new(&found, compat, segment_size)?;
            settings.skipped.extend_from_slice(&plan.skipped);
            settings.skipped_total += plan.skipped.len() as u64;
            let scheme = compat.scheme()?;
            (settings.fec_id, settings.block_len) = (scheme.fec_id().0, compat.block_len.into());
            let config = SenderConfig { scheme, mode: Mode::Standard, ..config };
            let engine = engine(config, rng.next_u64(), clock.now(), plan.specs())?;
            (engine, Reader::of_files(plan.offsets(), found))
        }
    };

    let (done, results) = unbounded();
    let stopper = Stopper::new(link.waker());
    let facts = facts(options, &settings);
    let jobs = Jobs::new(source, first_key, JobResults::new(done, link.waker()))?;
    let lane = Lane::new(paths, options, set, &events, &stopper);
    let now = clock.now();
    let timetable = options.schedule.clone().map(|s| Timetable::new(s, options.clock, now));
    let session = Session::new(facts, timetable, jobs, events, stopper.clone(), now);
    let session = session.with_lane(lane).behind(gate);
    let thread = std::thread::Builder::new()
        .name("norm-send".to_owned())
        .spawn(move || run(link, clock, engine, session, &results))?;
    Ok(Started { settings, stopper, thread })
}

/// An engine with all there is to send.
fn engine(
    config: SenderConfig,
    seed: u64,
    now: Timestamp,
    specs: impl Iterator<Item = ObjectSpec>,
) -> Result<Sender, SendError> {
    let mut engine = Sender::new(config, seed, now)?;
    for spec in specs {
        engine.enqueue(spec)?;
    }
    engine.finish();
    Ok(engine)
}

fn run(
    mut link: Link,
    clock: Clock,
    mut engine: Sender,
    mut session: Session,
    results: &Channel<JobDone>,
) -> io::Result<SendReport> {
    driver::run(&mut link, clock, &mut engine, &mut session, results)?;
    drop(link);
    Ok(session.finish(&engine, clock))
}

fn sender_config(options: &SendOptions, node: NodeId, segment_size: u16) -> SenderConfig {
    let usual = options.pace.configure(SenderConfig::new(node));
    SenderConfig {
        packet_overhead: options.packet_overhead(),
        segment_size,
        cache: CacheOptions {
            bytes: options.engine_memory() / 8 * 3,
            // What a file holds is in the system's memory, too.
            keep_sent: false,
        },
        min_receivers: options.min_receivers,
        start_timeout: options.start_timeout,
        linger: options.linger,
        on_request: options.on_request && options.compat.is_none(),
        slow: options.slow.policy(),
        max_receivers: usual.max_receivers.max(options.min_receivers),
        ..usual
    }
}

fn settings(
    options: &SendOptions,
    link: &Link,
    found: &FileSet,
    segment_size: u16,
    segment_hint: Option<String>,
) -> SendSettings {
    let hints: Vec<String> = link.buffers().hint().into_iter().chain(segment_hint).collect();
    SendSettings {
        group: link.group(),
        interface: link.interface().clone(),
        because: link.chosen_because(),
        pace: options.pace,
        ttl: options.ttl,
        dscp: options.dscp,
        segment_size,
        fec_id: 0,
        block_len: 0,
        local: link.local_addr(),
        set: String::new(),
        compat: options.compat,
        files: found.file_count,
        directories: found.directories,
        bytes: found.payload_size,
        hint: (!hints.is_empty()).then(|| hints.join("\n")),
        skipped: found.skipped.clone(),
        skipped_total: found.skipped_total,
    }
}

fn facts(options: &SendOptions, settings: &SendSettings) -> Facts {
    Facts {
        min_receivers: options.min_receivers,
        nameless: options.compat.is_some(),
        lingers: !options.linger.is_zero(),
        on_request: options.on_request && options.compat.is_none(),
        lane: options.slow.lane(),
        bytes: settings.bytes,
        files: settings.files,
        silence_hint: silence_hint(options, settings),
    }
}

/// What may be wrong when nobody answers.
fn silence_hint(options: &SendOptions, settings: &SendSettings) -> String {
    let way = if settings.group.ip().is_multicast() {
        format!(
            "With a router on the way, is the TTL ({}) high enough and does it route multicast?",
            settings.ttl
        )
    } else {
        "Is this its address?".to_owned()
    };
    let mut hint = format!(
        "no receiver has answered on {} via {} for 5 s: is one running, on this group and port? {way} Does \
         a firewall drop UDP?",
        settings.group, settings.interface.name
    );
    if options.min_receivers == 0 {
        hint.push_str(
            " Everything is sent once all the same, for receivers that may not answer; Ctrl-C ends that, \
             and --min-receivers 1 waits for the first one",
        );
    }
    hint
}

fn draw_set(rng: &mut Rng) -> SetId {
    let random = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    SetId(random.to_be_bytes())
}
