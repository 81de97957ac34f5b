//! Sans-IO protocol engines for reliable multicast.
//!
//! The core never touches a clock, socket, thread, file or global source of randomness. Bytes and
//! time go in through `handle_*`, bytes, jobs and events come out through `poll_*`; see
//! [`Endpoint`] for the contract.
//!
//! - [`endpoint`]: the contract between an engine and its driver.
//! - [`base`]: parts without protocol: time, random numbers, sets, the pacer.
//! - [`fec`]: how an object is cut into blocks and symbols, and how lost ones are computed.
//! - [`fileset`]: what a transfer says about its files.
//! - [`transfer`]: what a transfer of files asks of an engine.
//! - [`norm`]: the engines and messages of NORM (RFC 5740).
//! - [`flute`]: the packets of FLUTE (RFC 6726).
//! - [`announce`]: descriptions of sessions, and how they are announced.
//!
//! # A run loop
//!
//! A driver hands an engine what has happened, then polls it for what to do until it has nothing
//! more. Here a sender and a receiver exchange datagrams in memory, by a clock that is only a
//! number; `norm-net` has a loop around sockets, and an example of one's own (`driver`).
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use norm_core::endpoint::{BlockGeometry, BlockSlot, Proof, StoreOutcome, SymbolStore};
//! use norm_core::fec::BlockBuffer;
//! use norm_core::norm::sender::ObjectSpec;
//! use norm_core::norm::wire::Identity;
//! use norm_core::norm::{Receiver, ReceiverConfig, Sender, SenderConfig};
//! use norm_core::transfer::NodeId;
//! use norm_core::{Datagram, Endpoint, Job, JobDone, Timestamp, TransmitBuf};
//!
//! /// Keeps the symbols of blocks that are not whole yet.
//! #[derive(Default)]
//! struct Store(BTreeMap<BlockSlot, BlockBuffer>);
//!
//! impl SymbolStore for Store {
//!     fn put(&mut self, slot: BlockSlot, of: &BlockGeometry, symbol: u32, data: &[u8]) -> bool {
//!         let new = || BlockBuffer::new(of.scheme, of.symbols, of.symbol_size, of.len).unwrap();
//!         self.0.entry(slot).or_insert_with(new).put(symbol, data)
//!     }
//!     fn room(&mut self) -> u64 {
//!         u64::MAX
//!     }
//!     fn discard(&mut self, slot: BlockSlot) {
//!         self.0.remove(&slot);
//!     }
//! }
//!
//! /// Moves all packets that `from` may send now to `to`.
//! fn deliver(now: Timestamp, from: &mut impl Endpoint, to: &mut impl Endpoint, to_group: bool) {
//!     let mut out = TransmitBuf::new(1);
//!     while from.poll_transmit(now, &mut out).is_some() {
//!         for payload in out.datagrams_mut() {
//!             let (source, ce, waited) = ("10.0.0.1:1".parse().unwrap(), false, Duration::ZERO);
//!             let proof = Proof::None;
//!             let datagram = Datagram { source, to_group, ce, waited, proof, payload };
//!             to.handle_datagram(now, datagram);
//!         }
//!     }
//! }
//!
//! let content = Bytes::from(vec![7; 100_000]);
//! let mut now = Timestamp::since_epoch(Duration::from_secs(1));
//! let mut sender = Sender::new(SenderConfig::new(NodeId(1)), 1, now)?;
//! sender.enqueue(ObjectSpec { size: 100_000, info: None, file: false })?;
//! sender.finish();
//! let config = ReceiverConfig {
//!     auto_accept: true,
//!     auto_confirm: true,
//!     ..ReceiverConfig::new(Identity(*b"example receiver"))
//! };
//! let mut receiver = Receiver::new(config, Store::default(), 2);
//! let mut received = vec![0; 100_000];
//! while !sender.is_finished() {
//!     while let Some(Job::Read(job)) = sender.poll_job() {
//!         let from = job.offset as usize;
//!         let result = Ok(content.slice(from..from + job.len as usize));
//!         sender.handle_job(now, JobDone::Read { block: job.block, result });
//!     }
//!     while let Some(Job::Store(job)) = receiver.poll_job() {
//!         let mut block = receiver.store_mut().0.remove(&job.slot).unwrap();
//!         assert!(block.recover(), "nothing is lost here");
//!         let from = job.geometry.offset as usize;
//!         received[from..from + block.source().len()].copy_from_slice(block.source());
//!         receiver.handle_job(
//!             now,
//!             JobDone::Store { slot: job.slot, outcome: StoreOutcome::Written },
//!         );
//!     }
//!     deliver(now, &mut sender, &mut receiver, true);
//!     deliver(now, &mut receiver, &mut sender, true);
//!     while sender.poll_event().is_some() || receiver.poll_event().is_some() {}
//!     // Sleep until one of them has something to do.
//!     let due = [sender.poll_timeout(), receiver.poll_timeout()].into_iter().flatten().min();
//!     now = due.map_or(now, |due| due.max(now + Duration::from_millis(1)));
//!     sender.handle_timeout(now);
//!     receiver.handle_timeout(now);
//! }
//! assert_eq!(received, content);
//! # Ok::<(), norm_core::norm::sender::ConfigError>(())
//! ```
#![forbid(unsafe_code)]

pub mod announce;
pub mod base;
mod blocks;
mod carousel;
pub mod endpoint;
pub mod fec;
pub mod fileset;
pub mod flute;
pub mod norm;
pub mod transfer;

#[cfg(feature = "serde")]
mod serial;

pub use base::{Rng, Timestamp};
pub use endpoint::{Datagram, Destination, Endpoint, Job, JobDone, Transmit, TransmitBuf};
