//! `norm-recv --dry-run`: what would become of files, while nothing is received.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::common::{
    Program, group, last, names, norm_recv, norm_send, random_bytes, stderr, stdout,
};
use crate::schema;

const LARGE: usize = 8 << 20;

/// `set` with a folder, three small files and a large one.
fn set(temp: &Path) -> PathBuf {
    let set = temp.join("set");
    fs::create_dir_all(set.join("docs")).unwrap();
    fs::write(set.join("a.txt"), "aaa").unwrap();
    fs::write(set.join("b.txt"), "bbbb").unwrap();
    fs::write(set.join("docs/c.txt"), "ccccc").unwrap();
    fs::write(set.join("large.img"), random_bytes(3, LARGE)).unwrap();
    set
}

/// A sender that goes on, with these options.
fn sender(group: &str, set: &Path, arguments: &[&str]) -> Program {
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "-b", "200M", "--linger", "60"]);
    let mut sending =
        Program::start(command.args(["--min-receivers", "1"]).args(arguments).arg(set));
    sending.wait_for("settings");
    sending
}

fn receiver(group: &str, out: &Path, arguments: &[&str]) -> Command {
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", group, "--timeout", "60", "--dry-run"]);
    command.args(arguments).arg(out);
    command
}

fn run(group: &str, out: &Path, arguments: &[&str]) -> Output {
    receiver(group, out, arguments).output().unwrap()
}

#[test]
fn nothing_is_made_and_no_content_is_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let (set, out, group) = (set(temp.path()), temp.path().join("out"), group());
    let sending = sender(&group, &set, &["--payload", "missing"]);
    let only = ["--json", "--drop", "5", "--only", "*.txt", "--only", "docs/"];
    let (status, events) = Program::start(&mut receiver(&group, &out, &only)).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    schema::check(&["ProgramEvent", "ReceiverEvent", "ReceiveEvent"], &events);
    assert!(!out.exists());
    let changes = events.iter().filter(|event| event["event"] == "would_receive");
    let changes: Vec<Value> = changes
        .map(|event| json!([event["path"], event["directory"], event["size"], event["change"]]))
        .collect();
    assert_eq!(
        Value::from(changes),
        json!([
            ["set", true, 0, "create"],
            ["set/docs", true, 0, "create"],
            ["set/a.txt", false, 3, "create"],
            ["set/b.txt", false, 4, "create"],
            ["set/docs/c.txt", false, 5, "create"],
        ])
    );
    let sum = last(&events, "dry_run");
    assert_eq!(sum["create"], json!({"files": 3, "directories": 2, "links": 0, "bytes": 12}));
    assert_eq!(sum["unwanted"], 1);
    let summary = last(&events, "summary");
    assert_eq!((&summary["outcome"], &summary["sets"]), (&json!("complete"), &json!([])));
    sending.signal("-INT");
    let (_, sent) = sending.finish();
    let bytes = last(&sent, "summary")["wire_bytes"].as_u64().unwrap();
    assert!(bytes < LARGE as u64 / 4, "{bytes} bytes were sent");
    let left = &last(&sent, "summary")["receivers"][0];
    assert!(left["reason"].as_str().unwrap().contains("dry run"), "{left}");
}

#[test]
fn contents_are_compared_when_their_hashes_come_first() {
    let temp = tempfile::tempdir().unwrap();
    let (set, out, group) = (set(temp.path()), temp.path().join("out"), group());
    fs::create_dir_all(out.join("set")).unwrap();
    fs::copy(set.join("large.img"), out.join("set/large.img")).unwrap();
    fs::write(out.join("set/a.txt"), "AAA").unwrap();
    fs::write(out.join("set/b.txt"), "longer").unwrap();

    let sending = sender(&group, &set, &["--hash-first"]);
    let refused = run(&group, &out, &[]);
    let (code, lines) = (refused.status.code(), stdout(&refused));
    assert_eq!(code, Some(4), "{}", stderr(&refused));
    let expected = "create   set/docs/\nrefuse   set/a.txt\nrefuse   set/b.txt\n\
                    create   set/docs/c.txt\n";
    assert_eq!(lines, expected);
    let words = stderr(&refused);
    for wanted in [
        "1 file (5 B) and 1 directory would be created",
        "1 file (8 MiB) and 1 directory would stay, with the same content",
        "2 files (7 B) would be refused; nothing was received",
        "set/a.txt exists already: its size is the same, its content is not",
        "use --overwrite",
    ] {
        assert!(words.contains(wanted), "{wanted} in {words}");
    }
    let replaced = run(&group, &out, &["--overwrite"]);
    let (code, lines) = (replaced.status.code(), stdout(&replaced));
    assert_eq!(code, Some(0), "{}", stderr(&replaced));
    let expected = "create   set/docs/\nreplace  set/a.txt\nreplace  set/b.txt\n\
                    create   set/docs/c.txt\ndry run: the transfer would be received\n";
    assert_eq!(lines, expected);
    drop(sending);

    let group = self::group();
    let sending = sender(&group, &set, &[]);
    let compared = run(&group, &out, &["--only", "a.txt"]);
    let (code, lines) = (compared.status.code(), stdout(&compared));
    assert_eq!(code, Some(0), "{}", stderr(&compared));
    assert_eq!(lines, "compare  set/a.txt\ndry run: the transfer would be received\n");
    drop(sending);
    assert_eq!(names(&out), ["set"]);
    assert_eq!(fs::read(out.join("set/a.txt")).unwrap(), b"AAA");
    assert_eq!(fs::read(out.join("set/b.txt")).unwrap(), b"longer");
}
