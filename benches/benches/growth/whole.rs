//! The cost of a packet outside of the engine, and the kernel's cost of a datagram of feedback, for
//! a ratio that includes both.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig, SendOutcome};

/// Bytes that are read, hashed and sent.
const BYTES: usize = 64 << 20;
/// Bytes of a read.
const PART: usize = 1 << 20;
const PORT: u16 = 46_300;
/// Datagrams of feedback in the socket's buffer at a time.
const FEEDBACK: u32 = 64;
/// How often the buffer is filled.
const ROUNDS: u32 = 200;
/// Bytes of a datagram of feedback.
const FEEDBACK_LEN: usize = 64;
/// Number of runs, of which the median counts.
const RUNS: usize = 5;

/// Costs in nanoseconds.
pub(crate) struct Whole {
    /// To read, hash and send the content of one packet.
    pub(crate) packet: f64,
    /// To receive one datagram.
    pub(crate) datagram: f64,
}

/// Measures both, over loopback and from a file in memory.
pub(crate) fn measure(segment: usize, batch: usize) -> io::Result<Whole> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let mut file = tempfile::tempfile_in(folder)?;
    let content: Vec<u8> = (0..PART).map(|n| (n * 31 / 7) as u8).collect();
    for _ in 0..BYTES / PART {
        file.write_all(&content)?;
    }
    let packets: Vec<f64> =
        (0..RUNS).map(|_| forward(&mut file, segment, batch)).collect::<io::Result<_>>()?;
    let datagrams: Vec<f64> = (0..RUNS).map(|_| backward()).collect::<io::Result<_>>()?;
    Ok(Whole { packet: median(packets), datagram: median(datagrams) })
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Reads, hashes and sends a file to a group without members.
fn forward(file: &mut File, segment: usize, batch: usize) -> io::Result<f64> {
    let mut link = open(PORT, false)?;
    let to = link.group();
    let batch = batch.min(link.max_gso_segments()).min(65_507 / segment).max(1) * segment;
    let mut part = vec![0; PART];
    let mut hasher = blake3::Hasher::new();
    file.seek(SeekFrom::Start(0))?;
    let start = Instant::now();
    for _ in 0..BYTES / PART {
        file.read_exact(&mut part)?;
        hasher.update(&part);
        for contents in part.chunks(batch) {
            let mut left = contents;
            while let SendOutcome::Blocked { sent } = link.send(to, segment, left)? {
                left = &left[sent..];
                link.wait(None)?;
            }
        }
    }
    std::hint::black_box(hasher.finalize());
    Ok(start.elapsed().as_nanos() as f64 / BYTES as f64 * segment as f64)
}

/// Receives small datagrams that wait in the socket's buffer.
fn backward() -> io::Result<f64> {
    let (mut receiver, mut sender) = (open(PORT + 1, true)?, open(PORT + 1, false)?);
    let (to, content) = (sender.group(), [0x5a; FEEDBACK_LEN]);
    let (mut received, mut time) = (0, 0);
    for _ in 0..ROUNDS {
        for _ in 0..FEEDBACK {
            sender.send(to, FEEDBACK_LEN, &content)?;
        }
        let start = Instant::now();
        receiver.wait(None)?;
        receiver.recv(64, &mut |datagram| received += u64::from(!datagram.payload.is_empty()))?;
        time += start.elapsed().as_nanos();
    }
    Ok(time as f64 / received as f64)
}

fn open(port: u16, join: bool) -> io::Result<Link> {
    let mut config = LinkConfig::new(SocketAddr::from(([239, 255, 57, 43], port)));
    config.interface = Some(InterfaceSpec::Name("lo".to_owned()));
    config.join = join;
    config.loopback = true;
    Link::open(&config).map_err(io::Error::other)
}
