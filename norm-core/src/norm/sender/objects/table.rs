//! The objects of a session and the running number of each of their blocks.

use bytes::Bytes;

use super::stream::{SendStream, StreamSpec};
use crate::endpoint::BlockGeometry;
use crate::fec::{Layout, Scheme};
use crate::norm::sender::config::{ConfigError, SenderConfig};
use crate::norm::stream::StreamShape;
use crate::norm::wire::{Fti, MAX_OBJECTS, ObjectFlags, ObjectId};

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
pub(crate) struct SendObject {
    pub(crate) key: u64,
    pub(crate) info: Option<Bytes>,
    pub(crate) flags: ObjectFlags,
    pub(crate) layout: Layout,
    /// Running number of its block 0.
    pub(crate) first_block: u64,
    /// What is written, when it is a stream. Then the layout is that of its buffer.
    pub(crate) stream: Option<Box<SendStream>>,
}

/// Running numbers that a stream takes: as many blocks as it can ever have.
const STREAM_BLOCKS: u64 = 1 << 32;

impl SendObject {
    pub(crate) fn id(&self) -> ObjectId {
        ObjectId(self.key as u16)
    }

    pub(crate) fn blocks(&self) -> u64 {
        if self.stream.is_some() { STREAM_BLOCKS } else { u64::from(self.layout.blocks()) }
    }

    /// Source symbols in a block.
    pub(crate) fn block_len(&self, block: u32) -> u32 {
        match (&self.stream, self.layout.scheme()) {
            (Some(_), Scheme::ReedSolomon(code)) => code.block_len().into(),
            _ => self.layout.block_len(block),
        }
    }

    /// Blocks that are there: a stream has room for more than are written.
    pub(crate) fn begun_blocks(&self) -> u64 {
        self.stream.as_ref().map_or_else(|| self.blocks(), |stream| stream.blocks())
    }

    /// False of a stream's block that is not all written, or no longer here.
    pub(crate) fn can_be_coded(&self, block: u32) -> bool {
        self.stream.as_ref().is_none_or(|stream| stream.source.is_whole(block.into()))
    }

    pub(crate) fn fti(&self) -> Fti {
        Fti::of(&self.layout)
    }

    pub(crate) fn geometry(&self, block: u32) -> BlockGeometry {
        if let Some(stream) = &self.stream {
            let (symbols, symbol_size) = (self.block_len(block), stream.symbol_size());
            let (scheme, len) = (self.layout.scheme(), symbols * u32::from(symbol_size));
            return BlockGeometry { scheme, symbols, symbol_size, offset: 0, len };
        }
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
pub(crate) struct ObjectTable {
    objects: Vec<SendObject>,
    first_key: u64,
    end_block: u64,
    bytes: u64,
}

/// A stream is not begun behind more objects: running numbers must not come near their end.
const MAX_STREAMS: usize = 1 << 14;

impl ObjectTable {
    pub(crate) fn new(first_key: u64) -> Self {
        Self { objects: Vec::new(), first_key, end_block: 0, bytes: 0 }
    }

    pub(crate) fn push(
        &mut self,
        spec: ObjectSpec,
        config: &SenderConfig,
    ) -> Result<u64, ConfigError> {
        let segment = config.segment_size;
        if self.objects.len() >= usize::from(MAX_OBJECTS) {
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
        let first_block = self.end_block;
        self.objects.push(SendObject { key, info, flags, layout, first_block, stream: None });
        self.end_block += u64::from(layout.blocks());
        self.bytes = self.bytes.saturating_add(spec.size);
        Ok(key)
    }

    pub(crate) fn push_stream(
        &mut self,
        spec: &StreamSpec,
        config: &SenderConfig,
    ) -> Result<u64, ConfigError> {
        let Scheme::ReedSolomon(code) = config.scheme else { return Err(ConfigError::StreamCode) };
        if self.objects.len() >= MAX_STREAMS {
            return Err(ConfigError::TooManyObjects);
        }
        let segment = config.segment_size;
        if spec.info.as_ref().is_some_and(|info| info.len() > usize::from(segment)) {
            return Err(ConfigError::InfoTooLong);
        }
        let shape = segment.checked_add(8).and(StreamShape::new(segment, code.block_len()));
        let stream = SendStream::new(shape.ok_or(ConfigError::SegmentSize)?, spec);
        let layout = Layout::reed_solomon(stream.size(), segment, code)
            .map_err(|_| ConfigError::ObjectTooLarge)?;
        let mut flags = ObjectFlags::STREAM;
        if spec.info.is_some() {
            flags = flags.with(ObjectFlags::INFO);
        }
        let (key, first_block) = (self.end_key(), self.end_block);
        let (info, stream) = (spec.info.clone(), Some(Box::new(stream)));
        self.objects.push(SendObject { key, info, flags, layout, first_block, stream });
        self.end_block = self.end_block.saturating_add(STREAM_BLOCKS);
        Ok(key)
    }

    pub(crate) fn stream_mut(&mut self, key: u64) -> Option<&mut SendStream> {
        let index = usize::try_from(key.checked_sub(self.first_key)?).ok()?;
        self.objects.get_mut(index)?.stream.as_deref_mut()
    }

    /// Takes a stream out, so that its content can be looked at while packets are written; it must
    /// be put back. With it the running number of its block 0.
    pub(crate) fn take_stream(&mut self, key: u64) -> Option<(u64, Box<SendStream>)> {
        let index = usize::try_from(key.checked_sub(self.first_key)?).ok()?;
        let object = self.objects.get_mut(index)?;
        Some((object.first_block, object.stream.take()?))
    }

    pub(crate) fn put_stream(&mut self, key: u64, stream: Box<SendStream>) {
        let index = key.checked_sub(self.first_key).and_then(|index| usize::try_from(index).ok());
        if let Some(object) = index.and_then(|index| self.objects.get_mut(index)) {
            object.stream = Some(stream);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    pub(crate) fn first_key(&self) -> u64 {
        self.first_key
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

    pub(crate) fn last(&self) -> Option<&SendObject> {
        self.objects.last()
    }

    /// The object that a running block number belongs to, and the block's number within it.
    pub(crate) fn by_block(&self, number: u64) -> Option<(&SendObject, u32)> {
        if number >= self.end_block {
            return None;
        }
        let after = self.objects.partition_point(|o| o.first_block <= number);
        // Empty objects share their first block with the next one, which comes last of them.
        let object = self.objects.get(after.checked_sub(1)?)?;
        Some((object, u32::try_from(number - object.first_block).ok()?))
    }
}
