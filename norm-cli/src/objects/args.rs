//! The command line of `norm-objects`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use norm_net::io::interface::InterfaceSpec;

use crate::group;
use crate::units::Rate;

/// Sends or receives DATA objects and streams (NORM, RFC 5740).
#[derive(Debug, Parser)]
#[command(name = "norm-objects", version)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) role: Role,
}

#[derive(Debug, Subcommand)]
pub(super) enum Role {
    /// Send a file, or standard input, as one object
    Send(SendArgs),
    /// Receive objects into a folder, or to standard output
    Recv(RecvArgs),
}

/// What both need.
#[derive(Debug, ClapArgs)]
pub(super) struct Session {
    /// Multicast group and port, or the address of the peer
    #[arg(short, long, value_name = "ADDR:PORT", value_parser = group::parse,
          default_value = group::DEFAULT_GROUP)]
    pub(super) group: SocketAddr,
    /// Network interface: name, address or network [default: by the routes]
    #[arg(short, long)]
    pub(super) interface: Option<InterfaceSpec>,
    /// Multicast TTL
    #[arg(long, default_value_t = 1)]
    pub(super) ttl: u32,
    /// Our node id [default: random]
    #[arg(long)]
    pub(super) node: Option<u32>,
    /// Print events as lines of JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Data,
    Stream,
}

#[derive(Debug, ClapArgs)]
pub(super) struct SendArgs {
    #[command(flatten)]
    pub(super) session: Session,
    /// What to send it as
    #[arg(value_enum)]
    pub(super) kind: Kind,
    /// What to send [default: standard input]
    pub(super) file: Option<PathBuf>,
    /// Lengths of a stream's messages, one a line
    #[arg(long, value_name = "FILE")]
    pub(super) lengths: Option<PathBuf>,
    /// Text about the object
    #[arg(long)]
    pub(super) info: Option<String>,
    /// Begin when this many receivers were heard
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub min_receivers: u32,

    /// Upper limit of the rate, in bits per second (k, M, G), or unlimited
    #[arg(long, default_value = "100M")]
    pub(super) rate: Rate,
    /// Share the network with others: as fast as TCP would be (RFC 5740 §5.5.2), up to --rate
    #[arg(long)]
    pub(super) fair: bool,
    /// FEC encoding id: 5, 2 or 129
    #[arg(long, default_value_t = 5)]
    pub(super) fec: u8,
    /// Source symbols per block
    #[arg(long, default_value_t = 64)]
    pub(super) block: u16,
    /// Parity symbols per block
    #[arg(long, default_value_t = 16)]
    pub(super) parity: u16,
    /// Bytes of content per packet
    #[arg(long, default_value_t = 1400)]
    pub(super) segment: u16,
    /// Bytes of a stream kept for repair
    #[arg(long, default_value_t = 16 << 20)]
    pub(super) buffer: usize,
    /// All receivers are of our own make: call them up
    #[arg(long)]
    pub(super) own: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RecvArgs {
    #[command(flatten)]
    pub(super) session: Session,
    /// Where objects go, as data-0 or stream-0, counted on [default: standard output]
    #[arg(long)]
    pub(super) dir: Option<PathBuf>,
    /// Objects to receive
    #[arg(long, default_value_t = 1)]
    pub(super) count: usize,
    /// Feedback to the sender alone, not to the group
    #[arg(long)]
    pub(super) unicast: bool,
    /// Give up after so many seconds
    #[arg(long)]
    pub(super) secs: Option<u64>,
    /// When done, stay until standard input ends
    #[arg(long)]
    pub(super) hold: bool,
}
