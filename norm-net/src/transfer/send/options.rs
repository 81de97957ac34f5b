//! What the user decides about a transfer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use norm_core::endpoint::PacketOverhead;
use norm_core::transfer::{NodeId, Passes};
use norm_files::state::StateFolders;

use super::error::SendError;
use super::pace::Pace;
use super::roster::Roster;
use super::segment::SEGMENT_SIZES;
use super::slow::Slow;
use crate::io::dscp::Dscp;
use crate::io::interface::InterfaceSpec;
use crate::io::rekey::RecipientList;
use crate::io::seal::SealConfig;
use crate::io::socket::{LinkConfig, PacketFilter};
use crate::transfer::config_problem::{ConfigProblem, MTUS, OneWayOption};
use crate::transfer::flute::FluteSend;
use crate::transfer::norm::{Fec, Standard};
use crate::transfer::receive::host_name;
use crate::transfer::schedule::{RateSchedule, WallClock};

/// Which receivers are waited for beside what [`SendOptions::min_receivers`] says, and how long,
/// before data starts and at the end; `None` is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartLimits {
    /// Give up after this long: nothing is sent.
    pub timeout: Option<Duration>,
    /// After this long, data starts with the receivers that are there, or with the first one that
    /// comes.
    pub max_wait: Option<Duration>,
    /// Stay this long for late receivers after all known ones have finished.
    pub linger: Duration,
    /// The receivers that the session is for: it is complete when all of them have confirmed, and
    /// what others say does not count. `None`: all that come. [`SendOptions::expect`] waits for
    /// them, too.
    pub roster: Option<Roster>,
}

/// Which content is sent unasked.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// All, unless every receiver that is there at the start has a part of it from before: then
    /// what receivers ask for.
    #[default]
    Auto,
    /// All of it, once.
    All,
    /// None: what receivers ask for is sent.
    Missing,
    /// All of it in passes, in which receivers ask for nothing: those that come at any time, and
    /// those that cannot answer, get all of it from symbols that were not sent before. All files
    /// are hashed first. After the last pass, what is missing is sent to those that ask. It needs a
    /// fixed rate, and has no effect with FLUTE, whose options have their own passes.
    Carousel {
        /// How often everything is sent.
        passes: Passes,
        /// Bytes of blocks that are sent in turns; `None`: all of them with several passes, 16 MiB
        /// with one.
        interleave: Option<u64>,
    },
}

impl Payload {
    /// Everything in passes, all blocks in turns.
    pub const fn carousel(passes: Passes) -> Self {
        Self::Carousel { passes, interleave: None }
    }
}

/// Which receivers can be expected to answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// All of them.
    All,
    /// Some may, others cannot.
    Some,
    /// None can.
    None,
}

/// How a session is announced; more fields may come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Announce {
    /// What the session is called. Nothing prevents that two have one name.
    pub name: String,
}

impl Announce {
    /// A session with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

/// Kernel buffers to ask for, in bytes; 4 MiB each by default.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SocketBuffers {
    /// For what receivers send.
    pub recv: usize,
    /// For what is sent.
    pub send: usize,
}

impl Default for SocketBuffers {
    fn default() -> Self {
        Self { recv: 4 << 20, send: 4 << 20 }
    }
}

/// What concerns the rate beside [`Pace`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RateOptions {
    /// Bounds by the time of day, and the clock that they go by; a fixed rate is replaced by them.
    pub schedule: Option<(RateSchedule, WallClock)>,
    /// Write what the controller of the rate believes to this file, which must not exist: a table
    /// in comma-separated values with a line for each probe and each report. A fixed rate has none.
    pub trace: Option<PathBuf>,
}

/// How files are read, and which of their content is sent unasked. In standard mode all is, and
/// nothing is hashed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentOptions {
    /// Which content is sent unasked.
    pub payload: Payload,
    /// Hash all files before the session: receivers know the hash of each chunk then before its
    /// content comes.
    pub hash_first: bool,
    /// Where hashes of files are kept, and looked for: with those of all files there, they are sent
    /// first without being asked for. By default there are none.
    pub state: StateFolders,
    /// In a sealed session, receivers take the set until this long after it was begun, in whole
    /// seconds. `None`: as long as it is sent, and 24 hours more at most.
    pub expires: Option<Duration>,
}

