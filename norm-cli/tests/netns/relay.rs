//! A relay between a sender and a receiver of a unicast session, which delays what it passes on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Says which of the [`Delays`] a relay has.
pub const DELAYS: &str = "NORM_TEST_DELAYS";

/// The receiving host of a session through a relay, and where the relay itself is.
const RECEIVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 57, 1, 2)), 5740);
const RELAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 57, 1, 3)), 5740);

/// How long packets to the receiver are held; what comes from it is passed on at once.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Delays {
    None,
    /// Each for a time of its own.
    UpTo20Ms,
    UpTo100Ms,
    /// All until a common moment, as by an access point of Wi-Fi while stations sleep.
    Each102Ms,
}

/// A packet, where it goes, and its number among all: those due at one time leave in their order.
type Held = Reverse<(Instant, u64, SocketAddr, Vec<u8>)>;

impl Delays {
    const ALL: [Self; 4] = [Self::None, Self::UpTo20Ms, Self::UpTo100Ms, Self::Each102Ms];

    /// Those that the environment asks for.
    pub fn wanted() -> Self {
        let name = std::env::var(DELAYS).unwrap_or_default();
        let found = Self::ALL.into_iter().find(|delays| format!("{delays:?}") == name);
        found.expect("the test says which")
    }

    /// When a packet leaves that comes `since` the relay began; `draw` is random.
    fn delay(self, since: Duration, draw: u64) -> Duration {
        let part = |micros: u64| Duration::from_micros(draw % micros);
        match self {
            Self::None => Duration::ZERO,
            Self::UpTo20Ms => part(20_000),
            Self::UpTo100Ms => part(100_000),
            Self::Each102Ms => {
                let every = 102_000;
                Duration::from_micros(every - since.as_micros() as u64 % every)
            }
        }
    }
}

/// What a relay holds, and what has come to it from the sender.
#[derive(Default)]
struct State {
    held: Mutex<BinaryHeap<Held>>,
    bytes: AtomicU64,
}

/// Passes packets on for this time; calls `tell` when it begins, and four times a second, with the
/// bytes of UDP payload that have come from the sender so far.
pub fn run(delays: Delays, lifetime: Duration, tell: impl Fn(Duration, u64)) {
    let socket = UdpSocket::bind(RELAY).expect("the address is ours");
    let (state, start, mut told) = (State::default(), Instant::now(), Duration::ZERO);
    tell(told, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| take(&socket, &state, delays, start, lifetime));
        while start.elapsed() < lifetime {
            let now = Instant::now();
            while let Some((to, packet)) = next_due(&state.held, now) {
                // A receiver that is gone does no harm.
                let _ = socket.send_to(&packet, to);
            }
            if start.elapsed() >= told + Duration::from_millis(250) {
                told = start.elapsed();
                tell(told, state.bytes.load(Ordering::Relaxed));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    });
}

fn next_due(held: &Mutex<BinaryHeap<Held>>, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
    if held.peek()?.0.0 > now {
        return None;
    }
    held.pop().map(|Reverse((_, _, to, packet))| (to, packet))
}

/// Takes packets from both sides, and says when each leaves.
fn take(socket: &UdpSocket, state: &State, delays: Delays, start: Instant, lifetime: Duration) {
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out is possible");
    let (mut sender, mut number, mut draw) = (None, 0u64, 57u64);
    let mut buffer = vec![0; 1 << 16];
    while start.elapsed() < lifetime {
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        // xorshift64
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        let (to, delay) = if from.ip() == RECEIVER.ip() {
            let Some(sender) = sender else { continue };
            (sender, Duration::ZERO)
        } else {
            sender = Some(from);
            state.bytes.fetch_add(len as u64, Ordering::Relaxed);
            (RECEIVER, delays.delay(start.elapsed(), draw))
        };
        number += 1;
        let one = Reverse((Instant::now() + delay, number, to, buffer[..len].to_vec()));
        state.held.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }
}
