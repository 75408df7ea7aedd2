//! Tables of cases in TOML: who asks what under which facts, and what the answer and the telling rule must be.

use std::collections::BTreeSet;

use folkops_model::{Authority, Decision, Group, Rule};
use serde::Deserialize;
use toml::Spanned;

use crate::error::{Finding, line_at};
use crate::facts::Fact;
use crate::judge::Judge;
use crate::read::Source;
use crate::report::Report;
use crate::situation::{About, By, Situation};

/// A whole table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

/// One case with its expected end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it claims.
    name: Spanned<String>,
    command: String,
    #[serde(default)]
    by: By,
    #[serde(default)]
    groups: BTreeSet<Group>,
    /// The facts that hold; all others do not.
    #[serde(default)]
    context: BTreeSet<Fact>,
    #[serde(default)]
    resource: About,
    expect: Expected,
    /// The rule that must tell: the first of the decision's.
    rule: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Expected {
    Allow,
    Deny,
}

impl Expected {
    fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// Judges every case of a table and reports those that end otherwise than they claim.
pub fn test(judge: &Judge, cases: &Source) -> Report {
    let table: Table = match toml::from_str(&cases.text) {
        Ok(table) => table,
        Err(error) => return unreadable(cases, &error),
    };
    let findings: Vec<Finding> = table.case.iter().filter_map(|case| case.judge(judge, cases)).collect();
    let (all, wrong) = (table.case.len(), findings.len());
    Report { findings, summary: format!("{} of {all} cases end as they claim", all - wrong) }
}

fn unreadable(cases: &Source, error: &toml::de::Error) -> Report {
    let line = error.span().map_or(1, |span| line_at(&cases.text, span.start));
    let sentence = error.message().replace('\n', " ");
    let finding = Finding { file: cases.name.clone(), line, sentence };
    Report { findings: vec![finding], summary: "the table cannot be read, so no case was judged".to_owned() }
}

impl Case {
    fn situation(&self) -> Situation {
        Situation {
            command: self.command.clone(),
            by: self.by,
            groups: self.groups.clone(),
            context: self.context.clone(),
            resource: self.resource,
        }
    }

    fn judge(&self, judge: &Judge, cases: &Source) -> Option<Finding> {
        let line = line_at(&cases.text, self.name.span().start);
        let finding = |got: String| {
            let wanted = format!("{} by `{}`", self.expect.as_str(), self.rule);
            let sentence = format!("`{}` should end in {wanted}, but {got}", self.name.get_ref());
            Finding { file: cases.name.clone(), line, sentence }
        };
        match self.situation().action(judge) {
            Ok(action) => self.differs(&judge.judge(&action)).map(finding),
            Err(malformed) => Some(finding(malformed.to_string())),
        }
    }

    fn differs(&self, decision: &Decision) -> Option<String> {
        let got = if decision.allows() { Expected::Allow } else { Expected::Deny };
        let telling = decision.rules().first().map_or("", |rule: &Rule| rule.id.as_str());
        let same = got == self.expect && telling == self.rule;
        (!same).then(|| format!("it ends in {} by `{telling}`", got.as_str()))
    }
}
