//! Someone on the network who means no good, and holds no secret.
//!
//! A stranger hears what the group hears, remembers a bounded part of it, and sends packets of its
//! own from its own address: it can copy every field of a message, but not where one comes from.

mod ears;
mod feedback;
mod garble;
mod names;
mod node;
mod path_words;
mod sender_words;
#[cfg(test)]
mod tests;

use core::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use node::node;

/// What a stranger does, from when its host starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrangerPlan {
    /// Kinds of packets that it sends, each as often as the others.
    pub attacks: Vec<Attack>,
    /// Packets per second; scripted ones come on top. 0: only the scripted ones.
    pub rate: u32,
}

/// A kind of attack. All but the first three need something to be heard first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Attack {
    /// These very bytes, to the group: whatever a test wants to break.
    Bytes(Vec<u8>),
    /// Each of these to the group at its time after the stranger's start.
    Script(Vec<(Duration, Vec<u8>)>),
    /// Random bytes, half of them with a first byte that looks right: parsers.
    Noise,
    /// Heard packets with bytes changed, cut off, added, or taken from another packet, to the group
    /// and to addresses heard: checks behind the parsers.
    Mutate,
    /// Heard packets as they were: whoever takes the content for the sender.
    Replay,
    /// NACKs of all forms in the names of random nodes for random blocks of the present object: the
    /// share of the rate that goes to repair, and the list of receivers.
    NackFlood,
    /// NACKs for whole objects, a few bytes each: amplification.
    WholeObject,
    /// "All is sent" at wrong places, and acking lists: receivers that ask, confirm, or give up.
    ForgedFlush,
    /// "I am leaving" in the sender's ids: receivers that believe it.
    ForgedEot,
    /// "That cannot be repaired" in the sender's ids: receivers that abort.
    ForgedSquelch,
    /// Symbols in the sender's ids with wrong content, impossible or huge shapes, and numbers out
    /// of range: content, memory, arithmetic.
    ForgedData,
    /// "These repairs are coming" when none are: receivers that keep silent for ever.
    FalseRepairAdv,
    /// Reports of receivers that do not exist, of those that do (as failed or leaving), and with
    /// absurd round trips: the list of receivers, and whoever waits for it.
    FalseReports,
    /// Confirmations in the names of others: senders that stop too early.
    FalseAcks,
    /// NACKs and ACKs that claim a round trip of seconds: everybody's timers.
    FalseRoundTrip,
    /// Senders that do not exist, by the thousand: tables of senders and objects.
    NewInstances,
    /// Feedback and content under the node ids of receivers and of the sender: who is who.
    Collisions,
    /// Feedback with the congestion state of a receiver that can take nothing, or everything: the
    /// sender's rate.
    ForgedClr,
    /// Reports of what arrives that are not true, of a receiver that says who it is, and in the
    /// names of others: the rate of a sender that follows them.
    FalsePath(Lie),
}

/// What a false report of a path says.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lie {
    /// Hardly anything arrives.
    Slow,
    /// The same, of somebody who never says who it is: only to silence others.
    Hush,
    /// All arrives, in no time.
    Fast,
    /// Numbers that cannot be.
    Absurd,
    /// All arrives, and all of it is marked.
    Marked,
}

impl Attack {
    /// Every kind that a swarm draws.
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
