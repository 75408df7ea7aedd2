//! The router as the bot sees it: a process of its own that is started when nobody answers, and told whole tables.
//!
//! It is started in a session of its own, so that it outlives this process; what it serves is on its own disk.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use folkops_engine::People;
use folkops_model::{BasisPoints, Cohort, Compared, Counts, Observation, StackName, Tick, Visitors};
use folkops_previews::ports::{ArmOutcomes, Routes, Traffic, TrialRoute, Unavailable, UsageBlock};
use folkops_record::{Keyring, Ledger};
use folkops_rollouts::{Row, Stage};
use folkops_router::control::{ControlClient, ControlError};
use folkops_router::observed::{self, Reading, Since};
use folkops_router::table::{
    Arm, Backend, Host, HostPattern, Link, LinkHash, Salt, Service, Split, Table, Trusted, TrustedHeader,
    Upstream, Weight,
};
use folkops_router::usage::Wanted;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::config::Config;

/// The router.
pub struct Edge {
    config: Arc<Config>,
    client: ControlClient,
    upstream: Box<dyn Fn(&StackName) -> PathBuf + Send + Sync>,
    ledger: Arc<Ledger>,
    keyring: Arc<dyn Keyring>,
}

/// Where the router's control socket is.
pub fn control_socket(config: &Config) -> PathBuf {
    config.state.join("router.sock")
}

/// Whether a router answers.
pub async fn answers(config: &Config) -> bool {
    ControlClient::new(control_socket(config)).livez().await.is_ok()
}

