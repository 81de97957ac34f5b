//! Sealed sessions, over the loopback interface.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use norm_net::event::Proved;
use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig};
use norm_net::objects::{
    ObjectEvent, ObjectReceiveOptions, ObjectReceiver, ObjectSendOptions, ObjectSender,
};
use norm_net::seal::{GroupSecret, Keyring, Suite};
use norm_net::transfer::flute::Profile;
use norm_net::{
    ConfigProblem, Feedback, FluteReceive, FluteSend, Hint, Pace, ReceiveEvent, ReceiveOptions,
    ReceiveOutcome, ReceiveReport, Receiving, SealConfig, SecurityMode, SendError, SendOptions,
    SendOutcome, SendReport, Standard, StandardFec, receive, send,
};
use tempfile::{TempDir, tempdir};

/// A group that no other test of this process gets and, by the process id, hardly one of another.
fn group() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 300).unwrap() * 32;
    let port = 41_000 + spread + NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::new([239, 255, 83, 1].into(), port)
}

fn loopback() -> Option<InterfaceSpec> {
    Some(InterfaceSpec::Name("lo".to_owned()))
}

fn key(secret: u8) -> Option<SealConfig> {
    Some(SealConfig::new(Keyring::new(GroupSecret::new([secret; 32]))))
}

fn sending(group: SocketAddr) -> SendOptions {
    SendOptions::new(group).with(|o| {
        o.interface = loopback();
        o.pace = Pace::Fixed(100_000_000);
        o.seal = key(1);
    })
}

fn receiving(group: SocketAddr, directory: &Path) -> ReceiveOptions {
    ReceiveOptions::new(group, directory).with(|o| {
        o.interface = loopback();
        o.timeout = Some(Duration::from_secs(20));
        o.seal = key(1);
    })
}

/// What no packet shows.
const MARK: &[u8] = b"this stands in the clear only on the disks";

/// A file of which every packet has the mark.
fn marked_file(len: usize) -> (TempDir, PathBuf, Vec<u8>) {
    let dir = tempdir().unwrap();
    let path = dir.path().join("file");
    let content: Vec<u8> = MARK.iter().copied().cycle().take(len).collect();
    fs::write(&path, &content).unwrap();
    (dir, path, content)
}

fn sent(path: &Path, options: &SendOptions) -> SendReport {
    send(&[path.to_owned()], options).unwrap().wait().unwrap()
}

/// All that a receiver hints at, until its end.
fn hints(received: &Receiving) -> impl Iterator<Item = Hint> {
    received.events().filter_map(|event| match event {
        ReceiveEvent::Hint(hint) => Some(hint),
        _ => None,
    })
}

fn assert_received(received: Receiving, directory: &Path, content: &[u8]) -> ReceiveReport {
    let report = received.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!(fs::read(directory.join("file")).unwrap(), content);
    report
}

#[test]
fn three_receivers_complete_although_packets_are_lost_and_nothing_is_in_the_clear() {
    let (group, (_source, path, content)) = (group(), marked_file(3_000_000));
    let directories = [(); 3].map(|()| tempdir().unwrap());
    let received = [0, 1, 2].map(|number| {
        let mut options = receiving(group, directories[number].path());
        options.demo.drop_percent = 5.0;
        receive(&options).unwrap()
    });
    let listening = LinkConfig { interface: loopback(), loopback: true, ..LinkConfig::new(group) };
    let mut listener = Link::open(&listening).unwrap();
    let sending = send(&[path], &sending(group).with(|o| o.min_receivers = 3)).unwrap();
    let (mut packets, mut kinds) = (0, [0; 7]);
    while !sending.is_finished() {
        listener.wait(Some(Duration::from_millis(20))).unwrap();
        listener
            .recv(8, &mut |packet| {
                packets += 1;
                assert_eq!(packet.payload[0], 0x51);
                // The uppermost bit says that it is signed, too.
                kinds[usize::from(packet.payload[1] & 0x7f)] += 1;
                assert!(packet.payload.windows(16).all(|bytes| !MARK.starts_with(bytes)));
            })
            .unwrap();
    }
    let report = sending.wait().unwrap();
    assert_eq!(report.outcome, SendOutcome::Complete, "{report:?}");
    assert_eq!(report.security.mode, SecurityMode::Group);
    assert!(report.security.opened > 0 && report.security.other_key_id.is_none());
    for (received, directory) in received.into_iter().zip(&directories) {
        let report = assert_received(received, directory.path(), &content);
        assert!(report.nacks + report.suppressed > 0 && report.malformed == 0, "{report:?}");
        let key_id = GroupSecret::new([1; 32]).key_id().to_string();
        assert_eq!(report.security.key_id, Some(key_id));
    }
    assert!(packets > 2_000 && kinds[0] > kinds[1] && kinds[1] > 0, "{packets} {kinds:?}");
    assert!(kinds[2] > 0, "it introduces itself: {kinds:?}");
    assert!(kinds[5] > 0 && kinds[6] > 0, "it answers, and states what it sends: {kinds:?}");
}

