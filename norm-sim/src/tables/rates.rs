//! How a sender finds and keeps the rate of an empty path.

use core::fmt::Write;
use core::time::Duration;

use crate::bottleneck::Bottleneck;

/// Rates of the bottleneck in Mbit/s.
const RATES: [u64; 4] = [1, 10, 100, 1000];
/// Round trips in microseconds.
const ROUND_TRIPS: [u64; 4] = [200, 5_000, 50_000, 500_000];
/// Capacities of the queue in bandwidth-delay products.
const QUEUES: [f64; 3] = [0.2, 1.0, 5.0];

/// The cells of the table. Those that take seconds each are for `NORM_TEST_SCALE=1`.
pub fn cells() -> impl Iterator<Item = (u64, Duration, f64)> {
    let pairs = RATES.into_iter().flat_map(|mbit| ROUND_TRIPS.map(|micros| (mbit, micros)));
    let small = pairs.filter(|&(mbit, micros)| mbit * micros < 50_000_000);
    small.flat_map(|(mbit, micros)| {
        QUEUES.map(|queue| (mbit * 1_000_000, Duration::from_micros(micros), queue))
    })
}

pub(super) fn rates(out: &mut String, threads: usize) -> core::fmt::Result {
    writeln!(out, "one receiver on an empty path; queues of at least 10 packets; seed 1")?;
    writeln!(out, "reached: 90 % used; used: share after that; queued: longest queue after that")?;
    writeln!(out, "Mbit/s  RTT/ms  queue/BDP  reached/s   used  dropped  queued/BDP  packets")?;
    for (bits, rtt, queue) in cells() {
        let path = Bottleneck::new(bits, rtt, queue);
        let found = path.run(threads);
        let (mbit, ms) = (bits / 1_000_000, rtt.as_secs_f64() * 1e3);
        let reached =
            found.reached.map_or("never".to_owned(), |at| format!("{:.3}", at.as_secs_f64()));
        let queued = found.max_queue as f64 / path.bdp();
        let packets = found.max_queue / u64::from(crate::bottleneck::PACKET);
        let (used, dropped) = (found.used, found.dropped);
        write!(out, "{mbit:>6}  {ms:>6.1}  {queue:>9.1}  {reached:>9}  {used:.3}  {dropped:.5}")?;
        writeln!(out, "  {queued:>10.2}  {packets:>7}")?;
    }
    Ok(())
}
