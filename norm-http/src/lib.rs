//! File sets over HTTP/1.1: what multicast left over, and sets without any session.
//!
//! A set that is complete is served by ranges of its payload ([`Server`]); every byte is of a chunk
//! that was read and hashed for it. [`fill()`] completes a directory from such services, and from
//! plain web servers that have the files and a [`Sidecar`] beside them. What a source says is
//! checked against hashes, chunk by chunk.
//!
//! - [`protocol`]: headers, paths and formats, without any socket.
//! - [`server`]: the content service, on a thread of its own.
//! - [`client`]: requests, with limits on all that comes back.
//! - [`publish`]: hashes of files that any web server may offer.
//! - [`fill`](mod@fill): which chunk comes from which source, and what becomes of it.
//!
//! This is the only crate with an async runtime: one thread each for server and client.

pub mod client;
pub mod fill;
pub mod protocol;
pub mod publish;
pub mod server;
#[cfg(test)]
mod testing;

pub use client::{HttpError, SourceUrl, UrlError};
pub use fill::{FillError, FillEvent, FillOptions, FillProgress, FillReport, SourceReport, fill};
pub use protocol::sidecar::{Sidecar, SidecarError};
pub use server::{ServedBytes, Server, ServerOptions, Sets};
