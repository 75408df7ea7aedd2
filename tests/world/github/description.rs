//! GitHub's own published description of its API, read lazily.
//!
//! The file has 13 MB, so a process scans it once and parses only the operations and schemas that a story uses. What
//! is not described there does not exist for this world.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::operation::Operation;
use super::template::Template;

/// Names the file `api.github.com.json` of npm's `@octokit/openapi`.
const VARIABLE: &str = "FOLKOPS_GITHUB_OPENAPI";

#[derive(Deserialize)]
struct Written {
    #[serde(borrow)]
    paths: BTreeMap<String, BTreeMap<String, &'static RawValue>>,
    #[serde(borrow, rename = "x-webhooks")]
    webhooks: BTreeMap<String, BTreeMap<String, &'static RawValue>>,
    #[serde(borrow)]
    components: BTreeMap<String, BTreeMap<String, &'static RawValue>>,
}

/// The description.
pub(super) struct Description {
    paths: Vec<(Template, BTreeMap<String, &'static RawValue>)>,
    webhooks: BTreeMap<String, BTreeMap<String, &'static RawValue>>,
    components: BTreeMap<String, BTreeMap<String, &'static RawValue>>,
    parsed: Mutex<BTreeMap<String, Arc<Value>>>,
    operations: Mutex<BTreeMap<String, Arc<Operation>>>,
}

/// An operation, and what stands in the path's variable places.
pub(super) struct Asked {
    pub operation: Arc<Operation>,
    pub places: BTreeMap<String, String>,
}

impl Description {
    /// The one of this process.
    ///
    /// # Panics
    /// If it is not to be had; the text says how to come by it.
    pub fn get() -> &'static Self {
        static ONE: OnceLock<Description> = OnceLock::new();
        ONE.get_or_init(Self::read)
    }

    fn read() -> Self {
        let path = env::var_os(VARIABLE).unwrap_or_else(|| {
            panic!("{VARIABLE} is not set; `cargo xtask test` fetches GitHub's description and sets it")
        });
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let written: Written = serde_json::from_str(String::leak(text)).expect("GitHub's description");
        let templates = written.paths.into_iter().map(|(path, methods)| (Template::new(&path), methods));
        Self {
            paths: templates.collect(),
            webhooks: written.webhooks,
            components: written.components,
            parsed: Mutex::default(),
            operations: Mutex::default(),
        }
    }

    /// The operation behind a request's first line, if GitHub has one.
    pub fn asked(&self, method: &str, path: &str) -> Option<Asked> {
        let method = method.to_ascii_lowercase();
        let fits = |(template, methods): &'_ (Template, BTreeMap<String, &'static RawValue>)| {
            let places = template.places(path)?;
            let raw = methods.get(&method)?;
            Some((template.fixed(), template.to_string(), *raw, places))
        };
        let (_, template, raw, places) =
            self.paths.iter().filter_map(fits).max_by_key(|(fixed, ..)| *fixed)?;
        Some(Asked { operation: self.operation(&format!("{method} {template}"), raw), places })
    }

    /// What GitHub says of a webhook: `issue-comment-created`.
    ///
    /// # Panics
    /// If it sends none of that name.
    pub fn webhook(&self, name: &str) -> Arc<Operation> {
        let methods = self.webhooks.get(name).unwrap_or_else(|| panic!("GitHub sends no `{name}`"));
        self.operation(&format!("webhook {name}"), methods["post"])
    }

    /// Whether GitHub has an event of that name: `issue_comment`.
    pub fn sends(&self, event: &str) -> bool {
        let name = event.replace('_', "-");
        self.webhooks.keys().any(|known| {
            known.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    }

    /// What stands under a reference such as `#/components/schemas/issue`.
    ///
    /// # Panics
    /// If nothing does.
    pub fn component(&self, reference: &str) -> Arc<Value> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        let parse = || {
            let (kind, name) =
                reference.trim_start_matches("#/components/").split_once('/').expect("a component");
            Arc::new(serde_json::from_str(self.components[kind][name].get()).expect("a component is JSON"))
        };
        parsed.entry(reference.to_owned()).or_insert_with(parse).clone()
    }

    fn operation(&self, key: &str, raw: &RawValue) -> Arc<Operation> {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let parse = || Arc::new(Operation::new(self, serde_json::from_str(raw.get()).expect("an operation")));
        operations.entry(key.to_owned()).or_insert_with(parse).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_finds_the_operation_that_says_most_of_its_path() {
        let description = Description::get();
        for (method, path, operation) in [
            ("GET", "/repos/a/b/pulls/41", "pulls/get"),
            ("GET", "/repos/a/b/issues/comments", "issues/list-comments-for-repo"),
            ("GET", "/repos/a/b/git/ref/heads/main", "git/get-ref"),
            ("GET", "/repos/a/b/commits/9f2c/check-runs", "checks/list-for-ref"),
            ("GET", "/user/7", "users/get-by-id"),
        ] {
            assert_eq!(description.asked(method, path).unwrap().operation.id, operation);
        }
        assert!(description.asked("POST", "/repos/a/b/pulls/41").is_none());
    }
}
