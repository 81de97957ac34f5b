//! How long the packets of a sender are that arrive: what its path lets through.

use core::time::Duration;

use crate::base::Timestamp;

/// Time in which only commands come before the sender hears of it.
const REPORT_AFTER: Duration = Duration::from_millis(400);
/// Time in which only commands come before the application hears of it.
const TELL_AFTER: Duration = Duration::from_millis(1500);
/// Fewest packets that must be missing in this time.
const MIN_MISSING: u32 = 8;
/// Fewest commands that must come in this time: the path is not dead.
const MIN_COMMANDS: u32 = 2;

/// The longest packets, by rounds of membership queries.
#[derive(Debug)]
pub(crate) struct PacketSizes {
    /// Bytes of the longest packet since the last query, and between that and the one before.
    rounds: [u16; 2],
    /// What the sender last said of its own packets; 0 when it said nothing.
    in_use: u16,
    starved: Starved,
    /// A packet came in fragments.
    fragmented: bool,
}

/// A time in which commands came and no content.
#[derive(Debug, Default)]
struct Starved {
    since: Option<Timestamp>,
    commands: u32,
    /// Packets that were missing by then.
    missing: u32,
    /// Bytes of the longest packet in this time.
    largest: u16,
    reported: bool,
    /// The application was told, in this time or an earlier one.
    told: bool,
}

/// Commands arrive, and content does not: who is to hear of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum ShortOnly {
    /// The sender.
    Report,
    /// The application.
    Tell(ShortPackets),
}

/// What arrives, when only commands do.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShortPackets {
    /// Bytes of the longest packet that came lately, all headers included.
    pub(crate) largest: u16,
    /// Bytes of the sender's packets, all headers included; 0 when it does not say.
    pub(crate) in_use: u16,
}

impl PacketSizes {
    pub(super) fn new() -> Self {
        Self { rounds: [0; 2], in_use: 0, starved: Starved::default(), fragmented: false }
    }

    /// A packet of this many bytes came, all headers included.
    pub(crate) fn note(&mut self, bytes: usize) {
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        let [now, _] = &mut self.rounds;
        *now = bytes.max(*now);
        self.starved.largest = bytes.max(self.starved.largest);
    }

    /// A packet came in fragments; true of the first one.
    pub(crate) fn note_fragmented(&mut self) -> bool {
        !core::mem::replace(&mut self.fragmented, true)
    }

    /// A membership query came: a round ends.
    pub(crate) fn end_round(&mut self) {
        let [now, _] = self.rounds;
        self.rounds = [0, now];
    }

    /// The sender says how long its packets with content are.
    pub(crate) fn note_in_use(&mut self, bytes: u16) {
        self.in_use = bytes;
    }

    /// Bytes of the longest packet since the query before the last one; 0 without any.
    pub(crate) fn largest(&self) -> u16 {
        let [now, before] = self.rounds;
        now.max(before)
    }

    /// Content came.
    pub(crate) fn note_content(&mut self) {
        self.starved.since = None;
        self.starved.largest = 0;
    }

    /// A command came, when `missing` packets were missing in all. Tells when nothing but commands
    /// has come for some time although more was sent; reports speak of that time alone then.
    pub(crate) fn note_command(&mut self, now: Timestamp, missing: u32) -> Option<ShortOnly> {
        let Some(since) = self.starved.since else {
            let Starved { largest, told, .. } = self.starved;
            self.starved =
                Starved { since: Some(now), commands: 0, missing, largest, reported: false, told };
            return None;
        };
        self.starved.commands += 1;
        let starves = self.starved.commands >= MIN_COMMANDS
            && missing.wrapping_sub(self.starved.missing) >= MIN_MISSING;
        if starves && now >= since + REPORT_AFTER && !self.starved.reported {
            self.starved.reported = true;
            self.rounds = [self.starved.largest, 0];
            return Some(ShortOnly::Report);
        }
        if !starves || now < since + TELL_AFTER || self.starved.told {
            return None;
        }
        self.starved.told = true;
        let (largest, in_use) = (self.starved.largest, self.in_use);
        Some(ShortOnly::Tell(ShortPackets { largest, in_use }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn longest_packet_counts_for_two_rounds() {
        let mut sizes = PacketSizes::new();
        assert_eq!(sizes.largest(), 0);
        sizes.note(1500);
        sizes.note(60);
        sizes.end_round();
        assert_eq!(sizes.largest(), 1500, "before the query");
        sizes.note(70_000);
        assert_eq!(sizes.largest(), u16::MAX);
        sizes.end_round();
        sizes.note(1400);
        sizes.end_round();
        assert_eq!(sizes.largest(), 1400);
    }

    #[test]
    fn commands_without_content_are_reported_and_told_once_while_packets_are_missing() {
        let mut sizes = PacketSizes::new();
        sizes.note(9000);
        sizes.note_content();
        sizes.note(80);
        sizes.note_in_use(9000);
        for n in 0..10 {
            assert_eq!(sizes.note_command(at(n * 1000), 0), None, "nothing was sent");
        }
        assert_eq!(sizes.note_command(at(10_000), 8), Some(ShortOnly::Report));
        assert_eq!(sizes.largest(), 80, "of the time without content");
        let told = ShortOnly::Tell(ShortPackets { largest: 80, in_use: 9000 });
        assert_eq!(sizes.note_command(at(10_010), 9), Some(told));
        assert_eq!(sizes.note_command(at(11_000), 90), None, "once");
        sizes.note_content();
        sizes.note(70);
        for (ms, expected) in [(0, None), (399, None), (400, Some(ShortOnly::Report))] {
            assert_eq!(sizes.note_command(at(20_000 + ms), 200 + ms as u32), expected, "{ms} ms");
        }
        assert_eq!(sizes.note_command(at(29_000), 900), None, "it was told before");
    }

    #[test]
    fn content_between_the_commands_is_no_reason_to_complain() {
        let mut sizes = PacketSizes::new();
        for n in 0..10 {
            assert_eq!(sizes.note_command(at(n * 1000), n as u32 * 30), None);
            sizes.note_content();
        }
        let mut sizes = PacketSizes::new();
        assert_eq!(sizes.note_command(at(0), 0), None);
        assert_eq!(sizes.note_command(at(5000), 99), None, "too few commands");
    }
}
