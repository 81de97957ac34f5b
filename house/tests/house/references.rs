//! What docs/architecture.md and docs/rfc-coverage.md name exists: files, functions, tests and the
//! numbers of deviations.
//!
//! Only text in backticks counts. A path is looked for from the top, in each crate, and in folders
//! that were named since the last heading. A name directly after a path is something that this
//! file defines. In a column `module`, names are modules of the crate that the heading names; in a
//! column `test`, tests or modules of tests.

use std::collections::BTreeSet;

use crate::documents::{each_line, quoted};
use crate::sources::{CRATES, Source, assert_none, files, root, source};

const COVERAGE: &str = "docs/rfc-coverage.md";
/// Names tests only.
const SECURITY: &str = "docs/security.md";
const DOCUMENTS: [&str; 2] = ["docs/architecture.md", COVERAGE];

#[test]
fn paths_in_documents_exist() {
    let references = references();
    let missing = references.iter().filter(|reference| reference.target.is_none());
    let found: Vec<String> =
        missing.map(|reference| format!("{}: no {}", reference.place, reference.path)).collect();
    assert_none("paths in documents that do not exist", &found);
}

#[test]
fn modules_in_documents_exist() {
    let mut found = Vec::new();
    each_line(&documents(), |file, line| {
        for (_, cell) in line.cells().filter(|(head, _)| *head == "module") {
            for module in quoted(cell) {
                let path = format!("{}/src/{}", line.heading, module.replace("::", "/"));
                if existing(&path).is_none() {
                    found.push(format!("{}:{}: no {path}", file.path, line.number));
                }
            }
        }
    });
    assert_none("modules in documents that do not exist", &found);
}

#[test]
fn functions_in_documents_exist() {
    let mut found = Vec::new();
    for Reference { place, path, target, definition } in references() {
        if let Some(name) = definition
            && let Some(code) = target.and_then(|target| source(&target))
            && !defines(&code.text, &name)
        {
            found.push(format!("{place}: no {name} in {path}"));
        }
    }
    assert_none("functions in documents that do not exist", &found);
}

#[test]
fn tests_in_documents_exist() {
    let sources: Vec<Source> = CRATES.iter().flat_map(|name| files(name, ".rs")).collect();
    let mut found = Vec::new();
    let documents = [documents(), vec![read(SECURITY)]].concat();
    each_line(&documents, |file, line| {
        for (_, cell) in line.cells().filter(|(head, _)| *head == "test") {
            for name in quoted(cell).filter(|name| !is_path(name) && !CRATES.contains(name)) {
                if !sources.iter().any(|source| has_test(source, name)) {
                    found.push(format!("{}:{}: no {name}", file.path, line.number));
                }
            }
        }
    });
    assert_none("tests in documents that do not exist", &found);
}

#[test]
fn deviations_in_documents_exist() {
    let coverage = read(COVERAGE);
    let numbers: Vec<u32> = coverage.lines().filter_map(|(_, line)| deviation(line)).collect();
    let known: BTreeSet<u32> = numbers.iter().copied().collect();
    let mut found = Vec::new();
    if known.len() < numbers.len() {
        found.push(format!("{}: a number stands twice", coverage.path));
    }
    each_line(&documents(), |file, line| {
        for (_, cell) in line.cells().filter(|(head, _)| *head == "status") {
            for number in named_numbers(cell).filter(|number| !known.contains(number)) {
                found.push(format!("{}:{}: no ({number})", file.path, line.number));
            }
        }
    });
    assert_none("deviations in documents that do not exist", &found);
}

/// A path that a document names.
struct Reference {
    /// File and line of the document.
    place: String,
    path: String,
    /// Where it leads, from the top folder.
    target: Option<String>,
    /// The name directly after it.
    definition: Option<String>,
}

