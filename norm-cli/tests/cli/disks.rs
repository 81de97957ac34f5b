//! Disks and shares that refuse something.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{Program, group, last, names, norm_recv, norm_send, random_bytes, stderr};
use crate::refusals::refuse;

fn receiver(group: &str, directory: &Path) -> Command {
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "--timeout", "30"]).arg(directory);
    command
}

fn start(mut command: Command) -> Program {
    let mut program = Program::start(&mut command);
    program.wait_for("settings");
    program
}

fn sender(group: &str, path: &Path) -> Program {
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "-b", "100M"]);
    command.args(["--min-receivers", "1", "--start-timeout", "30", "--linger", "1"]);
    Program::start(command.arg(path))
}

fn hints<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == "hint" && event["kind"] == kind).collect()
}

#[test]
fn share_that_refuses_modes_and_times_takes_the_content() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("folder"), temp.path().join("out"));
    fs::create_dir_all(source.join("inner")).unwrap();
    let contents = [random_bytes(1, 300_000), random_bytes(2, 70_000)];
    fs::write(source.join("a"), &contents[0]).unwrap();
    fs::write(source.join("inner/b"), &contents[1]).unwrap();
    let group = group();
    let mut command = receiver(&group, &out);
    let metadata = [libc::SYS_fchmod, libc::SYS_utimensat, libc::SYS_fchown];
    refuse(&mut command, &metadata, libc::EPERM);
    let receiving = start(command);
    let (status, events) = sender(&group, &source).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let told = hints(&events, "metadata_refused");
    assert_eq!(told.len(), 1, "{events:#?}");
    assert_eq!(told[0]["entries"], 4, "{told:#?}");
    let message = told[0]["message"].as_str().unwrap();
    assert!(message.contains("Operation not permitted"), "{message}");
    assert!(message.contains("Their content is complete."), "{message}");
    assert!(fs::read(out.join("folder/a")).unwrap() == contents[0]);
    assert!(fs::read(out.join("folder/inner/b")).unwrap() == contents[1]);
    assert_eq!(names(&out), ["folder"]);
    assert_eq!(last(&events, "summary")["outcome"], "complete");
}

/// The words of the error that a receiver has ended with.
fn error(events: &[Value]) -> String {
    last(events, "error")["message"].as_str().unwrap().to_owned()
}

/// A receiver whose output directory is a file system of its own, in memory, made with these
/// options, where `prepare` is done first. `None` where nothing can be mounted.
fn small_disk(group: &str, out: &Path, options: &str, prepare: &str) -> Option<Program> {
    on_small_disk(&receiver(group, out), out, options, prepare)
}

/// The same with any receiver.
fn on_small_disk(command: &Command, out: &Path, options: &str, prepare: &str) -> Option<Program> {
    if !may_mount() {
        return None;
    }
    fs::create_dir_all(out).unwrap();
    let script = format!(
        "mount -t tmpfs -o {options} none \"$OUT\" || exit 99; cd \"$OUT\"; {prepare}; exec \"$@\""
    );
    let mut command = in_shell(command, &script, &["unshare", "-m"]);
    command.env("OUT", out);
    Some(start(command))
}

/// Makes a folder of files with these sizes.
fn folder(at: &Path, sizes: &[usize]) {
    fs::create_dir(at).unwrap();
    for (n, &size) in sizes.iter().enumerate() {
        fs::write(at.join(format!("file-{n:03}")), random_bytes(n as u64, size)).unwrap();
    }
}

#[test]
fn files_in_place_need_no_room() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("folder"), temp.path().join("out"));
    folder(&source, &[200_000, 8_000_000, 300_000]);
    let group = group();
    let copy = format!("mkdir folder; cp {}/file-001 folder", source.display());
    let Some(receiving) = small_disk(&group, &out, "size=10m", &copy) else { return };
    let (status, events) = sender(&group, &source).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(last(&events, "set_complete")["present"], 1, "{events:#?}");
}

#[test]
fn disk_without_room_for_what_files_become_is_told_before_they_come() {
    for (sizes, options, words) in [
        (&[4_000_000, 4_000_000][..], "size=10m", "4000000 more for a while"),
        (&[100; 60][..], "size=10m,nr_inodes=30", "inodes are used up"),
        (&[12_000_000][..], "size=10m", "12000000 bytes to come"),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let (source, out) = (temp.path().join("folder"), temp.path().join("out"));
        folder(&source, sizes);
        let group = group();
        let Some(receiving) = small_disk(&group, &out, options, "true") else { return };
        let sending = sender(&group, &source);
        let (status, events) = receiving.finish();
        assert_eq!(status.code(), Some(4), "{events:#?}");
        let error = error(&events);
        assert!(error.contains(words) && error.contains("make room there"), "{error}");
        let is_small = sizes.iter().sum::<usize>() < 1_000_000;
        let has_come = events.iter().any(|event| event["event"] == "verifying");
        assert!(is_small || !has_come, "{events:#?}");
        sending.finish();
    }
}

