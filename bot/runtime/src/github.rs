//! Puts the GitHub App together from its configuration, and runs what looks for deliveries that never came.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use folkops_github::{
    BranchName, Door, GitHub, Left, MergeMethod, Mirror, RepositoryName, Scan, Settings, SignInSettings,
    TeamName,
};
use folkops_model::ports::Clock;
use folkops_model::{ChangeRef, ComponentName};
use folkops_previews::Changes;
use folkops_site::{Away, SignIn, SignIns};
use secrecy::SecretString;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::build::{Bot, StartError};
use crate::config::{Bare, Config, Github, Merging};

/// How often failed deliveries are asked for again.
const REDELIVER: Duration = Duration::from_secs(60);
/// How often comments are read for which there never was a delivery.
const SCAN: Duration = Duration::from_secs(5 * 60);

/// How often it is looked whether GitHub is to be told something beside replies.
const MIRROR: Duration = Duration::from_secs(1);

/// The way to GitHub, where there is one.
pub fn github(config: &Config, clock: Arc<dyn Clock>) -> Result<Option<Arc<GitHub>>, StartError> {
    let Some(github) = &config.github else { return Ok(None) };
    let settings = settings(config, github)?;
    GitHub::new(settings, clock).map(|github| Some(Arc::new(github))).map_err(StartError)
}

fn settings(config: &Config, github: &Github) -> Result<Settings, StartError> {
    let hosted =
        config.components.iter().filter_map(|component| Some((component, component.github.as_ref()?)));
    let named = hosted.map(|(component, name)| Ok((component.name.clone(), name.parse::<RepositoryName>()?)));
    let repositories = named.collect::<Result<_, folkops_model::Malformed>>().map_err(StartError::of)?;
    let followed = config
        .components
        .iter()
        .filter_map(|component| Some((component, component.release_branch.as_ref()?)));
    let followed =
        followed.map(|(component, branch)| Ok((component.name.clone(), branch.parse::<BranchName>()?)));
    let release_branches =
        followed.collect::<Result<_, folkops_model::Malformed>>().map_err(StartError::of)?;
    let teams = github.teams.iter().map(|(name, group)| Ok((name.parse::<TeamName>()?, *group)));
    let teams = teams.collect::<Result<_, folkops_model::Malformed>>().map_err(StartError::of)?;
    let plain = |address: &str| address.trim_end_matches('/').to_owned();
    Ok(Settings {
        api: plain(&github.api),
        web: plain(&github.web),
        app: github.app,
        key: secret(&github.key)?,
        secrets: github.secrets.iter().map(|path| secret(path)).collect::<Result<_, _>>()?,
        prefix: github.prefix.clone(),
        bare: match github.bare {
            Bare::Alone => folkops_github::Bare::Alone,
            Bare::Always => folkops_github::Bare::Always,
            Bare::Never => folkops_github::Bare::Never,
        },
        repositories,
        release_branches,
        teams,
        method: match github.merge {
            Merging::Merge => MergeMethod::Merge,
            Merging::Squash => MergeMethod::Squash,
            Merging::Rebase => MergeMethod::Rebase,
        },
        site: plain(&config.site.url),
    })
}

/// The page on which people sign in with GitHub, where the App has a client.
pub fn sign_in(config: &Config) -> Option<String> {
    config.github.as_ref()?.client.as_ref()?;
    Some(format!("{}/sign-in/{}", config.site.url.trim_end_matches('/'), folkops_github::surface()))
}

/// How people sign in: with GitHub, where the App has a client.
pub fn sign_ins(config: &Config) -> Result<SignIns, StartError> {
    let mut by = BTreeMap::new();
    if let Some(github) = &config.github
        && let Some((client, file)) = github.client.as_ref().zip(github.client_secret.as_ref())
    {
        let plain = |address: &str| address.trim_end_matches('/').to_owned();
        let settings = SignInSettings {
            api: plain(&github.api),
            web: plain(&github.web),
            client: client.clone(),
            secret: secret(file)?,
            site: plain(&config.site.url),
        };
        let door: Arc<dyn SignIn> = Arc::new(Door::new(settings).map_err(StartError)?);
        by.insert(folkops_github::surface(), door);
    }
    Ok(SignIns { by, groups: config.site.newcomers.clone() })
}

/// A secret from a file of its own. An empty one proves nothing and is refused.
fn secret(path: &Path) -> Result<SecretString, StartError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| StartError(format!("`{}` cannot be read: {error}", path.display())))?;
    match text.trim() {
        "" => Err(StartError(format!("`{}` is empty; put the secret into it", path.display()))),
        secret => Ok(SecretString::from(secret)),
    }
}

/// The pull requests that the site shows as rooms: those whose change is known.
pub fn elsewhere(bot: &Arc<Bot>) -> folkops_site::Elsewhere {
    let github = bot.intake.as_ref().map(|intake| intake.github().clone());
    Box::new(move |facts, room| {
        let (component, number) = room.as_str().rsplit_once('-')?;
        let change =
            ChangeRef { component: ComponentName::parse(component).ok()?, number: number.parse().ok()? };
        let settings = github.as_ref()?.settings();
        let repository = settings.repositories.get(&change.component)?;
        let changes = facts.fold::<Changes>()?;
        let known = changes.open.get(&change).or_else(|| changes.closed.get(&change));
        known?;
        Some(Away {
            place: folkops_github::place(&change).ok()?,
            name: format!("{repository}#{} on GitHub", change.number),
            address: format!("{}/{repository}/pull/{}", settings.web, change.number),
        })
    })
}

/// Starts the loops; they end with the token.
pub fn start(bot: &Arc<Bot>, stop: &CancellationToken) {
    let Some(intake) = &bot.intake else { return };
    let mirror = Mirror::new(intake.github().clone(), bot.ledger.clone(), bot.clock.clone());
    tokio::spawn(stop.clone().run_until_cancelled_owned(tell(bot.clone(), mirror)));
    let news = crate::news::tell(bot.clone(), intake.github().clone());
    tokio::spawn(stop.clone().run_until_cancelled_owned(news));
    let scan = Arc::new(Scan::new(intake.clone()));
    let comments = scan.clone();
    tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
        loop {
            let scanned = comments.comments().await;
            if let Err(error) = &scanned {
                tracing::warn!(%error, "comments could not be read");
            }
            // What was said while the program was away may wait for this look, so a failed one is made up for soon.
            tokio::time::sleep(if scanned.is_ok() { SCAN } else { REDELIVER }).await;
        }
    }));
    tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
        let mut ticks = every(REDELIVER);
        loop {
            ticks.tick().await;
            if let Err(error) = scan.deliveries().await {
                tracing::warn!(%error, "failed deliveries could not be asked for again");
            }
        }
    }));
}

/// Tells GitHub how previews, promotions and heads stand, whenever the record has grown.
async fn tell(bot: Arc<Bot>, mirror: Mirror) {
    let mut ticks = every(MIRROR);
    let mut left = Left::Something;
    loop {
        ticks.tick().await;
        if left == Left::Nothing(bot.ledger.read(|facts| facts.sequence())) {
            continue;
        }
        left = mirror.sweep(&bot.engine).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "GitHub could not be told how things stand");
            Left::Something
        });
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
