//! The objects of a session and the running number of each of their blocks.

use bytes::Bytes;

use super::config::{ConfigError, SenderConfig};
use crate::endpoint::BlockGeometry;
use crate::fec::{Layout, Scheme};
use crate::wire::{Fti, ObjectFlags, ObjectId};

/// An object to be sent.
#[derive(Clone, Debug)]
pub struct ObjectSpec {
    /// Content bytes.
    pub size: u64,
    /// NORM_INFO: at most one segment of application bytes about the object.
    pub info: Option<Bytes>,
    /// Marks the object as a file rather than data (RFC 5740 §4.2.1).
    pub file: bool,
}

/// An object in the session.
#[derive(Debug)]
pub(super) struct SendObject {
    pub(super) key: u64,
    pub(super) info: Option<Bytes>,
    pub(super) flags: ObjectFlags,
    pub(super) layout: Layout,
    /// Running number of its block 0.
    pub(super) first_block: u64,
}

impl SendObject {
    pub(super) fn id(&self) -> ObjectId {
        ObjectId(self.key as u16)
    }

    pub(super) fn blocks(&self) -> u64 {
        u64::from(self.layout.blocks())
    }

    pub(super) fn fti(&self) -> Fti {
        self.layout.to_fti()
    }

    pub(super) fn geometry(&self, block: u32) -> BlockGeometry {
        let partition = self.layout.partition();
        BlockGeometry {
            scheme: self.layout.scheme(),
            symbols: partition.block_len(block),
            symbol_size: partition.symbol_size(),
            offset: partition.block_offset(block),
            len: partition.block_bytes(block),
        }
    }
}

/// All objects, by key and by running block number.
#[derive(Debug)]
pub(super) struct ObjectTable {
    objects: Vec<SendObject>,
    first_key: u64,
    end_block: u64,
    bytes: u64,
}

/// Half the 16-bit id space: more would make "before" and "after" ambiguous.
const MAX_OBJECTS: usize = 32_767;

impl ObjectTable {
    pub(super) fn new(first_key: u64) -> Self {
        Self { objects: Vec::new(), first_key, end_block: 0, bytes: 0 }
    }

    pub(super) fn push(
        &mut self,
        spec: ObjectSpec,
        config: &SenderConfig,
    ) -> Result<u64, ConfigError> {
        let segment = config.segment_size;
        if self.objects.len() >= MAX_OBJECTS {
            return Err(ConfigError::TooManyObjects);
        }
        if spec.info.as_ref().is_some_and(|info| info.len() > usize::from(segment)) {
            return Err(ConfigError::InfoTooLong);
        }
        let layout = match config.scheme {
            Scheme::RaptorQ => Layout::choose_raptorq(spec.size, segment, config.block_len),
            Scheme::NoCode => Layout::choose_no_code(spec.size, segment, config.block_len),
            Scheme::ReedSolomon(code) => Layout::reed_solomon(spec.size, segment, code),
        }
        .map_err(|_| ConfigError::ObjectTooLarge)?;
        let mut flags = ObjectFlags(0);
        // An empty object has no DATA: its INFO carries the size (0) to the receiver.
        let info = if spec.size == 0 { Some(spec.info.unwrap_or_default()) } else { spec.info };
        if info.is_some() {
            flags = flags.with(ObjectFlags::INFO);
        }
        if spec.file {
            flags = flags.with(ObjectFlags::FILE);
        }
        let key = self.end_key();
        self.objects.push(SendObject { key, info, flags, layout, first_block: self.end_block });
        self.end_block += u64::from(layout.blocks());
        self.bytes = self.bytes.saturating_add(spec.size);
        Ok(key)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    pub(super) fn first_key(&self) -> u64 {
        self.first_key
    }

    /// One past the newest object.
    pub(super) fn end_key(&self) -> u64 {
        self.first_key + self.objects.len() as u64
    }

    /// One past the newest block.
    pub(super) fn end_block(&self) -> u64 {
        self.end_block
    }

    /// Content bytes of all objects.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn get(&self, key: u64) -> Option<&SendObject> {
        self.objects.get(usize::try_from(key.checked_sub(self.first_key)?).ok()?)
    }

    pub(super) fn last(&self) -> Option<&SendObject> {
        self.objects.last()
    }

    /// The object that a running block number belongs to, and the block's number within it.
    pub(super) fn by_block(&self, number: u64) -> Option<(&SendObject, u32)> {
        if number >= self.end_block {
            return None;
        }
        let after = self.objects.partition_point(|o| o.first_block <= number);
        // Empty objects share their first block with the next one, which comes last of them.
        let object = self.objects.get(after.checked_sub(1)?)?;
        Some((object, u32::try_from(number - object.first_block).ok()?))
    }
}
