//! The contract between an engine and its driver: a socket loop or the simulator.
//!
//! Run loop: hand in what has happened (`handle_datagram`, `handle_job`, `handle_timeout`), then
//! drain `poll_event`, `poll_job` and `poll_transmit` until each returns `None`, in any order, then
//! sleep until [`Endpoint::poll_timeout`] or until something arrives. Time never runs backwards;
//! being late is allowed and costs only performance.

mod transmit;

use core::net::SocketAddr;
use core::num::NonZeroU64;
use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;

use crate::base::Timestamp;
use crate::fec::{FecId, Scheme};
pub use transmit::{Destination, MAX_BATCH_BYTES, Margins, PacketOverhead, Transmit, TransmitBuf};

/// A protocol machine without sockets, clocks or threads.
pub trait Endpoint {
    /// What the machine tells its application.
    type Event;

    /// Takes one datagram. Bad ones are dropped and counted.
    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>);
    /// Tells the machine that time has passed; call it when `poll_timeout` is due.
    fn handle_timeout(&mut self, now: Timestamp);
    /// Brings back a finished job.
    fn handle_job(&mut self, now: Timestamp, done: JobDone);
    /// Writes the most useful packets that may be sent now into `out` (cleared first).
    fn poll_transmit(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit>;
    /// Notes that the layer around the machine has sent a packet of its own, with this many bytes
    /// of UDP payload: a machine with a rate keeps to it with all that is sent.
    fn note_own_packet(&mut self, _now: Timestamp, _bytes: usize) {}
    /// The next piece of slow work to run elsewhere; each must be answered by `handle_job`.
    fn poll_job(&mut self) -> Option<Job>;
    /// The next thing the application should know.
    fn poll_event(&mut self) -> Option<Self::Event>;
    /// When to call `handle_timeout` and `poll_transmit` again; `None` means only after input.
    fn poll_timeout(&self) -> Option<Timestamp>;
}

/// A received datagram.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// The address that it came from.
    pub source: SocketAddr,
    /// True when it arrived at the session's group address, false for our own unicast address.
    pub to_group: bool,
    /// A router on the way has marked it "congestion experienced" (CE, RFC 3168).
    pub ce: bool,
    /// How long it has been on this machine before it was handed in; zero where that is not known.
    pub waited: Duration,
    /// How far it is proved where it comes from.
    pub proof: Proof,
    /// The UDP payload. Mutable so that sealed packets can be opened in place.
    pub payload: &'a mut [u8],
}

/// How far it is proved where a datagram comes from. The layer that opens sealed datagrams says so;
/// engines never see keys.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// Not at all.
    #[default]
    None,
    /// It is of a member of the group.
    Group,
    /// It is of the member with this key.
    Receiver(ReceiverKey),
    /// It is signed by the sender of its session.
    Signed,
}

/// Names the key of a receiver: 64 bits of a hash of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiverKey(pub NonZeroU64);

impl Proof {
    /// Bytes of a signature, which the layer has taken off.
    pub const SIGNATURE: usize = 64;

    /// Bytes that the proof takes in its datagram, beside the margins of all.
    pub const fn bytes(self) -> usize {
        match self {
            Self::None | Self::Group | Self::Receiver(_) => 0,
            Self::Signed => Self::SIGNATURE,
        }
    }
}

/// A receiver's number for a sender: given in the order in which senders are found, from 0 on.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SenderId(pub u32);

/// Names an object of a sender, at a receiver.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// The sender of the object.
    pub sender: SenderId,
    /// The object's key: the protocol's number of it, extended so that it never wraps.
    pub key: u64,
}

/// Names a block of an object of a sender, at a receiver.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockSlot {
    /// The sender of the object.
    pub sender: SenderId,
    /// The object's key, as in [`ObjectRef`].
    pub object: u64,
    /// Source block number.
    pub block: u32,
}

impl BlockSlot {
    /// The object that the block is part of.
    pub fn object_ref(self) -> ObjectRef {
        ObjectRef { sender: self.sender, key: self.object }
    }
}

/// The shape and place of one block.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct BlockGeometry {
    /// How it is coded.
    pub scheme: Scheme,
    /// Source symbols (K).
    pub symbols: u32,
    /// Bytes per symbol (T).
    pub symbol_size: u16,
    /// First byte of the block within its object.
    pub offset: u64,
    /// Content bytes; less than `symbols * symbol_size` only when the last symbol is short.
    pub len: u32,
}

/// A packet that is kept until it is known how its object is cut into blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPacket {
    /// Its FEC scheme.
    pub fec: FecId,
    /// Payload id and symbols.
    pub content: Box<[u8]>,
}

