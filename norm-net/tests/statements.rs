//! What senders sign of their sets, against a member of the group that is on the way between both
//! ends, and against machines that send again what they have recorded.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use norm_core::Timestamp;
use norm_core::fileset::{ChunkHash, ContentError, DigestListWriter, ManifestHash};
use norm_core::flute::wire::{Packet, TimeFields, Toi};
use norm_core::norm::wire::{Data, Message};
use norm_net::io::interface::InterfaceSpec;
use norm_net::seal::exercise::{Forgery, forge};
use norm_net::seal::{
    GroupSecret, Guard, Keyring, Opened, Role, RunId, SessionAddress, Signer, Suite,
};
use norm_net::transfer::flute::Profile;
use norm_net::{
    Feedback, FluteReceive, FluteSend, Pace, Problem, ReceiveOptions, ReceiveOutcome,
    ReceiveReport, SealConfig, SendOptions, Sending, StateFolders, receive, send,
};
use tempfile::{TempDir, tempdir};

const SECRET: [u8; 32] = [7; 32];

fn long_term() -> Signer {
    Signer::from_seed([9; 32])
}

/// What the sender holds, or a receiver.
fn keys(side: Role) -> Option<SealConfig> {
    let keys = Keyring::new(GroupSecret::new(SECRET));
    Some(SealConfig::new(match side {
        Role::Sender => keys.with_signer(long_term()),
        Role::Receiver => keys.with_trusted(long_term().verifier()),
    }))
}

/// What a member is told that sends the same file, and what it makes of it.
const TRUTH: &[u8] = &[0x11; 1000];
const LIE: &[u8] = &[0x66; 1000];

/// A folder with a file that is to be sent, and one for what comes.
fn files() -> (TempDir, PathBuf, PathBuf) {
    let dir = tempdir().unwrap();
    let (file, out) = (dir.path().join("file"), dir.path().join("out"));
    fs::write(&file, TRUTH).unwrap();
    (dir, file, out)
}

fn loopback() -> Option<InterfaceSpec> {
    Some(InterfaceSpec::Name("lo".to_owned()))
}

fn sending(group: SocketAddr, file: &Path, change: impl FnOnce(&mut SendOptions)) -> Sending {
    let options = SendOptions::new(group).with(|o| {
        o.interface = loopback();
        o.pace = Pace::Fixed(20_000_000);
        o.seal = keys(Role::Sender);
        change(o);
    });
    send(&[file.to_owned()], &options).unwrap()
}

fn receiving(group: SocketAddr, out: &Path) -> ReceiveOptions {
    ReceiveOptions::new(group, out).with(|o| {
        o.interface = loopback();
        o.timeout = Some(Duration::from_secs(2));
        o.seal = keys(Role::Receiver);
        o.overwrite = true;
    })
}

fn here() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

/// A port that is free now.
fn free() -> SocketAddr {
    here().local_addr().unwrap()
}

/// A member that reads all packets of a sender, and exchanges the content of the file together with
/// its hash.
struct Insider {
    guard: Guard,
    is_sealed: bool,
    is_flute: bool,
    counts: Arc<Counts>,
}

/// Packets that have gone on with something else in them.
#[derive(Debug, Default)]
struct Counts {
    content: AtomicU32,
    lists: AtomicU32,
}

/// What becomes of a symbol.
enum Fate {
    Stays,
    Dropped,
    Exchanged(Vec<u8>),
}

impl Insider {
    fn new(is_sealed: bool, is_flute: bool, counts: Arc<Counts>) -> Self {
        let keys = Keyring::new(GroupSecret::new(SECRET));
        let (address, run) = (SessionAddress::default(), RunId([0xee; 12]));
        let guard = Guard::new(Role::Receiver, keys, Suite::default(), address, run);
        Self { guard, is_sealed, is_flute, counts }
    }

    /// What goes on of a packet of the sender; `None` for nothing.
    fn change(&mut self, packet: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
        let mut opened = packet.to_vec();
        let text = match self.guard.open(Timestamp::ZERO, from, &mut opened) {
            _ if !self.is_sealed => packet.to_vec(),
            Ok(Opened::Text(text, _)) => text.to_vec(),
            _ => return Some(packet.to_vec()),
        };
        let changed = if self.is_flute { in_flute(&text) } else { in_norm(&text) };
        let text = match changed {
            Fate::Stays => return Some(packet.to_vec()),
            Fate::Dropped => return None,
            Fate::Exchanged(text) => text,
        };
        let is_list = text.windows(4).any(|bytes| bytes == b"NDIG");
        let exchanged = if self.is_sealed {
            let (secret, address) = (GroupSecret::new(SECRET), SessionAddress::default());
            forge(secret, address, &packet[..28], &text, Forgery::Unsigned(0)).unwrap()
        } else {
            text
        };
        assert_ne!(exchanged, packet);
        let Counts { content, lists } = &*self.counts;
        (if is_list { lists } else { content }).fetch_add(1, Ordering::Relaxed);
        Some(exchanged)
    }
}

