//! Reads policy files: Cedar's grammar, and the annotations by which people are told.
//!
//! Every policy has an id, a reason that can be said in a room, and perhaps a remedy that people can really say.
//! Whatever is wrong is found with its line, and all of it at once.

use cedar_policy::{Policy, PolicyId, PolicySet};
use folkops_model::Rule;
use miette::Diagnostic;

use crate::error::{Finding, line_at};
use crate::schema::Vocabulary;

/// One file of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// One policy with its place.
pub(crate) struct Placed<'a> {
    pub(crate) source: &'a Source,
    pub(crate) line: usize,
    pub(crate) policy: Policy,
    pub(crate) rule: Rule,
}

impl Placed<'_> {
    pub(crate) fn finding(&self, line: usize, sentence: String) -> Finding {
        Finding { file: self.source.name.clone(), line, sentence }
    }
}

/// The policies of one file, or everything that is wrong with it short of the schema.
pub(crate) fn read<'a>(vocabulary: &Vocabulary, source: &'a Source) -> Result<Vec<Placed<'a>>, Vec<Finding>> {
    let at = |line, sentence| Finding { file: source.name.clone(), line, sentence };
    let set: PolicySet = source.text.parse().map_err(|errors: cedar_policy::ParseErrors| {
        errors.iter().map(|e| at(line_of(e, &source.text).unwrap_or(1), sentence(e))).collect::<Vec<_>>()
    })?;
    let template = |t: &cedar_policy::Template| {
        let line = place(&source.text, &t.to_cedar());
        at(line, "a template applies to nobody until it is linked; name who and what instead of `?…`".into())
    };
    let mut findings: Vec<Finding> = set.templates().map(template).collect();
    let mut placed = Vec::new();
    for policy in set.policies() {
        let line = policy.to_cedar().map_or(1, |text| place(&source.text, &text));
        match rule(vocabulary, policy) {
            Ok(rule) => {
                placed.push(Placed { source, line, policy: policy.new_id(PolicyId::new(&rule.id)), rule });
            }
            Err(sentence) => findings.push(at(line, sentence)),
        }
    }
    if findings.is_empty() { Ok(placed) } else { Err(findings) }
}

/// Reads the annotations; the error is the sentence that says what is missing.
fn rule(vocabulary: &Vocabulary, policy: &Policy) -> Result<Rule, String> {
    let id = policy.annotation("id").unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.len() > 60 || !id.chars().all(plain) {
        return Err("a policy needs an `@id(\"…\")` of lower-case letters, digits and `-`, at most 60".into());
    }
    let reason = policy.annotation("reason").unwrap_or_default().trim();
    if reason.is_empty() || reason.chars().count() > 200 || reason.chars().any(is_unseen) {
        return Err(format!(
            "`{id}` needs a `@reason(\"…\")`: one plain sentence of at most 200 visible characters"
        ));
    }
    if let Some((other, _)) = policy.annotations().find(|(key, _)| !["id", "reason", "remedy"].contains(key))
    {
        return Err(format!(
            "`{id}` has an `@{other}`, which nothing reads; there are id, reason and remedy"
        ));
    }
    let remedy = policy.annotation("remedy");
    let sayable = |name: &str| vocabulary.commands.get(name).is_some_and(|declared| !declared.spec.internal);
    if let Some(wrong) = remedy.filter(|name| !sayable(name)) {
        return Err(format!("`{id}` names the remedy `{wrong}`, which is no command that people can say"));
    }
    Ok(Rule { id: id.to_owned(), reason: reason.to_owned(), remedy: remedy.map(str::to_owned) })
}

/// Control, zero-width and direction characters: text with them reads otherwise than it is.
fn is_unseen(c: char) -> bool {
    let directions = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    c.is_control() || directions || matches!(c, '\u{61c}' | '\u{feff}')
}

fn place(text: &str, part: &str) -> usize {
    text.find(part).map_or(1, |offset| line_at(text, offset))
}

/// The line that a diagnostic of Cedar points at.
pub(crate) fn line_of<D: Diagnostic + ?Sized>(diagnostic: &D, text: &str) -> Option<usize> {
    let label = diagnostic.labels()?.next()?;
    Some(line_at(text, label.offset()))
}

/// A diagnostic of Cedar in one line, with its help.
pub(crate) fn sentence<D: Diagnostic + ?Sized>(diagnostic: &D) -> String {
    let help = diagnostic.help().map_or_else(String::new, |help| format!("; {help}"));
    format!("{diagnostic}{help}").replace('\n', " ")
}
