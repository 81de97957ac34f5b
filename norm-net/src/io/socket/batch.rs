//! Receives many datagrams with one system call.

use std::io::{self, IoSliceMut};
use std::time::{Duration, SystemTime};

use norm_core::Datagram;
use norm_core::endpoint::Proof;
use quinn_udp::{BATCH_SIZE, EcnCodepoint, RecvMeta, UdpSockRef};

use super::setup::Port;

/// Room for one call's worth of packets, made once.
#[derive(Debug)]
pub(super) struct ReceiveBuffers {
    bytes: Vec<u8>,
    /// Buffers to be filled by the next call.
    slots: usize,
}

/// What one call brought.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// No buffer was left empty, so there may be more.
    pub(super) full: bool,
}

/// A GRO buffer holds up to 64 KiB; anything smaller would cut packets off.
const SLOT: usize = 1 << 16;
/// From one buffer to the next: were it a power of two, single packets would all lie in the same
/// few lines of the processor's cache.
const STRIDE: usize = SLOT + 25 * 64;
/// Whole batches read at a time: what a few of them fill stays in a core's cache until it has been
/// looked at.
const FULL_SLOTS: usize = 4;

impl ReceiveBuffers {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; STRIDE * BATCH_SIZE], slots: BATCH_SIZE }
    }

    /// Reads once and hands over each filled buffer.
    pub(super) fn receive(
        &mut self,
        port: &Port,
        each: &mut dyn FnMut(&RecvMeta, &mut [u8]),
    ) -> io::Result<Read> {
        let mut slots = self.bytes.chunks_exact_mut(STRIDE).map(|slot| &mut slot[..SLOT]);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let (wanted, socket) = (self.slots, UdpSockRef::from(&port.socket));
        let filled = port.state.recv(socket, &mut slices[..wanted], &mut metas[..wanted])?;
        let mut bytes = 0;
        let filled_slots = self.bytes.chunks_exact_mut(STRIDE).take(filled);
        for (meta, slot) in metas.iter().zip(filled_slots) {
            let len = meta.len.min(SLOT);
            bytes += len;
            each(meta, &mut slot[..len]);
        }
        let whole = bytes > filled * SLOT / 4;
        self.slots = if whole { FULL_SLOTS.min(BATCH_SIZE) } else { BATCH_SIZE };
        // Elsewhere a call may bring one packet although more wait.
        Ok(Read { full: filled == wanted || !cfg!(target_os = "linux") })
    }
}

/// The datagrams in a buffer: all of `stride` bytes but the last, which may be shorter. `to_group`
/// and `waited` are those of all of them.
pub(super) fn datagrams<'a>(
    meta: &RecvMeta,
    to_group: bool,
    waited: Duration,
    bytes: &'a mut [u8],
) -> impl Iterator<Item = Datagram<'a>> + use<'a> {
    let (source, ce) = (meta.addr, meta.ecn == Some(EcnCodepoint::Ce));
    // chunks_mut panics on zero, which an empty datagram's stride is.
    bytes.chunks_mut(meta.stride.max(1)).map(move |payload| Datagram {
        source,
        to_group,
        ce,
        waited,
        proof: Proof::None,
        payload,
    })
}

/// How long a buffer's first packet has been on this machine, by the kernel's stamp.
pub(super) fn waited(meta: &RecvMeta, now: SystemTime) -> Duration {
    let at = meta.timestamp.and_then(|stamp| SystemTime::UNIX_EPOCH.checked_add(stamp));
    // The system's clock may have been set back meanwhile.
    at.and_then(|at| now.duration_since(at).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(len: usize, stride: usize) -> Vec<usize> {
        let mut meta = RecvMeta::default();
        (meta.len, meta.stride) = (len, stride);
        let mut bytes = vec![0; len];
        datagrams(&meta, true, Duration::ZERO, &mut bytes).map(|one| one.payload.len()).collect()
    }

    #[test]
    fn a_batch_is_split_at_its_stride() {
        assert_eq!(lengths(2500, 1000), [1000, 1000, 500]);
        assert_eq!(lengths(2000, 1000), [1000, 1000]);
        assert_eq!(lengths(700, 700), [700]);
    }

    #[test]
    fn ce_mark_of_a_batch_is_that_of_each_packet() {
        for (ecn, ce) in
            [(None, false), (Some(EcnCodepoint::Ect0), false), (Some(EcnCodepoint::Ce), true)]
        {
            let mut meta = RecvMeta::default();
            (meta.len, meta.stride, meta.ecn) = (250, 100, ecn);
            let mut bytes = [0; 250];
            let all = datagrams(&meta, true, Duration::ZERO, &mut bytes);
            assert_eq!(all.map(|one| one.ce).collect::<Vec<_>>(), [ce; 3]);
        }
    }

    #[test]
    fn an_empty_datagram_is_nothing_and_no_panic() {
        assert!(lengths(0, 0).is_empty());
    }

    #[test]
    fn the_time_on_this_machine_is_since_the_stamp() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let with = |timestamp| {
            let mut meta = RecvMeta::default();
            meta.timestamp = timestamp;
            waited(&meta, now)
        };
        assert_eq!(with(Some(Duration::from_millis(99_990))), Duration::from_millis(10));
        assert_eq!(with(Some(Duration::from_secs(101))), Duration::ZERO, "the clock was set back");
        assert_eq!(with(Some(Duration::MAX)), Duration::ZERO);
        assert_eq!(with(None), Duration::ZERO);
    }
}
