//! The real programs in a network of namespaces: a bridge, a sender, receivers that lose packets.
//!
//! Needs root and Linux's `ip` and `nft`; runs only where it is asked for:
//! `NORM_TEST_NETNS=1 cargo test --release -p norm-cli --test netns`. Tests with large files
//! also want `NORM_TEST_LARGE=1` and 25 GiB of disk. What the programs printed stays in
//! `target/tmp/netns/<test>/`.
#![cfg(target_os = "linux")]

#[path = "netns/announce.rs"]
mod announce;
#[path = "netns/attacker.rs"]
mod attacker;
#[path = "netns/command.rs"]
mod command;
#[path = "netns/delta.rs"]
mod delta;
#[path = "netns/endings.rs"]
mod endings;
#[path = "netns/files.rs"]
mod files;
#[path = "netns/flute.rs"]
mod flute;
#[path = "netns/forger.rs"]
mod forger;
#[path = "netns/forgers.rs"]
mod forgers;
#[path = "netns/helpers.rs"]
mod helpers;
#[path = "netns/hints.rs"]
mod hints;
#[path = "netns/link_local.rs"]
mod link_local;
#[path = "netns/loss.rs"]
mod loss;
#[path = "netns/marks.rs"]
mod marks;
#[path = "netns/memory.rs"]
mod memory;
#[path = "netns/moves.rs"]
mod moves;
#[path = "netns/mtu.rs"]
mod mtu;
#[path = "netns/net.rs"]
mod net;
#[path = "netns/process.rs"]
mod process;
#[path = "netns/rate.rs"]
mod rate;
#[path = "netns/relay.rs"]
mod relay;
#[path = "netns/scene.rs"]
mod scene;
#[path = "netns/setup.rs"]
mod setup;
#[path = "netns/slow.rs"]
mod slow;
#[path = "netns/snooping.rs"]
mod snooping;
#[path = "netns/uneven.rs"]
mod uneven;
