//! An area of header extensions: walk to its end, write again what was understood.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = norm_core::norm::wire::exercise::extensions(bytes);
});
