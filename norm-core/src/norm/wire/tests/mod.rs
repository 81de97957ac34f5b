//! All messages: captured packets, properties, and packets that are none.

mod captures;
mod malformed;
mod properties;
mod samples;
mod vectors;

use super::*;

/// Emits after bytes that must stay, and checks the announced length.
fn emitted(header: Header, message: &Message<'_>) -> Vec<u8> {
    let mut out = vec![0xa5; 5];
    message.emit(header, &mut out);
    assert_eq!(out[..5], [0xa5; 5]);
    let bytes = out.split_off(5);
    assert_eq!(bytes.len(), message.encoded_len());
    bytes
}
