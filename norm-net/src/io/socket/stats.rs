//! What a link has counted.

use std::io;

/// Counters of a [`Link`](super::Link) since it was opened. Bytes are UDP payload.
#[derive(Debug, Default)]
pub struct LinkStats {
    /// Datagrams handed to the kernel.
    pub datagrams_sent: u64,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// System calls that sent them.
    pub batches_sent: u64,
    /// How often the kernel's send buffer was full.
    pub send_blocked: u64,
    /// How often the system refused to send, for a reason that may pass, such as an interface that
    /// is down.
    pub sends_refused: u64,
    /// The last such error.
    pub last_send_error: Option<io::Error>,
    /// How often a batch was refused and sent packet by packet instead.
    pub batches_refused: u64,
    /// Datagrams handed to the sink.
    pub datagrams_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
    /// Those of them that were sent to the group.
    pub group_datagrams: u64,
    /// Buffers in which they came; with GRO one holds several datagrams.
    pub batches_received: u64,
    /// Our own packets, looped back by the group and passed over.
    pub echoes: u64,
    /// Packets for another group on the same port, passed over (not on Linux, where they do not
    /// come).
    pub other_groups: u64,
    /// Receive errors that may pass.
    pub recv_errors: u64,
    /// The last such error.
    pub last_recv_error: Option<io::Error>,
}
