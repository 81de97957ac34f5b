//! The two sockets of a session and everything done with them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mio::Waker;
use norm_core::Datagram;
use quinn_udp::{EcnCodepoint, RecvMeta, Transmit};

use super::batch::{ReceiveBuffers, datagrams, waited};
use super::follow::{Follower, LinkChange, Task};
use super::membership::Membership;
use super::peers::Peers;
use super::send::{Sending, is_transient};
use super::setup::{self, Port};
use super::too_long::TooLong;
use super::wait::Waiting;
use super::{Buffers, LinkConfig, LinkStats, SendOutcome, raw};
use crate::io::error::NetError;
use crate::io::interface::{Because, Chosen, Interface};

/// The sockets of a session. Never blocks but in [`wait`](Self::wait).
///
/// The loop around it: receive, handle, send, wait.
///
/// ```no_run
/// # use norm_net::io::socket::{Link, LinkConfig};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = LinkConfig::new("239.1.2.3:6003".parse()?);
/// let mut link = Link::open(&config)?;
/// loop {
///     link.recv(8, &mut |packet| println!("{} bytes", packet.payload.len()))?;
///     link.send(link.group(), 5, b"hello")?;
///     link.wait(None)?;
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Link {
    sockets: Sockets,
    sending: Sending,
    /// What packets say that leave with a control message.
    ecn: Option<EcnCodepoint>,
    receiving: ReceiveBuffers,
    waiting: Waiting,
    stats: LinkStats,
    /// What the kernel dropped at sockets that are closed.
    dropped_before: u32,
    config: LinkConfig,
    follower: Follower,
    peers: Peers,
}

/// The sockets of a link, and where they are.
#[derive(Debug)]
struct Sockets {
    group: SocketAddr,
    local: SocketAddr,
    chosen: Chosen,
    buffers: Buffers,
    own: Port,
    session: Option<Port>,
    /// They are of no use any more, and others could not be opened yet.
    closed: bool,
    /// What the session's port has joined.
    membership: Membership,
}

/// What is tried with sockets that are open, fit for `cannot …`.
const PREPARE: &str = "prepare to wait for packets";

impl Sockets {
    fn open(config: &LinkConfig) -> Result<Self, NetError> {
        config.check()?;
        Self::open_at(config, setup::place(config)?, None)
    }

    /// Opens them on an interface; packets leave from `port`, if that is free.
    fn open_at(config: &LinkConfig, chosen: Chosen, port: Option<u16>) -> Result<Self, NetError> {
        let own = setup::own_port(config, &chosen.interface, port)?;
        let session = setup::session_port(config, &chosen.interface)?;
        Ok(Self {
            group: setup::with_scope(config.group, &chosen.interface),
            local: own.socket.local_addr().map_err(NetError::socket(PREPARE))?,
            buffers: setup::granted_buffers(config, session.as_ref().unwrap_or(&own), &own),
            membership: Membership::new(config, &chosen.interface),
            chosen,
            own,
            session,
            closed: false,
        })
    }
}

impl Link {
    /// Chooses the interface, opens the sockets, joins the group.
    ///
    /// # Errors
    ///
    /// [`NetError::Config`] for options that cannot work, [`NetError::Interface`] when no interface
    /// can be chosen, else what the system refused.
    pub fn open(config: &LinkConfig) -> Result<Self, NetError> {
        let mut sockets = Sockets::open(config)?;
        let waiting = Waiting::new(&mut sockets.own, sockets.session.as_mut())
            .map_err(NetError::socket(PREPARE))?;
        Ok(Self {
            sockets,
            sending: Sending::new(config),
            ecn: config.ecn.then_some(EcnCodepoint::Ect0),
            receiving: ReceiveBuffers::new(),
            waiting,
            stats: LinkStats::default(),
            dropped_before: 0,
            config: config.clone(),
            follower: Follower::new(Instant::now()),
            peers: Peers::default(),
        })
    }

    /// Leaves the group, and goes on in another one; [`waker`](Self::waker) stays the same. What
    /// has arrived and was not received yet is lost.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); the link is in its old group then.
    pub fn reopen(&mut self, config: &LinkConfig) -> Result<(), NetError> {
        let sockets = Sockets::open(config)?;
        self.config = config.clone();
        self.use_sockets(sockets)
    }

    fn use_sockets(&mut self, mut sockets: Sockets) -> Result<(), NetError> {
        self.waiting
            .watch(&mut sockets.own, sockets.session.as_mut())
            .map_err(NetError::socket(PREPARE))?;
        self.dropped_before = self.kernel_drops().unwrap_or(0);
        // What these refused, others may take.
        self.sending = Sending::new(&self.config);
        self.sockets = sockets;
        Ok(())
    }

