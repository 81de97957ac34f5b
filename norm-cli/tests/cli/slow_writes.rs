//! Programs whose disk is slow: each write waits in the kernel until this process lets it go on.
#![expect(unsafe_code, reason = "the standard library asks for no notices of system calls")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::common::Program;
use crate::refusals::filter;

/// Where the program keeps the descriptor of its notices until they are fetched.
const NOTICES: libc::c_int = 200;

/// The disk of one program.
pub struct SlowDisk {
    written: Arc<AtomicU64>,
}

impl SlowDisk {
    /// Starts a program whose disk takes this many bytes per second.
    pub fn start(mut command: Command, bytes_per_second: u64) -> (Program, Self) {
        announce_writes(&mut command);
        let program = Program::start(&mut command);
        let notices = fetch_notices(program.id()).expect("the program is our child");
        let written = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&written);
        thread::spawn(move || {
            while let Some(write) = next_write(&notices) {
                count.fetch_add(write.data.args[2], Ordering::Relaxed);
                thread::sleep(Duration::from_secs(write.data.args[2]) / bytes_per_second as u32);
                go_on(&notices, write.id);
            }
        });
        (program, Self { written })
    }

    /// Bytes that the program has asked to write so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

/// Has each write of a program that is to be started wait for an answer.
fn announce_writes(command: &mut Command) {
    let filter = filter(&[libc::SYS_pwrite64], libc::SECCOMP_RET_USER_NOTIF);
    // SAFETY: between fork and exec only system calls are made, with memory that was made before;
    // the kernel copies the filter.
    unsafe {
        command.pre_exec(move || {
            let program =
                libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
            let plain = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            let (mode, flags) =
                (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
            let notices = libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program);
            // The copy stays open in the program.
            if plain != 0 || notices < 0 || libc::dup2(notices as i32, NOTICES) < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
}

/// Fetches the descriptor that a program has for its notices.
fn fetch_notices(process: u32) -> io::Result<OwnedFd> {
    let checked = |result: libc::c_long| match result {
        // SAFETY: the kernel has just made this descriptor for us.
        0.. => Ok(unsafe { OwnedFd::from_raw_fd(result as i32) }),
        _ => Err(io::Error::last_os_error()),
    };
    // SAFETY: plain system calls with numbers.
    let process = checked(unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) })?;
    // SAFETY: as above; the descriptor is open.
    checked(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), NOTICES, 0) })
}

/// Waits for the next write; `None` when the program has ended.
fn next_write(notices: &OwnedFd) -> Option<libc::seccomp_notif> {
    loop {
        let mut poll = libc::pollfd { fd: notices.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure, of which the kernel fills `revents`.
        let ready = unsafe { libc::poll(&raw mut poll, 1, -1) };
        if ready < 0 || poll.revents & libc::POLLIN == 0 {
            return None;
        }
        // SAFETY: all of its fields may be zero, and must be for the kernel.
        let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        let receive = libc::SECCOMP_IOCTL_NOTIF_RECV;
        // SAFETY: the kernel fills this structure.
        if unsafe { libc::ioctl(notices.as_raw_fd(), receive, &raw mut notice) } == 0 {
            return Some(notice);
        }
        // A signal took the write back; there may be others.
    }
}

/// Lets a write go on. A program that has ended meanwhile has no use for it.
fn go_on(notices: &OwnedFd, id: u64) {
    let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
    let answer = libc::seccomp_notif_resp { id, val: 0, error: 0, flags };
    // SAFETY: the kernel reads this structure.
    unsafe { libc::ioctl(notices.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const answer) };
}
