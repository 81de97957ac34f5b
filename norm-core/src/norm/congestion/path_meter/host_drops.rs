//! Packets that arrived at this host and were dropped there.

/// Counts drops of the host. The system counts them without saying which packets they are: they are
/// among those that are missing when the next probe is read.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct HostDrops {
    /// All, once there was a count.
    total: Option<u64>,
    /// Of them, those that no interval had room for so far.
    pending: u64,
}

impl HostDrops {
    /// Notes how many there were so far.
    pub(super) fn note(&mut self, total: u64) {
        let before = self.total.replace(total).unwrap_or(total);
        self.pending += total.saturating_sub(before);
    }

    /// How many of the packets that an interval lacks were dropped here.
    pub(super) fn among(&mut self, missing: u64) -> u64 {
        let dropped = self.pending.min(missing);
        self.pending -= dropped;
        dropped
    }
}
