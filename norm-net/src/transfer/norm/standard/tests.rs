use std::fs;
use std::path::{Path, PathBuf};

use norm_core::transfer::{ObjectMeta, ObjectSpec};
use norm_files::source::{Reader, Reason, scan};

use super::*;

fn plan(paths: &[&Path], standard: &Standard, segment_size: u16) -> Result<FilePlan, SendError> {
    let paths: Vec<PathBuf> = paths.iter().map(|&path| path.to_owned()).collect();
    standard.plan(&scan(&paths)?, segment_size)
}

fn names(plan: &FilePlan) -> Vec<String> {
    let name = |spec: ObjectSpec| match spec.meta {
        ObjectMeta::File { name: Some(name), .. } => String::from_utf8(name.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    };
    plan.specs().map(name).collect()
}

#[test]
fn every_file_is_an_object_named_by_its_relative_path() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir_all(photos.join("2024")).unwrap();
    fs::create_dir_all(photos.join("hollow/inner")).unwrap();
    fs::create_dir_all(photos.join("last")).unwrap();
    fs::write(photos.join("2024/a"), b"aa").unwrap();
    fs::write(photos.join("b"), b"").unwrap();
    fs::write(dir.path().join("note"), b"nnn").unwrap();
    let standard = Standard::new(StandardFec::Id5);
    let paths = [photos.clone(), dir.path().join("note")];
    let found = scan(&paths).unwrap();
    let plan = standard.plan(&found, 1400).unwrap();
    assert_eq!(names(&plan), ["photos/2024/a", "photos/b", "note"]);
    assert_eq!(plan.specs().map(|spec| spec.size).collect::<Vec<_>>(), [2, 0, 3]);
    let [left_out] = &plan.left_out()[..] else { panic!("{:?}", plan.left_out()) };
    assert_eq!((left_out.reason, left_out.count), (Reason::EmptyDirectory, 2));
    assert_eq!(left_out.first, ["photos/hollow/inner", "photos/last"].map(PathBuf::from));

    let mut source = Reader::of_files(plan.offsets(), found);
    assert_eq!(source.read(0, 0, 2).unwrap(), &b"aa"[..]);
    assert_eq!(source.read(2, 1, 2).unwrap(), &b"nn"[..]);
    assert!(source.content().is_none());
    assert!(source.read(3, 0, 1).is_none(), "there is no such object");
    fs::write(photos.join("2024/a"), b"longer").unwrap();
    assert!(source.read(0, 0, 2).is_none());
    assert!(source.take_failure().is_some());
}

#[test]
fn what_does_not_fit_the_protocol_is_told_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a-name-of-some-length");
    fs::write(&file, b"x").unwrap();
    let standard = Standard::new(StandardFec::Id2);
    let error = plan(&[&file], &standard, 20).unwrap_err().to_string();
    assert!(error.contains("a-name-of") && error.contains("rename"), "{error}");
    assert!(plan(&[&file], &standard, 22).is_ok());
    let error = plan(&[&file], &standard, 1401).unwrap_err().to_string();
    assert!(error.contains("even"), "{error}");
    // 2^16 blocks of 240 segments, and a byte; nothing of it is on the disk.
    fs::File::create(&file).unwrap().set_len((1 << 16) * 240 * 1400 + 1).unwrap();
    let error = plan(&[&file], &standard, 1400).unwrap_err().to_string();
    assert!(error.contains("FEC id 2") && error.contains("5 or 129"), "{error}");
    assert!(plan(&[&file], &Standard::new(StandardFec::Id129), 1400).is_ok());
    let hollow = dir.path().join("hollow");
    fs::create_dir(&hollow).unwrap();
    assert!(plan(&[&hollow], &standard, 1400).is_err(), "nothing is left to send");
}

#[test]
fn the_field_follows_from_the_number_of_symbols_and_impossible_ones_are_refused() {
    let form = |standard: Standard| match standard.scheme() {
        Ok(Scheme::ReedSolomon(code)) => Some(code.form()),
        _ => None,
    };
    assert_eq!(form(Standard::new(StandardFec::Id5)), Some(RsForm::Id5));
    assert_eq!(form(Standard::new(StandardFec::Id129)), Some(RsForm::Id129));
    assert_eq!(form(Standard::new(StandardFec::Id2)), Some(RsForm::Id2Bits16));
    let short = Standard { block_len: 200, parity: 55, ..Standard::new(StandardFec::Id2) };
    assert_eq!(form(short), Some(RsForm::Id2Bits8));
    let long = Standard { block_len: 240, ..Standard::new(StandardFec::Id5) };
    let error = long.scheme().unwrap_err().to_string();
    assert!(error.contains("240 symbols with 16"), "{error}");
}
