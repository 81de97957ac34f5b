//! Everything a case puts on the wire, in a file, and what Wireshark's dissector thinks of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::peers::PORT;
use crate::place::{Place, Spot};
use crate::process::{Peer, Running};

/// As many packets as the dissector looks at; more take it seconds.
const DISSECTED: &str = "4000";
/// It reads what the kernel has captured a bit more often than this, and at its end not at all.
const READ_INTERVAL: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(20);

/// A running capture.
pub struct Capture {
    program: Running,
    path: PathBuf,
}

impl Capture {
    /// Begins to capture at the sender.
    pub fn start(place: &Place, logs: &Path) -> Result<Self, String> {
        let path = logs.join("capture.pcap");
        let mut command = place.command(Spot::Sender, Path::new("dumpcap"));
        command.args(["-q", "-P", "-B", "64", "-f", "udp", "-i", place.interface(), "-w"]);
        command.arg(&path);
        let peer = Peer { name: "dumpcap", command, ready: None, done: None, stop: false };
        let program = peer.start(logs)?;
        let end = Instant::now() + PATIENCE;
        // It says so when the socket is open.
        while !program.errors().contains("File: ") {
            if Instant::now() > end {
                return Err(format!("dumpcap does not begin: {}", program.errors()));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { program, path })
    }

    /// Ends it. Returns the file, and how many packets it lacks.
    pub fn finish(mut self) -> Result<(PathBuf, u64), String> {
        self.stop()?;
        // `Packets received/dropped on interface 'lo': 57/0 (pcap:0/...`
        let errors = self.program.errors();
        let counts = errors.split("Packets received/dropped on interface").nth(1);
        let dropped = counts
            .and_then(|text| text.split('/').nth(1)?.split([' ', '\n']).next()?.parse().ok())
            .ok_or_else(|| format!("dumpcap does not say what it dropped: {errors}"))?;
        Ok((self.path.clone(), dropped))
    }

    /// Makes it write what it still holds, and end.
    fn stop(&mut self) -> Result<(), String> {
        thread::sleep(READ_INTERVAL);
        let sent = Command::new("kill").args(["-INT", &self.program.id().to_string()]).output();
        sent.map_err(|error| format!("kill: {error}"))?;
        self.program.must_succeed(PATIENCE)
    }
}

impl Drop for Capture {
    /// When a case fails, the end of the capture is what one wants to see.
    fn drop(&mut self) {
        if self.program.is_running() {
            // It is killed then.
            let _ = self.stop();
        }
    }
}

/// Fails when the dissector finds a malformed packet among the messages to these ports.
pub fn must_be_well_formed(capture: &Path, ports: &[u16]) -> Result<(), String> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-c", DISSECTED, "-r"]).arg(capture);
    for port in ports.iter().chain([&PORT]) {
        command.args(["-d", &format!("udp.port=={port},norm")]);
    }
    command.args(["-T", "fields", "-e", "frame.number", "-e", "frame.protocols"]);
    // Has a value for broken ones only: `[Malformed Packet: ...`
    command.args(["-e", "_ws.malformed"]);
    let text = crate::command::run(&mut command);
    let broken: Vec<&str> = text.lines().filter(|line| line.contains("Malformed")).collect();
    if !broken.is_empty() {
        return Err(format!("malformed packets in {}: {broken:?}", capture.display()));
    }
    if !text.lines().any(|line| line.contains(":norm")) {
        return Err(format!("no NORM message was recognised in {}", capture.display()));
    }
    Ok(())
}

/// Shows that the dissector would notice.
#[test]
fn message_cut_short_is_noticed() {
    use etherparse::PacketBuilder;
    use pcap_file::pcap::{PcapPacket, PcapWriter};
    if !crate::is_wanted("a_message_cut_short_is_noticed") {
        return;
    }
    // A DATA message for fec_id 129; its header says 10 words.
    let mut message = vec![0x12, 10, 0, 1, 0, 0, 0, 1, 0x12, 0x34, 0x74, 0x20, 0x10, 129, 0, 0];
    message.extend([0, 0, 0, 0, 0, 17, 0, 0]);
    message.extend([64, 4, 0, 0, 0, 1, 0x86, 0xa3, 0, 0, 3, 0xe8, 0, 20, 0, 4, 0x61]);
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let write = |name: &str, message: &[u8]| {
        let path = folder.path().join(name);
        let file = std::fs::File::create(&path).expect("the folder is ours");
        let mut writer = PcapWriter::new(file).expect("there is room");
        let builder = PacketBuilder::ethernet2([0; 6], [0; 6])
            .ipv4([127, 0, 0, 1], [239, 255, 57, 41], 1)
            .udp(5000, PORT);
        let mut data = Vec::new();
        builder.write(&mut data, message).expect("it is short");
        let packet = PcapPacket::new(Duration::ZERO, data.len() as u32, &data);
        writer.write_packet(&packet).expect("there is room");
        path
    };
    assert_eq!(must_be_well_formed(&write("whole.pcap", &message), &[]), Ok(()));
    let cut = must_be_well_formed(&write("cut.pcap", &message[..18]), &[]);
    assert!(cut.as_ref().is_err_and(|error| error.contains("malformed")), "{cut:?}");
}
