//! Limits that the system sets to this process.

/// Has a write beyond the limit on sizes of files (`ulimit -f`) fail, so that it can be told;
/// without this the system ends the program (SIGXFSZ).
#[cfg(unix)]
pub fn tell_of_file_size() {
    // The flag is of no use: the write says it as well. If the system refuses, nothing is lost but
    // the message.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
}

/// Other systems have no such limit.
#[cfg(not(unix))]
pub fn tell_of_file_size() {}

/// Has a crash leave no image of the memory, in which keys are. If the system refuses, nothing is
/// lost but that.
#[cfg(unix)]
pub fn no_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// Other systems make them elsewhere, if at all.
#[cfg(not(unix))]
pub fn no_core_dumps() {}
