//! The modules of a crate, and which file defines what a path means.
//!
//! Re-exports are followed: `super::Sender` is defined where `struct Sender` stands, not in the
//! `mod.rs` that passes it on.

use std::collections::{BTreeMap, BTreeSet};

use syn::Item;

use crate::paths::{Kind, Named, named};
use crate::sources::library;

/// Names of modules below the crate, outermost first.
pub type ModulePath = Vec<String>;

/// One file of a crate.
pub struct Module {
    pub file: String,
    pub syntax: syn::File,
    pub paths: Vec<Named>,
    /// Names of what is defined here.
    items: BTreeSet<String>,
}

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    Module(ModulePath),
    /// Something that is defined in a module, by name.
    Item(ModulePath, String),
}

/// Re-exports of re-exports are followed so far.
const MAX_DEPTH: usize = 16;

pub struct Crate {
    pub modules: BTreeMap<ModulePath, Module>,
}

impl Crate {
    pub fn read(name: &str) -> Crate {
        let modules = library(name)
            .into_iter()
            .map(|source| {
                let syntax = source.syntax();
                let paths = named(&syntax);
                let items = syntax.items.iter().filter_map(defined_name).collect();
                (
                    module_path(name, &source.path),
                    Module { file: source.path, syntax, paths, items },
                )
            })
            .collect();
        Crate { modules }
    }

    /// What `segments` mean in the module `at`, if it is something of this crate.
    pub fn meaning(&self, at: &ModulePath, segments: &[String]) -> Option<Meaning> {
        self.meaning_within(at, segments, MAX_DEPTH)
    }

    /// The file that defines it.
    pub fn file(&self, meaning: &Meaning) -> &str {
        let (Meaning::Module(module) | Meaning::Item(module, _)) = meaning;
        &self.modules[module].file
    }

    fn meaning_within(
        &self,
        at: &ModulePath,
        segments: &[String],
        depth: usize,
    ) -> Option<Meaning> {
        let depth = depth.checked_sub(1)?;
        let mut module = at.clone();
        let mut left = segments;
        while let [first, after @ ..] = left {
            match first.as_str() {
                "crate" => module.clear(),
                "super" => module.truncate(module.len().checked_sub(1)?),
                "self" => {}
                _ => break,
            }
            left = after;
        }
        let mut meaning = Meaning::Module(module);
        for name in left {
            let Meaning::Module(module) = &meaning else { break };
            meaning = self.member(module, name, depth)?;
        }
        Some(meaning)
    }

    /// What a name means in a module: a child, something defined there, or something imported.
    fn member(&self, at: &ModulePath, name: &str, depth: usize) -> Option<Meaning> {
        let child = [at.as_slice(), &[name.to_owned()]].concat();
        if self.modules.contains_key(&child) {
            return Some(Meaning::Module(child));
        }
        let module = self.modules.get(at)?;
        if module.items.contains(name) {
            return Some(Meaning::Item(at.clone(), name.to_owned()));
        }
        let import = |path: &&Named| path.kind != Kind::Code && path.alias == name;
        if let Some(path) = module.paths.iter().find(import) {
            return self.meaning_within(at, &path.segments, depth);
        }
        module.paths.iter().filter(|path| path.kind == Kind::Glob).find_map(|path| {
            match self.meaning_within(at, &path.segments, depth)? {
                Meaning::Module(from) => self.member(&from, name, depth.checked_sub(1)?),
                Meaning::Item(..) => None,
            }
        })
    }
}

/// `norm-core/src/fec/mod.rs` is `fec`.
fn module_path(name: &str, file: &str) -> ModulePath {
    let below = file.strip_prefix(name).and_then(|file| file.strip_prefix("/src/"));
    let mut parts: ModulePath = below
        .expect("a file of the crate")
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if parts.last().is_some_and(|last| ["lib", "main", "mod"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

fn defined_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
