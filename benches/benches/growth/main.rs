//! The cost of a sender by the number of its receivers: a real sending engine at 1 Gbit/s of
//! virtual time, and a group of simulated receivers with 1 % loss each.
//!
//! This is no criterion bench: it prints a table. Each group runs once, and its feedback is
//! recorded. Then the engine alone is timed in several runs with that feedback, and the median of
//! each call counts. The cost of feedback is compared with the cost of sending in the engine, and,
//! including the kernel's part of receiving it, with the cost of sending in all: `whole` measures
//! the other parts of that in the same run.
//!
//! - `NORM_BENCH_MIB`: size of the transfer (default 2400; with 10000 there is a second membership
//!   query to 10,000 receivers)
//! - `NORM_BENCH_RUNS`: number of runs (default 5)
//! - `NORM_BENCH_RECEIVERS`: a single group of the five

mod allocator;
mod case;
mod group;
mod run;
mod whole;

use bytes::Bytes;
use norm_core::fec::{Points, RsCode, RsForm, Scheme};

use allocator::Counting;
use case::{Case, Code};
use run::{BATCH, OBJECT, SEGMENT};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Numbers of receivers.
const GROUPS: [u32; 5] = [1, 10, 100, 1_000, 10_000];
/// Share of packets that each receiver loses.
const LOSS: f64 = 0.01;

fn main() {
    let setting = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let size = (setting("NORM_BENCH_MIB", 2400) << 20).next_multiple_of(OBJECT);
    let runs = setting("NORM_BENCH_RUNS", 5).max(1);
    let only = setting("NORM_BENCH_RECEIVERS", 0);
    let groups: Vec<u32> =
        GROUPS.into_iter().filter(|group| only == 0 || only == u64::from(*group)).collect();
    let content = Bytes::from((0..64usize << 20).map(|n| (n * 31) as u8).collect::<Vec<_>>());
    println!("{} MiB, {} % loss at each receiver", size >> 20, LOSS * 100.0);
    let whole = whole::measure(SEGMENT.into(), BATCH).expect("loopback and room in memory");
    println!(
        "In addition to the engine: {:.0} ns to read, hash and send a packet, \
         {:.0} ns to receive a datagram",
        whole.packet, whole.datagram
    );
    let codes = codes();
    let mut tables: Vec<Vec<Case>> = std::thread::scope(|scope| {
        let (groups, content) = (&groups, &content);
        let record = move |code: Code| {
            let cases = groups.iter().map(|&group| Case::record(group, code, size, content));
            cases.collect::<Vec<_>>()
        };
        let threads = codes.map(|code| scope.spawn(move || record(code)));
        threads.into_iter().map(|thread| thread.join().expect("a recorded run")).collect()
    });
    for _ in 0..runs {
        tables.iter_mut().flatten().for_each(|case| case.repeat(size, &content));
    }
    for (code, cases) in codes.iter().zip(&tables) {
        println!("\n{}\n", code.name);
        println!(
            "| receivers | packets | ns per packet | NACKs | ns | window | ns | reports | ns \
             | feedback per s | of forward | of all | end, µs per receiver | bytes per receiver |"
        );
        println!("|{}", "---|".repeat(14));
        cases.iter().for_each(|case| case.print(&whole));
    }
}

fn codes() -> [Code; 2] {
    let code = RsCode::new(RsForm::Id5, Points::Rizzo, 160, 95).expect("a valid code");
    let scheme = Scheme::ReedSolomon(code);
    [
        Code { name: "Reed-Solomon, K = 160", scheme, block_len: 160 },
        Code { name: "RaptorQ, K = 1024", scheme: Scheme::RaptorQ, block_len: 1024 },
    ]
}
