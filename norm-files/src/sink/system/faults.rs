//! Makes system calls of the sink fail, for tests: process-wide, because a session's calls are made
//! by many threads.

use std::borrow::Cow;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Call;

/// A call that is to fail.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub call: Call,
    /// The one after this many of its kind; every one without.
    pub after: Option<usize>,
    /// The system's number of the error.
    pub errno: i32,
}

/// What is to fail, and what was called.
#[derive(Debug, Default)]
struct Script {
    faults: Vec<Fault>,
    calls: Vec<Call>,
    hits: Vec<Fault>,
    /// A call that takes as long.
    slow: Option<(Call, Duration)>,
    /// The byte of a payload that is flipped in memory, once, before its block is hashed and
    /// written.
    flip: Option<u64>,
}

static ARMED: AtomicBool = AtomicBool::new(false);
static SCRIPT: Mutex<Option<Script>> = Mutex::new(None);
/// One test at a time.
static TURN: Mutex<()> = Mutex::new(());

/// The calls fail for as long as this is there.
#[derive(Debug)]
pub struct Injection {
    _turn: MutexGuard<'static, ()>,
}

/// Has these calls fail. Waits until no other test does so.
pub fn inject(faults: &[Fault]) -> Injection {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    *script() = Some(Script { faults: faults.to_vec(), ..Script::default() });
    ARMED.store(true, Ordering::Relaxed);
    Injection { _turn: turn }
}

impl Injection {
    /// The calls made so far, failed ones included.
    pub fn calls(&self) -> Vec<Call> {
        script().as_ref().map_or(Vec::new(), |script| script.calls.clone())
    }

    /// Has each call of this kind take this long.
    pub fn delay(&self, call: Call, by: Duration) {
        if let Some(script) = script().as_mut() {
            script.slow = Some((call, by));
        }
    }

    /// Flips a bit of this byte of the payload in memory, the next time that it comes.
    pub fn flip(&self, at: u64) {
        if let Some(script) = script().as_mut() {
            script.flip = Some(at);
        }
    }

    /// True when a byte that was to be flipped was.
    pub fn has_flipped(&self) -> bool {
        script().as_ref().is_some_and(|script| script.flip.is_none())
    }

    /// True when a call has failed because of this one.
    pub fn has_hit(&self, fault: &Fault) -> bool {
        script().as_ref().is_some_and(|script| script.hits.contains(fault))
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        ARMED.store(false, Ordering::Relaxed);
        *script() = None;
    }
}

fn script() -> MutexGuard<'static, Option<Script>> {
    SCRIPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fails where this call is to.
pub(super) fn pass(call: Call) -> io::Result<()> {
    if !ARMED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let slow = script().as_ref().and_then(|script| script.slow);
    if let Some((_, delay)) = slow.filter(|(slow, _)| *slow == call) {
        std::thread::sleep(delay);
    }
    let mut script = script();
    let Some(script) = &mut *script else { return Ok(()) };
    let before = script.calls.iter().filter(|&&other| other == call).count();
    script.calls.push(call);
    let fails = |fault: &&Fault| fault.call == call && fault.after.is_none_or(|n| n == before);
    let Some(&fault) = script.faults.iter().find(fails) else { return Ok(()) };
    script.hits.push(fault);
    Err(io::Error::from_raw_os_error(fault.errno))
}

/// The bytes that belong at `offset` of a payload, as they are in memory.
pub(super) fn in_memory(bytes: &[u8], offset: u64) -> Cow<'_, [u8]> {
    if !ARMED.load(Ordering::Relaxed) {
        return Cow::Borrowed(bytes);
    }
    let mut script = script();
    let Some(script) = script.as_mut() else { return Cow::Borrowed(bytes) };
    let at = script.flip.and_then(|at| usize::try_from(at.checked_sub(offset)?).ok());
    match at.filter(|&at| at < bytes.len()) {
        Some(at) => {
            script.flip = None;
            let mut bytes = bytes.to_vec();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1;
            }
            Cow::Owned(bytes)
        }
        None => Cow::Borrowed(bytes),
    }
}
