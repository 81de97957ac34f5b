//! What docs/architecture.md and docs/rfc-coverage.md name exists: files, functions, tests and the
//! numbers of deviations.
//!
//! Only text in backticks counts. A path is looked for from the top, in each crate, and in the
//! folder that the head of its table names (`file in …`). A name directly after a path is something
//! that this file defines. In a column `test`, names are tests or modules of tests.

use std::collections::BTreeSet;

use crate::documents::{each_line, quoted};
use crate::sources::{CRATES, Source, assert_none, files, root, source};

const COVERAGE: &str = "docs/rfc-coverage.md";
const DOCUMENTS: [&str; 2] = ["docs/architecture.md", COVERAGE];

#[test]
#[ignore = "until the house is done"]
fn paths_in_documents_exist() {
    let mut found = Vec::new();
    each_line(&documents(), |file, line| {
        for path in line.quoted().filter(|text| is_path(text)) {
            if locate(path, line.folder).is_none() {
                found.push(format!("{}:{}: no {path}", file.path, line.number));
            }
        }
    });
    assert_none("paths in documents that do not exist", &found);
}

#[test]
#[ignore = "until the house is done"]
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
#[ignore = "until the house is done"]
fn functions_in_documents_exist() {
    let mut found = Vec::new();
    each_line(&documents(), |file, line| {
        for (path, name) in definitions(line.text) {
            let code = locate(path, line.folder).and_then(|path| source(&path));
            if code.is_some_and(|code| !defines(&code.text, name)) {
                found.push(format!("{}:{}: no {name} in {path}", file.path, line.number));
            }
        }
    });
    assert_none("functions in documents that do not exist", &found);
}

#[test]
#[ignore = "until the house is done"]
fn tests_in_documents_exist() {
    let sources: Vec<Source> = CRATES.iter().flat_map(|name| files(name, ".rs")).collect();
    let mut found = Vec::new();
    each_line(&documents(), |file, line| {
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
#[ignore = "until the house is done"]
fn deviations_in_documents_exist() {
    let coverage = read(COVERAGE);
    let numbers: Vec<u32> = coverage.lines().filter_map(|(_, line)| list_number(line)).collect();
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

/// Where a path of a document leads, from the top folder.
fn locate(path: &str, folder: &str) -> Option<String> {
    let crates = CRATES
        .iter()
        .flat_map(|name| ["", "/src", "/tests"].map(|below| format!("{name}{below}/{path}")));
    [format!("{folder}/{path}"), path.to_owned()]
        .into_iter()
        .filter(|path| !path.starts_with('/'))
        .chain(crates)
        .find_map(|path| existing(&path))
}

/// The path of a file, a folder, or a module without its `.rs`, if there is one.
fn existing(path: &str) -> Option<String> {
    let path = path.trim_end_matches('/');
    [path.to_owned(), format!("{path}.rs")].into_iter().find(|path| root().join(path).exists())
}

/// Pairs of a path and a name directly after it.
fn definitions(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts: Vec<&str> = text.split('`').collect();
    let pairs: Vec<_> = parts
        .windows(3)
        .skip(1)
        .step_by(2)
        .filter(|part| part[1] == " " && part[0].ends_with(".rs") && is_path(part[0]))
        .map(|part| (part[0], part[2]))
        .collect();
    pairs.into_iter()
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

/// The number of an entry of a list.
fn list_number(line: &str) -> Option<u32> {
    let (number, _) = line.split_once(". ")?;
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
