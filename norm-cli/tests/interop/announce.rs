//! What another program's dissectors make of our announcements.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::capture::Capture;
use crate::command::run;
use crate::is_wanted;
use crate::logs;
use crate::place::{Place, Spot};
use crate::process::Peer;
use crate::slots::Slot;

const GROUP: &str = "239.255.57.77:6077";

/// What the dissector says of each packet of announcements, field by field.
fn dissected(capture: &Path) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(capture).args([
        "-Y",
        "sap",
        "-T",
        "fields",
        "-E",
        "separator=|",
    ]);
    let fields = [
        "_ws.malformed",
        "_ws.expert.message",
        "ip.dst",
        "udp.dstport",
        "ip.ttl",
        "sap.flags.v",
        "sap.flags.t",
        "sap.auth.len",
        "sap.message_identifier_hash",
        "sap.originating_source",
        "sap.payload_type",
        "sdp.session_name",
        "sdp.media.port_string",
        "sdp.media.proto",
        "sdp.connection_info.address",
        "sdp.connection_info.ttl",
        "sdp.bandwidth.value",
        "sdp.owner.address",
    ];
    for field in fields {
        command.args(["-e", field]);
    }
    let text = run(&mut command);
    text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
}

/// Options of a sender, and what its description names the protocol.
const SESSIONS: [(&[&str], &str); 2] = [(&[], "NORM/UDP"), (&["--flute"], "FLUTE/UDP")];

#[test]
fn announcements_are_understood_by_the_dissector() {
    let name = "announcements_are_understood_by_the_dissector";
    if !is_wanted(name) {
        return;
    }
    let _slot = Slot::one();
    for (options, protocol) in SESSIONS {
        let packets = announced(name, options);
        assert!(packets.len() >= 4, "an announcement and three deletions: {packets:?}");
        check(&packets, protocol);
    }
}

/// What a sender announces until its end.
fn announced(name: &str, options: &[&str]) -> Vec<Vec<String>> {
    let (logs, place) = (logs(name), Place::alone());
    fs::create_dir_all(&logs).expect("a folder for logs");
    let file = logs.join("content");
    fs::write(&file, "content").expect("there is room");
    let capture = Capture::start(&place, &logs).expect("a capture");
    let mut command = place.command(Spot::Sender, Path::new(env!("CARGO_BIN_EXE_norm-send")));
    command.args(["--json", "--group", GROUP, "--interface", "lo", "--announce=lab-7"]);
    command.args(["--ttl", "3", "--rate", "5M"]).args(options).arg(&file);
    let peer = Peer { name: "our-sender", command, ready: None, done: None, stop: false };
    let mut sender = peer.start(&logs).expect("a sender");
    // It hears no receiver, and ends.
    let _ = sender.must_succeed(Duration::from_secs(60));
    let (path, _) = capture.finish().expect("a capture");
    dissected(&path)
}

fn check(packets: &[Vec<String>], protocol: &str) {
    for (at, packet) in packets.iter().enumerate() {
        let [malformed, expert, dst, port, ttl, version, kind, auth, hash, source, of, sdp @ ..] =
            packet.as_slice()
        else {
            panic!("{packet:?}")
        };
        assert_eq!((malformed.as_str(), expert.as_str()), ("", ""), "{packet:?}");
        assert_eq!([dst, port, ttl], ["239.255.255.255", "9875", "3"]);
        assert_eq!([version, auth, source, of], ["1", "0", "127.0.0.1", "application/sdp"]);
        assert_eq!(hash, &packets[0][8], "all are of one announcement");
        let is_deletion = at + 3 >= packets.len();
        assert!(matches!(
            (kind.as_str(), is_deletion),
            ("1" | "True", true) | ("0" | "False", false)
        ));
        if !is_deletion {
            assert_eq!(
                sdp,
                ["lab-7", "6077", protocol, "239.255.57.77", "3", "5000", "127.0.0.1"],
                "{packet:?}"
            );
        }
    }
}