    /// Looks whether addresses or interfaces have changed, and does what that takes: opens the
    /// sockets anew on the interface of the same name, and joins the group again. Returns what the
    /// user should know. To be called now and then, such as every 250 ms.
    pub fn follow(&mut self, now: Instant) -> Option<LinkChange> {
        match self.follower.look(now, &self.config, &self.sockets.chosen)? {
            Task::Tell(change) => Some(change),
            Task::Open(chosen) => {
                let from = self.place();
                match self.open_again(chosen) {
                    Ok(()) => {
                        self.follower.repaired();
                        self.greet_peers();
                        Some(LinkChange::Moved {
                            interface: self.sockets.chosen.interface.clone(),
                            from,
                            to: self.place(),
                        })
                    }
                    Err(error) => self.follower.failed(error),
                }
            }
        }
    }

    /// Sends an empty datagram to machines that were heard: before it leaves, the system asks where
    /// they are, and they learn that this address is at another interface now. Until then they
    /// send to the old one, for half a minute and more.
    fn greet_peers(&mut self) {
        let own = &self.sockets.own.socket;
        for peer in self.peers.take() {
            // Whatever becomes of it: it is worth a try only.
            let _ = own.send_to(&[], setup::with_scope(peer, &self.sockets.chosen.interface));
        }
    }

    /// Where packets leave from, even if the system chooses the address.
    fn place(&self) -> SocketAddr {
        let Sockets { group, local, chosen, .. } = &self.sockets;
        let address = chosen.interface.address_like(group.ip());
        let ip = address.filter(|_| local.ip().is_unspecified()).unwrap_or(local.ip());
        SocketAddr::new(ip, local.port())
    }

    fn open_again(&mut self, chosen: Chosen) -> Result<(), NetError> {
        if !setup::is_bound_to_address(&self.config) && !self.config.bind_session_port {
            // The system chooses the address for each packet; only the way has changed.
            self.sockets.chosen = chosen;
            return Ok(());
        }
        if !self.sockets.closed {
            // They hold the ports that are to be used again.
            let mut own = setup::closed_port(&self.config)?;
            self.waiting.watch(&mut own, None).map_err(NetError::socket(PREPARE))?;
            self.dropped_before = self.kernel_drops().unwrap_or(0);
            self.sockets.own = own;
            self.sockets.session = None;
            self.sockets.closed = true;
        }
        let port = self.sockets.local.port();
        self.use_sockets(Sockets::open_at(&self.config, chosen, Some(port))?)
    }

    /// Leaves the group and joins it again, on the same sockets: a network that has forgotten this
    /// host hears of it anew. Nothing in sessions that are in no group.
    ///
    /// # Errors
    ///
    /// When the system refuses to join; nothing comes to the group then until this is called again
    /// with success.
    pub fn rejoin(&self) -> io::Result<()> {
        match self.group_port() {
            Some(port) => self.sockets.membership.rejoin(&port.socket),
            None => Ok(()),
        }
    }

    /// Has the system report anew that this host is in the group, without leaving it. Nothing in
    /// sessions that are in no group.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] on systems that cannot, and what the system says.
    pub fn report_membership(&self) -> io::Result<()> {
        let Some(port) = self.group_port() else { return Ok(()) };
        let mut sources = port.sources();
        if sources.all().next().is_none() {
            sources.note(self.sockets.local.ip());
        }
        self.sockets.membership.report_again(&port.socket, &sources)
    }

    /// The port that is in the group.
    fn group_port(&self) -> Option<&Port> {
        self.sockets.session.as_ref().filter(|_| self.sockets.group.ip().is_multicast())
    }

    /// The group (or peer) of the session, as to be given to [`send`](Self::send).
    pub fn group(&self) -> SocketAddr {
        self.sockets.group
    }

    /// The interface in use.
    pub fn interface(&self) -> &Interface {
        &self.sockets.chosen.interface
    }

    /// Why this interface.
    pub fn chosen_because(&self) -> Because {
        self.sockets.chosen.because
    }

    /// Where packets leave from and unicast feedback arrives. The address is unspecified in unicast
    /// sessions without a chosen interface.
    pub fn local_addr(&self) -> SocketAddr {
        self.sockets.local
    }

    /// Kernel buffers asked for and granted.
    pub fn buffers(&self) -> Buffers {
        self.sockets.buffers
    }

