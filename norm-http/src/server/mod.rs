//! The content service: HTTP/1.1, read only, on one thread of its own beside those that read files.
//!
//! Only chunks that were just read and hashed, or lie in the cache of such, are sent. Connections,
//! buffers, times and the hashing that one address may cause are limited.

mod answer;
mod body;
mod cache;
mod connections;
mod costs;
mod metered;
mod sets;
mod shared;

use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;

use tokio::runtime::Builder;
use tokio::sync::Notify;

use connections::accept;
pub use sets::Sets;
pub use shared::ServedBytes;
use shared::Shared;

/// Threads that read and hash at most.
const MAX_READERS: usize = 4;

/// How a service is set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Where it listens; port 0 is any.
    pub address: SocketAddr,
    /// The name of this machine, which a `Host` may be.
    pub own_name: Option<String>,
}

impl ServerOptions {
    /// A service at this address.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, own_name: None }
    }
}

/// A content service that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    served: Arc<ServedBytes>,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a service of these sets; more may be added while it runs.
    ///
    /// # Errors
    /// When the address cannot be had, or the system refuses a thread.
    pub fn start(options: &ServerOptions, sets: Sets) -> io::Result<Self> {
        let listener = TcpListener::bind(options.address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let served = Arc::new(ServedBytes::default());
        let stop = Arc::new(Notify::new());
        let shared = Shared::new(sets, options.own_name.clone(), Arc::clone(&served));
        let stopped = Arc::clone(&stop);
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(MAX_READERS)
            .build()?;
        let work = move || {
            runtime.block_on(async {
                // Without a listener there is nothing to do.
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                until(accept(listener, Arc::new(shared)), stopped.notified()).await;
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("norm-http".to_owned()).spawn(work)?;
        Ok(Self { address, served, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was sent so far.
    pub fn served(&self) -> &ServedBytes {
        &self.served
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

/// Does `work` until `end` comes.
async fn until<T>(work: impl Future<Output = T>, end: impl Future<Output = ()>) -> Option<T> {
    let (mut work, mut end) = (pin!(work), pin!(end));
    poll_fn(|cx| match end.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => work.as_mut().poll(cx).map(Some),
    })
    .await
}

#[cfg(test)]
mod tests;
