//! A datagram: parse, walk everything, emit, compare.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = norm_core::norm::wire::exercise::message(bytes);
});
