//! `folkops policy check|test|explain`, and where policies are read from.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use folkops_commands::Settings;
use folkops_engine::Command;
use folkops_model::{CommandSpec, Group};
use folkops_policies::{About, By, CASES, Fact, Judge, Report, Situation, Source, check, shipped, test};

use crate::build::StartError;

/// What is asked about policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Whether a folder of policies, together with the shipped ones, is valid.
    Check {
        /// The folder; only the shipped ones without it.
        folder: Option<PathBuf>,
    },
    /// Whether the policies decide a table of cases as it says.
    Test {
        /// The table; the shipped one without it.
        cases: Option<PathBuf>,
        /// A folder of further policies.
        #[arg(long)]
        policies: Option<PathBuf>,
    },
    /// What the policies say to one case, and to every group.
    Explain {
        /// The command, without the slash.
        command: String,
        /// A group that the person stands in; may be given more than once.
        #[arg(long = "group")]
        groups: Vec<Group>,
        /// A fact that holds: commits-allowed, own-change, own, frozen or over-quota.
        #[arg(long = "when")]
        facts: Vec<String>,
        /// A folder of further policies.
        #[arg(long)]
        policies: Option<PathBuf>,
    },
}

/// The shipped policies and those of a folder, by name of file.
pub fn sources(folder: Option<&Path>) -> Result<Vec<Source>, StartError> {
    let mut sources = shipped();
    let Some(folder) = folder else { return Ok(sources) };
    let unreadable = |error| {
        StartError(format!(
            "`{}` cannot be read: {error}; set `policies` to a folder of `.cedar` files",
            folder.display()
        ))
    };
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).map_err(unreadable)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cedar"));
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        sources.push(Source { name: path.display().to_string(), text });
    }
    Ok(sources)
}

/// Settings for when only the declarations of commands matter.
pub fn any_settings() -> Settings {
    Settings {
        service: "the service".into(),
        previews_a_person: 1,
        places: 1,
        lasts: Duration::from_secs(1),
        lasts_at_most: Duration::from_secs(1),
        sign_in: None,
        rollout: folkops_rollouts::Template::ordinary().into(),
        checklist: Vec::new(),
        carry_over: None,
        release_branches: Default::default(),
    }
}

fn specs() -> Vec<CommandSpec> {
    folkops_commands::all(&any_settings()).iter().map(|command: &Arc<dyn Command>| *command.spec()).collect()
}

/// Answers what is asked; the exit code says whether all is well.
pub fn run(what: PolicyCommand) -> Result<(String, ExitCode), StartError> {
    match what {
        PolicyCommand::Check { folder } => {
            let report = check(&specs(), &sources(folder.as_deref())?).map_err(StartError::of)?;
            Ok(reported(&report))
        }
        PolicyCommand::Test { cases, policies } => {
            let judge = Judge::new(&specs(), &sources(policies.as_deref())?).map_err(StartError::of)?;
            Ok(reported(&test(&judge, &table(cases.as_deref())?)))
        }
        PolicyCommand::Explain { command, groups, facts, policies } => {
            let judge = Judge::new(&specs(), &sources(policies.as_deref())?).map_err(StartError::of)?;
            let situation = Situation {
                command,
                by: By::Person,
                groups: groups.into_iter().collect(),
                context: facts.iter().map(|fact| parse_fact(fact)).collect::<Result<_, _>>()?,
                resource: About::Service,
            };
            let action = situation.action(&judge).map_err(StartError::of)?;
            Ok((judge.explain(&action), ExitCode::SUCCESS))
        }
    }
}

fn reported(report: &Report) -> (String, ExitCode) {
    (report.to_string(), if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn table(path: Option<&Path>) -> Result<Source, StartError> {
    let Some(path) = path else { return Ok(Source { name: "the shipped table".into(), text: CASES.into() }) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| StartError(format!("`{}` cannot be read: {error}", path.display())))?;
    Ok(Source { name: path.display().to_string(), text })
}

fn parse_fact(text: &str) -> Result<Fact, StartError> {
    let known = Fact::ALL
        .iter()
        .copied()
        .find(|fact| fact.as_str() == text || fact.as_str().replace('_', "-") == text);
    known.ok_or_else(|| {
        let names: Vec<&str> = Fact::ALL.iter().map(|fact| fact.as_str()).collect();
        StartError(format!("`{text}` is no fact; there are {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_policies_decide_the_shipped_cases_for_the_shipped_commands() {
        let judge = Judge::new(&specs(), &sources(None).unwrap()).unwrap();
        let report = test(&judge, &table(None).unwrap());
        assert!(report.is_clean(), "{report}");
    }

    #[test]
    fn an_unknown_fact_is_answered_with_the_known_ones() {
        let said = parse_fact("frozn").unwrap_err().to_string();
        assert!(said.starts_with("`frozn` is no fact; there are "), "{said}");
    }
}