#[test]
fn disk_that_fills_up_at_one_of_three_receivers_harms_no_other() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("folder");
    folder(&source, &[5_000_000, 5_000_000, 100_000]);
    let group = group();
    let outs = ["one", "two", "full"].map(|name| temp.path().join(name));
    // It is full when some has come.
    let fill = "(until ls .norm-*.payload; do sleep 0.05; done; sleep 0.5; \
                dd if=/dev/zero of=filler bs=64k) >/dev/null 2>&1 & true";
    let Some(full) = small_disk(&group, &outs[2], "size=20m", fill) else { return };
    let others = [0, 1].map(|n| start(receiver(&group, &outs[n])));
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", &group, "--json", "-b", "40M", "--min-receivers", "3"]);
    let sending = Program::start(command.arg(&source));
    let (status, events) = full.finish();
    assert_eq!(status.code(), Some(4), "{events:#?}");
    assert!(error(&events).contains("make room there"), "{events:#?}");
    for (receiving, out) in others.into_iter().zip(&outs) {
        let (status, events) = receiving.finish();
        assert_eq!(status.code(), Some(0), "{events:#?}");
        for name in ["file-000", "file-001", "file-002"] {
            let copy = fs::read(out.join("folder").join(name)).unwrap();
            assert!(copy == fs::read(source.join(name)).unwrap(), "{name}");
        }
    }
    let (status, events) = sending.finish();
    assert_eq!(status.code(), Some(6), "{events:#?}");
    let receivers = last(&events, "summary")["receivers"].as_array().unwrap();
    let failed: Vec<&str> =
        receivers.iter().filter_map(|receiver| receiver["reason"].as_str()).collect();
    assert!(matches!(failed[..], [one] if one.contains("No space left")), "{failed:?}");
}

#[test]
fn what_a_full_disk_has_refused_is_received_in_a_later_pass_when_there_is_room() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("folder");
    folder(&source, &[8_000_000]);
    let mut running = Vec::new();
    for (profile, failed) in [("--flute", "set_failed"), ("--flute=rfc6726", "file_failed")] {
        let (group, out) = (group(), temp.path().join(failed));
        let mut command = norm_recv();
        command.args(["-i", "127.0.0.1", "-g", &group, "--json", "--flute", "--continuous"]);
        let fill = "dd if=/dev/zero of=filler bs=1M count=16 2>/dev/null; \
                    (until [ -e go ]; do sleep 0.1; done; rm filler) & true";
        command.arg(&out);
        let Some(receiving) = on_small_disk(&command, &out, "size=20m", fill) else { return };
        let mut command = norm_send();
        command.args(["-i", "127.0.0.1", "-g", &group, "--json", "-b", "50M", profile]);
        command.args(["--carousel", "forever"]);
        running.push((receiving, Program::start(command.arg(&source)), out, failed));
    }
    for (mut receiving, sending, out, failed) in running {
        let told = receiving.wait_for(failed);
        let message = told["problem"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("are free"), "{told}");
        // Its output directory is seen by it alone.
        let there = format!("/proc/{}/root{}", receiving.id(), out.display());
        fs::write(Path::new(&there).join("go"), "").unwrap();
        let complete = receiving.wait_for("file_complete");
        assert_eq!(complete["bytes"], 8_000_000, "{complete}");
        let copy = fs::read(Path::new(&there).join("folder/file-000")).unwrap();
        assert!(copy == fs::read(source.join("file-000")).unwrap());
        receiving.signal("-INT");
        receiving.finish();
        sending.signal("-INT");
        sending.finish();
    }
}

#[test]
fn limit_on_file_sizes_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    fs::write(&source, random_bytes(1, 3_000_000)).unwrap();
    let group = group();
    let script = "ulimit -f 1000; exec \"$@\"";
    let command = in_shell(&receiver(&group, &out), script, &[]);
    let receiving = start(command);
    let sending = sender(&group, &source);
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(4), "{status}: {events:#?}");
    assert!(error(&events).contains("ulimit -f"), "{events:#?}");
    sending.finish();
}