#[test]
fn without_the_key_nothing_is_received_and_that_is_told() {
    for seal in [None, key(2)] {
        let (group, (_source, path, _)) = (group(), marked_file(100_000));
        let directory = tempdir().unwrap();
        let options = receiving(group, directory.path()).with(|o| {
            o.seal = seal.clone();
            o.timeout = Some(Duration::from_secs(2));
        });
        let received = receive(&options).unwrap();
        let sending = send(&[path], &sending(group)).unwrap();
        let told = received.events().find_map(|event| match event {
            ReceiveEvent::Hint(Hint::OtherKey { key_id, own, .. }) => Some((key_id, own)),
            _ => None,
        });
        let id = |secret: u8| GroupSecret::new([secret; 32]).key_id().to_string();
        assert_eq!(told, Some((id(1), seal.as_ref().map(|_| id(2)))));
        let report = received.wait().unwrap();
        assert_eq!(report.outcome, ReceiveOutcome::NoSender);
        let security = &report.security;
        assert!(security.other_key_packets > 0 && security.opened == 0, "{security:?}");
        assert_eq!(security.other_key_id, Some(id(1)));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        sending.stopper().stop();
        let _ = sending.wait().unwrap();
    }
}

#[test]
fn with_a_key_nothing_unsealed_is_taken() {
    let (group, (_source, path, _)) = (group(), marked_file(100_000));
    let directory = tempdir().unwrap();
    let options = receiving(group, directory.path()).with(|o| {
        o.timeout = Some(Duration::from_secs(1));
    });
    let received = receive(&options).unwrap();
    let sending = send(&[path], &sending(group).with(|o| o.seal = None)).unwrap();
    let hints: Vec<Hint> = hints(&received).collect();
    let report = received.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::NoSender);
    let security = &report.security;
    assert!(security.dropped > 0 && security.opened == 0, "{report:?}");
    assert_eq!(security.proved, Proved::Nothing);
    let address = security.unsealed_address.unwrap();
    let told = hints.iter().filter(|hint| **hint == Hint::Unsealed { address }).count();
    assert!(told == 1 && security.unsealed_packets > 0, "{hints:?}");
    assert!(!hints.iter().any(|hint| matches!(hint, Hint::NoSender { .. })), "{hints:?}");
    sending.stopper().stop();
    let report = sending.wait().unwrap();
    assert!(report.receivers.is_empty(), "{report:?}");
}

#[test]
fn same_key_for_another_group_is_told() {
    let directory = tempdir().unwrap();
    let group = SocketAddr::new([127, 0, 0, 1].into(), group().port());
    let options = receiving(group, directory.path()).with(|o| {
        o.timeout = Some(Duration::from_secs(1));
    });
    let received = receive(&options).unwrap();
    // A HELLO as of another group: its header is right, and its authentication code is not.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut packet = [0; 88];
    (packet[0], packet[1]) = (0x51, 2);
    packet[4..8].copy_from_slice(&GroupSecret::new([1; 32]).key_id().0);
    socket.send_to(&packet, group).unwrap();
    let hints: Vec<Hint> = hints(&received).collect();
    let address = socket.local_addr().unwrap();
    assert!(hints.contains(&Hint::NotAuthentic { address }), "{hints:?}");
    let report = received.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::NoSender);
    assert_eq!(report.security.not_authentic_address, Some(address));
}

