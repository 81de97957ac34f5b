//! NORM's part of transfers (RFC 5740). Sessions know engines by traits; here those of NORM are
//! named.
//!
//! - `setup`: a sender with all that is to be sent, made of the user's options.
//! - `receive`: a receiver, made of the user's options.
//! - `plan`: the objects of a file set.
//! - `standard`: the objects of standalone files, for other implementations.
//! - `code`: which code protects them.

mod code;
mod plan;
mod receive;
mod setup;
mod standard;

use norm_core::endpoint::SymbolStore;
use norm_core::norm::{Receiver, Sender};

use crate::io::layer::Bare;

pub use code::Fec;
pub(crate) use norm_core::norm::is_message;
pub use norm_core::norm::sender::ConfigError;
pub use standard::{Standard, StandardFec};

pub(crate) use receive::receiver;
pub(crate) use setup::{FEEDBACK, Norm};

impl<S: SymbolStore> Bare for Receiver<S> {}

impl Bare for Sender {}
