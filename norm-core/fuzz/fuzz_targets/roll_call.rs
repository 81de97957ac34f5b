//! Roll calls and member reports: parse, emit, compare.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_core::norm::wire::exercise::roll_call(bytes);
});
