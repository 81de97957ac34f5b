//! The receiver's engine, with a share of the arriving packets dropped before it: for demos and tests.

use norm_core::endpoint::{Datagram, Endpoint, Job, JobDone, Transmit, TransmitBuf};
use norm_core::norm::{Receiver, ReceiverEvent};
use norm_core::{Rng, Timestamp};

use super::store::BlockStore;

/// An engine behind a bad link.
#[derive(Debug)]
pub(super) struct Lossy {
    pub(super) engine: Receiver<BlockStore>,
    /// Probability of a loss.
    drop: f64,
    rng: Rng,
}

impl Lossy {
    /// Drops `percent` of the packets; 0 none.
    pub(super) fn new(engine: Receiver<BlockStore>, percent: f64, seed: u64) -> Self {
        Self { engine, drop: percent / 100.0, rng: Rng::new(seed) }
    }
}

impl Endpoint for Lossy {
    type Event = ReceiverEvent;

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        if self.drop > 0.0 && self.rng.chance(self.drop) {
            return;
        }
        self.engine.handle_datagram(now, datagram);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.engine.handle_timeout(now);
    }

    fn handle_job(&mut self, now: Timestamp, done: JobDone) {
        self.engine.handle_job(now, done);
    }

    fn poll_transmit(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        self.engine.poll_transmit(now, out)
    }

    fn poll_job(&mut self) -> Option<Job> {
        self.engine.poll_job()
    }

    fn poll_event(&mut self) -> Option<ReceiverEvent> {
        self.engine.poll_event()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.engine.poll_timeout()
    }
}
