//! The committed tables are what the engines produce now.

use std::path::Path;

use norm_sim::tables::{NAMES, by_name};

const BLESS: &str = "NORM_SIM_BLESS=1 cargo test -p norm-sim --test measured tables::";

/// Compares a table with its file, or writes the file with `NORM_SIM_BLESS`.
#[track_caller]
fn assert_as_committed(name: &str, threads: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tables/{name}.txt"));
    let now = by_name(name, threads).expect("the table has a name");
    if std::env::var_os("NORM_SIM_BLESS").is_some() {
        std::fs::write(&path, now).expect("the table can be written");
        return;
    }
    let committed = std::fs::read_to_string(&path).expect("the table is there").replace('\r', "");
    if committed == now {
        return;
    }
    let mut differences = String::new();
    for (n, (old, new)) in committed.lines().zip(now.lines()).enumerate() {
        if old != new {
            differences += &format!("line {}\n- {old}\n+ {new}\n", n + 1);
        }
    }
    panic!(
        "tables/{name}.txt differs from the engines now, on {threads} threads:\n{differences}\
         If that is intended, write the tables again and commit them:\n  {BLESS}"
    );
}

#[test]
fn transmissions_are_as_committed() {
    assert_as_committed("transmissions", 1);
}

#[test]
fn nacks_are_as_committed() {
    assert_as_committed("nacks", 1);
}

#[test]
fn disturbances_are_as_committed() {
    assert_as_committed("disturbances", 1);
}

#[test]
fn traces_are_as_committed_on_1_and_2_threads() {
    assert_as_committed("traces", 1);
    assert_as_committed("traces", 2);
}

#[test]
fn rates_are_as_committed() {
    assert_as_committed("rates", 1);
}

#[test]
fn groups_are_as_committed() {
    assert_as_committed("groups", 1);
}

#[test]
fn fairness_is_as_committed() {
    assert_as_committed("fairness", 1);
}

#[test]
fn every_table_has_a_file_and_every_file_a_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tables");
    let files = std::fs::read_dir(folder).expect("the folder is there").flatten();
    let mut names: Vec<String> =
        files.map(|file| file.file_name().to_string_lossy().replace(".txt", "")).collect();
    names.sort();
    let mut expected = NAMES.to_vec();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert!(by_name("chairs", 1).is_none());
}
