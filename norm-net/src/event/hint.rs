//! What looks wrong, and what a user may want to know, as values. `words` has a sentence for each.

mod found;
mod words;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use norm_core::endpoint::SenderId;
use norm_core::fileset::{ContentHash, SetId};
use norm_files::sink::{ResumeProblem, SetError};

#[cfg(feature = "serde")]
use super::serial;
use super::surroundings::OtherInterface;
use super::{Problem, SystemError};
use crate::io::keys_not_made::KeysNotMade;

/// Something that may explain trouble, or that a user should know. A hint is no failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = serial::with_message))]
#[non_exhaustive]
pub enum Hint {
    /// Patterns that were to leave out or keep something have decided nothing.
    PatternsUnused {
        /// The patterns.
        patterns: Vec<String>,
    },
    /// Paths to send are symbolic links: the links are sent, not what they lead to.
    LinksGiven {
        /// How many.
        links: u64,
        /// One of them.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        first: PathBuf,
    },
    /// No packet leaves this machine.
    NothingLeaves {
        /// What the system said.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: SystemError,
    },
    /// There is no interface, or no address, that the session could use: it begins when there is.
    NoAddressYet {
        /// What is missing, in words.
        error: String,
    },
    /// The interface of the session is gone, or has no address that the session could use.
    AddressLost {
        /// Name of the interface.
        interface: String,
        /// The group, or the other side's address.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        group: SocketAddr,
    },
    /// This machine has another address on the interface of the session, or the interface was made
    /// anew: the session goes on there.
    AddressChanged {
        /// Name of the interface.
        interface: String,
        /// Where packets left from before.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        from: SocketAddr,
        /// Where they leave from now.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        to: SocketAddr,
        /// The group is one that receivers join for one source only, and they do not follow.
        source_specific: bool,
    },
    /// The sockets of the session cannot be opened at the new address of this machine. It is tried
    /// again.
    SocketsNotOpened {
        /// Why, in words.
        error: String,
    },
    /// The interface in use cannot send or receive at present.
    NoCarrier {
        /// Name of the interface.
        interface: String,
        /// It is switched on, and has no carrier; else it is switched off.
        is_up: bool,
    },
    /// The kernel granted a smaller socket buffer than asked for.
    SmallBuffer {
        /// Which buffer.
        buffer: BufferKind,
        /// Bytes asked for.
        asked: usize,
        /// Bytes granted.
        granted: usize,
    },
    /// This machine's kernel dropped packets, because the socket's buffer was full.
    KernelDrops {
        /// How many.
        packets: u64,
    },
    /// The network had forgotten that this machine is in the group: nothing came, until it joined
    /// again.
    Forgotten {
        /// The group.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        group: SocketAddr,
        /// How long nothing came, in seconds.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "f64"))]
        silence: Duration,
        /// How long the membership had lasted, in seconds.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "f64"))]
        lasted: Duration,
    },
    /// A sender has heard of no receiver.
    NoReceiver {
        /// The group, or the receiver's address.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        group: SocketAddr,
        /// Name of the interface.
        interface: String,
        /// Whether the interface has a carrier, as far as known.
        has_carrier: bool,
        /// Interfaces that may be the right ones instead.
        others: Vec<OtherInterface>,
        /// Multicast TTL or hop limit.
        ttl: u32,
        /// UDP port to which receivers answer this machine alone.
        port: u16,
        /// How long none was heard, in seconds.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "f64"))]
        after: Duration,
        /// Content is sent all the same, for receivers that may not answer.
        sends_anyway: bool,
    },
    /// Content does not flow yet, because receivers are missing that are to be waited for.
    ReceiversMissing {
        /// Receivers that have joined.
        joined: usize,
        /// Receivers that are waited for.
        wanted: usize,
        /// How long none has joined, in seconds.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "f64"))]
        after: Duration,
    },
    /// All receivers have failed, so that nothing more is sent.
    NoReceiverLeft,
    /// Segments of the size asked for do not fit the path: shorter ones are sent.
    SegmentTooLong {
        /// Bytes of content per packet asked for.
        wanted: u32,
        /// Bytes of content per packet used.
        used: u16,
        /// Bytes that a packet may have, headers included.
        mtu: u32,
        /// The interface with this limit; null when the limit was given.
        interface: Option<String>,
    },
    /// Packets of the size asked for do not fit the interface: shorter ones are sent.
    PacketTooLong {
        /// Bytes of a packet asked for, headers included.
        wanted: u32,
        /// Bytes of content per packet used.
        used: u16,
        /// Bytes that a packet may have, headers included.
        mtu: u32,
        /// Name of the interface.
        interface: String,
    },
    /// The interface takes only shorter packets since its MTU was lowered: shorter ones are sent.
    InterfaceMtu {
        /// Name of the interface.
        interface: String,
        /// Bytes that a packet may have now, headers included.
        mtu: u32,
    },
    /// The separate group for slow receivers cannot be opened: those sent there get nothing.
    SeparateGroupFailed {
        /// Why, in words.
        error: String,
    },
    /// Sending to the separate group for slow receivers ended early.
    SeparateGroupEnded {
        /// Why, in words.
        error: String,
    },
    /// A receiver has heard of no sender.
    NoSender {
        /// The group, or the address that is listened on.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        group: SocketAddr,
        /// Name of the interface.
        interface: String,
        /// Whether the interface has a carrier, as far as known.
        has_carrier: bool,
        /// Interfaces that may be the right ones instead.
        others: Vec<OtherInterface>,
        /// How long none was heard, in seconds.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "f64"))]
        after: Duration,
    },
    /// A sender asks, and this receiver answers, but no answer arrives there.
    Unseen {
        /// Number of the sender.
        sender: SenderId,
        /// Where it sends from, and where answers for it alone go.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
        /// The group.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        group: SocketAddr,
        /// How long that has been so, in seconds.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "f64"))]
        after: Duration,
    },
    /// A receiver listens on a unicast address that this machine does not have.
    ForeignAddress {
        /// The address and port.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        group: SocketAddr,
    },
    /// Every sender that is waited for is silent.
    SenderSilent {
        /// How long they are, in seconds.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "f64"))]
        after: Duration,
        /// When the receiver gives up, in seconds of silence; null is never.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
        timeout: Option<Duration>,
        /// The only address from which packets are received; null is any.
        source: Option<IpAddr>,
    },
    /// A sender is ignored, because only another one is wanted.
    SenderIgnored {
        /// Where it sends from.
        address: SocketAddr,
        /// What it calls itself; empty when it has not said.
        name: String,
    },
    /// More senders were heard than are shown.
    TooManySenders {
        /// How many are shown.
        limit: u64,
    },
    /// More file sets are on their way than are received at once: another one is ignored.
    TooManySets {
        /// How many are received at once.
        limit: usize,
    },
    /// What is heard is sealed with another key, or with any although this session has none: it is
    /// ignored.
    OtherKey {
        /// Where it comes from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
        /// Names the key that it is sealed with.
        key_id: String,
        /// Names the session's own key; null without one.
        own: Option<String>,
    },
    /// What is heard has no seal, and this session has a key: it is ignored.
    Unsealed {
        /// Where it comes from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
    },
    /// What is heard is sealed with the session's own key, but not for its group, or is damaged: it
    /// is ignored.
    NotAuthentic {
        /// Where it comes from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
    },
    /// A session of this group is signed with another key than the one that is trusted, or with
    /// none: it is ignored.
    OtherSigner {
        /// Where it comes from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
        /// The public key that has signed it, in 64 hex digits; null without one.
        signer: Option<String>,
    },
    /// A session of this group hands its key to recipients, and this machine is none of them.
    NotListed {
        /// Where it comes from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
    },
    /// The sender has gone on to another key, and has left this machine out.
    LeftOut {
        /// Where it comes from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
    },
    /// A session of this group is signed, but its time is over, by the clock of this machine: it is
    /// ignored.
    Expired {
        /// Where it comes from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
    },
    /// Another machine seals as this one does: one of them was copied while it ran. This one goes
    /// on under another number.
    MachineCopied,
    /// Other keys are due to the recipients of a session, and cannot be made: those before are in
    /// use. It is tried again each second.
    KeysNotMade {
        /// Why.
        reason: KeysNotMade,
    },
    /// Keys of recipients cannot be used: they are no keys of X25519, and nothing can be wrapped
    /// for them. The others get theirs.
    UnusableRecipients {
        /// How many.
        keys: usize,
        /// One of them.
        first: String,
    },
    /// A sender sends something that is no file set of this version: it is ignored.
    NotAFileSet {
        /// Number of the sender.
        sender: SenderId,
        /// Where it sends from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
    },
    /// A sender sends a stream, not files: it is ignored.
    StreamIgnored {
        /// Number of the sender.
        sender: SenderId,
        /// Where it sends from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
    },
    /// Commands of a sender arrive, and none of its content: a link on the way has a smaller MTU
    /// than its packets need.
    OnlyShortPackets {
        /// Number of the sender.
        sender: SenderId,
        /// Where it sends from.
        address: SocketAddr,
        /// Bytes of the longest IP packet that came lately, headers included.
        largest: u16,
        /// Bytes of the IP packets that it makes; 0 when it does not say.
        in_use: u16,
    },
    /// A sender has cut what it sends into shorter packets, because longer ones do not pass to all
    /// receivers. What is here stays.
    ShorterPackets {
        /// Number of the sender.
        sender: SenderId,
        /// Where it sends from.
        address: SocketAddr,
    },
    /// A sender's packets come in fragments, because they are longer than this machine's link lets
    /// through.
    Fragmented {
        /// Number of the sender.
        sender: SenderId,
        /// Where it sends from.
        address: SocketAddr,
        /// Bytes of a packet, headers included.
        bytes: u32,
        /// Bytes that the link lets through.
        mtu: u32,
        /// Name of the interface.
        interface: String,
    },
    /// A sender's protocol has no checksums: its files are complete, but not verified.
    NotVerified {
        /// Number of the sender.
        sender: SenderId,
        /// Where it sends from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
    },
    /// A file set is ignored, because its objects contradict each other.
    SetIgnored {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// What is wrong with it, in words.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: SetError,
    },
    /// A file set is not taken, because of what its sender has signed of it, or has not.
    SetRefused {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// Why.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::described"))]
        problem: Problem,
    },
    /// A file set is ignored, because its content is not the expected one.
    OtherContent {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// Names its content.
        content: ContentHash,
    },
    /// Resume data of a file set cannot be used: all of it is received.
    ResumeDataUnusable {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// Why, in words.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: ResumeProblem,
    },
    /// Nothing of a file set matches some of the patterns of what is wanted.
    PatternsUnmatched {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// The patterns; of the first sixteen.
        patterns: Vec<String>,
    },
    /// Files of a set are in place already, with the same sizes. They stay if their content turns
    /// out to be the same; if not, the transfer fails in the end.
    FilesPresent {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// How many files.
        files: u64,
        /// One of them.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        first: PathBuf,
    },
    /// Files and links of earlier sets stay, although this one has not got them: they were changed
    /// since they were received.
    ChangedFilesStay {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// How many.
        files: u64,
        /// One of them.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        first: PathBuf,
    },
    /// What earlier sets had cannot be removed, or not be kept in the backup directory before.
    NotRemoved {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
        /// How many files, links and directories.
        entries: u64,
        /// One of them, or where it was to be kept.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        first: PathBuf,
        /// What the system said of it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: SystemError,
    },
    /// The file system refused the modes or the times of files that are complete: they have others.
    MetadataRefused {
        /// Number of the sender.
        sender: SenderId,
        /// How many files and directories; of standalone files, only the first is told.
        entries: u64,
        /// One of them.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        first: PathBuf,
        /// What the system said of it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: SystemError,
    },
    /// Nothing that can be received is heard, but packets of the other protocol.
    OtherProtocol {
        /// Where they come from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
        /// They are of FLUTE, and NORM is received; or the other way round.
        is_flute: bool,
    },
    /// Nothing of the session that is wanted is heard, but packets of another one.
    OtherSession {
        /// Where they come from.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
        address: SocketAddr,
        /// The number (TSI) of that session.
        tsi: u64,
        /// The number of the one that is wanted.
        wanted: u64,
    },
    /// The disk may have too little room for symbols of blocks that are not whole: by FLUTE, nearly
    /// all of a transfer may wait there until its end.
    SpoolRoom {
        /// The output directory.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        directory: PathBuf,
        /// Bytes of symbols, at most: what is to come and does not fit the memory.
        symbols: u64,
        /// Bytes of files that are to come.
        files: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The disk of this receiver takes less than arrives, and limits the transfer.
    SlowDisk {
        /// The output directory.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        directory: PathBuf,
    },
    /// What waits for the rest of its block cannot be kept on the disk: what finds no room in
    /// memory is lost, and has to come again.
    SpoolFailed {
        /// The output directory, where it is kept.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        directory: PathBuf,
        /// What the system said.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: SystemError,
    },
    /// Part of a file set did not match its hash, and is received again.
    ReceivedAgain {
        /// Number of the sender.
        sender: SenderId,
        /// The file set.
        set: SetId,
    },
    /// The separate group that a sender named cannot be joined.
    SeparateGroupUnreachable {
        /// Why, in words.
        error: String,
    },
}

/// A buffer that the kernel keeps for a socket.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum BufferKind {
    /// For packets that have arrived.
    Receive,
    /// For packets that are to leave.
    Send,
}
