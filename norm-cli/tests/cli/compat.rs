//! Transfers of standalone files, as NRL's NORM sends them.

use std::fs;

use serde_json::Value;

use crate::common::{Program, group, last, norm_recv, norm_send, random_bytes, stderr};
use crate::schema;

#[test]
fn standalone_files_arrive_and_are_not_called_verified() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("set");
    fs::create_dir_all(source.join("sub")).unwrap();
    let files = [("a", 400_000), ("sub/b", 1), ("sub/none", 0)];
    for (name, len) in files {
        fs::write(source.join(name), random_bytes(len as u64, len)).unwrap();
    }
    let out = temp.path().join("out");
    let group = group();

    let mut receiver = norm_recv();
    receiver.args(["-i", "lo", "-g", &group, "--json", "--timeout", "30", "--drop", "3"]);
    let mut receiver = Program::start(receiver.arg(&out));
    receiver.wait_for("settings");
    let mut sender = norm_send();
    sender.args(["-i", "lo", "-g", &group, "--json", "--compat", "nrl", "--fec", "129"]);
    sender.args(["--min-receivers", "1", "--start-timeout", "30"]);
    let (status, events) = Program::start(sender.arg(&source)).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!((&events[0]["set"], &events[0]["segment_size"]), (&Value::Null, &Value::from(1400)));
    let summary = last(&events, "summary");
    assert_eq!(
        (&summary["content"], &summary["outcome"]),
        (&Value::Null, &Value::from("complete"))
    );

    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(events.iter().filter(|event| event["event"] == "file_complete").count(), 3);
    let complete = last(&events, "set_complete");
    assert_eq!(
        (&complete["set"], &complete["content"]),
        (&Value::Null, &Value::Null),
        "{complete}"
    );
    assert_eq!(last(&events, "hint")["kind"], "not_verified");
    schema::check(&["ProgramEvent", "ReceiverEvent", "ReceiveEvent"], &events);
    for (name, len) in files {
        let got = fs::read(out.join("set").join(name)).unwrap();
        assert!(got == random_bytes(len as u64, len), "{name} differs");
    }
}

#[test]
fn existing_file_is_named_and_is_exit_code_4() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("file");
    fs::write(&source, "new").unwrap();
    let out = temp.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("file"), "old").unwrap();
    let group = group();

    let mut receiver = norm_recv();
    receiver.args(["-i", "lo", "-g", &group, "--json", "--timeout", "30"]);
    let mut receiver = Program::start(receiver.arg(&out));
    receiver.wait_for("settings");
    let mut sender = norm_send();
    sender.args(["-i", "lo", "-g", &group, "--compat", "nrl", "--min-receivers", "1"]);
    let output = sender.arg(&source).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(4), "{events:#?}");
    let failed = last(&events, "file_failed");
    assert_eq!(failed["problem"]["obstacle"], "file", "{failed}");
    assert!(failed["path"].as_str().unwrap().ends_with("out/file"), "{failed}");
    assert_eq!(fs::read(out.join("file")).unwrap(), b"old");
}

#[test]
fn empty_directories_are_refused_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let output = norm_send()
        .args(["-i", "lo", "-g", &group(), "--compat", "nrl"])
        .arg(temp.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("empty directories"), "{}", stderr(&output));
}
