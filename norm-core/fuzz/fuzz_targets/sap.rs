//! Announcements: what is read can be written, and directories of them keep their bounds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_core::announce::exercise::sap(bytes);
    norm_core::announce::exercise::directory(bytes);
});