/// Keeps the bytes of symbols at a receiver, so that the engine keeps only bitmaps.
pub trait SymbolStore {
    /// Keeps one symbol (ids below `symbols` are source). False if it cannot: it counts as lost.
    fn put(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool;
    /// Keeps one symbol of an object of which nothing is known but what its own packets claim: no
    /// memory is to be taken for the rest of its block. False as of [`put`](Self::put).
    fn put_unknown(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool {
        self.put(slot, geometry, symbol, payload)
    }
    /// Keeps a packet of an object of which it is not known how it is cut into blocks, with no
    /// memory that lasts but for what finds it again; [`Job::Recall`] brings it back. False as of
    /// [`put`](Self::put).
    fn put_packet(&mut self, object: ObjectRef, fec: FecId, content: &[u8]) -> bool {
        let _ = (object, fec, content);
        false
    }
    /// Forgets all such packets of an object.
    fn discard_packets(&mut self, object: ObjectRef) {
        let _ = object;
    }
    /// Bytes that blocks not yet begun may still take: a receiver asks for no more than it can
    /// keep.
    fn room(&mut self) -> u64;
    /// Forgets a block that is no longer wanted.
    fn discard(&mut self, slot: BlockSlot);
    /// A sender was heard that sends all blocks in turns, again and again: more of them are under
    /// way at once than otherwise, and none is asked for. Said once or several times.
    fn expect_turns(&mut self) {}
}

/// Slow work that runs outside the engine.
#[derive(Clone, Debug)]
pub enum Job {
    /// Sender: read part of an object.
    Read(ReadJob),
    /// Sender: make repair symbols.
    Encode(EncodeJob),
    /// Receiver: make the block whole if symbols are missing, and write it to its place. One job,
    /// because nothing useful can happen in between.
    Store(StoreJob),
    /// Receiver: read some packets that the store was given by [`SymbolStore::put_packet`], in the
    /// order in which they came. The next job for the object brings those after them.
    Recall(ObjectRef),
    /// Sender: make symbols of a block that are sent later, and keep them where there is room.
    Prepare(PrepareJob),
    /// Sender: read many short pieces, of objects and of what was prepared.
    Gather(GatherJob),
}

/// See [`Job::Read`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ReadJob {
    /// The object's key.
    pub object: u64,
    /// The sender's running number of the block.
    pub block: u64,
    /// First byte within the object.
    pub offset: u64,
    /// Bytes to read; all of them must be there.
    pub len: u32,
}

/// See [`Job::Encode`].
#[derive(Clone, Debug)]
pub struct EncodeJob {
    /// The sender's running number of the block.
    pub block: u64,
    /// How it is coded.
    pub scheme: Scheme,
    /// Source symbols (K).
    pub symbols: u32,
    /// Bytes per symbol (T).
    pub symbol_size: u16,
    /// The block's content.
    pub source: Bytes,
    /// First encoding symbol id to make (at least K).
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// See [`Job::Store`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreJob {
    /// Which block.
    pub slot: BlockSlot,
    /// Its shape and place.
    pub geometry: BlockGeometry,
    /// True when source symbols are missing and must be decoded. Otherwise those that the store has
    /// are written; others are in their places, or are not wanted.
    pub decode: bool,
    /// Source symbols that are in their places: they are read there before anything is decoded, and
    /// are not written. Runs, ascending; none when nothing is to be decoded.
    pub held: Vec<Range<u32>>,
}

/// See [`Job::Prepare`].
///
/// Of each block the symbols of the last two jobs are kept, those of earlier ones are forgotten.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PrepareJob {
    /// The source of the block: where to read it, and its running number.
    pub source: ReadJob,
    /// How it is coded.
    pub scheme: Scheme,
    /// Source symbols (K).
    pub symbols: u32,
    /// Bytes per symbol (T).
    pub symbol_size: u16,
    /// First encoding symbol id to make (at least K).
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// See [`Job::Gather`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatherJob {
    /// The sender's running number of these jobs.
    pub number: u64,
    /// What to read, in this order.
    pub pieces: Vec<Piece>,
}

/// A piece of a [`GatherJob`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of an object; all of them must be there.
    Source {
        /// The object's key.
        object: u64,
        /// First byte within the object.
        offset: u64,
        /// Bytes.
        len: u32,
    },
    /// Symbols of one [`PrepareJob`] that is done.
    Prepared {
        /// The running number of the block.
        block: u64,
        /// The first of them, an encoding symbol id.
        first: u32,
        /// How many.
        count: u32,
    },
}

/// A finished [`Job`].
#[derive(Debug)]
pub enum JobDone {
    /// The bytes, or that they could not be read.
    Read {
        /// From the job.
        block: u64,
        /// Exactly `len` bytes.
        result: Result<Bytes, JobFailed>,
    },
    /// `count` symbols back to back.
    Encode {
        /// From the job.
        block: u64,
        /// From the job.
        first: u32,
        /// The symbols.
        result: Result<Bytes, JobFailed>,
    },
    /// The symbols are kept, or could not be made.
    Prepare {
        /// From the job.
        block: u64,
        /// From the job.
        first: u32,
        /// Whether they are.
        result: Result<(), JobFailed>,
    },
    /// All pieces back to back.
    Gather {
        /// From the job.
        number: u64,
        /// The bytes, or that some could not be read.
        result: Result<Bytes, JobFailed>,
    },
    /// What became of a block.
    Store {
        /// From the job.
        slot: BlockSlot,
        /// The result.
        outcome: StoreOutcome,
    },
    /// Packets that the store had.
    Recall {
        /// From the job.
        object: ObjectRef,
        /// The packets, without those that could not be read.
        packets: Vec<RawPacket>,
        /// There are no more.
        is_last: bool,
    },
}

/// What became of a block that should be stored.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// Whole and written.
    Written,
    /// The symbols did not suffice; the store still has them and needs more.
    NeedMore,
    /// A symbol that should be in its place could not be read: all of the block is to come.
    HeldLost,
    /// It could not be written. The driver tells the application why.
    Failed,
}

/// A job failed; the driver knows why and tells the application.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct JobFailed;
