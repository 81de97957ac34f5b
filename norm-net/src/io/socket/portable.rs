//! What `raw.rs` does on Linux, for systems where it is not needed or not offered.

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use super::PacketFilter;

/// GRO is only ever on where `raw.rs` is used.
pub(super) fn disable_gro<S>(_socket: &S) -> io::Result<()> {
    Ok(())
}

/// Timestamps are only ever on where `raw.rs` is used.
pub(super) fn prefer_timestamps<S>(_socket: &S, _is_ipv4: bool) -> io::Result<()> {
    Ok(())
}

/// Not offered.
pub(super) fn force_recv_buffer<S>(_socket: &S, _bytes: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not offered.
pub(super) fn attach_filter<S>(_socket: &S, _filter: PacketFilter) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not offered.
pub(super) fn set_traffic_class_v6<S>(_socket: &S, _class: u8) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing is ever cut where `raw.rs` is not used.
pub(super) fn set_segment<S>(_socket: &S, bytes: usize) -> io::Result<()> {
    if bytes == 0 { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
}

/// Not offered.
pub(super) fn join_ssm_v6<S>(
    _socket: &S,
    _source: Ipv6Addr,
    _group: Ipv6Addr,
    _interface: u32,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not offered.
pub(super) fn leave_ssm_v6<S>(
    _socket: &S,
    _source: Ipv6Addr,
    _group: Ipv6Addr,
    _interface: u32,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// As many as elsewhere.
pub(super) const SOURCES: usize = 4;

/// Not used here.
pub(super) const HAS_SOURCE_FILTERS: bool = false;

/// Not offered.
pub(super) fn filter_sources<S>(
    _socket: &S,
    _group: IpAddr,
    _interface: u32,
    _only: impl Iterator<Item = IpAddr>,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not offered.
pub(super) fn receive_drops<S>(_socket: &S) -> Option<u32> {
    None
}

/// ENXIO and ENODEV of the BSD family.
pub(crate) fn is_no_device(error_number: i32) -> bool {
    cfg!(unix) && matches!(error_number, 6 | 19)
}

/// ENOBUFS of the BSD family: the interface's queue is full.
pub(super) fn is_transient(error_number: i32) -> bool {
    cfg!(unix) && error_number == 55
}
