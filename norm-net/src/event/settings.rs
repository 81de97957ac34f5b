//! What a session was set up with.

use std::net::SocketAddr;
use std::path::PathBuf;

use norm_core::fileset::SetId;
use norm_core::transfer::Passes;

#[cfg(feature = "serde")]
use super::serial;
use super::{Hint, LeftOut};
use crate::io::dscp::Dscp;
use crate::io::interface::{Because, Interface};
use crate::transfer::flute::{FluteReceive, FluteSend};
use crate::transfer::norm::Standard;
use crate::transfer::send::pace::Pace;

/// What a sending session was set up with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SendSettings {
    /// Multicast group and port, or the address of the only receiver.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
    pub group: SocketAddr,
    /// Name of the network interface in use.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::interface"))]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub interface: Interface,
    /// Why this interface.
    pub because: Because,
    /// Where packets leave from.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
    pub local: SocketAddr,
    /// How fast is sent.
    #[cfg_attr(feature = "serde", serde(flatten))]
    #[cfg_attr(feature = "schema", schemars(with = "serial::PaceFields"))]
    pub pace: Pace,
    /// Multicast TTL or hop limit.
    pub ttl: u32,
    /// Code point of all packets (DSCP, RFC 2474), 0 to 63.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::dscp"))]
    #[cfg_attr(feature = "schema", schemars(with = "u8"))]
    pub dscp: Dscp,
    /// Bytes of content per packet.
    pub segment_size: u16,
    /// FEC encoding id: 6 is RaptorQ; 5, 2 and 129 are Reed-Solomon codes.
    pub fec_id: u8,
    /// Source symbols in the longest block.
    pub block_len: u32,
    /// Id of the file set, which is drawn for each session; null when standalone files are sent.
    pub set: Option<SetId>,
    /// How standalone files are sent in standard mode, if they are.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub standard: Option<Standard>,
    /// How is sent one way, by FLUTE, if that is so.
    #[cfg_attr(feature = "serde", serde(rename = "tsi", serialize_with = "serial::tsi"))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub flute: Option<FluteSend>,
    /// How often everything is sent, where it is sent in passes.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "serial::passes"))]
    #[cfg_attr(feature = "schema", schemars(with = "serial::PassesFields"))]
    pub passes: Option<Passes>,
    /// Files to send, empty ones included.
    pub files: u64,
    /// Directories found; standalone files are sent without them.
    pub directories: u64,
    /// Symbolic links to send.
    pub links: u64,
    /// Bytes in all files, without those in holes.
    pub bytes: u64,
    /// What was found and is not sent, by reason.
    pub left_out: Vec<LeftOut>,
    /// What looks wrong from the beginning.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub hints: Vec<Hint>,
}

impl SendSettings {
    /// Settings of a session to this group through this interface, with nothing to send.
    pub fn new(group: SocketAddr, interface: Interface, local: SocketAddr) -> Self {
        Self {
            group,
            interface,
            because: Because::Given,
            local,
            pace: Pace::AUTO,
            ttl: 1,
            dscp: Dscp::DEFAULT,
            segment_size: 0,
            fec_id: 0,
            block_len: 0,
            set: None,
            standard: None,
            flute: None,
            passes: None,
            files: 0,
            directories: 0,
            links: 0,
            bytes: 0,
            left_out: Vec::new(),
            hints: Vec::new(),
        }
    }
}

/// What a receiving session was set up with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReceiveSettings {
    /// Multicast group and port, or the address of this machine that is listened on.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
    pub group: SocketAddr,
    /// Name of the network interface in use.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::interface"))]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub interface: Interface,
    /// Why this interface.
    pub because: Because,
    /// Where feedback leaves from.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::address"))]
    pub local: SocketAddr,
    /// How feedback travels.
    pub feedback: Feedback,
    /// How is received one way, by FLUTE, if that is so.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "serial::protocol"))]
    #[cfg_attr(feature = "schema", schemars(with = "serial::ProtocolFields"))]
    pub flute: Option<FluteReceive>,
    /// Where files go, as given.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub directory: PathBuf,
    /// What this receiver calls itself.
    pub name: String,
    /// What looks wrong from the beginning.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub hints: Vec<Hint>,
}

impl ReceiveSettings {
    /// Settings of a session on this group and interface that receives into this directory.
    pub fn new(
        group: SocketAddr,
        interface: Interface,
        local: SocketAddr,
        directory: PathBuf,
    ) -> Self {
        Self {
            group,
            interface,
            because: Because::Given,
            local,
            feedback: Feedback::Multicast,
            flute: None,
            directory,
            name: String::new(),
            hints: Vec::new(),
        }
    }
}

/// How feedback travels to a sender.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Feedback {
    /// To the group, so that receivers can suppress each other's.
    #[default]
    Multicast,
    /// To the address that the sender's messages come from.
    Unicast,
    /// Not at all: a silent receiver, of which the sender never hears.
    None,
}
