//! The program's arguments, and what each of them starts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use folkops_model::{Group, Owner};

use crate::build::StartError;
use crate::config::Config;
use crate::people::{Ask, Revoke};
use crate::prompt::say;

/// A ChatOps bot that lets the people who use a service operate it.
#[derive(Debug, Parser)]
#[command(name = "folkops", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the bot: web room, pipeline, reconcilers. Starts the router when none runs.
    Serve(WithConfig),
    /// Runs the edge in front of the service, as a process of its own.
    Router(WithConfig),
    /// Operates a small real service on this machine, to try everything out.
    Demo(crate::demo::DemoArgs),
    /// Sets something up.
    Init {
        #[command(subcommand)]
        what: crate::init::InitCommand,
    },
    /// Prints a link with which somebody joins.
    Invite {
        #[command(flatten)]
        config: WithConfig,
        /// How they will be called.
        name: String,
        /// A group they will stand in; may be given more than once.
        #[arg(long = "group")]
        groups: Vec<Group>,
        /// Their account in the service.
        #[arg(long)]
        owner: Option<Owner>,
        /// The e-mail by which their commits are known.
        #[arg(long)]
        git: Option<String>,
    },
    /// Puts somebody into a group, or with --revoke takes them out of it.
    Grant {
        #[command(flatten)]
        config: WithConfig,
        /// Their name or id.
        person: String,
        /// The group.
        group: Group,
        /// Take them out of it.
        #[arg(long)]
        revoke: bool,
    },
    /// Takes somebody's name and everything they said away, for ever.
    Erase {
        #[command(flatten)]
        config: WithConfig,
        /// Their name or id.
        person: String,
    },
    /// Checks, tests and explains policies.
    Policy {
        #[command(subcommand)]
        what: crate::policy::PolicyCommand,
    },
    /// Tries rollouts out without visitors.
    Rollouts {
        #[command(subcommand)]
        what: crate::rollouts::RolloutsCommand,
    },
    /// Goes back to an earlier release.
    Rollback {
        #[command(flatten)]
        config: WithConfig,
        /// Which release; the one before without it.
        release: Option<u64>,
        /// With no bot, chat or forge: tells the router directly.
        #[arg(long)]
        offline: bool,
    },
    /// Checks the configuration, or prints its form.
    Config {
        /// The file to check.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Prints the form as JSON Schema instead.
        #[arg(long)]
        schema: bool,
    },
    /// Prints all commands of the room as Markdown.
    Commands,
    /// Prints the journal's projections, sorted: what a rebuild must give again byte for byte.
    Export(WithConfig),
    /// Supervises one component of one stack; started by the bot.
    #[command(hide = true)]
    Keep {
        /// The unit's folder.
        folder: PathBuf,
    },
    /// Applies limits inside the wall; started by the keeper.
    #[command(hide = true)]
    Confine {
        /// The plan.
        plan: PathBuf,
    },
}

/// Where the configuration is.
#[derive(Debug, Clone, clap::Args)]
pub struct WithConfig {
    /// The configuration file.
    #[arg(long, default_value = "folkops.toml")]
    pub config: PathBuf,
}

impl WithConfig {
    fn read(&self) -> Result<(Arc<Config>, PathBuf), StartError> {
        let path = std::path::absolute(&self.config).map_err(StartError::of)?;
        Ok((Arc::new(Config::read(&path).map_err(StartError::of)?), path))
    }
}

/// Runs the program; the exit code says whether it did what was asked.
pub fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the prompt is where this error is read")]
fn complain(error: &StartError) {
    eprintln!("folkops: {error}");
}

