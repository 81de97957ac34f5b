//! The paths that a file names: in `use` declarations, in its code, and inside of macros.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{UseTree, Visibility};

#[derive(Copy, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `use a::b;`
    Use,
    /// `pub use a::b;`
    ReExport,
    /// `use a::*;`, without the star.
    Glob,
    /// `a::b` in code.
    Code,
}

pub struct Named {
    pub line: usize,
    pub segments: Vec<String>,
    /// What the last segment is called in this file.
    pub alias: String,
    pub kind: Kind,
}

/// All paths of a file.
pub fn named(file: &syn::File) -> Vec<Named> {
    let mut list = List::default();
    list.visit_file(file);
    list.paths
}

#[derive(Default)]
struct List {
    paths: Vec<Named>,
}

impl List {
    fn add_tree(&mut self, tree: &UseTree, before: &[String], kind: Kind) {
        let with = |ident: &Ident| [before, &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.add_tree(&path.tree, &with(&path.ident), kind),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(tree, before, kind);
                }
            }
            UseTree::Name(name) if name.ident == "self" => {
                let alias = before.last().cloned().unwrap_or_default();
                self.add(&name.ident, before.to_vec(), alias, kind);
            }
            UseTree::Name(name) => {
                self.add(&name.ident, with(&name.ident), name.ident.to_string(), kind);
            }
            UseTree::Rename(name) => {
                self.add(&name.ident, with(&name.ident), name.rename.to_string(), kind);
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                let alias = String::new();
                let segments = before.to_vec();
                self.paths.push(Named { line, segments, alias, kind: Kind::Glob });
            }
        }
    }

    fn add(&mut self, ident: &Ident, segments: Vec<String>, alias: String, kind: Kind) {
        self.paths.push(Named { line: ident.span().start().line, segments, alias, kind });
    }

    /// Inside of a macro there are only tokens: identifiers with `::` between them.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut segments: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 && !segments.is_empty() => {
                    segments.push(ident.to_string());
                    self.add_code(&ident, &segments);
                }
                TokenTree::Ident(ident) => segments = vec![ident.to_string()],
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => {
                    segments.clear();
                    self.add_tokens(group.stream());
                }
                _ => segments.clear(),
            }
            colons = 0;
        }
    }

    fn add_code(&mut self, last: &Ident, segments: &[String]) {
        self.add(last, segments.to_vec(), last.to_string(), Kind::Code);
    }
}

impl<'ast> Visit<'ast> for List {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let kind = match item.vis {
            Visibility::Inherited => Kind::Use,
            _ => Kind::ReExport,
        };
        self.add_tree(&item.tree, &[], kind);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> =
            path.segments.iter().map(|part| part.ident.to_string()).collect();
        if let Some(last) = path.segments.last() {
            self.add_code(&last.ident, &segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.add_tokens(call.tokens.clone());
    }

    /// Documents and lints do not need what they name.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}
