//! Receivers that want a part of what is sent (`--only`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::{Program, group, last, names, norm_recv, norm_send, random_bytes, stderr};
use crate::schema;

/// Bytes of the file that not all want.
const LARGE: usize = 24 << 20;

/// `set` with two small files, a folder, and a large file between them.
fn set(temp: &Path) -> PathBuf {
    let set = temp.join("set");
    fs::create_dir_all(set.join("docs/empty")).unwrap();
    fs::write(set.join("a.txt"), random_bytes(1, 200_000)).unwrap();
    fs::write(set.join("docs/b.txt"), random_bytes(2, 300_000)).unwrap();
    fs::write(set.join("large.img"), random_bytes(3, LARGE)).unwrap();
    fs::write(set.join("z.txt"), random_bytes(4, 1_000)).unwrap();
    set
}

fn receiver(group: &str, out: &Path, arguments: &[&str]) -> Command {
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "--timeout", "60"]);
    command.args(arguments).arg(out);
    command
}

fn sender(group: &str, set: &Path, arguments: &[&str]) -> Command {
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", group, "--json"]).args(arguments).arg(set);
    command
}

fn same(set: &Path, out: &Path, name: &str) {
    assert!(fs::read(set.join(name)).unwrap() == fs::read(out.join(name)).unwrap(), "{name}");
}

#[test]
fn part_of_a_set_arrives_and_nothing_else_is_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let (set, out, group) = (set(temp.path()), temp.path().join("out"), group());
    let only = ["--only", "*.txt", "--only", "*.gif", "--drop", "5"];
    let mut receiving = Program::start(&mut receiver(&group, &out, &only));
    receiving.wait_for("settings");
    let arguments = ["-b", "200M", "--min-receivers", "1", "--payload", "missing"];
    let (status, sent) = Program::start(&mut sender(&group, &set, &arguments)).finish();
    assert_eq!(status.code(), Some(0), "{sent:#?}");
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    schema::check(&["ProgramEvent", "ReceiverEvent", "ReceiveEvent"], &events);

    let out = out.join("set");
    assert_eq!(
        (names(&out), names(&out.join("docs"))),
        (vec!["a.txt".to_owned(), "docs".to_owned(), "z.txt".to_owned()], vec!["b.txt".to_owned()])
    );
    for name in ["a.txt", "docs/b.txt", "z.txt"] {
        same(&set, &out, name);
    }
    let known = last(&events, "files_known");
    assert_eq!((&known["files"], &known["unwanted"]), (&3.into(), &1.into()));
    assert_eq!(known["bytes"], 501_000);
    let complete = last(&events, "set_complete");
    assert_eq!((&complete["files"], &complete["unwanted"]), (&3.into(), &1.into()));
    assert_eq!((&complete["bytes"], &complete["content"]), (&501_000.into(), &Value::Null));
    assert_eq!(complete["hashes"].as_array().unwrap().len(), 3);
    let hint = events.iter().find(|event| event["kind"] == "patterns_unmatched").unwrap();
    assert_eq!(hint["patterns"], Value::from(vec!["*.gif"]));
    let progress = events.iter().filter(|event| event["event"] == "progress");
    for total in progress.map(|event| event["bytes_total"].as_u64().unwrap()).skip(2) {
        assert!(total < 600_000, "{total} bytes are more than what is wanted");
    }
    let bytes = last(&sent, "summary")["wire_bytes"].as_u64().unwrap();
    assert!(bytes < LARGE as u64 / 3, "{bytes} bytes were sent");
    assert_eq!(last(&sent, "summary")["receivers"][0]["outcome"], "confirmed");
}

