//! Benchmarks only; see `benches/`. `cargo bench -p norm-benches` runs them all.
//!
//! - `wire`: parsing and emitting a DATA message.
//! - `fec`: making repair symbols and solving a block.
//! - `reed_solomon`: parity and lost symbols of one block, compared with another crate.
//! - `engines`: a whole transfer in the simulator.
//! - `flute_peer`: FLUTE's engines beside the crate `flute`, in memory.
//! - `loopback`: a file to one receiver over loopback multicast, compared with the bare sockets.
//! - `growth`: the cost of a sender by the number of its receivers.
//! - `simulator`: deliveries per second of the simulator.
//!
//! Two programs are not run by `cargo bench`: `endless` measures transfers from memory to memory
//! and the bare socket (`endless/main.rs`), and `compare` measures our programs and those of others
//! (`compare/main.rs`).
