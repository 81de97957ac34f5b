//! Sealed datagrams: nothing opens that is not authentic, and nothing twice.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_seal::exercise::open(bytes);
});
