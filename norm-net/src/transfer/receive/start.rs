//! Opens a session, starts its thread, and is the user's handle to it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver as Channel;
use norm_core::fileset::TEMP_PREFIX;
use norm_core::transfer::Inbound;
use norm_core::{JobDone, Rng};
use norm_files::receipts::Store;
use norm_files::serials::Serials;
use norm_files::sink::Backup;
use norm_seal::{Gate, Role, SessionAddress};
use tempfile::TempDir;

use super::identity::StableIdentity;
use super::other_protocol::{Noticing, OtherProtocol};
use super::session::{Engine, FilePolicy, Notifier, Policy, Session, Tasks};
use super::store::{BlockStore, Returns};
use super::{ReceiveError, ReceiveOptions};
use crate::event::{Events, Feedback, Hint, ReceiveEvent, ReceiveReport, ReceiveSettings, outlet};
use crate::io::driver::{self, Clock};
use crate::io::layer::Layer;
use crate::io::lossy::Lossy;
use crate::io::seal::{random_bytes, sealed};
use crate::io::socket::Link;
use crate::running::Running;
use crate::stopper::{Stopper, os_seed};
use crate::transfer::config_problem::ConfigProblem;
use crate::transfer::spool_file::SpoolFile;
use crate::transfer::{flute, norm};

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

    /// Waits until the session is over. Without a timeout, and with `continuous`, that may need the
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
    match options.flute {
        Some(flute) => receive_with(options, |options, store, _, _, rng| {
            flute::receiver(flute, options, store, rng)
        }),
        None => receive_with(options, norm::receiver),
    }
}

/// What an engine may know of the socket that it listens with.
#[derive(Copy, Clone, Debug)]
pub(crate) struct SocketFacts {
    /// Bytes that it holds until they are read.
    pub(crate) buffer: usize,
    /// Bytes of an IP packet that its interface lets through, if that is known.
    pub(crate) mtu: Option<u32>,
}

/// The same with any engine. `make` makes it of the options, a store for its symbols, the lasting
/// identity of this receiver if it has one, what is known of its socket, and random numbers.
pub(crate) fn receive_with<E>(
    options: &ReceiveOptions,
    make: impl FnOnce(&ReceiveOptions, BlockStore, Option<[u8; 16]>, SocketFacts, &mut Rng) -> E,
) -> Result<Receiving, ReceiveError>
where
    E: Engine + Layer<Engine = E> + Send + 'static,
{
    let only = options.check()?;
    let receipts = Store::new(&options.files.state);
    if options.files.delete && receipts.is_none() {
        return Err(ReceiveError::Config(ConfigProblem::DeleteWithoutReceipts));
    }
    // Nothing is made for a session that cannot be.
    let link = Link::open(&options.link_config())?;
    let scratch = prepare(options)?;
    let files = FilePolicy {
        overwrite: options.overwrite,
        backup: open_backup(options)?,
        delete: options.files.delete,
        only,
        expect: options.files.expect,
        receipts,
        preview: scratch.as_ref().map(|_| options.directory.clone()),
        preserve: options.files.preserve,
        allow_sparse: options.files.allow_sparse,
        serials: Serials::new(&options.files.state).filter(|_| scratch.is_none()),
        accept_older: options.files.accept_older,
    };
    let settings = ReceiveSettings {
        because: link.chosen_because(),
        feedback: options.effective_feedback(),
        flute: options.flute,
        name: options.name.clone(),
        hints: Hint::small_buffers(link.buffers())
            .chain(Hint::no_carrier(link.interface()))
            .collect(),
        ..ReceiveSettings::new(
            link.group(),
            link.interface().clone(),
            link.local_addr(),
            options.directory.clone(),
        )
    };
    let mut rng = Rng::new(options.seed.map_or_else(os_seed, Ok)?);
    let identity = stable_identity(options, &link);
    let store = store(options, scratch.as_ref().map_or(&*options.directory, TempDir::path))?;
    let returns = store.returns();
    let bytes = identity.as_ref().map(StableIdentity::bytes);
    let socket = SocketFacts { buffer: link.buffers().recv_granted, mtu: link.interface().mtu };
    let engine = make(options, store, bytes, socket, &mut rng);
    let other = OtherProtocol::default();
    let engine = Noticing::new(engine, options.flute.is_some(), other.clone());
    // What is dropped for a demonstration is lost on the network: outside of the seal.
    let feedback = options.effective_feedback();
    let is_mute = is_mute(options);
    let mut engine = sealed(engine, options.seal.as_ref(), Role::Receiver, options.group, is_mute)?;
    if let Some(guard) = engine.gate_mut().guard_mut().filter(|_| !is_mute) {
        let seed = random_bytes().map_err(io::Error::other)?;
        guard.ask_if_live(feedback == Feedback::Multicast, &seed);
    }
    let engine = Lossy::new(engine, options.demo.drop_percent, rng.next_u64());
    let stopper = Stopper::new(link.waker());
    let (outlet, events) = outlet();
    let events_out = Notifier::new(outlet);
    let setup =
        Setup { link, engine, returns, identity, events: events_out, files, scratch, other };
    let runner = Runner::new(options, setup, &stopper)?;
    let running = Running::spawn("norm-receive", stopper, move || runner.run())?;
    Ok(Receiving { settings, events, running })
}

/// What keeps symbols. A sender that cannot be asked sends all blocks at once, or comes back to
/// each: then those that find no room wait in a file. One that can be asked may do so, too.
fn store(options: &ReceiveOptions, directory: &Path) -> io::Result<BlockStore> {
    let (memory, file) = (options.block_memory(), SpoolFile::new(directory.to_owned()));
    if is_mute(options) {
        BlockStore::with_spool(memory, file)
    } else {
        Ok(BlockStore::with_reserve(memory, file))
    }
}

