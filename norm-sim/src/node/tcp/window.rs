//! The congestion window: Reno (RFC 5681) and CUBIC (RFC 9438). All sizes are in segments.

use norm_core::Timestamp;

use crate::scenario::Control;

/// Payload bytes of a full segment, which is 1500 bytes long on the wire.
pub(super) const MSS: u32 = 1448;
/// Bytes that a source has in flight at most, and that a sink keeps out of order.
pub(super) const RECEIVE_WINDOW: u64 = 6 << 20;

/// Window at the start (RFC 6928).
const INITIAL: f64 = 10.0;
/// Largest window.
const MAX: f64 = RECEIVE_WINDOW as f64 / MSS as f64;
/// CUBIC's C, in segments per second cubed.
const C: f64 = 0.4;
/// CUBIC's beta.
const BETA: f64 = 0.7;

/// A congestion window.
#[derive(Debug)]
pub(super) struct Window {
    control: Control,
    size: f64,
    threshold: f64,
    /// CUBIC: the window before the last reduction, or less for fast convergence; 0 if unknown.
    before: f64,
    /// CUBIC: congestion avoidance since the last reduction.
    epoch: Option<Epoch>,
}

#[derive(Debug)]
struct Epoch {
    start: Timestamp,
    /// Window at the flat part of the curve.
    plateau: f64,
    /// Seconds from the start of the epoch to the flat part.
    k: f64,
    /// The window that Reno would have now.
    reno: f64,
}

impl Window {
    pub(super) fn new(control: Control) -> Self {
        Self { control, size: INITIAL, threshold: f64::INFINITY, before: 0.0, epoch: None }
    }

    pub(super) fn size(&self) -> f64 {
        self.size
    }

    /// New data was acknowledged outside of recovery; `rtt` is in seconds.
    pub(super) fn on_ack(&mut self, now: Timestamp, acked: f64, rtt: f64) {
        // An acknowledgment counts for two segments (RFC 3465), not for all after a hole.
        let acked = acked.min(2.0);
        self.size = match self.control {
            _ if self.size < self.threshold => self.size + acked,
            Control::Reno => self.size + acked / self.size,
            Control::Cubic => self.cubic(now, acked, rtt),
        };
        self.size = self.size.min(MAX);
    }

    fn cubic(&mut self, now: Timestamp, acked: f64, rtt: f64) -> f64 {
        let (size, before) = (self.size, self.before);
        let epoch = self.epoch.get_or_insert_with(|| {
            let plateau = before.max(size);
            Epoch { start: now, plateau, k: libm::cbrt((plateau - size) / C), reno: size }
        });
        let alpha = if epoch.reno < before { 3.0 * (1.0 - BETA) / (1.0 + BETA) } else { 1.0 };
        epoch.reno += alpha * acked / size;
        let since = now.saturating_since(epoch.start).as_secs_f64();
        let curve = |t: f64| epoch.plateau + C * (t - epoch.k) * (t - epoch.k) * (t - epoch.k);
        if curve(since) < epoch.reno {
            return epoch.reno.max(size);
        }
        let target = curve(since + rtt).clamp(size, 1.5 * size);
        size + (target - size) * acked / size
    }

    /// A loss or a CE mark has shown congestion.
    pub(super) fn reduce(&mut self) {
        let factor = match self.control {
            Control::Reno => 0.5,
            Control::Cubic => BETA,
        };
        // Fast convergence: a flow that did not regain its window leaves more to newer flows.
        let size = self.size;
        self.before = if size < self.before { size * (1.0 + BETA) / 2.0 } else { size };
        self.epoch = None;
        self.threshold = (size * factor).max(2.0);
        self.size = self.threshold;
    }

    /// No acknowledgment has come: begin with one segment.
    pub(super) fn restart(&mut self) {
        self.size = 1.0;
        self.before = 0.0;
        self.epoch = None;
    }
}
