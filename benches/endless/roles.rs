//! The two sides of a stream, of DATA objects and of the bare socket.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use blake3::Hasher;
use bytes::Bytes;
use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig, SendOutcome};
use norm_net::objects::{
    MessageMarks, Mode, ObjectEvent, ObjectReceiveOptions, ObjectReceiver, ObjectSendOptions,
    ObjectSender, RsForm, StreamItem,
};

use crate::Options;
use crate::content::{cpu, fill, since_epoch, watch_memory};

const PORT: u16 = 46_400;
/// A piece that is generated at a time.
const PIECE: usize = 1 << 20;
/// Of what was written to a stream, this much is kept for repair.
const BUFFER: usize = 64 << 20;
/// Bytes of a DATA object.
const OBJECT: usize = 16 << 20;
/// DATA objects are kept until the end, so they are one content, sent again and again.
const HELD: usize = 1 << 40;
/// After this long without a packet everything was heard of the bare socket.
const SILENCE: Duration = Duration::from_millis(500);
const LONGEST: usize = 65_507;

/// One side of one transfer.
#[derive(Copy, Clone, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    StreamSender,
    StreamReceiver,
    DataSender,
    DataReceiver,
    RawSender,
    RawReceiver,
}

/// How one side has fared.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub bytes: u64,
    pub begin: u128,
    pub end: u128,
    pub cpu: f64,
    pub peak_kib: f64,
    /// Of the bare socket, none.
    pub hash: String,
}

impl Role {
    pub fn pair(what: &str) -> Option<(Self, Self)> {
        match what {
            "stream" => Some((Self::StreamSender, Self::StreamReceiver)),
            "data" => Some((Self::DataSender, Self::DataReceiver)),
            "raw" => Some((Self::RawSender, Self::RawReceiver)),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::StreamSender => "stream-sender",
            Self::StreamReceiver => "stream-receiver",
            Self::DataSender => "data-sender",
            Self::DataReceiver => "data-receiver",
            Self::RawSender => "raw-sender",
            Self::RawReceiver => "raw-receiver",
        }
    }

    pub fn play(self, options: &Options) -> Result<Outcome, String> {
        let (peak, begin) = (watch_memory(), since_epoch());
        let played = match self {
            Self::StreamSender => send_stream(options),
            Self::StreamReceiver => receive(options),
            Self::DataSender => send_data(options),
            Self::DataReceiver => receive(options),
            Self::RawSender => send_raw(options),
            Self::RawReceiver => receive_raw(options),
        };
        let (bytes, end, hash) = played.map_err(|error| format!("{}: {error}", self.name()))?;
        let hash = hash.map_or_else(|| "-".to_owned(), |hash| hash.finalize().to_string());
        let (cpu, peak_kib) = (cpu().unwrap_or(0.0), peak() as f64);
        Ok(Outcome { bytes, begin, end, cpu, peak_kib, hash })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, begin, end, cpu, peak_kib, hash } = self;
        write!(f, "{bytes} {begin} {end} {cpu} {peak_kib} {hash}")
    }
}

impl Outcome {
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [bytes, begin, end, cpu, peak_kib, hash] = words[..] else { return None };
        Some(Self {
            bytes: bytes.parse().ok()?,
            begin: begin.parse().ok()?,
            end: end.parse().ok()?,
            cpu: cpu.parse().ok()?,
            peak_kib: peak_kib.parse().ok()?,
            hash: hash.to_owned(),
        })
    }
}

/// Bytes, when the last of them came or went, and their hash.
type Played = Result<(u64, u128, Option<Hasher>), Box<dyn std::error::Error>>;

fn group() -> SocketAddr {
    SocketAddr::from(([239, 255, 57, 44], PORT))
}

fn interface(options: &Options) -> Option<InterfaceSpec> {
    Some(InterfaceSpec::Name(options.interface.clone()))
}

fn open_sender(options: &Options) -> Result<ObjectSender, Box<dyn std::error::Error>> {
    let mut sending = ObjectSendOptions::new(group());
    sending.interface = interface(options);
    sending.rate = options.rate.map(|rate| rate * 1_000_000);
    sending.form = RsForm::Id5;
    sending.block_len = 160;
    sending.parity = 95;
    sending.mode = Mode::Native;
    sending.min_receivers = 1;
    sending.segment_size = options.segment;
    sending.max_held = HELD;
    Ok(ObjectSender::open(&sending)?)
}

