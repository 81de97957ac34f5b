//! Packets that are damaged on the way, and pass UDP's checksum all the same.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::common::{Program, last, names, norm_recv, norm_send, random_bytes};

const SIZE: usize = 8_000_000;
/// Which of the long packets of content are damaged: those of two mebibytes of the file.
const DAMAGED: [usize; 2] = [1_000, 4_000];
/// Fewer bytes are no packet of a large file.
const LONG: usize = 1_000;

/// Passes packets on between a sender and a receiver, both on this host.
struct Relay {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    /// Returns how many packets were damaged.
    thread: JoinHandle<usize>,
}

impl Relay {
    fn start(receiver: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let (address, ends) = (socket.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&ends);
        let thread = std::thread::spawn(move || pass_on(&socket, receiver, &stop));
        Self { address, ends, thread }
    }

    fn finish(self) -> usize {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Passes packets on until it is to end; returns how many it has damaged.
fn pass_on(socket: &UdpSocket, receiver: SocketAddr, ends: &AtomicBool) -> usize {
    let (mut sender, mut content, mut damaged) = (None, 0, 0);
    let mut buffer = vec![0; 1 << 16];
    while !ends.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        let packet = &mut buffer[..len];
        // The low half of the first byte is the kind of the message (RFC 5740 §4.1): INFO, DATA and
        // CMD are the sender's.
        let to = match packet[0] & 0x0f {
            1..=3 => {
                sender = Some(from);
                Some(receiver)
            }
            _ => sender,
        };
        if packet[0] & 0x0f == 2 && len >= LONG {
            content += 1;
            if DAMAGED.contains(&content) {
                packet[len - 1] ^= 1;
                damaged += 1;
            }
        }
        // A program that has ended does no harm.
        let _ = to.map(|to| socket.send_to(packet, to));
    }
    damaged
}

#[test]
fn bytes_flipped_on_the_way_cost_the_blocks_over_their_chunks() {
    for options in [&[][..], &["--hash-first"], &["--fec", "raptorq"]] {
        let temp = tempfile::tempdir().unwrap();
        let (source, out) = (temp.path().join("file"), temp.path().join("out"));
        let content = random_bytes(41, SIZE);
        fs::write(&source, &content).unwrap();
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let relay = Relay::start(address);
        let place = ["--json", "-i", "127.0.0.1", "-g"];
        let mut command = norm_recv();
        command.args(place).arg(address.to_string()).args(["--timeout", "30"]);
        let mut receiver = Program::start(command.arg(&out));
        receiver.wait_for("settings");
        let mut command = norm_send();
        command.args(place).arg(relay.address.to_string()).args(["-b", "60M"]);
        command.args(["--min-receivers", "1", "--start-timeout", "30"]).args(options);
        let (status, sent) = Program::start(command.arg(&source)).finish();
        assert_eq!(status.code(), Some(0), "{options:?}: {sent:#?}");
        let (status, received) = receiver.finish();
        assert_eq!(status.code(), Some(0), "{options:?}: {received:#?}");
        assert_eq!(relay.finish(), DAMAGED.len(), "{options:?}");
        assert!(fs::read(out.join("file")).unwrap() == content, "{options:?}");
        assert_eq!(names(&out), ["file"], "{options:?}");
        let is_told = received.iter().any(|event| event["kind"] == "received_again");
        assert!(is_told, "{options:?}: {received:#?}");
        let summary = last(&sent, "summary");
        let number = |name: &str| summary[name].as_u64().unwrap();
        let again = number("resent_packets") + number("coded_packets");
        // A mebibyte for each, and a block at each end; a busy machine drops some packets.
        let chunk = (1_u64 << 20).div_ceil(1_344) + 2 * 250;
        let most = DAMAGED.len() as u64 * chunk + 64;
        assert!((1..=most).contains(&again), "{options:?}: {again} of {most} packets");
    }
}
