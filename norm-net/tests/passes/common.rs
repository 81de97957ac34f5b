//! What is sent here, and the options that all of these tests have.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use norm_net::io::interface::InterfaceSpec;
use norm_net::{ReceiveOutcome, ReceiveReport, SendEvent, SendOptions, Sending, SetReport, send};
use tempfile::{TempDir, tempdir};

/// A group that no other test of this process gets and, by the process id, hardly one of another.
pub(crate) fn group() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 300).unwrap() * 32;
    let port = 41_000 + spread + NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::new([239, 255, 79, 1].into(), port)
}

pub(crate) fn loopback() -> Option<InterfaceSpec> {
    Some(InterfaceSpec::Name("lo".to_owned()))
}

pub(crate) fn content(len: usize, salt: u32) -> Vec<u8> {
    let mut state = salt.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

/// A directory with files, one of which has `len` bytes.
pub(crate) fn tree(len: usize) -> (TempDir, PathBuf) {
    let dir = tempdir().unwrap();
    let root = dir.path().join("tree");
    fs::create_dir_all(root.join("sub/empty")).unwrap();
    fs::write(root.join("large"), content(len, 1)).unwrap();
    fs::write(root.join("sub/small"), content(777, 2)).unwrap();
    fs::write(root.join("sub/none"), b"").unwrap();
    (dir, root)
}

pub(crate) fn assert_same(root: &Path, received: &Path) {
    for name in ["large", "sub/small", "sub/none"] {
        let (sent, came) = (fs::read(root.join(name)).unwrap(), fs::read(received.join(name)));
        assert!(came.is_ok_and(|came| came == sent), "{name}");
    }
    assert!(received.join("sub/empty").is_dir());
}

/// A sender, once it has sent everything once.
pub(crate) fn carousel(root: &Path, options: &SendOptions) -> Sending {
    let sending = send(&[root.to_owned()], options).unwrap();
    for event in sending.events() {
        if matches!(event, SendEvent::AllSent) {
            return sending;
        }
    }
    panic!("the carousel has ended");
}

pub(crate) fn is_complete(report: &ReceiveReport) -> bool {
    report.outcome == ReceiveOutcome::Complete && report.sets.iter().all(SetReport::is_verified)
}
