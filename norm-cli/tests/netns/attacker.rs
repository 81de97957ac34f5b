//! An attacker on the network that holds no secret.
//!
//! Listens to the session and sends about 2000 packets a second, noise and changed copies of what
//! it heard, to the group and to the address of each host.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use norm_core::Rng;
use norm_net::io::socket::Link;

/// Packets per turn, and the time from one to the next.
const BURST: u64 = 10;
const PAUSE: Duration = Duration::from_millis(5);
/// Packets kept; each new one takes the place of a random older one.
const MEMORY: usize = 512;
/// What fits a frame together with the headers of IP and UDP.
const LONGEST: usize = 1472;

pub struct Attacker {
    link: Link,
    rng: Rng,
    heard: u64,
    sent: u64,
    packets: Vec<Vec<u8>>,
    addresses: Vec<SocketAddr>,
}

impl Attacker {
    pub fn new(link: Link, seed: u64) -> Self {
        let rng = Rng::new(seed);
        Self { link, rng, heard: 0, sent: 0, packets: Vec::new(), addresses: Vec::new() }
    }

    /// Packets sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Packets of the session heard so far.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// Sends a burst, then listens until the next one is due.
    pub fn turn(&mut self) {
        let end = Instant::now() + PAUSE;
        for _ in 0..BURST {
            let packet = self.packet();
            let to = self.destination();
            // A packet that the destination refuses is no loss.
            if self.link.send(to, packet.len(), &packet).is_ok() {
                self.sent += 1;
            }
        }
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.link.wait(Some(left)).expect("the link works");
            self.listen();
        }
    }

    fn listen(&mut self) {
        let Self { link, rng, heard, packets, addresses, .. } = self;
        let mut remember = |source: SocketAddr, payload: &[u8]| {
            *heard += 1;
            if !addresses.contains(&source) && addresses.len() < 16 {
                addresses.push(source);
            }
            if packets.len() < MEMORY {
                packets.push(payload.to_vec());
            } else if rng.chance(0.1) {
                let place = below(rng, MEMORY);
                packets[place] = payload.to_vec();
            }
        };
        link.recv(64, &mut |packet| remember(packet.source, packet.payload))
            .expect("the link works");
    }

    fn destination(&mut self) -> SocketAddr {
        match self.addresses.len() {
            0 => self.link.group(),
            known if self.rng.chance(0.25) => self.addresses[below(&mut self.rng, known)],
            _ => self.link.group(),
        }
    }

    fn packet(&mut self) -> Vec<u8> {
        let rng = &mut self.rng;
        if self.packets.is_empty() || rng.chance(0.25) {
            let length = 1 + below(rng, LONGEST);
            return (0..length).map(|_| random_byte(rng)).collect();
        }
        let mut packet = self.packets[below(rng, self.packets.len())].clone();
        match rng.below(8) {
            0 => {} // as it was, but from another address
            1 => {
                packet.truncate(1 + below(rng, packet.len()));
            }
            2 => {
                let longer = below(rng, LONGEST);
                packet.extend((0..longer).map(|_| random_byte(rng)));
            }
            3 => {
                let other = &self.packets[below(rng, self.packets.len())];
                let cut = below(rng, packet.len().min(other.len()));
                packet.truncate(cut);
                packet.extend_from_slice(&other[cut..]);
            }
            // Most fields are at the front.
            kind => {
                let front = if kind < 7 { 48 } else { LONGEST };
                for _ in 0..=rng.below(4) {
                    let place = below(rng, packet.len().min(front));
                    packet[place] = random_byte(rng);
                }
            }
        }
        packet.truncate(LONGEST);
        if packet.is_empty() {
            packet.push(0);
        }
        packet
    }
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(bound as u64)).expect("less than a usize")
}

fn random_byte(rng: &mut Rng) -> u8 {
    rng.next_u64().to_le_bytes()[0]
}
