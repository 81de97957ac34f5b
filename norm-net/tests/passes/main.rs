//! Transfers in passes, over the loopback interface: by FLUTE, and by NORM.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

mod common;
mod flute;
mod norm;
