//! What follows the headers of an answer.

use std::future::Future;
use std::net::IpAddr;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::sets::ServedSet;
use super::shared::{Refusal, Shared};

/// A chunk that is being read.
type Reading = Pin<Box<dyn Future<Output = Result<Bytes, Refusal>> + Send>>;

/// The body of an answer.
pub(super) enum AnswerBody {
    /// Bytes in memory, all at once.
    Bytes(Bytes),
    /// A range of a payload, chunk by chunk.
    Payload(Box<PayloadBody>),
}

/// A range of a payload. Each chunk is read when the one before it has gone out.
pub(super) struct PayloadBody {
    shared: Arc<Shared>,
    set: Arc<ServedSet>,
    peer: IpAddr,
    /// What is still to be sent.
    rest: Range<u64>,
    reading: Option<Reading>,
    _leave: OwnedSemaphorePermit,
}

impl PayloadBody {
    /// A range of a payload, of which the first chunk is read and verified before anything is said.
    pub(super) async fn begin(
        shared: &Arc<Shared>,
        set: Arc<ServedSet>,
        peer: IpAddr,
        range: Range<u64>,
    ) -> Result<Self, Refusal> {
        let leave = shared.begin_payload()?;
        let shared = Arc::clone(shared);
        let mut body = Self { shared, set, peer, rest: range, reading: None, _leave: leave };
        let first = body.read().await?;
        body.reading = Some(Box::pin(async { Ok(first) }));
        Ok(body)
    }

    /// Reads the chunk that comes next.
    fn read(&self) -> Reading {
        let at = self.rest.start;
        let number = self.set.set.chunks().over(at, at + 1).start;
        let (shared, set, peer) = (Arc::clone(&self.shared), Arc::clone(&self.set), self.peer);
        Box::pin(async move { shared.chunk(set, number, peer).await })
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Refusal>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let mut reading = self.reading.take().unwrap_or_else(|| self.read());
        let Poll::Ready(read) = reading.as_mut().poll(cx) else {
            self.reading = Some(reading);
            return Poll::Pending;
        };
        Poll::Ready(Some(read.and_then(|chunk| self.cut(&chunk))))
    }

    /// What is wanted of the chunk that comes next.
    fn cut(&mut self, chunk: &Bytes) -> Result<Bytes, Refusal> {
        let map = self.set.set.chunks();
        let number = map.over(self.rest.start, self.rest.start + 1).start;
        let place = map.chunk(number).ok_or(Refusal::Gone)?.range();
        let end = self.rest.end.min(place.end);
        // Both are within a chunk.
        let (from, to) = (self.rest.start - place.start, end - place.start);
        if to > chunk.len() as u64 {
            return Err(Refusal::Gone);
        }
        self.rest.start = end;
        self.shared.count_sent(self.peer, to - from);
        Ok(chunk.slice(from as usize..to as usize))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        match self.get_mut() {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Payload(body) => {
                body.poll_next(cx).map(|next| next.map(|bytes| bytes.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Payload(body) => body.rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Payload(body) => body.rest.end - body.rest.start,
        })
    }
}
