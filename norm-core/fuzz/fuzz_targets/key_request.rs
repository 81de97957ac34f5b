//! Requests for keys: no bytes make a sender panic, or answer with much.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_seal::exercise::key_request(bytes);
});
