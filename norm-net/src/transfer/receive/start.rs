//! Opens a session, starts its thread, and is the user's handle to it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{Receiver as Channel, unbounded};
use norm_core::fileset::TEMP_PREFIX;
use norm_core::norm::receiver;
use norm_core::norm::wire::Identity;
use norm_core::norm::{Receiver, ReceiverConfig};
use norm_core::{JobDone, Rng};

use super::event::Events as Outgoing;
use super::identity::Lasting;
use super::session::{Policy, Session, Surroundings};
use super::store::BlockStore;
use super::{ReceiveError, ReceiveOptions};
use crate::event::{Events, Feedback, Hint, ReceiveEvent, ReceiveReport, ReceiveSettings, outlet};
use crate::io::driver::{self, Clock};
use crate::io::layer::Layer;
use crate::io::lossy::Lossy;
use crate::io::socket::Link;
use crate::io::workers::Workers;
use crate::running::Running;
use crate::stopper::{JobResults, Stopper, os_seed};

/// A receiving session, on a thread of its own.
///
/// Dropping the handle stops the session, as [`Stopper::stop`] does, and does not wait for that:
/// senders are told, and what is not complete is kept. [`wait`](Self::wait) is the good end.
#[derive(Debug)]
pub struct Receiving {
    settings: ReceiveSettings,
    events: Events<ReceiveEvent>,
    running: Running<ReceiveReport>,
}

impl Receiving {
    /// What the session was set up with.
    pub fn settings(&self) -> &ReceiveSettings {
        &self.settings
    }

    /// What happens, as it happens; ends when the session is over.
    pub fn events(&self) -> Events<ReceiveEvent> {
        self.events.clone()
    }

    /// Ends the session from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.running.stopper()
    }

    /// True when the session is over, and [`wait`](Self::wait) returns at once.
    pub fn is_finished(&self) -> bool {
        self.running.is_finished()
    }

    /// Waits until the session is over. Without a timeout, and with `daemon`, that may need the
    /// [`stopper`].
    ///
    /// [`stopper`]: Self::stopper
    ///
    /// # Errors
    /// [`ReceiveError::Io`] when the sockets failed for good.
    pub fn wait(self) -> Result<ReceiveReport, ReceiveError> {
        Ok(self.running.wait()?)
    }

    /// Waits until the session is over, at most this long; `None` when it goes on. The report is
    /// handed out once.
    ///
    /// # Errors
    /// [`ReceiveError::Io`] when the sockets failed for good, or the report was handed out before.
    pub fn wait_timeout(
        &mut self,
        timeout: Duration,
    ) -> Option<Result<ReceiveReport, ReceiveError>> {
        Some(self.running.wait_timeout(timeout)?.map_err(ReceiveError::from))
    }
}

/// Joins a session and receives what is sent there into a directory; returns at once.
///
/// # Errors
/// When an option cannot work, the directory cannot be written, or no socket can be had.
pub fn receive(options: &ReceiveOptions) -> Result<Receiving, ReceiveError> {
    options.check()?;
    // Nothing is made for a session that cannot be.
    let link = Link::open(&options.link_config())?;
    prepare(&options.directory)
        .map_err(|error| ReceiveError::Directory { path: options.directory.clone(), error })?;
    let settings = ReceiveSettings {
        because: link.chosen_because(),
        feedback: options.effective_feedback(),
        name: options.name.clone(),
        hints: Hint::small_buffers(link.buffers()).collect(),
        ..ReceiveSettings::new(
            options.group,
            link.interface().clone(),
            link.local_addr(),
            options.directory.clone(),
        )
    };
    let seed = options.seed.map_or_else(os_seed, Ok)?;
    let stopper = Stopper::new(link.waker());
    let (outlet, events) = outlet();
    let runner = Runner::new(options, link, &stopper, Outgoing(outlet), seed)?;
    let running = Running::spawn("norm-receive", stopper, move || runner.run())?;
    Ok(Receiving { settings, events, running })
}

/// Makes the directory, and finds out now rather than at the first packet if it cannot be written.
fn prepare(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let probe = directory.join(format!("{TEMP_PREFIX}probe-{}", std::process::id()));
    fs::write(&probe, b"")?;
    fs::remove_file(&probe)
}

