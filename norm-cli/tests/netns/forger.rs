//! An attacker without a key that sends from the sender's address, which it forges.
//!
//! Before it hears the session it sends noise and packets that are sealed with another key; then
//! also what it heard, as it was and changed, and what would end the session if it were believed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use norm_core::flute::wire as flute;
use norm_core::norm::wire::{Cmd, Command, Eot, Extensions, Header, Message, Sequence};
use norm_core::{Rng, Timestamp};
use norm_net::io::socket::Link;
use norm_net::seal::{GroupSecret, Guard, Keyring, Role, RunId, SEAL, SessionAddress, Suite};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Packets a second, in the environment.
pub const RATE: &str = "NORM_TEST_FORGER_RATE";
/// Whose address it forges: the sender's, on the first host.
const VICTIM: Ipv4Addr = Ipv4Addr::new(10, 57, 1, 1);
/// Port from which it sends before it has heard the sender.
const ANY_PORT: u16 = 40_000;
/// A number that needs no checksum of ours, and headers that are ours (raw(7)).
const IPPROTO_RAW: i32 = 255;
/// Packets that are remembered.
const MEMORY: usize = 512;
/// Packets of each kind that it sends, in turn.
const OF_A_KIND: usize = 200;
/// The time between two bursts.
const PAUSE: Duration = Duration::from_micros(500);
/// What fits a frame together with the headers of IP and UDP.
const LONGEST: usize = 1472;

/// What it forges.
#[derive(Copy, Clone, Debug)]
enum Kind {
    Noise,
    /// Sealed with another key.
    Foreign,
    /// What was heard, as it was.
    Repeated,
    /// What was heard, with a bit changed.
    Changed,
    /// The end of the session.
    Ends,
}

pub struct Forger {
    raw: Socket,
    group: SocketAddrV4,
    /// Until enough was heard.
    link: Option<Link>,
    rng: Rng,
    rate: f64,
    start: Instant,
    sent: u64,
    source: SocketAddrV4,
    heard: Vec<Vec<u8>>,
    /// Packets from the header of IP on.
    made: Vec<Vec<u8>>,
}

impl Forger {
    /// Listens by this link, which is its only interface.
    pub fn new(link: Link, seed: u64) -> Self {
        let rate = std::env::var(RATE).ok().and_then(|rate| rate.parse().ok());
        let SocketAddr::V4(group) = link.group() else { panic!("the group is one of IPv4") };
        let IpAddr::V4(own) = link.local_addr().ip() else { panic!("the link is one of IPv4") };
        let protocol = Some(Protocol::from(IPPROTO_RAW));
        let raw = Socket::new(Domain::IPV4, Type::RAW, protocol).expect("the test runs as root");
        raw.set_multicast_if_v4(&own).expect("the address is ours");
        raw.set_multicast_loop_v4(false).expect("it is an option of such sockets");
        let mut forger = Self {
            raw,
            group,
            link: Some(link),
            rng: Rng::new(seed),
            rate: rate.expect("a rate is given"),
            start: Instant::now(),
            sent: 0,
            source: SocketAddrV4::new(VICTIM, ANY_PORT),
            heard: Vec::new(),
            made: Vec::new(),
        };
        forger.make(&[Kind::Noise, Kind::Foreign]);
        forger
    }

    /// Packets sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Packets of the session heard so far.
    pub fn heard(&self) -> usize {
        self.heard.len()
    }

    /// Sends what is due, and listens.
    pub fn turn(&mut self) {
        let to = SockAddr::from(SocketAddr::V4(self.group));
        let due = (self.start.elapsed().as_secs_f64() * self.rate) as u64;
        while self.sent < due {
            let packet = &self.made[self.sent as usize % self.made.len()];
            // What the kernel has no room for counts: it is as good as lost.
            let _ = self.raw.send_to(packet, &to);
            self.sent += 1;
        }
        self.listen();
        std::thread::sleep(PAUSE);
    }

    fn listen(&mut self) {
        let Some(link) = &mut self.link else { return };
        let before = self.heard.len();
        let (heard, source) = (&mut self.heard, &mut self.source);
        link.wait(Some(Duration::ZERO)).expect("the link works");
        link.recv(1, &mut |datagram| {
            let SocketAddr::V4(from) = datagram.source else { return };
            if *from.ip() == VICTIM && heard.len() < MEMORY {
                *source = from;
                heard.push(datagram.payload.to_vec());
            }
        })
        .expect("the link works");
        let is_first = before == 0 && !self.heard.is_empty();
        let is_last = self.heard.len() == MEMORY;
        if is_last {
            self.link = None;
        }
        if is_first || is_last {
            use Kind::{Changed, Ends, Foreign, Noise, Repeated};
            self.make(&[Noise, Foreign, Repeated, Changed, Ends]);
        }
    }

