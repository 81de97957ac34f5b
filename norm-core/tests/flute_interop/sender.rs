//! Our sender, with content in memory.

use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;
use md5::{Digest, Md5};
use norm_core::Timestamp;
use norm_core::endpoint::{Endpoint, GatherJob, Job, JobDone, Piece, PrepareJob, TransmitBuf};
use norm_core::fec::{RsForm, encode};
use norm_core::flute::sender::{FecChoice, Passes};
use norm_core::flute::wire::{ExtensionBuf, Packet, TimeFields, Toi};
use norm_core::flute::{Profile, Sender, SenderConfig};
use norm_core::transfer::{FileContent, ObjectMeta, ObjectSpec, Outbound};

use crate::case::{Case, Fec, Table};

/// How our sender cuts and codes objects.
pub fn config(case: &Case, profile: Profile, passes: Passes) -> SenderConfig {
    let rs = |form| FecChoice::ReedSolomon { form, parity: case.parity };
    SenderConfig {
        profile,
        fec: match case.fec {
            Fec::NoCode => FecChoice::NoCode,
            Fec::Raptor => FecChoice::Raptor,
            Fec::Rs2m8 => rs(RsForm::Id2Bits8),
            Fec::Rs2m16 => rs(RsForm::Id2Bits16Be),
            Fec::Rs5 => rs(RsForm::Id5),
            Fec::RaptorQ => FecChoice::RaptorQ,
            Fec::Rs129 => rs(RsForm::Id129),
        },
        symbol_size: case.symbol_size,
        block_len: case.block_len.into(),
        passes,
        unix_start: Duration::from_secs(1_800_000_000),
        // Ten milliseconds are about a hundred packets, so that losing a table costs little.
        fdt_interval: Duration::from_millis(10),
        fdt_gzip: case.table == Table::Gzip,
        ..SenderConfig::new(1, 120_000_000)
    }
}

/// A sender with its objects.
pub struct OurSender {
    engine: Sender,
    now: Timestamp,
    content: BTreeMap<u64, Vec<u8>>,
    /// Of each block the last two jobs: first id, symbol size, symbols.
    prepared: BTreeMap<u64, Vec<(u32, usize, Vec<u8>)>>,
    out: TransmitBuf,
    waiting: Vec<Vec<u8>>,
}

impl OurSender {
    /// With one object.
    pub fn new(config: &SenderConfig, content: &[u8]) -> Self {
        Self::of_objects(config, &[("a/b.bin".to_owned(), content.to_vec())])
    }

    /// With objects of these names and bytes.
    pub fn of_objects(config: &SenderConfig, objects: &[(String, Vec<u8>)]) -> Self {
        let mut engine = Sender::new(config, 1, Timestamp::ZERO).unwrap();
        let mut content = BTreeMap::new();
        for (name, bytes) in objects {
            let md5 = Some(Md5::digest(bytes).into());
            let meta = ObjectMeta::File {
                name: Some(Bytes::copy_from_slice(name.as_bytes())),
                content: FileContent { md5, ..FileContent::default() },
            };
            let key = engine.enqueue(ObjectSpec { size: bytes.len() as u64, meta }).unwrap();
            content.insert(key, bytes.clone());
        }
        engine.finish();
        let out = TransmitBuf::new(64);
        let (prepared, waiting) = (BTreeMap::new(), Vec::new());
        Self { engine, now: Timestamp::ZERO, content, prepared, out, waiting }
    }

    /// The next packet.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        while self.waiting.is_empty() {
            while let Some(job) = self.engine.poll_job() {
                let done = match job {
                    Job::Prepare(job) => self.prepare(job),
                    Job::Gather(job) => self.gather(&job),
                    other => panic!("{other:?}"),
                };
                self.engine.handle_job(self.now, done);
            }
            while self.engine.poll_event().is_some() {}
            if self.engine.poll_transmit(self.now, &mut self.out).is_some() {
                let packets = self.out.as_bytes().chunks(self.out.segment_size());
                self.waiting = packets.rev().map(<[u8]>::to_vec).collect();
                continue;
            }
            self.now = self.engine.poll_timeout()?;
        }
        self.waiting.pop()
    }

    fn prepare(&mut self, job: PrepareJob) -> JobDone {
        let (block, first, from) = (job.source.block, job.first, job.source.offset as usize);
        let source = &self.content[&job.source.object][from..from + job.source.len as usize];
        let (size, count) = (job.symbol_size, job.count);
        let symbols = encode(job.scheme, job.symbols, size, source, first, count).unwrap();
        let kept = self.prepared.entry(block).or_default();
        kept.push((first, size.into(), symbols));
        if kept.len() > 2 {
            kept.remove(0);
        }
        JobDone::Prepare { block, first, result: Ok(()) }
    }

    fn gather(&self, job: &GatherJob) -> JobDone {
        let mut bytes = Vec::new();
        for piece in &job.pieces {
            bytes.extend_from_slice(self.piece(*piece));
        }
        JobDone::Gather { number: job.number, result: Ok(Bytes::from(bytes)) }
    }

    fn piece(&self, piece: Piece) -> &[u8] {
        match piece {
            Piece::Source { object, offset, len } => {
                &self.content[&object][offset as usize..][..len as usize]
            }
            Piece::Prepared { block, first, count } => {
                let mut found = self.prepared[&block].iter().filter_map(|(from, size, symbols)| {
                    let at = first.checked_sub(*from)? as usize * size;
                    symbols.get(at..at + count as usize * size)
                });
                found.next().unwrap()
            }
        }
    }
}

/// The packet without EXT_FTI, if it is one of an object.
pub fn without_fti(bytes: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(bytes, TimeFields::Reserved).unwrap();
    if packet.header.toi.is_none_or(|toi| toi == Toi::FDT) {
        return bytes.to_vec();
    }
    let mut bare = Vec::new();
    let none = ExtensionBuf::new();
    Packet { extensions: none.as_extensions(), ..packet }.emit(&mut bare);
    bare
}
