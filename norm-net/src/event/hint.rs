//! What looks wrong, and what a user may want to know, as values.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use norm_core::endpoint::SenderId;
use norm_core::fileset::SetId;
use norm_files::sink::{ResumeProblem, SetError};

use super::SystemError;
#[cfg(feature = "serde")]
use super::serial;
use super::surroundings::{self, OtherInterface};
use crate::io::interface::{Interface, Zoned};
use crate::io::membership::Recovered;
use crate::io::socket::Buffers;

/// Something that may explain trouble, or that a user should know. A hint is no failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = serial::with_message))]
#[non_exhaustive]
pub enum Hint {
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
    /// The disk of this receiver takes less than arrives, and limits the transfer.
    SlowDisk {
        /// The output directory.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        directory: PathBuf,
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

impl Hint {
    /// Which buffers of a link are smaller than asked for.
    pub(crate) fn small_buffers(buffers: Buffers) -> impl Iterator<Item = Self> {
        let Buffers { recv_asked, recv_granted, send_asked, send_granted } = buffers;
        [
            (BufferKind::Receive, recv_asked, recv_granted),
            (BufferKind::Send, send_asked, send_granted),
        ]
        .into_iter()
        .filter(|&(_, asked, granted)| granted < asked)
        .map(|(buffer, asked, granted)| Self::SmallBuffer { buffer, asked, granted })
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLeaves { .. }
            | Self::NoCarrier { .. }
            | Self::SmallBuffer { .. }
            | Self::KernelDrops { .. }
            | Self::ForeignAddress { .. } => self.about_this_machine(f),
            Self::NoAddressYet { .. }
            | Self::AddressLost { .. }
            | Self::AddressChanged { .. }
            | Self::SocketsNotOpened { .. } => self.about_addresses(f),
            Self::Forgotten { group, silence, lasted } => {
                write_forgotten(f, *group, *silence, *lasted)
            }
            Self::NoReceiver { .. }
            | Self::ReceiversMissing { .. }
            | Self::NoReceiverLeft
            | Self::SegmentTooLong { .. }
            | Self::PacketTooLong { .. }
            | Self::SeparateGroupFailed { .. }
            | Self::SeparateGroupEnded { .. } => self.about_sending(f),
            Self::NoSender { .. }
            | Self::Unseen { .. }
            | Self::SenderSilent { .. }
            | Self::SenderIgnored { .. }
            | Self::TooManySenders { .. }
            | Self::NotAFileSet { .. }
            | Self::StreamIgnored { .. }
            | Self::NotVerified { .. } => self.about_senders(f),
            Self::OnlyShortPackets { .. }
            | Self::ShorterPackets { .. }
            | Self::Fragmented { .. } => self.about_packets(f),
            Self::TooManySets { .. }
            | Self::SetIgnored { .. }
            | Self::ResumeDataUnusable { .. }
            | Self::FilesPresent { .. }
            | Self::MetadataRefused { .. }
            | Self::SlowDisk { .. }
            | Self::ReceivedAgain { .. }
            | Self::SeparateGroupUnreachable { .. } => self.about_receiving(f),
        }
    }
}

/// What a firewall must let in for a group, fit for `must let in …`.
fn group_traffic(group: SocketAddr) -> String {
    let membership = if group.is_ipv4() { "IGMP" } else { "MLD (ICMPv6)" };
    format!("UDP port {} and {membership}", group.port())
}

/// Names the cause, a switch, and the cure, a querier.
fn write_forgotten(
    f: &mut fmt::Formatter<'_>,
    group: SocketAddr,
    silence: Duration,
    lasted: Duration,
) -> fmt::Result {
    let protocol = if group.is_ipv4() { "IGMP" } else { "MLD" };
    write!(
        f,
        "nothing came from {} for {:.1} s, until this machine joined the group again: a \
         switch had probably forgotten it after {:.0} s. Switches with {protocol} snooping do so \
         when there is no {protocol} querier, or a firewall here drops its queries: turn the \
         querier on in one switch or router, or snooping off. Until then this machine says in time \
         that it is in the group",
        Zoned(group),
        silence.as_secs_f64(),
        lasted.as_secs_f64(),
    )
}

impl Hint {
    /// What to say when the network had forgotten that this machine is in this group.
    pub(crate) fn forgotten(group: SocketAddr, recovered: Recovered) -> Self {
        let Recovered { silence, lasted } = recovered;
        Self::Forgotten { group, silence, lasted }
    }

    /// What to say of an interface that cannot send or receive.
    pub(crate) fn no_carrier(interface: &Interface) -> Option<Self> {
        let (is_up, name) = (interface.up, interface.name.clone());
        (!is_up || !interface.running).then_some(Self::NoCarrier { interface: name, is_up })
    }

