//! Datagrams, and how objects are cut into symbols.

use norm_core::endpoint::BlockGeometry;
use norm_core::fec::Scheme;
use norm_core::fileset::{ContentHash, ManifestHash, PartKind, SetDescriptor, SetId, SetSummary};
use norm_core::transfer::ObjectMeta;

pub(super) const MAGIC: [u8; 4] = *b"TOY1";
/// Bytes of a datagram before its symbol.
pub const HEADER: usize = 153;
pub(super) const SYMBOL: u16 = 1024;
const BLOCK_SYMBOLS: u32 = 64;
const BLOCK_BYTES: u64 = SYMBOL as u64 * BLOCK_SYMBOLS as u64;
/// Bytes of an object at most.
const MAX_SIZE: u64 = 1 << 32;
/// What a receiver says to each sender once. A filter that keeps the feedback of NORM drops it: the
/// lower half of the first byte is below four.
pub(super) const REQUEST: [u8; 4] = [0xa0, 1, 2, 3];

/// Blocks of an object of this size.
pub(super) fn blocks(size: u64) -> u32 {
    size.div_ceil(BLOCK_BYTES) as u32
}

/// A block of an object of this size; `None` past the end.
pub(super) fn geometry(size: u64, block: u32) -> Option<BlockGeometry> {
    let offset = u64::from(block) * BLOCK_BYTES;
    let len = size.checked_sub(offset).filter(|left| *left > 0)?.min(BLOCK_BYTES) as u32;
    let symbols = len.div_ceil(SYMBOL.into());
    Some(BlockGeometry { scheme: Scheme::NoCode, symbols, symbol_size: SYMBOL, offset, len })
}

/// The fields of a datagram before its symbol.
pub(super) struct Header {
    pub(super) key: u64,
    pub(super) size: u64,
    pub(super) block: u32,
    pub(super) symbol: u32,
    pub(super) meta: ObjectMeta,
}

impl Header {
    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.push(0);
        out.extend_from_slice(&self.key.to_be_bytes());
        out.extend_from_slice(&self.size.to_be_bytes());
        out.extend_from_slice(&self.block.to_be_bytes());
        out.extend_from_slice(&self.symbol.to_be_bytes());
        match &self.meta {
            ObjectMeta::SetPart { index, part } => {
                let kind = match part.kind {
                    PartKind::Manifest => 0,
                    PartKind::Payload => 1,
                    PartKind::DigestList => 2,
                };
                out.push(0);
                out.extend_from_slice(&index.to_be_bytes());
                out.push(kind);
                let set = &part.set;
                out.extend_from_slice(&part.offset.to_be_bytes());
                out.extend_from_slice(&set.set.0);
                out.extend_from_slice(&set.parts.to_be_bytes());
                out.push(set.list_first.into());
                for number in [set.payload_size, set.manifest_size, set.list_size] {
                    out.extend_from_slice(&number.to_be_bytes());
                }
                out.extend_from_slice(&set.manifest.0);
                out.push(set.content.is_some().into());
                out.extend_from_slice(&set.content.map_or([0; 32], |content| content.0));
            }
            ObjectMeta::File { .. } => out.push(1),
            ObjectMeta::Opaque(_) => out.push(2),
        }
        out.resize(start + HEADER, 0);
    }

    /// Reads a datagram; `None` when it is none of this protocol, or cannot be.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (header, symbol_bytes) = bytes.split_first_chunk::<HEADER>()?;
        let mut reader = Fields(header.get(5..)?);
        let [key, size] = [reader.u64()?, reader.u64()?];
        let [block, symbol] = [reader.u32()?, reader.u32()?];
        let meta = match reader.u8()? {
            0 => ObjectMeta::SetPart { index: reader.u32()?, part: part(&mut reader)? },
            1 => ObjectMeta::file(None),
            _ => ObjectMeta::Opaque(None),
        };
        (size <= MAX_SIZE).then_some((Self { key, size, block, symbol, meta }, symbol_bytes))
    }
}

fn part(reader: &mut Fields<'_>) -> Option<SetDescriptor> {
    let kind = match reader.u8()? {
        0 => PartKind::Manifest,
        1 => PartKind::Payload,
        2 => PartKind::DigestList,
        _ => return None,
    };
    let offset = reader.u64()?;
    let set = SetSummary {
        set: SetId(reader.array()?),
        parts: reader.u32()?,
        list_first: reader.u8()? == 1,
        payload_size: reader.u64()?,
        manifest_size: reader.u64()?,
        list_size: reader.u64()?,
        manifest: ManifestHash(reader.array()?),
        content: if reader.u8()? == 1 { Some(ContentHash(reader.array()?)) } else { None },
    };
    let part = SetDescriptor { kind, offset, set };
    part.is_consistent().then_some(part)
}

/// What is left of a header.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}