    /// Makes packets of these kinds, which are sent in turn.
    fn make(&mut self, kinds: &[Kind]) {
        let mut foreign = foreign_guard(self.group);
        let mut made = Vec::new();
        for at in 0..OF_A_KIND * kinds.len() {
            let payload = self.payload(kinds[at % kinds.len()], &mut foreign);
            made.push(packet(self.source, self.group, &payload));
        }
        self.made = made;
    }

    fn payload(&mut self, kind: Kind, foreign: &mut Guard) -> Vec<u8> {
        let rng = &mut self.rng;
        let heard = match self.heard.len() {
            0 => &[][..],
            count => &self.heard[rng.below(count as u64) as usize],
        };
        match kind {
            Kind::Noise => noise(rng),
            Kind::Foreign => {
                let now = Timestamp::from_nanos(1);
                if let Some(hello) = foreign.poll_hello(now).map(<[u8]>::to_vec) {
                    return hello;
                }
                let mut sealed = noise(rng);
                sealed.resize(sealed.len().max(SEAL.head + SEAL.tail + 1), 0);
                assert!(foreign.seal(None, &mut sealed), "it has a run");
                sealed
            }
            Kind::Repeated => heard.to_vec(),
            Kind::Changed => {
                let mut changed = heard.to_vec();
                let at = rng.below(changed.len() as u64) as usize;
                changed[at] ^= 1 << rng.below(8);
                changed
            }
            Kind::Ends => end_of_norm(heard).or_else(|| end_of_flute(heard)).unwrap_or_else(|| {
                // Sealed: the number of the session is a guess.
                end(flute::Header::new(
                    flute::Tsi::new(1).expect("it is small"),
                    flute::Toi::FDT,
                    0,
                ))
            }),
        }
    }
}

/// One that seals with a key which has nothing to do with the session's.
fn foreign_guard(group: SocketAddrV4) -> Guard {
    let keys = Keyring::new(GroupSecret::new([0x57; 32]));
    let (address, run) = (SessionAddress::of(group.into()), RunId([0x57; 12]));
    Guard::new(Role::Sender, keys, Suite::default(), address, run).signing(&[0x57; 32])
}

fn noise(rng: &mut Rng) -> Vec<u8> {
    let length = 1 + rng.below(LONGEST as u64) as usize;
    (0..length).map(|_| rng.next_u32() as u8).collect()
}

/// The end of the session that a message of NORM is of.
fn end_of_norm(heard: &[u8]) -> Option<Vec<u8>> {
    let (header, message) = Message::parse(heard).ok()?;
    let sender = match message {
        Message::Data(data) => data.sender,
        Message::Info(info) => info.sender,
        Message::Cmd(cmd) => cmd.sender,
        Message::Nack(_) | Message::Ack(_) | Message::Report(_) => return None,
    };
    let header = Header { sequence: Sequence(header.sequence.0.wrapping_add(1_000)), ..header };
    let command = Command::Eot(Eot { reserved: [0; 3] });
    let mut out = Vec::new();
    Message::Cmd(Cmd { sender, extensions: Extensions::EMPTY, command }).emit(header, &mut out);
    Some(out)
}

/// The end of the session that a packet of FLUTE is of.
fn end_of_flute(heard: &[u8]) -> Option<Vec<u8>> {
    flute::Packet::parse(heard, flute::TimeFields::Reserved).ok().map(|packet| end(packet.header))
}

fn end(header: flute::Header) -> Vec<u8> {
    let widths = header.widths.without_toi();
    let header = flute::Header { close_session: true, toi: None, widths, ..header };
    let mut out = Vec::new();
    flute::Packet { header, extensions: flute::Extensions::EMPTY, content: &[] }.emit(&mut out);
    out
}

/// A packet of IPv4 (RFC 791) and UDP (RFC 768, without a checksum); the kernel adds length,
/// number and checksum of the first.
fn packet(from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 1, 17, 0, 0];
    out.extend(from.ip().octets());
    out.extend(to.ip().octets());
    let len = u16::try_from(payload.len() + 8).expect("it fits a frame");
    for half in [from.port(), to.port(), len, 0] {
        out.extend(half.to_be_bytes());
    }
    out.extend(payload);
    out
}
