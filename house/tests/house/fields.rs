//! No struct has more than 24 fields.
//!
//! A struct with more is several things in one. Find fields that change together and give them a
//! type with methods of their own; options are grouped by subject.

use syn::spanned::Spanned;
use syn::visit::Visit;

use crate::sources::{LIBRARIES, Source, assert_none, library};

const MAX_FIELDS: usize = 24;

#[test]
fn structs_have_at_most_24_fields() {
    let files: Vec<Source> = LIBRARIES.iter().flat_map(|name| library(name)).collect();
    let mut search = Search::default();
    for file in &files {
        search.path.clone_from(&file.path);
        search.visit_file(&file.syntax());
    }
    assert_none("structs with more than 24 fields", &search.found);
}

#[derive(Default)]
struct Search {
    path: String,
    found: Vec<String>,
}

impl<'ast> Visit<'ast> for Search {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        if item.fields.len() > MAX_FIELDS {
            let line = item.span().start().line;
            let count = item.fields.len();
            self.found.push(format!("{}:{line}: {} has {count} fields", self.path, item.ident));
        }
    }
}
