//! Receivers that end early, and resume later.
#![cfg(unix)]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::common::{Program, group, last, names, norm_recv, norm_send, random_bytes, stderr};

const SIZE: usize = 12_000_000;

fn receiver(group: &str, directory: &Path, more: &[&str]) -> Program {
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "--timeout", "30"]);
    let mut program = Program::start(command.args(more).arg(directory));
    program.wait_for("settings");
    program
}

fn sender(group: &str, path: &Path, more: &[&str]) -> Program {
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "--start-timeout", "30"]);
    Program::start(command.args(more).arg(path))
}

/// Waits until at least `bytes` are written.
fn wait_for_bytes(receiver: &mut Program, bytes: u64) {
    while receiver.wait_for("progress")["bytes_done"].as_u64().unwrap() < bytes {}
}

#[test]
fn killed_receiver_resumes_while_its_sender_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    let content = random_bytes(20, SIZE);
    fs::write(&source, &content).unwrap();
    let group = group();
    let mut first = receiver(&group, &out, &[]);
    let sender = sender(&group, &source, &["-b", "20M", "--min-receivers", "1"]);
    wait_for_bytes(&mut first, 8_000_000);
    first.signal("-KILL");
    first.finish();
    assert!(names(&out).iter().any(|name| name.ends_with(".state")), "{:?}", names(&out));
    assert!(!out.join("file").exists(), "no half file");

    let (status, events) = receiver(&group, &out, &[]).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let here = last(&events, "set_resumed")["bytes_done"].as_u64().unwrap();
    assert!(here >= 3_000_000, "a second of 2.5 MB, and one for a busy machine: {here}");
    assert_eq!(names(&out), ["file"], "and nothing else");
    assert!(fs::read(out.join("file")).unwrap() == content);
    let (status, events) = sender.finish();
    let summary = last(&events, "summary");
    assert_eq!(status.code(), Some(0), "it counts once: {summary:#}");
    assert_eq!(summary["receivers"].as_array().unwrap().len(), 1, "{summary:#}");
    let again =
        summary["resent_packets"].as_u64().unwrap() + summary["coded_packets"].as_u64().unwrap();
    let missing = (SIZE as u64 - here).div_ceil(1344);
    // Some more where a busy machine drops packets.
    assert!(
        again <= missing + missing / 10 + 64,
        "{again} packets were sent again, {missing} missed when it came back"
    );
}

#[test]
fn byte_flipped_in_resume_data_costs_the_blocks_over_its_chunk() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    let content = random_bytes(27, SIZE);
    fs::write(&source, &content).unwrap();
    let group = group();
    let mut first = receiver(&group, &out, &[]);
    let sender = sender(&group, &source, &["-b", "20M", "--min-receivers", "1"]);
    wait_for_bytes(&mut first, 8_000_000);
    first.signal("-KILL");
    first.finish();
    let payload = names(&out).into_iter().find(|name| name.ends_with(".payload")).unwrap();
    let payload = File::options().read(true).write(true).open(out.join(payload)).unwrap();
    payload.write_all_at(&[!content[2_500_000]], 2_500_000).unwrap();

    let (status, events) = receiver(&group, &out, &[]).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let here = last(&events, "set_resumed")["bytes_done"].as_u64().unwrap();
    assert!(here >= 3_000_000, "what is damaged is among it: {here}");
    assert!(fs::read(out.join("file")).unwrap() == content);
    let (status, events) = sender.finish();
    let summary = last(&events, "summary");
    assert_eq!(status.code(), Some(0), "{summary:#}");
    let again =
        summary["resent_packets"].as_u64().unwrap() + summary["coded_packets"].as_u64().unwrap();
    let missing = (SIZE as u64 - here).div_ceil(1344);
    // A mebibyte, and a block at each end.
    let chunk = (1_u64 << 20).div_ceil(1344) + 2 * 250;
    assert!(
        again <= missing + chunk + missing / 10 + 64,
        "{again} packets were sent again, {missing} missed when it came back"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn receiver_that_starts_again_counts_once() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    fs::write(&source, random_bytes(25, SIZE)).unwrap();
    let group = group();
    let other = receiver(&group, &temp.path().join("other"), &[]);
    let mut first = receiver(&group, &out, &[]);
    let mut sender = sender(&group, &source, &["-b", "20M", "--min-receivers", "2"]);
    wait_for_bytes(&mut first, 3_000_000);
    first.signal("-INT");
    first.finish();
    sender.wait_for("receiver_failed");
    let again = receiver(&group, &out, &[]);
    for receiver in [again, other] {
        let (status, events) = receiver.finish();
        assert_eq!(status.code(), Some(0), "{events:#?}");
    }
    let (status, events) = sender.finish();
    let summary = last(&events, "summary");
    assert_eq!(status.code(), Some(0), "{summary:#}");
    let results: Vec<_> = summary["receivers"].as_array().unwrap().iter().collect();
    assert_eq!(results.len(), 2, "{summary:#}");
    assert!(results.iter().all(|receiver| receiver["outcome"] == "confirmed"), "{summary:#}");
}

