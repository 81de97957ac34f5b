//! Only what differs from files that receivers have is sent.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitStatus;

use serde_json::Value;

use crate::common::{Program, group, last, norm_recv, norm_send, random_bytes};

const MIB: usize = 1 << 20;

/// Chunks in an image, and how many of them change: a twentieth.
fn chunks() -> (usize, usize) {
    let large = std::env::var("NORM_TEST_LARGE").as_deref() == Ok("1");
    if large { (1024, 51) } else { (64, 3) }
}

fn sender(group: &str, source: &Path, receivers: usize, more: &[&str]) -> Program {
    let receivers = receivers.to_string();
    let words = ["--json", "-i", "lo", "-g", group, "--min-receivers", &receivers, "--delta"];
    Program::start(norm_send().args(words).args(["-b", "200M"]).args(more).arg(source))
}

fn receiver(group: &str, out: &Path, more: &[&str]) -> Program {
    let words = ["--json", "-i", "lo", "-g", group, "--timeout", "60"];
    Program::start(norm_recv().args(words).args(more).arg(out))
}

fn assert_ok(finished: (ExitStatus, Vec<Value>)) -> Vec<Value> {
    let (status, events) = finished;
    assert_eq!(status.code(), Some(0), "{events:#?}");
    events
}

/// An image of which scattered chunks are others than in `content`, from the `nth` on.
fn changed(content: &[u8], nth: usize) -> Vec<u8> {
    let (chunks, changes) = chunks();
    let mut old = content.to_vec();
    for n in 0..changes {
        let chunk = (n * chunks / changes + nth * 5 + 3) % chunks;
        old[chunk * MIB + 77] ^= 1;
    }
    old
}

/// Sends an image to receivers that each have an old one; returns the bytes that were sent.
fn sent_to(receivers: usize, differ: bool, drop: &str) -> u64 {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("image");
    let content = random_bytes(31, chunks().0 * MIB);
    fs::write(&source, &content).unwrap();
    let group = group();
    let outs: Vec<_> = (0..receivers).map(|n| temp.path().join(format!("out{n}"))).collect();
    for (n, out) in outs.iter().enumerate() {
        fs::create_dir(out).unwrap();
        fs::write(out.join("image"), changed(&content, if differ { n } else { 0 })).unwrap();
    }
    let programs: Vec<_> =
        outs.iter().map(|out| receiver(&group, out, &["--overwrite", "--drop", drop])).collect();
    let sent = assert_ok(sender(&group, &source, receivers, &[]).finish());
    for program in programs {
        assert_ok(program.finish());
    }
    for out in outs {
        assert!(fs::read(out.join("image")).unwrap() == content);
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    }
    last(&sent, "summary")["wire_bytes"].as_u64().unwrap()
}

/// Bytes of the manifest and the digest list, and of what is said beside them.
const LISTS: u64 = 64 << 10;

fn check(name: &str, sent: u64, travels: usize, factor: f64) {
    let share = sent as f64 / (travels * MIB) as f64;
    println!("{name}: {sent} bytes, {share:.3} of what changed");
    let most = (travels * MIB) as f64 * factor + LISTS as f64;
    assert!(sent as f64 <= most, "{name}: {sent} bytes, {share:.3} of what changed");
}

/// The bound for as many receivers. Sockets of eight overflow when other tests have the processors.
fn bound(receivers: usize, alone: f64) -> f64 {
    if receivers == 1 || chunks().0 > 64 { alone } else { 1.5 }
}

#[test]
fn changed_chunks_travel_once() {
    let (_, changes) = chunks();
    for receivers in [1, 8] {
        let most = bound(receivers, 1.15);
        check(&format!("{receivers} receivers"), sent_to(receivers, false, "0"), changes, most);
    }
}

#[test]
fn changed_chunks_travel_through_loss() {
    let (_, changes) = chunks();
    for receivers in [1, 8] {
        let sent = sent_to(receivers, false, "5");
        let most = bound(receivers, 1.3);
        check(&format!("{receivers} receivers with loss"), sent, changes, most);
    }
}

#[test]
fn what_each_receiver_lacks_travels_once() {
    let (_, changes) = chunks();
    check("8 receivers that lack something else", sent_to(8, true, "0"), 8 * changes, 1.15);
}

#[test]
fn unchanged_files_are_not_sent_and_not_touched() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("tree");
    let out = temp.path().join("out");
    for (root, root_is_out) in [(&source, false), (&out.join("tree"), true)] {
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("image"), random_bytes(32, 20 * MIB)).unwrap();
        for n in 0..100 {
            let content = random_bytes(100 + n, 3_000 + n as usize);
            // One of them is new.
            if n != 50 || !root_is_out {
                fs::write(root.join("sub").join(n.to_string()), content).unwrap();
            }
        }
    }
    let inode = |name: &str| fs::metadata(out.join("tree").join(name)).unwrap().ino();
    let before = [inode("image"), inode("sub/7")];
    let group = group();
    let receiver = receiver(&group, &out, &["--overwrite"]);
    let sent = assert_ok(sender(&group, &source, 1, &[]).finish());
    let events = assert_ok(receiver.finish());
    let sent = last(&sent, "summary")["wire_bytes"].as_u64().unwrap();
    assert!(sent < LISTS + 20 * MIB as u64 / 100, "{sent}");
    assert_eq!([inode("image"), inode("sub/7")], before);
    let complete = last(&events, "set_complete");
    assert_eq!(complete["present"], 100, "{complete:#}");
    let names = ["image", "sub/7", "sub/50"];
    assert!(names.iter().all(|name| {
        let [ours, theirs] = [out.join("tree").join(name), source.join(name)];
        let time = |path: &Path| fs::metadata(path).unwrap().mtime();
        fs::read(&ours).unwrap() == fs::read(&theirs).unwrap() && time(&ours) == time(&theirs)
    }));
}

#[test]
fn changed_file_is_refused_before_anything_travels() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out, group) = (temp.path().join("image"), temp.path().join("out"), group());
    let content = random_bytes(33, 20 * MIB);
    let mut old = content.clone();
    old[15 * MIB] ^= 1;
    fs::write(&source, &content).unwrap();
    fs::create_dir(&out).unwrap();
    fs::write(out.join("image"), &old).unwrap();
    let receiver = receiver(&group, &out, &[]);
    let (_, sent) = sender(&group, &source, 1, &[]).finish();
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(4), "{events:#?}");
    let failed = last(&events, "set_failed").to_string();
    assert!(failed.contains("image"), "{failed}");
    let sent = last(&sent, "summary")["wire_bytes"].as_u64().unwrap();
    assert!(sent < LISTS, "{sent} bytes were sent");
    assert!(fs::read(out.join("image")).unwrap() == old);
}

#[test]
fn without_an_old_file_everything_is_sent() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out, group) = (temp.path().join("image"), temp.path().join("out"), group());
    let content = random_bytes(34, 12 * MIB + 5);
    fs::write(&source, &content).unwrap();
    let receiver = receiver(&group, &out, &[]);
    assert_ok(sender(&group, &source, 1, &[]).finish());
    assert_ok(receiver.finish());
    assert!(fs::read(out.join("image")).unwrap() == content);
}
