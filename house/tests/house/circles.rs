//! No circle of more than three files of a crate that need each other.
//!
//! In a circle no file can be read, tested or moved alone. Move what both sides need into a file
//! below them, or hand in a value instead of the owner. What counts is the file that defines a
//! name; a `mod.rs` that only passes names on is in no circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::{Crate, Meaning};
use crate::paths::{Kind, Named};
use crate::sources::{LIBRARIES, assert_none};

const MAX_CIRCLE: usize = 3;

/// Which file needs which, and the line that says so.
type Needs = BTreeMap<String, BTreeMap<String, usize>>;

#[test]
fn no_more_than_three_files_need_each_other() {
    let mut found = Vec::new();
    for name in LIBRARIES {
        let needs = needs(&Crate::read(name));
        for circle in circles(&needs).iter().filter(|circle| circle.len() > MAX_CIRCLE) {
            found.push(describe(circle, &needs));
        }
    }
    assert_none("circles of more than three files", &found);
}

fn needs(library: &Crate) -> Needs {
    let mut needs = Needs::new();
    for (at, module) in &library.modules {
        let needed = needs.entry(module.file.clone()).or_default();
        for path in module.paths.iter().filter(|path| is_need(path, &module.paths)) {
            let Some(meaning @ Meaning::Item(..)) = library.meaning(at, &path.segments) else {
                continue;
            };
            let file = library.file(&meaning);
            if file != module.file {
                needed.entry(file.to_owned()).or_insert(path.line);
            }
        }
    }
    needs
}

/// What is passed on is needed only if it is used here too.
fn is_need(path: &Named, all: &[Named]) -> bool {
    match path.kind {
        Kind::Use | Kind::Code => true,
        Kind::Glob => false,
        Kind::ReExport => all
            .iter()
            .any(|other| other.kind == Kind::Code && other.segments.first() == Some(&path.alias)),
    }
}

/// Groups of files each of which needs, by way of others, all the others.
fn circles(needs: &Needs) -> Vec<BTreeSet<&str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        needs.keys().map(|file| (file.as_str(), reach(file, needs))).collect();
    let circles: BTreeSet<BTreeSet<&str>> = reach
        .iter()
        .map(|(file, reached)| {
            reached.iter().filter(|other| reach[*other].contains(file)).copied().collect()
        })
        .collect();
    circles.into_iter().collect()
}

fn reach<'a>(from: &str, needs: &'a Needs) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![from];
    while let Some(file) = open.pop() {
        for next in needs[file].keys() {
            if reached.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    reached
}

/// The circle with each `use` that is part of it.
fn describe(circle: &BTreeSet<&str>, needs: &Needs) -> String {
    let mut text = format!("{} files", circle.len());
    for file in circle {
        for (other, line) in
            needs[*file].iter().filter(|(other, _)| circle.contains(other.as_str()))
        {
            text += &format!("\n    {file}:{line} needs {other}");
        }
    }
    text
}
