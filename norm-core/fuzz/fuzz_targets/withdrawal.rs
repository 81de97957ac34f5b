//! Notices of withdrawn entries: those that are good are written again to the same bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_core::fileset::exercise::withdrawal(bytes);
});
