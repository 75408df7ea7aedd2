//! `folkops demo`: a small real service, operated by people who are made up, on this machine, with nothing installed.
//!
//! Everything is real but the people: repositories, pull requests, builds behind the wall, processes, the router, the
//! record. The crowd is synthetic and says so in each request. It starts from nothing and, on Ctrl-C, stops clean.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use folkops_model::ports::random_word;
use folkops_model::{Group, Owner, PersonId};
use folkops_record::{Body, Draft, Note};
use folkops_site::{Demo, Pane, Persona};
use sha2::{Digest as _, Sha256};

use crate::build::{Bot, StartError};
use crate::config::Config;
use crate::crowd::{Crowd, PASSING, VISITORS};
use crate::guide::{self, Cast};
use crate::prompt::say;
use crate::serve::{Running, Signals, start};

/// What the demo may be told.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Where the page listens; the service takes the next port.
    #[arg(long, default_value_t = 7070)]
    port: u16,
    /// A folder to keep everything in; without it, a temporary one that is removed at the end.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Decides when visitors pass by; drawn anew without it.
    #[arg(long)]
    seed: Option<u64>,
    /// Where bubblewrap is, when it is not on `PATH`.
    #[arg(long)]
    bwrap: Option<PathBuf>,
}

struct Somebody {
    name: &'static str,
    groups: &'static [Group],
    owner: Option<&'static str>,
    git: Option<&'static str>,
}

/// Twenty-five visitors pass by each second; steps of four seconds let a rollout be watched.
const ROLLOUT: &str = "[rollout]\nvisitors = 7500\nstep_seconds = 4\nmargin = 0.06\nbudget = 60\nminutes = 5\n\
                       soak_minutes = 2\nperiod_ms = 1200\nblock_ms = 1000\nslow_ms = 2000\nsettle_ms = 500\n";

/// The people of the demo, the first of whom speaks first.
const PEOPLE: [Somebody; 5] = [
    Somebody { name: "Mira", groups: &[], owner: None, git: Some("mira@example.org") },
    Somebody { name: "Jo", groups: &[Group::Maintainer], owner: Some("jo"), git: None },
    Somebody { name: "Ana", groups: &[Group::User], owner: Some("ana"), git: None },
    Somebody { name: "Ben", groups: &[Group::User], owner: Some("ben"), git: None },
    Somebody { name: "Sam", groups: &[Group::Maintainer, Group::OnCall], owner: None, git: None },
];

/// Runs the demo until Ctrl-C.
pub async fn run(arguments: DemoArgs) -> Result<(), StartError> {
    let mut signals = Signals::listen()?;
    let began = std::time::Duration::ZERO;
    let clock = crate::ports::SystemClock::start();
    let folder = Folder::open(arguments.folder.clone())?;
    say("Laying out Potluck: two repositories with their pull requests …");
    let repositories = folder.path.join("git");
    if !repositories.exists() {
        folkops_demo::lay_out(&repositories).await.map_err(StartError::of)?;
    }
    let path = folder.path.join("folkops.toml");
    std::fs::write(&path, configuration(&arguments, &folder.path)?).map_err(StartError::of)?;
    let config = Arc::new(Config::read(&path).map_err(StartError::of)?);
    crate::telemetry::start(&config.log).map_err(StartError)?;
    let running = start(config.clone(), path, |bot| Ok(Some(page(bot)?))).await?;
    let page = format!("{}/demo", config.site.url);
    let elapsed = folkops_model::ports::Clock::monotonic(&clock) - began;
    say(&format!("First page after {:.1} s: {page}", elapsed.as_secs_f64()));
    say("Potluck's first release is being built; the page tells when it is up. Ctrl-C stops everything.");
    let crowd = Crowd::start(&config, arguments.seed.unwrap_or_else(any_seed));
    signals.stop().await;
    crowd.stop();
    end(running, folder).await
}

fn any_seed() -> u64 {
    let mut bytes = [0; 8];
    folkops_model::ports::Entropy::fill(&crate::ports::SystemEntropy, &mut bytes);
    u64::from_be_bytes(bytes)
}

/// The demo's folder; a temporary one goes at the end.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn open(wanted: Option<PathBuf>) -> Result<Self, StartError> {
        let temporary = wanted.is_none();
        let name = format!("folkops-demo-{}", random_word(&crate::ports::SystemEntropy, 6));
        let path = wanted.unwrap_or_else(|| std::env::temp_dir().join(name));
        std::fs::create_dir_all(&path).map_err(StartError::of)?;
        Ok(Self { path: path.canonicalize().map_err(StartError::of)?, temporary })
    }
}

/// Stops every process that the demo started, then removes its folder.
async fn end(running: Running, folder: Folder) -> Result<(), StartError> {
    say("Stopping …");
    let bot = running.bot.clone();
    running.stop().await?;
    let stacks: BTreeSet<_> =
        bot.target.units().list().map_err(StartError::of)?.into_iter().map(|unit| unit.key.stack).collect();
    for stack in stacks {
        folkops_previews::ports::Stacks::stop(bot.target.as_ref(), &stack).await.map_err(StartError::of)?;
    }
    crate::edge::stop(&bot.config).await;
    drop(bot);
    if folder.temporary {
        std::fs::remove_dir_all(&folder.path).map_err(StartError::of)?;
        say("Everything has stopped and nothing was left behind.");
    } else {
        say(&format!("Everything has stopped; its state is kept in {}.", folder.path.display()));
    }
    Ok(())
}

