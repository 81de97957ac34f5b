//! The inherent methods of a type stand in at most two files.
//!
//! Methods in many files are one large object all the same. Cut the state into parts with types and
//! private fields of their own; the owner puts the parts together.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Item, Type};

use crate::modules::{Crate, Meaning};
use crate::sources::{LIBRARIES, assert_none};

const MAX_FILES: usize = 2;

#[test]
fn methods_of_a_type_stand_in_at_most_two_files() {
    let mut found = Vec::new();
    for name in LIBRARIES {
        for (meaning, files) in impls(&Crate::read(name)) {
            if let Meaning::Item(_, name) = meaning
                && files.len() > MAX_FILES
            {
                let list: Vec<&str> = files.iter().map(String::as_str).collect();
                found.push(format!("{name}: {} files: {}", files.len(), list.join(", ")));
            }
        }
    }
    assert_none("types with methods in more than two files", &found);
}

/// The files, with lines, that have inherent methods of a type; one entry a file.
fn impls(library: &Crate) -> BTreeMap<Meaning, BTreeSet<String>> {
    let mut files: BTreeMap<Meaning, BTreeSet<String>> = BTreeMap::new();
    for (at, module) in &library.modules {
        for item in &module.syntax.items {
            let Item::Impl(block) = item else { continue };
            let Type::Path(of) = &*block.self_ty else { continue };
            if block.trait_.is_some() {
                continue;
            }
            let segments: Vec<String> =
                of.path.segments.iter().map(|part| part.ident.to_string()).collect();
            if let Some(meaning) = library.meaning(at, &segments) {
                files.entry(meaning).or_default().insert(module.file.clone());
            }
        }
    }
    files
}
