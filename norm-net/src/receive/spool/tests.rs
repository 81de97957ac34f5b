use super::*;

const SET: ContentId = ContentId([0xab; 16]);

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn blocks_go_to_their_place_in_any_order_and_nothing_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spools::new(dir.path(), true).create(SET, 10).unwrap();
    let prefix = format!(".norm-{}", "ab".repeat(16));
    let expected = ["head", "payload", "tail"].map(|kind| format!("{prefix}.{kind}"));
    assert_eq!(names(dir.path()), expected);
    spool.write(SpoolFile::Payload, b"56789", 5).unwrap();
    spool.write(SpoolFile::Payload, b"01234", 0).unwrap();
    spool.write(SpoolFile::Tail, b"tail", 0).unwrap();
    assert_eq!(spool.written.load(Ordering::Relaxed), 14);
    assert_eq!(fs::read(spool.path(SpoolFile::Payload)).unwrap(), b"0123456789");
    drop(spool);
    assert!(names(dir.path()).is_empty());
}

#[test]
fn stale_files_of_the_same_set_are_replaced() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(format!("{TEMP_PREFIX}{SET}.payload")), b"stale and long").unwrap();
    let spool = Spools::new(dir.path(), true).create(SET, 3).unwrap();
    spool.take_room(|| true).unwrap();
    assert_eq!(fs::read(spool.path(SpoolFile::Payload)).unwrap(), [0; 3]);
}

#[test]
#[cfg(unix)]
fn a_link_in_place_of_a_spool_file_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let victim = dir.path().join("victim");
    fs::write(&victim, b"precious").unwrap();
    std::os::unix::fs::symlink(&victim, dir.path().join(format!("{TEMP_PREFIX}{SET}.payload")))
        .unwrap();
    let spool = Spools::new(dir.path(), true).create(SET, 4).unwrap();
    spool.write(SpoolFile::Payload, b"evil", 0).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}

#[test]
#[cfg(target_os = "linux")]
fn two_receivers_do_not_share_the_files_of_a_set() {
    let dir = tempfile::tempdir().unwrap();
    let first = Spools::new(dir.path(), true).create(SET, 4).unwrap();
    let second = Spools::new(dir.path(), true).create(SET, 4).unwrap_err();
    assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
    first.write(SpoolFile::Payload, b"mine", 0).unwrap();
    assert_eq!(fs::read(first.path(SpoolFile::Payload)).unwrap(), b"mine");
}

#[test]
#[cfg(target_os = "linux")]
fn a_payload_that_cannot_fit_is_refused_before_anything_is_created() {
    let dir = tempfile::tempdir().unwrap();
    let error = Spools::new(dir.path(), true).create(SET, u64::MAX).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("18446744073709551615 bytes to come"), "{error}");
    assert!(names(dir.path()).is_empty());
}

#[test]
fn two_spools_of_one_set_are_apart_and_a_name_is_free_again_when_its_files_have_gone() {
    let dir = tempfile::tempdir().unwrap();
    let spools = Spools::new(dir.path(), true);
    let first = spools.create(SET, 4).unwrap();
    let second = spools.create(SET, 4).unwrap();
    second.take_room(|| true).unwrap();
    first.write(SpoolFile::Payload, b"good", 0).unwrap();
    second.write(SpoolFile::Payload, b"evil", 0).unwrap();
    let target = dir.path().join("file");
    assert_ne!(first.part_beside(&target), second.part_beside(&target));
    let plain = first.path(SpoolFile::Payload);
    assert_eq!(fs::read(&plain).unwrap(), b"good");
    assert_eq!(fs::read(second.path(SpoolFile::Payload)).unwrap(), b"evil");
    drop(first);
    assert_eq!(names(dir.path()).len(), 3);
    assert_eq!(spools.create(SET, 4).unwrap().path(SpoolFile::Payload), plain);
}