/// The demo's configuration: the service's own file, with hosts below one name so that a browser counts the panes and
/// the page as one site.
fn configuration(arguments: &DemoArgs, folder: &Path) -> Result<String, StartError> {
    let (site, router) = (arguments.port, arguments.port + 1);
    let service: toml::Table = folkops_demo::SERVICE.parse().map_err(StartError::of)?;
    let mut components =
        service.get("component").cloned().ok_or_else(|| StartError("the demo has no components".into()))?;
    for component in components.as_array_mut().into_iter().flatten().filter_map(toml::Value::as_table_mut) {
        let name = component.get("repository").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        component.insert("repository".into(), format!("git/{name}").into());
    }
    let mut config: toml::Table = format!(
        "service = \"potluck\"\ntitle = \"Potluck\"\nstate = \"state\"\n\
         [site]\nlisten = \"127.0.0.1:{site}\"\nurl = \"http://folkops.potluck.localhost:{site}\"\nrooms = [\"kitchen\"]\n\
         [router]\nlisten = \"127.0.0.1:{router}\"\nhosts = [\"potluck.localhost\", \"*.potluck.localhost\"]\n\
         public = \"potluck.localhost:{router}\"\nowner_hosts = true\npreviews = \"preview.potluck.localhost:{router}\"\n\
         entrance = \"web\"\n[log]\nfilter = \"warn\"\n{ROLLOUT}"
    )
    .parse()
    .map_err(StartError::of)?;
    config.insert("component".into(), components);
    if let Some(rust) = rust_toolchain() {
        let tool = toml::Table::from_iter([
            ("name".to_owned(), toml::Value::from("rust")),
            ("folder".to_owned(), toml::Value::from(rust.display().to_string())),
        ]);
        config.insert("toolchain".into(), toml::Value::Array(vec![tool.into()]));
    }
    if let Some(bwrap) = &arguments.bwrap {
        let wall =
            toml::Table::from_iter([("bwrap".to_owned(), toml::Value::from(bwrap.display().to_string()))]);
        config.insert("wall".into(), wall.into());
    }
    let _ = folder;
    toml::to_string(&config).map_err(StartError::of)
}

/// Where the Rust toolchain itself is: behind the wall the launcher that chooses among toolchains is of no use.
fn rust_toolchain() -> Option<PathBuf> {
    let said = std::process::Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let folder = PathBuf::from(String::from_utf8(said.stdout).ok()?.trim());
    folder.join("bin/rustc").exists().then_some(folder)
}

/// Lets the people in and makes the page.
fn page(bot: &Bot) -> Result<Demo, StartError> {
    let mut personas = Vec::new();
    let mut draft: Option<Draft> = None;
    for somebody in &PEOPLE {
        let (person, session, bodies) = join(bot, somebody)?;
        personas.push(Persona { person, session });
        for note in bodies.into_iter().filter_map(Note::of) {
            draft = Some(match draft {
                Some(draft) => draft.and(note),
                None => Draft::note(note),
            });
        }
    }
    if let Some(draft) = draft {
        let pending = bot.ledger.submit(draft).map_err(StartError::of)?;
        let ledger = bot.ledger.clone();
        tokio::spawn(async move {
            if let Err(error) = ledger.durable(pending).await {
                tracing::error!(%error, "the demo's people could not be recorded");
            }
        });
    }
    let person = |index: usize| personas.get(index).map(|persona| persona.person.clone());
    let missing = || StartError("the demo has lost its people".into());
    let (mira, jo, ana, ben) = (person(0), person(1), person(2), person(3));
    let (mira, jo, ana, ben) = (
        mira.ok_or_else(missing)?,
        jo.ok_or_else(missing)?,
        ana.ok_or_else(missing)?,
        ben.ok_or_else(missing)?,
    );
    Ok(Demo {
        note: format!(
            "{VISITORS} synthetic visitors, and {PASSING} more who pass by each second, labelled as such · stop with Ctrl C"
        ),
        panes: [pane(bot, &ana, "ana", "her mix")?, pane(bot, &ben, "ben", "his mix")?],
        personas,
        guide: guide::guide(bot, &Cast { mira, jo, ana }),
        closing: "Each step ticks itself off when it has happened, whoever did it. Nothing here is staged: the processes run behind a wall on this machine.".into(),
    })
}

fn pane(bot: &Bot, person: &PersonId, owner: &str, mix: &str) -> Result<Pane, StartError> {
    let owner = Owner::parse(owner).map_err(StartError::of)?;
    let url = format!("{}red-lentil-soup", bot.engine.desk().addresses.service_of(&owner));
    Ok(Pane { person: person.clone(), url, mix: mix.to_owned() })
}

/// Makes one person known, with a session for the page.
fn join(bot: &Bot, somebody: &Somebody) -> Result<(PersonId, String, Vec<Body>), StartError> {
    let person = PersonId::parse(&somebody.name.to_lowercase()).map_err(StartError::of)?;
    let session = random_word(bot.entropy.as_ref(), 32);
    let accounts = somebody.git.map(crate::people::git_account).transpose().map_err(StartError)?;
    let joined = Body::PersonJoined {
        person: person.clone(),
        name: bot.keyring.seal(somebody.name).map_err(StartError::of)?,
        groups: somebody.groups.iter().copied().collect(),
        accounts: accounts.into_iter().collect(),
        owner: somebody.owner.map(Owner::parse).transpose().map_err(StartError::of)?,
    };
    let opened = Body::SessionOpened {
        hash: folkops_engine::hex(&Sha256::digest(session.as_bytes())),
        person: person.clone(),
        expires: bot.clock.now() + std::time::Duration::from_secs(24 * 3_600),
        account: None,
    };
    Ok((person, session, vec![joined, opened]))
}
