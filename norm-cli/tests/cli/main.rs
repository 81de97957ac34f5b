//! Runs the real programs: messages, exit codes, events, files.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

mod announce;
#[cfg(unix)]
mod backup;
#[cfg(unix)]
mod choice;
mod common;
mod compat;
mod damage;
#[cfg(unix)]
mod delta;
mod demo;
mod disks;
#[cfg(unix)]
mod entries;
mod fill;
mod flute;
mod hash_first;
mod interrupt;
mod keys;
#[cfg(unix)]
mod kill;
#[cfg(target_os = "linux")]
mod many;
#[cfg(unix)]
mod mirror;
#[cfg(unix)]
mod only;
mod per_file;
#[cfg(unix)]
mod place;
#[cfg(unix)]
mod recipients;
mod recv_dry_run;
#[cfg(target_os = "linux")]
mod refusals;
mod resume;
mod roster;
#[cfg(target_os = "linux")]
mod sandbox;
mod schedule;
mod schema;
#[cfg(target_os = "linux")]
mod slow_disks;
#[cfg(target_os = "linux")]
mod slow_writes;
#[cfg(target_os = "linux")]
mod sparse;
mod start;
#[cfg(unix)]
mod statements;
mod successor;
mod transfer;
mod usage;
mod withdraw;
