//! The page: what was measured, in tables, what is lost said as plainly as what is won.

use std::fmt::Write as _;

use folkops_evidence::{Level, Share, bounds};

use crate::draw::{Line, Plot};
use crate::world::SHARE;
use crate::{Row, SHIFTS};

/// The level of the bounds, and of the peers' tuning.
const LEVEL: f64 = 0.01;

/// Everything that was measured.
pub struct Page {
    pub traffics: Vec<f64>,
    pub traffic: Vec<Vec<Row>>,
    pub disturbed: Vec<(&'static str, Vec<Row>)>,
    pub sticky: Vec<Row>,
    pub nodes: Vec<Row>,
    pub liar_shares: Vec<f64>,
    pub liars: Vec<Vec<Row>>,
    pub shifts: Vec<Vec<Row>>,
    pub crash_shares: Vec<f64>,
    pub crashes: Vec<Vec<Row>>,
    pub others: Vec<(&'static str, Vec<Row>)>,
}

impl Page {
    pub fn text(&self) -> String {
        let runs = |rows: &[Row]| rows[0].1.runs();
        let mut page = INTRODUCTION
            .replace("{harmless}", &runs(&self.traffic[0]).to_string())
            .replace("{harmful}", &runs(&self.shifts[0]).to_string())
            .replace("{tuning}", &(runs(&self.traffic[0]) / 5).to_string());
        page += "\n## Harmless builds: how often each rule takes them back\n\n";
        page += "The share of rollouts that went back, with its 95 % interval (Clopper and Pearson).\n\n";
        page += "### Over traffic: 1 % fails with both builds, one hour\n\n";
        page += "![False rollbacks over traffic](rollouts-traffic.svg)\n\n";
        let heads = self.traffics.iter().map(|per_hour| format!("{per_hour}/h")).collect();
        page += &rates(heads, &self.traffic.iter().collect::<Vec<_>>());
        page += "\n### With something happening: two hours, 3,000 visitors of the new build an hour\n\n";
        let heads = self.disturbed.iter().map(|(name, _)| (*name).to_owned()).collect();
        page += &rates(heads, &self.disturbed.iter().map(|(_, rows)| rows).collect::<Vec<_>>());
        page += STICKY;
        page += &rates(vec!["false rollbacks".into()], &[&self.sticky]);
        page += NODES;
        page += &rates(vec!["false rollbacks".into()], &[&self.nodes]);
        page += LIARS;
        let heads = self.liar_shares.iter().map(|share| format!("{} %", share * 100.0)).collect();
        page += &found(heads, &self.liars.iter().collect::<Vec<_>>());
        page += HARMFUL;
        for ((good, bad), rows) in SHIFTS.iter().zip(&self.shifts) {
            page += &shift(*good, *bad, rows);
        }
        page += CRASHES;
        let heads = self.crash_shares.iter().map(|share| format!("{} %", share * 100.0)).collect();
        page += &found(heads, &self.crashes.iter().collect::<Vec<_>>());
        page += "\n### Other harm: found, and the median of visitors until then\n\n";
        let heads = self.others.iter().map(|(name, _)| (*name).to_owned()).collect();
        page += &found(heads, &self.others.iter().map(|(_, rows)| rows).collect::<Vec<_>>());
        page += &self.lost();
        page + LIMITS
    }

    /// Where another rule, no more often wrong on a quiet day than promised, was faster or found more.
    fn lost(&self) -> String {
        let mut said = String::from(LOST);
        let worlds =
            SHIFTS.iter().zip(&self.shifts).map(|((good, bad), rows)| (shift_name(*good, *bad), rows));
        let crashes = self.crash_shares.iter().zip(&self.crashes);
        let crashes = crashes.map(|(share, rows)| (format!("crash at start of {} %", share * 100.0), rows));
        let others = self.others.iter().map(|(name, rows)| ((*name).to_owned(), rows));
        let mut count = 0;
        for (name, rows) in worlds.chain(crashes).chain(others) {
            let ours = &rows[1].1;
            let tuned = rows.iter().filter(|(rule, _)| rule.ends_with("tuned"));
            for (rule, measured) in
                tuned.filter(|(_, it)| it.median() < ours.median() || it.rate() > ours.rate())
            {
                count += 1;
                let _ = writeln!(
                    said,
                    "- {name}: {rule} finds {} with a median of {} visitors; FolkOps at α = 0.01 finds {} with {}.",
                    percent(measured.rate()),
                    visitors(measured.median()),
                    percent(ours.rate()),
                    visitors(ours.median())
                );
            }
        }
        if count == 0 {
            said += "In none of the worlds above, among rules that were tuned to the same rate of false rollbacks.\n";
        }
        said
    }

    pub fn traffic_drawing(&self) -> String {
        let line = |at: usize| Line {
            name: self.traffic[0][at].0,
            points: self.traffic.iter().map(|rows| Some(rows[at].1.rate())).collect(),
        };
        Plot {
            title: "False rollbacks of a harmless build in one hour",
            across: "visitors of the new build in an hour",
            up: "share of rollouts that went back",
            ticks: self.traffics.iter().map(f64::to_string).collect(),
            height: (0.0, 1.0),
            marks: vec![(0.0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "1")],
            lines: (0..8).map(line).collect(),
        }
        .svg()
    }

    pub fn delay_drawing(&self) -> String {
        let line = |at: usize| Line {
            name: self.shifts[0][at].0,
            points: self
                .shifts
                .iter()
                .zip(SHIFTS)
                .map(|(rows, (good, bad))| {
                    Some(rows[at].1.median() / bound(good, bad)).filter(|it| it.is_finite())
                })
                .map(|ratio| ratio.map(f64::log10))
                .collect(),
        };
        let tuned = self.shifts[0].iter().enumerate().filter(|(_, (name, _))| name.ends_with("tuned"));
        Plot {
            title: "How long harm goes on, at no more than about one false rollback in a hundred",
            across: "share of visitors that fails: current build → new build",
            up: "visitors of the new build ÷ lower bound, median",
            ticks: SHIFTS.iter().map(|(good, bad)| shift_name(*good, *bad)).collect(),
            height: (-0.1, 3.3),
            marks: vec![(0.0, "1"), (0.301, "2"), (0.699, "5"), (1.0, "10"), (2.0, "100"), (3.0, "1000")],
            lines: std::iter::once(1).chain(tuned.map(|(at, _)| at)).map(line).collect(),
        }
        .svg()
    }
}

fn bound(good: f64, bad: f64) -> f64 {
    let (level, share) = (Level::new(LEVEL).expect("a level"), Share::new(SHARE).expect("a share"));
    bounds::two_sample(level, share, bad, good)
}

fn table(heads: Vec<String>, rows: Vec<(&str, Vec<String>)>) -> String {
    let mut said = format!("| rule | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for (name, cells) in rows {
        let _ = writeln!(said, "| {name} | {} |", cells.join(" | "));
    }
    said
}

/// One column a world, one row a rule.
fn columns<'a>(
    worlds: &[&'a Vec<Row>],
    cell: impl Fn(&crate::Measured) -> String,
) -> Vec<(&'a str, Vec<String>)> {
    let rules = worlds.iter().flat_map(|rows| rows.iter().map(|(name, _)| *name));
    let mut names: Vec<&str> = Vec::new();
    rules.for_each(|name| {
        if !names.contains(&name) {
            names.push(name)
        }
    });
    let cells = |name: &str| {
        let of = |rows: &&Vec<Row>| {
            rows.iter().find(|(other, _)| *other == name).map(|(_, measured)| cell(measured))
        };
        worlds.iter().map(|rows| of(rows).unwrap_or_default()).collect()
    };
    names.into_iter().map(|name| (name, cells(name))).collect()
}

fn rates(heads: Vec<String>, worlds: &[&Vec<Row>]) -> String {
    let cell = |measured: &crate::Measured| {
        let (low, high) = measured.interval();
        format!("{:.4} [{low:.4}, {high:.4}]", measured.rate())
    };
    table(heads, columns(worlds, cell))
}

fn found(heads: Vec<String>, worlds: &[&Vec<Row>]) -> String {
    let cell =
        |measured: &crate::Measured| format!("{}, {}", percent(measured.rate()), visitors(measured.median()));
    table(heads, columns(worlds, cell))
}

fn shift(good: f64, bad: f64, rows: &[Row]) -> String {
    let (bound, level) = (bound(good, bad), Level::new(LEVEL).expect("a level"));
    let least = bounds::excess_failures(level, bad, good);
    let mut said = format!(
        "\n### {}\n\nNo rule that is wrong once in a hundred can need fewer than {bound:.0} visitors, or cause fewer than {least:.1} failures \
         too many, on average.\n\n",
        shift_name(good, bad)
    );
    let cells = |(name, measured): &Row| -> (&'static str, Vec<String>) {
        let ratio = |delay: f64| times(delay / bound);
        let excess = measured.median() * (bad - good) / least;
        (
            *name,
            vec![ratio(measured.median()), ratio(measured.late()), times(excess), percent(measured.missed())],
        )
    };
    let heads =
        ["visitors ÷ bound, median", "95th of 100", "excess failures ÷ bound, median", "missed in two hours"];
    said += &table(heads.map(str::to_owned).to_vec(), rows.iter().map(cells).collect());
    said
}

fn shift_name(good: f64, bad: f64) -> String {
    format!("{} % → {} %", good * 100.0, bad * 100.0)
}

fn times(ratio: f64) -> String {
    if ratio.is_finite() { format!("{ratio:.2}") } else { "missed".into() }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn visitors(count: f64) -> String {
    if count.is_finite() { format!("{count:.0}") } else { "none".into() }
}

const INTRODUCTION: &str = "# Rollout rules side by side

Written by `cargo xtask bench rollouts`; the seeds are fixed, so it writes the same each time.

Every rule watches the same made-up visitors. One in ten gets the new build; each comes once, and fails or does not.
FolkOps looks after each five seconds, at the code that ships; the peers look at windows of one minute, by the rules in
their source, each ported in a file of its own in `tests/benches/rollouts/`, where its source is named. Harmless builds
were rolled out {harmless} times in each world, harmful ones {harmful} times.

**Tuned** rules keep their form, and their one figure (Argo and Flagger: the share of failures that a window may have;
Kayenta: `allowedIncrease`; GrowthBook: α) is set so that one in a hundred of {tuning} other quiet rollouts of the same
service with a harmless build goes back. So they know in advance the service's usual failures and traffic; FolkOps is told
neither.
";

const STICKY: &str = "
### Visitors who come again: 300 of them, 3 % fail always, 40 requests each, one in two with the new build

The peers see requests, as monitoring systems count them. The control is our own test fed with requests as if each were
another visitor: it must be wrong more often than its α. No rule is tuned here.

";

const NODES: &str = "
### Nodes that fall ill: one minute in a hundred each, two with the new build, eighteen with the current one

Visitors of one node share its fate, so they are not independent, whichever build the node has. Fed with visitors our own
test is wrong as well: that is the control. Where nodes matter, the unit is the node: one that fails more than a quarter of
its visitors in a minute has failed. The router of FolkOps sees visitors and not nodes; its comparison of the control with
itself finds some of this and then holds the rollout. No rule is tuned here.

";

const LIARS: &str = "
### Poisoned reports: visitors of a harmless new build who report failures that they did not meet

Nobody can tell who lies by what is reported alone. Shown are the share of rollouts that went back, and the median of
visitors until then: how many liars a rule bears. At the router nobody reports; there a liar must provoke real errors.

";

const HARMFUL: &str = "
## Harmful builds: how long they are let go on

![Delay over effect](rollouts-delay.svg)

Visitors of the new build until the rollback, divided by the lower bound for two samples at α = 0.01 and a share of one in
ten. A rule that nearly always goes back is fast: read each line together with its false rollbacks above.
";

const CRASHES: &str = "
### Crash at start: clients that die do not report

Two in a hundred never report anyway. Shown are the share of rollouts that went back within two hours and the median of
visitors until then. Who is judged by what arrives sees the survivors, and these are well.

";

const LOST: &str = "
## Where others do better

Rules tuned on quiet days, beside FolkOps at α = 0.01. How often these rules are wrong under a daily cycle stands above.

";

const LIMITS: &str = "
## What this does not show

- Peers are shown by their rule alone, at one metric and windows of a minute; longer windows make Argo's and Flagger's
  false rollbacks rarer and their delays longer. A window without reports is no failure for Argo here, and one for Flagger.
- Kayenta is in short form: no noise against ties, and the interval by order statistics.
- In \"no reports\" FolkOps is fed with everybody of both builds as failed, which is the worst that can reach it; the engine
  holds the rollout instead.
- Visitors are of one kind here, except on the one platform above. The engine also looks at phones, computers and programs
  apart, which takes 10 to 16 % more visitors where all kinds are hurt alike.
- Not measured: early adopters who differ, overlapping releases. The soak after everybody has a release is not part of it.
";
