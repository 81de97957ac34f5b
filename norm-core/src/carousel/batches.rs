//! What is read ahead of its sending: batches of symbols, in the order of sending.

use std::collections::VecDeque;

use bytes::Bytes;

/// Symbols of one block that follow each other, all of them source symbols or all of them coded.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The place of the object among those of the session.
    pub object: usize,
    /// Source block number.
    pub sbn: u32,
    /// Source symbols of the block.
    pub k: u32,
    /// Encoding symbol id of the first one.
    pub first: u32,
    pub count: u32,
    /// Content bytes; the last source symbol of an object may be short.
    pub bytes: u32,
    /// In the first pass of the object.
    pub is_first_pass: bool,
    /// In the last pass of the object.
    pub is_last_pass: bool,
    /// Its last symbol is the last one of the object.
    pub closes: bool,
    /// The running number of the section.
    pub section: u64,
}

/// A symbol to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Symbol {
    /// The place of the object among those of the session.
    pub(crate) object: usize,
    /// Source block number.
    pub(crate) sbn: u32,
    /// Source symbols of the block.
    k: u32,
    /// Encoding symbol id.
    pub(crate) id: u32,
    pub(crate) payload: Bytes,
    /// In the first pass of the object.
    pub(crate) is_first_pass: bool,
    /// In the last pass of the object.
    pub(crate) is_last_pass: bool,
    /// It is the last one of the object.
    pub(crate) closes: bool,
}

impl Symbol {
    /// True of a source symbol.
    pub(crate) fn is_source(&self) -> bool {
        self.id < self.k
    }
}

#[derive(Debug)]
struct Batch {
    number: u64,
    runs: VecDeque<Run>,
    len: usize,
    /// What is left of its bytes; `None` while they are read.
    bytes: Option<Bytes>,
}

/// Batches that are being read, or wait.
#[derive(Debug, Default)]
pub(super) struct Batches {
    queue: VecDeque<Batch>,
    len: usize,
}

impl Batches {
    /// Adds a batch that is to be read.
    pub(super) fn push(&mut self, number: u64, runs: VecDeque<Run>) {
        let len = runs.iter().map(|run| run.bytes as usize).sum();
        self.len += len;
        self.queue.push_back(Batch { number, runs, len, bytes: None });
    }

    /// Takes the bytes of a batch; false when they are not those that were asked for.
    pub(super) fn fill(&mut self, number: u64, bytes: Bytes) -> bool {
        let batch = self.queue.iter_mut().find(|batch| batch.number == number);
        let Some(batch) = batch.filter(|batch| batch.bytes.is_none()) else { return false };
        let fits = batch.len == bytes.len();
        if fits {
            batch.bytes = Some(bytes);
        }
        fits
    }

    /// Content bytes in all of them.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn count(&self) -> usize {
        self.queue.len()
    }

    /// The running number of the section that is being sent; `None` when nothing waits.
    pub(super) fn section(&self) -> Option<u64> {
        Some(self.queue.front()?.runs.front()?.section)
    }

    /// True while coded symbols are being read.
    pub(super) fn is_reading_coded(&self) -> bool {
        let reading = self.queue.iter().filter(|batch| batch.bytes.is_none());
        reading.flat_map(|batch| &batch.runs).any(|run| run.first >= run.k)
    }

    /// True when the bytes of the next symbol are here.
    pub(super) fn is_ready(&self) -> bool {
        self.queue.front().is_some_and(|batch| batch.bytes.is_some())
    }

    /// Takes the next symbol, of `symbol_size` bytes or, if it is short, less.
    pub(super) fn take(&mut self, symbol_size: u16) -> Option<Symbol> {
        let batch = self.queue.front_mut()?;
        let bytes = batch.bytes.as_mut()?;
        let run = batch.runs.front_mut()?;
        let len = u32::from(symbol_size).min(run.bytes).min(bytes.len() as u32);
        let payload = bytes.split_to(len as usize);
        let symbol = Symbol {
            object: run.object,
            sbn: run.sbn,
            k: run.k,
            id: run.first,
            payload,
            is_first_pass: run.is_first_pass,
            is_last_pass: run.is_last_pass,
            closes: run.closes && run.count == 1,
        };
        run.first += 1;
        run.count -= 1;
        run.bytes -= len;
        self.len = self.len.saturating_sub(len as usize);
        if run.count == 0 {
            batch.runs.pop_front();
        }
        if batch.runs.is_empty() {
            self.queue.pop_front();
        }
        Some(symbol)
    }
}
