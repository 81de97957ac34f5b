//! Requests to one source, over one connection at a time.

use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::error::HttpError;
use super::stream::connect;
use super::url::SourceUrl;
use crate::protocol::range::ContentRange;

/// Redirects that are followed for one request.
const MAX_REDIRECTS: usize = 5;
/// Time until an answer begins, and between two pieces of it.
const STALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of headers at most, and of what is read at once.
const MAX_BUFFER: usize = 256 << 10;
const AGENT: &str = concat!("norm/", env!("CARGO_PKG_VERSION"));

/// The body of a request: there is none.
struct NoBody;

impl Body for NoBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}

/// Asks one source, and goes where that sends it.
#[derive(Default)]
pub(crate) struct Client {
    /// The host and port that it is connected to.
    open: Option<(String, u16, SendRequest<NoBody>)>,
}

/// What came back. Its bytes are still to be read.
pub(crate) struct Answer {
    body: Incoming,
    /// Bytes that may still come.
    left: u64,
    /// No more and no fewer may.
    is_exact: bool,
}

impl Client {
    /// Asks for something of at most `limit` bytes.
    ///
    /// # Errors
    /// When it cannot be had, or is longer.
    pub(crate) async fn get(&mut self, url: &SourceUrl, limit: u64) -> Result<Answer, HttpError> {
        let response = self.ask(url, None).await?;
        let len = content_length(response.headers());
        if len.is_some_and(|len| len > limit) {
            return Err(HttpError::Long);
        }
        match response.status() {
            StatusCode::OK => Ok(Answer {
                body: response.into_body(),
                left: len.unwrap_or(limit),
                is_exact: len.is_some(),
            }),
            status => Err(HttpError::Status(status.as_u16())),
        }
    }

    /// Asks for these bytes of something that has `size` in all.
    ///
    /// # Errors
    /// When the source has other bytes, or does not send parts.
    pub(crate) async fn get_range(
        &mut self,
        url: &SourceUrl,
        range: &Range<u64>,
        size: u64,
    ) -> Result<Answer, HttpError> {
        let response = self.ask(url, Some(range)).await?;
        let (headers, len) = (response.headers(), range.end - range.start);
        let is_right = match response.status() {
            StatusCode::PARTIAL_CONTENT => is_range(headers, range, size),
            // A server without ranges has all that was asked for when that is all there is.
            StatusCode::OK => *range == (0..size) && content_length(headers) == Some(size),
            status => return Err(HttpError::Status(status.as_u16())),
        };
        if !is_right || content_length(headers).is_some_and(|announced| announced != len) {
            return Err(HttpError::Range);
        }
        Ok(Answer { body: response.into_body(), left: len, is_exact: true })
    }

    async fn ask(
        &mut self,
        url: &SourceUrl,
        range: Option<&Range<u64>>,
    ) -> Result<Response<Incoming>, HttpError> {
        let mut at = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask_once(&at, range).await?;
            if !is_redirect(response.status()) {
                let encoding = response.headers().get(header::CONTENT_ENCODING);
                return match encoding.is_none_or(|encoding| encoding == "identity") {
                    true => Ok(response),
                    false => Err(HttpError::Encoded),
                };
            }
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|value| value.to_str().ok());
            let next = at.redirected(location.ok_or(HttpError::Redirect)?);
            let next = next.map_err(HttpError::RedirectTo)?;
            if at.is_secure() && !next.is_secure() {
                return Err(HttpError::Redirect);
            }
            at = next;
        }
        Err(HttpError::Redirect)
    }

    /// Asks on the connection that is open, if it is to the same host; one that was closed
    /// meanwhile is opened again.
    async fn ask_once(
        &mut self,
        url: &SourceUrl,
        range: Option<&Range<u64>>,
    ) -> Result<Response<Incoming>, HttpError> {
        let open = self.open.take();
        let same = open.filter(|(host, port, _)| *host == url.host() && *port == url.port());
        if let Some((.., mut sender)) = same
            && timeout(STALL_TIMEOUT, sender.ready()).await.is_ok_and(|ready| ready.is_ok())
        {
            match self.send(url, range, sender).await {
                Err(HttpError::Broken(_)) => {}
                answer => return answer,
            }
        }
        let stream = connect(url).await?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MAX_BUFFER);
        let shaken = timeout(STALL_TIMEOUT, builder.handshake(TokioIo::new(stream))).await;
        let shaken = shaken.map_err(|_| HttpError::Timeout)?;
        let (sender, connection) = shaken.map_err(|error| HttpError::broken(&error))?;
        // What goes wrong is told to the request.
        tokio::spawn(async move { drop(connection.await) });
        self.send(url, range, sender).await
    }

    async fn send(
        &mut self,
        url: &SourceUrl,
        range: Option<&Range<u64>>,
        mut sender: SendRequest<NoBody>,
    ) -> Result<Response<Incoming>, HttpError> {
        let request = request(url, range)?;
        let response = timeout(STALL_TIMEOUT, sender.send_request(request)).await;
        let response = response.map_err(|_| HttpError::Timeout)?;
        let response = response.map_err(|error| HttpError::broken(&error))?;
        self.open = Some((url.host().to_owned(), url.port(), sender));
        Ok(response)
    }
}

fn request(url: &SourceUrl, range: Option<&Range<u64>>) -> Result<Request<NoBody>, HttpError> {
    let target = url.request_target().ok_or(HttpError::Redirect)?;
    let mut request = Request::builder()
        .method(Method::GET)
        .uri(hyper::Uri::from(target))
        .header(header::HOST, url.authority())
        .header(header::USER_AGENT, AGENT)
        .header(header::ACCEPT_ENCODING, "identity");
    if let Some(range) = range {
        let range = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        request = request.header(header::RANGE, range);
    }
    request.body(NoBody).map_err(|error| HttpError::Broken(error.to_string()))
}

impl Answer {
    /// The next bytes; `None` after the last.
    ///
    /// # Errors
    /// When nothing comes for too long, the connection breaks, or there are more or fewer bytes
    /// than there may be.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let body = &mut self.body;
            let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
            let frame = within(frame).await?;
            let Some(frame) = frame else {
                return if self.is_exact && self.left > 0 {
                    Err(HttpError::Short)
                } else {
                    Ok(None)
                };
            };
            let frame = frame.map_err(|error| HttpError::broken(&error))?;
            // Trailers are not of interest.
            let Ok(bytes) = frame.into_data() else { continue };
            self.left = self.left.checked_sub(bytes.len() as u64).ok_or(HttpError::Long)?;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    /// All bytes, of which there are at most as many as was said.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub(crate) async fn all(mut self) -> Result<Vec<u8>, HttpError> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }
}

async fn within<T>(work: impl Future<Output = T>) -> Result<T, HttpError> {
    timeout(STALL_TIMEOUT, work).await.map_err(|_| HttpError::Timeout)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// True when the answer says that it has these bytes.
fn is_range(headers: &HeaderMap, range: &Range<u64>, size: u64) -> bool {
    let found = headers.get(header::CONTENT_RANGE).map(HeaderValue::to_str);
    let found = found.and_then(Result::ok).and_then(ContentRange::parse);
    found.is_some_and(|found| {
        found.part.as_ref() == Some(range) && found.size.is_none_or(|found| found == size)
    })
}
