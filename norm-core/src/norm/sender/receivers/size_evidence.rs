//! What is known of the packets that a path lets through to one receiver.

/// What the reports of one receiver say of the length of packets; kept small, because there may be
/// a hundred thousand.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct SizeEvidence {
    /// Bytes of the longest packet that came since it was last seen to get what it should.
    largest: u16,
    /// The low bits of the query that counted last, and how many in a row it answered without
    /// having got the longest packets that were sent with content.
    rounds: u8,
    /// [`SHORT`] and [`FITS`]; the rest are sets of probes that it has answered since then.
    state: u8,
}

/// It gets none of the content, or never the longest packets that are sent with content.
const SHORT: u8 = 0x40;
/// It has got packets of the length in use at some time.
const FITS: u8 = 0x80;
/// Most sets that are counted.
const MAX_SETS: u8 = 0x3f;
/// The bits of a query's number.
const ROUND: u8 = 0x3f;
/// One query without the longest packets. After three in a row it is no accident.
const THIN: u8 = 0x40;

/// A receiver's answer to a query, and what was sent before that.
#[derive(Copy, Clone, Debug)]
pub(crate) struct SizeAnswer {
    /// The query that is answered; 0 for none.
    pub(crate) round: u16,
    /// Bytes of the longest packet that came.
    pub(crate) largest: u16,
    /// Bytes of a packet that shows that all is well.
    pub(crate) enough: u16,
    /// Bytes of a packet that shows that content arrives.
    pub(crate) content: u16,
    /// Sets of probes that were sent before the query.
    pub(crate) sets: u8,
    /// Bytes of the longest packet with content that was sent before the query; 0 for none.
    pub(crate) sent: u16,
    /// Packets of at least `content` bytes were sent since the query before it.
    pub(crate) flows: bool,
}

impl SizeEvidence {
    /// Takes an answer.
    pub(super) fn take(&mut self, answer: &SizeAnswer) {
        let SizeAnswer { round, largest, enough, content, sets, sent, flows } = *answer;
        if largest >= enough {
            *self = Self { largest, rounds: self.rounds & ROUND, state: FITS };
            return;
        }
        let begins = self.sets() == 0 && !self.is_short();
        self.largest = if begins { largest } else { self.largest.max(largest) };
        let number = round as u8 & ROUND;
        let is_new = round != 0 && number != self.rounds & ROUND;
        if is_new {
            self.rounds = self.rounds & !ROUND | number;
            let sets = (self.state & MAX_SETS).saturating_add(sets).min(MAX_SETS);
            self.state = self.state & !MAX_SETS | sets;
        }
        if largest < content && (flows || sets > 0) {
            self.state |= SHORT;
        } else if is_new && sent > 0 && largest < sent.min(enough) {
            self.note_thin();
        } else if is_new && sent > 0 && sent < content {
            self.rounds &= ROUND;
        }
    }

    /// It got content, but not the longest packet, or none where all packets were short.
    fn note_thin(&mut self) {
        self.rounds += if self.rounds < THIN * 3 { THIN } else { 0 };
        self.state |= if self.rounds >= THIN * 3 { SHORT } else { 0 };
    }

    /// Another length is in use: `packet` bytes. Receivers that got as long ones get these.
    pub(super) fn judge_anew(&mut self, packet: u16) {
        self.state = if self.largest >= packet { FITS } else { 0 };
        self.rounds &= ROUND;
    }

    /// Bytes of the longest packet that came since it was last seen to get what it should.
    pub(crate) fn largest(self) -> u16 {
        self.largest
    }

    /// Sets of probes that it has answered without having got all of them.
    pub(crate) fn sets(self) -> u32 {
        u32::from(self.state & MAX_SETS)
    }

    /// Content was sent, and it got none of it.
    pub(crate) fn is_short(self) -> bool {
        self.state & SHORT != 0
    }

    /// It has got packets of the length in use at some time.
    pub(crate) fn fits(self) -> bool {
        self.state & FITS != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: SizeAnswer = SizeAnswer {
        round: 1,
        largest: 1280,
        enough: 1408,
        content: 1392,
        sets: 1,
        sent: 1408,
        flows: true,
    };

    #[test]
    fn each_query_counts_once_until_a_long_packet_comes() {
        let mut evidence = SizeEvidence::default();
        evidence.take(&ANSWER);
        evidence.take(&ANSWER);
        evidence.take(&SizeAnswer { round: 0, largest: 70, ..ANSWER });
        assert_eq!((evidence.largest(), evidence.sets(), evidence.fits()), (1280, 1, false));
        assert!(evidence.is_short());
        evidence.take(&SizeAnswer { round: 2, largest: 1408, ..ANSWER });
        assert!(evidence.fits() && !evidence.is_short());
        evidence.take(&SizeAnswer { round: 3, sets: 0, sent: 0, flows: false, ..ANSWER });
        assert!(!evidence.is_short(), "nothing was sent");
        evidence.take(&SizeAnswer { round: 4, sets: 0, ..ANSWER });
        assert!(evidence.is_short() && evidence.fits() && evidence.sets() == 0);
        assert_eq!(evidence.largest(), 1280, "of the time since");
        evidence.judge_anew(1200);
        assert!(evidence.fits() && !evidence.is_short());
        evidence.judge_anew(1500);
        assert!(!evidence.fits());
    }

    #[test]
    fn longest_packets_may_be_missed_by_accident_but_not_three_times() {
        let mut evidence = SizeEvidence::default();
        let thin = SizeAnswer { largest: 1392, sets: 0, ..ANSWER };
        for round in 1..3 {
            evidence.take(&SizeAnswer { round, ..thin });
            evidence.take(&SizeAnswer { round, ..thin });
            evidence.take(&SizeAnswer { round: 9, sent: 1392, ..thin });
            assert!(!evidence.is_short(), "{round}");
        }
        evidence.take(&SizeAnswer { round: 3, ..thin });
        assert!(evidence.is_short());
        evidence.take(&SizeAnswer { round: 4, largest: 1408, ..thin });
        evidence.take(&SizeAnswer { round: 5, ..thin });
        assert!(!evidence.is_short(), "not in a row");
    }

    #[test]
    fn short_content_that_never_comes_is_found_as_well() {
        let mut evidence = SizeEvidence::default();
        let short = SizeAnswer { largest: 70, sets: 0, sent: 1000, flows: false, ..ANSWER };
        for round in 1..3 {
            evidence.take(&SizeAnswer { round, ..short });
            evidence.take(&SizeAnswer { round, ..short });
        }
        evidence.take(&SizeAnswer { round: 3, sent: 0, ..short });
        assert!(!evidence.is_short(), "two may be lost by accident");
        evidence.take(&SizeAnswer { round: 4, largest: 1000, ..short });
        evidence.take(&SizeAnswer { round: 5, ..short });
        evidence.take(&SizeAnswer { round: 6, ..short });
        assert!(!evidence.is_short(), "not in a row");
        evidence.take(&SizeAnswer { round: 7, ..short });
        assert!(evidence.is_short());
    }
}