/// The options of [`send`](super::send()): [`SendOptions::new`] has the defaults, and each field
/// can be set. More fields may come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SendOptions {
    /// Multicast group and port, or the address of the only receiver.
    pub group: SocketAddr,
    /// Interface to send through; without it the routing table decides.
    pub interface: Option<InterfaceSpec>,
    /// How fast.
    pub pace: Pace,
    /// What else concerns the rate.
    pub rate: RateOptions,
    /// Policy for receivers that keep the others slow.
    pub slow: Slow,
    /// Multicast TTL or hop limit, 1 to 255.
    pub ttl: u32,
    /// Code point of all packets (DSCP, RFC 2474).
    pub dscp: Dscp,
    /// Whether receivers on this machine get the packets too.
    pub loopback: bool,
    /// Data starts when this many receivers have announced themselves; 0 starts at once.
    pub min_receivers: usize,
    /// Limits of the wait for `min_receivers`, and the stay at the end.
    pub start: StartLimits,
    /// How files are read, and which of their content is sent unasked.
    pub content: ContentOptions,
    /// Largest packet on the path in bytes, IP header included, 248 to 65,535; lowered, with a
    /// hint, to what the interface lets out. `None` takes the longest that passes to all receivers,
    /// but at most 9,000, and 1,500 on the loopback interface, where none is looked for, as in
    /// standard mode. Nothing is ever fragmented.
    pub mtu: Option<u32>,
    /// Without `mtu`, the shortest packets that are fallen back to, in bytes as there. Receivers
    /// that get only shorter ones are treated as `slow` says.
    pub min_mtu: u32,
    /// Bytes of content per packet, 128 to 65,000; lowered, with a hint, to what `mtu` has room
    /// for. `None`: the largest multiple of 64 that leaves 120 bytes of it for headers.
    pub segment_size: Option<u16>,
    /// The code of a file set; has no effect in standard mode.
    pub fec: Fec,
    /// Standard mode: send standalone files as the NRL's NORM does, to other implementations.
    /// `None`: send a file set, with checksums.
    pub standard: Option<Standard>,
    /// Send by FLUTE, one way, instead of NORM: to receivers that cannot answer. `None`: by NORM.
    pub flute: Option<FluteSend>,
    /// Memory to use, in bytes: three eighths are for content, kept for repair.
    pub memory: usize,
    /// Kernel buffers to ask for.
    pub buffers: SocketBuffers,
    /// What this sender calls itself, for receivers that take files only from one; cut at 64
    /// bytes.
    pub name: String,
    /// Seal everything that is sent, and take only feedback that is sealed, with a key that the
    /// receivers have. `None`: everybody on the network can read it, and change it.
    pub seal: Option<SealConfig>,
    /// Announce the session while it lasts, so that receivers find it by its name. A separate group
    /// for slow receivers is not announced.
    pub announce: Option<Announce>,
    /// Our node id; `None` draws one.
    pub node: Option<NodeId>,
    /// What all random choices follow from, the id of the file set included: two transfers with one
    /// seed look like one to receivers. `None` takes a seed from the system, as it should be.
    pub seed: Option<u64>,
}

impl SendOptions {
    /// The defaults: as fast as it arrives, TTL 1, receivers on this machine included, starts at
    /// once, does not linger.
    pub fn new(group: SocketAddr) -> Self {
        Self {
            group,
            interface: None,
            pace: Pace::AUTO,
            rate: RateOptions::default(),
            slow: Slow::Wait,
            ttl: 1,
            dscp: Dscp::DEFAULT,
            loopback: true,
            min_receivers: 0,
            start: StartLimits::default(),
            content: ContentOptions::default(),
            mtu: None,
            min_mtu: 1_280,
            segment_size: None,
            fec: Fec::Auto,
            standard: None,
            flute: None,
            memory: 128 << 20,
            buffers: SocketBuffers::default(),
            name: host_name(),
            seal: None,
            announce: None,
            node: None,
            seed: None,
        }
    }

    /// The same with changes, such as `.with(|options| options.ttl = 2)`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The same for the receivers of a roster: data starts when all of them have announced
    /// themselves.
    #[must_use]
    pub fn expect(mut self, roster: Roster) -> Self {
        self.min_receivers = roster.len();
        self.start.roster = Some(roster);
        self
    }

    /// The same in standard mode, with segments of the size that other implementations use.
    #[must_use]
    pub fn in_standard_mode(self, standard: Standard) -> Self {
        Self { standard: Some(standard), segment_size: Some(Standard::SEGMENT_SIZE), ..self }
    }

