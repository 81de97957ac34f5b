//! Kernel buffers: what was asked for, and what was granted.

/// Sizes of the kernel buffers, in bytes of the unit in which they are asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// Receive buffer asked for.
    pub recv_asked: usize,
    /// Receive buffer granted.
    pub recv_granted: usize,
    /// Send buffer asked for.
    pub send_asked: usize,
    /// Send buffer granted.
    pub send_granted: usize,
}

/// The granted size as it would have been asked for.
///
/// Linux reports twice the granted value, to cover its own bookkeeping (socket(7)).
pub(super) fn granted(reported: usize) -> usize {
    if cfg!(any(target_os = "linux", target_os = "android")) { reported / 2 } else { reported }
}