#[test]
fn events_that_cannot_be_written_are_an_error() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    let content = random_bytes(1, 300_000);
    fs::write(&source, &content).unwrap();
    let group = group();
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let mut command = receiver(&group, &out);
    let receiving = command.stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", &group, "--json", "-b", "100M"]);
    command.args(["--min-receivers", "1", "--start-timeout", "30", "--linger", "1"]).arg(&source);
    let sent = command.stdout(full()).output().unwrap();
    for (output, what) in
        [(sent, "norm-send"), (receiving.wait_with_output().unwrap(), "norm-recv")]
    {
        let words = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{what}: {words}");
        let expected = "events could not be written to standard output: No space left on device";
        assert!(words.contains(&format!("error: {expected}")), "{what}: {words}");
        assert!(words.starts_with(&format!("hint: {expected}")), "{what}, at once: {words}");
    }
    assert!(fs::read(out.join("file")).unwrap() == content, "the transfer went on");
}

#[test]
fn reader_of_events_that_goes_is_no_error() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    fs::write(&source, random_bytes(1, 300_000)).unwrap();
    let group = group();
    let mut command = receiver(&group, &out);
    let mut receiving = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(receiving.stdout.take());
    let (status, events) = sender(&group, &source).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(receiving.wait().unwrap().code(), Some(0));
}

/// Runs a program in a shell, after these commands; `"$@"` is the program.
fn in_shell(program: &Command, script: &str, wrap: &[&str]) -> Command {
    let words = [wrap, &["sh", "-c", script, "sh"]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(program.get_program()).args(program.get_args());
    command
}

#[test]
fn few_descriptors_are_enough_for_many_files() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("folder"), temp.path().join("out"));
    folder(&source, &[5_000; 200]);
    let group = group();
    let few = "ulimit -n 64; exec \"$@\"";
    let receiving = start(in_shell(&receiver(&group, &out), few, &[]));
    let mut sending = norm_send();
    sending.args(["-i", "127.0.0.1", "-g", &group, "--json", "-b", "100M"]);
    sending.args(["--min-receivers", "1", "--start-timeout", "30", "--linger", "1"]).arg(&source);
    let (status, events) = Program::start(&mut in_shell(&sending, few, &[])).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(names(&out.join("folder")).len(), 200);
}

#[test]
fn file_whose_size_is_not_told_is_refused_with_what_helps() {
    let sent = norm_send().args(["-i", "127.0.0.1", "/proc/self/status"]).output().unwrap();
    let words = stderr(&sent);
    assert_eq!(sent.status.code(), Some(1), "{words}");
    assert!(words.contains("its size is not what the system says"), "{words}");
    assert!(words.contains("copy it to a disk, and send the copy"), "{words}");
}

/// A sender that takes some seconds.
fn slow_sender(group: &str, source: &Path) -> Program {
    fs::write(source, random_bytes(1, 6_000_000)).unwrap();
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "-b", "8M"]);
    Program::start(command.args(["--min-receivers", "1"]).arg(source))
}

#[test]
fn directory_that_is_removed_meanwhile_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    let group = group();
    let mut receiving = start(receiver(&group, &out));
    let sending = slow_sender(&group, &source);
    receiving.wait_for("files_known");
    fs::remove_dir_all(&out).unwrap();
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(4), "{events:#?}");
    assert!(error(&events).contains("the directory was removed or unmounted"), "{events:#?}");
    assert!(!events.iter().any(|event| event["event"] == "verifying"), "at once: {events:#?}");
    sending.finish();
    assert!(!out.exists());
}

#[test]
fn directory_that_is_unmounted_meanwhile_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    let group = group();
    let script = "\"$@\" & program=$!; until ls \"$OUT\"/.norm-*.payload >/dev/null 2>&1; do sleep \
                  0.1; done; umount -l \"$OUT\"; wait $program";
    let script = format!("mount -t tmpfs none \"$OUT\" || exit 99; {script}");
    let mut command = in_shell(&receiver(&group, &out), &script, &["unshare", "-m"]);
    if !may_mount() {
        return;
    }
    fs::create_dir(&out).unwrap();
    command.env("OUT", &out);
    let receiving = start(command);
    let sending = slow_sender(&group, &source);
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(4), "{events:#?}");
    assert!(error(&events).contains("the directory was removed or unmounted"), "{events:#?}");
    assert!(!events.iter().any(|event| event["event"] == "verifying"), "at once: {events:#?}");
    assert!(names(&out).is_empty(), "nothing goes to the disk below: {:?}", names(&out));
    sending.finish();
}

fn may_mount() -> bool {
    let may = Command::new("unshare").args(["-m", "true"]).status();
    let may = may.is_ok_and(|status| status.success());
    if !may {
        eprintln!("skipped: file systems cannot be mounted here");
    }
    may
}