    /// Refuses values that cannot work, as far as this can be told without a network.
    pub(super) fn check(&self) -> Result<(), SendError> {
        if let Some(problem) = self.pace.problem() {
            return Err(problem.into());
        }
        if self.announce.is_some() && !self.group.ip().is_multicast() {
            return Err(ConfigProblem::AnnounceWithoutGroup { group: self.group }.into());
        }
        if self.seal.is_some() && self.sends_single_files() {
            return Err(ConfigProblem::SealedForOthers.into());
        }
        if self.segment_size.is_some_and(|size| !SEGMENT_SIZES.contains(&size)) {
            return Err(ConfigProblem::SegmentSize.into());
        }
        let mtus = self.mtu.into_iter().chain([self.min_mtu]);
        if let Some(mtu) = mtus.into_iter().find(|mtu| !MTUS.contains(mtu)) {
            return Err(ConfigProblem::Mtu { mtu }.into());
        }
        if let Some(problem) = self.roster_problem() {
            return Err(problem.into());
        }
        if self.answers() != Answers::All
            && let Some(problem) = self.one_way_problem()
        {
            return Err(problem.into());
        }
        if let Some(problem) = self.slow.problem(self.group, self.standard.is_some()) {
            return Err(problem.into());
        }
        self.standard.as_ref().map_or(Ok(()), Standard::check)
    }

    /// What of the options cannot go together with the roster, if anything.
    fn roster_problem(&self) -> Option<ConfigProblem> {
        let receivers = self.start.roster.as_ref()?.len();
        let wanted = self.min_receivers;
        if self.standard.is_some() {
            Some(ConfigProblem::RosterInStandardMode)
        } else if receivers > 1 && !self.group.ip().is_multicast() {
            Some(ConfigProblem::RosterForOne { receivers, group: self.group })
        } else if wanted > receivers {
            Some(ConfigProblem::RosterTooShort { receivers, wanted })
        } else {
            let name = self.start.roster.as_ref()?.left_out(self.recipients()?)?.to_owned();
            Some(ConfigProblem::RosterKeyLeftOut { name })
        }
    }

    /// Those that the session is for; `None` when the group has a key, or there is none.
    pub(crate) fn recipients(&self) -> Option<&RecipientList> {
        self.seal.as_ref()?.recipients.as_ref()
    }

    /// What of the options cannot go together with receivers that may not answer, if anything.
    fn one_way_problem(&self) -> Option<ConfigProblem> {
        let Pace::Fixed(_) = self.pace else { return Some(ConfigProblem::OneWayRate) };
        let (is_flute, is_standard) = (self.flute.is_some(), self.standard.is_some());
        let wrong = [
            (is_flute && is_standard, OneWayOption::Standard),
            (is_standard, OneWayOption::StandardCarousel),
            (self.slow != Slow::Wait, OneWayOption::Slow),
            (is_flute && self.start.roster.is_some(), OneWayOption::Roster),
            (is_flute && self.min_receivers > 0, OneWayOption::MinReceivers),
            (self.content.payload == Payload::Missing, OneWayOption::OnRequest),
        ];
        let wrong = wrong.into_iter().find(|(is_set, _)| *is_set);
        wrong.map(|(_, option)| ConfigProblem::OneWay { option })
    }

    /// Which receivers can be expected to answer.
    pub(super) fn answers(&self) -> Answers {
        match self.content.payload {
            _ if self.flute.is_some() => Answers::None,
            Payload::Carousel { .. } => Answers::Some,
            Payload::Auto | Payload::All | Payload::Missing => Answers::All,
        }
    }

    /// How often everything is sent, where it is sent in passes.
    pub(super) fn passes(&self) -> Option<Passes> {
        match (self.flute, self.content.payload) {
            (Some(flute), _) => Some(flute.passes),
            (None, Payload::Carousel { passes, .. }) => Some(passes),
            (None, _) => None,
        }
    }

    /// True when files are sent as they are, and not as a set.
    pub(super) fn sends_single_files(&self) -> bool {
        self.standard.is_some() || self.flute.is_some_and(|flute| !flute.sends_set())
    }

    /// Memory for the session itself: one in a separate group may need a quarter.
    pub(crate) fn engine_memory(&self) -> usize {
        if self.slow.separate_group().is_some() { self.memory / 4 * 3 } else { self.memory }
    }

    /// Bytes of each packet beside what the engine writes: headers of IP and UDP, and the seal.
    pub(crate) fn packet_overhead(&self) -> PacketOverhead {
        PacketOverhead::to(self.group.ip()).with(SealConfig::margins(self.seal.as_ref()))
    }

    pub(super) fn link_config(&self, feedback_filter: Option<PacketFilter>) -> LinkConfig {
        LinkConfig {
            interface: self.interface.clone(),
            ttl: self.ttl,
            dscp: self.dscp,
            ecn: self.standard.is_none() && self.pace.heeds_ce_marks(),
            loopback: self.loopback,
            recv_buffer: self.buffers.recv,
            send_buffer: self.buffers.send,
            feedback_filter,
            ..LinkConfig::new(self.group)
        }
    }
}
