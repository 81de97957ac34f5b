//! The files of the workspace, and what a rule has found in them.

use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, ImplItem, Item};

/// The libraries that hold the protocols; most rules are about them.
pub const LIBRARIES: [&str; 4] = ["norm-core", "norm-files", "norm-http", "norm-net"];

/// All crates with code that somebody maintains.
pub const CRATES: [&str; 10] = [
    "benches",
    "house",
    "norm-cli",
    "norm-core",
    "norm-files",
    "norm-gf",
    "norm-http",
    "norm-net",
    "norm-seal",
    "norm-sim",
];

/// Folders without sources of ours.
const SKIPPED: [&str; 5] = [".git", "artifacts", "corpus", "coverage", "target"];

/// One text file; its path is below the workspace, with `/`.
#[derive(Clone)]
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// The lines, numbered from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// What the compiler sees of it outside of tests.
    pub fn syntax(&self) -> syn::File {
        let mut file = syn::parse_file(&self.text)
            .unwrap_or_else(|error| panic!("{} is no Rust: {error}", self.path));
        remove_tests(&mut file.items);
        file
    }
}

/// All files below `folder` whose name ends with `ending`, by path.
pub fn files(folder: &str, ending: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    assert!(!paths.is_empty(), "no files in {folder}");
    paths.sort();
    paths
        .iter()
        .filter(|path| path.to_str().is_some_and(|name| name.ends_with(ending)))
        .filter_map(|path| read(path))
        .collect()
}

/// The file of this path below the workspace, if there is one.
pub fn source(path: &str) -> Option<Source> {
    let path = root().join(path);
    path.is_file().then(|| read(&path)).flatten()
}

/// The Rust files of a crate that are compiled outside of tests.
pub fn library(name: &str) -> Vec<Source> {
    let all = files(&format!("{name}/src"), ".rs");
    let tests: Vec<String> = all.iter().flat_map(test_modules).collect();
    all.into_iter()
        .filter(|file| !tests.iter().any(|test| is_within(file.path.trim_end_matches(".rs"), test)))
        .collect()
}

/// Whether a path is that of a folder or file, or of something below it.
pub fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The top folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder above this crate").to_owned()
}

/// Fails with the list, if there is anything in it.
pub fn assert_none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}: {} found\n  {}", findings.len(), findings.join("\n  "));
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        let name = path.file_name().unwrap_or_default();
        if SKIPPED.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if path.is_dir() {
            walk(&path, into);
        } else {
            into.push(path);
        }
    }
}

/// Nothing where the file is no text.
fn read(path: &Path) -> Option<Source> {
    let text = String::from_utf8(fs::read(path).expect("a readable file")).ok()?;
    let below = path.strip_prefix(root()).expect("a path below the workspace");
    Some(Source { path: below.to_string_lossy().replace('\\', "/"), text })
}

/// Paths without `.rs` of the modules that this file has for tests only.
fn test_modules(file: &Source) -> Vec<String> {
    let folder = match file.path.rsplit_once('/') {
        Some((folder, "lib.rs" | "main.rs" | "mod.rs")) => folder,
        _ => file.path.trim_end_matches(".rs"),
    };
    let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter(|pair| pair[0] == "#[cfg(test)]")
        .filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'))
        .map(|name| format!("{folder}/{name}"))
        .collect()
}

fn remove_tests(items: &mut Vec<Item>) {
    items.retain(|item| !attributes(item).iter().any(is_test));
    for item in items {
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    remove_tests(items);
                }
            }
            Item::Impl(block) => block.items.retain(|item| match item {
                ImplItem::Fn(function) => !function.attrs.iter().any(is_test),
                _ => true,
            }),
            _ => {}
        }
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[test]` and `#[cfg(test)]`.
fn is_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("test")
        || attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|what| what.is_ident("test"))
}
