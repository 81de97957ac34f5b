//! What all connections of a service share.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use super::cache::Cache;
use super::costs::Costs;
use super::sets::{ServedSet, Sets};

/// Answers with chunks that are under way at once: each holds one in memory, about.
const MAX_PAYLOADS: usize = 128;

/// Counts what a service has sent.
#[derive(Debug, Default)]
pub struct ServedBytes {
    payload: AtomicU64,
    requests: AtomicU64,
}

impl ServedBytes {
    /// Bytes of payload.
    pub fn payload(&self) -> u64 {
        self.payload.load(Ordering::Relaxed)
    }

    /// Requests, refused ones included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }
}

/// Why a chunk is not sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is not what it was, or cannot be read: it is not here any more.
    Gone,
    /// The address has had too much hashed for what it took.
    TooDear,
    /// The service has too much to do.
    Busy,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gone => "the file has changed, or is gone",
            Self::TooDear => "too many short requests from this address: ask for whole chunks",
            Self::Busy => "too many requests at once: try again later",
        })
    }
}

impl std::error::Error for Refusal {}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) sets: Sets,
    pub(super) own_name: Option<String>,
    pub(super) served: Arc<ServedBytes>,
    cache: Cache,
    costs: Costs,
    payloads: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(sets: Sets, own_name: Option<String>, served: Arc<ServedBytes>) -> Self {
        let (cache, costs) = (Cache::default(), Costs::new(Instant::now()));
        let payloads = Arc::new(Semaphore::new(MAX_PAYLOADS));
        Self { sets, own_name, served, cache, costs, payloads }
    }

    /// Leave to send chunks, until it is dropped.
    pub(super) fn begin_payload(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.payloads).try_acquire_owned().map_err(|_| Refusal::Busy)
    }

    /// The data of a chunk, verified.
    pub(super) async fn chunk(
        &self,
        set: Arc<ServedSet>,
        number: u32,
        peer: IpAddr,
    ) -> Result<Bytes, Refusal> {
        let key = (set.set.content(), number);
        if !set.have().has(number) {
            return Err(Refusal::Gone);
        }
        if let Some(bytes) = self.cache.get(key) {
            return Ok(bytes);
        }
        let bytes = set.set.chunks().chunk(number).map_or(0, |chunk| chunk.data);
        if !self.costs.may_hash(peer, bytes, Instant::now()) {
            return Err(Refusal::TooDear);
        }
        let reading = Arc::clone(&set);
        let read = spawn_blocking(move || reading.set.read(number)).await;
        let Ok(read) = read else { return Err(Refusal::Busy) };
        match read {
            Ok(bytes) => {
                self.cache.put(key, bytes.clone());
                Ok(bytes)
            }
            Err(_) => {
                set.have().remove(number);
                Err(Refusal::Gone)
            }
        }
    }

    /// These bytes of payload go to an address.
    pub(super) fn count_sent(&self, peer: IpAddr, bytes: u64) {
        self.served.payload.fetch_add(bytes, Ordering::Relaxed);
        self.costs.sent(peer, bytes, Instant::now());
    }
}
