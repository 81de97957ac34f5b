//! What is sent of what is there, and what is said of the rest.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::common::{Program, group, last, names, norm_recv, norm_send, stderr, stdout};
use crate::schema;

/// `photos` with pictures, notes, a folder, a link, a FIFO and a socket.
fn photos(temp: &Path) -> PathBuf {
    let photos = temp.join("photos");
    fs::create_dir_all(photos.join("2026/raw")).unwrap();
    for (name, content) in [("a.jpg", "a"), ("notes.txt", "n"), ("2026/b.jpg", "bb")] {
        fs::write(photos.join(name), content).unwrap();
    }
    fs::write(photos.join("2026/raw/c.raw"), "ccc").unwrap();
    std::os::unix::fs::symlink("a.jpg", photos.join("link")).unwrap();
    assert!(Command::new("mkfifo").arg(photos.join("pipe")).status().unwrap().success());
    drop(UnixListener::bind(photos.join("socket")).unwrap());
    photos
}

fn dry_run(arguments: &[&str], input: &[u8], directory: &Path) -> Output {
    let mut command = norm_send();
    command.arg("--dry-run").args(arguments).current_dir(directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// The names that would be sent.
fn chosen(arguments: &[&str], input: &[u8], directory: &Path) -> Vec<String> {
    let output = dry_run(arguments, input, directory);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    stdout(&output).lines().map(str::to_owned).collect()
}

#[test]
fn dry_run_says_what_would_be_sent_and_what_is_left_out() {
    let temp = tempfile::tempdir().unwrap();
    photos(temp.path());
    let output = dry_run(&["photos", "--exclude", "raw/"], b"", temp.path());
    let expected = "photos/\nphotos/2026/\nphotos/2026/b.jpg\nphotos/a.jpg\n\
                    photos/link -> a.jpg\nphotos/notes.txt\n";
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), expected));
    let notes = stderr(&output);
    for wanted in [
        "not sent: 1 named pipe: photos/pipe",
        "not sent: 1 socket: photos/socket",
        "not sent: 1 excluded: photos/2026/raw",
        "4 B of 3 files, 1 symbolic link and 2 directories would be sent",
    ] {
        assert!(notes.contains(wanted), "{wanted} in {notes}");
    }
    assert!(!notes.contains("hint"), "{notes}");
}

#[test]
fn dry_run_has_events_for_scripts() {
    let temp = tempfile::tempdir().unwrap();
    photos(temp.path());
    let mut command = norm_send();
    command.args(["--json", "-n", "--exclude", "*.gif", "photos/"]).current_dir(temp.path());
    let (status, events) = Program::start(&mut command).finish();
    assert_eq!(status.code(), Some(0));
    schema::check(&["ProgramEvent", "SenderEvent", "SendEvent"], &events);
    let paths: Vec<&str> = events.iter().filter_map(|event| event["path"].as_str()).collect();
    assert_eq!(
        paths,
        ["2026", "2026/b.jpg", "2026/raw", "2026/raw/c.raw", "a.jpg", "link", "notes.txt"],
        "without the folder's name"
    );
    let end = last(&events, "dry_run");
    assert_eq!((&end["files"], &end["bytes"]), (&Value::from(4), &Value::from(7)));
    assert_eq!((&end["links"], &end["left_out"][0]["reason"]), (&1.into(), &"socket".into()));
    assert_eq!(last(&events, "hint")["patterns"][0], "*.gif");
}

#[test]
fn the_last_pattern_that_matches_decides_wherever_it_stands() {
    let temp = tempfile::tempdir().unwrap();
    photos(temp.path());
    fs::write(temp.path().join("list"), "# all\n*\n!*/\n").unwrap();
    let pictures =
        ["photos/", "photos/2026/", "photos/2026/b.jpg", "photos/2026/raw/", "photos/a.jpg"];
    let cases: [&[&str]; 2] = [
        &["--exclude", "*", "--include", "*/", "--include", "*.jpg", "photos"],
        &["photos", "--exclude-from", "list", "--include", "*.jpg"],
    ];
    for arguments in cases {
        assert_eq!(chosen(arguments, b"", temp.path()), pictures, "{arguments:?}");
    }
    let reversed = ["photos", "--include", "*.jpg", "--exclude", "*.jpg"];
    let files = chosen(&reversed, b"", temp.path());
    assert!(!files.iter().any(|name| name.ends_with("jpg") && !name.contains("->")), "{files:?}");
    let nothing = dry_run(&["photos", "--exclude", "*"], b"", temp.path());
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr(&nothing).contains("nothing is left to send"), "{}", stderr(&nothing));
}

