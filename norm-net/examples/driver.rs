//! A driver of one's own around the engines of `norm-core`: one object from a sender to a receiver,
//! over two UDP sockets on this machine, without the sockets, threads and sessions of `norm-net`.
//!
//! ```sh
//! cargo run -p norm-net --example driver
//! ```
//!
//! An engine has no socket, clock or thread. It is handed what has happened (`handle_datagram`,
//! `handle_job`, `handle_timeout`), then polled for what to do (`poll_event`, `poll_job`,
//! `poll_transmit`) until it has nothing more, and says when it wants to be woken (`poll_timeout`).

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use norm_core::endpoint::{BlockGeometry, BlockSlot, Proof, StoreOutcome, SymbolStore};
use norm_core::fec::{BlockBuffer, encode};
use norm_core::norm::Identity;
use norm_core::norm::receiver::Feedback;
use norm_core::norm::sender::ObjectSpec;
use norm_core::norm::{Receiver, ReceiverConfig, ReceiverEvent, Sender, SenderConfig};
use norm_core::transfer::NodeId;
use norm_core::{Datagram, Destination, Endpoint, Job, JobDone, Timestamp, TransmitBuf};

/// Seeds of the engines: two nodes of a session must not have the same.
const SEEDS: [u64; 2] = [1, 2];
/// The longest sleep of a loop.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

fn main() -> Result<(), Box<dyn Error>> {
    let content: Bytes = (0..2_000_000_u32).map(|i| (i * 31) as u8).collect::<Vec<u8>>().into();
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    let to = receiver.local_addr()?;
    let receiving = thread::spawn(move || receive(&receiver));
    send(&sender, to, &content)?;
    let received = receiving.join().map_err(|_| "the receiver panicked")??;
    println!("{} bytes received, identical: {}", received.len(), received == content);
    Ok(())
}

/// Sends `content` as one object, and ends when the receiver has it.
fn send(socket: &UdpSocket, to: SocketAddr, content: &Bytes) -> Result<(), Box<dyn Error>> {
    let mut node = Node::new(socket, to)?;
    let config = SenderConfig { min_receivers: 1, ..SenderConfig::new(NodeId(1)) };
    let mut engine = Sender::new(config, SEEDS[0], node.now())?;
    let info = Some(Bytes::from_static(b"an object"));
    engine.enqueue(ObjectSpec { size: content.len() as u64, info, file: false })?;
    engine.finish();
    while !engine.is_finished() {
        node.turn(
            &mut engine,
            |_, event| println!("sender: {event:?}"),
            |_, job| match job {
                Job::Read(job) => {
                    let from = job.offset as usize;
                    let bytes = content.slice(from..from + job.len as usize);
                    Some(JobDone::Read { block: job.block, result: Ok(bytes) })
                }
                Job::Encode(job) => {
                    let (symbols, size) = (job.symbols, job.symbol_size);
                    let coded =
                        encode(job.scheme, symbols, size, &job.source, job.first, job.count);
                    let result = coded.map(Bytes::from).map_err(|_| norm_core::endpoint::JobFailed);
                    Some(JobDone::Encode { block: job.block, first: job.first, result })
                }
                // This sender has none of these.
                Job::Store(_) | Job::Recall(_) | Job::Prepare(_) | Job::Gather(_) => None,
            },
        )?;
    }
    Ok(())
}

