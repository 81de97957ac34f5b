//! Feedback that a member attests: no text makes the sender panic, or believe it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_seal::exercise::attested(bytes);
});
