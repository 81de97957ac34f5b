//! Linux system calls on sockets that no safe dependency offers: the only `unsafe` of this crate.
#![expect(
    unsafe_code,
    reason = "socket2 has no IPv6 SSM join, quinn-udp no switch for GRO, mio no wait below 1 ms"
)]

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use socket2::SockAddr;

use super::PacketFilter;

/// Makes every packet arrive in a buffer of its own.
pub(super) fn disable_gro(socket: &impl AsFd) -> io::Result<()> {
    set_option(socket, libc::SOL_UDP, libc::UDP_GRO, &0_i32)
}

/// Has the kernel stamp packets with their time of arrival, as quinn-udp asked for, and say nothing
/// else of where they went: with both, the ECN bits of GRO batches would not fit in quinn-udp's
/// control buffer.
pub(super) fn prefer_timestamps(socket: &impl AsFd, is_ipv4: bool) -> io::Result<()> {
    let (level, option) = if is_ipv4 {
        (libc::IPPROTO_IP, libc::IP_PKTINFO)
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)
    };
    set_option(socket, level, option, &0_i32)
}

/// Asks for a receive buffer beyond the system's limit; only the privileged get it.
pub(super) fn force_recv_buffer(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &bytes)
}

/// Has the kernel drop every datagram that the filter does not keep.
pub(super) fn attach_filter(socket: &impl AsFd, filter: PacketFilter) -> io::Result<()> {
    const UDP_HEADER: u32 = 8;
    let step = |code: u32, jump_if: u8, jump_else: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt: jump_if,
        jf: jump_else,
        k,
    };
    let load = |offset: u8| {
        step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, UDP_HEADER + u32::from(offset))
    };
    // No byte has the value 256.
    let wanted = filter.sample.map_or(256, |_| 0);
    let mut program = [
        load(filter.offset),
        step(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, filter.mask.into()),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 2, 0, filter.min.into()),
        load(filter.sample.unwrap_or(filter.offset)),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, wanted),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ];
    // The kernel copies the program before the call returns.
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    set_option(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Sets the byte of the IPv6 header that holds DSCP and ECN.
pub(super) fn set_traffic_class_v6(socket: &impl AsFd, class: u8) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &i32::from(class))
}

/// Cuts what is sent into datagrams of this many bytes; 0 sends it whole.
pub(super) fn set_segment(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).map_err(io::Error::other)?;
    set_option(socket, libc::SOL_UDP, libc::UDP_SEGMENT, &bytes)
}

/// Joins (source, group) on the interface with this index.
pub(super) fn join_ssm_v6(
    socket: &impl AsFd,
    source: Ipv6Addr,
    group: Ipv6Addr,
    interface: u32,
) -> io::Result<()> {
    let request = source_request(source, group, interface);
    set_option(socket, libc::IPPROTO_IPV6, libc::MCAST_JOIN_SOURCE_GROUP, &request)
}

/// Leaves what [`join_ssm_v6`] joined.
pub(super) fn leave_ssm_v6(
    socket: &impl AsFd,
    source: Ipv6Addr,
    group: Ipv6Addr,
    interface: u32,
) -> io::Result<()> {
    let request = source_request(source, group, interface);
    set_option(socket, libc::IPPROTO_IPV6, libc::MCAST_LEAVE_SOURCE_GROUP, &request)
}

fn source_request(source: Ipv6Addr, group: Ipv6Addr, interface: u32) -> libc::group_source_req {
    libc::group_source_req {
        gsr_interface: interface,
        gsr_group: storage(group.into()),
        gsr_source: storage(source.into()),
    }
}

/// Most sources that can be chosen at once.
pub(super) const SOURCES: usize = 4;

/// Sources can be chosen while a socket stays in its group.
pub(super) const HAS_SOURCE_FILTERS: bool = true;

/// `struct group_filter` of `linux/in.h`, with room for some sources.
#[derive(Copy, Clone)]
#[repr(C)]
struct GroupFilter {
    interface: u32,
    group: libc::sockaddr_storage,
    mode: u32,
    count: u32,
    sources: [libc::sockaddr_storage; SOURCES],
}

