//! Examines what is to be sent, opens the link and starts the session's thread.

use std::io;
use std::sync::{Arc, OnceLock};

use crossbeam_channel::{Receiver as Channel, unbounded};
use norm_core::announce::SessionDescription;
use norm_core::fileset::SetId;
use norm_core::transfer::Outbound;
use norm_core::{JobDone, Rng, Timestamp};
use norm_files::complete::CompleteSet;
use norm_files::source::{FileSet, HashCache, HashedSet, Selection, scan};
use norm_seal::{Guard, Role};

use super::admission::Admission;
use super::announce::describe;
use super::bounds::Bounds;
use super::error::SendError;
use super::hash_first::{Hashing, HeldObjects, hash_first};
use super::jobs::Jobs;
use super::options::{Answers, Payload, SendOptions};
use super::outlet::SendOutlet;
use super::protocol::{Prepared, Protocol};
use super::rate_trace::RateTraceFile;
use super::segment::Segment;
use super::sent_files::SentFiles;
use super::session::{Facts, Parts, Session};
use super::silence::HINT_AFTER;
use super::slow_group::SeparateGroup;
use super::stating::Stating;
use super::withdrawn::WithdrawnFiles;
use crate::announce::Announcing;
use crate::event::{Hint, LeftOut, SendReport, SendSettings};
use crate::io::driver::{self, Clock};
use crate::io::layer::Layer;
use crate::io::rekey::RecipientList;
use crate::io::seal::{Sealed, sealed};
use crate::io::socket::{Link, PacketFilter};
use crate::running::Running;
use crate::stopper::{JobResults, Stopper, os_seed};
use crate::transfer::norm::Norm;

/// A session on a thread of its own.
pub(super) struct Started {
    pub(super) settings: SendSettings,
    pub(super) description: SessionDescription,
    pub(super) running: Running<SendReport>,
    /// The set, once it is hashed.
    pub(super) complete: Arc<OnceLock<CompleteSet>>,
}

/// What a session in a separate group repeats.
pub(super) struct Repeat {
    pub(super) set: SetId,
    pub(super) admission: Admission,
    /// What was hashed of it before, if that was wanted.
    pub(super) hashed: Option<HashedSet>,
}

impl Repeat {
    fn into_parts(self) -> (Option<SetId>, Option<Admission>, Option<HashedSet>) {
        (Some(self.set), Some(self.admission), self.hashed)
    }
}

/// Starts a session; one in a separate group with the file set that it repeats.
pub(super) fn start(
    selection: &Selection,
    options: &SendOptions,
    repeat: Option<Repeat>,
    events: SendOutlet,
) -> Result<Started, SendError> {
    start_with(selection, options, repeat, events, Norm)
}

