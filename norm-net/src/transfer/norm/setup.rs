//! A NORM sender with all that is to be sent.

use norm_core::announce::SessionProtocol;
use norm_core::fileset::SetId;
use norm_core::norm::sender::{
    CacheOptions, ConfigError, DATA_OVERHEAD, FeedbackFrom, Mode, PacketOptions, PacketSize,
    Payload as EnginePayload, RateControl, SlowPolicy, StartLimits,
};
use norm_core::norm::{Sender, SenderConfig};
use norm_core::transfer::{NodeId, ObjectSpec, Outbound, Passes};
use norm_core::{Rng, Timestamp};
use norm_files::source::{FileSet, Reader};

use super::code::Fec;
use super::plan::Plan;
use super::standard::Standard;
use crate::io::seal::SealConfig;
use crate::io::socket::PacketFilter;
use crate::stopper::os_secret;
use crate::transfer::objects::Sizes;
use crate::transfer::send::{
    Carrier, HeldObjects, Pace, PathSize, Payload, Prepared, Protocol, Segment, SendError,
    SendOptions, Slow, SlowLimits,
};

/// Keeps what receivers send: NACK, ACK and REPORT are the message types from 4 on, which stand in
/// the lower half of the first byte (RFC 5740 §4.1).
pub(crate) const FEEDBACK: PacketFilter =
    PacketFilter { offset: 0, mask: 0x0f, min: 4, sample: None };

/// Bytes of blocks that are sent in turns where everything is sent once: gaps as long as that are
/// spread over them.
const SECTION_BYTES: u64 = 16 << 20;

/// NORM (RFC 5740), in native or standard mode.
pub(crate) struct Norm;

impl Protocol for Norm {
    type Engine = Sender;

    fn carrier(&self) -> Carrier {
        Carrier { protocol: SessionProtocol::Norm, tsi: None }
    }

    fn feedback_filter(&self) -> Option<PacketFilter> {
        Some(FEEDBACK)
    }

    fn data_overhead(&self, options: &SendOptions) -> u32 {
        // Payload ids of FEC id 129 are four bytes longer.
        let ids = if options.standard.is_some() { 4 } else { 0 };
        DATA_OVERHEAD as u32 + ids
    }

    fn prepare(
        self,
        options: &SendOptions,
        found: FileSet,
        segment: &Segment,
        set: Option<SetId>,
        rng: &mut Rng,
        now: Timestamp,
    ) -> Result<Prepared<Sender>, SendError> {
        // Drawn in this order whether they are used or not: what a seed means must not change.
        let drawn = NodeId::draw(rng);
        let set = set.unwrap_or_else(|| SetId(rng.next_bytes()));
        let seed = rng.next_u64();
        let secret = match options.seed {
            Some(_) => rng.next_bytes(),
            None => os_secret()?,
        };
        let node = options.node.unwrap_or(drawn);
        let start = Start { config: config(options, node, segment), seed, secret, now };
        match &options.standard {
            None => prepare_set(options, found, set, start),
            Some(standard) => prepare_files(standard, found, start),
        }
    }
}

/// What an engine begins with.
struct Start {
    config: SenderConfig,
    seed: u64,
    /// By which receivers believe that the sender has moved.
    secret: [u8; 16],
    now: Timestamp,
}

impl Start {
    /// The engine without objects, and the key that the first of them will have.
    fn bare_engine(self) -> Result<(Sender, u64), SendError> {
        let first_key = self.config.first_object;
        let mut engine = Sender::new(self.config, self.seed, self.now)?;
        engine.prove_moves(self.secret);
        Ok((engine, first_key))
    }

    /// The engine, with these objects and no others.
    fn engine(self, objects: impl Iterator<Item = ObjectSpec>) -> Result<(Sender, u64), SendError> {
        let (mut engine, first_key) = self.bare_engine()?;
        for object in objects {
            Outbound::enqueue(&mut engine, object)?;
        }
        engine.finish();
        Ok((engine, first_key))
    }
}

