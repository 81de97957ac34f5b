//! Receivers that keep the others slow: which they are, whether the others are faster without them,
//! and what becomes of them.
//!
//! What the others could take is unknown while one receiver limits the rate. So a receiver that
//! limits it for too long is left out for a moment: what it asks for and reports is ignored. If
//! another one limits then, that one is left out as well. If much more is sent in the end, those
//! are evicted that can take much less; if not, all stay and are left alone for longer.

mod losses;
mod notices;
mod stragglers;
mod trial;
mod watch;

pub(crate) use watch::{SlowWatch, TransferView};
