//! From a request to an answer.

use std::convert::Infallible;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use norm_core::fileset::ContentHash;

use super::body::{AnswerBody, PayloadBody};
use super::sets::ServedSet;
use super::shared::{Refusal, Shared};
use crate::protocol::range::{ContentRange, Wanted, wanted};
use crate::protocol::route::{Part, Route};
use crate::protocol::{catalogue, host};

/// What never changes may be kept by caches.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
/// Seconds after which a client may ask again that was refused for now.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

type Answer = Response<AnswerBody>;

/// Answers a request from this address. A body of the request is not read.
pub(super) async fn answer<B>(
    shared: Arc<Shared>,
    peer: IpAddr,
    request: Request<B>,
) -> Result<Answer, Infallible> {
    shared.served.count_request();
    let (head, _) = request.into_parts();
    let is_head = match head.method {
        Method::GET => false,
        Method::HEAD => true,
        _ => {
            let answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
            return Ok(with(answer, header::ALLOW, HeaderValue::from_static("GET, HEAD")));
        }
    };
    if !has_allowed_host(&head.headers, head.uri.authority(), shared.own_name.as_deref()) {
        let why = "the Host of a request is an address or the name of this machine";
        return Ok(text(StatusCode::FORBIDDEN, why));
    }
    let asked = Asked { headers: &head.headers, is_head, peer };
    Ok(match Route::parse(head.uri.path()) {
        None => text(StatusCode::NOT_FOUND, "no such path"),
        Some(Route::Sets) => plain(catalogue::emit(shared.sets.list()).into(), JSON),
        Some(Route::Part(content, part)) => match shared.sets.get(content) {
            None => text(StatusCode::NOT_FOUND, "this set is not here"),
            Some(set) => asked.part(&shared, set, content, part).await,
        },
    })
}

/// True when a request names this machine in all that says where it goes.
fn has_allowed_host(
    headers: &HeaderMap,
    authority: Option<&hyper::http::uri::Authority>,
    own: Option<&str>,
) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(first), None) = (hosts.next(), hosts.next()) else { return false };
    let is_allowed = |name: &str| host::is_allowed(name, own);
    first.to_str().is_ok_and(is_allowed) && authority.is_none_or(|name| is_allowed(name.as_str()))
}

/// What is asked for.
struct Asked<'a> {
    headers: &'a HeaderMap,
    is_head: bool,
    peer: IpAddr,
}

impl Asked<'_> {
    async fn part(
        &self,
        shared: &Arc<Shared>,
        set: Arc<ServedSet>,
        content: ContentHash,
        part: Part,
    ) -> Answer {
        let bytes = match part {
            Part::Have => return plain(Bytes::copy_from_slice(set.have().as_bytes()), BINARY),
            Part::Manifest => set.set.manifest().clone(),
            Part::Digests => set.set.list().clone(),
            Part::Payload => return self.payload(shared, set, content).await,
        };
        let size = bytes.len() as u64;
        let etag = etag(content);
        let range = match self.wanted(&etag, size) {
            Ok(range) => range,
            Err(answer) => return *answer,
        };
        // It is within the bytes.
        let body = bytes.slice(range.start as usize..range.end as usize);
        immutable(AnswerBody::Bytes(body), range, size, etag)
    }

    async fn payload(
        &self,
        shared: &Arc<Shared>,
        set: Arc<ServedSet>,
        content: ContentHash,
    ) -> Answer {
        let size = set.set.chunks().payload_size();
        let etag = etag(content);
        let range = match self.wanted(&etag, size) {
            Ok(range) => range,
            Err(answer) => return *answer,
        };
        if self.is_head || range.is_empty() {
            let mut answer = immutable(AnswerBody::Bytes(Bytes::new()), range.clone(), size, etag);
            let len = HeaderValue::from(range.end - range.start);
            answer.headers_mut().insert(header::CONTENT_LENGTH, len);
            return answer;
        }
        match PayloadBody::begin(shared, set, self.peer, range.clone()).await {
            Ok(body) => immutable(AnswerBody::Payload(Box::new(body)), range, size, etag),
            Err(refusal) => refused(refusal),
        }
    }

    /// Which bytes are asked for: all, or a range of what has this tag still.
    fn wanted(&self, etag: &HeaderValue, size: u64) -> Result<Range<u64>, Box<Answer>> {
        let is_same = self.headers.get(header::IF_RANGE).is_none_or(|tag| tag == etag);
        let mut ranges = self.headers.get_all(header::RANGE).iter();
        let (range, more) = (ranges.next().filter(|_| is_same), ranges.next());
        let wanted = match range.map(HeaderValue::to_str) {
            None => Wanted::All,
            Some(Ok(range)) if more.is_none() => wanted(Some(range), size),
            Some(_) => Wanted::Unsatisfiable,
        };
        match wanted {
            Wanted::All => Ok(0..size),
            Wanted::Part(range) => Ok(range),
            Wanted::Unsatisfiable => {
                let why = "one range of bytes that are there, such as bytes=0-1048575";
                let size = ContentRange { part: None, size: Some(size) };
                let answer = text(StatusCode::RANGE_NOT_SATISFIABLE, why);
                Err(Box::new(with(answer, header::CONTENT_RANGE, value(&size.to_string()))))
            }
        }
    }
}

fn etag(content: ContentHash) -> HeaderValue {
    value(&format!("\"{content}\""))
}

fn value(text: &str) -> HeaderValue {
    // Digits and letters alone.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// Bytes of what never changes: all of it, or a part.
fn immutable(body: AnswerBody, range: Range<u64>, size: u64, etag: HeaderValue) -> Answer {
    let mut answer = Response::new(body);
    let is_all = range == (0..size);
    if !is_all {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, BINARY);
    headers.insert(header::CACHE_CONTROL, IMMUTABLE);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, etag);
    if !is_all {
        let range = ContentRange { part: Some(range), size: Some(size) };
        headers.insert(header::CONTENT_RANGE, value(&range.to_string()));
    }
    answer
}

/// Bytes that may be others the next time.
fn plain(bytes: Bytes, kind: HeaderValue) -> Answer {
    let mut answer = Response::new(AnswerBody::Bytes(bytes));
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn refused(refusal: Refusal) -> Answer {
    let status = match refusal {
        Refusal::Gone => StatusCode::GONE,
        Refusal::TooDear => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
    };
    let answer = text(status, &refusal.to_string());
    match refusal {
        Refusal::Gone => answer,
        Refusal::TooDear | Refusal::Busy => with(answer, header::RETRY_AFTER, RETRY_AFTER),
    }
}

fn text(status: StatusCode, words: &str) -> Answer {
    let mut answer = plain(format!("{words}\n").into(), TEXT);
    *answer.status_mut() = status;
    answer
}

fn with(mut answer: Answer, name: HeaderName, value: HeaderValue) -> Answer {
    answer.headers_mut().insert(name, value);
    answer
}
