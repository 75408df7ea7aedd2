//! The judge: one action and the policies in force give one decision.
//!
//! Total and without side effects, save that a policy that cannot be evaluated is logged. Cedar itself skips such a
//! policy, even a forbid; here it refuses. Per call only the principal, the resource and the request are built:
//! actions, contexts and type names stand ready. The judge never allows what it does not understand.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use cedar_policy::{Authorizer, EntityTypeName, PolicyId, PolicySet, PrincipalConstraint, Response};
use folkops_model::{Action, Authority, CommandSpec, Decision, Principal, Rule, Verdict};

use crate::error::PolicyError;
use crate::load::{Loaded, Slice, load};
use crate::read::Source;
use crate::request::{Asked, Nouns};
use crate::schema::{AUTOMATION, Vocabulary};

/// Judges by a set of Cedar policies that can be exchanged while it works.
pub struct Judge {
    vocabulary: Vocabulary,
    nouns: Nouns,
    authorizer: Authorizer,
    loaded: ArcSwap<Loaded>,
}

impl Judge {
    /// Declares these commands and loads these policies.
    ///
    /// # Errors
    /// `Declarations` when the commands make no schema; `Refused` with every finding when the policies are no good.
    pub fn new(specs: &[CommandSpec], sources: &[Source]) -> Result<Self, PolicyError> {
        let vocabulary = Vocabulary::declare(specs)?;
        let loaded = ArcSwap::from_pointee(load(&vocabulary, sources)?);
        Ok(Self { vocabulary, nouns: Nouns::new()?, authorizer: Authorizer::new(), loaded })
    }

    /// Puts other policies in force, whole and at once. Refused ones change nothing. Returns the new set's hash.
    ///
    /// # Errors
    /// `Refused` with every finding.
    pub fn reload(&self, sources: &[Source]) -> Result<String, PolicyError> {
        let loaded = load(&self.vocabulary, sources)?;
        let hash = loaded.hash.clone();
        self.loaded.store(Arc::new(loaded));
        Ok(hash)
    }

    /// SHA-256 of the policies in force and the schema, in hex.
    pub fn policy_set(&self) -> String {
        self.loaded.load().hash.clone()
    }

    /// The declared commands, by name.
    pub fn commands(&self) -> impl Iterator<Item = &CommandSpec> {
        self.vocabulary.commands.values().map(|declared| &declared.spec)
    }

    /// The request, the entities and the whole set in force, for the measurement beside bare Cedar.
    pub(crate) fn asked(&self, action: &Action) -> Option<(Asked, PolicySet)> {
        let declared = self.vocabulary.commands.get(action.command.as_str())?;
        Some((self.nouns.ask(action, declared)?, self.loaded.load().whole.clone()))
    }

    /// The policies in force that speak of this action's command.
    pub(crate) fn slice_of(&self, action: &Action) -> Option<PolicySet> {
        self.loaded.load().slices.get(action.command.as_str()).map(|slice| slice.all.clone())
    }

    fn verdict(&self, action: &Action, loaded: &Loaded) -> Verdict {
        let name = action.command.as_str();
        let known = self.vocabulary.commands.get(name).zip(loaded.slices.get(name));
        let Some((declared, slice)) = known else { return refused(UNKNOWN) };
        let Some(asked) = self.nouns.ask(action, declared) else { return refused(UNREADABLE) };
        let response = self.authorizer.is_authorized(&asked.request, &slice.all, &asked.entities);
        if let Some(rules) = faulty(&response, name) {
            return Verdict::Deny(rules);
        }
        let deciding = named(&response, loaded);
        match response.decision() {
            cedar_policy::Decision::Allow => Verdict::Allow(deciding),
            cedar_policy::Decision::Deny if self.is_permitted(&asked, slice) => Verdict::Deny(deciding),
            cedar_policy::Decision::Deny => {
                let for_good = deciding.into_iter().filter(|rule| rule.remedy.is_none());
                let who = who_may(self.nouns.kind(&action.principal), slice);
                Verdict::Deny(for_good.chain(who).collect())
            }
        }
    }

    /// Whether only forbids stand in the way. Where no permit applies either, their remedies would not help, and the
    /// refusal tells who may instead.
    fn is_permitted(&self, asked: &Asked, slice: &Slice) -> bool {
        let response = self.authorizer.is_authorized(&asked.request, &slice.permits, &asked.entities);
        response.decision() == cedar_policy::Decision::Allow
    }
}

impl Authority for Judge {
    fn judge(&self, action: &Action) -> Decision {
        let loaded = self.loaded.load();
        Decision { verdict: self.verdict(action, &loaded), policy_set: loaded.hash.clone() }
    }

    fn names(&self, principal: &Principal) -> bool {
        let kind = self.nouns.kind(principal);
        let id = principal.person().map_or(AUTOMATION, |person| person.as_str());
        self.loaded.load().named.iter().any(|uid| uid.type_name() == kind && uid.id().unescaped() == id)
    }
}

/// Why something is refused without any policy.
const UNKNOWN: (&str, &str) = ("unknown-command", "policy knows no command of this name");
const UNREADABLE: (&str, &str) = ("unreadable-case", "policy could not read what is asked");
const NOBODY: (&str, &str) = ("nobody-may", "no rule allows this to anybody");

fn refused((id, reason): (&str, &str)) -> Verdict {
    Verdict::Deny(vec![rule(id, reason)])
}

fn rule(id: &str, reason: &str) -> Rule {
    Rule { id: id.to_owned(), reason: reason.to_owned(), remedy: None }
}

/// The policies that could not be evaluated, if any, each reported once per decision and without naming anybody.
fn faulty(response: &Response, command: &str) -> Option<Vec<Rule>> {
    let faulty: BTreeSet<&PolicyId> = response
        .diagnostics()
        .errors()
        .map(|cedar_policy::AuthorizationError::PolicyEvaluationError(error)| error.policy_id())
        .collect();
    for id in &faulty {
        tracing::error!(policy.id = %id, command.name = command, "a policy could not be evaluated; the action is refused");
    }
    let reason =
        "this rule could not be evaluated, so nothing is allowed until an operator mends it; it is reported";
    let rules: Vec<Rule> = faulty.into_iter().map(|id| rule(id.as_ref(), reason)).collect();
    (!rules.is_empty()).then_some(rules)
}

/// The policies that decided, by id.
fn named(response: &Response, loaded: &Loaded) -> Vec<Rule> {
    let found = response.diagnostics().reason().filter_map(|id| loaded.rules.get(id).cloned());
    let mut rules: Vec<Rule> = found.collect();
    rules.sort();
    rules
}

/// The permits that speak of this command, so that a refusal says who may; those for this kind of principal first.
fn who_may(kind: &EntityTypeName, slice: &Slice) -> Vec<Rule> {
    let (near, far): (Vec<_>, Vec<_>) =
        slice.said.iter().partition(|permit| speaks_of(&permit.principals, kind));
    let telling = if near.is_empty() { far } else { near };
    let rules: Vec<Rule> = telling.into_iter().map(|permit| permit.rule.clone()).collect();
    if rules.is_empty() { vec![rule(NOBODY.0, NOBODY.1)] } else { rules }
}

fn speaks_of(scope: &PrincipalConstraint, kind: &EntityTypeName) -> bool {
    match scope {
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
        PrincipalConstraint::Eq(uid) => uid.type_name() == kind,
        PrincipalConstraint::Is(named) | PrincipalConstraint::IsIn(named, _) => named == kind,
    }
}
