//! Makes a tree with every kind of entry, as large as is wanted, and compares two trees.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use norm_core::Rng;

/// How large a tree is.
#[derive(Copy, Clone, Debug)]
pub struct Size {
    /// Files of 0 to 8 KiB.
    pub files: u64,
    /// Bytes of the file with holes.
    pub sparse: u64,
    /// Bytes of it that are not in holes.
    pub data: u64,
}

/// Modes of files and directories.
const MODES: [u32; 6] = [0o644, 0o600, 0o755, 0o444, 0o711, 0o640];
/// Files in a directory.
const IN_DIRECTORY: u64 = 300;

/// Makes the tree at `root`, which must not exist, from a seed.
pub fn make(root: &Path, size: Size, seed: u64) {
    let mut rng = Rng::new(seed);
    fs::create_dir(root).unwrap();
    let mut directories = vec![root.to_owned()];
    small_files(root, size, &mut rng, &mut directories);
    let odd = root.join("odd names");
    fs::create_dir(&odd).unwrap();
    odd_names(&odd, &mut rng);
    directories.push(odd);
    links(root, &mut directories);
    let deep = deep(root, &mut rng, &mut directories);
    write(&deep.join("last"), b"deep", &mut rng);
    sparse(&root.join("sparse"), size);
    let empty = root.join("empty");
    fs::create_dir(&empty).unwrap();
    directories.push(empty);
    finish(&directories, &mut rng);
}

fn small_files(root: &Path, size: Size, rng: &mut Rng, directories: &mut Vec<PathBuf>) {
    let mut directory = root.to_owned();
    for number in 0..size.files {
        if number.is_multiple_of(IN_DIRECTORY) {
            // Some within others.
            let above = directories[rng.below(directories.len() as u64) as usize].clone();
            let above = if above.components().count() > root.components().count() + 6 {
                root.to_owned()
            } else {
                above
            };
            directory = above.join(format!("d{number}"));
            fs::create_dir(&directory).unwrap();
            directories.push(directory.clone());
        }
        let mut content = vec![0; rng.below(8 << 10) as usize];
        if number.is_multiple_of(50) {
            content.clear();
        }
        content.iter_mut().for_each(|byte| *byte = rng.next_u64() as u8);
        let path = directory.join(format!("file-{number}.dat"));
        write(&path, &content, rng);
        if number % 40 == 7 {
            // Another name, here or elsewhere.
            let other = &directories[rng.below(directories.len() as u64) as usize];
            fs::hard_link(&path, other.join(format!("name-{number}"))).unwrap();
        }
    }
}

fn odd_names(directory: &Path, rng: &mut Rng) {
    let names: [&[u8]; 8] = [
        b"a\nnew line",
        b"tab\tand \\ backslash",
        b"not utf-8 \xff\xfe\x80",
        b" space at both ends ",
        b"-rf",
        b"quote\"'`$(x)",
        "\u{f7e9} is private".as_bytes(),
        &[b'n'; 255],
    ];
    for name in names {
        write(&directory.join(OsStr::from_bytes(name)), name, rng);
    }
}

fn links(root: &Path, directories: &mut Vec<PathBuf>) {
    let links = root.join("links");
    fs::create_dir(&links).unwrap();
    let targets: [(&str, &[u8]); 7] = [
        ("dangling", b"no/such/file"),
        ("absolute", b"/etc/hostname"),
        ("loop", b"loop"),
        ("circle", b"../links"),
        ("folder", b"../odd names"),
        ("up", b"../../../../../../.."),
        ("bytes", b"not utf-8 \xff"),
    ];
    for (name, target) in targets {
        symlink(OsStr::from_bytes(target), links.join(name)).unwrap();
    }
    directories.push(links);
}

/// A deep directory with long names.
fn deep(root: &Path, rng: &mut Rng, directories: &mut Vec<PathBuf>) -> PathBuf {
    let mut deep = root.to_owned();
    for level in 0..12 {
        deep.push(format!("{level}-{}", "x".repeat(200)));
        fs::create_dir(&deep).unwrap();
        directories.push(deep.clone());
        write(&deep.join("f"), &[level], rng);
    }
    deep
}

/// A file with data here and there.
fn sparse(path: &Path, size: Size) {
    let file = File::create(path).unwrap();
    let pieces = 8;
    let piece = vec![0x5a; (size.data / pieces) as usize];
    for n in 0..pieces {
        file.write_all_at(&piece, size.sparse / pieces * n + 4_096 * n).unwrap();
    }
    file.set_len(size.sparse).unwrap();
}

/// Writes a file with a mode, a time and perhaps an attribute.
fn write(path: &Path, content: &[u8], rng: &mut Rng) {
    fs::write(path, content).unwrap();
    let file = File::options().read(true).write(true).open(path).unwrap();
    if rng.below(4) == 0 {
        let value = rng.next_u64().to_be_bytes();
        let flags = rustix::fs::XattrFlags::empty();
        // Not every file system has attributes.
        let _ = rustix::fs::fsetxattr(&file, "user.norm.test", &value, flags);
    }
    let mode = MODES[rng.below(MODES.len() as u64) as usize];
    file.set_permissions(Permissions::from_mode(mode)).unwrap();
    set_time(&file, rng);
}

