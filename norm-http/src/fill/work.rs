//! Fetches chunks from all sources at once.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use norm_core::fileset::CHUNK_BYTES;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_blocking, spawn_local};
use tokio::time::{sleep, timeout};

use super::disk::Disk;
use super::lists::CHUNK_LIMIT;
use super::schedule::{Arrived, Schedule, Task};
use super::source::Source;
use super::{FillError, FillEvent, FillProgress, SourceReport};
use crate::client::{Answer, Client, HttpError};
use crate::protocol::bitmap::{Bitmap, bitmap_len};
use crate::protocol::route::{Part, Route};

/// Connections to each source: while one waits for an answer, the other one receives.
const CONNECTIONS: usize = 2;
/// How often it is told how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// How often it is written down what is here.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is looked whether it was stopped.
const STOP_INTERVAL: Duration = Duration::from_millis(100);

/// Does `work` unless it is stopped; then the result is `None`.
pub(super) async fn unless<T>(stop: &AtomicBool, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    loop {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        if let Ok(done) = timeout(STOP_INTERVAL, work.as_mut()).await {
            return Some(done);
        }
    }
}

/// What all connections share.
struct Shared {
    disk: Arc<Disk>,
    sources: Vec<Source>,
    schedule: RefCell<Schedule>,
    reports: RefCell<Vec<SourceReport>>,
    events: RefCell<Vec<FillEvent>>,
    /// What ends it all.
    failure: RefCell<Option<FillError>>,
    fetched: Cell<u64>,
    began: Instant,
    /// Something has changed.
    news: Notify,
}

/// Fetches the chunks that are missing. Returns what each source has given, and whether all is
/// here.
pub(super) async fn fetch(
    disk: Arc<Disk>,
    sources: Vec<Source>,
    missing: Vec<u32>,
    stop: Arc<AtomicBool>,
    watch: &mut dyn FnMut(FillEvent),
) -> (Vec<SourceReport>, Result<(), FillError>) {
    let report = |source: &Source| SourceReport {
        url: source.named.clone(),
        bytes: 0,
        errors: 0,
        is_banned: false,
        problem: None,
    };
    let shared = Rc::new(Shared {
        reports: RefCell::new(sources.iter().map(report).collect()),
        schedule: RefCell::new(Schedule::new(missing, sources.len())),
        disk,
        sources,
        events: RefCell::default(),
        failure: RefCell::default(),
        fetched: Cell::new(0),
        began: Instant::now(),
        news: Notify::new(),
    });
    let workers: Vec<JoinHandle<()>> = (0..shared.sources.len())
        .map(|source| spawn_local(ask_source(Rc::clone(&shared), source)))
        .collect();
    follow(&shared, &workers, &stop, watch).await;
    workers.iter().for_each(JoinHandle::abort);
    shared.told(watch);
    let reports = shared.reports.borrow().clone();
    let failure = shared.failure.borrow_mut().take();
    let result = match failure {
        Some(error) => Err(error),
        None if shared.schedule.borrow().is_done() => Ok(()),
        None if stop.load(Ordering::Relaxed) => Err(FillError::Stopped),
        None => Err(shared.incomplete(&reports)),
    };
    (reports, result)
}

/// Tells what happens, until nothing happens any more.
async fn follow(
    shared: &Shared,
    workers: &[JoinHandle<()>],
    stop: &AtomicBool,
    watch: &mut dyn FnMut(FillEvent),
) {
    let (mut told, mut saved) = (shared.began, shared.began);
    loop {
        let is_over = workers.iter().all(JoinHandle::is_finished)
            || shared.schedule.borrow().is_done()
            || shared.failure.borrow().is_some()
            || stop.load(Ordering::Relaxed);
        shared.told(watch);
        if is_over || told.elapsed() >= PROGRESS_INTERVAL {
            told = Instant::now();
            watch(FillEvent::Progress(shared.progress()));
        }
        if is_over {
            return;
        }
        if saved.elapsed() >= SAVE_INTERVAL {
            saved = Instant::now();
            let disk = Arc::clone(&shared.disk);
            // It goes on meanwhile.
            drop(spawn_blocking(move || disk.save()));
        }
        let _ = timeout(STOP_INTERVAL, shared.news.notified()).await;
    }
}

impl Shared {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn told(&self, watch: &mut dyn FnMut(FillEvent)) {
        self.events.borrow_mut().drain(..).for_each(watch);
    }

