//! What engines and networks do, in scenarios of a few seconds; see docs/simulation.md.
//!
//! `cargo test -p norm-sim --test behaviour star::` runs one of the modules.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod carousel;
mod ecn;
mod flute;
mod hostile;
mod limits;
mod local_network;
mod moves;
mod network;
mod parts;
mod path_mtu;
mod plan;
mod politeness;
mod population;
mod recipients;
mod regressions;
mod sealed;
mod slow;
mod star;
mod swarm;
mod toy;
mod two_senders;
mod uneven;
