//! Objects in passes, again and again or once: which symbols are sent in which order, and how their
//! bytes get into memory. Protocols write the packets.
//!
//! - `turns`: [`Carousel`], which plans, asks for bytes in time, and hands out symbols.
//! - `passes`, `item`: how often everything is sent, and what.
//! - `schedule`: the order; `prepare`: coded symbols that are made ahead; `batches`: what is read.

mod batches;
mod item;
mod passes;
mod prepare;
mod schedule;
mod turns;

pub(crate) use batches::Symbol;
pub use passes::Passes;
pub(crate) use turns::Carousel;
