//! Manifests: those that are good are written again to the same bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = norm_core::fileset::exercise::manifest(bytes);
});
