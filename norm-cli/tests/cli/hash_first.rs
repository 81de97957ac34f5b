//! Files that are hashed before they are sent.

use std::fs;
use std::io::Write;
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
    // Some tenths of a second of work.
    let mut file = fs::File::create(&source).unwrap();
    (0..1024).for_each(|_| file.write_all(&[7; 1 << 20]).unwrap());
    let mut sender = sender(&group(), &source);
    let hashing = sender.wait_for("hashing");
    assert_eq!(hashing["bytes_total"], 1_u64 << 30);
    sender.signal("-INT");
    let (status, events) = sender.finish();
    assert_eq!(status.code(), Some(130), "{events:#?}");
    assert_eq!(events.last().unwrap()["outcome"], "stopped");
    assert!(events.iter().all(|event| event["event"] != "started"));
}

/// Sends and receives once, with folders for what is kept; returns what both say.
fn transfer(temp: &Path, send: &[&str], receive: &[&str]) -> (Vec<Value>, Vec<Value>) {
    let (group, state) = (group(), temp.join("state"));
    let common = ["--json", "-i", "lo", "-g", &group, "--state-dir", state.to_str().unwrap()];
    let mut command = norm_recv();
    command.args(common).args(["--timeout", "60"]).args(receive).arg(temp.join("out"));
    let mut receiver = Program::start(&mut command);
    receiver.wait_for("settings");
    let mut command = norm_send();
    command.args(common).args(["--min-receivers", "1"]).args(send).arg(temp.join("source"));
    let (status, sent) = Program::start(&mut command).finish();
    let (received, events) = receiver.finish();
    assert_eq!((status.code(), received.code()), (Some(0), Some(0)), "{sent:#?}\n{events:#?}");
    (sent, events)
}

#[cfg(unix)]
#[test]
fn what_is_here_by_its_receipt_is_not_sent_again() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("source/below");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.bin"), random_bytes(92, 3_000_000)).unwrap();
    fs::write(folder.join("b"), "small").unwrap();
    let unchanged =
        |events: &[Value]| events[position(events, "set_complete")]["unchanged"].clone();
    let (first, events) = transfer(temp.path(), &["--hash-first"], &[]);
    assert_eq!(unchanged(&events), false);
    let (second, events) = transfer(temp.path(), &["--hash-first"], &[]);
    assert_eq!(unchanged(&events), true);
    let packets = |events: &[Value]| {
        let summary = &events[position(events, "summary")];
        summary["data_packets"].as_u64().unwrap() + summary["resent_packets"].as_u64().unwrap()
    };
    assert!(packets(&second) < packets(&first) / 20, "{} packets", packets(&second));
    // Receipts are of a directory, and without a hash from the start none is found.
    let (_, events) = transfer(temp.path(), &["--no-hash-cache"], &[]);
    assert_eq!(unchanged(&events), false);
}

#[cfg(unix)]
#[test]
fn hashes_are_kept_and_sent_first_the_next_time() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("source"), random_bytes(93, 3_000_000)).unwrap();
    // Files that have just been changed may change again.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let is_first = |events: &[Value]| events.iter().any(|event| event["event"] == "hashed");
    assert!(!is_first(&transfer(temp.path(), &[], &["--overwrite"]).0));
    assert!(!is_first(&transfer(temp.path(), &["--no-hash-cache"], &["--overwrite"]).0));
    let (sent, _) = transfer(temp.path(), &[], &["--overwrite"]);
    assert!(is_first(&sent), "{sent:#?}");
    assert!(sent.iter().all(|event| event["event"] != "hashing"), "at once");
}

#[test]
fn only_expected_content_is_taken() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("source"), random_bytes(94, 300_000)).unwrap();
    let (sent, _) = transfer(temp.path(), &[], &[]);
    let content = sent[position(&sent, "summary")]["content"].as_str().unwrap().to_owned();
    fs::remove_file(temp.path().join("out/source")).unwrap();
    transfer(temp.path(), &[], &["--expect", &content]);
    fs::remove_file(temp.path().join("out/source")).unwrap();
    let group = group();
    let words = ["--json", "-i", "lo", "-g", &group, "--timeout", "60"];
    let other = "0".repeat(64);
    let mut command = norm_recv();
    command.args(words).args(["--expect", &other]).arg(temp.path().join("out"));
    let mut receiver = Program::start(&mut command);
    receiver.wait_for("settings");
    let mut command = norm_send();
    command.args(["--json", "-i", "lo", "-g", &group, "--min-receivers", "1"]);
    let (status, _) = Program::start(command.arg(temp.path().join("source"))).finish();
    assert_eq!(status.code(), Some(7));
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(8), "{events:#?}");
    let failed = &events[position(&events, "set_failed")];
    assert_eq!(failed["problem"]["kind"], "other_content");
    assert_eq!(crate::common::names(&temp.path().join("out")), [""; 0]);
}
