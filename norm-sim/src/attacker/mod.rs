//! Attackers: nodes that forge, change and replay packets, and hold no secret.
//!
//! An attacker listens to the group, remembers a bounded number of packets, and sends packets from
//! its own address: it can copy every field of a message, but not its source address.

mod choice;
mod corruption;
mod listener;
mod messages;
mod node;
#[cfg(test)]
mod tests;

pub(crate) use node::node;