/// The same with any protocol.
pub(super) fn start_with<P: Protocol>(
    selection: &Selection,
    options: &SendOptions,
    repeat: Option<Repeat>,
    events: SendOutlet,
    protocol: P,
) -> Result<Started, SendError> {
    options.check()?;
    let filter = protocol.feedback_filter().filter(|_| options.seal.is_none());
    let sealed_only = options.seal.as_ref().map(|_| PacketFilter::SEALED_FEEDBACK);
    let link = Link::open(&options.link_config(filter.or(sealed_only)))?;
    let selection = selection.clone().with(|s| s.standalone |= options.sends_single_files());
    let found = scan(&selection)?;
    let cache = HashCache::new(&options.content.state).filter(|_| !options.sends_single_files());
    let options = &hashing(options, &found, cache.as_ref());
    let segment = Segment::fit(options, protocol.data_overhead(options), link.interface())?;
    let mut settings = settings(options, &link, &found, &segment);
    let (mut rng, clock) = (Rng::new(options.seed.map_or_else(os_seed, Ok)?), Clock::start());
    let files = SentFiles::new(&found, options.content.hash_first);
    let (repeated, admission, hashed) = repeat.map(Repeat::into_parts).unwrap_or_default();
    let stated = (found.name(), found.manifest_hash);
    let carrier = protocol.carrier();
    let prepared = protocol.prepare(options, found, &segment, repeated, &mut rng, clock.now())?;
    let Prepared { mut engine, held, source, first_key, set, fec_id, block_len, left_out } =
        prepared;
    settings = SendSettings { set, fec_id, block_len, ..settings };
    settings.left_out.extend(left_out.into_iter().map(LeftOut::from));

    let stating = Stating::of(set, stated, &source, options);
    let (done, results) = unbounded();
    let stopper = Stopper::new(link.waker());
    let parts = Parts {
        facts: facts(options, &settings, &segment, files),
        bounds: Bounds::new(options.rate.schedule.clone(), clock.now()),
        jobs: Jobs::new(source.with_cache(cache), first_key, JobResults::new(done, link.waker()))?,
        separate: SeparateGroup::new(&selection, options, &segment, set, &events, &stopper),
        events,
        stopper: stopper.clone(),
        admission,
        group: settings.group,
        no_receiver: no_receiver(options, &settings),
        rate_trace: rate_trace(options, &mut engine)?,
        withdrawn: WithdrawnFiles::new(set),
        stating,
    };
    let engine = gated(engine, options)?;
    let key_id = engine.gate().guard().and_then(Guard::key_id);
    let description = describe(options, &settings, carrier, key_id, rng.next_u64());
    let announcing = match options.announce {
        Some(_) => Announcing::start(description.clone(), &options.link_config(None), &link)?,
        None => None,
    };
    let complete = Arc::new(OnceLock::new());
    let begun = Begun { link, clock, engine, parts, complete: Arc::clone(&complete) };
    let run = move || {
        let result = match held.is_empty() {
            true => begun.run(&results),
            false => begun.run_hashed(held, hashed, &results),
        };
        if let Some(announcing) = announcing {
            announcing.end();
        }
        result
    };
    let running = Running::spawn("norm-send", stopper, run)?;
    Ok(Started { settings, description, running, complete })
}

/// The options, where all is hashed first if some receivers do not answer, or it costs nothing.
fn hashing(options: &SendOptions, found: &FileSet, cache: Option<&HashCache>) -> SendOptions {
    let mut options = options.clone();
    options.content.hash_first |= options.answers() != Answers::All
        && !options.sends_single_files()
        || cache.is_some_and(|cache| cache.has_all(&found.files, &found.map));
    options
}

/// Puts a gate before an engine.
fn gated<E>(engine: E, options: &SendOptions) -> io::Result<Sealed<E>> {
    let mut engine = sealed(engine, options.seal.as_ref(), Role::Sender, options.group, false)?;
    if let Some(guard) = engine.gate_mut().guard_mut() {
        let recipients = options.seal.as_ref().and_then(|seal| seal.recipients.as_ref());
        let recipients = recipients.map_or(0, RecipientList::count);
        guard.expect(options.min_receivers.max(recipients));
        options.pace.limit().into_iter().for_each(|rate| guard.set_rate(rate));
    }
    Ok(engine)
}

/// Everything that a session's thread begins with.
struct Begun<E> {
    link: Link,
    clock: Clock,
    engine: Sealed<E>,
    parts: Parts,
    complete: Arc<OnceLock<CompleteSet>>,
}

impl<E: Outbound + Layer<Engine = E>> Begun<E> {
    fn run(self, results: &Channel<JobDone>) -> io::Result<SendReport> {
        let Self { mut link, clock, mut engine, parts, .. } = self;
        let mut session = Session::new(parts, clock.now());
        driver::run(&mut link, clock, &mut engine, &mut session, results)?;
        drop(link);
        session.keep_hashes();
        Ok(session.finish(engine.inner(), clock))
    }

    /// Hashes all files, hands the objects to the engine, and runs the session: its time begins
    /// after that.
    fn run_hashed(
        mut self,
        held: HeldObjects,
        hashed: Option<HashedSet>,
        results: &Channel<JobDone>,
    ) -> io::Result<SendReport> {
        let began = self.clock.now();
        let Parts { jobs, events, stopper, facts, .. } = &self.parts;
        let hashing = hash_first(jobs, hashed, facts.bytes, events, stopper, &self.complete);
        self.clock = Clock::from(began);
        match hashing {
            Hashing::Done(hashed) => {
                held.hand_over(self.engine.inner_mut(), hashed.content())?;
                if let Some(separate) = &mut self.parts.separate {
                    separate.take_hashes(hashed);
                }
                self.run(results)
            }
            Hashing::Stopped => Ok(self.end(Session::stop)),
            Hashing::Failed => Ok(self.end(|session, _, now| session.read_failed(now))),
        }
    }

