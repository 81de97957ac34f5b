//! `norm-sim plan`

use core::num::NonZero;
use core::time::Duration;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use norm_sim::{Request, preset};

use super::units;

/// Plans a transfer before it is sent: duration, repair, feedback, slowest receivers.
///
/// Simulates a stretch of it with real senders and receivers, which takes some seconds, and
/// extrapolates the remaining part.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true, verbatim_doc_comment)]
pub(super) struct Plan {
    /// Bytes to send: a number and kB, MB, GB, TB, KiB, MiB, GiB or TiB
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    size: u64,
    /// Receivers in all, 1 to 1000000
    #[arg(long, value_name = "N")]
    receivers: u32,
    /// Bits per second: 200M, 1.5G, 64k [default: 100M, or that of the network]
    #[arg(long, value_name = "RATE", value_parser = units::rate)]
    rate: Option<u64>,
    /// Loss of each receiver [default: 1%, or the loss of the network]
    #[arg(long, value_name = "P%", value_parser = units::share)]
    loss: Option<f64>,
    /// Number of receivers on Wi-Fi, which lose 2 % more, in bursts
    #[arg(long, value_name = "N", default_value_t = 0)]
    wifi: u32,
    /// N receivers lose P% instead; may be given several times
    #[arg(long, value_name = "N:P%", value_parser = units::bad)]
    bad: Vec<(u32, f64)>,
    /// Round trip, such as 5ms [default: 5ms, or that of the network]
    #[arg(long, value_name = "TIME", value_parser = units::time)]
    delay: Option<Duration>,
    /// Start from lan, wifi, satellite, campus or wan; the other options refine it
    #[arg(long, value_name = "NAME", hide_possible_values = true,
        value_parser = PossibleValuesParser::new(preset::NAMES))]
    network: Option<String>,
    /// Receivers send NACKs to the sender alone rather than to the group
    #[arg(long)]
    unicast_feedback: bool,
    /// Packets per block [default: about 100 ms of the rate, as norm-send chooses]
    #[arg(long, value_name = "PACKETS")]
    block_len: Option<u32>,
    /// Bytes of content per packet
    #[arg(long, value_name = "BYTES", default_value_t = 1344)]
    segment_size: u16,
    /// Seed of the random numbers
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Bytes to simulate, however long it takes [default: some seconds of work]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    simulate: Option<u64>,
    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
    /// Also write a page with plots to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Plan {
    pub(super) fn run(&self) -> ExitCode {
        match self.try_run() {
            Ok(()) => ExitCode::SUCCESS,
            Err((message, code)) => {
                eprintln!("error: {message}");
                ExitCode::from(code)
            }
        }
    }

    fn try_run(&self) -> Result<(), (String, u8)> {
        let plan = norm_sim::plan(&self.request()).map_err(|error| (error.to_string(), 2))?;
        if let Some(path) = &self.html {
            std::fs::write(path, plan.page()).map_err(|error| {
                (format!("cannot write {}: {error}; use another --html", path.display()), 1)
            })?;
        }
        if self.json {
            let json = serde_json::to_string_pretty(&plan).map_err(|e| (e.to_string(), 1))?;
            println!("{json}");
        } else {
            print!("{plan}");
        }
        Ok(())
    }

    fn request(&self) -> Request {
        let default = if self.network.is_some() { 0.0 } else { 0.01 };
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        Request {
            loss: self.loss.unwrap_or(default),
            wifi: self.wifi,
            bad: self.bad.clone(),
            rate: self.rate,
            delay: self.delay,
            network: self.network.clone(),
            unicast_feedback: self.unicast_feedback,
            block_len: self.block_len,
            segment_size: self.segment_size,
            seed: self.seed,
            stretch: self.simulate,
            threads,
            ..Request::new(self.size, self.receivers)
        }
    }
}