    fn progress(&self) -> FillProgress {
        let bytes_fetched = self.fetched.get();
        FillProgress {
            elapsed: self.now(),
            bytes_done: self.disk.kept() + bytes_fetched,
            bytes_total: self.disk.plan().bytes(),
            bytes_fetched,
        }
    }

    fn incomplete(&self, sources: &[SourceReport]) -> FillError {
        FillError::Incomplete {
            missing: self.disk.bytes_of(&self.disk.missing()),
            kept: self.disk.resumable(),
            sources: sources.to_vec(),
        }
    }

    /// What a source is to do now.
    fn next(&self, source: usize) -> Task {
        let Some(asked) = self.sources.get(source) else { return Task::Over };
        let map = self.disk.plan().chunks();
        let follows = |chunk: u32| asked.follows(map, chunk, chunk + 1);
        self.schedule.borrow_mut().next(source, CHUNK_BYTES, self.now(), follows)
    }

    /// Notes what a source did not do of these chunks.
    fn failed(&self, source: usize, chunks: Range<u32>, error: HttpError) {
        let mut schedule = self.schedule.borrow_mut();
        let is_banned = error == HttpError::WrongChunk;
        let is_over = if is_banned {
            schedule.ban(source);
            true
        } else if error.is_absence() {
            // A service looks at the first chunk only before it answers.
            let is_service = self.sources.get(source).is_some_and(Source::is_service);
            let lacks = match is_service {
                true => chunks.start..chunks.end.min(chunks.start.saturating_add(1)),
                false => chunks.clone(),
            };
            schedule.lacks(source, lacks);
            schedule.let_go(source, chunks);
            false
        } else {
            schedule.failed(source, chunks, self.now())
        };
        if let Some(report) = self.reports.borrow_mut().get_mut(source) {
            report.errors += 1;
            report.is_banned |= is_banned;
            report.problem = Some(error.clone());
            let url = report.url.clone();
            self.events.borrow_mut().push(FillEvent::SourceFailed { url, error, is_over });
        }
        self.news.notify_waiters();
    }

    fn arrived(&self, source: usize, chunk: u32) {
        if self.schedule.borrow_mut().arrived(source, chunk) == Arrived::New {
            let bytes = self.disk.bytes_of(&[chunk]);
            self.fetched.set(self.fetched.get() + bytes);
            if let Some(report) = self.reports.borrow_mut().get_mut(source) {
                report.bytes += bytes;
            }
        }
        if self.schedule.borrow().is_done() {
            self.news.notify_waiters();
        }
    }
}