fn set_time(file: &File, rng: &mut Rng) {
    let time = Duration::new(rng.below(1_900_000_000), rng.below(1_000_000_000) as u32);
    file.set_times(FileTimes::new().set_modified(UNIX_EPOCH + time)).unwrap();
}

/// Modes and times of directories, when all is in them.
fn finish(directories: &[PathBuf], rng: &mut Rng) {
    for (number, path) in directories.iter().enumerate().rev() {
        let directory = File::open(path).unwrap();
        let mode = [0o755, 0o700, 0o775, 0o555][number % 4];
        directory.set_permissions(Permissions::from_mode(mode)).unwrap();
        set_time(&directory, rng);
    }
}

/// Something that no transfer carries: a socket and a pipe. The listener keeps nothing.
pub fn make_special(root: &Path) {
    let before = fs::metadata(root).unwrap();
    fs::set_permissions(root, Permissions::from_mode(0o755)).unwrap();
    drop(UnixListener::bind(root.join("socket")).unwrap());
    assert!(Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    let directory = File::open(root).unwrap();
    directory.set_permissions(before.permissions()).unwrap();
    directory.set_times(FileTimes::new().set_modified(before.modified().unwrap())).unwrap();
}

/// Lets what is in directories be removed.
pub fn unlock(root: &Path) {
    for (path, metadata) in list(root) {
        if metadata.is_dir() {
            fs::set_permissions(root.join(path), Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// Everything below a directory, by path, and the directory itself.
fn list(root: &Path) -> BTreeMap<PathBuf, Metadata> {
    let mut found = BTreeMap::new();
    let mut stack = vec![PathBuf::new()];
    while let Some(path) = stack.pop() {
        let full = root.join(&path);
        let metadata = fs::symlink_metadata(&full).unwrap();
        if metadata.is_dir() {
            let entries = fs::read_dir(&full).unwrap();
            stack.extend(entries.map(|entry| path.join(entry.unwrap().file_name())));
        }
        found.insert(path, metadata);
    }
    found
}

/// What differs between two trees; sockets and pipes of the first are left out.
pub fn differences(one: &Path, other: &Path) -> Vec<String> {
    let (mut ours, theirs) = (list(one), list(other));
    ours.retain(|_, metadata| {
        let kind = metadata.file_type();
        kind.is_file() || kind.is_dir() || kind.is_symlink()
    });
    let mut differences = Vec::new();
    for path in theirs.keys().filter(|path| !ours.contains_key(*path)) {
        differences.push(format!("{path:?} is too much"));
    }
    let mut names: BTreeMap<u64, u64> = BTreeMap::new();
    for (path, here) in &ours {
        let Some(there) = theirs.get(path) else {
            differences.push(format!("{path:?} is missing"));
            continue;
        };
        let looks = |metadata: &Metadata| {
            let size = if metadata.is_file() { metadata.len() } else { 0 };
            let mode = if metadata.is_symlink() { 0 } else { metadata.mode() & 0o7777 };
            (metadata.file_type(), mode, metadata.mtime(), metadata.mtime_nsec(), size)
        };
        if looks(here) != looks(there) {
            differences.push(format!("{path:?}: {:?} is {:?}", looks(here), looks(there)));
        }
        let (here_path, there_path) = (one.join(path), other.join(path));
        let same = match () {
            () if here.is_symlink() => {
                fs::read_link(here_path).unwrap() == fs::read_link(there_path).unwrap()
            }
            () if here.is_file() => {
                *names.entry(here.ino()).or_insert(there.ino()) == there.ino()
                    && here.nlink() == there.nlink()
                    && same_content(&here_path, &there_path)
                    && xattr(&here_path) == xattr(&there_path)
            }
            () => true,
        };
        if !same {
            differences.push(format!("{path:?}: names, content or attributes differ"));
        }
    }
    differences
}

fn same_content(one: &Path, other: &Path) -> bool {
    let (one, other) = (File::open(one).unwrap(), File::open(other).unwrap());
    let (mut ours, mut theirs) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut at = 0;
    loop {
        let len = one.read_at(&mut ours, at).unwrap();
        if len == 0 {
            return true;
        }
        if other.read_exact_at(&mut theirs[..len], at).is_err() || ours[..len] != theirs[..len] {
            return false;
        }
        at += len as u64;
    }
}

fn xattr(path: &Path) -> Option<Vec<u8>> {
    let mut value = [0; 64];
    let len = rustix::fs::getxattr(path, "user.norm.test", &mut value[..]).ok()?;
    Some(value[..len].to_vec())
}

/// What rsync says of the difference, if it is installed: nothing where there is none.
pub fn rsync(one: &Path, other: &Path, owner: bool) -> Option<String> {
    let slash = |path: &Path| {
        let mut path = OsString::from(path);
        path.push("/");
        path
    };
    let mut command = Command::new("rsync");
    command.args(["-nrlptHX", "--checksum", "--itemize-changes", "--no-D"]);
    if owner {
        command.args(["-o", "-g"]);
    }
    let output = command.args([slash(one), slash(other)]).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Bytes of room that a file takes.
pub fn room(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}
