//! No function is longer than 60 lines, tests aside.
//!
//! Longer ones decide and act in turns. Decide first, with a value as the result, then do what it
//! says. Lines are counted like clippy's `too_many_lines` counts them: those between the braces
//! that are neither empty nor only a comment.

use syn::Block;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::sources::{CRATES, Source, assert_none, files, library};

const MAX_LINES: usize = 60;

#[test]
#[ignore = "until the house is done"]
fn functions_have_at_most_60_lines() {
    let benches = ["benches/benches", "benches/compare", "benches/endless", "norm-net/examples"];
    let mut search = Search { file: None, found: Vec::new() };
    let sources = CRATES
        .iter()
        .flat_map(|name| library(name))
        .chain(benches.iter().flat_map(|folder| files(folder, ".rs")));
    for file in sources {
        let syntax = file.syntax();
        search.file = Some(file);
        search.visit_file(&syntax);
    }
    assert_none("functions with more than 60 lines", &search.found);
}

struct Search {
    file: Option<Source>,
    found: Vec<String>,
}

impl Search {
    fn check(&mut self, name: &syn::Ident, body: &Block) {
        let file = self.file.as_ref().expect("a file that is searched");
        let span = body.span();
        let count = file
            .lines()
            .filter(|(number, _)| (span.start().line + 1..span.end().line).contains(number))
            .filter(|(_, line)| !line.trim().is_empty() && !line.trim().starts_with("//"))
            .count();
        if count > MAX_LINES {
            let line = name.span().start().line;
            self.found.push(format!("{}:{line}: {name} has {count} lines", file.path));
        }
    }
}

impl<'ast> Visit<'ast> for Search {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.check(&item.sig.ident, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.check(&item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.check(&item.sig.ident, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}
