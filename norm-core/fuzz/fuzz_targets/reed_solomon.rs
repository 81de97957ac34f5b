//! Blocks with losses, and parity that fits or does not.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = norm_core::norm::exercise::reed_solomon(bytes);
});
