//! What a member of a group says in the name of a sender of FLUTE.

use norm_core::Rng;
use norm_core::flute::wire::{Packet, TimeFields, Toi};

use crate::attacker::choice::one_of;

/// A TOI that no object of a scenario has.
const UNKNOWN: u128 = 65_535;

/// One of its packets, as its sender would not send it: the end of the session or of an object,
/// another table, or an object of which it knows nothing. No symbol of an object is another one:
/// receivers find that by hashes, which this simulation has not. `None` if it is no such packet.
pub(in crate::attacker) fn build(plain: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
    let Packet { mut header, extensions, content } =
        Packet::parse(plain, TimeFields::Reserved).ok()?;
    let mut content = content.to_vec();
    let is_table = header.toi == Some(Toi::FDT);
    match rng.below(4) {
        0 => header.close_session = true,
        1 => header.close_object = true,
        2 if is_table => {
            let from = content.len().min(20);
            content[from..].iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
        }
        _ => header.toi = one_of([Some(Toi::FDT), Toi::new(UNKNOWN)], rng),
    }
    let mut out = Vec::new();
    Packet { header, extensions, content: &content }.emit(&mut out);
    Some(out)
}
