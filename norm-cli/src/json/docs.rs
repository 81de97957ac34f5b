//! `docs/json.md` and `docs/json.schema.json` are made from the types of all events: the tests here
//! compare them, and write them anew when `NORM_BLESS=1` is set.

mod fields;
mod render;
mod samples;
mod schema;

use std::fs;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

/// Compares a document with what it should be, or writes it.
fn check(name: &str, wanted: &str) {
    let path = path(name);
    if std::env::var_os("NORM_BLESS").is_some() {
        fs::write(&path, wanted).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let line = found.lines().zip(wanted.lines()).position(|(found, wanted)| found != wanted);
    let line = line.unwrap_or_else(|| found.lines().count().min(wanted.lines().count())) + 1;
    assert!(
        found == wanted,
        "docs/{name} differs from the types from line {line} on: NORM_BLESS=1 writes it anew"
    );
}

#[test]
fn schema_is_that_of_the_types() {
    check("json.schema.json", &schema::text());
}

#[test]
fn document_is_made_from_the_types() {
    check("json.md", &render::document());
}

#[test]
fn every_event_has_an_example() {
    let schema = schema::document();
    for chapter in schema::CHAPTERS {
        let named = fields::variants(&schema, chapter.types);
        let names: Vec<&str> = named.iter().map(|variant| variant.name.as_str()).collect();
        for (name, example) in samples::of(chapter.name) {
            assert!(names.contains(&name.as_str()), "{name} is no event of {}", chapter.name);
            assert_eq!(example["event"], name);
        }
        for name in names {
            let found = samples::of(chapter.name).iter().any(|(sample, _)| sample == name);
            assert!(found, "{name} of {} has no example", chapter.name);
        }
    }
}

#[test]
fn every_event_of_norm_objects_is_documented() {
    let document = render::document();
    let (_, chapter) = document.split_once("\n## norm-objects\n").expect("it has a chapter");
    for source in [include_str!("../objects/recv.rs"), include_str!("../objects/send.rs")] {
        let parts: Vec<&str> = source.split("tell(").skip(1).collect();
        assert!(!parts.is_empty());
        for part in parts {
            let name = part.strip_prefix("args.session.json, \"").and_then(|p| p.split_once("\")"));
            let (name, _) = name.expect("a call of `tell` with the name as text");
            assert!(chapter.contains(&format!("\n| `{name}` | ")), "{name} is not documented");
        }
    }
}
