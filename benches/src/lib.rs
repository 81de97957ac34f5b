//! Benchmarks only; see `benches/`. `cargo bench -p norm-benches` runs them all.
//!
//! - `wire`: parsing and emitting a DATA message.
//! - `fec`: making repair symbols and solving a block.
//! - `reed_solomon`: parity and lost symbols of one block, beside another crate.
//! - `engines`: a whole transfer in the simulator.
//! - `loopback`: a file to one receiver over loopback multicast, beside the bare sockets.
//! - `growth`: what a sender costs by the number of its receivers.
//!
//! `endless` is a program of its own: memory to memory beside the bare socket; see `endless/main.rs`.
//! `compare` is a program of its own: see `compare/main.rs`.
