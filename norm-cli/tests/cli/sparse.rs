//! Files with holes: updated, resumed, and changed while they are sent.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use serde_json::Value;

use crate::common::{Program, group, last, names, norm_recv, norm_send, random_bytes};

const MIB: u64 = 1 << 20;
/// Bytes of the file with holes, and where its pieces of data are: parts of MiB, whole ones, and
/// across their edges.
const SIZE: u64 = 64 * MIB;
const PIECES: [(u64, u64); 5] = [
    (0, 70_000),
    (3 * MIB + 400_000, 2 * MIB),
    (20 * MIB, 3 * MIB),
    (40 * MIB - 5 * 4096, 10 * 4096),
    (60 * MIB + 8192, 3 * MIB - 8192),
];

/// Bytes of all pieces.
fn data() -> u64 {
    PIECES.iter().map(|(_, len)| len).sum()
}

/// Makes a file with holes between its pieces.
fn make_sparse(path: &Path, seed: u64) {
    let file = File::create(path).unwrap();
    for (n, (at, len)) in PIECES.into_iter().enumerate() {
        file.write_all_at(&random_bytes(seed + n as u64, len as usize), at).unwrap();
    }
    file.set_len(SIZE).unwrap();
}

/// Fails unless a copy has the same bytes, and holes too.
fn assert_copied(source: &Path, copy: &Path) {
    assert!(fs::read(source).unwrap() == fs::read(copy).unwrap(), "{} differs", copy.display());
    let room = fs::metadata(copy).unwrap().blocks() * 512;
    assert!(room <= data() + MIB, "{room} bytes of room for {} of data", data());
}

fn receiver(group: &str, out: &Path, more: &[&str]) -> Program {
    let mut command = norm_recv();
    command.args(["--json", "-i", "lo", "-g", group, "--timeout", "30"]).args(more).arg(out);
    let mut program = Program::start(&mut command);
    program.wait_for("settings");
    program
}

fn sender(group: &str, source: &Path, more: &[&str]) -> Program {
    let mut command = norm_send();
    command.args(["--json", "-i", "lo", "-g", group, "--min-receivers", "1"]);
    Program::start(command.args(["--start-timeout", "30"]).args(more).arg(source))
}

/// Waits for both to end well; returns what both said.
fn finish(sender: Program, receiver: Program) -> (Vec<Value>, Vec<Value>) {
    let (status, sent) = sender.finish();
    assert_eq!(status.code(), Some(0), "{sent:#?}");
    let (status, received) = receiver.finish();
    assert_eq!(status.code(), Some(0), "{received:#?}");
    (sent, received)
}

fn wire_bytes(events: &[Value]) -> u64 {
    last(events, "summary")["wire_bytes"].as_u64().unwrap()
}

#[test]
fn changed_pieces_of_a_sparse_file_travel() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out, group) = (temp.path().join("image"), temp.path().join("out"), group());
    make_sparse(&source, 1);
    fs::create_dir(&out).unwrap();
    let old = out.join("image");
    make_sparse(&old, 1);
    // A piece of a MiB that is a hole else, and a byte of a MiB that has one.
    for at in [0, 4 * MIB - 9] {
        File::options().write(true).open(&old).unwrap().write_all_at(&[77], at).unwrap();
    }
    let receiving = receiver(&group, &out, &["--overwrite"]);
    let sending = sender(&group, &source, &["--delta", "-b", "100M"]);
    let (sent, _) = finish(sending, receiving);
    let sent = wire_bytes(&sent);
    // Of these two MiB there are 70,000 and 648,576 bytes of data.
    let changed = 70_000 + (MIB - 400_000);
    assert!(sent < changed * 115 / 100 + 64_000, "{sent} bytes for {changed}");
    assert_copied(&source, &old);
    assert_eq!(names(&out), ["image"]);
}

#[test]
fn unchanged_sparse_file_is_neither_sent_nor_touched() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out, group) = (temp.path().join("image"), temp.path().join("out"), group());
    make_sparse(&source, 1);
    fs::create_dir(&out).unwrap();
    make_sparse(&out.join("image"), 1);
    let inode = || fs::metadata(out.join("image")).unwrap().ino();
    let before = inode();
    let receiving = receiver(&group, &out, &[]);
    let (sent, received) = finish(sender(&group, &source, &["--delta", "-b", "100M"]), receiving);
    assert!(wire_bytes(&sent) < 64_000, "{} bytes", wire_bytes(&sent));
    assert_eq!((inode(), &last(&received, "set_complete")["present"]), (before, &1.into()));
    assert_copied(&source, &out.join("image"));
}

/// Kills a receiver when it has half of it.
fn kill_halfway(group: &str, source: &Path, out: &Path) {
    kill_later(group, source, out, "20M");
}

/// Kills a receiver more than a second after it had half of one file.
fn kill_later(group: &str, source: &Path, out: &Path, rate: &str) {
    let mut first = receiver(group, out, &["--overwrite"]);
    let sending = sender(group, source, &["-b", rate]);
    let half = data() / 2;
    while first.wait_for("progress")["bytes_done"].as_u64().unwrap() < half {}
    // What was written a second ago is written down.
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    first.signal("-KILL");
    first.finish();
    drop(sending);
    assert!(names(out).iter().any(|name| name.ends_with(".state")), "{:?}", names(out));
}

