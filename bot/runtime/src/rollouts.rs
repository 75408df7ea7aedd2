//! `folkops rollouts simulate`: what a service's template would do with made-up or recorded visitors.
//!
//! Nothing is started, asked or changed; it reads the configuration and, where one is given, a file of what was observed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use folkops_model::{Held, Observation, Rung};
use folkops_rollouts::plan::Grounds;
use folkops_rollouts::simulate::{self, Outcome, Report, Scenario, Traffic};
use folkops_rollouts::{Move, Template};
use jiff::SignedDuration;

use crate::build::StartError;
use crate::config::Config;

/// What is asked about rollouts.
#[derive(Debug, Subcommand)]
pub enum RolloutsCommand {
    /// Runs rollouts over made-up or recorded visitors and prints what would have happened.
    Simulate(Simulate),
}

/// What is simulated.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    /// The configuration whose rollouts are tried; the ordinary ones without it.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The share of the new build's visitors who meet a failure, 0 to 1.
    #[arg(long, default_value_t = 0.05)]
    failing: f64,
    /// The share of the current build's visitors who do; what the configuration says is usual without it.
    #[arg(long)]
    usual: Option<f64>,
    /// Visitors who come for the first time, a minute.
    #[arg(long, default_value_t = 100.0)]
    visitors_per_minute: f64,
    /// What else happens: steady, crash=SHARE, stratum=SHARE, clumped=MANY, leak, turn, daily, incident, outage or
    /// flapping.
    #[arg(long, default_value = "steady", value_parser = scenario)]
    scenario: Scenario,
    /// How many rollouts, 1 to 10000.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    runs: u64,
    /// The first one's seed; the same seed makes the same visitors.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What was observed of a real rollout, instead of made-up visitors: the journal's `rollout-observed`, one a line.
    #[arg(long)]
    recorded: Option<PathBuf>,
}

/// Runs what is asked; what is to be said.
pub fn run(command: &RolloutsCommand) -> Result<String, StartError> {
    let RolloutsCommand::Simulate(asked) = command;
    let template = match &asked.config {
        Some(path) => Config::read(path).map_err(StartError::of)?.templates().service,
        None => Template::ordinary(),
    };
    template.check().map_err(StartError::of)?;
    let mut said = described(&template);
    match &asked.recorded {
        Some(path) => {
            let report = simulate::recorded(&template, &observed(path)?).map_err(StartError::of)?;
            let _ = writeln!(said, "visitors: as recorded, at the shares that were real then\n");
            said += &table(&[(0, report.clone())]);
            said += &moves(&report, &template.rungs());
        }
        None => said += &made_up(asked, &template)?,
    }
    Ok(said)
}

fn made_up(asked: &Simulate, template: &Template) -> Result<String, StartError> {
    let traffic = Traffic {
        visitors_per_minute: asked.visitors_per_minute,
        usual: asked.usual.unwrap_or(template.usual),
        failing: asked.failing,
        scenario: asked.scenario,
    };
    traffic.check().map_err(StartError::of)?;
    let seeds = asked.seed..asked.seed.saturating_add(asked.runs);
    let run = |seed| Ok((seed, simulate::synthetic(template, &traffic, seed).map_err(StartError::of)?));
    let reports = seeds.map(run).collect::<Result<Vec<_>, StartError>>()?;
    let mut said = format!(
        "visitors: {} a minute for the first time; {} % of them fail with the current build, {} % with the new one; {}\n\n",
        traffic.visitors_per_minute,
        percent(traffic.usual),
        percent(traffic.failing),
        happens(traffic.scenario),
    );
    said += &table(&reports);
    said += &summary(&reports);
    if let Some((seed, first)) = reports.first() {
        let _ = write!(said, "\nseed {seed}, move by move\n{}", moves(first, &template.rungs()));
    }
    Ok(said)
}

fn scenario(word: &str) -> Result<Scenario, String> {
    let wrong = || {
        format!(
            "`{word}` is no scenario; give steady, crash=0.2, stratum=0.05, clumped=10, leak, turn, daily, incident, outage or flapping"
        )
    };
    match word.split_once('=') {
        Some(("crash", share)) => share.parse().map(Scenario::Crash).map_err(|_| wrong()),
        Some(("clumped", many)) => many.parse().map(Scenario::Clumped).map_err(|_| wrong()),
        Some(("stratum", share)) => share.parse().map(Scenario::Stratum).map_err(|_| wrong()),
        Some(_) => Err(wrong()),
        None => match word {
            "steady" => Ok(Scenario::Steady),
            "leak" => Ok(Scenario::Leak),
            "turn" => Ok(Scenario::Turn),
            "daily" => Ok(Scenario::Daily),
            "incident" => Ok(Scenario::Incident),
            "outage" => Ok(Scenario::Outage),
            "flapping" => Ok(Scenario::Flapping),
            _ => Err(wrong()),
        },
    }
}

