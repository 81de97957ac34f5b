//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Parser, Subcommand, ValueEnum};

use crate::case::{Buffers, Case};
use crate::tools::Tool;
use crate::tools::raw::{RawRecvArgs, RawSendArgs};

/// A comparison, or one of the parts that it runs in its namespaces.
#[derive(Clone, Debug, Parser)]
#[command(name = "compare", args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub mode: Option<Mode>,

    #[command(flatten)]
    pub options: Options,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Mode {
    /// The bare socket's sender
    #[command(hide = true)]
    RawSend(RawSendArgs),
    /// The bare socket's receiver
    #[command(hide = true)]
    RawRecv(RawRecvArgs),
    /// BLAKE3 of a file, with one thread
    #[command(hide = true)]
    Hash { file: PathBuf },
}

/// Compares norm-send and norm-recv with the bare socket and other programs, and prints tables.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Numbers of receivers, 1 to 100
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "1,4,8",
        value_parser = clap::value_parser!(u8).range(1..=100))]
    pub receivers: Vec<u8>,

    /// Percent of the arriving packets that each receiver loses, up to 90
    #[arg(long, value_name = "PERCENT,..", value_delimiter = ',', default_value = "0,0.1,1,5,20",
        value_parser = percent)]
    pub loss: Vec<f64>,

    /// MTU of the network
    #[arg(long, value_name = "BYTES,..", value_delimiter = ',', default_value = "1500,9000",
        value_parser = clap::value_parser!(u32).range(1500..=9000))]
    pub mtu: Vec<u32>,

    /// Segmentation offload: with it, a batch of one system call crosses the network as one packet
    #[arg(long, value_name = "WHICH", default_value = "both")]
    pub offload: Offload,

    /// Rates of a bottleneck to each receiver, such as 100M, or none; programs that can do so find
    /// it themselves
    #[arg(long, value_name = "RATE,..", value_delimiter = ',', default_value = "none",
        value_parser = bottleneck)]
    pub bottleneck: Vec<Option<u64>>,

    /// Limits on socket buffers
    #[arg(long, value_name = "WHICH,..", value_delimiter = ',', default_value = "large")]
    pub buffers: Vec<Buffers>,

    /// Sizes of the file, such as 256MiB
    #[arg(long, value_name = "SIZE,..", value_delimiter = ',', default_value = "1GiB")]
    pub size: Vec<ByteSize>,

    /// Number of runs of each program in each case; medians are shown
    #[arg(long, value_name = "N", default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: u32,

    /// Programs to compare
    #[arg(
        long,
        value_name = "TOOL,..",
        value_delimiter = ',',
        default_value = "ours,raw,uftp,udpcast,nrl,cp,hash"
    )]
    pub tools: Vec<Tool>,

    /// Compares the default rate of norm-send with its fixed rates, or with the rate max where
    /// there is no bottleneck, and judges it
    #[arg(long, conflicts_with = "tools")]
    pub default_rate: bool,

    /// Fixed rates, in percent of the bottleneck's [with --default-rate: 93]
    #[arg(long, value_name = "PERCENT,..", value_delimiter = ',', default_value = "90,95,98",
        default_value_if("default_rate", "true", "93"), hide_default_value = true,
        value_parser = clap::value_parser!(u8).range(1..=100))]
    pub fixed: Vec<u8>,

    /// Seconds after which a run counts as failed
    #[arg(long, value_name = "SECS", default_value = "300", value_parser = seconds)]
    pub limit: Duration,

    /// Folder of norm-send and norm-recv [default: that of this program; built first by cargo run]
    #[arg(long, value_name = "DIR")]
    pub bin_dir: Option<PathBuf>,

    /// More arguments for norm-send
    #[arg(long, value_name = "ARGS", default_value = "", allow_hyphen_values = true)]
    pub ours_args: String,

    /// More arguments for norm-recv
    #[arg(long, value_name = "ARGS", default_value = "", allow_hyphen_values = true)]
    pub ours_recv_args: String,

    /// Also write the tables to this file, after each case
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Settings of segmentation offload that are measured.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Offload {
    On,
    Off,
    Both,
}

const EXAMPLES: &str = "\
Examples:
  compare --receivers 1 --loss 0 --mtu 1500
                            file to file without loss, with and without segmentation offload
  compare --loss 1,5,20 --mtu 1500 --offload off --size 256MiB --out loss.md
                            loss of single packets, as on a wire
  compare --bottleneck 100M --loss 0.1,1,5 --receivers 1 --mtu 1500 --offload off --size 32MiB
          --tools ours,fixed,uftp,nrl --limit 120 --out bottleneck.md
                            programs that find the rate of a link, and their times
  compare --default-rate --receivers 1,3,8 --loss 0,1,5,20 --bottleneck 100M,1G,none
          --size 16MiB,64MiB,256MiB --buffers stock,large --mtu 1500 --offload off --runs 20
          --out default-rate.md
                            the default rate, beside what a user who knows the link would choose
  compare --size 64MiB --runs 1 --receivers 1 --tools ours,uftp
                            a short comparison";