#[test]
fn unicast_feedback_and_unicast_sessions_are_sealed() {
    let unicast = SocketAddr::new([127, 0, 0, 1].into(), group().port());
    for group in [group(), unicast] {
        let (directory, (_source, path, content)) = (tempdir().unwrap(), marked_file(500_000));
        let options = receiving(group, directory.path()).with(|o| {
            o.feedback = Feedback::Unicast;
            o.demo.drop_percent = 5.0;
        });
        let received = receive(&options).unwrap();
        let mut chacha = key(1).unwrap();
        chacha.suite = Suite::ChaCha20Poly1305;
        let options = sending(group).with(|o| {
            o.min_receivers = 1;
            o.seal = Some(chacha);
        });
        let report = sent(&path, &options);
        assert_eq!(report.outcome, SendOutcome::Complete, "{report:?}");
        assert_received(received, directory.path(), &content);
    }
}

#[test]
fn flute_is_sealed_too() {
    let (group, (_source, path, content)) = (group(), marked_file(1_000_000));
    let directory = tempdir().unwrap();
    let options = receiving(group, directory.path()).with(|o| {
        o.flute = Some(FluteReceive::default());
        o.demo.drop_percent = 3.0;
    });
    let received = receive(&options).unwrap();
    let flute = Some(FluteSend::new(Profile::Own));
    let report = sent(&path, &sending(group).with(|o| o.flute = flute));
    assert_eq!(report.outcome, SendOutcome::Sent);
    let report = assert_received(received, directory.path(), &content);
    assert!(report.security.opened > 500, "{report:?}");
}

#[test]
fn sessions_for_programs_of_others_cannot_be_sealed() {
    let (_source, path, _) = marked_file(1);
    let standard = sending(group()).in_standard_mode(Standard::new(StandardFec::Id5));
    let flute = sending(group()).with(|o| o.flute = Some(FluteSend::new(Profile::Rfc6726)));
    for options in [standard, flute] {
        let refused = send(std::slice::from_ref(&path), &options).map(|_| ());
        let is_right =
            |error: &SendError| matches!(error, SendError::Config(ConfigProblem::SealedForOthers));
        assert!(refused.as_ref().is_err_and(is_right), "{refused:?}");
    }
}

#[test]
fn objects_with_another_key_or_none_are_told() {
    for seal in [None, key(2)] {
        let group = group();
        let options = ObjectReceiveOptions::new(group).with(|o| {
            o.interface = loopback();
            o.seal = key(1);
        });
        let receiver = ObjectReceiver::open(&options).unwrap();
        let is_sealed = seal.is_some();
        let options = ObjectSendOptions::new(group).with(|o| {
            o.interface = loopback();
            o.seal = seal;
        });
        let sender = ObjectSender::open(&options).unwrap();
        sender.send_data(vec![7; 100_000].into(), None).unwrap();
        let first = receiver.events().recv_timeout(Duration::from_secs(5)).unwrap();
        match first {
            ObjectEvent::Hint(Hint::OtherKey { own: Some(_), .. }) => assert!(is_sealed),
            ObjectEvent::Hint(Hint::Unsealed { .. }) => assert!(!is_sealed),
            other => panic!("{other:?}"),
        }
        sender.stopper().stop();
        receiver.close().unwrap();
    }
}

#[test]
fn objects_are_sealed() {
    let group = group();
    let options = ObjectReceiveOptions::new(group).with(|o| {
        o.interface = loopback();
        o.seal = key(1);
    });
    let receiver = ObjectReceiver::open(&options).unwrap();
    let options = ObjectSendOptions::new(group).with(|o| {
        o.interface = loopback();
        o.min_receivers = 1;
        o.mode = norm_net::objects::Mode::Native;
        o.seal = key(1);
    });
    let sender = ObjectSender::open(&options).unwrap();
    let data: Vec<u8> = MARK.iter().copied().cycle().take(100_000).collect();
    sender.send_data(data.clone().into(), None).unwrap();
    let object = receiver.events().find_map(|event| match event {
        ObjectEvent::Data { bytes, .. } => Some(bytes),
        _ => None,
    });
    assert_eq!(object.unwrap(), data);
    sender.finish().unwrap();
    receiver.close().unwrap();
}
