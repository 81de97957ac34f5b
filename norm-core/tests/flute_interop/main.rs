//! FLUTE with another implementation, the crate `flute` 1.11.7: in memory, without sockets, in
//! virtual time.
//!
//! One small transfer for each FEC encoding id and direction runs always. The whole matrix of
//! in-band and FDT-only information, encodings of the FDT, sizes and losses runs with
//! `NORM_TEST_INTEROP=1`, best in a release build:
//!
//! ```text
//! NORM_TEST_INTEROP=1 cargo test --release -p norm-core --test flute_interop -- --nocapture
//! ```
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod alone;
mod carousel;
mod case;
mod dissector;
mod from_peer;
mod matrix;
mod models;
mod peer;
mod receiver;
mod sender;
mod symbols;
mod to_peer;