/// As a file set.
fn prepare_set(
    options: &SendOptions,
    found: FileSet,
    set: SetId,
    mut start: Start,
) -> Result<Prepared<Sender>, SendError> {
    let rate = options.pace.limit();
    // In passes there are fresh symbols of long blocks, which are repaired when all are over.
    let (fec, rate) = match (options.content.payload, options.fec) {
        (Payload::Carousel { .. }, Fec::Auto) => (Fec::RaptorQ, None),
        (Payload::Carousel { .. }, fec) => (fec, None),
        _ => (options.fec.decide(rate, options.min_receivers), rate),
    };
    let plan = Plan::new(fec, start.config.segment_size, rate, Sizes::of(&found))?;
    start.config.scheme = plan.scheme();
    start.config.block_len = plan.block_len;
    let objects = plan.specs(set, found.manifest_hash, options.content.hash_first);
    let (held, (mut engine, first_key)) = if options.content.hash_first {
        (HeldObjects::new(objects), start.bare_engine()?)
    } else {
        (HeldObjects::default(), start.engine(objects)?)
    };
    engine.set_name(&options.name);
    Ok(Prepared {
        engine,
        held,
        source: Reader::new(plan.extents, found),
        first_key,
        set: Some(set),
        fec_id: plan.scheme().fec_id().0,
        block_len: plan.block_len,
        left_out: Vec::new(),
    })
}

/// As standalone files, in standard mode.
fn prepare_files(
    standard: &Standard,
    found: FileSet,
    mut start: Start,
) -> Result<Prepared<Sender>, SendError> {
    let plan = standard.plan(&found, start.config.segment_size)?;
    let scheme = standard.scheme()?;
    start.config.scheme = scheme;
    start.config.mode = Mode::Standard;
    let (engine, first_key) = start.engine(plan.specs())?;
    Ok(Prepared {
        engine,
        held: HeldObjects::default(),
        source: Reader::of_files(plan.offsets(), found),
        first_key,
        set: None,
        fec_id: scheme.fec_id().0,
        block_len: standard.block_len.into(),
        left_out: plan.left_out(),
    })
}

fn config(options: &SendOptions, node: NodeId, segment: &Segment) -> SenderConfig {
    let base = with_pace(SenderConfig::new(node), options.pace);
    let size = |size: &PathSize| PacketSize { packet: size.packet, segment: size.segment };
    SenderConfig {
        packets: PacketOptions {
            overhead: options.packet_overhead(),
            signature: SealConfig::signature(options.seal.as_ref()),
            sizes: segment.sizes.iter().map(size).collect(),
        },
        segment_size: segment.size,
        cache: CacheOptions {
            bytes: options.engine_memory() / 8 * 3,
            // What a file holds is in the system's memory, too.
            keep_sent: false,
        },
        min_receivers: options.min_receivers,
        start: StartLimits { timeout: options.start.timeout, max_wait: options.start.max_wait },
        linger: options.start.linger,
        payload: payload(options),
        feedback: feedback_from(options),
        slow: policy(&options.slow),
        max_receivers: base.max_receivers.max(options.min_receivers),
        ..base
    }
}

fn feedback_from(options: &SendOptions) -> FeedbackFrom {
    match &options.start.roster {
        Some(roster) => FeedbackFrom::Roster(roster.expected(options.recipients().is_some())),
        None => FeedbackFrom::Announced,
    }
}

fn with_pace(mut config: SenderConfig, pace: Pace) -> SenderConfig {
    config.rate = pace.limit();
    config.control = match pace {
        Pace::Auto { .. } => RateControl::Auto,
        Pace::Polite { .. } => RateControl::Scavenger,
        Pace::Fixed(_) | Pace::Unlimited => RateControl::Fixed,
    };
    if let Pace::Auto { min, .. } | Pace::Polite { min, .. } = pace {
        config.rate_min = min;
    }
    config
}

fn payload(options: &SendOptions) -> EnginePayload {
    match options.content.payload {
        _ if options.standard.is_some() => EnginePayload::All,
        Payload::Auto => EnginePayload::Auto,
        Payload::All => EnginePayload::All,
        Payload::Missing => EnginePayload::Missing,
        Payload::Carousel { passes, interleave } => {
            let once = matches!(passes, Passes::Once { .. });
            let interleave = interleave.or(once.then_some(SECTION_BYTES));
            EnginePayload::Carousel { passes, interleave }
        }
    }
}

fn policy(slow: &Slow) -> Option<SlowPolicy> {
    let (limits, separate_group) = match *slow {
        Slow::Wait => return None,
        Slow::Evict(limits) => (limits, None),
        Slow::Separate(limits, group) => (limits, Some(group)),
    };
    let SlowLimits { below, loss, after } = limits;
    Some(SlowPolicy { below, loss, after, separate_group })
}

impl From<ConfigError> for SendError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.into())
    }
}