    /// The same with what there is on this machine now.
    pub(crate) fn with_surroundings(mut self) -> Self {
        if let Self::NoReceiver { group, interface, has_carrier, others, .. }
        | Self::NoSender { group, interface, has_carrier, others, .. } = &mut self
        {
            (*has_carrier, *others) = surroundings::look(interface, group.ip());
        }
        self
    }

    /// What may be wrong with the interface.
    fn about_interfaces(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::NoReceiver { interface, has_carrier, others, .. }
        | Self::NoSender { interface, has_carrier, others, .. }) = self
        else {
            return Ok(());
        };
        if !has_carrier {
            write!(f, ". {interface} has no carrier")?;
        }
        if !others.is_empty() {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            write!(f, ". Other interfaces here: {}", others.join(", "))?;
        }
        Ok(())
    }

    fn about_this_machine(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLeaves { error } => write!(
                f,
                "nothing leaves this machine, the system refuses to send: {error}. Is the \
                 interface up, is there a route through it, and does a local firewall let UDP out? \
                 On many systems IPv6 multicast does not work through lo"
            ),
            Self::NoCarrier { interface, is_up: true } => write!(
                f,
                "{interface} has no carrier: nothing is sent or received until its cable is \
                 plugged in, or it has joined a wireless network"
            ),
            Self::NoCarrier { interface, is_up: false } => {
                write!(f, "{interface} is switched off: nothing is sent or received through it")
            }
            Self::SmallBuffer { buffer, asked, granted } => {
                let (name, limit) = match buffer {
                    BufferKind::Receive => ("receive", "rmem_max"),
                    BufferKind::Send => ("send", "wmem_max"),
                };
                let (asked_size, granted) = (Size(*asked), Size(*granted));
                write!(f, "{name} buffer: asked for {asked_size}, granted {granted}")?;
                if cfg!(any(target_os = "linux", target_os = "android")) {
                    write!(f, "; run: sysctl -w net.core.{limit}={asked}")?;
                }
                Ok(())
            }
            Self::KernelDrops { packets } => write!(
                f,
                "packets lost on this machine, not on the network: {packets}. They came while the \
                 socket's buffer was full; a lower rate at the sender or a larger \
                 net.core.rmem_max here helps"
            ),
            Self::ForeignAddress { group } => write!(
                f,
                "{} is neither a multicast group nor an address of this machine: what is sent to \
                 any of its addresses at port {} is received",
                Zoned(*group),
                group.port()
            ),
            _ => Ok(()),
        }
    }

    fn about_sending(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReceiver { group, interface, ttl, port, after, sends_anyway, .. } => {
                write!(
                    f,
                    "no receiver has answered on {} via {interface} for {} s: is one running, on \
                     this group and port? ",
                    Zoned(*group),
                    after.as_secs()
                )?;
                if group.ip().is_multicast() {
                    write!(
                        f,
                        "With a router on the way, is the TTL ({ttl}) high enough and does it \
                         route multicast? Firewalls must let in {}, at the receivers and here, \
                         and here also UDP port {port}",
                        group_traffic(*group)
                    )?;
                } else {
                    write!(
                        f,
                        "Is this its address? Firewalls must let in UDP port {} there, and UDP \
                         port {port} here",
                        group.port()
                    )?;
                }
                self.about_interfaces(f)?;
                let all_the_same =
                    ". Everything is sent once all the same, for receivers that may not answer";
                f.write_str(if *sends_anyway { all_the_same } else { "" })
            }
            Self::ReceiversMissing { joined, wanted, after } => write!(
                f,
                "{joined} of {wanted} receivers joined; {} missing for {} s",
                wanted.saturating_sub(*joined),
                after.as_secs()
            ),
            Self::NoReceiverLeft => {
                f.write_str("no receiver is left: all have failed, so the rest is not sent")
            }
            Self::SegmentTooLong { wanted, used, mtu, interface } => write!(
                f,
                "segments of {wanted} bytes do not fit {} (MTU {mtu}): using {used} bytes",
                interface.as_deref().unwrap_or("the path")
            ),
            Self::PacketTooLong { wanted, used, mtu, interface } => write!(
                f,
                "packets of {wanted} bytes do not fit {interface} (MTU {mtu}): using segments of \
                 {used} bytes"
            ),
            Self::SeparateGroupFailed { error } => write!(
                f,
                "the separate group cannot be opened, and receivers sent there get nothing: {error}"
            ),
            Self::SeparateGroupEnded { error } => {
                write!(f, "sending to the separate group ended early: {error}")
            }
            _ => Ok(()),
        }
    }

    fn about_missing_sender(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::NoSender { group, interface, after, .. } = self else { return Ok(()) };
        write!(
            f,
            "no sender heard on {} via {interface} for {} s: is the sender running, on \
             this group and port, through the right interface",
            Zoned(*group),
            after.as_secs()
        )?;
        if group.ip().is_multicast() {
            write!(
                f,
                ", with a TTL above 1 if a router is between? A firewall here must let in \
                 {}. A switch with IGMP or MLD snooping but no querier may also be in the \
                 way",
                group_traffic(*group)
            )?;
        } else {
            write!(f, "? A firewall here must let in UDP port {}", group.port())?;
        }
        self.about_interfaces(f)
    }

    fn about_senders(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSender { .. } => self.about_missing_sender(f),
            Self::Unseen { address, group, after, .. } => write!(
                f,
                "the sender {} does not see this receiver: for {} s it has asked, and no answer \
                 has arrived. A firewall there must let in {} and UDP port {}; \
                 with a router between, the TTL here must be above 1",
                Zoned(*address),
                after.as_secs(),
                group_traffic(*group),
                address.port()
            ),
            Self::SenderSilent { after, timeout, source } => {
                write!(f, "the sender has been silent for {} s; ", after.as_secs())?;
                if let Some(source) = source {
                    write!(
                        f,
                        "only {source} is listened to: if the sender has another address now, \
                         listen to that; "
                    )?;
                }
                f.write_str("waiting for it")?;
                match timeout {
                    Some(limit) => write!(f, ": giving up after {} s", limit.as_secs_f64()),
                    None => Ok(()),
                }
            }
            Self::SenderIgnored { address, name } if name.is_empty() => {
                write!(f, "the sender at {address} is ignored: another one is wanted")
            }
            Self::SenderIgnored { address, name } => {
                write!(f, "the sender {name} at {address} is ignored: another one is wanted")
            }
            Self::TooManySenders { limit } => {
                write!(f, "{limit} senders were heard, which is odd; further ones are not shown")
            }
            Self::NotAFileSet { address, .. } => write!(
                f,
                "{} sends something that is not a file set of this version; it is ignored",
                Zoned(*address)
            ),
            Self::StreamIgnored { address, .. } => {
                write!(f, "{} sends a stream, not files; it is ignored", Zoned(*address))
            }
            Self::NotVerified { address, .. } => write!(
                f,
                "{}: this sender's protocol has no checksums; files are complete but not verified",
                Zoned(*address)
            ),
            _ => Ok(()),
        }
    }

    fn about_packets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyShortPackets { address, largest, in_use, .. } => {
                write!(
                    f,
                    "only short packets of {address} arrive, of up to {largest} bytes, and no \
                     content: a link on the way has a smaller MTU than "
                )?;
                match in_use {
                    0 => f.write_str("the sender's packets need")?,
                    bytes => write!(f, "the sender's packets of {bytes} bytes need")?,
                }
                f.write_str(
                    ". The sender finds the length that passes, unless it was given one, is of \
                     another implementation, or other receivers were there before",
                )
            }
            Self::ShorterPackets { address, .. } => write!(
                f,
                "{address} sends shorter packets from now on, because longer ones do not reach all \
                 receivers; what is here stays"
            ),
            Self::Fragmented { address, bytes, mtu, interface, .. } => write!(
                f,
                "packets of {address} come in fragments: they have {bytes} bytes, and {interface} \
                 lets {mtu} through. The loss of one fragment is the loss of a packet"
            ),
            _ => Ok(()),
        }
    }

    fn about_receiving(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManySets { limit } => {
                write!(f, "{limit} file sets are on their way; another one is ignored")
            }
            Self::SetIgnored { set, error, .. } => write!(f, "file set {set} is ignored: {error}"),
            Self::ResumeDataUnusable { error, .. } => {
                write!(f, "resume data of this transfer is not used: {error}")
            }
            Self::FilesPresent { files, first, .. } => {
                let first = first.display();
                let its = if *files == 1 { "its" } else { "their" };
                match files {
                    1 => write!(f, "{first} is in place already, with the same size: it stays")?,
                    n => write!(
                        f,
                        "{n} files are in place already, with the same sizes, {first} for one: \
                         they stay"
                    )?,
                }
                write!(
                    f,
                    " if {its} content turns out to be the same in the end, and if not, the \
                     transfer fails then"
                )
            }
            Self::MetadataRefused { entries, first, error, .. } => {
                let first = first.display();
                match entries {
                    1 => write!(f, "mode or time of {first} cannot be set")?,
                    n => write!(
                        f,
                        "modes or times of {n} files and directories, {first} for one, cannot be \
                         set"
                    )?,
                }
                write!(
                    f,
                    ": {error}. Their content is complete. Where modes and times matter, set them \
                     where this file system is, or receive on another one"
                )
            }
            Self::SlowDisk { directory } => write!(
                f,
                "the disk with {} takes less than arrives, and limits the transfer: receive on a \
                 faster one",
                directory.display()
            ),
            Self::ReceivedAgain { .. } => {
                f.write_str("part of the set did not match its hash and is received again")
            }
            Self::SeparateGroupUnreachable { error } => {
                write!(f, "the separate group cannot be joined: {error}")
            }
            _ => Ok(()),
        }
    }
}

