//! NORM_INFO of file sets: what parses is written again to the same bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_core::norm::wire::exercise::set_info(bytes);
});
