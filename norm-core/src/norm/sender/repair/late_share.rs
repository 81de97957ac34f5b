//! The share of the rate that late-join repair may take from new data.

/// How a packet counts for the share of late-join repair.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Not at all.
    None,
    /// It is other repair, or new data.
    Earns,
    /// It is late-join repair.
    Spends,
}

/// Bytes that late-join repair may send while there is other work.
#[derive(Debug)]
pub(super) struct LateRepairShare {
    saved: i64,
    percent: i64,
}

/// Most bytes that are saved up, or owed.
const MAX_SAVED: i64 = 256 << 10;

impl LateRepairShare {
    /// A share of `percent` of the rate, 1 to 90.
    pub(super) fn new(percent: u32) -> Self {
        Self { saved: 0, percent: i64::from(percent.clamp(1, 90)) }
    }

    /// Late-join repair may go before new data.
    pub(super) fn has_share(&self) -> bool {
        self.saved > 0
    }

    /// These bytes were sent.
    pub(super) fn count(&mut self, share: Share, bytes: usize) {
        let bytes = bytes as i64;
        match share {
            Share::None => {}
            Share::Earns => {
                let earned = bytes * self.percent / (100 - self.percent);
                self.saved = (self.saved + earned).min(MAX_SAVED);
            }
            Share::Spends => self.saved = (self.saved - bytes).max(-MAX_SAVED),
        }
    }
}
