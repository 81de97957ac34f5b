//! An engine with a gate before it.

use norm_core::Timestamp;
use norm_core::endpoint::{Datagram, Endpoint, Job, JobDone, Transmit, TransmitBuf};

use crate::gate::{Gate, RunSource};

/// An engine with a gate before it; an endpoint as the engine is.
pub struct Guarded<E, R> {
    engine: E,
    gate: Gate<R>,
}

impl<E, R> Guarded<E, R> {
    /// An engine behind this gate.
    pub fn new(engine: E, gate: Gate<R>) -> Self {
        Self { engine, gate }
    }

    /// The engine.
    pub fn inner(&self) -> &E {
        &self.engine
    }

    /// The engine, to be changed.
    pub fn inner_mut(&mut self) -> &mut E {
        &mut self.engine
    }

    /// The gate.
    pub fn gate(&self) -> &Gate<R> {
        &self.gate
    }

    /// The gate, to be changed.
    pub fn gate_mut(&mut self) -> &mut Gate<R> {
        &mut self.gate
    }
}

impl<E: Endpoint, R: RunSource> Endpoint for Guarded<E, R> {
    type Event = E::Event;

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        let Datagram { source, to_group, ce, waited, payload, .. } = datagram;
        let Some((payload, proof)) = self.gate.admit(now, source, payload) else { return };
        self.engine.handle_datagram(now, Datagram { source, to_group, ce, waited, proof, payload });
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.engine.handle_timeout(now);
    }

    fn handle_job(&mut self, now: Timestamp, done: JobDone) {
        self.engine.handle_job(now, done);
    }

    fn poll_transmit(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        if let Some(own) = self.gate.poll_own(now, out) {
            self.engine.note_own_packet(now, out.as_bytes().len());
            return Some(own);
        }
        self.gate.prepare(out);
        let transmit = self.engine.poll_transmit(now, out)?;
        self.gate.seal(transmit, out)
    }

    fn poll_job(&mut self) -> Option<Job> {
        self.engine.poll_job()
    }

    fn poll_event(&mut self) -> Option<E::Event> {
        self.engine.poll_event()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.engine.poll_timeout().into_iter().chain(self.gate.next_own()).min()
    }
}