/// True of a receiver that sends nothing.
fn is_mute(options: &ReceiveOptions) -> bool {
    options.flute.is_some() || options.effective_feedback() == Feedback::None
}

/// Makes the output directory; in a dry run another one, which goes with the session.
fn prepare(options: &ReceiveOptions) -> Result<Option<TempDir>, ReceiveError> {
    if options.files.dry_run {
        return Ok(Some(tempfile::tempdir()?));
    }
    let prepared = prepare_output(&options.directory);
    prepared.map_err(|error| ReceiveError::Directory { path: options.directory.clone(), error })?;
    Ok(None)
}

/// Opens the directory that keeps what is replaced, if there is to be one: once, so that nothing
/// else can take its place.
pub(crate) fn open_backup(options: &ReceiveOptions) -> Result<Option<Backup>, ReceiveError> {
    let Some(path) = options.files.backup_dir.as_deref().filter(|_| !options.files.dry_run) else {
        return Ok(None);
    };
    match Backup::open(path, &options.directory) {
        Ok(backup) => Ok(Some(backup)),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            let problem = ConfigProblem::BackupInOutput { path: path.to_owned() };
            Err(ReceiveError::Config(problem))
        }
        Err(error) => Err(ReceiveError::BackupDirectory { path: path.to_owned(), error }),
    }
}

/// Makes the directory, and finds out now rather than at the first packet if it cannot be written.
fn prepare_output(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let probe = directory.join(format!("{TEMP_PREFIX}probe-{}", std::process::id()));
    fs::write(&probe, b"")?;
    fs::remove_file(&probe)
}

/// The identity of this receiver, unless all random choices are fixed: then it is one of them.
fn stable_identity(options: &ReceiveOptions, link: &Link) -> Option<StableIdentity> {
    // A dry run is no receiver that an earlier one may go on as.
    if options.seed.is_some() || options.files.dry_run {
        return None;
    }
    let interface = link.interface();
    let address = interface.address_like(options.group.ip());
    StableIdentity::find(&options.directory, &interface.name, address)
}

/// What a session is made of.
struct Setup<L> {
    link: Link,
    engine: L,
    /// The way back for the buffers of the engine's store.
    returns: Returns,
    identity: Option<StableIdentity>,
    events: Notifier,
    files: FilePolicy,
    /// Where lists go in a dry run.
    scratch: Option<TempDir>,
    other: OtherProtocol,
}

/// Everything that the session's thread owns.
struct Runner<L> {
    options: ReceiveOptions,
    link: Link,
    clock: Clock,
    /// The engine, with its layers.
    engine: L,
    session: Session,
    done: Channel<JobDone>,
    /// Held so that no other receiver has it.
    _identity: Option<StableIdentity>,
    /// Removed with the session, of which it is the last that goes.
    _scratch: Option<TempDir>,
}

/// Has a session's gate open what is sealed for another group.
fn listen_in(engine: &mut impl Layer, group: SocketAddr) {
    if let Some(guard) = engine.gate().and_then(Gate::guard_mut) {
        guard.set_address(SessionAddress::of(group));
    }
}

impl<L: Layer<Engine: Engine>> Runner<L> {
    fn new(options: &ReceiveOptions, setup: Setup<L>, stopper: &Stopper) -> io::Result<Self> {
        let Setup { link, engine, returns, identity, events, files, scratch, other } = setup;
        let clock = Clock::start();
        let files = Arc::new(files);
        let decoding = options.decoding_memory();
        let (tasks, done) = Tasks::new(returns, &link.waker(), Arc::clone(&files), decoding)?;
        let policy = Policy {
            directory: scratch.as_ref().map_or(&*options.directory, TempDir::path).to_owned(),
            files,
            resume: options.resume,
            continuous: options.continuous,
            timeout: options.timeout,
            is_mute: options.effective_feedback() == Feedback::None,
            group: options.group,
            source: options.source,
            interface: link.interface().name.clone(),
            mtu: link.interface().mtu,
            is_sealed: options.seal.is_some(),
            is_flute: options.flute.is_some(),
            spooling: options.flute.map(|_| options.block_memory() as u64),
            tsi: options.flute.and_then(|flute| flute.tsi),
            other,
        };
        let session = Session::new(policy, events, tasks, stopper.clone(), clock.now());
        let options = options.clone();
        Ok(Self {
            options,
            link,
            clock,
            engine,
            session,
            done,
            _identity: identity,
            _scratch: scratch,
        })
    }

    fn run(mut self) -> io::Result<ReceiveReport> {
        let ran = loop {
            let (link, engine, session) = (&mut self.link, &mut self.engine, &mut self.session);
            let ran = driver::run(link, self.clock, engine, session, &self.done);
            let Some(group) = session.take_move().filter(|_| ran.is_ok()) else { break ran };
            let options = ReceiveOptions { group, ..self.options.clone() };
            match link.reopen(&options.link_config()) {
                Ok(()) => listen_in(engine, group),
                // The link is where it was.
                Err(error) => session.cannot_move(self.clock.now(), &error),
            }
        };
        // Also after an error: it closes the temporary files.
        let drops = self.link.kernel_drops();
        let report = self.session.report(&self.engine.engine().stats(), self.clock.now());
        let other_tsi = self.engine.engine().other_session().map(|(_, tsi)| tsi);
        let kernel_drops = drops.unwrap_or(0).into();
        let report = ReceiveReport { kernel_drops, other_tsi, ..report };
        ran.map(|()| report)
    }
}
