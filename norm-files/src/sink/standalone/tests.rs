use std::fs;

use super::*;

static RUN: AtomicBool = AtomicBool::new(false);

fn path(info: &[u8]) -> String {
    path_of(Some(info)).map_or(String::new(), |path| path.to_string_lossy().into_owned())
}

#[test]
fn names_are_made_safe_and_unusable_ones_refused() {
    for (info, expected) in [
        (&b"a.txt"[..], "a.txt"),
        (b"dir/sub/a.txt", "dir/sub/a.txt"),
        (b"../../x", "x"),
        (b"/etc/x", "etc/x"),
        (b".norm-1234", "_.norm-1234"),
        (b"a.txt\0", "a.txt"),
        (b"", ""),
        (b"..", ""),
        (b"a\nb", ""),
        (b"a\0b", ""),
        (b"\xff\xfe", ""),
    ] {
        assert_eq!(path(info), expected, "{info:?}");
    }
    assert_eq!(path_of(None), None);
    let below = |folders: usize| "d/".repeat(folders) + "f";
    assert_eq!(path(below(64).as_bytes()), below(64));
    assert_eq!(path(below(65).as_bytes()), "", "too deep");
}

fn create(root: &Path, path: &str, overwrite: bool) -> Result<StandaloneFile, PlaceError> {
    file_of(root, path, 4, overwrite)
}

fn file_of(
    root: &Path,
    path: &str,
    size: u64,
    overwrite: bool,
) -> Result<StandaloneFile, PlaceError> {
    StandaloneFile::new(&Arc::new(Parts::new(root)), Path::new(path), size, overwrite)
}

fn count(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[test]
fn nothing_is_made_before_the_first_bytes_are_here() {
    let dir = tempfile::tempdir().unwrap();
    let parts = Arc::new(Parts::new(dir.path()));
    let new = |n: u32| {
        let path = format!("d{n}/e/f");
        StandaloneFile::new(&parts, Path::new(&path), 1 << 20, false).unwrap()
    };
    let files: Vec<StandaloneFile> = (0..1_000).map(new).collect();
    assert_eq!(count(dir.path()), 0);
    let each = parts.waiting() / 1_000;
    assert!((100..1_000).contains(&each), "{each}");
    files[7].write(b"x", 0).unwrap();
    assert!(parts.waiting() <= 999 * (each + 1));
    assert!(files[7].is_begun() && !files[8].is_begun());
    assert_eq!(count(dir.path()), 2, "the file and the lock; folders come with its name");
    drop(files);
    assert_eq!(parts.waiting(), 0);
    drop(parts);
    assert_eq!(count(dir.path()), 0);
}

#[test]
fn empty_file_gets_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = file_of(dir.path(), "d/empty", 0, false).unwrap();
    file.place(&PlaceOptions::default(), &RUN).unwrap();
    drop(file);
    assert_eq!(fs::read(dir.path().join("d/empty")).unwrap(), b"");
    assert_eq!(count(dir.path()), 1);
}

#[test]
fn file_appears_whole_or_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = create(dir.path(), "a/b", false).unwrap();
    file.write(b"cd", 2).unwrap();
    assert!(!dir.path().join("a/b").exists());
    file.write(b"ab", 0).unwrap();
    assert_eq!(file.written(), 4);
    file.place(&PlaceOptions::default(), &RUN).unwrap();
    drop(file);
    assert_eq!(fs::read(dir.path().join("a/b")).unwrap(), b"abcd");
    let half = create(dir.path(), "a/c", false).unwrap();
    half.write(b"ab", 0).unwrap();
    drop(half);
    assert_eq!((count(dir.path()), count(&dir.path().join("a"))), (1, 1));
}

