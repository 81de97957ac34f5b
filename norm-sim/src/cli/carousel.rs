//! `norm-sim carousel`

use std::num::NonZero;
use std::process::ExitCode;

use clap::Args;
use norm_sim::{Carousel, CarouselProtocol};

/// Measures what receivers of a carousel wait for, per packet of content
#[derive(Debug, Args)]
pub(super) struct Measure {
    /// By NORM, to receivers without feedback, instead of by FLUTE.
    #[arg(long)]
    norm: bool,
    /// Number of objects in the 64 MiB.
    #[arg(long, value_name = "N", default_value_t = 1)]
    objects: u64,
    /// Symbols of a block.
    #[arg(long, value_name = "K", default_value_t = 1000)]
    block_len: u32,
    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Number of receivers for each loss.
    #[arg(long, value_name = "N", default_value_t = 50)]
    seeds: u64,
    /// Number of threads [default: all cores].
    #[arg(long, value_name = "T")]
    threads: Option<NonZero<usize>>,
}

impl Measure {
    /// Fails when one in twenty waits for more than the bound.
    pub(super) fn run(&self) -> ExitCode {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let threads = self.threads.unwrap_or_else(cores).get();
        let seeds: Vec<u64> = (self.seed..self.seed.saturating_add(self.seeds)).collect();
        let protocol = if self.norm { CarouselProtocol::Norm } else { CarouselProtocol::Flute };
        println!("64 MiB by {protocol:?}, {} objects, K about {}", self.objects, self.block_len);
        println!("loss    mean   19 of 20  most   bound");
        let mut code = ExitCode::SUCCESS;
        for (loss, bound) in Carousel::BOUNDS {
            let (objects, block_len) = (self.objects, self.block_len);
            let carousel = Carousel { objects, block_len, ..Carousel::new(loss) };
            let waited = carousel.by(protocol).run(&seeds, threads);
            let [mean, most, all] =
                [waited.mean(), waited.percentile(0.95), waited.percentile(1.0)];
            let percent = loss * 100.0;
            println!("{percent:>4.0} %  {mean:.4}  {most:.4}    {all:.4}  {bound:.2}");
            if most > bound {
                code = ExitCode::FAILURE;
            }
        }
        code
    }
}
