//! Attackers: which packets they forge, and how often.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// An attacker. It acts from the start of its host on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackerPlan {
    /// Kinds of packets that it sends, all equally often.
    pub attacks: Vec<Attack>,
    /// Packets per second, without those of scripts. 0 for scripts alone.
    pub rate: u32,
}

/// A kind of attack, and what it aims at. All but the first three need packets to copy from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Attack {
    /// Exactly these bytes, to the group. Aim: chosen by a test.
    Bytes(Vec<u8>),
    /// Exactly these datagrams to the group, each at its time after the attacker's start.
    Script(Vec<(Duration, Vec<u8>)>),
    /// Random bytes, half of them with a plausible first byte. Aim: parsers.
    Noise,
    /// Packets of the session with bytes changed, cut off, added, or taken from another packet, to
    /// the group and to hosts of the session. Aim: checks after the parsers.
    Mutate,
    /// Packets of the session, unchanged. Aim: receivers that accept them as the sender's.
    Replay,
    /// NACKs of all forms, from random node ids, for random blocks of the current object. Aim: the
    /// share of the rate that goes to repair, and the table of receivers.
    NackFlood,
    /// NACKs of a few bytes for whole objects. Aim: amplification.
    WholeObject,
    /// CMD(FLUSH) at wrong positions, with acking lists. Aim: receivers that ask, confirm, or give
    /// up.
    ForgedFlush,
    /// CMD(EOT) with the sender's ids. Aim: receivers that end early.
    ForgedEot,
    /// CMD(SQUELCH) with the sender's ids. Aim: receivers that abort.
    ForgedSquelch,
    /// Symbols with the sender's ids, but with wrong content, impossible or huge layouts, and
    /// numbers out of range. Aim: content, memory, arithmetic.
    ForgedData,
    /// CMD(REPAIR_ADV) for repairs that do not come. Aim: receivers that are suppressed for ever.
    FalseRepairAdv,
    /// Reports of receivers that do not exist, false states of those that do, and absurd round-trip
    /// times. Aim: the table of receivers, and the sender's wait for them.
    FalseReports,
    /// Confirmations with the ids of receivers. Aim: senders that end too early.
    FalseAcks,
    /// NACKs and ACKs that claim a round trip of seconds. Aim: the timers of all nodes.
    FalseRoundTrip,
    /// Thousands of senders that do not exist. Aim: tables of senders and objects.
    NewInstances,
    /// Feedback and content with the node ids of receivers and of the sender. Aim: identities.
    Collisions,
    /// Feedback with the congestion state of a receiver that can take nothing, or everything. Aim:
    /// the sender's rate.
    ForgedClr,
    /// The sender's own proofs that it has moved, repeated from here, and guesses. Aim: receivers
    /// that follow the attacker instead of the sender.
    FalseMoves,
    /// What a member of a sealed group can do that spoofs the sender's address: INFO, commands and
    /// symbols in its name, sealed in its run, without a signature or with another one, and HELLOs
    /// by another key. Aim: receivers that believe the group's key.
    Member,
    /// Path reports that are not true, from a receiver that announces itself, and with the ids of
    /// others. Aim: the rate of a sender that controls congestion.
    FalsePath(Lie),
}

/// The content of a false path report.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lie {
    /// Hardly anything arrives.
    Slow,
    /// Hardly anything arrives, from a receiver that never announces itself: it only suppresses
    /// the reports of others.
    Suppress,
    /// All arrives, at once.
    Fast,
    /// Impossible numbers.
    Absurd,
    /// All arrives, and all of it has a CE mark.
    Marked,
}

impl Attack {
    /// The kinds that a swarm draws.
    pub const ALL: [Self; 16] = [
        Self::Noise,
        Self::Mutate,
        Self::Replay,
        Self::NackFlood,
        Self::WholeObject,
        Self::ForgedFlush,
        Self::ForgedEot,
        Self::ForgedSquelch,
        Self::ForgedData,
        Self::FalseRepairAdv,
        Self::FalseReports,
        Self::FalseAcks,
        Self::FalseRoundTrip,
        Self::NewInstances,
        Self::Collisions,
        Self::ForgedClr,
    ];
}