#[test]
fn ctrl_c_keeps_resume_data_and_no_resume_removes_it() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    fs::write(&source, random_bytes(21, SIZE)).unwrap();
    let group = group();
    let mut first = receiver(&group, &out, &[]);
    let sender = sender(&group, &source, &["-b", "20M", "--min-receivers", "1"]);
    wait_for_bytes(&mut first, 3_000_000);
    first.signal("-INT");
    let (status, events) = first.finish();
    assert_eq!(status.code(), Some(130), "{events:#?}");
    assert!(last(&events, "resume_data_kept")["bytes_done"].as_u64().unwrap() >= 2_900_000);
    assert_eq!(last(&events, "resume_data_kept")["bytes_total"], SIZE);
    drop(sender);

    // Without a sender the resume data is reported, and stays.
    let place = ["-i", "127.0.0.1", "-g", &group, "--timeout", "0.3"];
    let again = norm_recv().args(place).arg(&out).output().unwrap();
    assert_eq!(again.status.code(), Some(5));
    let said = stderr(&again);
    assert!(said.contains("1 unfinished transfer kept") && said.contains("--no-resume"), "{said}");
    assert_eq!(names(&out).len(), 4, "manifest, payload, hashes, state");

    let removes = norm_recv().args(place).arg("--no-resume").arg(&out).output().unwrap();
    assert!(stderr(&removes).contains("1 unfinished transfer removed"), "{}", stderr(&removes));
    assert_eq!(names(&out), [""; 0]);
}

#[test]
fn resuming_is_said_in_words() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    let content = random_bytes(22, SIZE);
    fs::write(&source, &content).unwrap();
    let group = group();
    let mut first = sender(&group, &source, &["-b", "20M", "--min-receivers", "1"]);
    let place = ["-i", "127.0.0.1", "-g", &group];
    let killer = std::thread::spawn(move || {
        while first.wait_for("progress")["bytes_sent"].as_u64().unwrap() < 4_000_000 {}
        first.signal("-KILL");
        first.finish();
    });
    let begun = norm_recv().args(place).args(["--timeout", "2"]).arg(&out).output().unwrap();
    killer.join().unwrap();
    assert_ne!(begun.status.code(), Some(0));
    let said = stderr(&begun);
    assert!(said.contains("kept ") && said.contains("to resume"), "{said}");

    // Other packets, and another code; and only what is missing.
    let more = ["-b", "100M", "--min-receivers", "1", "--mtu", "1000", "--fec", "rs"];
    let second = sender(&group, &source, &[&more[..], &["--payload", "missing"]].concat());
    let done = norm_recv().args(place).args(["--timeout", "30"]).arg(&out).output().unwrap();
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(said.contains("resuming: "), "{said}");
    assert!(fs::read(out.join("file")).unwrap() == content);
    assert_eq!(names(&out), ["file"]);
    let (status, events) = second.finish();
    assert_eq!(status.code(), Some(0));
    let sent = last(&events, "summary")["wire_bytes"].as_u64().unwrap();
    assert!(sent < 10_500_000, "4 of 12 MB were there: {sent} were sent");
}

/// A receiver that loses no packets, one that loses many, and a sender with the policy `slow`.
fn good_and_bad_receiver(
    group: &str,
    temp: &Path,
    source: &Path,
    slow: &[&str],
) -> (Program, Program, Program) {
    let good = receiver(group, &temp.join("good"), &["--name", "good"]);
    let bad = receiver(group, &temp.join("out"), &["--name", "bad", "--drop", "40"]);
    let common = ["-b", "20M", "--min-receivers", "2", "--slow-loss", "20", "--slow-after", "2"];
    let sender = sender(group, source, &[&common, slow].concat());
    (good, bad, sender)
}

#[test]
fn evicted_receiver_keeps_resume_data() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("file");
    let content = random_bytes(23, 2 * SIZE);
    fs::write(&source, &content).unwrap();
    let group = group();
    let (good, bad, first) =
        good_and_bad_receiver(&group, temp.path(), &source, &["--slow", "evict"]);
    let (status, events) = bad.finish();
    assert_eq!(status.code(), Some(9), "{events:#?}");
    let kept = last(&events, "resume_data_kept")["bytes_done"].as_u64().unwrap();
    assert_eq!(good.finish().0.code(), Some(0));
    first.finish();

    let out = temp.path().join("out");
    let again = receiver(&group, &out, &[]);
    let sender = sender(&group, &source, &["-b", "100M", "--min-receivers", "1"]);
    let (status, events) = again.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(last(&events, "set_resumed")["bytes_done"], kept);
    assert!(fs::read(out.join("file")).unwrap() == content);
    assert_eq!(sender.finish().0.code(), Some(0));
}

#[test]
fn receiver_resumes_in_the_separate_group() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("file");
    fs::write(&source, random_bytes(24, 2 * SIZE)).unwrap();
    let (group, separate) = (group(), group());
    let slow = ["--slow", "separate", "--separate-group", &separate];
    let (_good, mut bad, _sender) = good_and_bad_receiver(&group, temp.path(), &source, &slow);
    let here = bad.wait_for("set_resumed")["bytes_done"].as_u64().unwrap();
    assert!(here >= 1 << 20, "{here}");
    // The separate group itself may take long.
    bad.signal("-INT");
    let (status, events) = bad.finish();
    assert_eq!(status.code(), Some(130));
    assert_eq!(last(&events, "evicted")["separate_group"], separate.as_str());
    assert!(last(&events, "resume_data_kept")["bytes_done"].as_u64().unwrap() >= here);
}
