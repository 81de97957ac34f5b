//! Runs the real programs: messages, exit codes, events, files.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

mod common;
mod compat;
mod demo;
mod disks;
mod interrupt;
#[cfg(target_os = "linux")]
mod refusals;
mod resume;
mod schedule;
mod schema;
mod start;
mod successor;
mod transfer;
mod usage;