#[test]
fn killed_receiver_resumes_a_sparse_file() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out, group) = (temp.path().join("image"), temp.path().join("out"), group());
    make_sparse(&source, 3);
    kill_halfway(&group, &source, &out);
    let receiving = receiver(&group, &out, &[]);
    let sending = sender(&group, &source, &["-b", "100M", "--payload", "missing"]);
    let (sent, received) = finish(sending, receiving);
    let here = last(&received, "set_resumed")["bytes_done"].as_u64().unwrap();
    assert!(here >= data() / 3, "{here} of {}", data());
    let missing = data() - here;
    let sent = wire_bytes(&sent);
    // And a block at each edge of what is here.
    assert!(sent < missing * 115 / 100 + 2 * 250 * 1_400 + 64_000, "{sent} bytes for {missing}");
    assert_copied(&source, &out.join("image"));
    assert_eq!(names(&out), ["image"]);
}

#[test]
fn what_came_before_the_source_was_renamed_is_found_by_its_hashes() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out, group) = (temp.path().join("image"), temp.path().join("out"), group());
    make_sparse(&source, 5);
    kill_halfway(&group, &source, &out);
    let renamed = temp.path().join("image-2");
    fs::rename(&source, &renamed).unwrap();
    File::options()
        .write(true)
        .open(&renamed)
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    let receiving = receiver(&group, &out, &[]);
    let sending = sender(&group, &renamed, &["-b", "100M", "--delta"]);
    let (sent, _) = finish(sending, receiving);
    let sent = wire_bytes(&sent);
    assert!(sent < data() * 2 / 3, "{sent} of {} bytes", data());
    assert_copied(&renamed, &out.join("image-2"));
    // What the other set has left stays for those that send it.
    assert_eq!(names(&out).iter().filter(|name| !name.starts_with(".norm-")).count(), 1);
}

#[test]
fn sparse_file_that_changes_is_withdrawn_and_the_others_complete() {
    for options in [&[][..], &["--hash-first"], &["--delta"]] {
        let temp = tempfile::tempdir().unwrap();
        let (source, out, group) = (temp.path().join("source"), temp.path().join("out"), group());
        fs::create_dir(&source).unwrap();
        fs::write(source.join("a-first"), random_bytes(9, 9 << 20)).unwrap();
        make_sparse(&source.join("b-changed"), 7);
        make_sparse(&source.join("c-sparse"), 8);
        let receiving = receiver(&group, &out, &[]);
        let mut sending = sender(&group, &source, &[&["-b", "60M"], options].concat());
        sending.wait_for("started");
        // A hole gets data, and data become a hole.
        let changed = File::options().write(true).open(source.join("b-changed")).unwrap();
        changed.write_all_at(&[1; 5000], 30 * MIB).unwrap();
        changed.set_len(50 * MIB).unwrap();
        changed.set_len(SIZE).unwrap();
        let (status, sent) = sending.finish();
        assert_eq!(status.code(), Some(4), "{options:?}: {sent:#?}");
        let (status, received) = receiving.finish();
        assert_eq!(status.code(), Some(6), "{options:?}: {received:#?}");
        let file = |events: &[Value], name| {
            let path = last(events, name)["path"].as_str().unwrap().to_owned();
            assert!(path.ends_with("b-changed"), "{path}");
        };
        file(&sent, "file_withdrawn");
        file(&received, "file_failed");
        let made = out.join("source");
        assert_eq!(names(&made), ["a-first", "c-sparse"], "{options:?}");
        assert_copied(&source.join("c-sparse"), &made.join("c-sparse"));
        assert_eq!(names(&out), ["source"], "{options:?}: nothing else stays");
    }
}

#[test]
fn interrupted_update_of_sparse_files_goes_on_although_one_changes() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out, group) = (temp.path().join("source"), temp.path().join("out"), group());
    fs::create_dir(&source).unwrap();
    let files = ["a-new", "b-old", "c-changed"];
    for (seed, name) in (11..).zip(files) {
        make_sparse(&source.join(name), seed * 10);
    }
    let made = out.join("source");
    fs::create_dir_all(&made).unwrap();
    make_sparse(&made.join("b-old"), 120);
    // One byte of a chunk, and one in a hole.
    for at in [21 * MIB + 9, 30 * MIB] {
        let old = File::options().write(true).open(made.join("b-old")).unwrap();
        old.write_all_at(&[77], at).unwrap();
    }
    kill_later(&group, &source, &out, "40M");
    let receiving = receiver(&group, &out, &["--overwrite"]);
    let mut sending = sender(&group, &source, &["-b", "60M", "--delta"]);
    sending.wait_for("started");
    let changed = File::options().write(true).open(source.join("c-changed")).unwrap();
    changed.write_all_at(&[1; 5000], 50 * MIB).unwrap();
    let (status, sent) = sending.finish();
    assert_eq!(status.code(), Some(4), "{sent:#?}");
    let (status, received) = receiving.finish();
    assert_eq!(status.code(), Some(6), "{received:#?}");
    let here = last(&received, "set_resumed")["bytes_done"].as_u64().unwrap();
    assert!(here >= data() / 2, "{here} of {}", data());
    // Of the file that changes all may travel, and of the old one a chunk.
    let (sent, most) = (wire_bytes(&sent), data() + 2 * MIB + 2 * 250 * 1_400);
    assert!(sent < most * 115 / 100, "{sent} of {most} bytes");
    assert_eq!(names(&made), ["a-new", "b-old"]);
    for name in ["a-new", "b-old"] {
        assert_copied(&source.join(name), &made.join(name));
    }
    assert_eq!(names(&out), ["source"], "nothing else stays");
}