/// Receives one object, and ends when its sender knows that it is here.
fn receive(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    // Without a group: everything goes to the sender's address.
    let mut node = Node::new(socket, SocketAddr::from(([127, 0, 0, 1], 9)))?;
    let config = ReceiverConfig {
        name: "example".to_owned(),
        feedback: Feedback::Unicast,
        auto_accept: true,
        auto_confirm: true,
        ..ReceiverConfig::new(Identity(*b"example receiver"))
    };
    let mut engine = Receiver::new(config, Store::default(), SEEDS[1]);
    let (mut content, mut released) = (Vec::new(), false);
    while !released {
        node.turn(
            &mut engine,
            |_, event| released |= matches!(event, ReceiverEvent::Released { .. }),
            |engine, job| {
                let Job::Store(job) = job else { return None };
                let mut block = engine.store_mut().0.remove(&job.slot)?;
                let outcome = if block.recover() {
                    let (from, bytes) = (job.geometry.offset as usize, block.source());
                    content.resize(content.len().max(from + bytes.len()), 0);
                    content[from..from + bytes.len()].copy_from_slice(bytes);
                    StoreOutcome::Written
                } else {
                    engine.store_mut().0.insert(job.slot, block);
                    StoreOutcome::NeedMore
                };
                Some(JobDone::Store { slot: job.slot, outcome })
            },
        )?;
    }
    Ok(content)
}

/// What a driver has that an engine does not: a socket, a clock and a buffer.
struct Node<'a> {
    socket: &'a UdpSocket,
    /// Where packets to the group go.
    group: SocketAddr,
    start: Instant,
    out: TransmitBuf,
    packet: Vec<u8>,
}

impl<'a> Node<'a> {
    fn new(socket: &'a UdpSocket, group: SocketAddr) -> io::Result<Self> {
        let (out, packet) = (TransmitBuf::new(1), vec![0; 65_536]);
        Ok(Self { socket, group, start: Instant::now(), out, packet })
    }

    /// The engine's time: it only has to go forward.
    fn now(&self) -> Timestamp {
        Timestamp::since_epoch(self.start.elapsed() + Duration::from_secs(1))
    }

    /// One turn of the loop: does what the engine asks for, then waits for a packet or its timeout.
    fn turn<E: Endpoint>(
        &mut self,
        engine: &mut E,
        mut on_event: impl FnMut(&mut E, E::Event),
        mut on_job: impl FnMut(&mut E, Job) -> Option<JobDone>,
    ) -> io::Result<()> {
        let now = self.now();
        if engine.poll_timeout().is_some_and(|due| due <= now) {
            engine.handle_timeout(now);
        }
        while let Some(event) = engine.poll_event() {
            on_event(engine, event);
        }
        // Jobs are done here at once; a driver may hand them to other threads.
        while let Some(job) = engine.poll_job() {
            if let Some(done) = on_job(engine, job) {
                engine.handle_job(self.now(), done);
            }
        }
        while let Some(transmit) = engine.poll_transmit(self.now(), &mut self.out) {
            let to = match transmit.destination {
                Destination::Group => self.group,
                Destination::Unicast(address) => address,
            };
            for datagram in self.out.datagrams_mut() {
                self.socket.send_to(datagram, to)?;
            }
        }
        let due = engine.poll_timeout().map(|due| due.saturating_since(self.now()));
        let wait = due.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        self.receive(engine, wait.max(Duration::from_micros(1)))
    }

    fn receive<E: Endpoint>(&mut self, engine: &mut E, wait: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(wait))?;
        match self.socket.recv_from(&mut self.packet) {
            Ok((len, source)) => {
                let now = self.now();
                let payload = &mut self.packet[..len];
                let (to_group, ce, waited) = (false, false, Duration::ZERO);
                let datagram =
                    Datagram { source, to_group, ce, waited, proof: Proof::None, payload };
                engine.handle_datagram(now, datagram);
                Ok(())
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// Keeps the symbols of blocks that are not whole yet, however many there are.
#[derive(Default)]
struct Store(BTreeMap<BlockSlot, BlockBuffer>);

impl SymbolStore for Store {
    fn put(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool {
        let BlockGeometry { scheme, symbols, symbol_size, len, .. } = *geometry;
        if let Some(block) = self.0.get_mut(&slot) {
            return block.put(symbol, payload);
        }
        let Ok(mut block) = BlockBuffer::new(scheme, symbols, symbol_size, len) else {
            return false;
        };
        let kept = block.put(symbol, payload);
        self.0.insert(slot, block);
        kept
    }

    fn room(&mut self) -> u64 {
        u64::MAX
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.0.remove(&slot);
    }
}
