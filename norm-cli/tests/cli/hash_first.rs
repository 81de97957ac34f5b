//! Files that are hashed before they are sent.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Program, group, norm_recv, norm_send, random_bytes};

fn position(events: &[Value], name: &str) -> usize {
    events.iter().position(|event| event["event"] == name).unwrap_or_else(|| panic!("{events:#?}"))
}

fn sender(group: &str, source: &Path) -> Program {
    let words = ["--json", "-i", "lo", "-g", group, "--min-receivers", "1", "--hash-first"];
    Program::start(norm_send().args(words).arg(source))
}

#[test]
fn content_is_named_before_it_is_sent() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out, group) = (temp.path().join("a.bin"), temp.path().join("out"), group());
    fs::write(&source, random_bytes(91, 5_000_000)).unwrap();
    let words = ["--json", "-i", "lo", "-g", &group, "--timeout", "60"];
    let receiver = Program::start(norm_recv().args(words).arg(&out));
    let (status, sent) = sender(&group, &source).finish();
    assert_eq!(status.code(), Some(0), "{sent:#?}");
    let (hashed, started) = (position(&sent, "hashed"), position(&sent, "started"));
    assert!(hashed < started, "{sent:#?}");
    let content = &sent[hashed]["content"];
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(&events[position(&events, "set_found")]["content"], content);
    assert_eq!(&events[position(&events, "set_complete")]["content"], content);
    assert_eq!(&sent[position(&sent, "summary")]["content"], content);
    assert!(fs::read(out.join("a.bin")).unwrap() == fs::read(&source).unwrap());
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_hashing() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("large");
    // Minutes of work, and no room.
    fs::File::create(&source).unwrap().set_len(400 << 30).unwrap();
    let mut sender = sender(&group(), &source);
    let hashing = sender.wait_for("hashing");
    assert_eq!(hashing["bytes_total"], 400_u64 << 30);
    sender.signal("-INT");
    let (status, events) = sender.finish();
    assert_eq!(status.code(), Some(130), "{events:#?}");
    assert_eq!(events.last().unwrap()["outcome"], "stopped");
    assert!(events.iter().all(|event| event["event"] != "started"));
}
