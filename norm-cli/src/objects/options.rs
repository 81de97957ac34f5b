//! The command line of `norm-objects`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::args::{FILES, KeyArgs, OUTPUT, RATE, RECEIVERS, REPAIR, SessionArgs, exit_codes};
use crate::units::Rate;

/// Sends or receives single DATA objects and streams (NORM, RFC 5740).
#[derive(Debug, Parser)]
#[command(
    name = "norm-objects",
    version,
    subcommand_required = true,
    arg_required_else_help = false,
    after_help = exit_codes(&EXITS),
    // Numbers such as -1 are wrong values, not unknown flags.
    allow_negative_numbers = true
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) role: Role,
}

#[derive(Debug, Subcommand)]
pub(super) enum Role {
    /// Send a file, or standard input, as one object
    Send(SendArgs),
    /// Receive objects into a directory, or to standard output
    Recv(RecvArgs),
}

const EXITS: [(u8, &str); 5] = [
    (0, "success: complete, at every receiver heard"),
    (3, "wrong key: what is heard has another one, or none; or none, with NORM_REQUIRE_KEY=1"),
    (4, "a file cannot be read or written"),
    (5, "no receiver or no sender heard"),
    (6, "something is missing"),
];

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Data,
    Stream,
}

#[derive(Debug, ClapArgs)]
pub(super) struct SendArgs {
    /// Kind of object
    #[arg(value_enum)]
    pub(super) kind: Kind,
    /// What to send [default: standard input]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) session: Session,

    /// Upper limit in bits per second (200M, 64k), or max
    #[arg(long, default_value = "100M", help_heading = RATE)]
    pub(super) rate: Rate,
    /// Share with other traffic: as fast as TCP, up to --rate (RFC 5740 §5.5.2)
    #[arg(long, help_heading = RATE)]
    pub(super) fair: bool,

    /// Start when N receivers have been heard
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = RECEIVERS)]
    pub(super) min_receivers: u32,
    /// All receivers are norm-objects: use membership queries and reports
    #[arg(long, help_heading = RECEIVERS)]
    pub(super) native: bool,

    /// Text that describes the object (NORM_INFO)
    #[arg(long, value_name = "TEXT", help_heading = FILES)]
    pub(super) info: Option<String>,
    /// Lengths of a stream's messages, one per line
    #[arg(long, value_name = "FILE", help_heading = FILES)]
    pub(super) lengths: Option<PathBuf>,

    /// FEC Encoding ID: 5, 2 or 129
    #[arg(long, value_name = "ID", default_value_t = 5, help_heading = REPAIR)]
    pub(super) fec: u8,
    /// Source symbols per block
    #[arg(long, value_name = "N", default_value_t = 64, help_heading = REPAIR)]
    pub(super) block: u16,
    /// Parity symbols per block
    #[arg(long, value_name = "N", default_value_t = 16, help_heading = REPAIR)]
    pub(super) parity: u16,
    /// Bytes of content per packet
    #[arg(long, value_name = "BYTES", default_value_t = 1400, help_heading = REPAIR)]
    pub(super) segment: u16,
    /// Bytes of a stream kept for repair
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20, help_heading = REPAIR)]
    pub(super) buffer: usize,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RecvArgs {
    /// Give up after this time, in seconds [default: no limit]
    #[arg(long, value_name = "SECS")]
    pub(super) secs: Option<u64>,
    /// When done, stay until standard input ends
    #[arg(long)]
    pub(super) hold: bool,

    #[command(flatten)]
    pub(super) session: Session,

    /// Directory for objects, as data-0, stream-0 and so on [default: standard output]
    ///
    /// It is made if it is missing, and refused if it has such files already.
    #[arg(long, help_heading = FILES)]
    pub(super) dir: Option<PathBuf>,
    /// Number of objects to receive
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = FILES)]
    pub(super) count: usize,
    /// Send feedback to the sender alone, not to the group
    #[arg(long, help_heading = REPAIR)]
    pub(super) unicast: bool,
}

/// What both roles need.
#[derive(Debug, ClapArgs)]
pub(super) struct Session {
    #[command(flatten)]
    pub(super) network: SessionArgs,
    #[command(flatten)]
    pub(super) keys: KeyArgs,
    /// Print events as JSON lines on standard output
    #[arg(long, help_heading = OUTPUT)]
    pub(super) json: bool,
}
