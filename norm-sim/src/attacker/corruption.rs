//! Corruption: random bytes, and observed packets with changes.

use norm_core::Rng;

use super::choice::{below, byte, bytes, choose};
use super::listener::Listener;

/// The longest UDP payload in an Ethernet frame over IPv4.
const MAX_PAYLOAD: usize = 1472;
/// Bytes at the front of a message that hold most of its fields.
const FRONT: usize = 48;

/// Random bytes, half of them with a plausible first byte.
pub(super) fn noise(rng: &mut Rng) -> Vec<u8> {
    let len = 1 + below(rng, MAX_PAYLOAD);
    let mut packet = bytes(rng, len);
    if rng.chance(0.5)
        && let Some(first) = packet.first_mut()
    {
        *first = 0x10 | (rng.below(8) as u8);
    }
    packet
}

/// An observed packet, unchanged.
pub(super) fn replay(listener: &Listener, rng: &mut Rng) -> Option<Vec<u8>> {
    choose(&listener.packets, rng).map(|packet| packet.to_vec())
}

/// An observed packet, with changes.
pub(super) fn mutate(listener: &Listener, rng: &mut Rng) -> Option<Vec<u8>> {
    let mut packet = replay(listener, rng)?;
    match rng.below(8) {
        0 => packet.truncate(below(rng, packet.len())),
        1 => {
            let more = below(rng, MAX_PAYLOAD);
            packet.extend(bytes(rng, more));
        }
        2 => {
            let other = choose(&listener.packets, rng)?;
            let cut = below(rng, packet.len().min(other.len()));
            packet.truncate(cut);
            packet.extend_from_slice(&other[cut..]);
        }
        kind => {
            let front = if kind < 7 { FRONT } else { MAX_PAYLOAD };
            for _ in 0..=rng.below(4) {
                let place = below(rng, packet.len().min(front));
                if let Some(changed) = packet.get_mut(place) {
                    *changed = byte(rng);
                }
            }
        }
    }
    packet.truncate(MAX_PAYLOAD);
    if packet.is_empty() {
        packet.push(byte(rng));
    }
    Some(packet)
}
