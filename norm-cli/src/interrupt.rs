//! Ctrl-C, SIGTERM and SIGHUP: the first one stops the session cleanly, the second one ends the
//! program.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::exit::{Code, Failure};

/// Whether the user wants to stop, and what then stops the session.
#[derive(Clone, Default)]
pub struct Interrupt {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    stops: Vec<Box<dyn Fn() + Send>>,
    /// The exit code that says what asked first.
    requested: Option<Code>,
    announced: bool,
}

impl Interrupt {
    /// Takes over Ctrl-C (and SIGTERM and SIGHUP) for this program; call it once. SIGHUP and
    /// SIGTERM stay ignored if they were from the start, as with `nohup`.
    ///
    /// # Errors
    ///
    /// When the system refuses the handler.
    pub fn install() -> Result<Self, Failure> {
        let interrupt = Self::default();
        let handler = interrupt.clone();
        listen(move |code| {
            if !handler.request(code) {
                std::process::exit(i32::from(code.number()));
            }
        })
        .map_err(|error| Failure::local(format!("cannot handle Ctrl-C: {error}")))?;
        Ok(interrupt)
    }

    /// Stops the running sessions. False when there is none yet, or at the second request: then the
    /// program should end at once.
    fn request(&self, code: Code) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let clean = state.requested.is_none() && !state.stops.is_empty();
        state.requested.get_or_insert(code);
        state.stops.iter().for_each(|stop| stop());
        clean
    }

    /// Has Ctrl-C call `stop`; from now on the first Ctrl-C ends the program cleanly.
    pub fn stops(&self, stop: impl Fn() + Send + 'static) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.requested.is_some() {
            stop();
        }
        state.stops.push(Box::new(stop));
    }

    /// Whether the user has asked to stop.
    pub fn requested(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).requested.is_some()
    }

    /// The exit code of a run that ended with `code`; of a stopped run, that of the first signal.
    pub fn code(&self, code: Code) -> Code {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requested.filter(|_| code.is_stop()).unwrap_or(code)
    }

    /// The same of a run that failed.
    pub fn name(&self, failure: Failure) -> Failure {
        Failure { code: self.code(failure.code), ..failure }
    }

    /// True exactly once after the request: time to say what happens now.
    pub fn news(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let news = state.requested.is_some() && !state.announced;
        state.announced |= news;
        news
    }
}

/// Calls `handler`, on a thread of its own, for each signal to stop, with the signal's exit code.
#[cfg(unix)]
fn listen(handler: impl Fn(Code) + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    // A shell in a script makes what it starts with `&` ignore SIGINT, but one sent with `kill` is
    // meant.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let wanted = [SIGHUP, SIGTERM].into_iter().filter(|&signal| !is_ignored(&status, signal));
    let mut signals = signal_hook::iterator::Signals::new(wanted.chain([SIGINT]))?;
    let run = move || {
        for signal in signals.forever() {
            handler(match signal {
                SIGHUP => Code::HungUp,
                SIGTERM => Code::Terminated,
                _ => Code::Interrupted,
            });
        }
    };
    std::thread::Builder::new().name("norm-signals".to_owned()).spawn(run).map(drop)
}

/// Whether a signal is ignored, by what Linux says of a process (proc(5), `SigIgn`).
#[cfg(unix)]
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(not(unix))]
fn listen(handler: impl Fn(Code) + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(move || handler(Code::Interrupted)).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn second_request_ends_the_program() {
        let interrupt = Interrupt::default();
        let stopped = Arc::new(AtomicU32::new(0));
        for _ in 0..2 {
            let stopped = stopped.clone();
            interrupt.stops(move || {
                stopped.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert!(!interrupt.requested() && !interrupt.news());
        assert!(interrupt.request(Code::Terminated));
        assert_eq!(stopped.load(Ordering::Relaxed), 2);
        assert!(interrupt.requested());
        assert!(interrupt.news() && !interrupt.news(), "news comes once");
        assert_eq!(interrupt.code(Code::Interrupted), Code::Terminated, "the first signal");
        assert_eq!(interrupt.code(Code::Partial), Code::Partial, "it had failed before");
        assert!(!interrupt.request(Code::Interrupted));
    }

    #[test]
    #[cfg(unix)]
    fn ignored_signals_are_read_from_the_process_status() {
        let status = "Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        let ignored: Vec<i32> = (1..=64).filter(|&signal| is_ignored(status, signal)).collect();
        assert_eq!(ignored, [1, 13]);
        assert!(!is_ignored("", 1) && !is_ignored("SigIgn:\tnonsense\n", 1));
    }

    #[test]
    fn session_that_opens_after_the_request_is_stopped() {
        let interrupt = Interrupt::default();
        assert!(!interrupt.request(Code::Interrupted), "nothing can be stopped cleanly yet");
        let stopped = Arc::new(AtomicU32::new(0));
        let seen = stopped.clone();
        interrupt.stops(move || {
            seen.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(stopped.load(Ordering::Relaxed), 1);
    }
}
