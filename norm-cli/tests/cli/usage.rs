//! Wrong options and silent networks: one line that says what happened and what to do.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{group, names, norm_objects, norm_recv, norm_send, normctl, stderr, stdout};

/// Runs a program that must fail with this code; its one line on standard error.
fn failure(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert_eq!(stdout(&output), "", "standard output is for results");
    message
}

#[test]
fn help_and_version_succeed() {
    for (name, new) in [
        ("norm-send", norm_send as fn() -> Command),
        ("norm-recv", norm_recv),
        ("normctl", normctl),
    ] {
        for flag in ["--help", "-h"] {
            let output = new().arg(flag).output().unwrap();
            assert_eq!(output.status.code(), Some(0));
            let help = stdout(&output);
            assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
            assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
            assert!(!help.contains("--drop"), "a flag for tests only: {help}");
        }
        let output = new().arg("--version").output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(stdout(&output), format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn wrong_options_are_one_line_and_exit_code_1() {
    struct Case(fn() -> Command, &'static [&'static str], &'static str);
    let cases = [
        Case(norm_send, &["-b", "fast", "."], "--rate"),
        Case(norm_send, &["-g", "239.1.2.3", "."], "--group"),
        Case(norm_send, &["-g", "239.1.2.3:0", "."], "--group"),
        Case(norm_send, &["-t", "0", "."], "--ttl"),
        Case(norm_send, &["-i", "", "."], "--interface"),
        Case(norm_send, &["/no/such/file"], "/no/such/file"),
        Case(norm_send, &[], "PATH"),
        Case(norm_recv, &["-g", "somewhere"], "--group"),
        Case(norm_recv, &["--timeout", "never"], "--timeout"),
        Case(norm_recv, &["/no/such/parent/dir"], "/no/such/parent"),
        Case(normctl, &[], "subcommand"),
        Case(normctl, &["list", "soon"], "SECS"),
        Case(norm_recv, &["--session", "a", "-g", "239.1.2.3:6000"], "--session"),
        Case(norm_objects, &[], "subcommand"),
        Case(norm_objects, &["send"], "KIND"),
        Case(norm_objects, &["send", "file", "."], "data, stream"),
        Case(norm_objects, &["recv", "--count", "all"], "--count"),
        Case(norm_objects, &["send", "data", "--fec", "7", "."], "--fec"),
        // Options that do not exist.
        Case(norm_send, &["--rest", "."], "--rest"),
        Case(norm_send, &["--slow", "lane", "."], "--slow"),
        Case(norm_recv, &["--daemon"], "--daemon"),
        Case(norm_recv, &["--fresh"], "--fresh"),
    ];
    for Case(new, args, flag) in cases {
        let message = failure(new().args(args), 1);
        assert!(message.starts_with("error: "), "{args:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{args:?}: {message}");
        assert!(message.contains(flag), "{args:?}: {message}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_not_utf8_are_escaped_in_errors() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let name = OsStr::from_bytes(b"/no/such/caf\xe9");
    for (command, code) in [
        (norm_objects().args(["send", "data"]).arg(name), 4),
        (
            norm_objects().args(["send", "stream", "--lengths"]).args([name, "/dev/null".as_ref()]),
            4,
        ),
        (norm_objects().arg(name), 1),
        (norm_send().arg(name), 1),
        (norm_send().args(["-i", "lo", "."]).arg("--trace-rate").arg(name), 1),
        (norm_recv().arg(name), 1),
    ] {
        let message = failure(command, code);
        assert!(message.contains("caf\\xe9") && !message.contains('\u{fffd}'), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn missing_interface_is_exit_code_2() {
    let message = failure(norm_send().args(["-i", "nonet9", "."]), 2);
    assert!(message.contains("nonet9") && message.contains("lo"), "{message}");
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("new");
    let message = failure(norm_recv().args(["-i", "nonet9"]).arg(&folder), 2);
    assert!(message.contains("nonet9"), "{message}");
    assert!(!folder.exists(), "nothing is created without a session");
}

#[test]
fn sender_without_receivers_is_exit_code_5() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "content").unwrap();
    let group = group();
    let message = failure(norm_send().args(["-i", "127.0.0.1", "-g", &group]).arg(&file), 5);
    assert!(message.contains(&format!("no receiver heard on {group}")), "{message}");
    assert!(message.contains("norm-recv"), "{message}");
    assert!(message.starts_with("sending 1 file (7 B) to "), "{message}");
}

#[test]
fn address_of_a_host_is_unicast() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "content").unwrap();
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = format!("127.0.0.1:{port}");
    let message = failure(norm_send().args(["-g", &place]).arg(&file), 5);
    assert!(message.contains(&format!("to {place} (unicast to one receiver)")), "{message}");
    assert!(message.contains("not a multicast group") && !message.contains("IGMP"), "{message}");
    let mut receiver = norm_recv();
    receiver.args(["-g", &place, "--timeout", "0.3"]).arg(temp.path());
    let message = failure(&mut receiver, 5);
    assert!(message.contains("(unicast to this machine)"), "{message}");
    assert!(message.contains("not a multicast group") && !message.contains("IGMP"), "{message}");
    let elsewhere = format!("192.0.2.77:{port}");
    let mut receiver = norm_recv();
    receiver.args(["-i", "127.0.0.1", "-g", &elsewhere, "--timeout", "0.3"]).arg(temp.path());
    let message = failure(&mut receiver, 5);
    assert!(message.contains("nor an address of this machine"), "{message}");

    for help in [norm_send().arg("-h").output(), norm_recv().arg("-h").output()] {
        assert!(stdout(&help.unwrap()).contains("for unicast"));
    }
}

#[test]
fn too_few_receivers_in_time_are_exit_code_5() {
    let file = env!("CARGO_MANIFEST_PATH");
    let group = group();
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", &group, "--min-receivers", "2"]);
    let message = failure(command.args(["--start-timeout", "0.5", file]), 5);
    assert!(message.contains("0 of 2 receivers"), "{message}");
}

#[test]
fn receiver_without_sender_is_exit_code_5() {
    let temp = tempfile::tempdir().unwrap();
    let group = group();
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", &group, "--timeout", "0.5"]);
    let message = failure(command.arg(temp.path()), 5);
    assert!(message.contains(&format!("no sender heard on {group}")), "{message}");
    assert!(message.contains("norm-send"), "{message}");
}

/// Options of a `norm-objects recv` that hears nobody.
fn objects_into(dir: &Path) -> Command {
    let mut command = norm_objects();
    command.args(["recv", "-i", "lo", "-g", &group(), "--secs", "0", "--dir"]).arg(dir);
    command
}

#[test]
fn missing_directory_of_objects_is_created() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("new/dir");
    let message = failure(&mut objects_into(&dir), 5);
    assert!(message.contains("no sender heard"), "{message}");
    assert_eq!(names(&dir), [""; 0]);
    fs::write(temp.path().join("file"), "").unwrap();
    let message = failure(&mut objects_into(&temp.path().join("file")), 4);
    assert!(message.contains("--dir") && message.contains("another directory"), "{message}");
}

#[test]
fn directory_with_objects_of_an_earlier_run_is_refused() {
    for name in ["data-0", "stream-3", "stream-3.lengths"] {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join(name), "earlier").unwrap();
        let message = failure(&mut objects_into(temp.path()), 4);
        assert!(message.contains(name) && message.contains("another directory"), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert_eq!(fs::read(temp.path().join(name)).unwrap(), b"earlier");
    }
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("database"), "other").unwrap();
    failure(&mut objects_into(temp.path()), 5);
}

#[test]
fn trace_of_the_rate_never_replaces_a_file() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "content").unwrap();
    let taken = temp.path().join("taken.csv");
    fs::write(&taken, "mine").unwrap();
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", &group(), "--trace-rate"]).arg(&taken).arg(&file);
    let message = failure(&mut command, 1);
    assert!(message.contains(taken.to_str().unwrap()), "{message}");
    assert!(message.contains("use another name"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert_eq!(fs::read(&taken).unwrap(), b"mine");
}
