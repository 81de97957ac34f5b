//! A FLUTE sender with all that is to be sent.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use norm_core::announce::SessionProtocol;
use norm_core::fileset::{Entry, SetId};
use norm_core::flute::Sender;
use norm_core::flute::sender::{Profile, SenderConfig, SenderError};
use norm_core::flute::wire::Tsi;
use norm_core::transfer::Outbound;
use norm_core::{Rng, Timestamp};
use norm_files::source::{Extents, FileSet, Reader};

use super::hashes::add_hashes;
use super::options::FluteSend;
use crate::io::seal::SealConfig;
use crate::io::socket::PacketFilter;
use crate::transfer::config_problem::ConfigProblem;
use crate::transfer::objects::{FilePlan, Sizes, entry_path, longest_block, objects_of_set};
use crate::transfer::send::{
    Carrier, HeldObjects, Pace, Prepared, Protocol, Segment, SendError, SendOptions,
};

/// Bytes of an extent at most: receivers verify, and receive again, less at a time than all.
const MAX_EXTENT_BYTES: u64 = 1 << 30;
/// Source symbols of a block that is aimed at.
const BLOCK_LEN: u32 = 1_000;
/// The first object has a number up to this, so that most sessions have short ones.
const MAX_FIRST_KEY: u64 = 32_768;
/// Files at most: what receivers take of a session.
const MAX_FILES: u64 = 65_536;

/// FLUTE, one way.
pub(crate) struct Flute(pub(crate) FluteSend);

impl Protocol for Flute {
    type Engine = Sender;

    fn carrier(&self) -> Carrier {
        Carrier { protocol: SessionProtocol::Flute, tsi: Tsi::new(self.0.tsi) }
    }

    /// Nothing of what is heard concerns a sender.
    fn feedback_filter(&self) -> Option<PacketFilter> {
        None
    }

    fn data_overhead(&self, _: &SendOptions) -> u32 {
        u32::try_from(self.0.config(1).header_len()).unwrap_or(u32::MAX)
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
        let drawn = SetId(rng.next_bytes());
        let mut config = config(self.0, options, segment, now);
        // Other content has other numbers, also when a session begins anew.
        let first_key = 1 + rng.below(MAX_FIRST_KEY);
        config.first_toi = Some(first_key);
        let mut engine = Sender::new(&config, rng.next_u64(), now)?;
        let (fec_id, block_len) = (config.fec.fec_id().0, config.block_len);
        if self.0.sends_set() {
            let id = set.unwrap_or(drawn);
            let (held, source) = set_of(found, id, segment)?;
            let (set, left_out) = (Some(id), Vec::new());
            return Ok(Prepared {
                engine,
                held,
                source,
                first_key,
                set,
                fec_id,
                block_len,
                left_out,
            });
        }
        let plan = FilePlan::new(&found, MAX_FILES, check_name)?;
        let mut source = Reader::of_files(plan.offsets(), found);
        let files = add_hashes(self.0.profile, &mut source, plan.specs());
        for (file, path) in files.into_iter().zip(plan.paths()) {
            let added = Outbound::enqueue(&mut engine, file);
            added.map_err(|error| refused(error, path, self.0.profile))?;
        }
        Outbound::finish(&mut engine);
        Ok(Prepared {
            engine,
            held: HeldObjects::default(),
            source,
            first_key,
            set: None,
            fec_id,
            block_len,
            left_out: plan.left_out(),
        })
    }
}

/// Refuses a file whose name cannot stand in a table.
fn check_name(entry: &Entry<'_>) -> Result<(), SendError> {
    let path = entry_path(entry);
    if path.to_str().is_some() { Ok(()) } else { Err(SendError::NameNotText { path }) }
}

/// Why a file cannot be sent.
fn refused(error: SenderError, path: PathBuf, profile: Profile) -> SendError {
    match error {
        SenderError::ObjectTooLarge { size: bytes, limit } => {
            SendError::FileBeyondProfile { path, bytes, limit, profile }
        }
        error => error.into(),
    }
}

/// The objects of a file set, to be handed over when all is hashed: receivers know all hashes
/// before the payload comes.
fn set_of(
    found: FileSet,
    set: SetId,
    segment: &Segment,
) -> Result<(HeldObjects, Reader), SendError> {
    let sizes = Sizes::of(&found);
    let Some(extents) = Extents::cut(sizes.payload, MAX_EXTENT_BYTES) else {
        return Err(SendError::TooLarge {
            bytes: sizes.payload,
            manifest_bytes: sizes.manifest,
            segment_size: segment.size,
        });
    };
    let objects = objects_of_set(set, found.manifest_hash, true, sizes, extents);
    Ok((HeldObjects::new(objects), Reader::new(extents, found)))
}

fn config(
    flute: FluteSend,
    options: &SendOptions,
    segment: &Segment,
    now: Timestamp,
) -> SenderConfig {
    let rate = match options.pace {
        Pace::Fixed(rate) => rate,
        _ => 0, // refused before
    };
    let mut config = flute.config(rate);
    config.symbol_size = segment.size;
    config.block_len = longest_block(segment.size, BLOCK_LEN);
    config.overhead = options.packet_overhead();
    config.signature = SealConfig::signature(options.seal.as_ref());
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    config.unix_start = unix.saturating_sub(now.saturating_since(Timestamp::ZERO));
    config
}

impl From<SenderError> for SendError {
    fn from(error: SenderError) -> Self {
        Self::Config(ConfigProblem::Flute(error))
    }
}
