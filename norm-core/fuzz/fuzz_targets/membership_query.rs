//! Membership queries and member reports: parse, emit, compare.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_core::norm::wire::exercise::membership_query(bytes);
});
