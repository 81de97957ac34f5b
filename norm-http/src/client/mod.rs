//! Requests over HTTP/1.1, with limits on all that comes back.

mod connection;
mod error;
mod stream;
mod url;

pub(crate) use connection::{Answer, Client};
pub use error::HttpError;
pub use url::{SourceUrl, UrlError};
