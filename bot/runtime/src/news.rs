//! Lets the automation say where changes stand what concerns those who look there: on pull requests.
//!
//! What is to be said follows from the record; what is said goes through the whole pipeline. Only whether somebody is
//! new is asked of GitHub first, so that no program and nobody who may write there is welcomed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Call, Inbound, Lookout, hex};
use folkops_github::GitHub;
use folkops_model::{Args, ChangeName, ChangeRef, ComponentName, MessageId, OperationId, Principal};
use folkops_previews::deploys::{Deploy as Deployment, When, deploys};
use folkops_previews::tidings::{Tiding, courses, reverts, uses, welcomes, withdrawals};
use sha2::{Digest as _, Sha256};

use crate::admin::propose;
use crate::build::Bot;
use crate::config::{Deploy, Reverts};
use crate::reconcile::every;

/// How often it is looked whether there is something to say.
const LOOK: Duration = Duration::from_secs(1);

/// How often GitHub is asked how a change stands that is promoted once policy permits it.
const VET: Duration = Duration::from_secs(10);

/// Says what is to be said, for ever.
pub async fn tell(bot: Arc<Bot>, github: Arc<GitHub>) {
    let mut teller = Teller { bot, github, newcomers: BTreeMap::new(), vetted: BTreeMap::new() };
    let mut ticks = every(LOOK);
    loop {
        ticks.tick().await;
        teller.sweep().await;
    }
}

struct Teller {
    bot: Arc<Bot>,
    github: Arc<GitHub>,
    /// Whether GitHub holds the author of a change for somebody new, once it answered.
    newcomers: BTreeMap<ChangeRef, bool>,
    /// When GitHub is to be asked next how a change stands.
    vetted: BTreeMap<ChangeRef, Duration>,
}

impl Teller {
    async fn sweep(&mut self) {
        let github = self.bot.config.github.as_ref();
        let opens = github.is_some_and(|github| github.reverts == Reverts::Opened);
        let (welcomes, others) = self.bot.ledger.read(|facts| {
            let reverts = if opens { reverts(facts) } else { Vec::new() };
            let others =
                courses(facts).into_iter().chain(reverts).chain(withdrawals(facts)).chain(uses(facts));
            let others: Vec<Tiding> = others.collect();
            (welcomes(facts), others)
        });
        self.newcomers.retain(|change, _| welcomes.iter().any(|(tiding, _)| tiding.change == *change));
        for (tiding, author) in welcomes {
            if self.is_new(&tiding.change, &author).await {
                self.say(&tiding).await;
            }
        }
        for tiding in others {
            self.say(&tiding).await;
        }
        self.deploy().await;
    }

    /// Asks for what pull requests against release branches say: once for each that somebody merged, so that they hear
    /// what becomes of it, and for each as soon as policy would permit it.
    async fn deploy(&mut self) {
        let components = self.bot.config.components.iter();
        let unasked = components.filter(|component| component.deploy == Deploy::WhenPolicyHolds);
        let unasked: BTreeSet<ComponentName> = unasked.map(|component| component.name.clone()).collect();
        let deploys = self.bot.ledger.read(|facts| deploys(facts, &unasked));
        self.vetted.retain(|change, _| deploys.iter().any(|deploy| deploy.tiding.change == *change));
        for Deployment { tiding, when } in deploys {
            if self.vet(&tiding.change).await && (when == When::Told || self.may(&tiding)) {
                self.say(&tiding).await;
            }
        }
    }

    /// Has GitHub say how a change stands with checks and reviews, every few seconds; whether it ever did.
    async fn vet(&mut self, change: &ChangeRef) -> bool {
        let now = self.bot.clock.monotonic();
        if self.vetted.get(change).is_some_and(|next| now < *next) {
            return true;
        }
        match self.bot.watcher.vet(&[ChangeName::Whole(change.clone())]).await {
            Ok(()) => {
                self.vetted.insert(change.clone(), now + VET);
                true
            }
            Err(error) => {
                tracing::debug!(%change, %error, "GitHub does not say how a change stands");
                self.vetted.contains_key(change)
            }
        }
    }

    /// Whether policy would permit a line to the automation.
    fn may(&self, tiding: &Tiding) -> bool {
        let (Ok(place), desk) = (folkops_github::place(&tiding.change), self.bot.engine.desk()) else {
            return false;
        };
        let Ok(operation) = OperationId::parse("would") else { return false };
        let (principal, args) = (Principal::Automation, Args::default());
        let call = Call { principal: &principal, place: &place, args: &args, operation: &operation, desk };
        let judged = self.bot.ledger.read(|facts| desk.would(&call, facts, &tiding.line));
        judged.is_ok_and(|judged| judged.decision.allows())
    }

    /// Whether the author is a person who may not write there. Nobody is, while GitHub does not say.
    async fn is_new(&mut self, change: &ChangeRef, author: &str) -> bool {
        if let Some(known) = self.newcomers.get(change) {
            return *known;
        }
        let account = author.strip_prefix("github:").and_then(|id| id.parse().ok());
        let Some(account) = account.filter(|_| self.hosts(change)) else { return false };
        match self.github.is_newcomer(&change.component, account).await {
            Ok(new) => {
                self.newcomers.insert(change.clone(), new);
                new
            }
            Err(error) => {
                tracing::debug!(change = %change, %error, "GitHub does not say whose change it is");
                false
            }
        }
    }

    fn hosts(&self, change: &ChangeRef) -> bool {
        self.github.settings().repositories.contains_key(&change.component)
    }

    async fn say(&self, tiding: &Tiding) {
        if !self.hosts(&tiding.change) {
            return;
        }
        let Some(inbound) = inbound(tiding) else { return };
        if let Err(error) = self.bot.engine.receive(inbound).await {
            tracing::warn!(change = %tiding.change, %error, "something could not be told where a change stands");
        }
    }
}

/// Says in the first room what closes reverts that are not needed, where changes have no place of their own.
///
/// # Errors
/// A sentence for the log.
pub async fn withdraw(bot: &Bot) -> Result<(), String> {
    let hosted = |change: &ChangeRef| {
        let github = bot.intake.as_ref().map(|intake| intake.github().settings());
        github.is_some_and(|github| github.repositories.contains_key(&change.component))
    };
    for tiding in bot.ledger.read(withdrawals).into_iter().filter(|tiding| !hosted(&tiding.change)) {
        propose(&bot.engine, &bot.config, &tiding.line, tiding.cause, &short(&tiding.key)).await?;
    }
    Ok(())
}

/// The line, said in the place of the change. The same key is the same message.
fn inbound(tiding: &Tiding) -> Option<Inbound> {
    let message = MessageId::parse(&format!("by-itself-{}", short(&tiding.key))).ok()?;
    Some(Inbound {
        place: folkops_github::place(&tiding.change).ok()?,
        principal: Principal::Automation,
        message,
        text: tiding.line.clone(),
        cause: tiding.cause.clone(),
        said: None,
    })
}

/// What stands for a key in a message's id, which may not be long.
fn short(key: &str) -> String {
    let mut hash = hex(&Sha256::digest(key.as_bytes()));
    hash.truncate(32);
    hash
}
