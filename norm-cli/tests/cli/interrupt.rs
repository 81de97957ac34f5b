//! Ctrl-C on either side.
#![cfg(unix)]

use std::fs;

use crate::common::{Program, group, last, names, norm_recv, norm_send, random_bytes};

#[test]
fn ctrl_c_ends_both_sides_with_130_and_no_files() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("file");
    fs::write(&source, random_bytes(4, 4_000_000)).unwrap();
    let out = temp.path().join("out");
    let group = group();
    let place = ["-i", "127.0.0.1", "-g", &group, "--json"];

    let mut receiver = Program::start(norm_recv().args(place).arg(&out));
    receiver.wait_for("settings");
    let mut sender = Program::start(
        norm_send().args(place).args(["-b", "1M", "--min-receivers", "1"]).arg(&source),
    );
    receiver.wait_for("set_found");
    receiver.wait_for("progress");

    receiver.signal("-INT");
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(130), "{events:#?}");
    last(&events, "interrupted");
    assert_eq!(last(&events, "summary")["outcome"], "stopped");
    assert_eq!(names(&out), [""; 0], "a few blocks are not kept");

    let failed = sender.wait_for("receiver_failed");
    assert!(failed["reason"].is_string(), "the sender hears that it left: {failed}");
    if sender.is_running() {
        sender.signal("-INT");
    }
    let (status, _) = sender.finish();
    assert!(matches!(status.code(), Some(130 | 7)), "{status:?}");
}

#[test]
fn waiting_sender_exits_with_the_code_of_each_signal() {
    let file = env!("CARGO_MANIFEST_PATH");
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        if signal == "-HUP" && ignores_hangup() {
            // These tests were started with nohup.
            continue;
        }
        let group = group();
        let place = ["-i", "127.0.0.1", "-g", &group, "--json", "--min-receivers", "2"];
        let mut sender = Program::start(norm_send().args(place).arg(file));
        sender.wait_for("settings");
        sender.signal(signal);
        let (status, events) = sender.finish();
        assert_eq!(status.code(), Some(code), "{signal}: {events:#?}");
        let summary = last(&events, "summary");
        assert_eq!((&summary["exit_code"], &summary["outcome"]), (&code.into(), &"stopped".into()));
    }
}

/// Whether these tests ignore SIGHUP; false where the system does not say.
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1)
}

#[test]
#[cfg(target_os = "linux")]
fn program_under_nohup_ignores_sighup() {
    let group = group();
    let mut sender = Program::start(std::process::Command::new("sh").args([
        "-c",
        "trap '' HUP; exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_norm-send"),
        "-i",
        "127.0.0.1",
        "-g",
        &group,
        "--json",
        "--min-receivers",
        "2",
        env!("CARGO_MANIFEST_PATH"),
    ]));
    sender.wait_for("settings");
    sender.signal("-HUP");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(sender.is_running());
    sender.signal("-TERM");
    let (status, events) = sender.finish();
    assert_eq!(status.code(), Some(143), "{events:#?}");
}

#[test]
fn continuous_receiver_takes_transfers_until_sigterm() {
    let temp = tempfile::tempdir().unwrap();
    let group = group();
    let place = ["-i", "127.0.0.1", "-g", &group];
    let out = temp.path().join("out");
    let mut receiver =
        Program::start(norm_recv().args(place).args(["--json", "--continuous"]).arg(&out));
    receiver.wait_for("settings");
    for name in ["first", "second"] {
        let source = temp.path().join(name);
        fs::write(&source, name).unwrap();
        let sent = norm_send().args(place).args(["--min-receivers", "1"]).arg(&source).output();
        assert_eq!(sent.unwrap().status.code(), Some(0));
        receiver.wait_for("set_complete");
        assert_eq!(fs::read(out.join(name)).unwrap(), name.as_bytes());
    }
    receiver.signal("-TERM");
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(0), "nothing was under way: {events:#?}");
    let summary = last(&events, "summary");
    assert_eq!((&summary["exit_code"], &summary["idle"]), (&0.into(), &true.into()));
    assert_eq!(summary["sets"].as_array().unwrap().len(), 2, "{summary:#}");
}

#[test]
fn service_that_is_stopped_amid_a_transfer_exits_with_143() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("file");
    fs::write(&source, random_bytes(6, 4_000_000)).unwrap();
    let group = group();
    let place = ["-i", "127.0.0.1", "-g", &group, "--json"];
    let out = temp.path().join("out");
    let mut receiver = Program::start(norm_recv().args(place).arg("--continuous").arg(&out));
    receiver.wait_for("settings");
    let _sender = Program::start(
        norm_send().args(place).args(["-b", "1M", "--min-receivers", "1"]).arg(&source),
    );
    receiver.wait_for("files_known");
    receiver.signal("-TERM");
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(143), "{events:#?}");
    assert_eq!(last(&events, "summary")["idle"], false);
}
