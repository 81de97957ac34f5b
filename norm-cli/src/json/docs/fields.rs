//! Takes a schema apart: which fields a record has, and which values may stand in them.

use serde_json::Value;

/// A type that is described by itself, at the end.
pub(super) struct Title {
    /// Its name in the schema.
    pub(super) name: &'static str,
    /// What its section is called.
    pub(super) heading: &'static str,
}

/// All of them.
pub(super) const RECORDS: &[Title] = &[
    Title { name: "ReceiverReport", heading: "Report about a receiver" },
    Title { name: "SetReport", heading: "Report about a file set" },
    Title { name: "SetFailure", heading: "Failed file set" },
    Title { name: "ResumeData", heading: "Resume data" },
    Title { name: "KnownKey", heading: "Key of a session" },
    Title { name: "Security", heading: "Protection of a session" },
    Title { name: "DemoCopy", heading: "Copy of a demo" },
    Title { name: "FillSource", heading: "Source of files" },
    Title { name: "Hint", heading: "Kinds of hints" },
    Title { name: "Problem", heading: "Kinds of problems" },
    Title { name: "SourceProblem", heading: "Problems with the source" },
];

impl Title {
    /// What links to the section name.
    pub(super) fn anchor(&self) -> String {
        self.heading.to_lowercase().replace(' ', "-")
    }
}

/// A field of a record.
pub(super) struct Field {
    pub(super) name: String,
    /// What kind of value, in a few words.
    pub(super) kind: String,
    pub(super) description: String,
}

/// One of several forms of a record, told apart by a field.
pub(super) struct Variant {
    /// The value of that field.
    pub(super) name: String,
    pub(super) description: String,
    pub(super) record: Record,
}

/// A record: its own fields, and those that depend on one of them.
pub(super) struct Record {
    pub(super) fields: Vec<Field>,
    /// Name of the field that tells forms apart, and the forms.
    pub(super) forms: Option<(String, Vec<Variant>)>,
}

/// The forms of all these types.
pub(super) fn variants(schema: &Value, types: &[&str]) -> Vec<Variant> {
    let of = |name: &&str| forms(schema, definition(schema, name)).map(|(_, forms)| forms);
    types.iter().filter_map(of).flatten().collect()
}

/// The type with this name.
pub(super) fn definition<'a>(schema: &'a Value, name: &str) -> &'a Value {
    &schema["$defs"][name]
}

/// What a record has, itself and by reference.
pub(super) fn record(schema: &Value, node: &Value) -> Record {
    let mut fields = own_fields(node);
    let mut forms = forms(schema, node);
    if let Some(name) = reference(node) {
        let other = record(schema, definition(schema, name));
        fields.extend(other.fields);
        forms = forms.or(other.forms);
    }
    Record { fields, forms }
}

/// The fields in their order, without those with a fixed value, which tell forms apart.
fn own_fields(node: &Value) -> Vec<Field> {
    let required = node["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let property = |name: &str| node["properties"].get(name).map(|value| (name.to_owned(), value));
    let fields = required.filter_map(property).filter(|(_, value)| value.get("const").is_none());
    fields
        .map(|(name, value)| Field { name, kind: kind(value), description: description(value) })
        .collect()
}

fn forms(schema: &Value, node: &Value) -> Option<(String, Vec<Variant>)> {
    let forms = node["oneOf"].as_array()?;
    let tag = |form: &Value| {
        let properties = form["properties"].as_object()?;
        let (name, value) = properties.iter().find(|(_, value)| value.get("const").is_some())?;
        Some((name.clone(), value["const"].as_str()?.to_owned()))
    };
    let (name, _) = tag(forms.first()?)?;
    let variant = |form: &Value| {
        let record = record(schema, form);
        Some(Variant { name: tag(form)?.1, description: description(form), record })
    };
    Some((name, forms.iter().filter_map(variant).collect()))
}

fn reference(node: &Value) -> Option<&str> {
    node["$ref"].as_str()?.strip_prefix("#/$defs/")
}

/// The text of a type or field, in one line; of a choice of words, with these.
pub(super) fn description(node: &Value) -> String {
    let text = node["description"].as_str().unwrap_or_default().replace('\n', " ");
    let word = |choice: &Value| {
        let (name, meaning) = (choice["const"].as_str()?, description(choice));
        let meaning = meaning.trim_end_matches('.');
        let meaning = meaning.split_once(". ").map_or(meaning, |(first, _)| first);
        Some(format!("`{name}` ({})", lower(meaning)))
    };
    let documented = node["oneOf"].as_array().into_iter().flatten().filter_map(word);
    let plain = node["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let words: Vec<String> = documented.chain(plain.map(|name| format!("`{name}`"))).collect();
    if words.is_empty() { text } else { format!("{text} One of {}.", words.join(", ")) }
}

/// With a small letter first, unless that is an abbreviation.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// What kind of value a field has.
fn kind(node: &Value) -> String {
    if let Some(name) = reference(node) {
        let anchor = RECORDS.iter().find(|record| record.name == name).map(Title::anchor);
        return anchor.map_or("object".to_owned(), |anchor| format!("[{name}](#{anchor})"));
    }
    if let Some(choices) = node["anyOf"].as_array() {
        let mut kinds: Vec<String> = choices.iter().map(kind).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    if let Some(types) = node["type"].as_array() {
        let kinds: Vec<String> =
            types.iter().map(|name| simple(node, name.as_str().unwrap_or_default())).collect();
        return kinds.join(" or ");
    }
    simple(node, node["type"].as_str().unwrap_or("string"))
}

fn simple(node: &Value, name: &str) -> String {
    match name {
        "array" => format!("list of {}", kind(&node["items"])),
        "string" => match node["pattern"].as_str() {
            Some(pattern) => {
                let digits = pattern.split(['{', '}']).nth(1).unwrap_or_default();
                format!("{digits} hex digits")
            }
            None => "string".to_owned(),
        },
        "boolean" => "bool".to_owned(),
        other => other.to_owned(),
    }
}
