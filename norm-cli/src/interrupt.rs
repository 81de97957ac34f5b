//! Ctrl-C, SIGTERM and SIGHUP: the first one stops the session cleanly, the next one ends the
//! program. SIGHUP can have a file read again instead. A sender that leaves its receivers to
//! another one takes a second one to end them, too.

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
    stops: Vec<Stops>,
    /// What SIGHUP does instead.
    reload: Option<Box<dyn Fn() + Send>>,
    /// The exit code that says what asked first.
    requested: Option<Code>,
    /// Requests so far.
    requests: usize,
    announced: bool,
}

/// What each request does to a session, in order; the last one is repeated.
struct Stops(Vec<Box<dyn Fn() + Send>>);

impl Stops {
    fn act(&self, request: usize) {
        if let Some(stop) = self.0.get(request.min(self.0.len() - 1)) {
            stop();
        }
    }
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

    /// Stops the running sessions. False when there is none yet, or when none of them has anything
    /// left to do for a request: then the program should end at once.
    fn request(&self, code: Code) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reload) = state.reload.as_ref().filter(|_| code == Code::HungUp) {
            reload();
            return true;
        }
        let request = state.requests;
        state.requests += 1;
        state.requested.get_or_insert(code);
        state.stops.iter().for_each(|stops| stops.act(request));
        request < state.clean_requests()
    }

    /// Has SIGHUP call `reload`, and stop nothing.
    pub fn reloads(&self, reload: impl Fn() + Send + 'static) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reload = Some(Box::new(reload));
    }

    /// Has Ctrl-C call `stop`; from now on the first Ctrl-C ends the program cleanly.
    pub fn stops(&self, stop: impl Fn() + Send + 'static) {
        self.add(Stops(vec![Box::new(stop)]));
    }

    /// Has the first Ctrl-C call `leave`, and the second one `stop`; from now on both end the
    /// program cleanly.
    pub fn leaves(&self, leave: impl Fn() + Send + 'static, stop: impl Fn() + Send + 'static) {
        self.add(Stops(vec![Box::new(leave), Box::new(stop)]));
    }

    fn add(&self, stops: Stops) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(request) = state.requests.checked_sub(1) {
            stops.act(request);
        }
        state.stops.push(stops);
    }

    /// True when another request would end the program at once.
    pub fn is_last(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests >= state.clean_requests()
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

impl State {
    /// How many requests end the program cleanly.
    fn clean_requests(&self) -> usize {
        self.stops.iter().map(|stops| stops.0.len()).max().unwrap_or(0)
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
    fn hang_up_reads_again_where_it_is_to() {
        let interrupt = Interrupt::default();
        let read = Arc::new(AtomicU32::new(0));
        let seen = read.clone();
        interrupt.reloads(move || {
            seen.fetch_add(1, Ordering::Relaxed);
        });
        assert!(interrupt.request(Code::HungUp) && interrupt.request(Code::HungUp));
        assert_eq!(read.load(Ordering::Relaxed), 2);
        assert!(!interrupt.requested());
        assert!(!interrupt.request(Code::Terminated), "nothing can be stopped cleanly yet");
    }

    #[test]
    fn sender_that_leaves_its_receivers_takes_a_second_request_to_end_them() {
        let interrupt = Interrupt::default();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let note = |what: &'static str| {
            let calls = calls.clone();
            move || calls.lock().unwrap().push(what)
        };
        interrupt.leaves(note("leave"), note("stop"));
        assert!(interrupt.request(Code::Interrupted) && !interrupt.is_last());
        assert!(interrupt.request(Code::Interrupted) && interrupt.is_last());
        assert!(!interrupt.request(Code::Interrupted), "the third one ends the program");
        assert_eq!(*calls.lock().unwrap(), ["leave", "stop", "stop"]);
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
