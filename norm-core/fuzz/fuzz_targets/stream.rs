//! A sink and a source of a stream under arbitrary operations.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| norm_core::norm::stream::exercise::stream(bytes));
