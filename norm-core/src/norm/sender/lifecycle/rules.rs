//! The settings that phases depend on, and the times that follow from them.

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::sender::config::{FeedbackFrom, SenderConfig};
use crate::norm::sender::mode::Mode;

/// Settings of an application.
#[derive(Debug)]
pub(super) struct Rules {
    mode: Mode,
    /// Content flows when this many receivers have announced themselves.
    pub(super) min_receivers: usize,
    /// Shortest silence after which a group or receiver is given up.
    pub(super) patience: Duration,
    /// How often a message that needs an answer is repeated.
    pub(super) robust: u32,
    /// The session waits for unannounced receivers.
    pub(super) trusts_unannounced: bool,
}

/// Time at the beginning in which EXT_FTI goes on every DATA message.
const FTI_TIME: Duration = Duration::from_secs(2);
/// The wait of the RFC's robust factor is not stretched further by a long round trip.
const MAX_ROBUST_WAIT: Duration = Duration::from_secs(15);
/// While receivers are waited for, shortest silence after which one is taken off the list.
const MIN_GATHERING_SILENCE: Duration = Duration::from_secs(4);

impl Rules {
    pub(super) fn new(config: &SenderConfig) -> Self {
        Self {
            mode: config.mode,
            min_receivers: config.min_receivers,
            patience: config.patience,
            robust: config.robust,
            trusts_unannounced: config.feedback == FeedbackFrom::All,
        }
    }

    /// The wait of the RFC's robust factor.
    pub(super) fn robust_wait(&self, grtt: Duration) -> Duration {
        (grtt * 2 * self.robust).min(MAX_ROBUST_WAIT)
    }

    /// Silence after which a receiver is given up: the RFC's robust factor or our patience,
    /// doubled, and never less than three `queries`.
    pub(super) fn silence(&self, grtt: Duration, queries: Duration) -> Duration {
        (self.patience.max(self.robust_wait(grtt)) * 2).max(queries * 3)
    }

    /// Silence after which a receiver is taken off the list while receivers are waited for.
    pub(super) fn gathering_silence(&self, grtt: Duration, queries: Duration) -> Duration {
        (queries * 3).max(MIN_GATHERING_SILENCE).min(self.silence(grtt, queries))
    }

    /// Until when EXT_FTI goes on every DATA message of content that begins to flow now.
    pub(super) fn fti_until(&self, now: Timestamp) -> Timestamp {
        if self.mode.repeats_fti() { Timestamp::MAX } else { now + FTI_TIME }
    }
}
