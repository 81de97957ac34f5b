//! Programs to which the kernel refuses system calls, as file systems of shares and USB sticks do.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Has these system calls fail with this error in a program that is to be started.
#[expect(unsafe_code, reason = "the standard library installs no filter of system calls")]
pub fn refuse(command: &mut Command, calls: &[libc::c_long], errno: i32) {
    let filter = filter(calls, libc::SECCOMP_RET_ERRNO | errno as u32);
    // SAFETY: between fork and exec only prctl is called, with memory that was made before; the
    // kernel copies the filter.
    unsafe {
        command.pre_exec(move || {
            let program =
                libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
            let plain = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            let mode = libc::SECCOMP_MODE_FILTER;
            if plain != 0 || libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
}

/// A filter that gives this answer to these calls: loads the number of the call, compares, and
/// answers.
pub fn filter(calls: &[libc::c_long], action: u32) -> Vec<libc::sock_filter> {
    let step = |code: u32, k: u32, jt: u8| libc::sock_filter { code: code as u16, jt, jf: 0, k };
    let answer = |action| step(libc::BPF_RET | libc::BPF_K, action, 0);
    let mut steps = vec![step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (n, &call) in calls.iter().enumerate() {
        // Over the other comparisons and the permission.
        let over = (calls.len() - n) as u8;
        steps.push(step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, call as u32, over));
    }
    steps.push(answer(libc::SECCOMP_RET_ALLOW));
    steps.push(answer(action));
    steps
}
