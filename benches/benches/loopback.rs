//! A file to one receiver over loopback multicast at the highest rate, from file to file with
//! verification, compared with bare sockets that carry as many bytes on this path in the same run.
//!
//! This is no criterion bench: a run takes seconds, and its result is a ratio. It prints a line for
//! each run. `NORM_BENCH_MIB` sets the size (default 512).

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig, SendOutcome};
use norm_net::{Pace, ReceiveOptions, SendOptions, receive, send};

const SEGMENT: usize = 1364;
const BATCH: usize = 46 * SEGMENT;

fn main() {
    let mib: u64 = std::env::var("NORM_BENCH_MIB").ok().and_then(|v| v.parse().ok()).unwrap_or(512);
    let shm = Path::new("/dev/shm");
    let memory = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(memory).expect("a temporary folder");
    let source = folder.path().join("source");
    write_source(&source, mib << 20).expect("room for the source");
    println!("{mib} MiB, one receiver, loopback; three runs");
    for run in 0..3u16 {
        let raw = raw_sockets(46_100 + run, mib << 20);
        let ours = transfer(46_200 + run, &source, &folder.path().join(format!("out{run}")));
        println!(
            "norm file to file {ours:.0} Mbit/s; bare GSO sockets {:.0} Mbit/s, of which {:.1} % \
             arrived; ratio {:.2}",
            raw.sent,
            raw.arrived * 100.0,
            ours / raw.sent
        );
    }
}

fn write_source(path: &Path, len: u64) -> io::Result<()> {
    use io::Write;
    let mut file = io::BufWriter::new(std::fs::File::create(path)?);
    let mut state = 1u64;
    for _ in 0..len / 8 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        file.write_all(&state.to_le_bytes())?;
    }
    file.flush()
}

fn group(port: u16) -> SocketAddr {
    SocketAddr::from(([239, 255, 57, 41], port))
}

fn lo() -> Option<InterfaceSpec> {
    Some(InterfaceSpec::Name("lo".to_owned()))
}

/// Goodput in Mbit/s, from the first packet of content to the end of the transfer.
fn transfer(port: u16, source: &Path, out: &Path) -> f64 {
    std::fs::create_dir(out).expect("a fresh folder");
    let mut options = ReceiveOptions::new(group(port), out);
    options.interface = lo();
    options.loopback = true;
    let receiving = receive(&options).expect("a receiver starts");
    let mut options = SendOptions::new(group(port));
    options.interface = lo();
    options.pace = Pace::Unlimited;
    options.min_receivers = 1;
    let sending = send(&[source.to_owned()], &options).expect("a sender starts");
    let report = sending.wait().expect("the sender ends well");
    receiving.wait().expect("the receiver ends well");
    let seconds = report.data_elapsed.as_secs_f64();
    assert_eq!(std::fs::metadata(out.join("source")).expect("it arrived").len(), report.bytes);
    std::fs::remove_dir_all(out).expect("it can be removed");
    report.bytes as f64 * 8e-6 / seconds
}

/// Result of the bare sockets.
struct Raw {
    /// Mbit/s.
    sent: f64,
    /// Share that arrived.
    arrived: f64,
}

/// The bytes of the transfer through a bare [`Link`], without pacing and repair.
fn raw_sockets(port: u16, bytes: u64) -> Raw {
    let mut config = LinkConfig::new(group(port));
    config.interface = lo();
    config.loopback = true;
    let mut receiver = Link::open(&config).expect("a link opens");
    let counter = std::thread::spawn(move || {
        let mut count = 0u64;
        let mut last = Instant::now();
        while count < bytes && last.elapsed() < Duration::from_millis(500) {
            receiver.wait(Some(Duration::from_millis(20))).expect("it waits");
            let mut got = 0;
            receiver.recv(64, &mut |r| got += r.payload.len() as u64).expect("it receives");
            if got > 0 {
                count += got;
                last = Instant::now();
            }
        }
        count
    });
    config.join = false;
    let mut link = Link::open(&config).expect("a link opens");
    let (to, batch) = (link.group(), vec![0x5a; BATCH]);
    let start = Instant::now();
    let mut sent = 0;
    while sent < bytes {
        match link.send(to, SEGMENT, &batch).expect("it sends") {
            SendOutcome::Blocked { sent: part } => {
                sent += part as u64;
                link.wait(None).expect("it waits");
            }
            _ => sent += BATCH as u64,
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let arrived = counter.join().expect("the counter counts") as f64 / sent as f64;
    Raw { sent: sent as f64 * 8e-6 / seconds, arrived }
}
