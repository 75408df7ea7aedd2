//! A decision in plain text: the verdict, the rules with their reasons, and who else may do the same.

use std::collections::BTreeSet;

use folkops_model::{Action, Authority, Decision, Group, PersonId, Principal, Rule};

use crate::judge::Judge;

impl Judge {
    /// What it says to an action and why, and for each group by itself whether it may, all facts being equal.
    pub fn explain(&self, action: &Action) -> String {
        let decision = self.judge(action);
        let mut text = format!("{}: /{}\n", verdict(&decision), action.command);
        for rule in decision.rules() {
            text += &format!("  {}: {}{}\n", rule.id, rule.reason, way_out(rule, &decision));
        }
        text += "\nwho may, all facts being equal:\n";
        for (who, decision) in self.by_group(action) {
            let rules: Vec<&str> = decision.rules().iter().map(|rule| rule.id.as_str()).collect();
            text += &format!("  {who:<12} {:<6} {}\n", verdict(&decision), rules.join(", "));
        }
        text + &format!("\npolicy set {}\n", decision.policy_set)
    }

    fn by_group(&self, action: &Action) -> Vec<(&'static str, Decision)> {
        let judged = |principal: &Principal, groups: BTreeSet<Group>| {
            self.judge(&Action { principal: principal.clone(), groups, ..action.clone() })
        };
        // Somebody who stands in one group only: the one who asks, or a stand-in where it is the automation.
        let somebody = action.principal.person().cloned().or_else(|| PersonId::parse("somebody").ok());
        let person = somebody.map(Principal::Person);
        let groups = person.iter().flat_map(|person| {
            Group::ALL.map(|group| (group.as_str(), judged(person, BTreeSet::from([group]))))
        });
        let automation = ("by itself", judged(&Principal::Automation, BTreeSet::new()));
        groups.chain([automation]).collect()
    }
}

fn verdict(decision: &Decision) -> &'static str {
    if decision.allows() { "allow" } else { "deny" }
}

fn way_out(rule: &Rule, decision: &Decision) -> String {
    let remedy = rule.remedy.as_ref().filter(|_| !decision.allows());
    remedy.map_or_else(String::new, |remedy| format!(" (way out: /{remedy})"))
}
