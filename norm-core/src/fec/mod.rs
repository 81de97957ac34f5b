//! Forward error correction: how an object is cut into blocks and symbols, and how lost symbols are
//! computed from others.
//!
//! [`Layout`] is the gate: every number that came from a packet passes through its constructors,
//! and everything after it works with numbers known to be sane. This module knows neither packet
//! formats nor when a repair is due.

mod attempt;
mod block;
mod error;
mod ids;
mod layout;
mod limits;
mod partition;
mod raptor;
mod raptorq;
mod reed_solomon;
mod scheme;

pub use self::raptorq::{RepairEncoder, encode_repair};
pub use block::{BlockBuffer, EXTRA_SYMBOLS, next_try, should_try};
pub use error::{CodeError, LayoutError};
pub use ids::{FecId, PayloadFormat, PayloadId, RawPayloadId};
pub use layout::Layout;
pub use limits::{
    MAX_BLOCK_BYTES, MAX_NO_CODE_BLOCK_LEN, MAX_NO_CODE_BLOCKS, MAX_NO_CODE_OBJECT_BYTES,
    MAX_RAPTOR_BLOCK_LEN, MAX_RAPTOR_BLOCKS, MAX_RAPTOR_OBJECT_BYTES, MAX_RAPTOR_SYMBOLS,
    MAX_RAPTORQ_BLOCK_LEN, MAX_RAPTORQ_BLOCKS, MAX_RAPTORQ_OBJECT_BYTES, MAX_RAPTORQ_SYMBOLS,
    MAX_RS8_SYMBOLS, MAX_RS16_SYMBOLS, MIN_RAPTOR_BLOCK_LEN,
};
pub use partition::Partition;
pub use reed_solomon::{Field, Points, ReedSolomon};
pub use scheme::{RsCode, RsForm, Scheme, encode};
