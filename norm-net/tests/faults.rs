//! Whole sessions in which the disk of the receiver fails once: what sender and receiver report is
//! what is there.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use norm_core::Rng;
use norm_files::sink::Call;
use norm_files::sink::faults::{Fault, inject};
use norm_net::io::interface::InterfaceSpec;
use norm_net::{
    Hint, Pace, ReceiveEvent, ReceiveOptions, ReceiveOutcome, ReceiverOutcome, SendOptions,
    SendReport, receive, send,
};

/// A group that no other test uses.
fn group() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let [high, low] = port.to_be_bytes();
    format!("239.254.{high}.{low}:{port}").parse().unwrap()
}

fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| rng.next_u64() as u8).collect()
}

/// What came of a session with a fault.
struct Session {
    outcome: ReceiveOutcome,
    hints: Vec<Hint>,
    sent: SendReport,
}

/// Sends `source` to one receiver, which writes into `out`.
fn run(source: &Path, out: &Path) -> Session {
    let group = group();
    let interface = || InterfaceSpec::Name("lo".to_owned());
    let options = ReceiveOptions::new(group, out).with(|o| {
        o.interface = Some(interface());
        o.timeout = Some(Duration::from_secs(30));
    });
    let receiving = receive(&options).unwrap();
    let options = SendOptions::new(group).with(|o| {
        o.interface = Some(interface());
        o.pace = Pace::Fixed(200_000_000);
        o.min_receivers = 1;
        o.linger = Duration::ZERO;
    });
    let sending = send(&[source.to_owned()], &options).unwrap();
    let hints = receiving.events().filter_map(|event| match event {
        ReceiveEvent::Hint(hint) => Some(hint),
        _ => None,
    });
    let hints = hints.collect();
    let outcome = receiving.wait().unwrap().outcome;
    Session { outcome, hints, sent: sending.wait().unwrap() }
}

#[test]
fn reports_are_true_whatever_call_fails() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("folder");
    fs::create_dir_all(source.join("inner")).unwrap();
    let files = [("first", content(1, 1_200_000)), ("inner/second", content(2, 70_000))];
    for (name, bytes) in &files {
        fs::write(source.join(name), bytes).unwrap();
    }
    let is_there = |out: &Path, (name, bytes): &(&str, Vec<u8>)| {
        let path = out.join("folder").join(name);
        let there = fs::read(&path).ok();
        assert!(there.is_none() || there.as_ref() == Some(bytes), "{} is wrong", path.display());
        there.is_some()
    };
    let share = Fault { call: Call::Kind, after: None, errno: libc::ENOSYS };
    for (n, (call, errno, is_harmless)) in faults().into_iter().enumerate() {
        let out = temp.path().join(format!("out{n}"));
        let fault = Fault { call, after: Some(0), errno };
        let injection = inject(&[fault, share]);
        let session = run(&source, &out);
        assert!(injection.has_hit(&fault), "{fault:?} was not tried");
        drop(injection);
        let complete = session.outcome == ReceiveOutcome::Complete;
        assert_eq!(complete, is_harmless, "{fault:?}: {:?}", session.outcome);
        let there = files.iter().filter(|file| is_there(&out, file)).count();
        assert!(!complete || there == 2, "{fault:?}: it says complete");
        let confirmed = |r: &norm_net::ReceiverReport| r.outcome == ReceiverOutcome::Confirmed;
        let confirmations = session.sent.receivers.iter().filter(|r| confirmed(r)).count();
        assert_eq!(confirmations, usize::from(complete), "{fault:?}: {:?}", session.sent);
        let told = |hint: &&Hint| matches!(hint, Hint::MetadataRefused { entries: 1, .. });
        let is_metadata = matches!(call, Call::SetMode | Call::SetTimes);
        let hints = session.hints.iter().filter(told).count();
        assert_eq!(hints, usize::from(is_metadata), "{fault:?}: {:?}", session.hints);
        if !complete {
            assert!(matches!(session.outcome, ReceiveOutcome::LocalError { .. }), "{fault:?}");
            assert_eq!(run(&source, &out).outcome, ReceiveOutcome::Complete, "{fault:?}: again");
        }
    }
}

/// The first call of each kind that a session makes, and whether it does without.
fn faults() -> [(Call, i32, bool); 16] {
    use libc::{EACCES, EDQUOT, EFBIG, EIO, ENOLCK, ENOSPC, ENOSYS, EOPNOTSUPP, EPERM};
    [
        (Call::SetMode, EPERM, true),
        (Call::SetTimes, EACCES, true),
        (Call::Create, EACCES, false),
        (Call::Write, ENOSPC, false),
        (Call::Read, EIO, false),
        (Call::Copy, EDQUOT, false),
        (Call::SetLen, EFBIG, false),
        (Call::Allocate, ENOSPC, false),
        (Call::Allocate, ENOSYS, true),
        (Call::Room, ENOSYS, true),
        (Call::Lock, ENOLCK, true),
        (Call::Link, EPERM, true),
        (Call::Remove, EACCES, true),
        (Call::MakeDirectory, ENOSPC, false),
        (Call::Sync, EDQUOT, false),
        (Call::Close, EOPNOTSUPP, false),
    ]
}
