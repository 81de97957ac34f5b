//! Sessions are heard of while they last, over real sockets on the loopback interface.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use norm_net::announce::{Change, ListenOptions, Listening, SessionProtocol, listen};
use norm_net::io::interface::InterfaceSpec;
use norm_net::{Announce, SendError, SendOptions, Sending, send};

/// Longer than anything here takes, also on a slow machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

fn loopback() -> InterfaceSpec {
    InterfaceSpec::Address([127, 0, 0, 1].into())
}

/// A session that waits for a receiver.
fn announce(folder: &tempfile::TempDir, group: SocketAddr, name: &str) -> Sending {
    let file = folder.path().join("file");
    fs::write(&file, "content").unwrap();
    let options = SendOptions::new(group).with(|o| {
        o.interface = Some(loopback());
        o.min_receivers = 1;
        o.announce = Some(Announce::new(name));
    });
    send(&[file], &options).unwrap()
}

/// What is said next of the session with this name.
fn next_of(listening: &mut Listening, name: &str) -> Change {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match listening.next(Duration::from_millis(200)).unwrap() {
            Some(change @ (Change::New(_) | Change::Modified(_) | Change::Deleted(_)))
                if named(&change, name) =>
            {
                return change;
            }
            _ => {}
        }
    }
    panic!("nothing of {name}: {:?}", listening.sessions());
}

fn named(change: &Change, name: &str) -> bool {
    let (Change::New(it) | Change::Modified(it) | Change::Deleted(it)) = change;
    it.description.name == name
}

#[test]
fn session_is_heard_of_from_its_start_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("announced {}", std::process::id());
    let options = ListenOptions::default().with(|o| o.interface = Some(loopback()));
    let mut listening = listen(&options).unwrap();
    assert!(listening.interfaces().all(|interface| interface.loopback));
    let group = "239.255.77.1:45777".parse().unwrap();
    let sending = announce(&folder, group, &name);
    let stopper = sending.stopper();
    let Change::New(heard) = next_of(&mut listening, &name) else { panic!("it is new") };
    assert_eq!(heard.description.group, group);
    assert_eq!(heard.description.protocol, SessionProtocol::Norm);
    assert_eq!(heard.description.content.unwrap().files, 1);
    assert_eq!(&heard.description, sending.description());
    assert!(listening.sessions().contains(&heard));
    let waits = thread::spawn(move || sending.wait().unwrap());
    stopper.stop();
    assert!(matches!(next_of(&mut listening, &name), Change::Deleted(_)));
    assert!(!listening.sessions().contains(&heard));
    waits.join().unwrap();
}

#[test]
fn session_of_one_receiver_cannot_be_announced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "content").unwrap();
    let options = SendOptions::new("127.0.0.1:45778".parse().unwrap())
        .with(|o| o.announce = Some(Announce::new("one")));
    let error = send(&[file], &options).unwrap_err();
    assert!(matches!(error, SendError::Config(_)), "{error:?}");
    assert!(error.to_string().contains("multicast group"), "{error}");
}
