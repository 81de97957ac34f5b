//! What a guard has counted.

use core::net::SocketAddr;

use crate::gate::Unopened;
use crate::secret::KeyId;
use crate::signature::Verifier;

/// Why a datagram was dropped.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// It is not sealed, or by another version.
    Unsealed,
    /// It is sealed under another key.
    OtherKey,
    /// It is of another sender, and the one who hears it is a sender itself.
    OtherSender,
    /// Its counter was used before, or is too old to tell.
    Replayed,
    /// It is authentic, but of a sender that is heard from another address: sent again by another
    /// machine, or the sender has just moved.
    Elsewhere,
    /// The tag does not hold: forged, damaged, or of another group or session.
    NotAuthentic,
    /// It is of a run that was not heard before, and too many of these come.
    TooMany,
    /// There is no room for another run.
    NoRoom,
    /// It is our own, or of a copy of us.
    Own,
    /// It is of a run of which no HELLO was taken.
    NoHello,
    /// It is a HELLO by another long-term key than the one that is trusted, or by none.
    OtherSigner,
    /// Its signature does not hold: another member has made it.
    BadSignature,
    /// It is a HELLO that no longer holds, or of a run that such a one has introduced.
    Expired,
    /// It is sealed with the key of an epoch that is not known, or not any more.
    NoEpoch,
}

impl DropReason {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Unsealed,
        Self::OtherKey,
        Self::OtherSender,
        Self::Replayed,
        Self::Elsewhere,
        Self::NotAuthentic,
        Self::TooMany,
        Self::NoRoom,
        Self::Own,
        Self::NoHello,
        Self::OtherSigner,
        Self::BadSignature,
        Self::Expired,
        Self::NoEpoch,
    ];
}

/// What was sealed, opened and dropped since the start.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SealCounters {
    /// Datagrams that were sealed.
    pub sealed: u64,
    /// Datagrams that opened.
    pub opened: u64,
    /// Those of them that were signed by their session's key.
    pub signed: u64,
    /// Statements that were taken and were news.
    pub statements: u64,
    /// Runs of senders that have proved to be live.
    pub live: u64,
    /// HELLOs that were taken.
    pub hellos: u64,
    /// The long-term key that signed the last of these; `None` when there was none, or it had none.
    pub signer: Option<Verifier>,
    /// HELLOs by other long-term keys than the one that is trusted.
    pub other_signer: OtherSigner,
    /// HELLOs that no longer hold.
    pub expired: Heard,
    /// Secrets of epochs that were found in KEYS.
    pub epochs: u64,
    /// Packets that show that a sender has no key for any of our identities, and never had.
    pub not_listed: Heard,
    /// Packets that show that a sender had one, and has none for the epoch in use.
    pub left_out: Heard,
    /// How often a new run was drawn because another machine used ours, or might.
    pub redraws: u64,
    /// How often another machine was heard that did: one of both was copied while it ran.
    pub copies: u64,
    /// Those that were sealed under another key.
    pub unopened: Unopened,
    /// Those without a seal that look like packets of a session without a key.
    pub unsealed: Heard,
    /// Those of senders that are sealed under our key, but do not open: of another group, forged or
    /// damaged.
    pub not_authentic: Heard,
    dropped: [u64; DropReason::ALL.len()],
}

/// HELLOs that were refused because of their signer.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherSigner {
    /// How many there were.
    pub hellos: u64,
    /// The long-term key of the first one, if it has one, and where it came from.
    pub first: Option<(Option<Verifier>, SocketAddr)>,
}

impl OtherSigner {
    pub(crate) fn note(&mut self, signer: Option<Verifier>, source: SocketAddr) {
        self.hellos += 1;
        self.first.get_or_insert((signer, source));
    }
}

/// Packets that were dropped for one reason.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// How many there were.
    pub packets: u64,
    /// Where the first one came from.
    pub first: Option<SocketAddr>,
}

impl Heard {
    pub(crate) fn note(&mut self, source: SocketAddr) {
        self.packets += 1;
        self.first.get_or_insert(source);
    }
}

impl SealCounters {
    /// Datagrams that were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Datagrams that were dropped.
    pub fn all_dropped(&self) -> u64 {
        self.dropped.iter().sum()
    }

    pub(crate) fn note_dropped(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }

    pub(crate) fn note_other_key(&mut self, key_id: KeyId, source: SocketAddr) {
        self.note_dropped(DropReason::OtherKey);
        self.unopened.note(key_id, source);
    }
}
