//! A FLUTE receiver under a stream of arbitrary datagrams.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_core::flute::exercise::receiver(bytes);
});