/// A size as people write it.
struct Size(usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= 1 << 20 && bytes % (1 << 20) == 0 => write!(f, "{} MiB", bytes >> 20),
            bytes if bytes >= 1 << 10 => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn small_buffer_is_told_with_its_cure() {
        let hint =
            Hint::SmallBuffer { buffer: BufferKind::Receive, asked: 64 << 20, granted: 208 << 10 };
        assert_eq!(
            hint.to_string(),
            "receive buffer: asked for 64 MiB, granted 208 KiB; \
             run: sysctl -w net.core.rmem_max=67108864"
        );
        let hint = Hint::SmallBuffer { buffer: BufferKind::Send, asked: 4 << 20, granted: 100 };
        assert!(hint.to_string().contains("granted 100 bytes; run: sysctl -w net.core.wmem_max"));
    }

    #[test]
    fn buffer_that_was_granted_needs_no_hint() {
        let buffers = Buffers { recv_asked: 2, recv_granted: 2, send_asked: 3, send_granted: 1 };
        let hints: Vec<Hint> = Hint::small_buffers(buffers).collect();
        let expected = Hint::SmallBuffer { buffer: BufferKind::Send, asked: 3, granted: 1 };
        assert_eq!(hints, [expected]);
    }

    #[test]
    fn querier_is_named_in_the_words_of_the_address_family() {
        let hint = |group: &str| {
            let second = Duration::from_secs(1);
            let recovered = Recovered { silence: second.mul_f64(2.62), lasted: second * 20 };
            Hint::forgotten(group.parse().unwrap(), recovered).to_string()
        };
        let words = hint("239.1.2.3:7");
        assert!(words.contains("for 2.6 s") && words.contains("after 20 s"), "{words}");
        assert!(
            words.contains("no IGMP querier, or") && words.contains("turn the querier on"),
            "{words}"
        );
        assert!(hint("[ff15::1]:7").contains("MLD snooping do so when there is no MLD querier"));
    }

    #[test]
    fn missing_sender_is_told_with_ports_and_other_interfaces() {
        let eth1 = OtherInterface::new("eth1".to_owned(), vec!["10.1.0.5".parse().unwrap()]);
        let hint = |group: &str, has_carrier, others| {
            let (group, interface) = (group.parse().unwrap(), "eth0".to_owned());
            let after = Duration::from_secs(5);
            Hint::NoSender { group, interface, has_carrier, others, after }.to_string()
        };
        let words = hint("239.1.2.3:7", false, vec![eth1]);
        assert!(words.contains("must let in UDP port 7 and IGMP."), "{words}");
        assert!(words.contains(". eth0 has no carrier. Other interfaces here: eth1 (10.1.0.5)"));
        let words = hint("[ff15::1]:7", true, Vec::new());
        assert!(words.contains("UDP port 7 and MLD (ICMPv6).") && !words.contains("carrier"));
        let words = hint("10.1.2.3:7", true, Vec::new());
        assert!(words.ends_with("interface? A firewall here must let in UDP port 7"), "{words}");
    }

    #[test]
    fn unseen_receiver_names_the_ports_at_the_sender() {
        let (address, group) = (([10, 1, 2, 3], 4567).into(), ([239, 1, 2, 3], 7).into());
        let (sender, after) = (SenderId(0), Duration::from_secs(5));
        let words = Hint::Unseen { sender, address, group, after }.to_string();
        assert!(words.contains("10.1.2.3:4567 does not see this receiver"), "{words}");
        assert!(words.contains("UDP port 7 and IGMP and UDP port 4567"), "{words}");
    }

    #[test]
    fn missing_receiver_is_asked_about_by_group_and_ttl() {
        let hint = |group: &str, sends_anyway| Hint::NoReceiver {
            group: group.parse().unwrap(),
            interface: "eth0".to_owned(),
            has_carrier: true,
            others: Vec::new(),
            ttl: 3,
            port: 4567,
            after: Duration::from_secs(5),
            sends_anyway,
        };
        let words = hint("239.1.2.3:7", true).to_string();
        assert!(words.contains("via eth0 for 5 s") && words.contains("TTL (3)"), "{words}");
        assert!(words.ends_with("for receivers that may not answer"), "{words}");
        let words = hint("10.1.2.3:7", false).to_string();
        assert!(words.ends_with("UDP port 7 there, and UDP port 4567 here"), "{words}");
    }
}