#[test]
fn content_may_be_made_of_what_arrived() {
    let dir = tempfile::tempdir().unwrap();
    let file = create(dir.path(), "f", false).unwrap();
    file.write(b"abcd", 0).unwrap();
    let failed = file.rewrite(|_, out| {
        out.write_all(b"half")?;
        Err(io::ErrorKind::InvalidData.into())
    });
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert_eq!(count(dir.path()), 2, "the file and the lock");
    file.rewrite(|arrived, out| {
        let mut all = String::new();
        arrived.read_to_string(&mut all)?;
        out.write_all(all.repeat(3).as_bytes()).map(|()| 12)
    })
    .unwrap();
    assert_eq!(file.size(), 12);
    file.place(&PlaceOptions::default(), &RUN).unwrap();
    drop(file);
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"abcdabcdabcd");
    assert_eq!(count(dir.path()), 1);
}

#[test]
fn existing_file_stays_unless_it_may_be_replaced() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), b"old").unwrap();
    let error = create(dir.path(), "f", false).unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
    assert!(create(dir.path(), "f/below", true).is_err(), "a file is no directory");
    let file = create(dir.path(), "f", true).unwrap();
    file.write(b"new!", 0).unwrap();
    file.place(&PlaceOptions { overwrite: true, ..PlaceOptions::default() }, &RUN).unwrap();
    drop(file);
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"new!");
    // It has come to be there meanwhile.
    let late = create(dir.path(), "g", false).unwrap();
    fs::write(dir.path().join("g"), b"mine").unwrap();
    assert!(
        late.place(&PlaceOptions::default(), &RUN)
            .unwrap_err()
            .to_string()
            .contains("exists already")
    );
    drop(late);
    assert_eq!(fs::read(dir.path().join("g")).unwrap(), b"mine");
    assert_eq!(count(dir.path()), 2, "no temporary file is left");
}

#[test]
fn present_file_with_the_same_content_stays() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), b"same").unwrap();
    // Not for others to read.
    system::set_mode(&File::open(dir.path().join("f")).unwrap(), 0o400).unwrap();
    let mode = || fs::metadata(dir.path().join("f")).unwrap().permissions();
    let before = mode();
    let file = create(dir.path(), "f", false).unwrap();
    file.write(b"same", 0).unwrap();
    assert_eq!(file.place(&PlaceOptions::default(), &RUN).unwrap(), (Placed::Present, None));
    drop(file);
    assert_eq!(mode(), before);
    assert_eq!(count(dir.path()), 1, "no temporary file is left");
    let other = create(dir.path(), "f", false).unwrap();
    other.write(b"ame?", 0).unwrap();
    assert!(
        other
            .place(&PlaceOptions::default(), &RUN)
            .unwrap_err()
            .to_string()
            .contains("exists already")
    );
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"same");
}

#[test]
#[cfg(unix)]
fn links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("link")).unwrap();
    let error = create(dir.path(), "link/x", true).unwrap_err().to_string();
    assert!(error.contains("links are not followed"), "{error}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn file_without_room_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let error = file_of(dir.path(), "f", 1 << 62, false).unwrap_err().to_string();
    assert!(error.contains("bytes are to come"), "{error}");
    assert_eq!(count(dir.path()), 0);
}

#[test]
fn what_is_replaced_is_kept_where_that_is_wanted() {
    let temp = tempfile::tempdir().unwrap();
    let (out, kept) = (temp.path().join("out"), temp.path().join("kept"));
    fs::create_dir(&out).unwrap();
    let backup = Backup::open(&kept, &out).unwrap();
    for content in [b"old", b"new", b"new"] {
        let file = file_of(&out, "f", 3, true).unwrap();
        file.write(content, 0).unwrap();
        let options =
            PlaceOptions { overwrite: true, backup: Some(&backup), ..PlaceOptions::default() };
        file.place(&options, &RUN).unwrap();
    }
    assert_eq!(fs::read(out.join("f")).unwrap(), b"new");
    assert_eq!(fs::read(kept.join("f")).unwrap(), b"old");
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 1, "the same content is not kept");
}
