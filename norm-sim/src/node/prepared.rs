//! Symbols that senders have made before they are sent: what a driver keeps of `Prepare` jobs.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use norm_core::endpoint::{GatherJob, JobDone, Piece, PrepareJob};

/// What the last two jobs of each block have made, by the running number of the block.
#[derive(Debug, Default)]
pub(crate) struct PreparedSymbols {
    blocks: BTreeMap<u64, VecDeque<Prepared>>,
}

/// What a [`PrepareJob`] has made.
#[derive(Debug)]
struct Prepared {
    job: PrepareJob,
    /// Empty where only ids matter.
    symbols: Bytes,
}

/// Jobs of a block of which the symbols are kept.
const KEPT_JOBS: usize = 2;

impl PreparedSymbols {
    /// Keeps the symbols of a job; none where only ids matter.
    ///
    /// # Panics
    /// When the job is for source symbols, or for none.
    pub(crate) fn keep(&mut self, job: PrepareJob, symbols: Bytes) -> JobDone {
        let (block, first) = (job.source.block, job.first);
        assert!(first >= job.symbols && job.count > 0, "no coded symbols: {job:?}");
        let kept = self.blocks.entry(block).or_default();
        kept.push_back(Prepared { job, symbols });
        if kept.len() > KEPT_JOBS {
            kept.pop_front();
        }
        JobDone::Prepare { block, first, result: Ok(()) }
    }

    /// Does a job with what is kept; `read` has the bytes of objects.
    ///
    /// # Panics
    /// When symbols are not kept any more.
    pub(crate) fn gather(&self, job: &GatherJob, read: impl Fn(u64, u64, u32) -> Bytes) -> JobDone {
        let mut bytes = Vec::new();
        for piece in &job.pieces {
            match *piece {
                Piece::Source { object, offset, len } => {
                    bytes.extend_from_slice(&read(object, offset, len));
                }
                Piece::Prepared { block, first, count } => {
                    self.append(block, first, count, &mut bytes);
                }
            }
        }
        JobDone::Gather { number: job.number, result: Ok(Bytes::from(bytes)) }
    }

    /// The sender has crashed.
    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
    }

    fn append(&self, block: u64, first: u32, count: u32, bytes: &mut Vec<u8>) {
        let has = |kept: &&Prepared| {
            let job = &kept.job;
            job.first <= first && first + count <= job.first + job.count
        };
        let found = self.blocks.get(&block).and_then(|kept| kept.iter().rev().find(has));
        let Some(Prepared { job, symbols }) = found else {
            panic!("symbols {first}, {count} of them, of block {block} are not kept")
        };
        let size = usize::from(job.symbol_size);
        if symbols.is_empty() {
            bytes.resize(bytes.len() + count as usize * size, first as u8);
            return;
        }
        let start = (first - job.first) as usize * size;
        bytes.extend_from_slice(&symbols[start..start + count as usize * size]);
    }
}
