//! What becomes of files that are replaced (`--backup-dir`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{Program, group, last, names, norm_recv, norm_send, stderr, stdout};
use crate::schema;

/// `set` with these files.
fn set(temp: &Path, files: &[(&str, &str)]) -> PathBuf {
    let set = temp.join("set");
    let _ = fs::remove_dir_all(&set);
    for (name, content) in files {
        let path = set.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    set
}

fn receiver(group: &str, out: &Path, arguments: &[&str]) -> Command {
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", group, "--timeout", "60"]).args(arguments).arg(out);
    command
}

/// Sends a set to a receiver with these options.
fn transfer(set: &Path, out: &Path, arguments: &[&str]) -> Output {
    let group = group();
    let receiver = receiver(&group, out, arguments).spawn_piped();
    let mut sender = norm_send();
    sender.args(["-i", "127.0.0.1", "-g", &group, "-b", "100M", "--min-receivers", "1"]);
    sender.arg(set).output().unwrap();
    receiver.wait_with_output().unwrap()
}

trait SpawnPiped {
    fn spawn_piped(&mut self) -> std::process::Child;
}

impl SpawnPiped for Command {
    fn spawn_piped(&mut self) -> std::process::Child {
        use std::process::Stdio;
        self.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

#[test]
fn replaced_files_are_kept_and_older_backups_stay() {
    let temp = tempfile::tempdir().unwrap();
    let (out, kept) = (temp.path().join("out"), temp.path().join("kept/deep"));
    let backup = ["--overwrite", "--backup-dir", kept.to_str().unwrap()];
    for (version, a) in [("1", "one"), ("2", "two"), ("3", "three")] {
        let files = [("d/a", a), ("same", "s"), (version, "new")];
        let set = set(temp.path(), &files);
        let output = transfer(&set, &out, &backup);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let told = stdout(&output).contains("; 1 replaced file kept in the backup directory");
        assert_eq!(told, version != "1", "{}", stdout(&output));
    }
    assert_eq!(fs::read(out.join("set/d/a")).unwrap(), b"three");
    assert_eq!((names(&kept), names(&kept.join("set"))), (vec!["set".into()], vec!["d".into()]));
    let kept = kept.join("set/d");
    assert_eq!(names(&kept), ["a", "a.~1~"]);
    assert_eq!(fs::read(kept.join("a")).unwrap(), b"one");
    assert_eq!(fs::read(kept.join("a.~1~")).unwrap(), b"two");
}

#[test]
fn backups_are_counted_and_links_are_kept_as_links() {
    let temp = tempfile::tempdir().unwrap();
    let (out, kept) = (temp.path().join("out"), temp.path().join("kept"));
    let set = set(temp.path(), &[("a", "a"), ("b", "b")]);
    fs::create_dir_all(out.join("set")).unwrap();
    fs::write(temp.path().join("victim"), "precious").unwrap();
    std::os::unix::fs::symlink("../../victim", out.join("set/a")).unwrap();
    let group = group();
    let arguments = ["--json", "--overwrite", "--backup-dir", kept.to_str().unwrap()];
    let mut receiving = Program::start(&mut receiver(&group, &out, &arguments));
    receiving.wait_for("settings");
    let mut sender = norm_send();
    sender.args(["-i", "127.0.0.1", "-g", &group, "-b", "100M", "--min-receivers", "1"]);
    assert!(sender.arg(&set).status().unwrap().success());
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    schema::check(&["ProgramEvent", "ReceiverEvent", "ReceiveEvent"], &events);
    assert_eq!(last(&events, "set_complete")["backups"], 1);
    assert_eq!(fs::read_link(kept.join("set/a")).unwrap(), Path::new("../../victim"));
    assert_eq!(fs::read(out.join("set/a")).unwrap(), b"a");
    assert_eq!(fs::read(temp.path().join("victim")).unwrap(), b"precious");
}

#[test]
fn backup_directories_that_cannot_be_used_are_refused_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(temp.path().join("file"), "").unwrap();
    let path = |name: &str| temp.path().join(name).to_str().unwrap().to_owned();
    let cases = [
        (vec!["--backup-dir".to_owned(), path("kept")], 1, "--overwrite"),
        (vec!["--overwrite".to_owned(), "--backup-dir".to_owned(), path("out/kept")], 1, "in each"),
        (vec!["--overwrite".to_owned(), "--backup-dir".to_owned(), path("")], 1, "in each other"),
        (vec!["--overwrite".to_owned(), "--backup-dir".to_owned(), path("file")], 4, "backup"),
    ];
    for (arguments, code, wanted) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = receiver(&group(), &out, &arguments).output().unwrap();
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(message.contains(wanted), "{wanted}: {message}");
    }
    assert_eq!(names(&out), [""; 0]);
}