fn happens(scenario: Scenario) -> String {
    match scenario {
        Scenario::Steady => "nothing else happens".into(),
        Scenario::Crash(share) => format!("{} % of the new build’s crash at the start", percent(share)),
        Scenario::Stratum(share) => {
            format!("only programs, {} % of all visitors, meet them with the new one", percent(share))
        }
        Scenario::Clumped(many) => format!("of each node, {many} visitors in a row fare alike"),
        Scenario::Leak => "the new build gets there slowly, and only once everybody has it".into(),
        Scenario::Turn => "the new build does so only when a third of the soak is over".into(),
        Scenario::Daily => "both swing by three points, as by day and night".into(),
        Scenario::Incident => "for thirty minutes a third more of everybody fail".into(),
        Scenario::Outage => "for ten minutes nothing is told".into(),
        Scenario::Flapping => "the new build is well and unwell by turns of two minutes".into(),
    }
}

fn described(template: &Template) -> String {
    let steps: Vec<String> = template.rungs().iter().map(|rung| rung.weight.to_string()).collect();
    format!(
        "steps: {}, then everybody; within {}, and watched for {} then\n",
        steps.join(", "),
        clock(duration(template.lasts)),
        clock(duration(template.soak))
    )
}

/// What was seen, by one line: the body of a record, or the whole of one.
fn seen(line: &str) -> Option<Observation> {
    let mut record: serde_json::Value = serde_json::from_str(line).ok()?;
    let mut body = record.get_mut("body").map(serde_json::Value::take).unwrap_or(record);
    serde_json::from_value(body.get_mut("seen")?.take()).ok()
}

fn observed(path: &Path) -> Result<Vec<Observation>, StartError> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        StartError(format!("`{name}` cannot be read: {error}; give a file of recorded observations"))
    })?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let read = |(line, number): (&str, u32)| {
        seen(line).ok_or_else(|| {
            StartError(format!(
                "line {number} of `{name}` is no `rollout-observed`; give one JSON object a line, with `release` and `seen`"
            ))
        })
    };
    lines.map(read).collect()
}

fn table(reports: &[(u64, Report)]) -> String {
    let mut said = format!(
        "{:>5}  {:<38} {:>8} {:>9} {:>9} {:>12}\n",
        "seed", "what becomes of it", "after", "exposed", "failures", "too many by"
    );
    for (seed, report) in reports {
        let new = &report.totals.candidate;
        let _ = writeln!(
            said,
            "{seed:>5}  {:<38} {:>8} {:>9} {:>9} {:>12.0}",
            outcome(report.outcome),
            clock(report.lasted),
            new.visitors,
            new.affected,
            report.excess().max(0.0)
        );
    }
    said
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Everybody => "everybody gets it, and keeps it".into(),
        Outcome::Back(grounds) => back(grounds).into(),
        Outcome::Standing(why) => still(why).into(),
        Outcome::Undecided => "is not decided when the visitors end".into(),
    }
}

fn back(grounds: Grounds) -> &'static str {
    match grounds {
        Grounds::Harm => "goes back: it fails more",
        Grounds::Budget => "goes back: too many met a failure",
        Grounds::Late => "goes back: time is up",
        Grounds::Soak => "goes back: got worse when all had it",
    }
}

fn still(why: Held) -> &'static str {
    match why {
        Held::Silent => "stands still: nothing is heard",
        Held::WrongShares => "stands still: the shares are wrong",
        Held::Suspicion => "stands still: it may fail more",
        Held::Late => "stands still: time is up",
        Held::NothingSound => "stands still: the current build fails",
        Held::Unsound => "stands still: what is judged is unsound",
    }
}

fn summary(reports: &[(u64, Report)]) -> String {
    let count = |is: fn(&Outcome) -> bool| reports.iter().filter(|(_, report)| is(&report.outcome)).count();
    format!(
        "\n{} rollouts: {} go back, {} come to everybody, {} wait for a person\n",
        reports.len(),
        count(|outcome| matches!(outcome, Outcome::Back(_))),
        count(|outcome| matches!(outcome, Outcome::Everybody)),
        count(|outcome| matches!(outcome, Outcome::Standing(_) | Outcome::Undecided)),
    )
}