    /// Ends the session before it begins.
    fn end(self, end: impl FnOnce(&mut Session, &mut E, Timestamp)) -> SendReport {
        let Self { clock, mut engine, parts, .. } = self;
        let mut session = Session::new(parts, clock.now());
        end(&mut session, engine.inner_mut(), clock.now());
        session.finish(engine.inner(), clock)
    }
}

fn settings(
    options: &SendOptions,
    link: &Link,
    found: &FileSet,
    segment: &Segment,
) -> SendSettings {
    SendSettings {
        because: link.chosen_because(),
        pace: options.pace,
        ttl: options.ttl,
        dscp: options.dscp,
        segment_size: segment.size,
        standard: options.standard,
        flute: options.flute,
        passes: options.passes(),
        files: found.file_count,
        directories: found.directories,
        links: found.links,
        bytes: found.payload_size,
        hints: Hint::small_buffers(link.buffers())
            .chain(segment.hint.clone())
            .chain(Hint::no_carrier(link.interface()))
            .chain(Hint::unused_patterns(found))
            .chain(Hint::given_links(found))
            .collect(),
        left_out: found.left_out.iter().cloned().map(LeftOut::from).collect(),
        ..SendSettings::new(link.group(), link.interface().clone(), link.local_addr())
    }
}

fn facts(
    options: &SendOptions,
    settings: &SendSettings,
    segment: &Segment,
    files: SentFiles,
) -> Facts {
    Facts {
        group: options.group,
        min_receivers: options.min_receivers,
        waits: options.min_receivers > 0 || !segment.is_fixed() || options.flute.is_some(),
        answers: options.answers(),
        nameless: options.standard.is_some(),
        lingers: !options.start.linger.is_zero(),
        separate_group: options.slow.separate_group(),
        recipients: options.recipients().cloned(),
        bytes: settings.bytes,
        files,
    }
}

/// The trace of the rate, if there is to be one.
fn rate_trace(
    options: &SendOptions,
    engine: &mut impl Outbound,
) -> Result<Option<RateTraceFile>, SendError> {
    match &options.rate.trace {
        Some(path) => RateTraceFile::start(path, engine),
        None => Ok(None),
    }
}

/// Whether receivers have to ask for content; in standard mode they never do.
fn on_request(options: &SendOptions) -> bool {
    options.content.payload == Payload::Missing && options.standard.is_none()
}

/// What may be wrong when no receiver answers.
fn no_receiver(options: &SendOptions, settings: &SendSettings) -> Hint {
    Hint::NoReceiver {
        group: settings.group,
        interface: settings.interface.name.clone(),
        has_carrier: true,
        others: Vec::new(),
        ttl: settings.ttl,
        port: settings.local.port(),
        after: HINT_AFTER,
        sends_anyway: options.min_receivers == 0 && !on_request(options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::interface::Interface;
    use crate::transfer::norm::{Standard, StandardFec};

    /// Whether the hint says that everything is sent although no receiver is heard.
    fn sends_anyway(change: impl FnOnce(&mut SendOptions)) -> bool {
        let group = "239.1.2.3:6000".parse().unwrap();
        let options = SendOptions::new(group).with(change);
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
        let settings = SendSettings::new(group, interface, group);
        match no_receiver(&options, &settings) {
            Hint::NoReceiver { sends_anyway, .. } => sends_anyway,
            hint => panic!("{hint:?}"),
        }
    }

    #[test]
    fn without_receivers_content_is_sent_unless_one_has_to_ask_or_is_waited_for() {
        assert!(sends_anyway(|_| {}));
        assert!(!sends_anyway(|o| o.content.payload = Payload::Missing), "nobody asks");
        assert!(!sends_anyway(|o| o.min_receivers = 1), "one is waited for");
    }

    #[test]
    fn in_standard_mode_content_is_sent_without_being_asked_for() {
        assert!(sends_anyway(|o| {
            o.content.payload = Payload::Missing;
            o.standard = Some(Standard::new(StandardFec::Id5));
        }));
    }
}
