//! Packets that nobody composed: random bytes, and what was heard with changes.

use norm_core::Rng;

use super::ears::Ears;
use super::names::{below, byte, bytes, choose};

/// What fits a frame together with the headers of IP and UDP.
const LONGEST: usize = 1472;
/// Most fields of a message are in its first bytes.
const FRONT: usize = 48;

/// Random bytes, half of them with a plausible first one.
pub(super) fn noise(rng: &mut Rng) -> Vec<u8> {
    let len = 1 + below(rng, LONGEST);
    let mut packet = bytes(rng, len);
    if rng.chance(0.5)
        && let Some(first) = packet.first_mut()
    {
        *first = 0x10 | (rng.below(8) as u8);
    }
    packet
}

/// A packet heard, as it was.
pub(super) fn replay(ears: &Ears, rng: &mut Rng) -> Option<Vec<u8>> {
    choose(&ears.packets, rng).map(|packet| packet.to_vec())
}

/// A packet heard, with changes.
pub(super) fn mutate(ears: &Ears, rng: &mut Rng) -> Option<Vec<u8>> {
    let mut packet = replay(ears, rng)?;
    match rng.below(8) {
        0 => packet.truncate(below(rng, packet.len())),
        1 => {
            let more = below(rng, LONGEST);
            packet.extend(bytes(rng, more));
        }
        2 => {
            let other = choose(&ears.packets, rng)?;
            let cut = below(rng, packet.len().min(other.len()));
            packet.truncate(cut);
            packet.extend_from_slice(&other[cut..]);
        }
        kind => {
            let front = if kind < 7 { FRONT } else { LONGEST };
            for _ in 0..=rng.below(4) {
                let place = below(rng, packet.len().min(front));
                if let Some(changed) = packet.get_mut(place) {
                    *changed = byte(rng);
                }
            }
        }
    }
    packet.truncate(LONGEST);
    if packet.is_empty() {
        packet.push(byte(rng));
    }
    Some(packet)
}