fn send_stream(options: &Options) -> Played {
    let sender = open_sender(options)?;
    let mut stream = sender.open_stream(None, BUFFER, MessageMarks::FirstOfSegment)?;
    let (mut hash, mut piece, bytes) = (Hasher::new(), vec![0; PIECE], options.gib << 30);
    for at in (0..bytes).step_by(PIECE) {
        fill(at, &mut piece);
        hash.update(&piece);
        stream.write(&piece)?;
    }
    stream.close();
    sender.finish()?;
    Ok((bytes, since_epoch(), Some(hash)))
}

fn send_data(options: &Options) -> Played {
    let sender = open_sender(options)?;
    let (mut hash, mut content, bytes) = (Hasher::new(), vec![0; OBJECT], options.gib << 30);
    fill(0, &mut content);
    let content = Bytes::from(content);
    for _ in (0..bytes).step_by(OBJECT) {
        hash.update(&content);
        sender.send_data(content.clone(), None)?;
    }
    sender.finish()?;
    Ok((bytes, since_epoch(), Some(hash)))
}

fn receive(options: &Options) -> Played {
    let mut receiving = ObjectReceiveOptions::new(group());
    receiving.interface = interface(options);
    let receiver = ObjectReceiver::open(&receiving)?;
    let (mut hash, mut bytes, mut end) = (Hasher::new(), 0, 0);
    while let Some(event) = receiver.events().recv() {
        match event {
            ObjectEvent::Data { bytes: content, .. } => {
                hash.update(&content);
                bytes += content.len() as u64;
                end = since_epoch();
            }
            ObjectEvent::Stream { reader, .. } => {
                for item in reader {
                    match item {
                        StreamItem::Bytes { bytes: content, .. } => {
                            hash.update(&content);
                            bytes += content.len() as u64;
                        }
                        StreamItem::Gap { bytes } => eprintln!("a gap of {bytes:?} bytes"),
                        StreamItem::End => end = since_epoch(),
                        StreamItem::Cut => return Err("the stream was cut off".into()),
                    }
                }
            }
            ObjectEvent::SenderEnded { .. } => break,
            _ => {}
        }
    }
    receiver.close()?;
    Ok((bytes, end, Some(hash)))
}

fn open_raw(options: &Options, join: bool) -> Result<Link, Box<dyn std::error::Error>> {
    let mut config = LinkConfig::new(group());
    config.interface = interface(options);
    (config.join, config.loopback) = (join, true);
    (config.recv_buffer, config.send_buffer) = (BUFFER, BUFFER);
    Ok(Link::open(&config)?)
}

fn send_raw(options: &Options) -> Played {
    let mut link = open_raw(options, false)?;
    let segment = usize::from(options.segment);
    let batch = vec![0x5a; link.max_gso_segments().min(LONGEST / segment).max(1) * segment];
    let (to, bytes) = (link.group(), options.gib << 30);
    let mut left = bytes;
    while left > 0 {
        let wanted = batch.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let sent = match link.send(to, segment, &batch[..wanted])? {
            SendOutcome::Blocked { sent } => {
                link.wait(None)?;
                sent
            }
            SendOutcome::TooLong { bytes } => return Err(link.too_long(bytes).into()),
            SendOutcome::Sent | SendOutcome::Refused { .. } => wanted,
        };
        left -= sent as u64;
    }
    Ok((bytes, since_epoch(), None))
}

fn receive_raw(options: &Options) -> Played {
    let mut link = open_raw(options, true)?;
    let (mut bytes, mut last, mut end) = (0u64, Instant::now(), 0);
    while bytes == 0 || last.elapsed() < SILENCE {
        link.wait(Some(SILENCE))?;
        let mut got = 0;
        link.recv(64, &mut |datagram| got += datagram.payload.len() as u64)?;
        if got > 0 {
            bytes += got;
            (last, end) = (Instant::now(), since_epoch());
        }
    }
    Ok((bytes, end, None))
}
