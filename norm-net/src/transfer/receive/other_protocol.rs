//! Notices packets of the protocol that a session does not speak: NORM where FLUTE is received, and
//! the other way round.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use norm_core::Timestamp;
use norm_core::endpoint::{Datagram, Endpoint, Job, JobDone, Transmit, TransmitBuf};

use crate::io::layer::Layer;
use crate::transfer::{flute, norm};

/// Where it is sent from, once it was heard.
#[derive(Clone, Debug, Default)]
pub(super) struct OtherProtocol(Arc<OnceLock<SocketAddr>>);

impl OtherProtocol {
    /// The first sender of the other protocol that was heard.
    pub(super) fn source(&self) -> Option<SocketAddr> {
        self.0.get().copied()
    }
}

/// A layer that looks at packets, and changes nothing.
#[derive(Debug)]
pub(super) struct Noticing<E> {
    engine: E,
    /// FLUTE is received.
    is_flute: bool,
    heard: OtherProtocol,
}

impl<E> Noticing<E> {
    pub(super) fn new(engine: E, is_flute: bool, heard: OtherProtocol) -> Self {
        Self { engine, is_flute, heard }
    }

    fn look(&self, datagram: &Datagram<'_>) {
        // Packets of NORM have their type in the lower half of the first byte, those of LCT flags
        // that FLUTE does not use.
        let Some(first) = datagram.payload.first() else { return };
        let is_norm = first & 0x0f != 0;
        if is_norm != self.is_flute || self.heard.0.get().is_some() {
            return;
        }
        let is_other = match self.is_flute {
            true => norm::is_message(datagram.payload),
            false => flute::is_packet(datagram.payload),
        };
        if is_other {
            // Only this layer sets it.
            let _ = self.heard.0.set(datagram.source);
        }
    }
}

impl<E: Layer> Layer for Noticing<E> {
    type Engine = E::Engine;

    fn engine(&self) -> &E::Engine {
        self.engine.engine()
    }

    fn engine_mut(&mut self) -> &mut E::Engine {
        self.engine.engine_mut()
    }
}

impl<E: Endpoint> Endpoint for Noticing<E> {
    type Event = E::Event;

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        self.look(&datagram);
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
