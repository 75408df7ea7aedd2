//! One operation of GitHub's API: whether a request and an answer are what its description says.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::description::Description;
use super::schema::Schema;

/// An operation.
pub(super) struct Operation {
    /// Such as `issues/create-comment`.
    pub id: String,
    places: Vec<Parameter>,
    query: Vec<Parameter>,
    body: Option<Body>,
    answers: BTreeMap<String, Option<Schema>>,
}

struct Parameter {
    name: String,
    kind: String,
    schema: Schema,
    presence: Presence,
}

struct Body {
    schema: Schema,
    presence: Presence,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Presence {
    Required,
    Optional,
}

/// What came, apart from its first line.
pub(super) struct Request<'a> {
    pub places: &'a BTreeMap<String, String>,
    pub query: &'a BTreeMap<String, String>,
    pub body: Option<&'a Value>,
}

impl Operation {
    pub fn new(description: &Description, written: Value) -> Self {
        let list = written.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
        let parameters: Vec<Value> = list.iter().map(|one| resolved(description, one)).collect();
        let of = |place: &str| {
            let of = parameters.iter().filter(|one| one["in"] == place);
            of.map(|one| Parameter::new(description, one)).collect()
        };
        let answers = written.get("responses").and_then(Value::as_object).cloned().unwrap_or_default();
        let answer = |(status, answer): (String, Value)| {
            let schema = json_of(&resolved(description, &answer));
            (status, schema.map(|schema| Schema::new(description, schema)))
        };
        Self {
            id: written["operationId"].as_str().unwrap_or_default().to_owned(),
            places: of("path"),
            query: of("query"),
            body: Body::new(description, &written),
            answers: answers.into_iter().map(answer).collect(),
        }
    }

    /// What is wrong with a request.
    pub fn wrong(&self, description: &Description, request: &Request<'_>) -> Vec<String> {
        let places = of_parameters(&self.places, "path", request.places);
        let query = of_parameters(&self.query, "query", request.query);
        places.into_iter().chain(query).chain(self.wrong_body(description, request.body)).collect()
    }

    fn wrong_body(&self, description: &Description, body: Option<&Value>) -> Vec<String> {
        match (&self.body, body) {
            (Some(known), Some(body)) => {
                let allowed = known.schema.properties(description);
                let unknown = body.as_object().into_iter().flat_map(|body| body.keys());
                let unknown = unknown.filter(|name| allowed.as_ref().is_some_and(|all| !all.contains(name)));
                let unknown = unknown.map(|name| format!("the body has no `{name}`"));
                known.schema.wrong(body).into_iter().chain(unknown).collect()
            }
            (Some(known), None) if known.presence == Presence::Required => vec!["a body is required".into()],
            (None, Some(_)) => vec!["it takes no body".into()],
            _ => Vec::new(),
        }
    }

    /// Completes our answer, and says what is wrong with it.
    pub fn answer(&self, description: &Description, status: u16, body: Option<&mut Value>) -> Vec<String> {
        match (self.answers.get(&status.to_string()), body) {
            (Some(Some(schema)), Some(body)) => {
                schema.complete(description, body);
                schema.wrong(body)
            }
            (Some(None), None) => Vec::new(),
            // Refusals and failures are not all described.
            (_, _) if status >= 400 || status == 304 => Vec::new(),
            (None, _) => vec![format!("status {status} is not described")],
            (Some(_), _) => vec!["a body is there or missing against the description".into()],
        }
    }

    /// Completes the body of a webhook, and says what is wrong with it.
    pub fn announce(&self, description: &Description, body: &mut Value) -> Vec<String> {
        let Some(known) = &self.body else { return vec!["it has no body".into()] };
        known.schema.complete(description, body);
        known.schema.wrong(body)
    }
}

impl Parameter {
    fn new(description: &Description, written: &Value) -> Self {
        let schema = written.get("schema").cloned().unwrap_or(json!({}));
        Self {
            name: written["name"].as_str().unwrap_or_default().to_owned(),
            kind: schema["type"].as_str().unwrap_or_default().to_owned(),
            schema: Schema::new(description, schema),
            presence: Presence::of(written),
        }
    }

    fn wrong(&self, text: &str) -> Vec<String> {
        let value = match self.kind.as_str() {
            "integer" | "number" | "boolean" => serde_json::from_str(text).unwrap_or(json!(text)),
            _ => json!(text),
        };
        self.schema.wrong(&value)
    }
}

impl Body {
    fn new(description: &Description, operation: &Value) -> Option<Self> {
        let written = resolved(description, operation.get("requestBody")?);
        let schema = json_of(&written)?;
        Some(Self { schema: Schema::new(description, schema), presence: Presence::of(&written) })
    }
}

impl Presence {
    fn of(written: &Value) -> Self {
        if written.get("required") == Some(&Value::Bool(true)) { Self::Required } else { Self::Optional }
    }
}

fn of_parameters(known: &[Parameter], at: &str, given: &BTreeMap<String, String>) -> Vec<String> {
    let missing = known.iter().filter(|one| one.presence == Presence::Required);
    let missing = missing.filter(|one| !given.contains_key(&one.name));
    let missing = missing.map(|one| format!("`{}` is missing in the {at}", one.name));
    let wrong = given.iter().flat_map(|(name, text)| match known.iter().find(|one| &one.name == name) {
        Some(one) => one.wrong(text).into_iter().map(|said| format!("{at} `{name}`: {said}")).collect(),
        None => vec![format!("there is no `{name}` in the {at}")],
    });
    missing.chain(wrong).collect()
}

fn json_of(written: &Value) -> Option<Value> {
    let content = written.get("content")?.as_object()?;
    let (_, json) = content.iter().find(|(kind, _)| kind.contains("json"))?;
    json.get("schema").cloned()
}

fn resolved(description: &Description, written: &Value) -> Value {
    match written.get("$ref").and_then(Value::as_str) {
        Some(reference) => description.component(reference).as_ref().clone(),
        None => written.clone(),
    }
}
