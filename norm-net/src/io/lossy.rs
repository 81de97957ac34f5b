//! A layer that drops a share of the packets that arrive, for demonstrations and tests.

use norm_core::endpoint::{Datagram, Endpoint, Job, JobDone, Transmit, TransmitBuf};
use norm_core::{Rng, Timestamp};
use norm_seal::Gate;

use super::layer::Layer;
use super::seal::OsRuns;

/// A layer that some of the arriving packets do not pass.
#[derive(Debug)]
pub(crate) struct Lossy<E> {
    /// What is inside: an engine, or another layer.
    engine: E,
    /// Probability of a loss.
    drop: f64,
    rng: Rng,
}

impl<E> Lossy<E> {
    /// Drops `percent` of the packets; 0 drops none.
    pub(crate) fn new(engine: E, percent: f64, seed: u64) -> Self {
        Self { engine, drop: percent / 100.0, rng: Rng::new(seed) }
    }
}

impl<E: Layer> Layer for Lossy<E> {
    type Engine = E::Engine;

    fn engine(&self) -> &E::Engine {
        self.engine.engine()
    }

    fn engine_mut(&mut self) -> &mut E::Engine {
        self.engine.engine_mut()
    }

    fn gate(&mut self) -> Option<&mut Gate<OsRuns>> {
        self.engine.gate()
    }
}

impl<E: Endpoint> Endpoint for Lossy<E> {
    type Event = E::Event;

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

    fn poll_event(&mut self) -> Option<E::Event> {
        self.engine.poll_event()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.engine.poll_timeout()
    }
}