    /// How many segments one system call can send now; 1 when batches are off or were refused. Ask
    /// again after each send.
    pub fn max_gso_segments(&self) -> usize {
        self.sending.max_segments(&self.sockets.own)
    }

    /// Sends `contents` as datagrams of `segment_size` bytes, the last one perhaps shorter.
    ///
    /// Takes any number of segments and cuts them into the batches that the kernel takes.
    ///
    /// # Errors
    ///
    /// A segment size of zero, and what the system says that will not pass by itself. Passing
    /// errors are counted instead; see [`SendOutcome::Refused`].
    pub fn send(
        &mut self,
        to: SocketAddr,
        segment_size: usize,
        contents: &[u8],
    ) -> io::Result<SendOutcome> {
        if self.sockets.closed {
            let error = io::ErrorKind::AddrNotAvailable.into();
            return Ok(self.sending.refuse(&mut self.stats, error, 0));
        }
        let transmit = Transmit {
            destination: setup::with_scope(to, &self.sockets.chosen.interface),
            ecn: self.ecn,
            contents,
            segment_size: Some(segment_size),
            src_ip: None,
        };
        self.sending.send(&self.sockets.own, &mut self.stats, &transmit)
    }

    /// Why a datagram to the group with this many `bytes` of UDP payload does not leave
    /// ([`SendOutcome::TooLong`]): looks at the interface as it is now.
    pub fn too_long(&self, bytes: usize) -> TooLong {
        TooLong::new(bytes, self.sockets.group.ip(), &self.sockets.chosen.interface)
    }

    /// Hands all waiting datagrams to `sink`, reading at most `max_batches` times from each socket;
    /// how many there were. What is left then keeps [`wait`](Self::wait) from sleeping.
    ///
    /// # Errors
    ///
    /// What the system says that will not pass by itself.
    pub fn recv(
        &mut self,
        max_batches: usize,
        sink: &mut dyn FnMut(Datagram<'_>),
    ) -> io::Result<usize> {
        self.recv_in_batches(max_batches, &mut || (), sink)
    }

    /// As [`recv`](Self::recv). Calls `batch` before the first datagram that each system call has
    /// brought: a moment to look at the clock, once for all of them.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_in_batches(
        &mut self,
        max_batches: usize,
        batch: &mut dyn FnMut(),
        sink: &mut dyn FnMut(Datagram<'_>),
    ) -> io::Result<usize> {
        let before = self.stats.datagrams_received;
        for _ in 0..max_batches {
            for port in self.sockets.session.iter_mut().chain([&mut self.sockets.own]) {
                if port.is_unread() {
                    let filter = Filter { group: self.sockets.group, local: self.sockets.local };
                    let (buffers, stats) = (&mut self.receiving, &mut self.stats);
                    let peers = &mut self.peers;
                    read_once(port, buffers, stats, peers, &filter, batch, sink)?;
                }
            }
            if !self.has_unread() {
                break;
            }
        }
        Ok(usize::try_from(self.stats.datagrams_received - before).unwrap_or(usize::MAX))
    }

    /// Sleeps until a packet arrives, the [`waker`](Self::waker) is used, `timeout` has passed or,
    /// after [`SendOutcome::Blocked`], there is room again. May return early.
    ///
    /// Does not sleep while datagrams may be unread, which is also so before the first `recv`.
    ///
    /// # Errors
    ///
    /// When the system cannot wait.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let blocked = self.sending.blocked_mut();
        self.waiting.wait(&mut self.sockets.own, self.sockets.session.as_mut(), blocked, timeout)
    }

    /// Ends a [`wait`](Self::wait) from another thread; the next one, if none is going on.
    pub fn waker(&self) -> Arc<Waker> {
        self.waiting.waker()
    }

    /// What has been counted.
    pub fn stats(&self) -> &LinkStats {
        &self.stats
    }

    /// Datagrams that the kernel dropped before they could be read, because a receive buffer was
    /// full. A system call each time. Wraps at 32 bits; `None` where the system does not tell.
    pub fn kernel_drops(&self) -> Option<u32> {
        let own = self.dropped_before.wrapping_add(raw::receive_drops(&self.sockets.own.socket)?);
        match &self.sockets.session {
            Some(session) => Some(own.wrapping_add(raw::receive_drops(&session.socket)?)),
            None => Some(own),
        }
    }

    fn has_unread(&self) -> bool {
        self.sockets.own.is_unread() || self.sockets.session.as_ref().is_some_and(Port::is_unread)
    }
}

