//! Content that follows from its position, and the resources of a process.

use std::time::{SystemTime, UNIX_EPOCH};

/// Fills a piece of the content that begins at `at`, a multiple of 8.
pub fn fill(at: u64, piece: &mut [u8]) {
    let (words, tail) = piece.as_chunks_mut::<8>();
    let last = at / 8 + words.len() as u64;
    for (number, word) in (at / 8..).zip(words) {
        *word = mix(number).to_le_bytes();
    }
    tail.copy_from_slice(&mix(last).to_le_bytes()[..tail.len()]);
}

fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// Peak of the anonymous memory of this process in KiB, looked at every 10 ms from now on.
pub fn watch_memory() -> impl FnOnce() -> u64 {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    let peak = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&peak);
    std::thread::spawn(move || {
        loop {
            seen.fetch_max(anonymous().unwrap_or(0), Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    });
    move || peak.load(Ordering::Relaxed)
}

fn anonymous() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Processor time of this process in seconds, with a resolution of 10 ms.
pub fn cpu() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().ok());
    Some(ticks.sum::<Option<f64>>()? / 100.0)
}

/// Nanoseconds of the clock that both processes share.
pub fn since_epoch() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos())
}