fn moves(report: &Report, rungs: &[Rung]) -> String {
    let share = |rung: u32| usize::try_from(rung).ok().and_then(|rung| rungs.get(rung));
    let line = |(at, planned): &(SignedDuration, Move)| {
        let said = match planned {
            Move::Step { rung } => {
                share(*rung).map_or_else(String::new, |rung| format!("{} get it", rung.weight))
            }
            Move::Finish => "everybody gets it".into(),
            Move::Keep => "everybody keeps it".into(),
            Move::RollBack(grounds) => back(*grounds).into(),
            Move::Hold(why) => still(*why).into(),
            Move::Resume => "goes on".into(),
        };
        format!("{:>8}  {said}\n", clock(*at))
    };
    report.moves.iter().map(line).collect()
}

/// Hours, minutes and seconds.
fn clock(lasted: SignedDuration) -> String {
    let seconds = lasted.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn duration(lasts: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(lasts).unwrap_or(SignedDuration::MAX)
}

/// To a tenth.
fn percent(share: f64) -> f64 {
    (share * 1_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Prompt {
        #[command(subcommand)]
        what: RolloutsCommand,
    }

    fn simulated(arguments: &[&str]) -> Result<String, String> {
        let words = ["rollouts", "simulate"].iter().chain(arguments);
        let prompt = Prompt::try_parse_from(words).map_err(|error| error.to_string())?;
        run(&prompt.what).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bad_build_goes_back_in_every_run_a_good_one_in_none_and_the_same_seed_says_the_same() {
        let bad = simulated(&["--failing", "0.3", "--runs", "5"]).unwrap();
        assert!(bad.contains("5 rollouts: 5 go back, 0 come to everybody, 0 wait"), "{bad}");
        let leak = simulated(&["--failing", "0.3", "--runs", "5", "--scenario", "leak"]).unwrap();
        assert!(
            leak.contains("got worse when all had it") && leak.contains("5 rollouts: 5 go back"),
            "{leak}"
        );
        let good = simulated(&["--failing", "0.01", "--runs", "5"]).unwrap();
        assert!(good.contains("5 rollouts: 0 go back, 5 come to everybody, 0 wait"), "{good}");
        assert_eq!(simulated(&["--failing", "0.01", "--runs", "5"]).unwrap(), good);
    }

    #[test]
    fn what_was_recorded_is_judged_again_and_a_line_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seen.jsonl");
        let line = |minute: u32, failed: u32| {
            let counts = |affected| {
                format!(r#"{{"requests":60,"failed":0,"slow":0,"affected":{affected},"visitors":60}}"#)
            };
            let side = |failed: u32| {
                format!(
                    r#"{{"exposed":60,"failed":{{"0":{},"32":{failed}}},"slow":{{"0":60}}}}"#,
                    60 - failed
                )
            };
            let at = format!("2026-03-01T12:{minute:02}:00Z");
            format!(
                r#"{{"release":7,"seen":{{"epoch":"e","next_cohort":1,"next_tick":1,"cohorts":[{{"at":"{at}","weight":2500,"control":2500,"candidate":{},"stable":{}}}],"ticks":[{{"at":"{at}","weight":2500,"candidate":{},"stable":{}}}]}}}}"#,
                side(failed),
                side(1),
                counts(failed),
                counts(1)
            )
        };
        let lines: Vec<String> = (0..10).map(|minute| line(minute, 20)).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let path = file.to_str().unwrap();
        let said = simulated(&["--recorded", path]).unwrap();
        assert!(said.contains("goes back"), "{said}");
        std::fs::write(&file, "{}").unwrap();
        assert!(simulated(&["--recorded", path]).unwrap_err().contains("line 1 of"));
    }

    #[test]
    fn what_cannot_be_simulated_is_refused_with_what_would_do() {
        for (arguments, said) in [
            (["--failing", "5"], "give a share from 0 to 1"),
            (["--visitors-per-minute", "0"], "give more than 0"),
            (["--scenario", "flood"], "`flood` is no scenario; give steady, crash=0.2"),
            (["--recorded", "/nowhere"], "give a file of recorded observations"),
        ] {
            let refused = simulated(&arguments).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