fn references() -> Vec<Reference> {
    let mut references = Vec::new();
    let mut folders: Vec<String> = Vec::new();
    each_line(&documents(), |file, line| {
        if line.is_heading() {
            folders.clear();
        }
        let parts: Vec<&str> = line.text.split('`').collect();
        for (at, text) in parts.iter().enumerate().skip(1).step_by(2) {
            let is_module =
                line.cells().any(|(head, cell)| head == "module" && cell.contains(text));
            if is_module {
                folders.push(format!("{}/src/{text}", line.heading));
            }
            if !is_path(text) {
                continue;
            }
            let target = locate(text, &folders);
            if let Some(target) = &target {
                folders.push(folder_of(target));
            }
            let definition = match parts[at + 1..] {
                [" ", name, ..] if text.ends_with(".rs") && !is_path(name) => Some(name.to_owned()),
                _ => None,
            };
            let place = format!("{}:{}", file.path, line.number);
            references.push(Reference { place, path: (*text).to_owned(), target, definition });
        }
    });
    references
}

/// The folder itself, or that of a file.
fn folder_of(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, name)) if name.contains('.') => folder.to_owned(),
        _ => path.to_owned(),
    }
}

fn documents() -> Vec<Source> {
    DOCUMENTS.iter().map(|path| read(path)).collect()
}

fn read(path: &str) -> Source {
    source(path).unwrap_or_else(|| panic!("no {path}"))
}

fn is_path(text: &str) -> bool {
    let is_file = [".rs", ".md", ".toml"].iter().any(|ending| text.ends_with(ending));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    (is_file || text.contains('/')) && text.chars().all(is_plain)
}

fn locate(path: &str, folders: &[String]) -> Option<String> {
    let named = folders.iter().rev().map(|folder| format!("{folder}/{path}"));
    let crates = CRATES
        .iter()
        .flat_map(|name| ["", "/src", "/tests"].map(|below| format!("{name}{below}/{path}")));
    named.chain([path.to_owned()]).chain(crates).find_map(|path| existing(&path))
}

/// The path of a file, a folder, or a module without its `.rs`, if there is one.
fn existing(path: &str) -> Option<String> {
    let path = path.trim_end_matches('/');
    [path.to_owned(), format!("{path}.rs")].into_iter().find(|path| root().join(path).exists())
}

fn defines(text: &str, name: &str) -> bool {
    ["fn", "struct", "enum", "trait", "type", "const"].iter().any(|kind| {
        text.match_indices(&format!("{kind} {name}")).any(|(at, found)| {
            !text[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    })
}

/// Whether a file has the test `some::module::name`, or is, or has, the module `some::module::*`.
fn has_test(source: &Source, name: &str) -> bool {
    let wanted: Vec<&str> = name.trim_end_matches("::*").split("::").collect();
    let (last, above) = wanted.split_last().expect("a name has a last part");
    let module: Vec<&str> = source
        .path
        .trim_end_matches(".rs")
        .split('/')
        .filter(|part| !["src", "main", "mod"].contains(part))
        .collect();
    let has_module =
        |name: &&str| module.contains(name) || source.text.contains(&format!("mod {name} {{"));
    let is_module = module.ends_with(&wanted)
        || module.ends_with(above) && source.text.contains(&format!("mod {last} {{"));
    let has_function = defines(&source.text, last) && source.text.contains("#[test]");
    is_module || above.iter().all(has_module) && has_function
}

/// The number of a deviation that begins with this line.
fn deviation(line: &str) -> Option<u32> {
    let (number, _) = line.strip_prefix("**(")?.split_once(")**")?;
    number.parse().ok()
}

/// The numbers of `(2, 11)`, `(27, 37 to 41)` and `(13 for senders)`.
fn named_numbers(cell: &str) -> impl Iterator<Item = u32> {
    cell.split(" (")
        .skip(1)
        .filter_map(|text| text.split(')').next())
        .filter(|text| text.starts_with(|c: char| c.is_ascii_digit()))
        .flat_map(|text| text.split(|c: char| !c.is_ascii_digit()))
        .filter_map(|number| number.parse().ok())
}
