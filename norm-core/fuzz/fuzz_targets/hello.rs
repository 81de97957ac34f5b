//! HELLOs: no bytes make a receiver panic, and none is taken twice.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_seal::exercise::hello(bytes);
});
