//! The timers of a sender: which one is next.

use core::fmt;

use crate::base::Timestamp;

/// Why a sender wants to wake up.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TimeoutReason {
    /// The rate allows the next packet.
    Pacing,
    /// Phase and receivers are looked at.
    Check,
    /// An EOT is due.
    Eot,
    /// A probe of round trips and paths is due.
    Probe,
    /// A membership query is due.
    Query,
    /// A FLUSH is due.
    Flush,
    /// An application's acknowledgment request is due.
    AckRequest,
    /// An application's command is due.
    Command,
    /// What is repeated for as long as the session lasts is due.
    Notice,
    /// After a change of address, a notice is due, or content may go on.
    Move,
    /// Gathered repair requests are due.
    Repair,
    /// It may be known how long packets may be.
    PathMtu,
    /// New data have waited long enough for a receiver.
    FlowControl,
    /// A FLUSH that lists late joiners is due.
    LateJoiners,
    /// What receivers have of the content is looked at.
    Payload,
    /// INFO and lists are repeated beside passes.
    Repeat,
}

impl fmt::Display for TimeoutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pacing => "the rate allows the next packet",
            Self::Check => "phase and receivers are to be looked at",
            Self::Eot => "an EOT is due",
            Self::Probe => "a probe is due",
            Self::Query => "a membership query is due",
            Self::Flush => "a FLUSH is due",
            Self::AckRequest => "an acknowledgment request is due",
            Self::Command => "an application command is due",
            Self::Notice => "a notice is to be repeated",
            Self::Move => "a change of address is to be told, or was told for long enough",
            Self::Repair => "gathered repair requests are due",
            Self::PathMtu => "the length of packets is to be decided on",
            Self::FlowControl => "new data have waited long enough for a receiver",
            Self::LateJoiners => "late joiners are to be listed",
            Self::Repeat => "what passes repeat beside them is due",
            Self::Payload => "what receivers have of the content is to be looked at",
        })
    }
}

/// Finds the first of several timers.
#[derive(Debug)]
pub(crate) struct Timers {
    first: Option<(Timestamp, TimeoutReason)>,
    /// When the rate allows the next packet.
    pacing: Timestamp,
}

impl Timers {
    /// `pacing` is when the rate allows the next packet.
    pub(crate) fn new(pacing: Timestamp) -> Self {
        Self { first: None, pacing }
    }

    /// Adds a timer, if it runs.
    pub(crate) fn add(&mut self, at: Option<Timestamp>, reason: TimeoutReason) {
        if let Some(at) = at
            && self.first.is_none_or(|(first, _)| at < first)
        {
            self.first = Some((at, reason));
        }
    }

    /// Adds the timer of a packet, which waits for the rate as well.
    pub(crate) fn add_packet(&mut self, at: Option<Timestamp>, reason: TimeoutReason) {
        match at {
            Some(at) if at < self.pacing => self.add(Some(self.pacing), TimeoutReason::Pacing),
            at => self.add(at, reason),
        }
    }

    /// The first timer, and what it is for.
    pub(crate) fn next(&self) -> Option<(Timestamp, TimeoutReason)> {
        self.first
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn first_timer_wins_and_packets_wait_for_the_rate() {
        let at = |ms| Timestamp::ZERO + Duration::from_millis(ms);
        let mut timers = Timers::new(at(5));
        assert_eq!(timers.next(), None);
        timers.add_packet(None, TimeoutReason::Eot);
        timers.add_packet(Some(at(9)), TimeoutReason::Flush);
        timers.add(Some(at(12)), TimeoutReason::Check);
        assert_eq!(timers.next(), Some((at(9), TimeoutReason::Flush)));
        timers.add_packet(Some(at(3)), TimeoutReason::Probe);
        assert_eq!(timers.next(), Some((at(5), TimeoutReason::Pacing)));
        timers.add(Some(at(4)), TimeoutReason::Check);
        assert_eq!(timers.next(), Some((at(4), TimeoutReason::Check)));
    }
}
