//! Descriptions of sessions: what is read can be written, and says the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_core::announce::exercise::sdp(bytes);
});
