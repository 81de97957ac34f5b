//! What the timers of the group are computed from: its size, the backoff, the round trip.

use core::time::Duration;

use crate::norm::sender::config::SenderConfig;
use crate::norm::wire::QuantizedRtt;

/// Size and timers of the group, as they are told to receivers in each message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupTiming {
    /// The group round trip that both sides use.
    pub(crate) grtt: Duration,
    /// The group round trip as messages carry it.
    pub(crate) advertised: QuantizedRtt,
    /// Receivers that suppression reckons with.
    pub(crate) size: u64,
    /// RFC 5740's K.
    pub(crate) backoff: u8,
}

impl GroupTiming {
    /// So large a group that NACKs are to be spared.
    pub(crate) fn is_large(&self) -> bool {
        self.size > SMALL_GROUP
    }

    /// There is one receiver.
    pub(crate) fn is_single(&self) -> bool {
        self.size <= 1
    }

    /// How long requests are gathered: until the last receiver's NACK would have come.
    pub(crate) fn gather_time(&self) -> Duration {
        let alone = self.is_single() && self.backoff == 0;
        if alone { Duration::ZERO } else { self.grtt * (u32::from(self.backoff) + 1) }
    }

    /// A receiver's time from one NACK to the next.
    pub(crate) fn nack_cycle(&self) -> Duration {
        self.grtt * (2 * u32::from(self.backoff) + 4)
    }

    /// NACKs are to be advertised to the receivers that do not hear them.
    pub(crate) fn has_suppression(&self) -> bool {
        self.size > 1 && self.backoff > 0
    }
}

/// Size of a group of which no receiver was heard: the RFC's assumption.
const UNKNOWN_GROUP: u64 = 10_000;
/// A group this small needs little suppression.
const SMALL_GROUP: u64 = 10;
/// Smallest size of a group whose receivers are still announcing themselves.
const UNCOUNTED_GROUP: u64 = 50;

/// How the size of the group and the backoff are chosen.
#[derive(Debug)]
pub(super) struct GroupRule {
    backoff: Option<u8>,
    size: Option<u64>,
    /// Receivers that the sender waits for before content flows.
    expected: usize,
    /// The last NACK came to us alone.
    unicast: bool,
}

impl GroupRule {
    pub(super) fn new(config: &SenderConfig) -> Self {
        Self {
            backoff: config.backoff,
            size: config.group_size,
            expected: config.min_receivers,
            unicast: false,
        }
    }

    /// A NACK came to the group, or to us alone.
    pub(super) fn note_nack(&mut self, to_group: bool) {
        self.unicast = !to_group;
    }

    /// More backoff for larger groups, none for a single receiver, and more still where receivers
    /// hear each other only through our advertisements (RFC 5740 §5.4.4).
    pub(super) fn backoff(&self, size: u64) -> u8 {
        self.backoff.unwrap_or(match size {
            1 => 0,
            2..=SMALL_GROUP => 1,
            _ if self.unicast => 6,
            _ => 4,
        })
    }

    /// Receivers that suppression reckons with. The `heard` ones are few of many until the group is
    /// `counted`, or all are there that the sender was to wait for. A stream keeps its blocks for a
    /// short time only, so it begins with the timers of a large group.
    pub(super) fn size(&self, heard: usize, counted: bool, streaming: bool) -> u64 {
        let complete = self.expected > 0 && heard >= self.expected && !streaming;
        self.size.unwrap_or(match heard as u64 {
            0 => UNKNOWN_GROUP,
            heard if counted || complete => heard,
            heard => heard.max(UNCOUNTED_GROUP),
        })
    }
}
