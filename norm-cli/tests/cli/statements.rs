//! Recordings of sealed sessions, sent again to the real programs.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Program, last, norm_recv, norm_send, normctl, random_bytes, stderr};

struct Lab {
    temp: tempfile::TempDir,
}

impl Lab {
    /// A folder with a file to send and a pair of key files.
    fn new() -> Self {
        let lab = Self { temp: tempfile::tempdir().unwrap() };
        fs::write(lab.path("image"), random_bytes(3, 5_000)).unwrap();
        let output = normctl().arg("keygen").arg(lab.path("lab")).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// What norm-send sends with these options.
    fn recorded(&self, args: &[&str]) -> Vec<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut command = norm_send();
        command.args(["-i", "lo", "-g", &socket.local_addr().unwrap().to_string(), "-b", "20M"]);
        command.arg("--json").args(args).arg("--key").arg(self.path("lab.key"));
        let mut sender = Program::start(command.arg(self.path("image")));
        sender.wait_for("settings");
        let (mut packets, mut buffer) = (Vec::new(), [0; 65_536]);
        let until = Instant::now() + Duration::from_millis(1_500);
        while Instant::now() < until {
            if let Ok((len, _)) = socket.recv_from(&mut buffer) {
                packets.push(buffer[..len].to_vec());
            }
        }
        packets
    }

    fn recv(&self, args: &[&str]) -> (Command, SocketAddr) {
        let to = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = norm_recv();
        command.args(["-i", "lo", "-g", &to.to_string(), "--json", "--timeout", "2"]);
        command.args(args).args(["--overwrite", "--state-dir"]).arg(self.path("state"));
        command.arg("--key").arg(self.path("lab.join")).arg(self.path("in"));
        (command, to)
    }

    /// What norm-recv says when a recording is sent to it, and how it ends.
    fn replayed(&self, packets: &[Vec<u8>], args: &[&str]) -> (i32, Value) {
        let (mut command, to) = self.recv(args);
        let mut receiver = Program::start(&mut command);
        receiver.wait_for("settings");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for packet in packets {
            socket.send_to(packet, to).unwrap();
            thread::sleep(Duration::from_millis(2));
        }
        let (status, events) = receiver.finish();
        let code = status.code().unwrap();
        (code, if code == 0 { Value::Null } else { last(&events, "error")["message"].clone() })
    }
}

/// The program must have ended with code 11, and say this.
fn assert_refused((code, message): (i32, Value), words: &str, file: &Path) {
    let message = message.as_str().unwrap_or_default();
    assert!(code == 11 && message.contains(words), "{code}: {message}");
    assert!(!file.exists(), "it got its name");
}

#[test]
fn recordings_end_with_code_11_and_say_what_helps() {
    let (lab, mute) = (Lab::new(), ["--feedback", "none"]);
    let file = lab.path("in/image");
    let older = lab.recorded(&[]);
    assert_refused(lab.replayed(&older, &[]), "may be a recording", &file);
    thread::sleep(Duration::from_millis(1_100));
    // An older set with the same content is as good.
    fs::write(lab.path("image"), "a newer image").unwrap();
    let newer = lab.recorded(&[]);
    // Receivers that cannot ask take what they have not heard before.
    assert_eq!(lab.replayed(&newer, &mute).0, 0);
    fs::remove_file(&file).unwrap();
    assert_refused(lab.replayed(&older, &mute), "--accept-older", &file);
    assert_eq!(lab.replayed(&older, &["--feedback", "none", "--accept-older"]).0, 0);
    fs::remove_file(&file).unwrap();
    let short = lab.recorded(&["--expires", "1"]);
    thread::sleep(Duration::from_millis(1_100));
    assert_refused(lab.replayed(&short, &mute), "set the clocks", &file);
}

#[test]
fn expiry_without_a_key_is_refused() {
    let lab = Lab::new();
    let mut command = norm_send();
    command.args(["-i", "lo", "-g", "127.0.0.1:9", "--expires", "60"]).arg(lab.path("image"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("--expires needs a key"), "{}", stderr(&output));
}
