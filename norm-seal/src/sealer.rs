//! Seals what leaves.

use crate::address::SessionAddress;
use crate::attestation::{ATTESTATION_LEN, Attester};
use crate::backend::{Prk, SigningKey};
use crate::header::{HEADER_LEN, Header, RunId, TAG_LEN};
use crate::hello::SIGNATURE_LEN;
use crate::schedule::{KeyInfo, PACKETS_PER_RUN, RunKey};

/// Packets of our own that are told from those of a copy of us: 40 ms at 100,000 a second.
const REMEMBERED: usize = 4096;

/// A run, and how far it is.
pub(crate) struct Sealer {
    run: RunId,
    /// The counter of the next packet.
    next: u64,
    /// Where the counter of this run began.
    key: Option<RunKey>,
    /// The beginning of the tag of each of the last packets, at its counter.
    tags: Box<[[u8; 4]]>,
}

/// What ends the text of a datagram.
#[derive(Copy, Clone)]
pub(crate) enum Ending<'a> {
    /// Nothing.
    None,
    /// A signature of the session's key.
    Signature(&'a SigningKey),
    /// The attestation of a receiver.
    Attestation(&'a Attester),
}

impl Ending<'_> {
    fn bytes(self) -> usize {
        match self {
            Self::None => 0,
            Self::Signature(_) => SIGNATURE_LEN,
            Self::Attestation(_) => ATTESTATION_LEN,
        }
    }

    /// Writes it after `text`.
    fn write(self, text: &[u8], out: &mut [u8]) {
        match self {
            Self::None => {}
            Self::Signature(session) => out.copy_from_slice(&session.sign(text)),
            Self::Attestation(attester) => out.copy_from_slice(&attester.attest(text)),
        }
    }
}

/// How a packet under our own run came to be.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is ours, or may be.
    Own,
    /// Another machine has sealed it under our run.
    Copy,
}

impl Sealer {
    pub(crate) fn new(run: RunId) -> Self {
        Self { run, next: 0, key: None, tags: vec![[0; 4]; REMEMBERED].into_boxed_slice() }
    }

    pub(crate) fn run(&self) -> RunId {
        self.run
    }

    /// True when the run has no counters left.
    pub(crate) fn is_spent(&self) -> bool {
        self.next >= PACKETS_PER_RUN
    }

    /// Goes on with another run, from its first packet on.
    pub(crate) fn set_run(&mut self, run: RunId) {
        (self.run, self.next, self.key) = (run, 0, None);
    }

    /// Forgets the key: it was of another group.
    pub(crate) fn forget_key(&mut self) {
        self.key = None;
    }

    /// Seals a datagram that has room for header and tag, and before the tag for what ends its
    /// text. `header` says what it is; its run and counter are replaced. False when it cannot be
    /// sealed: then it must not be sent.
    pub(crate) fn seal(
        &mut self,
        secret: &Prk,
        address: SessionAddress,
        what: (Header, Option<RunId>),
        ending: Ending<'_>,
        datagram: &mut [u8],
    ) -> bool {
        let (header, sender) = what;
        let Some(text_len) = datagram.len().checked_sub(HEADER_LEN + TAG_LEN) else { return false };
        let signed_len = text_len.checked_sub(ending.bytes());
        let Some(signed_len) = signed_len.filter(|_| !self.is_spent()) else { return false };
        let counter = self.next;
        let is_signed = ending.bytes() > 0;
        let header = Header { run: self.run, counter, is_signed, ..header };
        let info = KeyInfo::of(&header, address, sender);
        if self.key.as_ref().is_none_or(|key| *key.info() != info) {
            self.key = RunKey::derive(secret, info);
        }
        let Some(key) = &self.key else { return false };
        // Used up whatever becomes of the packet.
        self.next += 1;
        datagram[..HEADER_LEN].copy_from_slice(&header.emit());
        let (text, rest) = datagram.split_at_mut(HEADER_LEN + signed_len);
        ending.write(text, &mut rest[..ending.bytes()]);
        let (head, rest) = datagram.split_at_mut(HEADER_LEN);
        let (text, room) = rest.split_at_mut(text_len);
        let Some(tag) = key.seal(counter, head, text) else { return false };
        room.copy_from_slice(&tag);
        self.tags[counter as usize % REMEMBERED].copy_from_slice(&tag[..4]);
        true
    }

    /// How an authentic packet under our run with this counter and tag came to be.
    pub(crate) fn origin(&self, counter: u64, tag: &[u8]) -> Origin {
        let is_remembered = counter < self.next && self.next - counter <= REMEMBERED as u64;
        let is_ours = counter < self.next
            && (!is_remembered || tag.starts_with(&self.tags[counter as usize % REMEMBERED]));
        if is_ours { Origin::Own } else { Origin::Copy }
    }

    /// Goes on as if this many packets had been sealed.
    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, next: u64) {
        self.next = next;
    }
}