/// Lets packets to a group that was joined pass from these sources only; from all if there is none.
pub(super) fn filter_sources(
    socket: &impl AsFd,
    group: IpAddr,
    interface: u32,
    only: impl Iterator<Item = IpAddr>,
) -> io::Result<()> {
    let mut filter = GroupFilter {
        interface,
        group: storage(group),
        mode: libc::MCAST_EXCLUDE as u32,
        count: 0,
        sources: [storage(group); SOURCES],
    };
    for (place, source) in filter.sources.iter_mut().zip(only) {
        *place = storage(source);
        filter.mode = libc::MCAST_INCLUDE as u32;
        filter.count += 1;
    }
    let level = if group.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    set_option(socket, level, libc::MCAST_MSFILTER, &filter)
}

/// Datagrams that the kernel had to drop because the socket's buffer was full; wraps.
pub(super) fn receive_drops(socket: &impl AsFd) -> Option<u32> {
    const DROPS: usize = libc::SK_MEMINFO_DROPS as usize;
    let mut info = [0_u32; DROPS + 1];
    let mut len = libc::socklen_t::try_from(size_of_val(&info)).ok()?;
    // SAFETY: the pointer is valid for writing `len` bytes, and any bytes are valid `u32`s. The
    // descriptor is open for as long as `socket` is borrowed.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            info.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    // An older kernel may know fewer entries.
    let complete = usize::try_from(len).is_ok_and(|len| len >= size_of_val(&info));
    (result == 0 && complete).then_some(info[DROPS])
}

/// Sleeps until the descriptor is readable; `false` when `timeout` has passed first.
///
/// Unlike `epoll_wait` it does not round to milliseconds, in which a fast sender would send a
/// hundred packets.
pub(super) fn wait_readable(descriptor: RawFd, timeout: Duration) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: one `pollfd` is passed and counted as one; both pointers live through the call; a
    // null signal mask means that none is set. A closed descriptor is answered with POLLNVAL.
    let ready = unsafe { libc::ppoll(&raw mut poll, 1, &raw const timeout, std::ptr::null()) };
    if ready < 0 { Err(io::Error::last_os_error()) } else { Ok(ready > 0) }
}

/// Whether an error number that `io::ErrorKind` has no name for may pass.
pub(super) fn is_transient(error_number: i32) -> bool {
    matches!(error_number, libc::ENOBUFS | libc::ENODEV | libc::ENXIO | libc::ENONET)
}

/// Whether an error number says that an interface is not there.
pub(crate) fn is_no_device(error_number: i32) -> bool {
    matches!(error_number, libc::ENODEV | libc::ENXIO)
}

fn storage(address: IpAddr) -> libc::sockaddr_storage {
    let address = SockAddr::from(SocketAddr::new(address, 0));
    let mut storage = address.as_storage();
    // SAFETY: socket2's storage is documented to be of the size and alignment of
    // `sockaddr_storage`, and any bytes are a valid one.
    unsafe { *storage.view_as::<libc::sockaddr_storage>() }
}

/// Sets one socket option; the kernel checks that `T` is what the option takes.
pub(super) fn set_option<T: Copy>(
    socket: &impl AsFd,
    level: i32,
    name: i32,
    value: &T,
) -> io::Result<()> {
    // `T` is an integer or a C structure of a few hundred bytes.
    let len = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the pointer is valid for reading `len` bytes. The descriptor is open for as long as
    // `socket` is borrowed.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            len,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Receives a datagram: the byte of its IP header with DSCP and ECN, and its length.
#[cfg(test)]
pub(super) fn receive_with_class(socket: &impl AsFd) -> io::Result<(u8, usize)> {
    let mut payload = [0_u8; 2048];
    // Words, because the kernel writes aligned structures.
    let mut control = [0_u64; 8];
    let mut part = libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: payload.len() };
    // SAFETY: all of it are integers and pointers, for which zero is a value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = (&raw mut part, 1);
    (header.msg_control, header.msg_controllen) =
        (control.as_mut_ptr().cast(), size_of_val(&control));
    // SAFETY: the header points to buffers of the lengths that it names, all of which outlive the
    // call.
    let len = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut header, 0) };
    let len = usize::try_from(len).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has filled the header; the macro checks the length.
    let first = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
    if first.is_null() {
        return Err(io::ErrorKind::NotFound.into());
    }
    // SAFETY: it is within `control`, and whole. Its data begin with the byte (IP_TOS), or are an
    // integer (IPV6_TCLASS).
    let class = unsafe {
        let data = libc::CMSG_DATA(first);
        if (*first).cmsg_level == libc::IPPROTO_IP {
            data.read()
        } else {
            data.cast::<libc::c_int>().read_unaligned() as u8
        }
    };
    Ok((class, len))
}
