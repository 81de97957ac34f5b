//! What an application decides about a receiving session.

use core::net::IpAddr;
use core::time::Duration;

use crate::fec::MAX_RAPTORQ_BLOCK_LEN;
use crate::flute::wire::Tsi;

/// Settings of a [`crate::flute::Receiver`].
#[derive(Clone, Debug)]
pub struct ReceiverConfig {
    /// The session that is received; `None` for all.
    pub tsi: Option<Tsi>,
    /// The host whose sessions are received; `None` for all.
    pub source: Option<IpAddr>,
    /// The time since 1970 when the caller's clock is at its epoch. `None` when it is not known:
    /// then only senders that tell the time can be found to send tables that have expired.
    pub unix_start: Option<Duration>,
    /// Senders sign what speaks for them: of packets without a signature symbols alone are taken,
    /// and no tables, ends, and layouts. For content that is compared with a hash.
    pub is_signed: bool,
    /// Take every object without asking the application.
    pub auto_accept: bool,
    /// Sessions followed at once, those that have ended included. A further one takes the place of
    /// one that has ended or is silent, or that has brought no table in five seconds, or no new
    /// content for thirty; or else that of one of a source address that has more than four and
    /// clearly more than its own. Otherwise its packets are ignored.
    pub max_sessions: usize,
    /// Objects of a session; packets of further ones are dropped.
    pub max_objects: usize,
    /// Source symbols in a RaptorQ block: objects with larger blocks are ignored.
    pub max_block_len: u32,
    /// Bytes that tables, objects and blocks in progress may take, of all sessions, without their
    /// symbols, which the store keeps. What has no room is dropped.
    pub max_bookkeeping: usize,
    /// Bytes of packets that are kept in memory because it is not known yet how their objects are
    /// cut into blocks, of all sessions.
    pub max_early: usize,
    /// The same of one source address.
    pub max_early_of_source: usize,
    /// Bytes of symbols that the store keeps of objects that no table has told of, of all sessions.
    pub max_nameless: usize,
    /// The same of one source address.
    pub max_nameless_of_source: usize,
    /// Bytes that such objects and their blocks take of [`max_bookkeeping`](Self::max_bookkeeping).
    pub max_claims: usize,
    /// The same of one source address.
    pub max_claims_of_source: usize,
    /// The silence after which a sender is reported silent. One that has ended its session is
    /// reported as such after one second at the latest, and when all that came of it is written.
    pub patience: Duration,
}

impl ReceiverConfig {
    /// All sessions of all senders.
    pub const fn new() -> Self {
        Self {
            tsi: None,
            source: None,
            unix_start: None,
            is_signed: false,
            auto_accept: false,
            max_sessions: 16,
            max_objects: 1 << 16,
            max_block_len: MAX_RAPTORQ_BLOCK_LEN,
            max_bookkeeping: 128 << 20,
            max_early: 5 << 20,
            max_early_of_source: 4 << 20,
            max_nameless: 64 << 20,
            max_nameless_of_source: 16 << 20,
            max_claims: 8 << 20,
            max_claims_of_source: 4 << 20,
            patience: Duration::from_secs(5),
        }
    }
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self::new()
    }
}
