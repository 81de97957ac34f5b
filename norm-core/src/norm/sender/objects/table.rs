//! The objects of a session and the running number of each of their blocks.

use bytes::Bytes;

use super::object::{STREAM_BLOCKS, SendObject};
use super::stream::{SendStream, StreamSpec};
use crate::fec::{Layout, LayoutError, Scheme};
use crate::norm::sender::config::{ConfigError, Payload, SenderConfig};
use crate::norm::stream::StreamShape;
use crate::norm::wire::{MAX_OBJECTS, MovedObjects, ObjectFlags, ObjectId};

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

/// All objects, by key and by running block number.
#[derive(Debug)]
pub(crate) struct ObjectTable {
    objects: Vec<SendObject>,
    first_key: u64,
    /// Key of the first object of the first layout.
    oldest_key: u64,
    end_block: u64,
    bytes: u64,
}

/// How far first transmission has come in a layout that is given up.
#[derive(Copy, Clone, Debug)]
pub(super) struct SentSoFar {
    /// Key of the object at the position.
    pub(super) key: u64,
    /// Bytes of it that were sent.
    pub(super) bytes: u64,
}

/// Longest blocks, in symbols, that objects are cut into when they are laid out anew: what
/// receivers take.
const MAX_BLOCK_LEN: u32 = 4096;
/// Most objects before a stream: running numbers must not come near their end.
const MAX_STREAMS: usize = 1 << 14;

impl ObjectTable {
    pub(super) fn new(first_key: u64) -> Self {
        Self { objects: Vec::new(), first_key, oldest_key: first_key, end_block: 0, bytes: 0 }
    }

    pub(super) fn push(
        &mut self,
        spec: ObjectSpec,
        config: &SenderConfig,
    ) -> Result<u64, ConfigError> {
        if self.objects.len() >= usize::from(MAX_OBJECTS) {
            return Err(ConfigError::TooManyObjects);
        }
        if spec.info.as_ref().is_some_and(|info| info.len() > config.command_room()) {
            return Err(ConfigError::InfoTooLong);
        }
        let layout = layout(spec.size, config)?;
        // An empty object has no DATA: its INFO carries the size (0) to the receiver.
        let info = if spec.size == 0 { Some(spec.info.unwrap_or_default()) } else { spec.info };
        let flags = if spec.file { ObjectFlags::FILE } else { ObjectFlags(0) };
        let key = self.end_key();
        self.objects.push(SendObject::new(key, self.end_block, layout, info, flags));
        self.end_block += u64::from(layout.blocks());
        self.bytes = self.bytes.saturating_add(spec.size);
        Ok(key)
    }

    pub(super) fn push_stream(
        &mut self,
        spec: &StreamSpec,
        config: &SenderConfig,
    ) -> Result<u64, ConfigError> {
        let Scheme::ReedSolomon(code) = config.scheme else { return Err(ConfigError::StreamCode) };
        if matches!(config.payload, Payload::Carousel { .. }) {
            return Err(ConfigError::StreamCode);
        }
        if self.objects.len() >= MAX_STREAMS {
            return Err(ConfigError::TooManyObjects);
        }
        let segment = config.segment_size;
        if spec.info.as_ref().is_some_and(|info| info.len() > config.command_room()) {
            return Err(ConfigError::InfoTooLong);
        }
        let shape = segment.checked_add(8).and(StreamShape::new(segment, code.block_len()));
        let stream = SendStream::new(shape.ok_or(ConfigError::SegmentSize)?, spec);
        let layout = Layout::reed_solomon(stream.size(), segment, code)
            .map_err(|_| ConfigError::ObjectTooLarge)?;
        let (key, info, flags) = (self.end_key(), spec.info.clone(), ObjectFlags::STREAM);
        let object = SendObject::new(key, self.end_block, layout, info, flags);
        self.objects.push(object.with_stream(stream));
        self.end_block = self.end_block.saturating_add(STREAM_BLOCKS);
        Ok(key)
    }

