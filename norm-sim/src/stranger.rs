//! Someone on the network who means no good, and holds no secret.

/// What a stranger does, from when its host starts.
#[derive(Clone, Debug, PartialEq)]
pub struct StrangerPlan {
    /// Kinds of packets that it sends, each as often as the others.
    pub attacks: Vec<Attack>,
    /// Packets per second.
    pub rate: u32,
}

/// A kind of attack.
#[derive(Clone, Debug, PartialEq)]
pub enum Attack {
    /// These very bytes, to the group.
    Bytes(Vec<u8>),
}
