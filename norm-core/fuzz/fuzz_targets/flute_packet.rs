//! Packets of ALC: what parses is written again to the same bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_core::flute::exercise::packet(bytes);
});