    /// Cuts all objects anew, by other settings; returns the symbols in the longest block aimed at.
    /// Objects of which something was `sent` get new keys, and their old ones mean nothing any
    /// longer.
    pub(super) fn lay_out(
        &mut self,
        config: &SenderConfig,
        sent: Option<SentSoFar>,
    ) -> Result<u32, ConfigError> {
        let count = self.objects.len() as u64;
        let first_key = if sent.is_some() { self.end_key() } else { self.first_key };
        // All keys that receivers may still speak of must differ in 16 bits.
        if first_key + count - self.oldest_key > u64::from(MAX_OBJECTS) {
            return Err(ConfigError::TooManyObjects);
        }
        let room = config.command_room();
        let mut config = config.clone();
        let longest = self.objects.iter().map(SendObject::size).max().unwrap_or(0);
        while layout(longest, &config).is_err() && config.block_len < MAX_BLOCK_LEN {
            config.block_len *= 2;
        }
        let (mut objects, mut end_block) = (Vec::new(), self.end_block);
        for (key, object) in (first_key..).zip(&self.objects) {
            if object.info().is_some_and(|info| info.len() > room) {
                return Err(ConfigError::InfoTooLong);
            }
            if object.is_transient() {
                return Err(ConfigError::StreamCode);
            }
            let done = sent.map_or(0, |sent| match object.key() {
                key if key < sent.key => object.size(),
                key if key == sent.key => sent.bytes,
                _ => 0,
            });
            let object = object.laid_out(key, end_block, layout(object.size(), &config)?, done);
            end_block += object.blocks();
            objects.push(object);
        }
        self.objects = objects;
        self.first_key = first_key;
        self.end_block = end_block;
        Ok(config.block_len)
    }

    /// True of an object that was laid out anew since, and has another key now.
    pub(crate) fn has_moved(&self, key: u64) -> bool {
        (self.oldest_key..self.first_key).contains(&key)
    }

    /// The objects that have other keys than at first.
    pub(crate) fn moved(&self) -> MovedObjects {
        let count = (self.objects.len() as u64).max(1);
        MovedObjects {
            // The low 16 bits of a key are the transport id.
            first: ObjectId(self.first_key as u16),
            objects: self.objects.len() as u16,
            layouts: ((self.first_key - self.oldest_key) / count) as u16,
        }
    }

    pub(super) fn stream_mut(&mut self, key: u64) -> Option<&mut SendStream> {
        let index = usize::try_from(key.checked_sub(self.first_key)?).ok()?;
        self.objects.get_mut(index)?.stream_mut()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    pub(crate) fn first_key(&self) -> u64 {
        self.first_key
    }

    /// The first block that exists.
    pub(super) fn first_block(&self) -> u64 {
        self.objects.first().map_or(self.end_block, SendObject::first_block)
    }

    /// One past the newest object.
    pub(crate) fn end_key(&self) -> u64 {
        self.first_key + self.objects.len() as u64
    }

    /// One past the newest block.
    pub(crate) fn end_block(&self) -> u64 {
        self.end_block
    }

    /// Content bytes of all objects.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn get(&self, key: u64) -> Option<&SendObject> {
        self.objects.get(usize::try_from(key.checked_sub(self.first_key)?).ok()?)
    }

    /// The object in this place of the session.
    pub(crate) fn at(&self, index: usize) -> Option<&SendObject> {
        self.objects.get(index)
    }

    /// The object that Read jobs give this key.
    pub(super) fn by_source(&self, source_key: u64) -> Option<&SendObject> {
        let at = self.objects.partition_point(|object| object.source_key() < source_key);
        self.objects.get(at).filter(|object| object.source_key() == source_key)
    }

    pub(crate) fn last(&self) -> Option<&SendObject> {
        self.objects.last()
    }

    /// The object that a running block number belongs to, and the block's number within it.
    pub(crate) fn by_block(&self, number: u64) -> Option<(&SendObject, u32)> {
        if number >= self.end_block {
            return None;
        }
        let after = self.objects.partition_point(|o| o.first_block() <= number);
        // Empty objects share their first block with the next one, which comes last of them.
        let object = self.objects.get(after.checked_sub(1)?)?;
        Some((object, u32::try_from(number - object.first_block()).ok()?))
    }
}

/// How an object of this size is cut.
fn layout(size: u64, config: &SenderConfig) -> Result<Layout, ConfigError> {
    let segment = config.segment_size;
    let layout = match config.scheme {
        Scheme::RaptorQ => Layout::choose_raptorq(size, segment, config.block_len),
        Scheme::NoCode => Layout::choose_no_code(size, segment, config.block_len),
        // NORM has no profile for it; the configuration refuses it.
        Scheme::Raptor => Err(LayoutError::UnknownScheme),
        Scheme::ReedSolomon(code) => Layout::reed_solomon(size, segment, code),
    };
    layout.map_err(|_| ConfigError::ObjectTooLarge)
}