#[test]
fn listed_names_are_sent_with_their_folders_and_missing_ones_stop_it() {
    let temp = tempfile::tempdir().unwrap();
    photos(temp.path());
    let list = b"photos/2026/b.jpg\n./photos/a.jpg\r\n\n";
    let expected = ["photos/", "photos/2026/", "photos/2026/b.jpg", "photos/a.jpg"];
    assert_eq!(chosen(&["--files-from", "-"], list, temp.path()), expected);
    let below = chosen(&["--files-from", "-", "-0", "photos"], b"a.jpg\x002026\x00", temp.path());
    assert_eq!(below, ["2026/", "a.jpg"]);

    let missing = dry_run(&["--files-from", "-"], b"photos/a.jpg\nno\nnone\n", temp.path());
    assert_eq!((missing.status.code(), stdout(&missing).as_str()), (Some(1), ""));
    let message = stderr(&missing);
    assert!(message.contains("2 files do not exist, no for one"), "{message}");
}

#[test]
fn wrong_patterns_and_lists_name_the_option_and_the_cure() {
    let temp = tempfile::tempdir().unwrap();
    photos(temp.path());
    fs::write(temp.path().join("bad"), "ok\n[a\n").unwrap();
    let cases: [(&[&str], &[u8], &str); 5] = [
        (&["photos", "--exclude", "[a"], b"", "--exclude or --include \"[a\""),
        (&["photos", "--exclude-from", "bad"], b"", "--exclude-from bad: pattern \"[a\""),
        (&["photos", "--exclude-from", "none"], b"", "check the name"),
        (&["--files-from", "-"], b"a\0b", "-0"),
        (&["--files-from", "-"], b"../x\n", "without \"..\""),
    ];
    for (arguments, input, wanted) in cases {
        let output = dry_run(arguments, input, temp.path());
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(wanted) && message.lines().count() == 1, "{wanted}: {message}");
    }
}

#[test]
fn chosen_files_arrive_under_any_name_and_nothing_else_does() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("source");
    fs::create_dir_all(source.join("d")).unwrap();
    let odd = [&b"d/caf\xe9"[..], b"d/two\nlines"];
    for name in odd {
        fs::write(source.join(OsStr::from_bytes(name)), name).unwrap();
    }
    fs::write(source.join("d/other"), "o").unwrap();
    fs::write(source.join("skip.o"), "o").unwrap();
    std::os::unix::fs::symlink("d", source.join("link")).unwrap();
    let list = temp.path().join("list");
    fs::write(&list, [odd[0], b"\0", odd[1], b"\0skip.o\0link\0"].concat()).unwrap();
    let (out, group) = (temp.path().join("out"), group());

    let mut receiver = norm_recv();
    receiver.args(["-i", "127.0.0.1", "-g", &group, "--json", "--timeout", "30"]).arg(&out);
    let mut receiver = Program::start(&mut receiver);
    receiver.wait_for("settings");
    let mut sender = norm_send();
    sender.args(["-i", "127.0.0.1", "-g", &group, "--json", "-b", "100M", "--min-receivers", "1"]);
    sender.args(["--exclude", "*.o", "--exclude", "*.tmp", "-0", "--files-from"]);
    let (status, events) = Program::start(sender.arg(&list).arg(&source)).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(receiver.finish().0.code(), Some(0));

    let left_out = &events[0]["left_out"];
    assert_eq!((&left_out[0]["reason"], &left_out[0]["count"]), (&"excluded".into(), &1.into()));
    let hint = last(&events, "hint");
    assert_eq!((&hint["kind"], &hint["patterns"][0]), (&"patterns_unused".into(), &"*.tmp".into()));
    assert_eq!(names(&out), ["d", "link"]);
    assert_eq!(fs::read_link(out.join("link")).unwrap(), PathBuf::from("d"));
    for name in odd {
        assert_eq!(fs::read(out.join(OsStr::from_bytes(name))).unwrap(), name);
    }
    assert_eq!(fs::read_dir(out.join("d")).unwrap().count(), 2, "not d/other");
}