#[test]
fn receivers_may_want_different_parts_of_what_is_sent_once() {
    let temp = tempfile::tempdir().unwrap();
    let (set, group) = (set(temp.path()), group());
    let wanted = ["a.txt", "docs/", "/set/large.img", "*"];
    let expected = [["a.txt", ""], ["docs/b.txt", ""], ["large.img", ""], ["a.txt", "large.img"]];
    let outs: Vec<PathBuf> = (0..4).map(|n| temp.path().join(format!("out-{n}"))).collect();
    let mut receivers: Vec<Program> = wanted
        .iter()
        .zip(&outs)
        .map(|(only, out)| {
            let arguments = ["--only", only, "--drop", "3", "--memory", "16M"];
            Program::start(&mut receiver(&group, out, &arguments))
        })
        .collect();
    receivers.iter_mut().for_each(|receiver| drop(receiver.wait_for("settings")));
    let (status, sent) =
        Program::start(&mut sender(&group, &set, &["-b", "200M", "--min-receivers", "4"])).finish();
    assert_eq!(status.code(), Some(0), "{sent:#?}");
    for ((receiver, names), out) in receivers.into_iter().zip(expected).zip(&outs) {
        let (status, events) = receiver.finish();
        assert_eq!(status.code(), Some(0), "{events:#?}");
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            same(&set, &out.join("set"), name);
        }
    }
    assert_eq!(names(&outs[0].join("set")), ["a.txt"]);
    assert_eq!(names(&outs[1].join("set")), ["docs"]);
    assert_eq!(names(&outs[1].join("set/docs")), ["b.txt", "empty"]);
    assert_eq!(names(&outs[2].join("set")), ["large.img"]);
    assert_eq!(names(&outs[3].join("set")), ["a.txt", "docs", "large.img", "z.txt"]);
}

#[test]
fn late_joiner_gets_its_part_of_what_was_sent_before() {
    let temp = tempfile::tempdir().unwrap();
    let (set, out, group) = (set(temp.path()), temp.path().join("out"), group());
    let mut sending = Program::start(&mut sender(&group, &set, &["-b", "200M", "--linger", "60"]));
    sending.wait_for("settings");
    let first = temp.path().join("first");
    let receiving = Program::start(&mut receiver(&group, &first, &[]));
    assert_eq!(receiving.finish().0.code(), Some(0));
    let receiving = Program::start(&mut receiver(&group, &out, &["--only", "z.txt"]));
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    same(&set, &out.join("set"), "z.txt");
    let bytes = last(&events, "summary")["wire_bytes"].as_u64().unwrap();
    assert!(bytes < LARGE as u64 / 3, "{bytes} bytes came");
    sending.signal("-INT");
    sending.finish();
}

#[test]
fn interrupted_part_is_resumed_by_a_receiver_that_wants_all() {
    let temp = tempfile::tempdir().unwrap();
    let (set, out, group) = (set(temp.path()), temp.path().join("out"), group());
    let arguments = ["-b", "40M", "--min-receivers", "1"];
    let only = ["--only", "large.img", "--only", "z.txt"];
    let mut receiving = Program::start(&mut receiver(&group, &out, &only));
    receiving.wait_for("settings");
    let sending = Program::start(&mut sender(&group, &set, &arguments));
    while receiving.wait_for("progress")["bytes_done"].as_u64().unwrap() < 6 << 20 {}
    receiving.signal("-INT");
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(130), "{events:#?}");
    let kept = last(&events, "resume_data_kept")["bytes_done"].as_u64().unwrap();
    assert!(kept > 4 << 20, "{kept}");
    drop(sending);

    let group = self::group();
    let mut receiving = Program::start(&mut receiver(&group, &out, &[]));
    receiving.wait_for("settings");
    let (status, _) = Program::start(&mut sender(&group, &set, &arguments)).finish();
    assert_eq!(status.code(), Some(0));
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(last(&events, "set_resumed")["bytes_done"].as_u64(), Some(kept));
    for name in ["a.txt", "docs/b.txt", "large.img", "z.txt"] {
        same(&set, &out.join("set"), name);
    }
}

#[test]
fn part_that_nothing_matches_is_told_and_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let (set, out, group) = (set(temp.path()), temp.path().join("out"), group());
    let mut receiving = norm_recv();
    receiving.args(["-i", "127.0.0.1", "-g", &group, "--only", "*.gif", "--timeout", "60"]);
    let receiving = std::thread::spawn(move || receiving.arg(&out).output().unwrap());
    let mut sending = sender(&group, &set, &["-b", "200M", "--min-receivers", "1"]);
    let (status, events) = Program::start(&mut sending).finish();
    assert_ne!(status.code(), Some(0));
    let receiver = &last(&events, "summary")["receivers"][0];
    assert!(receiver["reason"].as_str().unwrap().contains("matches what is wanted"), "{receiver}");
    let output = receiving.join().unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(7), "{message}");
    let last = message.lines().last().unwrap();
    assert!(last.starts_with("error: nothing received: nothing that is sent matches"), "{last}");
    assert!(last.contains("--only"), "{last}");
    assert_eq!(names(&temp.path().join("out")), [""; 0]);

    let wrong = norm_recv().args(["--only", "[a"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(stderr(&wrong).contains("--only: the pattern \"[a\""), "{}", stderr(&wrong));
}
