//! Options that several programs have.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use norm_net::io::interface::InterfaceSpec;
use norm_net::{Dscp, StateFolders};

use crate::exit::Failure;
use crate::group;
use crate::text;
use crate::units;

/// Headings of `--help`, in this order.
pub(crate) const NETWORK: &str = "Network";
pub(crate) const RATE: &str = "Rate and congestion";
pub(crate) const RECEIVERS: &str = "Receivers";
pub(crate) const FILES: &str = "Files";
pub(crate) const REPAIR: &str = "Repair and FEC";
pub(crate) const ONE_WAY: &str = "One way";
pub(crate) const SECURITY: &str = "Security";
pub(crate) const OUTPUT: &str = "Output";

/// Where a session takes place, for all programs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = NETWORK)]
pub struct SessionArgs {
    /// Multicast group, or a host for unicast
    ///
    /// Sender and receivers use the same address. A multicast group reaches all that listen. The
    /// address of one host makes the session unicast: the sender uses it, and that host.
    #[arg(short, long, verbatim_doc_comment, value_name = "ADDR:PORT", value_parser = group::parse,
        default_value = group::DEFAULT_GROUP)]
    pub group: SocketAddr,

    /// Network interface: name, address or subnet [default: by route]
    ///
    /// By default it is the interface of the route to the group, or of the default route. IPv6
    /// addresses may have it in them: -g '[ff02::57%eth0]:5740'.
    #[arg(short, long, verbatim_doc_comment, value_name = "IF")]
    pub interface: Option<InterfaceSpec>,

    /// Multicast TTL (hop limit)
    ///
    /// 1 stays in this network; add 1 for each router on the path, on both sides: receivers send
    /// repair requests to the group. Unicast packets are not limited.
    #[arg(short, long, verbatim_doc_comment, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=255))]
    pub ttl: u32,

    /// NORM node id, 1 to 4294967294 [default: random]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=0xffff_fffe))]
    pub node_id: Option<u32>,
}

impl SessionArgs {
    /// The interface that `--interface` or `--group` names, if one does.
    pub fn interface(&self) -> Option<InterfaceSpec> {
        group::interface(self.interface.as_ref(), self.group)
    }
}

/// The network as `norm-send` and `norm-recv` use it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = NETWORK)]
pub struct NetworkArgs {
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    #[command(flatten)]
    pub session: SessionArgs,

    /// DSCP of outgoing packets: 0 to 63, or CS1, AF11, EF, LE, ...
    ///
    /// Routers may treat packets better or worse by it (RFC 2474). Default: 0; LE for norm-send
    /// --polite.
    #[arg(long, verbatim_doc_comment, value_name = "DSCP")]
    pub dscp: Option<Dscp>,
}

/// Memory and output of `norm-send` and `norm-recv`.
#[derive(Clone, Debug, Args)]
pub struct CommonArgs {
    /// Memory to use, at least 16M
    ///
    /// A sender keeps content in it for repair, a receiver blocks that are not complete.
    /// Units are k, M and G, powers of 1,024.
    #[arg(long, verbatim_doc_comment, value_name = "SIZE", value_parser = units::memory,
        default_value = "128M", help_heading = REPAIR)]
    pub memory: usize,

    /// Folder for hashes and receipts [default: in the home]
    ///
    /// Hashes of files that were sent need not be made again, and what a receipt says is here is
    /// not received again. At most 1 GiB; may be removed at any time. By default they are in
    /// $XDG_CACHE_HOME/norm and $XDG_STATE_HOME/norm, or ~/.cache/norm and ~/.local/state/norm;
    /// without a home directory there are none.
    #[arg(long, verbatim_doc_comment, value_name = "DIR", help_heading = FILES)]
    pub state_dir: Option<PathBuf>,

    /// Print events as JSON lines on standard output, no progress
    ///
    /// For scripts: one object per line; docs/json.md describes each event and field.
    #[arg(long, verbatim_doc_comment, help_heading = OUTPUT)]
    pub json: bool,

    /// Write the final report to FILE as JSON
    ///
    /// Replaces the report of an earlier run; any other existing file is refused.
    #[arg(long, verbatim_doc_comment, value_name = "FILE", help_heading = OUTPUT)]
    pub report: Option<PathBuf>,
}

impl CommonArgs {
    /// Where hashes and receipts are kept.
    ///
    /// # Errors
    ///
    /// When `--state-dir` names what is no directory, and cannot become one.
    pub fn state(&self) -> Result<StateFolders, Failure> {
        let Some(folder) = &self.state_dir else { return Ok(StateFolders::of_user()) };
        fs::create_dir_all(folder).map_err(|error| {
            let folder = text::path(folder);
            Failure::local(format!(
                "--state-dir {folder} cannot be used: {error}; name another one"
            ))
        })?;
        Ok(StateFolders::within(folder))
    }
}