/// Which buffers are passed over before anyone looks into them.
struct Filter {
    group: SocketAddr,
    local: SocketAddr,
}

impl Filter {
    /// Counts and refuses our own packets and those of other groups.
    fn passes(&self, meta: &RecvMeta, to_group: bool, stats: &mut LinkStats) -> bool {
        if to_group && meta.addr == self.local {
            stats.echoes += 1;
            return false;
        }
        if to_group && meta.dst_ip.is_some_and(|ip| ip != self.group.ip()) {
            stats.other_groups += 1;
            return false;
        }
        true
    }
}

fn read_once(
    port: &mut Port,
    buffers: &mut ReceiveBuffers,
    stats: &mut LinkStats,
    peers: &mut Peers,
    filter: &Filter,
    batch: &mut dyn FnMut(),
    sink: &mut dyn FnMut(Datagram<'_>),
) -> io::Result<()> {
    let in_group = port.is_session && filter.group.ip().is_multicast();
    let (mut now, mut sources) = (None, port.sources());
    let read = buffers.receive(port, &mut |meta, bytes| {
        let to_group = in_group && meta.dst_ip.is_none_or(|ip| ip.is_multicast());
        if !filter.passes(meta, to_group, stats) {
            return;
        }
        peers.note(meta.addr);
        stats.batches_received += 1;
        stats.bytes_received += bytes.len() as u64;
        if to_group {
            sources.note(meta.addr.ip());
        }
        let arrived = *now.get_or_insert_with(|| {
            batch();
            SystemTime::now()
        });
        for datagram in datagrams(meta, to_group, waited(meta, arrived), bytes) {
            stats.datagrams_received += 1;
            stats.group_datagrams += u64::from(to_group);
            sink(datagram);
        }
    });
    port.set_sources(sources);
    match read {
        Ok(read) => {
            // What comes from now on wakes us again.
            port.set_unread(read.full);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            port.set_unread(false);
            Ok(())
        }
        Err(error) if is_transient(&error) => {
            stats.recv_errors += 1;
            stats.last_recv_error = Some(error);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn idle_link() -> Link {
        let session = SocketAddr::new([127, 0, 0, 1].into(), 9);
        let mut link = Link::open(&LinkConfig::new(session)).unwrap();
        assert_eq!(link.recv(1, &mut |_| ()).unwrap(), 0);
        link
    }

    #[test]
    fn room_in_the_send_buffer_ends_the_wait_of_a_blocked_link() {
        let mut link = idle_link();
        *link.sending.blocked_mut() = true;
        let start = Instant::now();
        link.wait(Some(Duration::from_secs(20))).unwrap();
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(!*link.sending.blocked_mut());
    }

    #[test]
    fn room_in_the_send_buffer_does_not_wake_a_link_that_is_not_blocked() {
        let mut link = idle_link();
        *link.sending.blocked_mut() = true;
        link.wait(Some(Duration::from_secs(20))).unwrap();
        let start = Instant::now();
        link.send("127.0.0.1:9".parse().unwrap(), 4, b"data").unwrap();
        link.wait(Some(Duration::from_millis(30))).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(30), "{:?}", start.elapsed());
    }

    #[test]
    fn long_segments_are_batched_up_to_the_largest_packet() {
        let mut link = idle_link();
        if link.max_gso_segments() == 1 {
            return; // this kernel has no GSO
        }
        let sent = link.send("127.0.0.1:9".parse().unwrap(), 32_000, &[0; 70_000]);
        assert_eq!(sent.unwrap(), SendOutcome::Sent);
        assert_eq!(link.stats().batches_sent, 2, "two segments, then the short one");
        assert_eq!(link.stats().datagrams_sent, 3);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_refused_batch_is_sent_packet_by_packet_and_none_is_tried_again() {
        let mut link = idle_link();
        if link.max_gso_segments() == 1 {
            return; // this kernel has no GSO
        }
        // The kernel cannot split what it must not put checksums into.
        raw::set_option(&link.sockets.own.socket, libc::SOL_SOCKET, libc::SO_NO_CHECK, &1_i32)
            .unwrap();
        for sends in 1..=2 {
            let sent = link.send("127.0.0.1:9".parse().unwrap(), 100, &[0; 950]);
            assert_eq!(sent.unwrap(), SendOutcome::Sent);
            assert_eq!(link.stats().batches_refused, 1);
            assert_eq!(link.stats().datagrams_sent, 10 * sends);
            assert_eq!(link.stats().batches_sent, 10 * sends);
            assert_eq!(link.max_gso_segments(), 1);
        }
    }
}
