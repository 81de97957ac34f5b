//! No `use super::*` outside of tests.
//!
//! A file says at its top what it needs of its neighbours; a glob hides it from readers, and from
//! the search for circles.

use crate::paths::{Kind, named};
use crate::sources::{LIBRARIES, assert_none, library};

#[test]
fn no_file_takes_all_of_its_parent() {
    let mut found = Vec::new();
    for file in LIBRARIES.iter().flat_map(|name| library(name)) {
        for path in named(&file.syntax()) {
            if path.kind == Kind::Glob && path.segments.last().is_some_and(|last| last == "super") {
                found.push(format!(
                    "{}:{}: use {}::*",
                    file.path,
                    path.line,
                    path.segments.join("::")
                ));
            }
        }
    }
    assert_none("`use super::*` outside of tests", &found);
}
