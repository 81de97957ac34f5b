//! Statements of sets: what is read and holds is written again to the same bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_seal::exercise::statement(bytes);
});
