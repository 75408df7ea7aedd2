//! The operations that this world carries out, by the names that GitHub gives them.
//!
//! Each answers with the facts; whether a request is allowed by the description, who may ask, and what GitHub says
//! besides, is decided around it, once.

mod accounts;
mod app;
mod checks;
mod comments;
mod contents;
mod deployments;
mod lines;
mod protection;
mod pulls;
mod reactions;
mod teams;

use std::collections::BTreeMap;

use serde_json::Value;

use super::pull::Pull;
use super::state::{Repository, State};
use super::token::Who;

/// A request, of which the description knows the operation.
pub(super) struct Call {
    pub who: Who,
    pub path: String,
    pub places: BTreeMap<String, String>,
    pub query: BTreeMap<String, String>,
    pub body: Option<Value>,
}

/// An answer.
pub(super) enum Reply {
    /// One thing.
    One(u16, Value),
    /// A list, of which a page is sent.
    List(Vec<Value>),
    /// A list inside an object, under this name, with its length.
    Within(&'static str, Vec<Value>),
    /// A list of which the next part is found by a cursor.
    Part(Vec<Value>, Option<String>),
    /// Nothing.
    Nothing,
}

/// A refusal: its status and its message.
#[derive(Debug)]
pub(super) struct Refusal(pub u16, pub String);

pub(super) type Outcome<T = Reply> = Result<T, Refusal>;

type Operation = fn(&mut State, &Call) -> Outcome;

const OPERATIONS: &[&[(&str, Operation)]] = &[
    accounts::OPERATIONS,
    app::OPERATIONS,
    checks::OPERATIONS,
    comments::OPERATIONS,
    contents::OPERATIONS,
    deployments::OPERATIONS,
    lines::OPERATIONS,
    protection::OPERATIONS,
    pulls::OPERATIONS,
    reactions::OPERATIONS,
    teams::OPERATIONS,
];

/// What carries out an operation, if this world does.
pub(super) fn operation(id: &str) -> Option<Operation> {
    OPERATIONS.iter().copied().flatten().find(|(known, _)| *known == id).map(|(_, operation)| *operation)
}

/// Every operation that this world carries out.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().copied().flatten().map(|(name, _)| *name)
}

impl Call {
    /// What stands in one of the path's places.
    pub fn place(&self, name: &str) -> &str {
        self.places.get(name).map_or("", String::as_str)
    }

    /// A number that stands there; nothing has the number 0.
    pub fn number(&self, name: &str) -> u64 {
        self.place(name).parse().unwrap_or(0)
    }

    /// A parameter of the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A text of the body.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.as_ref()?.get(name)?.as_str()
    }
}

impl State {
    /// Where the repository stands that a path names.
    pub(super) fn repository(&self, call: &Call) -> Outcome<usize> {
        self.place(call.place("owner"), call.place("repo")).ok_or_else(not_found)
    }

    pub(super) fn in_repository(&self, call: &Call) -> Outcome<(usize, &Repository)> {
        let at = self.repository(call)?;
        Ok((at, &self.repositories[at]))
    }

    /// The pull request that a path names by one of its places.
    pub(super) fn pull(&self, call: &Call, place: &str) -> Outcome<(usize, &Pull)> {
        let (at, repository) = self.in_repository(call)?;
        Ok((at, repository.pulls.get(&call.number(place)).ok_or_else(not_found)?))
    }

    /// Whose account acts.
    pub(super) fn acting(&self, call: &Call) -> u64 {
        match call.who {
            Who::User(id) => id,
            _ => self.app.account,
        }
    }
}

pub(super) fn not_found() -> Refusal {
    Refusal(404, "Not Found".into())
}

pub(super) fn invalid(why: &str) -> Refusal {
    Refusal(422, format!("Validation Failed: {why}"))
}