/// What becomes of a symbol of the file, or of the list of its hashes: coded ones are dropped.
fn exchange(symbol: &[u8]) -> Fate {
    if symbol.starts_with(&TRUTH[..100]) {
        let mut lie = symbol.to_vec();
        lie[..LIE.len()].copy_from_slice(LIE);
        return Fate::Exchanged(lie);
    }
    if symbol.starts_with(b"NDIG") {
        let manifest = ManifestHash(symbol[12..44].try_into().unwrap());
        let mut list = DigestListWriter::new(manifest);
        list.push(&ChunkHash(*blake3::hash(LIE).as_bytes())).unwrap();
        let mut list = list.finish().0;
        list.resize(symbol.len(), 0);
        return Fate::Exchanged(list);
    }
    if symbol.starts_with(b"NMAN") { Fate::Stays } else { Fate::Dropped }
}

fn in_norm(text: &[u8]) -> Fate {
    let Ok((header, Message::Data(data))) = Message::parse(text) else { return Fate::Stays };
    let Fate::Exchanged(payload) = exchange(data.payload) else { return exchange(data.payload) };
    let mut out = Vec::new();
    Message::Data(Data { payload: &payload, ..data }).emit(header, &mut out);
    Fate::Exchanged(out)
}

fn in_flute(text: &[u8]) -> Fate {
    let Ok(packet) = Packet::parse(text, TimeFields::Reserved) else { return Fate::Stays };
    // Payload ids have four bytes.
    let Some((id, symbol)) = packet.content.split_at_checked(4) else { return Fate::Stays };
    if packet.header.toi == Some(Toi::FDT) {
        return Fate::Stays;
    }
    let Fate::Exchanged(symbol) = exchange(symbol) else { return exchange(symbol) };
    let (content, mut out) = ([id, &symbol].concat(), Vec::new());
    Packet { content: &content, ..packet }.emit(&mut out);
    Fate::Exchanged(out)
}

/// Stands between a sender, which sends to it, and a receiver.
struct Between {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Between {
    /// Hands on what `change` makes of packets of the sender.
    fn start(
        to: SocketAddr,
        mut change: impl FnMut(&[u8], SocketAddr) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let [sender_side, receiver_side] = [here(), here()].map(|socket| {
            socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            socket
        });
        let (address, over) = (sender_side.local_addr().unwrap(), Arc::clone(&is_over));
        let run = move || {
            let (mut sender, mut buffer) = (None, [0; 65_536]);
            while !over.load(Ordering::Relaxed) {
                if let Ok((len, from)) = sender_side.recv_from(&mut buffer) {
                    sender = Some(from);
                    let next = change(&buffer[..len], from);
                    next.map(|next| receiver_side.send_to(&next, to));
                }
                if let Ok((len, _)) = receiver_side.recv_from(&mut buffer) {
                    sender.map(|sender| sender_side.send_to(&buffer[..len], sender));
                }
            }
        };
        Self { address, is_over, thread: thread::spawn(run) }
    }

    fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

/// What becomes of the file when a member between both ends exchanges it together with its hashes.
fn exchanged(
    is_sealed: bool,
    flute: Option<FluteSend>,
    hash_first: bool,
) -> (ReceiveReport, Vec<u8>) {
    let (_dir, file, out) = files();
    let to = free();
    let counts = Arc::new(Counts::default());
    let mut insider = Insider::new(is_sealed, flute.is_some(), Arc::clone(&counts));
    let between = Between::start(to, move |packet, from| insider.change(packet, from));
    let mut options = receiving(to, &out);
    options.seal = options.seal.filter(|_| is_sealed);
    options.flute = flute.map(|_| FluteReceive::default());
    let received = receive(&options).unwrap();
    let sent = sending(between.address, &file, |o| {
        o.seal = o.seal.take().filter(|_| is_sealed);
        (o.flute, o.content.hash_first) = (flute, hash_first);
        o.min_receivers = usize::from(flute.is_none());
    });
    let report = received.wait().unwrap();
    sent.stopper().stop();
    let _ = sent.wait().unwrap();
    between.end();
    let [content, lists] = [&counts.content, &counts.lists].map(|it| it.load(Ordering::Relaxed));
    assert!(content > 0 && lists > 0, "content and list are exchanged: {counts:?}");
    (report, fs::read(out.join("file")).unwrap_or_default())
}

#[test]
fn member_on_the_way_exchanges_no_content_together_with_its_hashes() {
    // Without a key that is all that it takes.
    let (report, content) = exchanged(false, None, false);
    assert_eq!((report.outcome, content), (ReceiveOutcome::Complete, LIE.to_vec()));
    let flute = Some(FluteSend::new(Profile::Own));
    let damaged = Problem::Damaged { error: ContentError::ContentMismatch };
    for (flute, hash_first, outcome, problem) in [
        (None, false, ReceiveOutcome::VerifyFailed, damaged.clone()),
        (None, true, ReceiveOutcome::VerifyFailed, damaged),
        // It has one pass: nothing of it is received again.
        (flute, false, ReceiveOutcome::Partial, Problem::SenderEnded),
    ] {
        let (report, content) = exchanged(true, flute, hash_first);
        assert_eq!(report.outcome, outcome, "{report:?}");
        let problems: Vec<&Problem> = report.failed.iter().map(|failed| &failed.problem).collect();
        assert_eq!(problems, [&problem]);
        assert!(content.is_empty(), "nothing gets a name");
        assert!(report.security.opened > 0);
    }
}

/// What a sender sends, in order.
fn recorded(file: &Path, change: impl FnOnce(&mut SendOptions)) -> Vec<Vec<u8>> {
    let socket = here();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let sent = sending(socket.local_addr().unwrap(), file, change);
    let (mut packets, mut buffer) = (Vec::new(), [0; 65_536]);
    let until = Instant::now() + Duration::from_millis(1_500);
    while Instant::now() < until {
        if let Ok((len, _)) = socket.recv_from(&mut buffer) {
            packets.push(buffer[..len].to_vec());
        }
    }
    sent.stopper().stop();
    let _ = sent.wait().unwrap();
    packets
}

/// What a receiver makes of a recording that is sent to it.
fn replayed(packets: &[Vec<u8>], options: &ReceiveOptions) -> ReceiveReport {
    let received = receive(options).unwrap();
    let socket = here();
    for packet in packets {
        socket.send_to(packet, options.group).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    received.wait().unwrap()
}

#[test]
fn recording_is_refused_by_a_receiver_that_can_ask() {
    let (_dir, file, out) = files();
    let packets = recorded(&file, |_| {});
    let report = replayed(&packets, &receiving(free(), &out));
    assert_eq!(report.outcome, ReceiveOutcome::Refused { problem: Problem::NotLive });
    assert!(!out.join("file").exists());
    // One that cannot ask, and has heard nothing before, cannot know.
    let mute = receiving(free(), &out).with(|o| o.feedback = Feedback::None);
    let report = replayed(&packets, &mute);
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
}

#[test]
fn older_and_expired_recordings_are_refused_by_receivers_that_cannot_ask() {
    let (dir, file, out) = files();
    let older = recorded(&file, |_| {});
    fs::write(&file, LIE).unwrap();
    let [same, newer] = [(); 2].map(|()| {
        // Serial numbers are seconds.
        thread::sleep(Duration::from_millis(1_100));
        recorded(&file, |_| {})
    });
    let mute = |accept_older| {
        receiving(free(), &out).with(|o| {
            o.feedback = Feedback::None;
            o.files.state = StateFolders::within(&dir.path().join("state"));
            o.files.accept_older = accept_older;
        })
    };
    for recording in [&newer, &same] {
        // Another session with the same content may have begun earlier.
        let report = replayed(recording, &mute(false));
        assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
        assert_eq!(fs::read(out.join("file")).unwrap(), LIE);
        fs::remove_file(out.join("file")).unwrap();
    }
    let report = replayed(&older, &mute(false));
    let problem = Problem::SetOlder { name: "file".to_owned() };
    assert_eq!(report.outcome, ReceiveOutcome::Refused { problem });
    assert!(!out.join("file").exists());
    assert_eq!(replayed(&older, &mute(true)).outcome, ReceiveOutcome::Complete);
    assert_eq!(replayed(&newer, &mute(false)).outcome, ReceiveOutcome::Complete, "the same again");
    let short = recorded(&file, |o| o.content.expires = Some(Duration::from_secs(1)));
    thread::sleep(Duration::from_millis(1_100));
    let report = replayed(&short, &mute(false));
    assert_eq!(report.outcome, ReceiveOutcome::Refused { problem: Problem::SetExpired });
}

/// A recording does not end a receiver that waits for the sender.
#[test]
fn receiver_takes_the_sender_after_a_recording_that_it_has_refused() {
    let (_dir, file, out) = files();
    let packets = recorded(&file, |_| {});
    let options = receiving(free(), &out).with(|o| o.timeout = Some(Duration::from_secs(20)));
    let received = receive(&options).unwrap();
    let socket = here();
    for packet in &packets {
        socket.send_to(packet, options.group).unwrap();
    }
    thread::sleep(Duration::from_millis(300));
    let sent = sending(options.group, &file, |o| o.min_receivers = 1);
    let report = received.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!(fs::read(out.join("file")).unwrap(), TRUTH);
    let _ = sent.wait().unwrap();
}

#[test]
fn sealed_carousel_of_flute_is_stated_and_received_one_way() {
    let (_dir, file, out) = files();
    let to = free();
    let options = receiving(to, &out).with(|o| {
        o.flute = Some(FluteReceive::default());
        o.timeout = Some(Duration::from_secs(20));
    });
    let received = receive(&options).unwrap();
    let sent = sending(to, &file, |o| o.flute = Some(FluteSend::new(Profile::Own)));
    let report = received.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!(fs::read(out.join("file")).unwrap(), TRUTH);
    sent.stopper().stop();
    let _ = sent.wait().unwrap();
}