/// Everything that the session's thread owns.
struct Runner {
    options: ReceiveOptions,
    link: Link,
    clock: Clock,
    engine: Lossy<Receiver<BlockStore>>,
    session: Session,
    done: Channel<JobDone>,
    /// Nobody else may be us while we are.
    _identity: Option<Lasting>,
}

impl Runner {
    fn new(
        options: &ReceiveOptions,
        link: Link,
        stopper: &Stopper,
        events: Outgoing,
        seed: u64,
    ) -> io::Result<Self> {
        let clock = Clock::start();
        let store = BlockStore::new(options.block_memory());
        let (done_sender, done) = unbounded();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let around = Surroundings {
            events,
            stopper: stopper.clone(),
            results: JobResults::new(done_sender, link.waker()),
            returns: store.returns(),
            waker: link.waker(),
            store_workers: Workers::new("norm-store", 1)?,
            decode_workers: Workers::new("norm-decode", cores)?,
            check_workers: Workers::new("norm-verify", CHECKERS)?,
        };
        let policy = Policy {
            directory: options.directory.clone(),
            overwrite: options.overwrite,
            fresh: options.fresh,
            daemon: options.daemon,
            timeout: options.timeout,
            mute: options.feedback == Feedback::None,
            group: options.group,
            interface: link.interface().name.clone(),
        };
        let mut rng = Rng::new(seed);
        // Whoever fixes all choices fixes this one, too.
        let lasting = options.seed.is_none().then(|| {
            let interface = link.interface();
            let address = interface.address_like(options.group.ip());
            Lasting::find(&options.directory, &interface.name, address)
        });
        let lasting = lasting.flatten();
        let mut config = engine_config(options, link.buffers().recv_granted, &mut rng);
        if let Some(lasting) = &lasting {
            config.identity = lasting.identity;
            config.identity_per_sender = true;
        }
        let engine = Receiver::new(config, store, rng.next_u64());
        let engine = Lossy::new(engine, options.drop_percent, rng.next_u64());
        let mut session = Session::new(policy, around, clock.now());
        session.look_around(clock.now());
        let options = options.clone();
        Ok(Self { options, link, clock, engine, session, done, _identity: lasting })
    }

    fn run(mut self) -> io::Result<ReceiveReport> {
        let ran = loop {
            let (link, engine, session) = (&mut self.link, &mut self.engine, &mut self.session);
            let ran = driver::run(link, self.clock, engine, session, &self.done);
            let Some(group) = session.take_move().filter(|_| ran.is_ok()) else { break ran };
            let options = ReceiveOptions { group, ..self.options.clone() };
            if let Err(error) = link.reopen(&options.link_config()) {
                // The link is where it was.
                session.cannot_move(self.clock.now(), &error);
            }
        };
        // Also after an error: it closes the temporary files.
        let drops = self.link.kernel_drops();
        let report = self.session.report(self.engine.engine().stats(), self.clock.now());
        let report = ReceiveReport { kernel_drops: drops.unwrap_or(0).into(), ..report };
        ran.map(|()| report)
    }
}

/// Threads that read back and make files.
const CHECKERS: usize = 2;
/// The shortest block worth counting on: what the memory holds of them is as many blocks as the
/// engine keeps track of.
const SHORT_BLOCK: usize = 64 << 10;

fn engine_config(options: &ReceiveOptions, socket_buffer: usize, rng: &mut Rng) -> ReceiverConfig {
    let mut identity = [0; 16];
    let (first, second) = identity.split_at_mut(8);
    first.copy_from_slice(&rng.next_u64().to_be_bytes());
    second.copy_from_slice(&rng.next_u64().to_be_bytes());
    ReceiverConfig {
        name: options.name.clone(),
        node: options.node,
        feedback: match options.effective_feedback() {
            Feedback::Multicast => receiver::Feedback::Multicast,
            Feedback::Unicast => receiver::Feedback::Unicast,
            Feedback::None => receiver::Feedback::None,
        },
        socket_buffer: socket_buffer as u64,
        max_blocks: (options.block_memory() / SHORT_BLOCK).clamp(16, 1 << 16),
        ..ReceiverConfig::new(Identity(identity))
    }
}
