//! Makes the two sockets and sets their options.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use quinn_udp::{UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use super::buffers::{Buffers, granted};
use super::membership::{Membership, Sources};
use super::{LinkConfig, code_point, raw};
use crate::io::dscp::Dscp;
use crate::io::error::NetError;
use crate::io::interface::{
    self, Because, Chosen, Interface, InterfaceError, InterfaceSpec, is_link_scoped,
};

/// A socket with what is known about it.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) socket: mio::net::UdpSocket,
    pub(super) state: UdpSocketState,
    /// Bound to the session's group and port.
    pub(super) is_session: bool,
    /// Readiness is told once (edge triggered): true until reading finds nothing.
    unread: bool,
    /// Where packets to the group come from.
    sources: Sources,
}

impl Port {
    /// True while datagrams may wait here.
    pub(super) fn is_unread(&self) -> bool {
        self.unread
    }

    /// Notes whether datagrams may wait here.
    pub(super) fn set_unread(&mut self, unread: bool) {
        self.unread = unread;
    }

    /// Where packets to the group come from.
    pub(super) fn sources(&self) -> Sources {
        self.sources
    }

    /// Sets where packets to the group come from.
    pub(super) fn set_sources(&mut self, sources: Sources) {
        self.sources = sources;
    }
}

/// The interface of the session: the one asked for, else the one in the group's address.
pub(super) fn place(config: &LinkConfig) -> Result<Chosen, InterfaceError> {
    let zone = match config.group {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(InterfaceSpec::Index(v6.scope_id())),
        _ => None,
    };
    match interface::choose(config.interface.as_ref().or(zone.as_ref()), config.group.ip()) {
        // To listen on every address takes no route.
        Err(error) if config.interface.is_none() && config.group.ip().is_unspecified() => {
            let first = interface::list().map_err(InterfaceError::List)?.into_iter().next();
            let interface = first.ok_or(error)?;
            Ok(Chosen { interface, because: Because::EveryAddress })
        }
        chosen => chosen,
    }
}

/// The socket from which everything is sent: from this port, if it is given and free.
pub(super) fn own_port(
    config: &LinkConfig,
    interface: &Interface,
    port: Option<u16>,
) -> Result<Port, NetError> {
    let group = config.group.ip();
    let socket = new_socket(group)?;
    if config.is_multicast() {
        send_through(&socket, interface, group)
            .map_err(NetError::socket(format!("send multicast through {}", interface.name)))?;
        send_options(&socket, config).map_err(NetError::socket("set TTL and loopback"))?;
    }
    if config.dscp != Dscp::DEFAULT {
        let what = format!("send packets with DSCP {}", config.dscp);
        let byte = code_point::byte(config);
        code_point::set(&socket, config.group, byte).map_err(NetError::socket(what))?;
    }
    let fixed = is_bound_to_address(config);
    let address = interface.address_like(group).filter(|_| fixed).unwrap_or(unspecified(group));
    let bind_port = |port| bind(&socket, with_scope(SocketAddr::new(address, port), interface));
    if port.is_none_or(|port| bind_port(port).is_err()) {
        bind_port(0)?;
    }
    finish(socket, config, false)
}

/// Whether what is sent has the interface's address, rather than one that the system chooses for
/// each packet.
pub(super) fn is_bound_to_address(config: &LinkConfig) -> bool {
    config.is_multicast() || config.interface.is_some()
}

/// A socket in the place of one that is of no use any more, from which nothing is to be sent.
pub(super) fn closed_port(config: &LinkConfig) -> Result<Port, NetError> {
    finish(new_socket(config.group.ip())?, config, false)
}

/// The socket that receives what is sent to the session, if this side needs one.
pub(super) fn session_port(
    config: &LinkConfig,
    interface: &Interface,
) -> Result<Option<Port>, NetError> {
    if config.is_multicast() {
        return if config.join { group_port(config, interface).map(Some) } else { Ok(None) };
    }
    if !config.bind_session_port {
        return Ok(None);
    }
    // Not shared: a second receiver on the port would silently take the first one's packets.
    let socket = new_socket(config.group.ip())?;
    bind(&socket, listen_address(config, interface))?;
    finish(socket, config, true).map(Some)
}

fn group_port(config: &LinkConfig, interface: &Interface) -> Result<Port, NetError> {
    let group = config.group.ip();
    // Bound to the group where the system filters by it; elsewhere that is not possible, and the
    // destination of each packet is looked at.
    let filters = cfg!(any(target_os = "linux", target_os = "android"));
    let address = if filters { group } else { unspecified(group) };
    let socket = shared_socket(SocketAddr::new(address, config.group.port()), interface)?;
    join(&socket, config, interface)?;
    finish(socket, config, true)
}

/// A socket that receives what is sent to several groups of one family and port, on the interface
/// of the first one; and that interface. Groups that cannot be joined are left out, unless all of
/// them cannot.
pub(super) fn listening_port(groups: &[LinkConfig]) -> Result<(Port, Interface), NetError> {
    let nothing = || NetError::socket("listen")(io::ErrorKind::InvalidInput.into());
    let first = groups.first().ok_or_else(nothing)?;
    let interface = place(first)?.interface;
    let everything = SocketAddr::new(unspecified(first.group.ip()), first.group.port());
    let socket = shared_socket(everything, &interface)?;
    let joined: Vec<_> = groups.iter().map(|group| join(&socket, group, &interface)).collect();
    if joined.iter().all(Result::is_err) {
        joined.into_iter().collect::<Result<(), _>>()?;
    }
    Ok((finish(socket, first, true)?, interface))
}

