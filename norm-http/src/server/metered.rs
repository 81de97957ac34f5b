//! A connection that counts what goes out, so that one that takes nearly nothing is closed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How often it is looked what a connection has taken: buffers of the system take megabytes at
/// once.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Bytes per second that a client must take.
const MIN_RATE: u64 = 4 << 10;

/// What went out.
#[derive(Debug, Default)]
pub(super) struct Outflow {
    bytes: AtomicU64,
    /// Something waits until the client takes more.
    waits: AtomicBool,
}

impl Outflow {
    /// True when something waits, and the client has taken too little since the last call.
    pub(super) fn is_stalled(&self) -> bool {
        let taken = self.bytes.swap(0, Ordering::Relaxed);
        self.waits.load(Ordering::Relaxed) && taken < MIN_RATE * CHECK_INTERVAL.as_secs()
    }

    fn note(&self, result: &Poll<io::Result<usize>>) {
        self.waits.store(result.is_pending(), Ordering::Relaxed);
        if let Poll::Ready(Ok(written)) = result {
            self.bytes.fetch_add(*written as u64, Ordering::Relaxed);
        }
    }
}

/// A connection, and what goes out on it.
#[derive(Debug)]
pub(super) struct Metered {
    stream: TcpStream,
    outflow: Arc<Outflow>,
}

impl Metered {
    pub(super) fn new(stream: TcpStream, outflow: Arc<Outflow>) -> Self {
        Self { stream, outflow }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.outflow.note(&result);
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.outflow.note(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_that_waits_and_takes_too_little_is_stalled() {
        let outflow = Outflow::default();
        assert!(!outflow.is_stalled(), "nothing waits");
        outflow.note(&Poll::Ready(Ok(100_000)));
        outflow.note(&Poll::Pending);
        assert!(outflow.is_stalled());
        outflow.note(&Poll::Ready(Ok(300_000)));
        outflow.note(&Poll::Pending);
        assert!(!outflow.is_stalled());
        outflow.note(&Poll::Ready(Ok(1)));
        assert!(!outflow.is_stalled(), "nothing waits any more");
    }
}
