//! Connections to hosts.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::error::HttpError;
use super::url::SourceUrl;

/// Time for each address of a host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for the addresses of a name.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses of a host that are tried.
const MAX_ADDRESSES: usize = 4;

/// Connects to the host of an address.
///
/// # Errors
/// When it is of https, not known, or none of its addresses answers.
pub(super) async fn connect(url: &SourceUrl) -> Result<TcpStream, HttpError> {
    if url.is_secure() {
        return Err(HttpError::Secure);
    }
    let found = timeout(LOOKUP_TIMEOUT, lookup_host((url.host(), url.port()))).await;
    let found = found.map_err(|_| HttpError::Timeout)?;
    let addresses: Vec<SocketAddr> =
        found.map_err(|error| HttpError::connect(&error))?.take(MAX_ADDRESSES).collect();
    let mut last = HttpError::Connect("its name has no address".to_owned());
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // It is only slower without.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = HttpError::connect(&error),
            Err(_) => last = HttpError::Timeout,
        }
    }
    Err(last)
}
