//! Running: the bot with its site, the router, and an orderly end.
//!
//! SIGTERM or Ctrl-C stops taking requests, ends what listens, and leaves what is owed to the next start; production and
//! the router run on. All of it within ten seconds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use folkops_engine::Unavailable;
use folkops_model::{Cause, ChangeRef, Sha};
use folkops_previews::ports::Forge;
use folkops_site::{DiffSource, Site, SiteConfig};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::build::{Bot, StartError};
use crate::config::Config;
use crate::ports::{SystemClock, SystemEntropy};

/// How long the end may take.
const DRAIN: Duration = Duration::from_secs(9);
/// How long a browser speaks for somebody.
const SESSION: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Runs the bot until it is told to stop.
pub async fn run(config: Arc<Config>, path: PathBuf) -> Result<(), StartError> {
    let mut signals = Signals::listen()?;
    let running = tokio::select! {
        started = start(config, path, |_| Ok(None)) => started?,
        // Nothing is owed by a start that did not come to its end.
        () = signals.stop() => return Ok(()),
    };
    signals.stop().await;
    running.stop().await
}

/// A bot that runs.
pub struct Running {
    /// Its parts.
    pub bot: Arc<Bot>,
    stop: CancellationToken,
    site: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// Starts everything. `demo` makes the guided demo, where this is one.
pub async fn start(
    config: Arc<Config>,
    path: PathBuf,
    demo: impl FnOnce(&Bot) -> Result<Option<folkops_site::Demo>, StartError>,
) -> Result<Running, StartError> {
    let listener = TcpListener::bind(config.site.listen).await.map_err(|error| {
        StartError(format!(
            "cannot listen on `{}` ({error}); free the port, or set another `site.listen`",
            config.site.listen
        ))
    })?;
    let storage = crate::build::storage(&config).await?;
    crate::edge::ensure(&config, &path).await.map_err(StartError::of)?;
    let bot = Arc::new(crate::build::bot(config.clone(), storage).await?);
    let stop = CancellationToken::new();
    end_on_broken_storage(&bot);
    take_up_offline(&bot).await?;
    let demo = demo(&bot)?;
    let site = site(&bot, demo)?;
    let operators = crate::admin::listen(&config).map_err(StartError::of)?;
    let ended = stop.clone();
    let site = tokio::spawn(folkops_site::serve(listener, site, async move { ended.cancelled().await }));
    crate::reconcile::start(&bot, path, &stop);
    crate::github::start(&bot, &stop);
    let (admin, until) = (bot.clone(), stop.clone());
    tokio::spawn(async move {
        if let Err(error) = crate::admin::serve(operators, admin, until).await {
            tracing::error!(%error, "the operator's socket is closed");
        }
    });
    tracing::info!(site = %config.site.url, "ready");
    Ok(Running { bot, stop, site })
}

impl Running {
    /// Stops taking requests, then everything else; what is owed stays owed.
    pub async fn stop(self) -> Result<(), StartError> {
        tracing::info!("stopping");
        self.bot.engine.stop();
        self.stop.cancel();
        let ended = tokio::time::timeout(DRAIN, async {
            match self.site.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the site ended badly"),
                Err(error) => tracing::warn!(%error, "the site ended badly"),
            }
            self.bot.ledger.settle().await
        });
        match ended.await {
            Ok(settled) => settled.map_err(StartError::of),
            Err(_) => Err(StartError("not everything ended in time; nothing acknowledged is lost".into())),
        }
    }
}

/// Runs the router until it is told to stop.
pub async fn router(config: Arc<Config>) -> Result<(), StartError> {
    // In a session of its own it does not die with the bot's terminal. Being its leader already is as good.
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "this process leads its session already");
    }
    let mut router = folkops_router::RouterConfig::new(
        config.router.listen,
        crate::edge::control_socket(&config),
        config.state.join("router"),
    );
    router.workers = config.router.workers;
    router.scheme = match config.router.scheme {
        crate::config::Scheme::Http => folkops_router::Scheme::Http,
        crate::config::Scheme::Https => folkops_router::Scheme::Https,
    };
    // Our own page shows people's services side by side, where this is the demo; no other page may frame them.
    let site = config.site.url.trim_end_matches('/');
    router.framed_by = Some(site.parse().map_err(StartError::of)?);
    let ports =
        folkops_router::Ports { clock: Arc::new(SystemClock::start()), entropy: Arc::new(SystemEntropy) };
    let mut signals = Signals::listen()?;
    let stop = async move { signals.stop().await };
    folkops_router::run(router, ports, stop).await.map_err(StartError::of)
}

/// The signals that end a program in good order, heard from the moment this is made.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens. Made before anything else is: a signal that nobody listens to ends the process at once.
    pub fn listen() -> Result<Self, StartError> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(StartError::of)?,
            interrupt: signal(SignalKind::interrupt()).map_err(StartError::of)?,
        })
    }

    /// Ends on SIGTERM or Ctrl-C.
    pub async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A journal that cannot be written ends the process at once: nothing may go on from a guessed state.
fn end_on_broken_storage(bot: &Arc<Bot>) {
    let mut failures = bot.ledger.failures();
    tokio::spawn(async move {
        let failed = failures.wait_for(Option::is_some).await.ok().and_then(|failed| failed.clone());
        if let Some(error) = failed {
            tracing::error!(%error, "storage has failed; the process ends");
            std::process::exit(74);
        }
    });
}

/// What was rolled back while nobody was there goes through the pipeline before anything else is routed.
async fn take_up_offline(bot: &Arc<Bot>) -> Result<(), StartError> {
    let Some(note) = crate::offline::pending(&bot.config) else { return Ok(()) };
    let line = format!("/rollback {}", note.release);
    let key = format!("offline-{}-{}", note.release, bot.clock.now().as_second());
    crate::admin::propose(&bot.engine, &bot.config, &line, Cause::Drift, &key).await.map_err(StartError)?;
    crate::offline::done(&bot.config).map_err(StartError::of)
}

struct Diffs(Arc<dyn Forge>);

impl DiffSource for Diffs {
    fn diff<'a>(
        &'a self,
        change: &'a ChangeRef,
        base: &'a Sha,
        head: &'a Sha,
    ) -> BoxFuture<'a, Result<String, Unavailable>> {
        async move {
            let diff = self.0.diff(&change.component, base, head).await;
            diff.map_err(|error| Unavailable(error.0))
        }
        .boxed()
    }
}

fn site(bot: &Arc<Bot>, demo: Option<folkops_site::Demo>) -> Result<Site, StartError> {
    let mut rooms = bot.config.site.rooms.iter().cloned();
    let room =
        rooms.next().ok_or_else(|| StartError("`site.rooms` is empty; name at least one room".into()))?;
    let (metrics, ready) = (bot.clone(), bot.clone());
    let config = SiteConfig {
        title: bot.config.title.clone(),
        room,
        other_rooms: rooms.collect(),
        elsewhere: crate::github::elsewhere(bot),
        session_lasts: SESSION,
        sign_in: crate::github::sign_ins(&bot.config)?,
        diffs: Arc::new(Diffs(bot.forge.clone())),
        ready: Box::new(move || match ready.ledger.failures().borrow().as_ref() {
            Some(error) => Err(error.to_string()),
            None => Ok(()),
        }),
        metrics: Box::new(move || crate::metrics::text(&metrics)),
        webhooks: bot.intake.clone().map(folkops_github::routes).unwrap_or_default(),
        demo,
    };
    Site::new(bot.engine.clone(), config).map_err(StartError::of)
}
