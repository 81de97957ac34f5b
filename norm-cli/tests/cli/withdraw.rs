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

/// Files of blocks that are here in part, at each receiver in another one: what receivers have of a
/// file that has changed is not what the sender's symbols are made of.
#[test]
fn neighbours_of_changed_files_that_receivers_have_complete() {
    let temp = tempfile::tempdir().unwrap();
    let (source, group) = (temp.path().join("source"), group());
    fs::create_dir_all(&source).unwrap();
    fs::write(source.join("a-first"), random_bytes(50, 9 * MIB)).unwrap();
    let name = |n: usize| format!("n{n:02}");
    let content = |n: usize| random_bytes(60 + n as u64, 30_000 + n);
    let (all, has_changed) = (0..40, [4, 10, 20, 30]);
    all.clone().for_each(|n| fs::write(source.join(name(n)), content(n)).unwrap());
    let outs = [0, 1, 2].map(|n| temp.path().join(format!("out{n}")));
    let receivers = [0, 1, 2].map(|number| {
        let out = &outs[number];
        let there = out.join("source");
        fs::create_dir_all(&there).unwrap();
        for n in all.clone().filter(|n| has_changed.contains(n) || (n + number) % 3 > 0) {
            fs::write(there.join(name(n)), content(n)).unwrap();
        }
        receiver(&group, "lab", out, &["--overwrite", "--drop", "5"])
    });
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", &group, "--json", "-b", "60M", "--delta"]);
    let mut sending = Program::start(command.args(["--min-receivers", "3"]).arg(&source));
    sending.wait_for("started");
    for n in has_changed {
        fs::write(source.join(name(n)), random_bytes(99, 30_000 + n)).unwrap();
    }
    let (status, sent) = sending.finish();
    assert_eq!(status.code(), Some(4), "{sent:#?}");
    let withdrawn = files_in(&sent, "file_withdrawn");
    assert_eq!(withdrawn, has_changed.map(name));
    for (receiving, out) in receivers.into_iter().zip(&outs) {
        let (_, received) = receiving.finish();
        assert!(files_in(&received, "file_failed").iter().all(|file| withdrawn.contains(file)));
        for n in all.clone().filter(|n| !has_changed.contains(n)) {
            assert!(fs::read(out.join("source").join(name(n))).unwrap() == content(n), "{n}");
        }
        assert_eq!(names(out), ["source"], "nothing else stays");
    }
}
