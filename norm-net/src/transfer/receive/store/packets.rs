//! Packets of objects of which it is not known yet how they are cut into blocks, on a disk.
//!
//! Those of all objects are collected, one after the other, and written in chunks. What is kept in
//! memory is where each of them stands. A chunk of which no packet is wanted gives its room back.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use norm_core::endpoint::{ObjectRef, RawPacket};
use norm_core::fec::FecId;

use super::writing::{Disk, Run, RunState};
use crate::io::workers::Workers;
use crate::transfer::regions::{Region, Regions};
use crate::transfer::spool_file::SpoolFile;

/// Bytes that are written at once; more than any packet has.
const CHUNK: usize = 64 << 10;
/// Bytes on their way to the disk at most.
const WRITING: usize = 512 << 10;
/// Bytes that are read back at once, or a packet more.
const BATCH: usize = 256 << 10;

/// All such packets.
#[derive(Debug)]
pub(super) struct Packets {
    disk: Disk,
    regions: Regions,
    /// Chunks with packets that are wanted, by their running numbers.
    chunks: BTreeMap<u64, Chunk>,
    /// The number of the one that is collected.
    current: u64,
    /// What is collected.
    tail: Vec<u8>,
    objects: HashMap<ObjectRef, OfObject>,
}

/// A chunk, of which some packets are wanted.
#[derive(Debug, Default)]
struct Chunk {
    packets: usize,
    /// Where it is; `None` while it is collected.
    place: Option<(Region, Arc<Run>)>,
}

/// Packets of an object, in the order in which they came.
#[derive(Debug, Default)]
struct OfObject {
    records: VecDeque<Record>,
    /// How many of the first ones a worker has.
    lent: usize,
}

/// Where a packet is.
#[derive(Copy, Clone, Debug)]
struct Record {
    chunk: u64,
    at: u32,
    len: u32,
    fec: FecId,
}

impl Packets {
    /// None, in this file, to which this thread writes.
    pub(super) fn new(file: SpoolFile, writer: Arc<Workers>) -> Self {
        Self {
            disk: Disk::new(file, writer),
            regions: Regions::default(),
            chunks: BTreeMap::new(),
            current: 0,
            tail: Vec::new(),
            objects: HashMap::new(),
        }
    }

    /// Why packets could not be written; told once.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.disk.take_failure()
    }

    /// Keeps a packet; false when there is no room.
    pub(super) fn put(&mut self, object: ObjectRef, fec: FecId, content: &[u8]) -> bool {
        if content.len() > CHUNK || (self.tail.len() + content.len() > CHUNK && !self.write()) {
            return false;
        }
        let (chunk, at, len) = (self.current, self.tail.len() as u32, content.len() as u32);
        self.tail.extend_from_slice(content);
        self.chunks.entry(chunk).or_default().packets += 1;
        let records = &mut self.objects.entry(object).or_default().records;
        records.push_back(Record { chunk, at, len, fec });
        true
    }

    /// Has what is collected written; false when too much is on its way to the disk, or the disk
    /// takes no more.
    fn write(&mut self) -> bool {
        if !self.disk.may_write() || self.disk.writing() >= WRITING {
            return false;
        }
        let bytes = std::mem::take(&mut self.tail);
        if let Some(chunk) = self.chunks.get_mut(&self.current) {
            let region = self.regions.take(bytes.len() as u64);
            chunk.place = Some((region, self.disk.write(bytes, region.start)));
        }
        self.current += 1;
        true
    }

    /// Lends the next packets of an object to a worker; those that it had before are forgotten.
    /// `None` when there are no more.
    pub(super) fn lend(&mut self, object: ObjectRef) -> Option<Recalled> {
        let before = self.objects.get_mut(&object).map(|of| std::mem::take(&mut of.lent));
        for _ in 0..before.unwrap_or(0) {
            let record = self.objects.get_mut(&object).and_then(|of| of.records.pop_front());
            record.into_iter().for_each(|record| self.forget(record));
        }
        let of = self.objects.get_mut(&object).filter(|of| !of.records.is_empty())?;
        let mut parts = Vec::new();
        let mut bytes = 0;
        for record in &of.records {
            if bytes >= BATCH {
                break;
            }
            bytes += record.len as usize;
            let range = record.at as usize..(record.at + record.len) as usize;
            let source = match self.chunks.get(&record.chunk).and_then(|chunk| chunk.place.as_ref())
            {
                Some((region, run)) => Source::Written(Arc::clone(run), region.start),
                None => Source::Here(self.tail.get(range).unwrap_or_default().into()),
            };
            parts.push((*record, source));
        }
        of.lent = parts.len();
        let is_last = of.lent == of.records.len();
        Some(Recalled { parts, is_last, file: self.disk.file() })
    }

    /// Forgets all packets of an object.
    pub(super) fn discard(&mut self, object: ObjectRef) {
        let gone = self.objects.remove(&object).unwrap_or_default();
        gone.records.into_iter().for_each(|record| self.forget(record));
    }

    fn forget(&mut self, record: Record) {
        let Some(chunk) = self.chunks.get_mut(&record.chunk) else { return };
        chunk.packets -= 1;
        if chunk.packets > 0 {
            return;
        }
        match self.chunks.remove(&record.chunk).and_then(|chunk| chunk.place) {
            Some((region, _)) => {
                if self.regions.give_back(region) {
                    self.disk.clear();
                }
                // What was there may be written over.
                self.disk.try_again();
            }
            None => self.tail.clear(),
        }
    }
}

/// Where the bytes of a packet are.
#[derive(Debug)]
enum Source {
    Here(Box<[u8]>),
    /// In a chunk, which begins at this byte of the file.
    Written(Arc<Run>, u64),
}

/// Packets that a worker reads.
#[derive(Debug)]
pub(crate) struct Recalled {
    parts: Vec<(Record, Source)>,
    is_last: bool,
    file: Arc<SpoolFile>,
}

impl Recalled {
    /// True when there are no more of their object.
    pub(crate) const fn is_last(&self) -> bool {
        self.is_last
    }

    /// Reads them, without those that were lost or cannot be read: they are as lost as others.
    pub(crate) fn read(self) -> Vec<RawPacket> {
        let file = self.file;
        let read = |(record, source): (Record, Source)| {
            let (at, len) = (record.at as usize, record.len as usize);
            let content = match source {
                Source::Here(bytes) => bytes,
                Source::Written(run, start) => match &*run.lock() {
                    RunState::Waiting(bytes) => bytes.get(at..at + len)?.into(),
                    RunState::Written => {
                        let mut bytes = vec![0; len];
                        file.read(&mut bytes, start + at as u64).ok()?;
                        bytes.into()
                    }
                    RunState::Lost => return None,
                },
            };
            Some(RawPacket { fec: record.fec, content })
        };
        self.parts.into_iter().filter_map(read).collect()
    }
}

#[cfg(test)]
mod tests;
