//! One schema of GitHub's description: whether a value is what it says, and what a value still lacks.
//!
//! The description is OpenAPI 3.0, whose schemas are nearly JSON Schema: `nullable` is said in another way. Alternatives
//! overlap there, so `oneOf` is read as `anyOf`.

use std::collections::BTreeMap;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::description::Description;

/// Keywords that JSON Schema reads as they are.
const PLAIN: [&str; 13] = [
    "type",
    "enum",
    "required",
    "format",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
];
/// What GitHub sends as `null` although its description leaves that out: the repository of a fork that is gone.
const MISTAKEN: [&str; 1] = ["/head/repo"];
const ALTERNATIVES: [(&str, &str); 3] = [("allOf", "allOf"), ("anyOf", "anyOf"), ("oneOf", "anyOf")];

/// A schema, ready to judge.
pub(super) struct Schema {
    written: Value,
    validator: Validator,
}

impl Schema {
    pub fn new(description: &Description, written: Value) -> Self {
        let mut definitions = BTreeMap::new();
        let mut whole = translated(description, &written, &mut definitions);
        whole["definitions"] = json!(definitions);
        let options = jsonschema::options().with_draft(Draft::Draft4);
        Self { written, validator: options.build(&whole).expect("GitHub's schemas are schemas") }
    }

    /// What is wrong with a value, a sentence for each place.
    pub fn wrong(&self, value: &Value) -> Vec<String> {
        let said = self.validator.iter_errors(value).filter(|error| {
            let mistaken = MISTAKEN.iter().any(|place| error.instance_path().as_str().ends_with(place));
            !(mistaken && error.instance().is_null())
        });
        said.map(|error| format!("`{}`: {}", error.instance_path(), shortened(&error.to_string()))).collect()
    }

    /// The properties that an object may have, where the description lists them.
    pub fn properties(&self, description: &Description) -> Option<Vec<String>> {
        let schema = resolved(description, &self.written);
        let free = schema.get("additionalProperties").is_some_and(|more| more != &Value::Bool(false));
        let properties = schema.get("properties").filter(|_| !free)?.as_object()?;
        Some(properties.keys().cloned().collect())
    }

    /// Puts in what GitHub always says and a story says nothing of, each in its plainest form.
    pub fn complete(&self, description: &Description, value: &mut Value) {
        complete(description, &self.written, value);
    }
}

fn shortened(text: &str) -> String {
    if text.len() < 300 { text.to_owned() } else { text.chars().take(150).collect::<String>() + " …" }
}

fn resolved(description: &Description, schema: &Value) -> Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolved(description, &description.component(reference)),
        None => schema.clone(),
    }
}

fn translated(description: &Description, schema: &Value, definitions: &mut BTreeMap<String, Value>) -> Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
        if !definitions.contains_key(&name) {
            definitions.insert(name.clone(), Value::Null);
            let meant = translated(description, &description.component(reference), definitions);
            definitions.insert(name.clone(), meant);
        }
        return json!({ "$ref": format!("#/definitions/{name}") });
    }
    let mut translate = |schema: &Value| translated(description, schema, definitions);
    let mut out = Map::new();
    for keyword in PLAIN.iter().filter(|keyword| schema.get(**keyword).is_some()) {
        out.insert((*keyword).to_owned(), schema[*keyword].clone());
    }
    for (keyword, meant) in ALTERNATIVES {
        if let Some(branches) = schema.get(keyword).and_then(Value::as_array) {
            out.insert(meant.to_owned(), branches.iter().map(&mut translate).collect());
        }
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let properties: Map<_, _> =
            properties.iter().map(|(name, schema)| (name.clone(), translate(schema))).collect();
        out.insert("properties".to_owned(), properties.into());
    }
    for keyword in ["items", "additionalProperties", "not"] {
        if let Some(inner) = schema.get(keyword) {
            let inner = if inner.is_object() { translate(inner) } else { inner.clone() };
            out.insert(keyword.to_owned(), inner);
        }
    }
    let nullable = schema.get("nullable") == Some(&Value::Bool(true));
    if nullable { json!({ "anyOf": [{ "type": "null" }, out] }) } else { out.into() }
}

fn complete(description: &Description, schema: &Value, value: &mut Value) {
    let schema = resolved(description, schema);
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        complete(description, part, value);
    }
    if let Some(branch) = alternatives(&schema).find(|branch| suits(&resolved(description, branch), value)) {
        complete(description, branch, value);
    }
    match value {
        Value::Object(members) => members_of(description, &schema, members),
        Value::Array(items) => {
            if let Some(of) = schema.get("items") {
                items.iter_mut().for_each(|item| complete(description, of, item));
            }
        }
        _ => {}
    }
}

fn members_of(description: &Description, schema: &Value, members: &mut Map<String, Value>) {
    let nothing = json!({});
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !members.contains_key(name) {
            let of = schema.get("properties").and_then(|properties| properties.get(name));
            members.insert(name.to_owned(), plainest(description, of.unwrap_or(&nothing)));
        }
    }
    for (name, value) in members {
        if let Some(of) = schema.get("properties").and_then(|properties| properties.get(name)) {
            complete(description, of, value);
        }
    }
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let of = |keyword| schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
    of("anyOf").chain(of("oneOf"))
}

fn suits(schema: &Value, value: &Value) -> bool {
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some(_) => false,
        None => schema.get("properties").is_some() && value.is_object(),
    }
}

fn plainest(description: &Description, schema: &Value) -> Value {
    let schema = resolved(description, schema);
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        return Value::Null;
    }
    if let Some(first) = schema.get("enum").and_then(|all| all.get(0)) {
        return first.clone();
    }
    if let Some(branch) = alternatives(&schema).next() {
        return plainest(description, branch);
    }
    let object = schema.get("properties").is_some() || schema.get("allOf").is_some();
    let mut value = match schema.get("type").and_then(Value::as_str) {
        Some("object") => json!({}),
        None if object => json!({}),
        Some("array") => json!([]),
        Some("boolean") => json!(false),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(0)),
        Some("string") => plain_text(schema.get("format").and_then(Value::as_str)).into(),
        _ => Value::Null,
    };
    complete(description, &schema, &mut value);
    value
}

fn plain_text(format: Option<&str>) -> &'static str {
    match format {
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("date") => "2026-01-01",
        Some("uri") => "https://github.example/",
        Some("email") => "nobody@github.example",
        _ => "",
    }
}
