//! Kernel buffers: what was asked for, what was granted, what to do about it.

use std::fmt;

/// Sizes of the kernel buffers, in bytes of the unit in which they are asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// Receive buffer asked for.
    pub recv_asked: usize,
    /// Receive buffer granted.
    pub recv_granted: usize,
    /// Send buffer asked for.
    pub send_asked: usize,
    /// Send buffer granted.
    pub send_granted: usize,
}

impl Buffers {
    /// What to tell the user when less was granted than asked for.
    pub fn hint(&self) -> Option<String> {
        let receive = shortfall("receive", "rmem_max", self.recv_asked, self.recv_granted);
        let send = shortfall("send", "wmem_max", self.send_asked, self.send_granted);
        match (receive, send) {
            (Some(receive), Some(send)) => Some(format!("{receive}\n{send}")),
            (one, other) => one.or(other),
        }
    }
}

fn shortfall(which: &str, limit: &str, asked: usize, granted: usize) -> Option<String> {
    if granted >= asked {
        return None;
    }
    let (asked_size, granted_size) = (Size(asked), Size(granted));
    let mut hint = format!("{which} buffer: asked for {asked_size}, granted {granted_size}");
    if cfg!(any(target_os = "linux", target_os = "android")) {
        hint.push_str(&format!("; run: sysctl -w net.core.{limit}={asked}"));
    }
    Some(hint)
}

/// A size as people write it.
struct Size(usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= 1 << 20 && bytes % (1 << 20) == 0 => write!(f, "{} MiB", bytes >> 20),
            bytes if bytes >= 1 << 10 => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// The granted size as it would have been asked for.
///
/// Linux reports twice the granted value, to cover its own bookkeeping (socket(7)).
pub(super) fn granted(reported: usize) -> usize {
    if cfg!(any(target_os = "linux", target_os = "android")) { reported / 2 } else { reported }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Buffers = Buffers {
        recv_asked: 64 << 20,
        recv_granted: 64 << 20,
        send_asked: 4 << 20,
        send_granted: 4 << 20,
    };

    #[test]
    fn granted_buffers_need_no_hint() {
        assert_eq!(FULL.hint(), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_small_receive_buffer_is_told_with_its_cure() {
        let buffers = Buffers { recv_granted: granted(425_984), ..FULL };
        assert_eq!(
            buffers.hint().unwrap(),
            "receive buffer: asked for 64 MiB, granted 208 KiB; \
             run: sysctl -w net.core.rmem_max=67108864"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn both_shortfalls_are_told_on_lines_of_their_own() {
        let buffers = Buffers { recv_granted: 100, send_granted: 1 << 20, ..FULL };
        let hint = buffers.hint().unwrap();
        let lines: Vec<_> = hint.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("granted 100 bytes"), "{hint}");
        assert_eq!(
            lines[1],
            "send buffer: asked for 4 MiB, granted 1 MiB; run: sysctl -w net.core.wmem_max=4194304"
        );
    }
}