/// Starts a router process that outlives this one, unless one answers; ends when it answers.
pub async fn ensure(config: &Config, config_path: &std::path::Path) -> Result<(), Unavailable> {
    if answers(config).await {
        return Ok(());
    }
    let client = ControlClient::new(control_socket(config));
    let program = std::env::current_exe()
        .map_err(|error| Unavailable(format!("this program is not found: {error}")))?;
    let log = std::fs::File::options().create(true).append(true).open(config.state.join("router.log"));
    let log = log.map_err(|error| Unavailable(format!("the router's log cannot be opened: {error}")))?;
    let mut router = Command::new(program);
    router
        .arg("router")
        .arg("--config")
        .arg(config_path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    std::os::unix::process::CommandExt::process_group(&mut router, 0);
    let child =
        router.spawn().map_err(|error| Unavailable(format!("the router cannot be started: {error}")))?;
    answering(&client, child).await
}

/// Waits until the router answers or has ended.
async fn answering(client: &ControlClient, mut child: std::process::Child) -> Result<(), Unavailable> {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..500 {
        look.tick().await;
        if client.livez().await.is_ok() {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(Unavailable(format!(
                "the router ended at its start ({status}); `router.log` in the state folder says why"
            )));
        }
    }
    Err(Unavailable("the router does not answer; `router.log` in the state folder says more".into()))
}

impl Edge {
    /// The router of a configuration; `upstream` says where a stack's entrance listens.
    pub fn new(
        config: Arc<Config>,
        upstream: impl Fn(&StackName) -> PathBuf + Send + Sync + 'static,
        ledger: Arc<Ledger>,
        keyring: Arc<dyn Keyring>,
    ) -> Self {
        let client = ControlClient::new(control_socket(&config));
        Self { config, client, upstream: Box::new(upstream), ledger, keyring }
    }

    fn table(&self, routes: &Routes) -> Result<Table, Unavailable> {
        let config = &self.config.router;
        let hosts = config
            .hosts
            .iter()
            .map(|host| HostPattern::parse(host))
            .collect::<Result<_, _>>()
            .map_err(wrong)?;
        let service = Service {
            hosts,
            default: self.backend(&routes.production)?,
            rollout: routes.trial.as_ref().map(|trial| self.split(trial)).transpose()?,
        };
        let people = routes.people.iter().map(|(person, stack)| Ok((person.clone(), self.backend(stack)?)));
        let previews = routes.previews.iter().map(|(preview, stack)| {
            let host = format!("{preview}.{}", without_port(&config.previews));
            Ok((Host::parse(&host).map_err(wrong)?, self.backend(stack)?))
        });
        Ok(Table {
            version: routes.version,
            service,
            people: people.collect::<Result<_, Unavailable>>()?,
            previews: previews.collect::<Result<_, Unavailable>>()?,
            links: routes.links.iter().map(|link| self.link(link)).collect::<Result<_, _>>()?,
            trusted: self.trusted()?,
        })
    }

    fn split(&self, trial: &TrialRoute) -> Result<Split, Unavailable> {
        let weight = |share: BasisPoints| Weight::new(share.get()).map_err(wrong);
        Ok(Split {
            candidate: self.backend(&trial.candidate)?,
            weight: weight(trial.step.weight)?,
            control: weight(trial.step.control)?,
            salt: Salt::parse(&trial.salt).map_err(wrong)?,
            period_ms: trial.timing.period_ms,
            block_ms: trial.timing.block_ms,
            slow_ms: trial.timing.slow_ms,
        })
    }

    /// What the router saw of a rollout since the last time; nothing while it serves another one.
    pub async fn seen(&self, row: &Row) -> Result<Option<Observation>, Unavailable> {
        let soak = row.rollout.soak.as_ref().filter(|_| matches!(row.stage, Stage::Soaking { .. }));
        let salt = soak.map_or(&row.rollout.salt, |soak| &soak.salt);
        let salt = Salt::parse(salt).map_err(wrong)?;
        let (epoch, cohorts, ticks) = row.next.clone().unwrap_or_default();
        let reading = self.client.rollout(&Since { salt, cohorts, ticks }).await.map_err(wrong)?;
        let reading = match reading {
            // Another life of the router counts from the beginning.
            Some(reading) if reading.epoch != epoch => self
                .client
                .rollout(&Since { salt, cohorts: 0, ticks: 0 })
                .await
                .map_err(wrong)?
                .map(|all| (all, 0, 0)),
            reading => reading.map(|reading| (reading, cohorts, ticks)),
        };
        reading.map(|(reading, cohorts, ticks)| observation(reading, cohorts, ticks)).transpose()
    }

    fn backend(&self, stack: &StackName) -> Result<Backend, Unavailable> {
        let socket = (self.upstream)(stack);
        Ok(Backend {
            arm: Arm::parse(stack.as_str()).map_err(wrong)?,
            upstream: Upstream::parse(&socket.to_string_lossy()).map_err(wrong)?,
        })
    }

    fn link(&self, link: &folkops_previews::ports::Link) -> Result<(LinkHash, Link), Unavailable> {
        let public = without_port(&self.config.router.public);
        let host = if self.config.router.owner_hosts {
            format!("{}.{public}", link.owner)
        } else {
            public.to_owned()
        };
        let name = self
            .ledger
            .read(|facts| facts.fold::<People>()?.people.get(&link.person).map(|row| row.name.clone()));
        let row = Link {
            person: link.person.clone(),
            name: name.and_then(|name| self.keyring.open(&name)),
            host: Host::parse(&host).map_err(wrong)?,
            expires: link.expires.as_second(),
        };
        Ok((LinkHash::parse(&link.hash).map_err(wrong)?, row))
    }

    fn trusted(&self) -> Result<Option<Trusted>, Unavailable> {
        let Some(trusted) = &self.config.router.trusted else { return Ok(None) };
        let header = TrustedHeader::parse(&trusted.header).map_err(wrong)?;
        Ok(Some(Trusted { addresses: trusted.addresses.clone(), header }))
    }
}

fn observation(reading: Reading, cohorts: u64, ticks: u64) -> Result<Observation, Unavailable> {
    let next_cohort = reading.cohorts.last().map_or(cohorts, |last| last.index + 1);
    let next_tick = reading.ticks.last().map_or(ticks, |last| last.index + 1);
    let at = |ms: i64| Timestamp::from_millisecond(ms).map_err(wrong);
    let share = |weight: Weight| BasisPoints::new(weight.basis_points()).map_err(wrong);
    let cohort = |cohort: observed::Cohort| {
        Ok(Cohort {
            at: at(cohort.end_ms)?,
            weight: share(cohort.weight)?,
            control: share(cohort.control)?,
            candidate: visitors(cohort.sides.candidate),
            stable: visitors(cohort.sides.stable),
            half: visitors(cohort.half),
            kinds: cohort.kinds.into_iter().map(|(kind, sides)| (kind, compared(sides))).collect(),
        })
    };
    let tick = |tick: observed::Tick| {
        Ok(Tick {
            at: at(tick.end_ms)?,
            weight: share(tick.weight)?,
            candidate: counts(&tick.sides.candidate),
            stable: counts(&tick.sides.stable),
        })
    };
    Ok(Observation {
        epoch: reading.epoch,
        next_cohort,
        next_tick,
        cohorts: reading.cohorts.into_iter().map(cohort).collect::<Result<_, Unavailable>>()?,
        ticks: reading.ticks.into_iter().map(tick).collect::<Result<_, Unavailable>>()?,
    })
}

fn compared(sides: observed::Sides<observed::Outcome>) -> Compared {
    Compared { candidate: visitors(sides.candidate), stable: visitors(sides.stable) }
}

fn visitors(outcome: observed::Outcome) -> Visitors {
    Visitors { exposed: outcome.exposed, failed: outcome.failed.0, slow: outcome.slow.0 }
}

fn counts(counts: &observed::Counts) -> Counts {
    Counts {
        requests: counts.requests,
        failed: counts.failed,
        slow: counts.slow,
        affected: counts.affected,
        visitors: counts.visitors,
    }
}

fn wrong(error: impl std::fmt::Display) -> Unavailable {
    Unavailable(error.to_string())
}

fn without_port(host: &str) -> &str {
    host.split_once(':').map_or(host, |(host, _)| host)
}

impl Traffic for Edge {
    fn route<'a>(&'a self, routes: &'a Routes) -> BoxFuture<'a, Result<(), Unavailable>> {
        async move {
            let table = self.table(routes)?;
            match self.client.put_table(&table).await {
                Ok(()) => Ok(()),
                // A later look at the record was faster, and holds all that this one does.
                Err(ControlError::Behind { current }) if current <= self.ledger.read(|facts| facts.sequence()) => {
                    Ok(())
                }
                Err(ControlError::Behind { current }) => Err(Unavailable(format!(
                    "the router serves table {current}, which this journal does not reach: it is an older copy; \
                     put the newer journal back, or end the router, remove `router/` in the state folder, and start again"
                ))),
                Err(error) => Err(wrong(error)),
            }
        }
        .boxed()
    }

    fn outcomes<'a>(&'a self) -> BoxFuture<'a, Result<BTreeMap<StackName, ArmOutcomes>, Unavailable>> {
        async move {
            let outcomes = self.client.outcomes().await.map_err(wrong)?;
            let counted = outcomes.arms.into_iter().filter_map(|(arm, seen)| {
                let ends = &seen.ends;
                let failed = ends.server_error + ends.reset + ends.timeout;
                let requests = ends.success + ends.redirect + ends.client_error + ends.upgraded + failed;
                let row = ArmOutcomes { requests, failed, visitors: seen.visitors.count };
                Some((StackName::parse(arm.as_str()).ok()?, row))
            });
            Ok(counted.collect())
        }
        .boxed()
    }

    fn usage<'a>(
        &'a self,
        next: Option<&'a (String, u64)>,
    ) -> BoxFuture<'a, Result<UsageBlock, Unavailable>> {
        async move {
            let (epoch, next) = next.cloned().unwrap_or_default();
            let block = self.client.usage(&Wanted { epoch, next }).await.map_err(wrong)?;
            let stacks = block.arms.into_iter();
            let stacks =
                stacks.filter_map(|(arm, endpoints)| Some((StackName::parse(arm.as_str()).ok()?, endpoints)));
            Ok(UsageBlock { epoch: block.epoch, index: block.index, stacks: stacks.collect() })
        }
        .boxed()
    }
}

/// Ends the router's process, where one runs; for the demo, which leaves nothing behind.
pub async fn stop(config: &Config) {
    let client = ControlClient::new(control_socket(config));
    // Who listens on the socket is the router, whatever any file says.
    let Ok(stream) = std::os::unix::net::UnixStream::connect(control_socket(config)) else { return };
    let Ok(router) = rustix::net::sockopt::socket_peercred(&stream) else { return };
    drop(stream);
    if let Err(error) = rustix::process::kill_process(router.pid, rustix::process::Signal::TERM) {
        tracing::warn!(%error, "the router could not be ended");
        return;
    }
    let mut look = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..600 {
        look.tick().await;
        if client.livez().await.is_err() {
            return;
        }
    }
}
