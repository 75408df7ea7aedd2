//! `bench-policy`: the whole of `Judge::judge` beside Cedar's bare authoriser on the same case.
//!
//! The judge takes an action of ours and gives a decision with rules and reasons. Bare Cedar gets request, entities and
//! policies ready-made and says only yes or no: once over the whole set in force, once over the policies that speak of
//! the command, which is what the judge evaluates. Both must agree on every case before anything is timed.

#[allow(dead_code, reason = "each bench uses its part")]
mod cores;
#[allow(dead_code, reason = "each bench uses its part")]
mod figures;
mod settings;

use std::collections::BTreeSet;
use std::hint::black_box;

use figures::{Aim, Series, aim};
use folkops_engine::Registry;
use folkops_model::{Action, Authority, Group};
use folkops_policies::probe::Bare;
use folkops_policies::{About, By, Fact, Judge, Situation, shipped};

const ROUNDS: usize = 25;
const DECISIONS: u32 = 2_000;

/// What is asked: a name, who asks what, and which facts hold.
type Case = (&'static str, &'static str, &'static [Group], &'static [Fact], About);

const CASES: [Case; 6] = [
    ("a stranger looks at the state", "status", &[Group::Stranger], &[], About::Service),
    ("a stranger's preview waits", "deploy-preview", &[Group::Stranger], &[Fact::OwnChange], About::Change),
    ("a user opts in", "opt-in", &[Group::User], &[Fact::CommitsAllowed, Fact::Own], About::Workload),
    ("a user may not promote", "promote", &[Group::User], &[Fact::CommitsAllowed], About::Change),
    ("a maintainer promotes", "promote", &[Group::Maintainer], &[Fact::CommitsAllowed], About::Change),
    ("a maintainer rolls back", "rollback", &[Group::Maintainer, Group::OnCall], &[], About::Service),
];

fn main() {
    cores::pin(cores::MEASURED);
    let registry = Registry::new(folkops_commands::all(&settings::settings()));
    let specs: Vec<_> = registry.specs().copied().collect();
    let judge = Judge::new(&specs, &shipped()).expect("the shipped policies load");

    println!(
        "policy: µs a decision, median [least … most] of {ROUNDS} rounds of {DECISIONS}, one pinned core"
    );
    let mut worst: f64 = 0.0;
    for case in CASES {
        let row = measure(&judge, &situation(case));
        println!("  {}", case.0);
        println!(
            "    judge {:.2}   Cedar, whole set {:.2}   Cedar, slice {:.2}",
            row.judge, row.whole, row.slice
        );
        let (whole, slice) = (row.judge.over(&row.whole), row.judge.over(&row.slice));
        println!("    judge ÷ Cedar: {whole:.2} over the whole set, {slice:.2} over the slice");
        worst = worst.max(whole.median());
    }
    println!("  {}", aim("judge ÷ bare Cedar over the set in force, worst case", worst, Aim::AtMost(1.5)));
}

fn situation((_, command, groups, facts, about): Case) -> Situation {
    Situation {
        command: command.to_owned(),
        by: By::Person,
        groups: BTreeSet::from_iter(groups.iter().copied()),
        context: BTreeSet::from_iter(facts.iter().copied()),
        resource: about,
    }
}

struct Row {
    judge: Series,
    whole: Series,
    slice: Series,
}

fn measure(judge: &Judge, situation: &Situation) -> Row {
    let action: Action = situation.action(judge).expect("the case names things properly");
    let whole = Bare::prepare(judge, &action).expect("the command is declared");
    let slice = Bare::prepare_slice(judge, &action).expect("the command is declared");
    let allowed = judge.judge(&action).allows();
    assert!(whole.decide() == allowed && slice.decide() == allowed, "all three say the same");

    let mut row = Row { judge: Series::default(), whole: Series::default(), slice: Series::default() };
    for _ in 0..ROUNDS {
        row.judge.push(time(|| judge.judge(black_box(&action)).allows()));
        row.whole.push(time(|| black_box(&whole).decide()));
        row.slice.push(time(|| black_box(&slice).decide()));
    }
    row
}

/// Microseconds of this thread's processor time a decision; what else the machine does is not in it.
fn time(decide: impl Fn() -> bool) -> f64 {
    let began = cores::own_seconds();
    for _ in 0..DECISIONS {
        black_box(decide());
    }
    (cores::own_seconds() - began) * 1e6 / f64::from(DECISIONS)
}
