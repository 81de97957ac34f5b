//! Small random choices.

use norm_core::Rng;
use norm_core::norm::wire::{Identity, NodeId};

use super::listener::Listener;

/// One of the items; `None` when there are none.
pub(super) fn choose<'a, T>(items: &'a [T], rng: &mut Rng) -> Option<&'a T> {
    items.get(rng.below(items.len() as u64) as usize)
}

/// One of these values.
pub(super) fn one_of<T: Copy, const N: usize>(items: [T; N], rng: &mut Rng) -> T {
    const { assert!(N > 0) };
    items[rng.below(N as u64) as usize]
}

/// A number below the bound.
pub(super) fn below(rng: &mut Rng, bound: usize) -> usize {
    rng.below(bound as u64) as usize
}

pub(super) fn byte(rng: &mut Rng) -> u8 {
    rng.next_u64() as u8
}

pub(super) fn bytes(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| byte(rng)).collect()
}

pub(super) fn identity(rng: &mut Rng) -> Identity {
    Identity(core::array::from_fn(|_| byte(rng)))
}

/// The node id of an observed receiver, or a random one.
pub(super) fn node(listener: &Listener, rng: &mut Rng) -> NodeId {
    let known = choose(&listener.members, rng).map(|member| member.node);
    known.filter(|_| rng.chance(0.5)).unwrap_or_else(|| NodeId(rng.next_u32()))
}
