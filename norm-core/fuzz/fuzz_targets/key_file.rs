//! Key files: any text is read or refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_seal::exercise::key_file(bytes);
});
