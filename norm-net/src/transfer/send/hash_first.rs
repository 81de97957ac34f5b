//! Hashes everything before the session begins, where that is wanted: then the objects are handed
//! to the engine with the content hash, and the digest list before the payload.

use std::io;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use norm_core::fileset::ContentHash;
use norm_core::transfer::{ObjectMeta, ObjectSpec, Outbound};
use norm_files::complete::CompleteSet;
use norm_files::source::HashedSet;

use super::jobs::Jobs;
use super::outlet::SendOutlet;
use crate::event::SendEvent;
use crate::stopper::Stopper;

/// How often it is told how much is hashed.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// What came of hashing.
pub(super) enum Hashing {
    /// All is hashed.
    Done(HashedSet),
    /// It was stopped.
    Stopped,
    /// A file has changed, or cannot be read: the source knows why.
    Failed,
}

/// Objects that wait for their content hash.
#[derive(Debug, Default)]
pub(crate) struct HeldObjects {
    objects: Vec<ObjectSpec>,
}

impl HeldObjects {
    /// Holds these, which are all of a set.
    pub(crate) fn new(objects: impl Iterator<Item = ObjectSpec>) -> Self {
        Self { objects: objects.collect() }
    }

    /// True when the engine has all objects already.
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Hands them over: these are all.
    ///
    /// # Errors
    /// When the engine refuses one.
    pub(super) fn hand_over(
        self,
        engine: &mut impl Outbound,
        content: ContentHash,
    ) -> io::Result<()> {
        for mut object in self.objects {
            if let ObjectMeta::SetPart { part, .. } = &mut object.meta {
                part.set.content = Some(content);
            }
            engine.enqueue(object).map_err(|error| io::Error::other(error.to_string()))?;
        }
        engine.finish();
        Ok(())
    }
}

/// Hashes all files of `bytes` in all, unless they were `hashed` before, and says so, once the set
/// is in `complete`.
pub(super) fn hash_first(
    jobs: &Jobs,
    hashed: Option<HashedSet>,
    bytes_total: u64,
    events: &SendOutlet,
    stopper: &Stopper,
    complete: &OnceLock<CompleteSet>,
) -> Hashing {
    let mut source = jobs.source();
    let known = hashed.filter(|hashed| source.take_hashes(hashed.clone()));
    let done = match known {
        Some(hashed) => Ok(Some(hashed)),
        None => {
            let (began, mut told) = (Instant::now(), Instant::now());
            source.hash_first(&mut |bytes_done| {
                if told.elapsed() >= PROGRESS_INTERVAL {
                    told = Instant::now();
                    let elapsed = began.elapsed();
                    events.push(SendEvent::Hashing { elapsed, bytes_done, bytes_total });
                }
                if stopper.is_stopped() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
        }
    };
    match done {
        Ok(Some(hashed)) => {
            if let Some(set) = source.complete() {
                complete.get_or_init(|| set);
            }
            events.push(SendEvent::Hashed { content: hashed.content() });
            Hashing::Done(hashed)
        }
        Ok(None) => Hashing::Stopped,
        Err(error) => {
            source.fail(error);
            Hashing::Failed
        }
    }
}
