//! KEYS: no bytes make a recipient panic, or have it take another key.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_seal::exercise::keys(bytes);
});
