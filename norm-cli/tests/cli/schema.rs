//! Checks what the programs print against `docs/json.schema.json`: as much of JSON Schema as that
//! file uses.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Each line must be an event of one of these types, with its fields and no others.
pub fn check(types: &[&str], lines: &[Value]) {
    let schema = Schema(schema());
    for line in lines {
        let errors: Vec<String> = types
            .iter()
            .filter_map(|name| schema.error(&schema.0["$defs"][name], line, &["at"]))
            .collect();
        assert!(errors.len() < types.len(), "{line}:\n{}", errors.join("\n"));
        assert!(line["at"].is_number(), "{line}");
    }
}

/// This must be a value of this type.
pub fn check_one(name: &str, value: &Value) {
    let schema = Schema(schema());
    let error = schema.error(&schema.0["$defs"][name], value, &[]);
    assert_eq!(error, None, "{value}");
}

struct Schema(Value);

impl Schema {
    /// Why a value is not of a type; fields in `also` are allowed beside those of the type.
    fn error(&self, node: &Value, value: &Value, also: &[&str]) -> Option<String> {
        let mut known: BTreeSet<String> = also.iter().map(|&name| name.to_owned()).collect();
        if let Some(error) = self.mismatch(node, value, &mut known) {
            return Some(error);
        }
        let fields = value.as_object().into_iter().flat_map(|object| object.keys());
        // What has no fields in the schema may have any.
        let unknown = fields.into_iter().find(|name| !known.contains(*name));
        unknown.filter(|_| known.len() > also.len()).map(|name| format!("unknown field {name}"))
    }

    fn mismatch(
        &self,
        node: &Value,
        value: &Value,
        known: &mut BTreeSet<String>,
    ) -> Option<String> {
        if let Some(name) = node["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/"))
            && let Some(error) = self.mismatch(&self.0["$defs"][name], value, known)
        {
            return Some(error);
        }
        if !is_of_type(&node["type"], value) {
            return Some(format!("{value} is no {}", node["type"]));
        }
        if node.get("const").is_some_and(|wanted| wanted != value) {
            return Some(format!("{value} is not {}", node["const"]));
        }
        if node["enum"].as_array().is_some_and(|words| !words.contains(value)) {
            return Some(format!("{value} is none of {}", node["enum"]));
        }
        let required = node["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(missing) = required.into_iter().find(|name| value.get(name).is_none()) {
            return Some(format!("field {missing} is missing"));
        }
        for (name, property) in node["properties"].as_object().into_iter().flatten() {
            known.insert(name.clone());
            let field = value.get(name)?;
            if let Some(error) = self.error(property, field, &[]) {
                return Some(format!("{name}: {error}"));
            }
        }
        if let (Some(items), Some(list)) = (node.get("items"), value.as_array()) {
            let error = list.iter().find_map(|item| self.error(items, item, &[]));
            if error.is_some() {
                return error;
            }
        }
        self.choice(node, value, known)
    }

    /// One of several forms, if there are any.
    fn choice(&self, node: &Value, value: &Value, known: &mut BTreeSet<String>) -> Option<String> {
        let forms = node["oneOf"].as_array().or_else(|| node["anyOf"].as_array())?;
        let mut errors = Vec::new();
        for form in forms {
            let mut fields = BTreeSet::new();
            match self.mismatch(form, value, &mut fields) {
                None => {
                    known.extend(fields);
                    return None;
                }
                Some(error) => errors.push(error),
            }
        }
        Some(errors.join("; "))
    }
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the schema has the type {other}"),
    };
    match wanted {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().any(|name| is(name.as_str().unwrap())),
        _ => true,
    }
}

#[test]
fn wrong_lines_are_found() {
    let schema = Schema(schema());
    let of = |name: &str, line: &str| {
        schema.error(&schema.0["$defs"][name], &serde_json::from_str(line).unwrap(), &["at"])
    };
    assert_eq!(of("SendEvent", r#"{"event":"started","receivers":2,"at":1.0}"#), None);
    for line in [
        r#"{"event":"nothing","receivers":2}"#,
        r#"{"event":"started"}"#,
        r#"{"event":"started","receivers":"2"}"#,
        r#"{"event":"started","receivers":2,"more":1}"#,
    ] {
        assert!(of("SendEvent", line).is_some(), "{line}");
    }
}
