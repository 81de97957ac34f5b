//! The bare socket: the rate of a [`Link`] without files, repair and rate control.
//!
//! Both sides are this program, inside the namespaces. The sender sends as many bytes as the source
//! has. The rate is that of the slowest receiver until its last packet.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig, SendOutcome};

use super::{Outcome, Plan, Scene};
use crate::network::INTERFACE;

const PORT: u16 = 5000;
const BUFFER: usize = 64 << 20;
/// Time without a packet after which the receiver ends.
const SILENCE: Duration = Duration::from_millis(500);
/// The longest UDP payload over IPv4, which also limits a batch.
const MAX_PAYLOAD: usize = 65_507;

#[derive(Clone, Debug, clap::Args)]
pub struct RawSendArgs {
    interface: String,
    bytes: u64,
    payload: usize,
}

#[derive(Clone, Debug, clap::Args)]
pub struct RawRecvArgs {
    interface: String,
}

pub fn plan(myself: &Path, scene: &Scene<'_>) -> Plan {
    let payload = if scene.case.mtu >= 9000 { 8900 } else { 1400 };
    let mut sender = scene.network.at_sender(myself);
    sender.args(["raw-send", INTERFACE, &scene.work.bytes().to_string(), &payload.to_string()]);
    Plan {
        receivers: scene.receivers(myself, |_, command| {
            command.args(["raw-recv", INTERFACE]);
        }),
        sender,
        port: PORT,
        receivers_end: true,
        result: Outcome::Counts,
    }
}

pub fn send(args: &RawSendArgs) -> Result<(), String> {
    let mut link = open(&args.interface, false)?;
    let count = link.max_gso_segments().min(MAX_PAYLOAD / args.payload).max(1);
    let batch = vec![0x5a; count * args.payload];
    let start = since_epoch();
    push(&mut link, args, &batch).map_err(|error| format!("raw-send: {error}"))?;
    println!("{} {start}", args.bytes);
    Ok(())
}

fn push(link: &mut Link, args: &RawSendArgs, batch: &[u8]) -> io::Result<()> {
    let (to, mut left) = (link.group(), args.bytes);
    while left > 0 {
        let wanted = batch.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let sent = match link.send(to, args.payload, &batch[..wanted])? {
            SendOutcome::Blocked { sent } => {
                link.wait(None)?;
                sent
            }
            SendOutcome::TooLong { bytes } => return Err(link.too_long(bytes).into()),
            SendOutcome::Sent | SendOutcome::Refused { .. } => wanted,
        };
        left -= sent as u64;
    }
    Ok(())
}

pub fn receive(args: &RawRecvArgs) -> Result<(), String> {
    let mut link = open(&args.interface, true)?;
    let (bytes, last) = take(&mut link).map_err(|error| format!("raw-recv: {error}"))?;
    println!("{bytes} {last}");
    Ok(())
}

/// Number of bytes, and when the last of them arrived.
fn take(link: &mut Link) -> io::Result<(u64, u128)> {
    let mut bytes = 0u64;
    let mut last = Instant::now();
    let mut at = 0;
    while bytes == 0 || last.elapsed() < SILENCE {
        link.wait(Some(SILENCE))?;
        let mut got = 0;
        link.recv(64, &mut |datagram| got += datagram.payload.len() as u64)?;
        if got > 0 {
            bytes += got;
            last = Instant::now();
            at = since_epoch();
        }
    }
    Ok((bytes, at))
}

fn open(interface: &str, join: bool) -> Result<Link, String> {
    let mut config = LinkConfig::new(SocketAddr::from(([239, 255, 57, 42], PORT)));
    config.interface = Some(InterfaceSpec::Name(interface.to_owned()));
    config.join = join;
    config.recv_buffer = BUFFER;
    config.send_buffer = BUFFER;
    Link::open(&config).map_err(|error| error.to_string())
}

/// Nanoseconds of the clock that both processes share.
fn since_epoch() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos())
}

/// Counts of both sides.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Counts {
    /// Time from the sender's first packet to the last one at the slowest receiver.
    pub time: Duration,
    /// Bytes that arrived at the slowest receiver.
    pub bytes: u64,
    /// Share of all bytes that arrived there.
    pub arrived: f64,
}

impl Counts {
    /// Parses the output of both sides.
    pub fn read(sender: &str, receivers: &[String]) -> Option<Self> {
        let (sent, start) = pair(sender)?;
        let each: Option<Vec<Self>> = receivers
            .iter()
            .map(|output| {
                let (bytes, end) = pair(output)?;
                let nanoseconds = u64::try_from(end.checked_sub(start)?).ok()?;
                let arrived = bytes as f64 / sent as f64;
                Some(Self { time: Duration::from_nanos(nanoseconds), bytes, arrived })
            })
            .collect();
        each?.into_iter().min_by(|a, b| a.rate().total_cmp(&b.rate()))
    }

    fn rate(&self) -> f64 {
        self.bytes as f64 / self.time.as_secs_f64()
    }
}

fn pair(output: &str) -> Option<(u64, u128)> {
    let (bytes, time) = output.trim().split_once(' ')?;
    Some((bytes.parse().ok()?, time.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowest_receiver_counts() {
        let receivers = ["1000 3000000000".to_owned(), "500 3000000000".to_owned()];
        let counts = Counts::read("1000 1000000000", &receivers).unwrap();
        assert_eq!((counts.bytes, counts.arrived), (500, 0.5));
        assert_eq!(counts.time, Duration::from_secs(2));
        assert_eq!(Counts::read("1000 1", &[String::new()]), None);
    }
}
