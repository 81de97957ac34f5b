//! Receives many datagrams with one system call.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use quinn_udp::{BATCH_SIZE, EcnCodepoint, RecvMeta, UdpSockRef};

use super::setup::Port;

/// A UDP datagram; the payload may be changed in place.
#[derive(Debug)]
pub struct Received<'a> {
    /// Who sent it, as far as a source address can be believed.
    pub source: SocketAddr,
    /// Sent to the multicast group, not to us alone.
    pub to_group: bool,
    /// A router has marked it "congestion experienced" (RFC 3168).
    pub marked: bool,
    /// How long it, or the first of its batch, has been on this machine; zero where the system does not tell.
    pub waited: Duration,
    /// The first that a system call brought: a moment to look at the clock, once for all of them.
    pub first: bool,
    /// The bytes.
    pub payload: &'a mut [u8],
}

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
/// From one buffer to the next: were it a power of two, single packets would all lie in the same few
/// lines of the processor's cache.
const STRIDE: usize = SLOT + 25 * 64;
/// Whole batches are read so many at a time: what a few of them fill stays in a core's cache until it
/// has been looked at.
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

/// What was found out about a buffer.
#[derive(Copy, Clone, Debug)]
pub(super) struct About {
    pub(super) to_group: bool,
    pub(super) waited: Duration,
    /// The first one that a call has filled.
    pub(super) first: bool,
}

/// The datagrams in a buffer: all of `stride` bytes but the last, which may be shorter.
pub(super) fn datagrams<'a>(
    meta: &RecvMeta,
    about: About,
    bytes: &'a mut [u8],
) -> impl Iterator<Item = Received<'a>> + use<'a> {
    let source = meta.addr;
    let marked = meta.ecn == Some(EcnCodepoint::Ce);
    let About { to_group, waited, first } = about;
    // chunks_mut panics on zero, which an empty datagram's stride is.
    bytes.chunks_mut(meta.stride.max(1)).enumerate().map(move |(number, payload)| Received {
        source,
        to_group,
        marked,
        waited,
        first: first && number == 0,
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

    const FIRST: About = About { to_group: true, waited: Duration::ZERO, first: true };

    fn lengths(len: usize, stride: usize) -> Vec<usize> {
        let mut meta = RecvMeta::default();
        (meta.len, meta.stride) = (len, stride);
        let mut bytes = vec![0; len];
        let all = datagrams(&meta, FIRST, &mut bytes).enumerate();
        all.inspect(|(number, one)| assert_eq!(one.first, *number == 0))
            .map(|(_, one)| one.payload.len())
            .collect()
    }

    #[test]
    fn a_batch_is_split_at_its_stride() {
        assert_eq!(lengths(2500, 1000), [1000, 1000, 500]);
        assert_eq!(lengths(2000, 1000), [1000, 1000]);
        assert_eq!(lengths(700, 700), [700]);
    }

    #[test]
    fn the_mark_of_a_batch_is_that_of_each_packet() {
        for (ecn, marked) in
            [(None, false), (Some(EcnCodepoint::Ect0), false), (Some(EcnCodepoint::Ce), true)]
        {
            let mut meta = RecvMeta::default();
            (meta.len, meta.stride, meta.ecn) = (250, 100, ecn);
            let marks: Vec<_> =
                datagrams(&meta, FIRST, &mut [0; 250]).map(|one| one.marked).collect();
            assert_eq!(marks, [marked; 3]);
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