/// A socket on a port that other programs may have, too.
fn shared_socket(address: SocketAddr, interface: &Interface) -> Result<Socket, NetError> {
    let socket = new_socket(address.ip())?;
    share_port(&socket).map_err(NetError::socket("share the session's port"))?;
    only_joined_groups(&socket, address.ip())
        .map_err(NetError::socket("keep the groups of other programs out"))?;
    bind(&socket, with_scope(address, interface))?;
    Ok(socket)
}

fn join(socket: &Socket, config: &LinkConfig, interface: &Interface) -> Result<(), NetError> {
    Membership::new(config, interface).join(socket).map_err(|error| NetError::Join {
        group: config.group.ip(),
        source: config.source,
        interface: interface.name.clone(),
        error,
        existing: interface::list().unwrap_or_default(),
    })
}

/// Where a unicast receiver listens: the session's address if it is ours, else the given
/// interface's, else everywhere.
fn listen_address(config: &LinkConfig, interface: &Interface) -> SocketAddr {
    let wanted = config.group.ip();
    let is_ours = wanted.is_loopback()
        || interface::list().is_ok_and(|all| all.iter().any(|one| one.addresses.contains(&wanted)));
    let address = if is_ours || wanted.is_unspecified() {
        wanted
    } else {
        interface
            .address_like(wanted)
            .filter(|_| config.interface.is_some())
            .unwrap_or(unspecified(wanted))
    };
    with_scope(SocketAddr::new(address, config.group.port()), interface)
}

fn new_socket(family: IpAddr) -> Result<Socket, NetError> {
    let domain = if family.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let open = || {
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if family.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        Ok(socket)
    };
    open().map_err(NetError::socket("open a UDP socket"))
}

/// Lets several receivers on this machine hold the port; each gets a copy of every packet.
fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    // Where the BSD rules hold, the address alone is not enough. On Linux this option would split
    // unicast packets among the holders.
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    socket.set_reuse_port(true)?;
    Ok(())
}

/// Otherwise Linux delivers every group that any program on the machine has joined.
fn only_joined_groups(socket: &Socket, group: IpAddr) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    match group {
        IpAddr::V4(_) => socket.set_multicast_all_v4(false)?,
        IpAddr::V6(_) => socket.set_multicast_all_v6(false)?,
    }
    let _ = (socket, group); // used on Linux only
    Ok(())
}

fn send_through(socket: &Socket, interface: &Interface, group: IpAddr) -> io::Result<()> {
    match group {
        IpAddr::V4(_) => {
            let address = interface.v4.ok_or(io::ErrorKind::AddrNotAvailable)?;
            socket.set_multicast_if_v4(&address)
        }
        IpAddr::V6(_) => socket.set_multicast_if_v6(interface.index),
    }
}

fn send_options(socket: &Socket, config: &LinkConfig) -> io::Result<()> {
    if config.group.is_ipv4() {
        socket.set_multicast_ttl_v4(config.ttl)?;
        socket.set_multicast_loop_v4(config.loopback)
    } else {
        socket.set_multicast_hops_v6(config.ttl)?;
        socket.set_multicast_loop_v6(config.loopback)
    }
}

fn bind(socket: &Socket, address: SocketAddr) -> Result<(), NetError> {
    socket.bind(&address.into()).map_err(NetError::socket(format!("bind UDP {address}")))
}

/// Asks for the buffers and hands the socket to the batching and polling layers.
fn finish(socket: Socket, config: &LinkConfig, is_session: bool) -> Result<Port, NetError> {
    // A refused size is no failure: what was granted is read back and told.
    let _ = socket.set_recv_buffer_size(config.recv_buffer);
    let _ = socket.set_send_buffer_size(config.send_buffer);
    let short = |size| granted(size) < config.recv_buffer;
    if socket.recv_buffer_size().is_ok_and(short) {
        let _ = raw::force_recv_buffer(&socket, config.recv_buffer);
    }
    if let Some(filter) = config.feedback_filter {
        // Where the system has none, the engine drops the rest.
        let _ = raw::attach_filter(&socket, filter);
    }
    let prepare = |socket: Socket| {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // Where packets went is not looked at on a port that filters by itself, as all do on Linux.
        raw::prefer_timestamps(&socket, config.group.is_ipv4())?;
        if !config.gro && state.gro_segments() > 1 {
            raw::disable_gro(&socket)?;
        }
        let socket = mio::net::UdpSocket::from_std(socket.into());
        Ok(Port { socket, state, is_session, unread: true, sources: Sources::default() })
    };
    prepare(socket).map_err(NetError::socket("prepare a UDP socket"))
}

/// What the kernel granted: to receive on the port that carries the data, to send on our own.
pub(super) fn granted_buffers(config: &LinkConfig, data: &Port, own: &Port) -> Buffers {
    let recv = data.state.recv_buffer_size(UdpSockRef::from(&data.socket));
    let send = own.state.send_buffer_size(UdpSockRef::from(&own.socket));
    Buffers {
        recv_asked: config.recv_buffer,
        recv_granted: recv.map_or(0, granted),
        send_asked: config.send_buffer,
        send_granted: send.map_or(0, granted),
    }
}

/// Addresses that are valid on one link only (RFC 4007) need the interface beside them, which is
/// the session's; others have none.
pub(super) fn with_scope(address: SocketAddr, interface: &Interface) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => {
            let scope = if is_link_scoped(*v6.ip()) { interface.index } else { 0 };
            SocketAddr::V6(SocketAddrV6::new(*v6.ip(), v6.port(), v6.flowinfo(), scope))
        }
        other => other,
    }
}

fn unspecified(family: IpAddr) -> IpAddr {
    match family {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
