//! Both on sockets: a sender and a receiver on a thread each, over loopback, from memory to memory,
//! at the best of some rates at which all arrives. Ours are on this library's sockets, the peer's
//! on plain ones with as long a receive buffer, a system call a packet, as in its own programs.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use norm_core::endpoint::{PrepareJob, TransmitBuf};
use norm_net::io::driver::Clock;
use norm_net::io::socket::{Link, LinkConfig, SendOutcome};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;

use crate::case::Case;
use crate::ours::{self, Coded, Next};
use crate::theirs;

/// Rates that are tried, in Mbit/s, until three in a row fail.
const RATES: [u64; 16] = [
    200, 400, 600, 800, 1000, 1250, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 8000, 10_000, 12_000,
];
const FAILURES: usize = 3;
/// Silence after which the rest will not come.
const SILENCE: Duration = Duration::from_millis(500);

/// The best of all rates.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Best {
    /// Content over the time from the first packet sent to the last one needed, in Mbit/s.
    pub(crate) goodput: f64,
    /// The rate in question.
    pub(crate) rate: u64,
}

/// A transfer at a rate in bits per second: how long it took; `None` if something was lost.
type Transfer = fn(&Case, &[u8], u64) -> Option<Duration>;

/// The best goodput of a transfer.
pub(crate) fn best(transfer: Transfer, case: &Case, content: &[u8]) -> Best {
    let (mut best, mut failures) = (Best::default(), 0);
    for rate in RATES {
        let took = [(), ()].iter().find_map(|()| transfer(case, content, rate * 1_000_000));
        let Some(took) = took else {
            failures += 1;
            if failures == FAILURES {
                break;
            }
            continue;
        };
        failures = 0;
        let goodput = content.len() as f64 * 8e-6 / took.as_secs_f64();
        if goodput > best.goodput {
            best = Best { goodput, rate };
        }
    }
    best
}

/// Loopback, at any port that is free.
fn any() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn config(to: SocketAddr) -> LinkConfig {
    LinkConfig::new(to)
}

/// A transfer by our engines.
pub(crate) fn ours(case: &Case, content: &[u8], rate: u64) -> Option<Duration> {
    let free = UdpSocket::bind(any()).and_then(|socket| socket.local_addr()).expect("a port");
    let receiving = LinkConfig { bind_session_port: true, ..config(free) };
    let mut link = Link::open(&receiving).expect("a link opens");
    let start = Instant::now();
    thread::scope(|threads| {
        let sending = threads.spawn(move || send(case, content, rate, free));
        let mut taking = ours::Taking::new(content.len());
        let (clock, mut last) = (Clock::start(), Instant::now());
        while !taking.is_complete && (last.elapsed() < SILENCE || !sending.is_finished()) {
            link.wait(Some(Duration::from_millis(20))).expect("it waits");
            let now = clock.now();
            let heard = link.recv(64, &mut |datagram| taking.hear(now, datagram));
            if heard.expect("it receives") > 0 {
                last = Instant::now();
            }
        }
        let took = start.elapsed();
        taking.is_right(content).then_some(took)
    })
}

/// Codes on a thread of its own, as the driver does.
fn send(case: &Case, content: &[u8], rate: u64, to: SocketAddr) {
    let (jobs, to_do) = mpsc::channel::<PrepareJob>();
    let (done, coded) = mpsc::channel();
    thread::scope(|threads| {
        threads.spawn(move || {
            for job in to_do {
                // The sender may have ended, and need no more.
                let _ = done.send(Coded::make(&job, content));
            }
        });
        send_coded(ours::Making::new(case, content, rate), to, &jobs, &coded);
        drop(jobs);
    });
}

fn send_coded(
    mut making: ours::Making<'_>,
    to: SocketAddr,
    jobs: &mpsc::Sender<PrepareJob>,
    coded: &mpsc::Receiver<Coded>,
) {
    let mut link = Link::open(&config(to)).expect("a link opens");
    let (clock, mut out) = (Clock::start(), TransmitBuf::new(link.max_gso_segments()));
    let mut in_work = 0_u32;
    loop {
        while let Ok(coded) = coded.try_recv() {
            making.keep(clock.now(), coded);
            in_work -= 1;
        }
        let now = clock.now();
        let next = making.next(now, &mut out, |job| {
            jobs.send(job).expect("the coder waits for jobs");
            in_work += 1;
            None
        });
        let coded = match next {
            Next::Send => {
                transmit(&mut link, to, &out);
                continue;
            }
            Next::Wait(until) => coded.recv_timeout(until.saturating_since(now)).ok(),
            Next::End if in_work > 0 => coded.recv().ok(),
            Next::End => return,
        };
        if let Some(coded) = coded {
            making.keep(clock.now(), coded);
            in_work -= 1;
        }
    }
}

fn transmit(link: &mut Link, to: SocketAddr, out: &TransmitBuf) {
    let (size, mut left) = (out.segment_size(), out.as_bytes());
    while let SendOutcome::Blocked { sent } = link.send(to, size, left).expect("it sends") {
        left = &left[sent..];
        link.wait(None).expect("it waits");
    }
}

/// A transfer by the peer's.
pub(crate) fn theirs(case: &Case, content: &[u8], rate: u64) -> Option<Duration> {
    let socket = UdpSocket::bind(any()).expect("a port");
    let buffer = config(any()).recv_buffer;
    set_socket_recv_buffer_size_force(&socket, buffer).expect("it takes root");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("it can be set");
    let to = socket.local_addr().expect("it is bound");
    let start = Instant::now();
    thread::scope(|threads| {
        let sending = threads.spawn(move || send_theirs(case, content, rate, to));
        let (mut taking, mut packet) = (theirs::Taking::new(content.len()), [0; 2048]);
        let mut last = Instant::now();
        while !taking.is_complete() && (last.elapsed() < SILENCE || !sending.is_finished()) {
            if let Ok(len) = socket.recv(&mut packet) {
                taking.hear(&packet[..len]);
                last = Instant::now();
            }
        }
        let took = start.elapsed();
        taking.is_right(content).then_some(took)
    })
}

fn send_theirs(case: &Case, content: &[u8], rate: u64, to: SocketAddr) {
    let socket = UdpSocket::bind(any()).expect("a port");
    socket.connect(to).expect("it is loopback");
    let (start, mut sent) = (Instant::now(), 0);
    theirs::run(case, content.to_vec(), |packet| {
        let due = Duration::from_secs_f64(sent as f64 * 8.0 / rate as f64);
        let ahead = due.saturating_sub(start.elapsed());
        if ahead > Duration::from_micros(100) {
            sleep(ahead);
        }
        // A full buffer is waited for; a receiver that has gone refuses.
        let _ = socket.send(&packet);
        sent += packet.len() + 28;
    });
}
