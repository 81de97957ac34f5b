//! What is tried: every combination of sender and receiver, kind, code, size and loss.

use std::fmt;

/// Which implementation sends, and which receives.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// The harness's own trial: what fails here is not our fault.
    NrlToNrl,
    OursToNrl,
    NrlToOurs,
    /// One of each receives.
    OursToBoth,
}

/// Kind of object.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Data,
    Stream,
}

/// Where receivers send their NACKs and ACKs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Feedback {
    Multicast,
    Unicast,
}

/// FEC Encoding ID; 2 is with 16-bit symbols, so with more than 255 of them in a block.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fec {
    Five,
    Two,
    Small,
}

/// How much is sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Size {
    Nothing,
    OneByte,
    /// Part of one block.
    Small,
    /// Blocks of two lengths, and a last symbol of three bytes.
    Blocks,
    Large,
}

/// One trial.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub pairing: Pairing,
    pub kind: Kind,
    pub fec: Fec,
    /// Percent of the messages, in both directions.
    pub loss: u8,
    pub feedback: Feedback,
    pub size: Size,
}

const PAIRINGS: [Pairing; 4] =
    [Pairing::NrlToNrl, Pairing::OursToNrl, Pairing::NrlToOurs, Pairing::OursToBoth];
const KINDS: [Kind; 3] = [Kind::File, Kind::Data, Kind::Stream];
const FECS: [Fec; 3] = [Fec::Five, Fec::Two, Fec::Small];
const LOSSES: [u8; 3] = [0, 1, 10];
const FEEDBACKS: [Feedback; 2] = [Feedback::Multicast, Feedback::Unicast];
const SIZES: [Size; 5] = [Size::Nothing, Size::OneByte, Size::Small, Size::Blocks, Size::Large];

/// Every combination, the large ones last.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for size in SIZES {
        for pairing in PAIRINGS {
            for kind in KINDS {
                for fec in FECS {
                    for loss in LOSSES {
                        for feedback in FEEDBACKS {
                            cases.push(Case { pairing, kind, fec, loss, feedback, size });
                        }
                    }
                }
            }
        }
    }
    cases
}

impl Case {
    /// Whether it belongs to the part of NRL to NRL that is run every time.
    pub fn is_worth_a_self_test(&self) -> bool {
        let unusual = self.feedback == Feedback::Unicast || self.fec != Fec::Five;
        self.loss != 1
            && (self.size != Size::Large || !unusual)
            && (self.feedback == Feedback::Multicast || self.loss == 10)
    }

    /// Whether it is run every time: loss or none, and large objects where they are hardest.
    pub fn is_run_every_time(&self) -> bool {
        let hard = self.loss == 10 && self.feedback == Feedback::Multicast;
        self.loss != 1 && (self.size != Size::Large || hard)
    }

    /// Bytes of source data in a symbol.
    pub fn segment(&self) -> u16 {
        if self.size == Size::Large { 1400 } else { 1000 }
    }

    /// Source symbols and parity symbols of a whole block.
    pub fn block(&self) -> (u16, u16) {
        match (self.fec, self.size) {
            (Fec::Two, _) => (240, 24),
            (_, Size::Large) => (64, 16),
            _ => (20, 10),
        }
    }

    /// Bytes to send.
    pub fn bytes(&self) -> u64 {
        match (self.size, self.fec) {
            (Size::Nothing, _) => 0,
            (Size::OneByte, _) => 1,
            (Size::Small, _) => 3000,
            // 5 blocks of 17 symbols and one of 16.
            (Size::Blocks, Fec::Five | Fec::Small) => 100_003,
            // One block of 201 symbols and 4 of 200.
            (Size::Blocks, Fec::Two) => 1_000_003,
            (Size::Large, _) => 64 << 20,
        }
    }

    /// Longest message of a stream.
    pub fn longest_message(&self) -> u64 {
        if self.size == Size::Large { 64 << 10 } else { 2500 }
    }

    /// Bit/s of payload.
    pub fn rate(&self) -> u64 {
        match (self.size, self.fec, self.kind) {
            // Receivers of 16-bit symbols, and of long streams, are slower, and lose what they have
            // no time for.
            (Size::Large, Fec::Two, _) | (Size::Large, _, Kind::Stream) => 100_000_000,
            // It takes the NRL receiver up to a quarter of a second to have the memory for a large
            // object, and it keeps 5 MB of blocks that lack something: what else comes until its
            // first NACK is lost.
            (Size::Large, ..) if self.loss >= 10 => 100_000_000,
            (Size::Large, ..) => 400_000_000,
            _ => 20_000_000,
        }
    }

    /// Seed of what is random in it; the same in every run.
    pub fn seed(&self) -> u64 {
        // FNV-1a.
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        // The NRL peer takes 32 bits.
        self.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, step) >> 33
    }
}

impl Fec {
    /// As in messages.
    pub const fn id(self) -> u8 {
        match self {
            Self::Five => 5,
            Self::Two => 2,
            Self::Small => 129,
        }
    }
}

impl Kind {
    /// As the NRL peers call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Data => "data",
            Self::Stream => "stream",
        }
    }
}

impl Pairing {
    pub const fn name(self) -> &'static str {
        match self {
            Self::NrlToNrl => "nrl-nrl",
            Self::OursToNrl => "ours-nrl",
            Self::NrlToOurs => "nrl-ours",
            Self::OursToBoth => "ours-both",
        }
    }

    /// Whether the sender is ours.
    pub const fn we_send(self) -> bool {
        matches!(self, Self::OursToNrl | Self::OursToBoth)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let feedback = match self.feedback {
            Feedback::Multicast => "multicast",
            Feedback::Unicast => "unicast",
        };
        let size = match self.size {
            Size::Nothing => "0B",
            Size::OneByte => "1B",
            Size::Small => "3kB",
            Size::Blocks => "blocks",
            Size::Large => "64MiB",
        };
        let (pairing, kind, fec) = (self.pairing.name(), self.kind.name(), self.fec.id());
        write!(f, "{pairing} {kind} fec{fec} loss{} {feedback} {size}", self.loss)
    }
}

#[test]
fn names_of_cases_are_unique() {
    let names: std::collections::BTreeSet<String> = all().iter().map(Case::to_string).collect();
    assert_eq!(names.len(), 4 * 270);
}
