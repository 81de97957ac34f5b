//! A source that changes while it is sent.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{Program, group, last, names, norm_recv, norm_send, random_bytes};
use crate::schema;

const MIB: usize = 1 << 20;
/// Files that stay as they are, and their bytes. The first one gives time to change the others
/// before they are read.
const STEADY: [(&str, usize); 3] =
    [("a-first", 9 * MIB + 17), ("m-between", 700_001), ("z-last", MIB)];
/// Files that change.
const CHANGED: [&str; 4] = ["b-truncated", "n-rewritten", "o-deleted", "p-unreadable"];

/// A folder with all of them.
fn source(folder: &Path) -> PathBuf {
    let source = folder.join("source");
    fs::create_dir_all(&source).unwrap();
    let changed = CHANGED.iter().map(|&name| (name, MIB + 100));
    for (seed, (name, size)) in STEADY.into_iter().chain(changed).enumerate() {
        fs::write(source.join(name), random_bytes(seed as u64, size)).unwrap();
    }
    source
}

/// Changes each of the files that do in its own way.
fn change(source: &Path) {
    let path = |n: usize| source.join(CHANGED[n]);
    File::options().write(true).open(path(0)).unwrap().set_len(1000).unwrap();
    let before = fs::metadata(path(1)).unwrap().modified().unwrap();
    let content = random_bytes(77, MIB + 100);
    fs::write(path(1), content).unwrap();
    File::options().write(true).open(path(1)).unwrap().set_modified(before).unwrap();
    fs::remove_file(path(2)).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path(3), fs::Permissions::from_mode(0o000)).unwrap();
    }
    #[cfg(not(unix))]
    fs::remove_file(path(3)).unwrap();
}

fn receiver(group: &str, name: &str, directory: &Path, more: &[&str]) -> Program {
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "--name", name, "--timeout", "30"]);
    let mut program = Program::start(command.args(more).arg(directory));
    program.wait_for("settings");
    program
}

fn sender(group: &str, path: &Path, more: &[&str]) -> Program {
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "-b", "60M"]);
    command.args(["--min-receivers", "2", "--start-timeout", "30"]);
    Program::start(command.args(more).arg(path))
}

/// The names of files in the events of this kind, in order.
fn files_in(events: &[Value], name: &str) -> Vec<String> {
    let events = events.iter().filter(|event| event["event"] == name);
    let mut files: Vec<String> = events.map(|event| name_of(&event["path"])).collect();
    files.sort();
    files
}

fn name_of(path: &Value) -> String {
    Path::new(path.as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned()
}

fn names_of(paths: &Value) -> Vec<String> {
    let mut names: Vec<String> = paths.as_array().unwrap().iter().map(name_of).collect();
    names.sort();
    names
}

/// Sends while files change; what must hold with and without hashes made first.
fn transfer_while_files_change(options: &[&str]) {
    let temp = tempfile::tempdir().unwrap();
    let source = source(temp.path());
    let folders: Vec<PathBuf> = (1..=2).map(|n| temp.path().join(format!("out{n}"))).collect();
    let group = group();
    let receivers: Vec<Program> = folders
        .iter()
        .zip([("lab-1", "0"), ("lab-2", "5")])
        .map(|(folder, (name, drop))| receiver(&group, name, folder, &["--drop", drop]))
        .collect();
    let mut sender = sender(&group, &source, options);
    sender.wait_for("started");
    change(&source);

    let (status, events) = sender.finish();
    schema::check(&["ProgramEvent", "SenderEvent", "SendEvent"], &events);
    assert_eq!(status.code(), Some(4), "{events:#?}");
    assert_eq!(files_in(&events, "file_withdrawn"), CHANGED);
    let summary = last(&events, "summary");
    assert_eq!((&summary["outcome"], &summary["withdrawn_files"]), (&"complete".into(), &4.into()));
    assert_eq!((&summary["content"], &summary["exit_code"]), (&Value::Null, &4.into()));
    let mut reported: Vec<String> = summary["withdrawn"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| name_of(&file["path"]))
        .collect();
    reported.sort();
    assert_eq!(reported, CHANGED);

    for (program, folder) in receivers.into_iter().zip(&folders) {
        let (status, events) = program.finish();
        schema::check(&["ProgramEvent", "ReceiverEvent", "ReceiveEvent"], &events);
        assert_eq!(status.code(), Some(6), "{events:#?}");
        assert_eq!(files_in(&events, "file_failed"), CHANGED);
        let failed = last(&events, "file_failed");
        assert_eq!(failed["problem"]["kind"], "withdrawn");
        let complete = last(&events, "set_complete");
        assert_eq!((&complete["files"], &complete["content"]), (&3.into(), &Value::Null));
        assert_eq!(complete["withdrawn_files"], 4);
        assert_eq!(names_of(&complete["withdrawn"]), CHANGED);
        assert_eq!(names_of(&complete["paths"]), STEADY.map(|(name, _)| name));
        assert_eq!(last(&events, "summary")["outcome"], "partial");
        assert_eq!(names(&folder.join("source")), STEADY.map(|(name, _)| name));
        assert_eq!(names(folder), ["source"], "nothing else stays");
        for (name, _) in STEADY {
            let copy = fs::read(folder.join("source").join(name)).unwrap();
            assert!(copy == fs::read(source.join(name)).unwrap(), "{name} differs");
        }
    }
}

#[test]
fn files_that_change_are_withdrawn_and_the_others_complete() {
    transfer_while_files_change(&[]);
}

#[test]
fn files_that_change_after_they_were_hashed_are_withdrawn_by_notices() {
    transfer_while_files_change(&["--hash-first"]);
}
