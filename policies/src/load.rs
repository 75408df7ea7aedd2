//! From policy files to a set in force: valid against the schema as a whole, or refused as a whole.
//!
//! Nothing half-valid comes out of here. Each command gets its own slice of the set, made of the policies whose action
//! scope covers it: the others could not apply to it whatever the case, so a decision costs what the command's own
//! policies cost, however many there are for others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedar_policy::{
    Effect, EntityUid, Policy, PolicyId, PolicySet, PrincipalConstraint, ValidationMode, Validator,
};
use folkops_model::Rule;
use miette::Diagnostic;
use sha2::{Digest, Sha256};

use crate::error::{Finding, PolicyError};
use crate::read::{Placed, Source, line_of, read, sentence};
use crate::schema::{Declared, Vocabulary};

/// A permit, as a default deny tells of it.
pub(crate) struct Permit {
    pub(crate) rule: Rule,
    pub(crate) principals: PrincipalConstraint,
}

/// What the set says about one command.
pub(crate) struct Slice {
    /// Permits and forbids.
    pub(crate) all: PolicySet,
    /// Permits alone, to tell "not now" from "not you".
    pub(crate) permits: PolicySet,
    /// The permits in words, by id.
    pub(crate) said: Vec<Permit>,
}

/// A set in force.
pub(crate) struct Loaded {
    /// SHA-256 over schema and policies, in hex.
    pub(crate) hash: String,
    pub(crate) rules: HashMap<PolicyId, Rule>,
    pub(crate) slices: BTreeMap<&'static str, Slice>,
    pub(crate) whole: PolicySet,
    /// What its policies name, by way of exception or not.
    pub(crate) named: BTreeSet<EntityUid>,
}

/// Loads all sources as one set; the order in which they come makes no difference.
pub(crate) fn load(vocabulary: &Vocabulary, sources: &[Source]) -> Result<Loaded, PolicyError> {
    let mut findings = Vec::new();
    let mut placed = Vec::new();
    for source in sources {
        match read(vocabulary, source) {
            Ok(policies) => placed.extend(policies),
            Err(found) => findings.extend(found),
        }
    }
    placed.sort_by(|a: &Placed<'_>, b| a.rule.id.cmp(&b.rule.id));
    findings.extend(twins(&placed));
    if placed.is_empty() && findings.is_empty() {
        let sentence =
            "there is no policy at all, which would refuse everything to everybody; give some files";
        findings.push(Finding { file: "(no file)".into(), line: 1, sentence: sentence.into() });
    }
    refuse(findings)?;
    let whole = PolicySet::from_policies(placed.iter().map(|p| p.policy.clone()));
    let whole = whole.map_err(PolicyError::declarations)?;
    refuse(invalid(vocabulary, &whole, &placed))?;
    assemble(vocabulary, whole, &placed)
}

fn refuse(mut findings: Vec<Finding>) -> Result<(), PolicyError> {
    findings.sort();
    findings.dedup();
    if findings.is_empty() { Ok(()) } else { Err(PolicyError::Refused(findings)) }
}

/// Policies that share an id; expects them in order of their ids.
fn twins(placed: &[Placed<'_>]) -> Vec<Finding> {
    let pairs = placed.iter().zip(placed.iter().skip(1)).filter(|(one, two)| one.rule.id == two.rule.id);
    pairs
        .map(|(one, two)| {
            let first = format!("{}:{}", one.source.name, one.line);
            two.finding(
                two.line,
                format!("the id `{}` is taken by {first}; give one of them another", two.rule.id),
            )
        })
        .collect()
}

/// What the validator finds. Of its warnings as well: a policy that reads otherwise than it works, or can never apply,
/// is as wrong as one with a wrong type. They only repeat themselves about a policy that has errors.
fn invalid(vocabulary: &Vocabulary, whole: &PolicySet, placed: &[Placed<'_>]) -> Vec<Finding> {
    let result = Validator::new(vocabulary.schema.clone()).validate(whole, ValidationMode::Strict);
    let wrong: BTreeSet<&PolicyId> = result.validation_errors().map(|error| error.policy_id()).collect();
    let errors = result.validation_errors().map(|error| (error.policy_id(), error as &dyn Diagnostic));
    let warnings =
        result.validation_warnings().map(|warning| (warning.policy_id(), warning as &dyn Diagnostic));
    let by_id: HashMap<&PolicyId, &Placed<'_>> = placed.iter().map(|p| (p.policy.id(), p)).collect();
    let finding = |(id, diagnostic): (&PolicyId, &dyn Diagnostic)| {
        let placed = by_id.get(id)?;
        let line = line_of(diagnostic, &placed.source.text).unwrap_or(placed.line);
        Some(placed.finding(line, sentence(diagnostic)))
    };
    errors.chain(warnings.filter(|(id, _)| !wrong.contains(id))).filter_map(finding).collect()
}

fn assemble(vocabulary: &Vocabulary, whole: PolicySet, placed: &[Placed<'_>]) -> Result<Loaded, PolicyError> {
    let mut slices = BTreeMap::new();
    for (name, declared) in &vocabulary.commands {
        slices.insert(*name, slice(declared, placed)?);
    }
    let rules = placed.iter().map(|p| (p.policy.id().clone(), p.rule.clone())).collect();
    let named = placed.iter().flat_map(|p| p.policy.entity_literals()).collect();
    Ok(Loaded { hash: hash(vocabulary, placed)?, rules, slices, whole, named })
}

fn slice(declared: &Declared, placed: &[Placed<'_>]) -> Result<Slice, PolicyError> {
    let covering = placed.iter().filter(|p| declared.is_covered_by(&p.policy.action_constraint()));
    let (permits, _): (Vec<_>, Vec<_>) = covering.clone().partition(|p| p.policy.effect() == Effect::Permit);
    let set = |policies: Vec<Policy>| PolicySet::from_policies(policies).map_err(PolicyError::declarations);
    let said = |p: &&Placed<'_>| Permit { rule: p.rule.clone(), principals: p.policy.principal_constraint() };
    Ok(Slice {
        all: set(covering.map(|p| p.policy.clone()).collect())?,
        permits: set(permits.iter().map(|p| p.policy.clone()).collect())?,
        said: permits.iter().map(said).collect(),
    })
}

/// SHA-256 over the schema and each policy in Cedar's JSON form, by id; comments, layout and files leave no trace.
fn hash(vocabulary: &Vocabulary, placed: &[Placed<'_>]) -> Result<String, PolicyError> {
    let mut hasher = Sha256::new();
    let mut part = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    };
    part(&vocabulary.text);
    for placed in placed {
        part(&placed.policy.to_json().map_err(PolicyError::declarations)?.to_string());
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
