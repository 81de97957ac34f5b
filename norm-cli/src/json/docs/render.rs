//! Writes the document: a template, with the events and records of the schema in it.

use serde_json::Value;

use super::fields::{self, Field, RECORDS, Record, Title, Variant};
use super::{samples, schema};

/// What surrounds the events.
const TEMPLATE: &str = include_str!("template.md");
/// Columns of a line of text.
const WIDTH: usize = 100;

/// `docs/json.md`.
pub(super) fn document() -> String {
    let schema = schema::document();
    let mut text = TEMPLATE.to_owned();
    for chapter in schema::CHAPTERS {
        let samples = samples::of(chapter.name);
        let mut events = fields::variants(&schema, chapter.types);
        events.sort_by_key(|event| event.name == "summary");
        let events: String = events.iter().map(|event| section(event, &samples)).collect();
        text = text.replace(&format!("{{{{{}}}}}\n", chapter.name), events.trim_start());
    }
    let records: String = RECORDS.iter().map(|title| record(&schema, title)).collect();
    text = text.replace("{{records}}\n", records.trim_start());
    let report = fields::record(&schema, fields::definition(&schema, "Report"));
    text.replace("{{report}}\n", &list(&report.fields, 0))
}

/// A section about an event.
fn section(event: &Variant, samples: &[(String, Value)]) -> String {
    let mut text = format!("\n### `{}`\n\n{}", event.name, wrap(&event.description, 0, 0));
    // Hints have a section of their own.
    if event.name == "hint" {
        text.push_str("\nIts fields are those of the [kinds of hints](#kinds-of-hints).\n");
    } else {
        text.push_str(&body(&event.record));
    }
    let examples = samples.iter().filter(|(name, _)| *name == event.name);
    let examples: String = examples.map(|(_, example)| format!("{example}\n")).collect();
    text.push_str(&format!("\n```json\n{examples}```\n"));
    text
}

/// A section about a type.
fn record(schema: &Value, title: &Title) -> String {
    let node = fields::definition(schema, title.name);
    let text = node["description"].as_str().unwrap_or_default().replace('\n', " ");
    let body = body(&fields::record(schema, node));
    format!("\n### {}\n\n{}{body}", title.heading, wrap(&text, 0, 0))
}

/// The fields of a record, and its forms.
fn body(record: &Record) -> String {
    let mut text = String::new();
    if !record.fields.is_empty() {
        text.push_str(&format!("\n{}", list(&record.fields, 0)));
    }
    if let Some((name, forms)) = &record.forms {
        text.push_str(&format!(
            "\nThe field `{name}` is one of these, with more fields for some:\n\n"
        ));
        for form in forms {
            text.push_str(&wrap(&format!("- `{}`: {}", form.name, form.description), 0, 2));
            // Each has a message, which is said above.
            let fields = form.record.fields.iter().filter(|field| field.name != "message");
            text.extend(fields.map(|field| item(field, 2)));
        }
    }
    text
}

fn list(fields: &[Field], indent: usize) -> String {
    fields.iter().map(|field| item(field, indent)).collect()
}

fn item(field: &Field, indent: usize) -> String {
    let Field { name, kind, description } = field;
    wrap(&format!("- `{name}` ({kind}): {description}"), indent, indent + 2)
}

/// Lines of at most [`WIDTH`] columns, the first and the others with these indents.
fn wrap(text: &str, first: usize, others: usize) -> String {
    let mut lines = String::new();
    let mut line = " ".repeat(first);
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = " ".repeat(others);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    if !is_empty {
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}