fn run(command: Command) -> Result<ExitCode, StartError> {
    match command {
        Command::Keep { folder } => keep(&folder),
        Command::Confine { plan } => confine(&plan),
        Command::Serve(config) => {
            let (config, path) = config.read()?;
            crate::telemetry::start(&config.log).map_err(StartError)?;
            threads(2)?.block_on(crate::serve::run(config, path)).map(|()| ExitCode::SUCCESS)
        }
        Command::Router(config) => {
            let (config, _) = config.read()?;
            crate::telemetry::start(&config.log).map_err(StartError)?;
            threads(1)?.block_on(crate::serve::router(config)).map(|()| ExitCode::SUCCESS)
        }
        Command::Demo(arguments) => {
            threads(2)?.block_on(crate::demo::run(arguments)).map(|()| ExitCode::SUCCESS)
        }
        other => threads(1)?.block_on(prompt(other)),
    }
}

fn keep(folder: &Path) -> Result<ExitCode, StartError> {
    folkops_local::keep::main(folder, &crate::ports::SystemClock::start()).map_err(StartError::of)?;
    Ok(ExitCode::SUCCESS)
}

fn confine(plan: &Path) -> Result<ExitCode, StartError> {
    let code = folkops_local::confine::main(plan).map_err(StartError::of)?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn threads(count: usize) -> Result<tokio::runtime::Runtime, StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(count).enable_all().build();
    runtime.map_err(StartError::of)
}

async fn prompt(command: Command) -> Result<ExitCode, StartError> {
    let said = match command {
        Command::Invite { config, name, groups, owner, git } => {
            let ask = Ask::Invite { name, groups: groups.into_iter().collect(), owner, git };
            crate::admin::ask(&config.read()?.0, &ask).await?
        }
        Command::Grant { config, person, group, revoke } => {
            let revoke = if revoke { Revoke::Yes } else { Revoke::No };
            crate::admin::ask(&config.read()?.0, &Ask::Grant { person, group, revoke }).await?
        }
        Command::Erase { config, person } => {
            crate::admin::ask(&config.read()?.0, &Ask::Erase { person }).await?
        }
        Command::Rollback { config, release, offline: true } => {
            crate::offline::rollback(&config.read()?.0, release).await?
        }
        Command::Rollback { config, release, offline: false } => {
            crate::admin::ask(&config.read()?.0, &Ask::Rollback { release }).await?
        }
        Command::Policy { what } => {
            return crate::policy::run(what).map(|(said, code)| {
                say(&said);
                code
            });
        }
        Command::Rollouts { what } => crate::rollouts::run(&what)?,
        Command::Init { what: crate::init::InitCommand::Github(args) } => crate::init::github(args).await?,
        Command::Config { schema: true, .. } => schema()?,
        Command::Config { config, schema: false } => {
            let config = WithConfig { config: config.unwrap_or_else(|| PathBuf::from("folkops.toml")) };
            let (config, path) = config.read()?;
            described(&config, &path)
        }
        Command::Commands => {
            folkops_commands::markdown(&folkops_commands::all(&crate::policy::any_settings()))
        }
        Command::Export(config) => export(&config.read()?.0).await?,
        Command::Serve(_)
        | Command::Router(_)
        | Command::Demo(_)
        | Command::Keep { .. }
        | Command::Confine { .. } => {
            return Err(StartError("this is not asked at the prompt".into()));
        }
    };
    say(said.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn described(config: &Config, path: &Path) -> String {
    let title = |component: &crate::config::Component| {
        component.title.clone().unwrap_or_else(|| component.name.to_string())
    };
    let components: Vec<String> = config.components.iter().map(title).collect();
    format!("`{}` is a configuration for {}: {}", path.display(), config.title, components.join(", "))
}

fn schema() -> Result<String, StartError> {
    serde_json::to_string_pretty(&schemars::schema_for!(Config)).map_err(StartError::of)
}

async fn export(config: &Config) -> Result<String, StartError> {
    let storage = crate::build::storage(config).await?;
    let rows = storage.ledger.export().map_err(StartError::of)?;
    storage.ledger.settle().await.map_err(StartError::of)?;
    let line = |(key, value): (&String, &Vec<u8>)| format!("{key}\t{}\n", String::from_utf8_lossy(value));
    Ok(rows.iter().map(line).collect())
}
