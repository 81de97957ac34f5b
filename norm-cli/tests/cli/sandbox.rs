//! Programs that the system keeps from writing elsewhere than they must (Landlock).
//!
//! What a process may do is not shown by Linux. `no_new_privs` is: it is set right before, and
//! threads have both from the thread that starts them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::common::{Program, group, last, norm_recv, norm_send, random_bytes};

/// True where the system has Landlock, by what a program says of itself.
fn is_confined(settings: &Value) -> bool {
    match settings["sandbox"].as_str().unwrap() {
        "full" | "partial" => true,
        "unavailable" => {
            println!("skipped: this system confines no programs");
            false
        }
        other => panic!("{other}"),
    }
}

/// The threads of a process, and how many of them are confined.
fn threads(process: u32) -> (usize, usize) {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let confined: Vec<bool> = tasks
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok())
        .map(|status| status.lines().any(|line| line == "NoNewPrivs:\t1"))
        .collect();
    (confined.len(), confined.into_iter().filter(|&one| one).count())
}

/// Moves a folder away and leaves a link to another one in its place.
fn divert(folder: &Path, to: &Path) {
    fs::rename(folder, folder.with_extension("moved")).unwrap();
    symlink(to, folder).unwrap();
}

/// Waits until files are old enough for their hashes to be kept.
fn settle() {
    std::thread::sleep(std::time::Duration::from_millis(2_100));
}

#[test]
fn threads_of_both_programs_write_nothing_where_links_lead_out() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    for folder in ["outside", "reports", "out"] {
        fs::create_dir(at(folder)).unwrap();
    }
    let content = random_bytes(1, 3 << 20);
    fs::write(at("image"), &content).unwrap();
    settle();
    let group = group();
    let common = ["--json", "-i", "lo", "-g", &group];
    let mut command = norm_recv();
    command.args(common).arg("--state-dir").arg(at("state"));
    command.arg("--report").arg(at("reports/run.json")).arg(at("out"));
    let mut receiver = Program::start(&mut command);
    if !is_confined(&receiver.wait_for("settings")) {
        return;
    }
    let (all, confined) = threads(receiver.id());
    assert!(all > 2 && confined == all, "{confined} of {all} threads");
    divert(&at("reports"), &at("outside"));
    divert(&at("state/receipts"), &at("outside"));

    fs::create_dir(at("hashes")).unwrap();
    let mut command = norm_send();
    command.args(common).arg("--state-dir").arg(at("hashes"));
    command.args(["--min-receivers", "1"]).arg(at("image"));
    let mut sender = Program::start(&mut command);
    assert!(is_confined(&sender.wait_for("settings")));
    let (all, confined) = threads(sender.id());
    assert!(all > 2 && confined == all, "{confined} of {all} threads");
    divert(&at("hashes/hashes"), &at("outside"));
    assert!(sender.finish().0.success());

    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(4), "the report cannot be written");
    let message = last(&events, "error")["message"].as_str().unwrap();
    assert!(message.contains("--report") && message.contains("Permission denied"), "{message}");
    assert_eq!(fs::read(at("out/image")).unwrap(), content, "the rest goes on");
    assert_eq!(fs::read_dir(at("outside")).unwrap().count(), 0);
}

#[test]
fn confined_programs_write_all_that_is_theirs() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    let group = group();
    let common = ["--json", "-i", "lo", "-g", &group];
    for folder in ["src", "out", "reports"] {
        fs::create_dir(at(folder)).unwrap();
    }
    fs::write(at("src/changed"), random_bytes(1, 2 << 20)).unwrap();
    fs::write(at("out/changed"), "before").unwrap();
    settle();
    let mut command = norm_recv();
    command.args(common).args(["--overwrite", "--backup-dir"]).arg(at("old/deep"));
    command.arg("--state-dir").arg(at("state")).arg("--report").arg(at("reports/recv.json"));
    let receiver = Program::start(command.arg(at("out")));
    let mut command = norm_send();
    command.args(common).args(["--min-receivers", "1", "--state-dir"]).arg(at("cache"));
    command.arg("--report").arg(at("reports/send.json")).arg("--sdp").arg(at("reports/s.sdp"));
    command.arg("--trace-rate").arg(at("trace.csv"));
    let mut source = at("src").into_os_string();
    source.push("/");
    let sender = Program::start(command.arg(source));
    assert!(sender.finish().0.success());
    assert!(receiver.finish().0.success());
    assert_eq!(fs::read(at("old/deep/changed")).unwrap(), b"before");
    for (report, program) in [("send", "norm-send"), ("recv", "norm-recv")] {
        let text = fs::read_to_string(at(&format!("reports/{report}.json"))).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["program"], program);
        is_confined(&report["settings"]);
    }
    for (folder, files) in [("state/receipts", 1), ("cache/hashes", 1), ("reports", 3)] {
        assert_eq!(fs::read_dir(at(folder)).unwrap().count(), files, "{folder}");
    }
    assert!(fs::metadata(at("trace.csv")).unwrap().len() > 0);
}
