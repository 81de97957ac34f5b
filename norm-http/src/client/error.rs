//! What can be wrong with an answer.

use std::fmt;
use std::io;

use super::url::UrlError;

/// Why a request has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// It is an address of https, which is not built in.
    Secure,
    /// The host is not known, or cannot be reached.
    Connect(String),
    /// Nothing came for too long.
    Timeout,
    /// It sends less than 16 KiB a second.
    Slow,
    /// The connection was closed, or what came is no HTTP.
    Broken(String),
    /// The answer has this status.
    Status(u16),
    /// The answer leads from one address to the next too often, or from https to http.
    Redirect,
    /// The answer leads to what is no address.
    RedirectTo(UrlError),
    /// The source does not send parts of a file, or other bytes than those that were asked for.
    Range,
    /// The content is compressed.
    Encoded,
    /// There are fewer bytes than announced.
    Short,
    /// There are more bytes than can be.
    Long,
    /// It is not what it should be.
    Content(&'static str),
    /// A chunk does not have the bytes that its hash tells of.
    WrongChunk,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secure => f.write_str("https is not supported yet"),
            Self::Connect(error) => write!(f, "it cannot be reached: {error}"),
            Self::Timeout => f.write_str("it sends nothing any more"),
            Self::Slow => f.write_str("it sends less than 16 KiB a second"),
            Self::Broken(error) => write!(f, "the connection broke: {error}"),
            Self::Status(404) => f.write_str("it does not have this (404 Not Found)"),
            Self::Status(410) => f.write_str("its file has changed or is gone (410 Gone)"),
            Self::Status(status) => write!(f, "it answers with status {status}"),
            Self::Redirect => f.write_str("it redirects too often, or from https to http"),
            Self::RedirectTo(error) => write!(f, "it redirects to a wrong address: {error}"),
            Self::Range => f.write_str("it does not send the part that was asked for"),
            Self::Encoded => f.write_str("it compresses what it sends"),
            Self::Short => f.write_str("it sends less than there should be"),
            Self::Long => f.write_str("it sends more than there can be"),
            Self::Content(what) => write!(f, "{what}"),
            Self::WrongChunk => f.write_str("it sends other content than its hash tells of"),
        }
    }
}

impl std::error::Error for HttpError {}

impl HttpError {
    pub(super) fn connect(error: &io::Error) -> Self {
        Self::Connect(error.to_string())
    }

    pub(super) fn broken(error: &hyper::Error) -> Self {
        Self::Broken(error.to_string())
    }

    /// True when the source does not have what was asked for, and may have other things.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Status(404 | 410 | 416))
    }
}
