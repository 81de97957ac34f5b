//! FLUTE's engines beside the crate `flute`: in memory, packets of an object made, and an object
//! taken from packets of which 5 % are lost, on one processor; then on sockets, where nothing is
//! lost on the way.
//!
//! This is no criterion bench: it prints a table. Both sides have the same code, blocks, symbols
//! and share of coded symbols, and both are timed in turn; the medians count. Nothing is hashed,
//! and what is received is written to memory. Where there is no code, our store puts symbols to
//! their place at once; the peer hands out blocks only.
//! Time is the processor's, so that other work on the machine changes little (Linux only).
//!
//! - `NORM_BENCH_MIB`: size of the object (default 64)
//! - `NORM_BENCH_RUNS`: number of runs (default 5)

#[path = "../growth/allocator.rs"]
mod allocator;
mod case;
mod ours;
mod sockets;
mod theirs;

use allocator::Counting;
use case::{Case, Measured};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let setting = |name: &str, default: usize| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let size = setting("NORM_BENCH_MIB", 64) << 20;
    let runs = setting("NORM_BENCH_RUNS", 5).max(1);
    let content: Vec<u8> =
        (0..size as u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    in_memory(&content, runs);
    println!();
    on_sockets(&content);
}

/// The table of what is made and taken in memory.
fn in_memory(content: &[u8], runs: usize) {
    let size = content.len();
    println!("{} MiB, {runs} runs, Gbit/s; in brackets what coding takes of our time", size >> 20);
    println!();
    println!(
        "| id | make: ours | flute | ratio | take: ours | flute | ratio | MiB: ours | flute |"
    );
    println!("|{}", "---|".repeat(9));
    for case in Case::ALL {
        let mut all = [const { Vec::new() }; 4];
        for _ in 0..runs {
            let mut packets = ours::packets(&case, content);
            all[0].push(ours::make(&case, content));
            all[1].push(ours::take(&mut packets, content));
            drop(packets);
            let packets = theirs::packets(&case, content);
            all[2].push(theirs::make(&case, content));
            all[3].push(theirs::take(&packets, content));
        }
        let [make, take, their_make, their_take] = all.map(|all| Measured::median(&all));
        let speed = |measured: &Measured| size as f64 * 8e-9 / measured.seconds;
        let coding = |measured: &Measured| 100.0 * measured.coding / measured.seconds;
        let mib = |one: &Measured, other: &Measured| one.memory.max(other.memory) >> 20;
        println!(
            "| {} | {:.1} ({:.0} %) | {:.1} | {:.2} | {:.1} ({:.0} %) | {:.1} | {:.2} | {} | {} |",
            case.name,
            speed(&make),
            coding(&make),
            speed(&their_make),
            their_make.seconds / make.seconds,
            speed(&take),
            coding(&take),
            speed(&their_take),
            their_take.seconds / take.seconds,
            mib(&make, &take),
            mib(&their_make, &their_take),
        );
    }
}

/// The table of transfers on sockets, each at the best of several rates.
fn on_sockets(content: &[u8]) {
    println!("On sockets: Mbit/s of content, and the rate at which it was sent");
    println!();
    println!("| id | ours | rate | flute | rate | ratio |");
    println!("|{}", "---|".repeat(6));
    for case in Case::ALL {
        let ours = sockets::best(sockets::ours, &case, content);
        let theirs = sockets::best(sockets::theirs, &case, content);
        println!(
            "| {} | {:.0} | {} | {:.0} | {} | {:.2} |",
            case.name,
            ours.goodput,
            ours.rate,
            theirs.goodput,
            theirs.rate,
            ours.goodput / theirs.goodput,
        );
    }
}
