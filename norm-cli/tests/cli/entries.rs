//! Every kind of entry, from one tree to others.

mod tree;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::common::{Program, group, norm_recv, norm_send};
use tree::Size;

/// Longer than the largest tree takes.
const LONG: Duration = Duration::from_secs(900);

/// Where one test's trees are.
struct Scene {
    temp: tempfile::TempDir,
    group: String,
}

impl Scene {
    fn new(size: Size) -> Self {
        let temp = tempfile::tempdir().unwrap();
        tree::make(&temp.path().join("tree"), size, 7);
        Self { temp, group: group() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.temp.path().join(name)
    }

    fn receiver(&self, number: usize, more: &[&str]) -> Command {
        let mut command = norm_recv();
        command.args(["-i", "127.0.0.1", "-g", &self.group, "--json", "--drop", "2"]);
        command.args(more).arg(self.path(&format!("out{number}")));
        command
    }

    fn sender(&self, more: &[&str]) -> Command {
        let mut command = norm_send();
        command.args(["-i", "127.0.0.1", "-g", &self.group, "--json", "--start-timeout", "30"]);
        command.args(more).arg(self.path("tree"));
        command
    }

    /// Sends the tree to this many receivers, with options of both sides; returns the summaries of
    /// the sender and of one receiver.
    fn transfer(&self, receivers: usize, send: &[&str], recv: &[&str]) -> (Value, Value) {
        let begin = |number| {
            let mut receiver = Program::start(&mut self.receiver(number, recv));
            receiver.wait_for("settings");
            receiver
        };
        let programs: Vec<Program> = (0..receivers).map(begin).collect();
        let count = receivers.to_string();
        let (status, mut sent) =
            Program::start(&mut self.sender(&[&["--min-receivers", &count], send].concat()))
                .finish_within(LONG);
        assert_eq!(status.code(), Some(0), "{sent:#?}");
        let mut received = Vec::new();
        for program in programs {
            let (status, events) = program.finish_within(LONG);
            assert_eq!(status.code(), Some(0), "{:#?}", events.last());
            received = events;
        }
        (sent.pop().unwrap(), received.pop().unwrap())
    }

    fn assert_same(&self, number: usize, owner: bool) {
        let (one, other) = (self.path("tree"), self.path(&format!("out{number}/tree")));
        let differences = tree::differences(&one, &other);
        assert!(differences.is_empty(), "{:#?}", &differences[..differences.len().min(20)]);
        if let Some(said) = tree::rsync(&one, &other, owner) {
            assert_eq!(said, "", "rsync says");
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.temp.path()).unwrap() {
            tree::unlock(&entry.unwrap().path());
        }
    }
}

fn is_large() -> bool {
    std::env::var_os("NORM_TEST_LARGE").is_some_and(|value| value == "1")
}

#[test]
fn tree_with_every_kind_of_entry_arrives_at_three_receivers() {
    let size = Size { files: 600, sparse: 256 << 20, data: 1 << 20 };
    let scene = Scene::new(size);
    let preserve = ["--preserve", "owner,xattr"];
    let (sent, received) = scene.transfer(3, &[&preserve[..], &["-b", "200M"]].concat(), &preserve);
    for number in 0..3 {
        scene.assert_same(number, true);
        assert!(tree::room(&scene.path(&format!("out{number}/tree/sparse"))) <= 2 << 20);
    }
    assert_eq!(sent["bytes"], received["bytes"]);
    assert_eq!(received["sets"][0]["links"], 7);
}

#[test]
fn tree_of_a_hundred_thousand_files_arrives_at_three_receivers() {
    if !is_large() {
        return;
    }
    let size = Size { files: 100_000, sparse: 10 << 30, data: 1 << 20 };
    let scene = Scene::new(size);
    let preserve = ["--preserve", "owner,xattr"];
    scene.transfer(3, &[&preserve[..], &["-b", "300M"]].concat(), &preserve);
    for number in 0..3 {
        // Reading holes takes long; rsync has to do it once.
        let (one, other) = (scene.path("tree"), scene.path(&format!("out{number}/tree")));
        assert_eq!(tree::rsync(&one, &other, true).as_deref(), Some(""), "install rsync");
        assert!(tree::room(&scene.path(&format!("out{number}/tree/sparse"))) <= 2 << 20);
    }
}

#[test]
fn what_cannot_be_sent_is_told_at_both_sides() {
    let scene = Scene::new(Size { files: 2, sparse: 1 << 20, data: 8 });
    tree::make_special(&scene.path("tree"));
    let (sent, received) = scene.transfer(1, &[], &[]);
    let reasons: Vec<&str> = sent["left_out"]
        .as_array()
        .map_or(Vec::new(), |all| all.iter().filter_map(|one| one["reason"].as_str()).collect());
    assert!(reasons.is_empty() || reasons == ["socket", "fifo"], "{reasons:?}");
    let told = &received["sets"][0]["left_out"];
    assert_eq!(
        (&told["sockets"], &told["fifos"], &told["devices"]),
        (&1.into(), &1.into(), &0.into())
    );
    let differences = tree::differences(&scene.path("tree"), &scene.path("out0/tree"));
    let others: Vec<_> = differences.iter().filter(|d| !d.contains("attributes differ")).collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn second_transfer_finds_everything_in_place() {
    let scene = Scene::new(Size { files: 50, sparse: 64 << 20, data: 8 << 10 });
    scene.transfer(1, &[], &[]);
    let before = inode(&scene.path("out0/tree/sparse"));
    let (_, received) = scene.transfer(1, &[], &[]);
    assert_eq!(received["sets"][0]["files"], received["sets"][0]["present"]);
    assert_eq!(inode(&scene.path("out0/tree/sparse")), before);
}

fn inode(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap())
}

/// An access control list as Linux keeps it: its owner reads and writes, user 12345 reads.
const ACL: [u8; 44] = [
    2, 0, 0, 0, // version
    1, 0, 6, 0, 255, 255, 255, 255, // owner
    2, 0, 4, 0, 0x39, 0x30, 0, 0, // user 12345
    4, 0, 0, 0, 255, 255, 255, 255, // group
    16, 0, 4, 0, 255, 255, 255, 255, // mask
    32, 0, 0, 0, 255, 255, 255, 255, // others
];

#[test]
fn access_control_lists_arrive_where_both_sides_want_them() {
    let names = ["system.posix_acl_access", "system.posix_acl_default"];
    for (send, recv, expected) in [(true, true, true), (true, false, false), (false, true, false)] {
        let scene = Scene::new(Size { files: 2, sparse: 1 << 20, data: 8 });
        let (file, folder) = (scene.path("tree/a-file"), scene.path("tree/a-folder"));
        fs::write(&file, "content").unwrap();
        fs::create_dir(&folder).unwrap();
        for (path, name) in [(&file, names[0]), (&folder, names[1])] {
            let flags = rustix::fs::XattrFlags::empty();
            if let Err(error) = rustix::fs::setxattr(path, name, &ACL, flags) {
                println!("skipped: no access control lists in {}: {error}", path.display());
                return;
            }
        }
        let preserve = |is_wanted| if is_wanted { &["--preserve", "acl"][..] } else { &[] };
        scene.transfer(1, preserve(send), preserve(recv));
        for (path, name) in [("out0/tree/a-file", names[0]), ("out0/tree/a-folder", names[1])] {
            let mut value = [0; 100];
            let found = rustix::fs::getxattr(scene.path(path), name, &mut value);
            let found = found.is_ok_and(|len| value[..len] == ACL);
            assert_eq!(found, expected, "{path}: sent {send}, wanted {recv}");
        }
    }
}
