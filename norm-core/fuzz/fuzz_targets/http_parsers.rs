//! Headers, paths, addresses and formats of HTTP.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    norm_http::protocol::exercise::parsers(bytes);
});