impl Options {
    /// All cases, in the order in which they are measured.
    pub fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for &size in &self.size {
            for &buffers in &self.buffers {
                for &mtu in &self.mtu {
                    for &offload in self.offload.settings() {
                        for &bottleneck in &self.bottleneck {
                            let case = Case {
                                size,
                                buffers,
                                receivers: 0,
                                loss: 0.0,
                                mtu,
                                offload,
                                bottleneck,
                            };
                            self.add_groups(case, &mut cases);
                        }
                    }
                }
            }
        }
        cases
    }

    /// Adds a case for every number of receivers and every loss.
    fn add_groups(&self, case: Case, to: &mut Vec<Case>) {
        for &receivers in &self.receivers {
            to.extend(self.loss.iter().map(|&loss| Case { receivers, loss, ..case }));
        }
    }

    /// The programs to compare.
    pub fn tools(&self) -> Vec<Tool> {
        if self.default_rate {
            vec![Tool::Auto, Tool::Fixed, Tool::Max]
        } else {
            self.tools.clone()
        }
    }
}

impl Offload {
    fn settings(self) -> &'static [bool] {
        match self {
            Self::On => &[true],
            Self::Off => &[false],
            Self::Both => &[true, false],
        }
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let percent: f64 = text.parse().map_err(|_| "give a number such as 0.1".to_owned())?;
    if (0.0..=90.0).contains(&percent) { Ok(percent) } else { Err("give 0 to 90".to_owned()) }
}

/// Bits per second of a bottleneck, or none.
fn bottleneck(text: &str) -> Result<Option<u64>, String> {
    if text == "none" { Ok(None) } else { bits(text).map(Some) }
}

/// Bits per second, with M or G after the number.
fn bits(text: &str) -> Result<u64, String> {
    let scale = match text.as_bytes().last() {
        Some(b'M') => 1_000_000,
        Some(b'G') => 1_000_000_000,
        _ => 0,
    };
    match text.get(..text.len().saturating_sub(1)).unwrap_or_default().parse::<u64>() {
        Ok(number @ 1..=1000) if scale > 0 => Ok(number * scale),
        _ => Err("give a number such as 100M or 1G, or none".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("give whole seconds, 1 to 86400".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definitions_are_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn bottleneck_has_a_unit() {
        assert_eq!((bits("100M"), bits("1G")), (Ok(100_000_000), Ok(1_000_000_000)));
        assert!(
            ["", "M", "100", "0M", "2000G", "1,5G", "é"].iter().all(|text| bits(text).is_err())
        );
    }

    #[test]
    fn cases_are_all_combinations() {
        let cases = options("--receivers 1,4 --loss 0,5 --mtu 1500").cases();
        assert_eq!(cases.len(), 8);
        let last = Case {
            size: ByteSize::gib(1),
            buffers: Buffers::Large,
            receivers: 4,
            loss: 5.0,
            mtu: 1500,
            offload: false,
            bottleneck: None,
        };
        assert_eq!(cases[7], last);
    }

    #[test]
    fn links_sizes_and_buffers_are_lists() {
        let words = "--bottleneck 100M,none --size 16MiB,64MiB --buffers stock,large --mtu 1500 \
            --offload off --receivers 3 --loss 1";
        let cases = options(words).cases();
        assert_eq!(cases.len(), 8);
        let (first, last) = (cases[0], cases[7]);
        assert_eq!((first.bottleneck, first.buffers), (Some(100_000_000), Buffers::Stock));
        assert_eq!((last.bottleneck, last.buffers), (None, Buffers::Large));
        assert_eq!((first.size, last.size), (ByteSize::mib(16), ByteSize::mib(64)));
    }

    #[test]
    fn default_rate_is_compared_with_one_fixed_rate_unless_told_otherwise() {
        assert_eq!(options("").fixed, [90, 95, 98]);
        assert_eq!(options("--default-rate").fixed, [93]);
        assert_eq!(options("--default-rate --fixed 93,98").fixed, [93, 98]);
        assert_eq!(options("--default-rate").tools(), [Tool::Auto, Tool::Fixed, Tool::Max]);
    }

    fn options(words: &str) -> Options {
        let words = ["compare"].into_iter().chain(words.split_whitespace());
        Cli::try_parse_from(words).unwrap().options
    }
}
