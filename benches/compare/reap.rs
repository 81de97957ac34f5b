//! The resources of a child process, which the standard library does not report.
#![expect(unsafe_code, reason = "no safe dependency offers wait4")]

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// Status of an ended process, and its processor time in user space and in the kernel.
#[derive(Copy, Clone, Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub cpu: Duration,
}

/// Collects a child if it has ended. With `wait`, waits for its end.
///
/// After `Ok(Some(_))` the id is free again and must not be used.
pub fn reap(id: u32, wait: bool) -> io::Result<Option<Ended>> {
    let id = libc::pid_t::try_from(id).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: a `rusage` consists of integers only, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let flags = if wait { 0 } else { libc::WNOHANG };
    // SAFETY: both pointers are valid for writing until the call returns.
    match unsafe { libc::wait4(id, &raw mut status, flags, &raw mut usage) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        _ => Ok(Some(Ended {
            status: ExitStatus::from_raw(status),
            cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
        })),
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    #[expect(clippy::zombie_processes, reason = "the tested function waits for it")]
    fn busy_process_has_used_processor_time() {
        let busy = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3";
        let child = Command::new("sh").args(["-c", busy]).spawn().unwrap();
        let ended = reap(child.id(), true).unwrap().unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.cpu > Duration::ZERO);
    }
}
