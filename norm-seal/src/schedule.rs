//! Which key seals a packet.

use crate::address::SessionAddress;
use crate::backend::{PacketKey, Prk};
use crate::header::{Epoch, Header, Kind, RunId, Suite};

/// Packets that one key seals at most: within the limits of RFC 9001 §B for datagrams of any size.
pub(crate) const PACKETS_PER_KEY: u64 = 1 << 23;
/// Packets of one run at most.
pub(crate) const PACKETS_PER_RUN: u64 = 1 << 48;

/// Which of a run's keys a counter is for.
pub(crate) fn index_of(counter: u64) -> u64 {
    counter / PACKETS_PER_KEY
}

/// What a key is derived from, beside the group's secret.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyInfo {
    pub(crate) suite: Suite,
    pub(crate) kind: Kind,
    pub(crate) epoch: Epoch,
    pub(crate) address: SessionAddress,
    pub(crate) run: RunId,
    /// Of feedback: the run of the sender that it is for. It does not open for a later one.
    pub(crate) sender: Option<RunId>,
    /// See [`index_of`].
    pub(crate) index: u64,
}

impl KeyInfo {
    /// That of a packet in a group; of feedback, to the sender of this run.
    pub(crate) fn of(header: &Header, address: SessionAddress, sender: Option<RunId>) -> Self {
        Self {
            suite: header.suite,
            kind: header.kind,
            epoch: header.epoch,
            address,
            run: header.run,
            sender,
            index: index_of(header.counter),
        }
    }
}

/// A key of a run, with what it was derived from.
pub(crate) struct RunKey {
    info: KeyInfo,
    key: PacketKey,
    iv: [u8; 12],
}

impl RunKey {
    /// Derives it; `None` only if the backend does not know the suite.
    pub(crate) fn derive(secret: &Prk, info: KeyInfo) -> Option<Self> {
        let mut bytes = zeroize::Zeroizing::new([0; 44]);
        let sender = info.sender.as_ref().map_or([].as_slice(), |run| run.0.as_slice());
        // A run has 12 bytes: nothing else has the same concatenation.
        secret.expand(
            &[
                b"norm-seal 1 packet",
                &[info.suite.number(), info.kind.number()],
                &info.epoch.0.to_be_bytes(),
                info.address.bytes(),
                &info.run.0,
                &info.index.to_be_bytes(),
                sender,
            ],
            bytes.as_mut_slice(),
        );
        let (key, iv) = bytes.split_first_chunk::<32>()?;
        Some(Self { info, key: PacketKey::new(info.suite, key)?, iv: *iv.first_chunk()? })
    }

    /// What it was derived from.
    pub(crate) fn info(&self) -> &KeyInfo {
        &self.info
    }

    /// Encrypts in place; returns the tag.
    pub(crate) fn seal(&self, counter: u64, header: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        self.key.seal(self.nonce(counter), header, text)
    }

    /// Decrypts in place what its tag holds for.
    pub(crate) fn open<'a>(
        &self,
        counter: u64,
        header: &[u8],
        sealed: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        self.key.open(self.nonce(counter), header, sealed)
    }

    fn nonce(&self, counter: u64) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, of_counter) in nonce[4..].iter_mut().zip(counter.to_be_bytes()) {
            *byte ^= of_counter;
        }
        nonce
    }
}
