//! A sender under a stream of arbitrary feedback.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| norm_core::norm::exercise::sender(bytes));
