//! What earlier transfers had, and a new one has not (`--delete`).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{Program, group, last, names, norm_recv, norm_send, stderr};
use crate::schema;

/// A sender's folder, a receiver's, and one for its state.
struct Mirror {
    temp: tempfile::TempDir,
}

impl Mirror {
    fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Sends a folder to a receiver with these options; returns its exit code and events.
    fn transfer(&self, folder: &str, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
        let group = group();
        let mut receiver = norm_recv();
        receiver.args(["-i", "127.0.0.1", "-g", &group, "--json", "--timeout", "60"]);
        receiver.arg("--state-dir").arg(self.path("state")).arg("--overwrite");
        let mut receiving = Program::start(receiver.args(arguments).arg(self.path("out")));
        receiving.wait_for("settings");
        let mut sender = norm_send();
        sender.args(["-i", "127.0.0.1", "-g", &group, "-b", "100M", "--min-receivers", "1"]);
        sender.arg("--state-dir").arg(self.path("sender")).arg(self.path(folder));
        sender.output().unwrap();
        let (status, events) = receiving.finish();
        schema::check(&["ProgramEvent", "ReceiverEvent", "ReceiveEvent"], &events);
        (status.code(), events)
    }
}

fn removed(events: &[Value]) -> Vec<&str> {
    let gone = events.iter().filter(|event| event["event"] == "file_removed");
    gone.map(|event| event["path"].as_str().unwrap()).collect()
}

#[test]
fn only_unchanged_files_of_earlier_transfers_are_removed() {
    let mirror = Mirror::new();
    for name in ["a", "gone", "changed", "d/gone", "d/e/gone", "full/gone"] {
        mirror.write(&format!("set/{name}"), "content");
    }
    std::os::unix::fs::symlink("a", mirror.path("set/link")).unwrap();
    let (code, events) = mirror.transfer("set", &[]);
    assert_eq!(code, Some(0), "{events:#?}");
    mirror.write("out/set/mine", "mine");
    mirror.write("out/set/full/mine", "mine");
    mirror.write("out/set/changed", "my own");
    for name in ["gone", "changed", "d/gone", "d/e/gone", "full/gone", "link"] {
        fs::remove_file(mirror.path("set").join(name)).unwrap();
    }
    for name in ["d/e", "d", "full"] {
        fs::remove_dir(mirror.path("set").join(name)).unwrap();
    }
    mirror.write("set/new", "new");

    let (code, events) = mirror.transfer("set", &["--delete", "--dry-run"]);
    assert_eq!(code, Some(0), "{events:#?}");
    assert_eq!(last(&events, "dry_run")["delete"]["files"], 5);
    assert!(mirror.path("out/set/gone").exists());

    let kept = mirror.path("kept");
    let backup = ["--delete", "--backup-dir", kept.to_str().unwrap()];
    let (code, events) = mirror.transfer("set", &backup);
    assert_eq!(code, Some(0), "{events:#?}");
    let expected =
        ["set/d/e/gone", "set/d/gone", "set/full/gone", "set/gone", "set/link", "set/d/e", "set/d"];
    assert_eq!(removed(&events), expected);
    assert_eq!(last(&events, "set_complete")["removed"], 7);
    let hint = events.iter().find(|event| event["kind"] == "changed_files_stay").unwrap();
    assert_eq!(
        (&hint["files"], hint["first"].as_str().unwrap().ends_with("set/changed")),
        (&1.into(), true)
    );
    assert_eq!(names(&mirror.path("out/set")), ["a", "changed", "full", "mine", "new"]);
    assert_eq!(names(&mirror.path("out/set/full")), ["mine"]);
    assert_eq!(fs::read(mirror.path("out/set/changed")).unwrap(), b"my own");
    assert_eq!(fs::read(kept.join("set/d/e/gone")).unwrap(), b"content");
    assert_eq!(fs::read_link(kept.join("set/link")).unwrap(), Path::new("a"));
}

#[test]
fn nothing_is_removed_of_other_transfers_or_when_this_one_fails() {
    let mirror = Mirror::new();
    mirror.write("one/a", "a");
    mirror.write("one/gone", "gone");
    mirror.write("two/b", "b");
    assert_eq!(mirror.transfer("one", &[]).0, Some(0));
    let (code, events) = mirror.transfer("two", &["--delete"]);
    assert_eq!((code, removed(&events)), (Some(0), vec![]));
    assert_eq!(names(&mirror.path("out/one")), ["a", "gone"]);

    fs::remove_file(mirror.path("one/gone")).unwrap();
    mirror.write("one/new", "new");
    fs::create_dir(mirror.path("out/one/new")).unwrap();
    let (code, events) = mirror.transfer("one", &["--delete"]);
    assert_eq!((code, removed(&events)), (Some(4), vec![]), "a folder is in the way");
    assert!(mirror.path("out/one/gone").exists());
    fs::remove_dir(mirror.path("out/one/new")).unwrap();
    let (code, events) = mirror.transfer("one", &["--delete"]);
    assert_eq!((code, removed(&events)), (Some(0), vec!["one/gone"]));
    assert_eq!(names(&mirror.path("out/two")), ["b"]);
}

#[test]
fn deletion_needs_what_it_needs() {
    for (arguments, wanted) in [
        (&["--delete"][..], "--overwrite"),
        (&["--delete", "--overwrite", "--only", "x"], "--only"),
    ] {
        let output = norm_recv().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(wanted), "{}", stderr(&output));
    }
}
