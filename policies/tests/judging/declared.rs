//! The commands that these tests declare, and short ways to ask.

use std::collections::BTreeSet;

use folkops_model::{Action, Class, CommandSpec, Decision, Group, Rule};
use folkops_policies::{About, By, Fact, Judge, Situation, Source, shipped};

const fn command(name: &'static str, class: Class, internal: bool) -> CommandSpec {
    CommandSpec { name, aliases: &[], summary: "", example: "", class, args: &[], internal }
}

/// All commands there are, `cancel`, and `reload` so that every class has a command.
pub const SPECS: [CommandSpec; 29] = [
    command("help", Class::Read, false),
    command("whoami", Class::Read, false),
    command("link", Class::Identity, false),
    command("unlink", Class::Identity, false),
    command("can-i", Class::Read, false),
    command("why", Class::Read, false),
    command("status", Class::Read, false),
    command("deploy-preview", Class::Preview, false),
    command("stop-preview", Class::Preview, false),
    command("keep", Class::Preview, false),
    command("cancel", Class::Preview, false),
    command("ok-to-test", Class::Vouch, false),
    command("tick", Class::Vouch, false),
    command("untick", Class::Vouch, false),
    command("opt-in", Class::OwnWorkload, false),
    command("opt-out", Class::OwnWorkload, false),
    command("rebase", Class::OwnWorkload, false),
    command("promote", Class::Release, false),
    command("rollback", Class::Safety, false),
    command("freeze", Class::Safety, false),
    command("unfreeze", Class::Safety, false),
    command("reload", Class::Operate, false),
    command("revert", Class::Preview, false),
    command("restore", Class::Release, true),
    command("welcome", Class::Read, true),
    command("news", Class::Read, true),
    command("moved", Class::Safety, true),
    command("carry-over", Class::Vouch, true),
    command("expire", Class::Preview, true),
];

pub fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

pub fn judge() -> Judge {
    Judge::new(&SPECS, &shipped()).unwrap()
}

/// The shipped policies and one more file.
pub fn judge_with(text: &str) -> Judge {
    Judge::new(&SPECS, &with(text)).unwrap()
}

pub fn with(text: &str) -> Vec<Source> {
    let mut sources = shipped();
    sources.push(source("local.cedar", text));
    sources
}

/// A person in these groups says this command about a change, and these facts hold.
pub fn person(command: &str, groups: &[Group], facts: &[Fact]) -> Situation {
    Situation {
        command: command.to_owned(),
        by: By::Person,
        groups: groups.iter().copied().collect(),
        context: facts.iter().copied().collect(),
        resource: About::Change,
    }
}

pub fn automation(command: &str, facts: &[Fact]) -> Situation {
    Situation { by: By::Automation, groups: BTreeSet::new(), ..person(command, &[], facts) }
}

pub fn action(judge: &Judge, situation: &Situation) -> Action {
    situation.action(judge).unwrap()
}

pub fn ids(decision: &Decision) -> Vec<&str> {
    decision.rules().iter().map(|rule: &Rule| rule.id.as_str()).collect()
}
