//! When a transfer starts, and which receivers it names.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::common::{Program, group, last, norm_recv, norm_send, random_bytes, stderr, stdout};

fn receiver(group: &str, folder: &Path, name: &str) -> Program {
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "--timeout", "60", "--name", name]);
    let mut program = Program::start(command.arg(folder));
    program.wait_for("settings");
    program
}

fn send(group: &str, path: &Path, more: &[&str]) -> Output {
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", group]).args(more).arg(path).output().unwrap()
}

#[test]
fn clones_that_came_in_time_are_named_with_their_addresses() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("file");
    fs::write(&path, random_bytes(70, 100_000)).unwrap();
    let group = group();
    let receivers = ["one", "two"].map(|folder| receiver(&group, &temp.path().join(folder), "lab"));
    let missing = send(&group, &path, &["--min-receivers", "3", "--start-timeout", "2"]);
    let said = stderr(&missing);
    assert_eq!(missing.status.code(), Some(5), "{said}");
    assert!(said.contains("2 of 3 receivers joined in time (lab (127.0.0.1:"), "{said}");
    assert!(said.contains("--max-wait"), "{said}");
    assert!(said.contains("receiver lab (127.0.0.1:"), "the second one joined: {said}");

    let sent = send(&group, &path, &["--min-receivers", "2"]);
    let table = stdout(&sent);
    assert_eq!(sent.status.code(), Some(0), "{table}");
    assert_eq!(table.matches("lab       127.0.0.1:").count(), 2, "{table}");
    receivers.into_iter().for_each(|receiver| assert_eq!(receiver.finish().0.code(), Some(0)));
}

#[test]
fn transfer_starts_after_the_longest_wait_with_the_receivers_that_are_there() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("file");
    fs::write(&path, random_bytes(71, 100_000)).unwrap();
    let group = group();
    let receiver = receiver(&group, &temp.path().join("one"), "lab");
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", &group, "--json"]);
    command.args(["--min-receivers", "3", "--max-wait", "2"]);
    let (status, events) = Program::start(command.arg(&path)).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let started = last(&events, "started");
    assert_eq!(started["receivers"], 1);
    assert!((2.0..10.0).contains(&started["at"].as_f64().unwrap()), "{started}");
    assert_eq!(events.iter().find(|e| e["event"] == "progress").unwrap()["wanted"], 3);
    assert_eq!(receiver.finish().0.code(), Some(0));
}
