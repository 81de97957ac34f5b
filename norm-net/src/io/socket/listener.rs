//! A socket that only listens, in several groups.

use std::io;
use std::net::SocketAddr;

use mio::{Interest, Poll, Token};

use super::LinkConfig;
use super::send::is_transient;
use super::setup::{self, Port};
use crate::io::error::NetError;
use crate::io::interface::{Interface, InterfaceSpec};

/// Bytes of the longest UDP payload.
const LONGEST: usize = 65_535;
/// Kernel buffer to ask for, in bytes.
const BUFFER: usize = 1 << 20;

/// A socket in several groups of one family and port.
#[derive(Debug)]
pub(crate) struct GroupListener {
    port: Port,
    interface: Interface,
    buffer: Vec<u8>,
}

impl GroupListener {
    /// Joins these groups, on the interface that the first one would have; those that the system
    /// refuses are left out.
    ///
    /// # Errors
    /// When it refuses all of them, or something else.
    pub(crate) fn open(
        groups: &[SocketAddr],
        interface: Option<&InterfaceSpec>,
    ) -> Result<Self, NetError> {
        let config = |group: &SocketAddr| LinkConfig {
            interface: interface.cloned(),
            recv_buffer: BUFFER,
            gro: false,
            ..LinkConfig::new(*group)
        };
        let configs: Vec<LinkConfig> = groups.iter().map(config).collect();
        let (port, interface) = setup::listening_port(&configs)?;
        Ok(Self { port, interface, buffer: vec![0; LONGEST] })
    }

    /// Has `poll` tell when something has arrived, once: until [`receive`](Self::receive) finds
    /// nothing more.
    pub(crate) fn register(&mut self, poll: &Poll, token: usize) -> io::Result<()> {
        poll.registry().register(&mut self.port.socket, Token(token), Interest::READABLE)
    }

    /// A datagram that has arrived, and where it came from; `None` when there is none.
    ///
    /// # Errors
    /// When the socket fails for good.
    pub(crate) fn receive(&mut self) -> io::Result<Option<(SocketAddr, &[u8])>> {
        loop {
            match self.port.socket.recv_from(&mut self.buffer) {
                Ok((len, from)) => {
                    return Ok(self.buffer.get(..len).map(|datagram| (from, datagram)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The interface in use.
    pub(crate) fn interface(&self) -> &Interface {
        &self.interface
    }
}
