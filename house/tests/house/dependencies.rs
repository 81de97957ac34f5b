//! Each direct dependency has a reason in docs/dependencies.md, and no reason has lost its crate.
//!
//! A dependency costs build time and review, and its licence binds, so the reason for it is written
//! down.

use std::collections::BTreeSet;

use crate::documents::quoted;
use crate::sources::{CRATES, assert_none, source};

const DOCUMENT: &str = "docs/dependencies.md";

#[test]
fn dependencies_have_a_reason() {
    let mut found = Vec::new();
    for name in CRATES.iter().chain(["norm-core/fuzz"].iter()) {
        let (used, explained) = (used(name), explained(name));
        for dependency in used.difference(&explained) {
            found.push(format!("{name}/Cargo.toml: {dependency} is not in {DOCUMENT}"));
        }
        for dependency in explained.difference(&used) {
            found.push(format!("{DOCUMENT}: {dependency} is not in {name}/Cargo.toml"));
        }
    }
    assert_none("dependencies without a reason, or reasons without a dependency", &found);
}

/// Names in all tables of dependencies of a crate.
fn used(name: &str) -> BTreeSet<String> {
    let manifest = source(&format!("{name}/Cargo.toml")).expect("a crate has a manifest");
    let mut is_list = false;
    let mut names = BTreeSet::new();
    for line in manifest.text.lines() {
        if line.starts_with('[') {
            is_list = line.ends_with("dependencies]");
        } else if is_list && line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            names.extend(line.split(['.', ' ', '=']).next().map(str::to_owned));
        }
    }
    names
}

/// Names in the first column of the table below the heading of a crate.
fn explained(name: &str) -> BTreeSet<String> {
    let document = source(DOCUMENT).expect("the document is there");
    let section = document.text.split("\n## ").find(|section| section.lines().next() == Some(name));
    section
        .unwrap_or_default()
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(quoted)
        .map(str::to_owned)
        .collect()
}