/// Fetches from a source what there is to fetch, over several connections.
async fn ask_source(shared: Rc<Shared>, source: usize) {
    let mut client = Client::default();
    if let Err(error) = learn_what_it_has(&shared, source, &mut client).await {
        let is_over = error.is_absence();
        shared.failed(source, 0..0, error);
        if is_over {
            return;
        }
    }
    let second = ask(Rc::clone(&shared), source, Client::default());
    let (mut first, mut second) = (pin!(ask(shared, source, client)), pin!(second));
    let mut is_over = [false; CONNECTIONS];
    poll_fn(|cx| {
        is_over[0] = is_over[0] || first.as_mut().poll(cx).is_ready();
        is_over[1] = is_over[1] || second.as_mut().poll(cx).is_ready();
        if is_over == [true; CONNECTIONS] { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Asks a service which chunks it has.
async fn learn_what_it_has(
    shared: &Shared,
    source: usize,
    client: &mut Client,
) -> Result<(), HttpError> {
    let Some(asked) = shared.sources.get(source).filter(|asked| asked.is_service()) else {
        return Ok(());
    };
    let chunks = shared.disk.plan().chunks().chunks();
    let url = asked.of_service(Route::Part(shared.disk.content(), Part::Have));
    let bytes = client.get(&url, bitmap_len(chunks) as u64).await?.all().await?;
    let have = Bitmap::parse(&bytes, chunks);
    let have = have.ok_or(HttpError::Content("it does not say which chunks it has"))?;
    let mut schedule = shared.schedule.borrow_mut();
    for chunk in (0..chunks).filter(|&chunk| !have.has(chunk)) {
        schedule.lacks(source, chunk..chunk + 1);
    }
    Ok(())
}

/// Fetches over one connection.
async fn ask(shared: Rc<Shared>, source: usize, mut client: Client) {
    loop {
        let task = shared.next(source);
        match task {
            Task::Over => return,
            Task::Wait(time) => sleep(time.min(PROGRESS_INTERVAL)).await,
            Task::Fetch(chunks) => {
                let mut rest = chunks.clone();
                let fetched = fetch_run(&shared, source, &mut client, &mut rest).await;
                match fetched {
                    Ok(()) => {}
                    Err(Problem::Source(error)) => shared.failed(source, rest, error),
                    Err(Problem::Disk(error)) => {
                        shared.failure.borrow_mut().get_or_insert(error);
                        shared.news.notify_waiters();
                        return;
                    }
                }
            }
        }
    }
}

/// What has ended a request.
enum Problem {
    Source(HttpError),
    Disk(FillError),
}

impl From<HttpError> for Problem {
    fn from(error: HttpError) -> Self {
        Self::Source(error)
    }
}

/// Fetches chunks with one request; those that are through are taken out of `rest`.
async fn fetch_run(
    shared: &Rc<Shared>,
    source: usize,
    client: &mut Client,
    rest: &mut Range<u32>,
) -> Result<(), Problem> {
    let disk = &shared.disk;
    let asked = shared.sources.get(source).ok_or(HttpError::Range)?;
    let place = asked.place(disk.content(), disk.plan(), rest).ok_or(HttpError::Range)?;
    let began = Instant::now();
    let mut answer = client.get_range(&place.url, &place.range, place.size).await?;
    let mut more = Vec::new();
    let mut writing: Option<(u32, JoinHandle<Result<bool, FillError>>)> = None;
    for chunk in rest.clone() {
        let bytes = next_chunk(&mut answer, asked, shared, chunk, &mut more);
        let bytes = timeout(CHUNK_LIMIT, bytes).await.unwrap_or(Err(HttpError::Slow));
        if let Some((before, written)) = writing.take() {
            settle(shared, source, before, written).await?;
            rest.start = before + 1;
        }
        let data = asked.data(disk.plan().chunks(), chunk, bytes?);
        let data = data.ok_or(HttpError::WrongChunk)?;
        if shared.schedule.borrow().wants(chunk) {
            let disk = Arc::clone(disk);
            writing = Some((chunk, spawn_blocking(move || disk.put(chunk, &data))));
        }
    }
    if let Some((last, written)) = writing.take() {
        settle(shared, source, last, written).await?;
    }
    rest.start = rest.end;
    // Too many bytes are an error of the source as too few are.
    if !more.is_empty() || answer.next().await?.is_some() {
        return Err(HttpError::Long.into());
    }
    let (bytes, took) = (place.range.end - place.range.start, began.elapsed());
    shared.schedule.borrow_mut().measured(source, bytes, took);
    Ok(())
}

/// The bytes of a chunk as they travel; `more` is what came after those of the one before.
async fn next_chunk(
    answer: &mut Answer,
    asked: &Source,
    shared: &Shared,
    chunk: u32,
    more: &mut Vec<u8>,
) -> Result<Vec<u8>, HttpError> {
    let len = asked.travels(shared.disk.plan().chunks(), chunk);
    let len = len.and_then(|len| usize::try_from(len).ok()).ok_or(HttpError::Range)?;
    // A chunk's length is bounded by the format.
    let mut bytes = Vec::with_capacity(len);
    loop {
        let now = more.len().min(len - bytes.len());
        bytes.extend(more.drain(..now));
        if bytes.len() == len {
            return Ok(bytes);
        }
        let next = answer.next().await?.ok_or(HttpError::Short)?;
        more.extend_from_slice(&next);
    }
}

/// A chunk was compared with its hash, and written.
async fn settle(
    shared: &Shared,
    source: usize,
    chunk: u32,
    written: JoinHandle<Result<bool, FillError>>,
) -> Result<(), Problem> {
    match written.await {
        Ok(Ok(true)) => {
            shared.arrived(source, chunk);
            Ok(())
        }
        Ok(Ok(false)) => Err(HttpError::WrongChunk.into()),
        Ok(Err(error)) => Err(Problem::Disk(error)),
        Err(error) => {
            let error = std::io::Error::other(error.to_string());
            Err(Problem::Disk(FillError::Thread(error.into())))
        }
    }
}
