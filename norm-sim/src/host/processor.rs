//! A processor that takes time for packets, and wakes late.

use core::time::Duration;

use norm_core::{Rng, Timestamp};

use crate::scenario::Limits;

/// When a host's processor can do something.
#[derive(Debug)]
pub(super) struct Processor {
    limits: Limits,
    rng: Rng,
    /// Until then it is busy.
    free_at: Timestamp,
    /// When it reads from the socket, in which packets wait.
    reads_at: Option<Timestamp>,
    /// When it asks next what the socket has dropped.
    looks_at: Timestamp,
}

/// How often a host asks what its socket has dropped, as the driver of `norm-net` does.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Processor {
    pub(super) fn new(limits: Limits, rng: Rng) -> Self {
        let (free_at, looks_at) = (Timestamp::ZERO, Timestamp::ZERO);
        Self { limits, rng, free_at, reads_at: None, looks_at }
    }

    /// Starts again with an empty socket.
    pub(super) fn reset(&mut self) {
        self.reads_at = None;
    }

    /// Goes on after a stall: reads what waits in the socket.
    pub(super) fn resume(&mut self, now: Timestamp) {
        self.reads_at = self.reads_at.map(|at| at.max(now));
    }

    /// Packets wait in the socket from now on: wakes if it does not run already.
    pub(super) fn wake(&mut self, now: Timestamp) {
        if self.reads_at.is_none() {
            // A busy processor does not sleep before it has looked at the socket.
            let busy = now < self.free_at;
            let latency = if busy { Duration::ZERO } else { self.latency() };
            self.reads_at = Some(self.free_at.max(now + latency));
        }
    }

    /// The time that it takes to wake this time.
    pub(super) fn latency(&mut self) -> Duration {
        if self.limits.wake.is_zero() {
            return Duration::ZERO;
        }
        self.limits.wake.mul_f64(self.rng.unit())
    }

    /// When it reads the next packet.
    pub(super) fn reads_at(&self) -> Option<Timestamp> {
        self.reads_at
    }

    /// Is busy with one packet more, from now on or from when it is free. Returns the end.
    pub(super) fn work(&mut self, now: Timestamp) -> Timestamp {
        self.free_at = self.free_at.max(now) + self.limits.per_packet;
        self.free_at
    }

    /// A packet was read, and `more` are in the socket.
    pub(super) fn has_read(&mut self, more: bool) {
        self.reads_at = more.then_some(self.free_at);
    }

    /// The first time from this one on at which it is free.
    pub(super) fn free_from(&self, at: Timestamp) -> Timestamp {
        self.free_at.max(at)
    }

    /// It asks now what the socket has dropped.
    pub(super) fn looks(&mut self, now: Timestamp) -> bool {
        let looks = now >= self.looks_at;
        if looks {
            self.looks_at = now + LOOK_EVERY;
        }
        looks
    }
}
