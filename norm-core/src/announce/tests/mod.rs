//! Descriptions of the field and of ours, and what becomes of them.

mod announcer;
mod directory;
mod sdp;

use core::net::SocketAddr;

use super::{Origin, SessionDescription, SessionProtocol};

/// A session with this number.
fn description(id: u64) -> SessionDescription {
    let group: SocketAddr = "239.255.1.2:5740".parse().unwrap();
    let address = "192.0.2.7".to_owned();
    let origin = Origin { username: "-".to_owned(), id, version: 1, address };
    let name = format!("session {id}");
    SessionDescription { name, ..SessionDescription::new(SessionProtocol::Norm, group, origin) }
}
