//! Connections: how many there may be, and how long.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::answer::answer;
use super::metered::{CHECK_INTERVAL, Metered, Outflow};
use super::shared::Shared;

/// Connections at once.
const MAX_CONNECTIONS: usize = 256;
/// Connections from one address at once.
const MAX_OF_ADDRESS: usize = 8;
/// All headers of a request are here after this time, and the next request begins.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of headers, and of an answer that waits to be written.
const MAX_BUFFER: usize = 16 << 10;
/// Pause after the system had no room for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What is said to those beyond the limits.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\
                      Connection: close\r\n\r\n";

/// Takes connections and serves them, for ever.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let open = Open::default();
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let peer = peer.ip().to_canonical();
        match open.take(peer) {
            Some(place) => drop(tokio::spawn(serve(stream, peer, Arc::clone(&shared), place))),
            // What the system takes at once is said; the rest is not worth the time.
            None => drop(stream.try_write(BUSY)),
        }
    }
}

async fn serve(stream: TcpStream, peer: IpAddr, shared: Arc<Shared>, _place: Place) {
    let outflow = Arc::new(Outflow::default());
    // It is only slower without.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Metered::new(stream, Arc::clone(&outflow)));
    let service = service_fn(move |request| answer(Arc::clone(&shared), peer, request));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_BUFFER);
    let mut connection = pin!(builder.serve_connection(io, service));
    while timeout(CHECK_INTERVAL, connection.as_mut()).await.is_err() {
        if outflow.is_stalled() {
            return;
        }
    }
}

/// Connections that are open, by address.
#[derive(Clone, Debug, Default)]
struct Open(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of: BTreeMap<IpAddr, usize>,
}

/// A connection's place among those that are open, until it is dropped.
#[derive(Debug)]
struct Place {
    open: Open,
    peer: IpAddr,
}

impl Open {
    /// A place for a connection from this address, if there is one.
    fn take(&self, peer: IpAddr) -> Option<Place> {
        // Nothing in here panics halfway.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = counts.of.get(&peer).copied().unwrap_or(0);
        if counts.all >= MAX_CONNECTIONS || of >= MAX_OF_ADDRESS {
            return None;
        }
        counts.all += 1;
        counts.of.insert(peer, of + 1);
        Some(Place { open: self.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        match counts.of.get_mut(&self.peer) {
            Some(of) if *of > 1 => *of -= 1,
            _ => drop(counts.of.remove(&self.peer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_by_address_and_in_all() {
        let open = Open::default();
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let mut places: Vec<Place> =
            (0..MAX_OF_ADDRESS).map(|_| open.take(address(1)).unwrap()).collect();
        assert!(open.take(address(1)).is_none() && open.take(address(2)).is_some());
        places.pop();
        places.push(open.take(address(1)).unwrap());
        let more = MAX_CONNECTIONS - places.len();
        places.extend((0..more as u32).map(|n| open.take(address(100 + n)).unwrap()));
        assert!(open.take(address(99)).is_none());
        drop(places);
        let counts = open.0.lock().unwrap();
        assert!(counts.all == 0 && counts.of.is_empty());
    }
}
