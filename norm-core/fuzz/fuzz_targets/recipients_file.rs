//! Lists of public keys: any text is read or refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_seal::exercise::recipients(bytes);
});
