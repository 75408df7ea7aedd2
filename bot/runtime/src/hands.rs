//! Joins the pipeline to the world: its hands are the previews' performer, its lookout the forge.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use folkops_engine::{Engine, Hands, Lookout, People, Unavailable};
use folkops_model::{ChangeName, ChangeNumber, ChangeRef, ComponentName, ObservedChange, Outcome, Sha};
use folkops_previews::ports::Forge;
use folkops_previews::{Changes, Performer, Releases, watch};
use folkops_record::{Body, Draft, Due, Facts, Keyring, Ledger, Note};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::OnceCell;

/// Does the pipeline's effects.
pub struct Worker {
    /// What does them.
    pub performer: Performer,
    /// What sees what was merged up to where branches stand.
    pub watcher: Arc<Watcher>,
}

impl Hands for Worker {
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Outcome, Unavailable>> {
        async move {
            let key = format!("{}-{}", due.operation(), due.index());
            tracing::info!(operation.id = %due.operation(), effect.index = due.index(), effect = name(due.effect()), "effect begins");
            let done = self.performer.perform(&key, due.effect()).await;
            let outcome = done.map_err(|error| Unavailable(error.0))?;
            // INVARIANT: whatever a resolved branch holds of merged changes is on record before anything is made of it.
            if matches!(outcome, Outcome::Resolved { .. }) {
                self.watcher.look().await?;
            }
            Ok(outcome)
        }
        .boxed()
    }
}

fn name(effect: &folkops_model::Effect) -> &'static str {
    use folkops_model::Effect;
    match effect {
        Effect::Resolve => "resolve",
        Effect::Compose { .. } => "compose",
        Effect::Build { .. } => "build",
        Effect::Run { .. } => "run",
        Effect::Route => "route",
        Effect::Settle { .. } => "settle",
        Effect::Stop { .. } => "stop",
        Effect::Extend { .. } => "extend",
        Effect::Merge { .. } => "merge",
        Effect::Revert { .. } => "revert",
        Effect::Withdraw { .. } => "withdraw",
    }
}

/// Looks at the repositories and records what is new.
pub struct Watcher {
    forge: Arc<dyn Forge>,
    components: Vec<ComponentName>,
    ledger: Arc<Ledger>,
    keyring: Arc<dyn Keyring>,
    engine: OnceCell<Engine>,
    turn: tokio::sync::Mutex<()>,
}

impl Watcher {
    /// Of these components. `attach` gives it the engine before it is asked.
    pub fn new(
        forge: Arc<dyn Forge>,
        components: Vec<ComponentName>,
        ledger: Arc<Ledger>,
        keyring: Arc<dyn Keyring>,
    ) -> Self {
        Self {
            forge,
            components,
            ledger,
            keyring,
            engine: OnceCell::new(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Gives it the engine through which it records.
    pub fn attach(&self, engine: Engine) {
        if self.engine.set(engine).is_err() {
            tracing::warn!("the watcher had an engine already");
        }
    }

    async fn look_at(&self, component: &ComponentName) -> Result<(), Unavailable> {
        let seen = self.forge.changes(component).await.map_err(|error| Unavailable(error.0))?;
        let news = self.ledger.read(|facts| watch::news(facts, component, seen));
        for change in news.observed {
            let compared = self.compared(component, &change).await;
            let observed = self.observed(component, change)?;
            // Together, so that nobody is told of a push without what it brought.
            self.note_all(std::iter::once(observed).chain(compared)).await?;
        }
        for number in news.gone {
            self.gone(component, number).await?;
        }
        for number in self.unseen(component).await {
            self.gone(component, number).await?;
        }
        Ok(())
    }

    /// Changes that were merged since what production runs, and that nobody here saw merged: while the program was away,
    /// or within one look.
    async fn unseen(&self, component: &ComponentName) -> Vec<ChangeNumber> {
        let running = self.ledger.read(|facts| {
            let (_, release) = facts.fold::<Releases>()?.current(facts)?;
            Some(release.components.get(component)?.commit.clone())
        });
        let Some(since) = running else { return Vec::new() };
        let merged = self.forge.merged_since(component, &since).await.unwrap_or_else(|error| {
            tracing::warn!(%error, component.name = %component, "it is not known what was merged meanwhile");
            Vec::new()
        });
        self.ledger.read(|facts| {
            let Some(changes) = facts.fold::<Changes>() else { return Vec::new() };
            let is_unseen = |number: &ChangeNumber| {
                let change = ChangeRef { component: component.clone(), number: *number };
                let landed = changes.closed.get(&change).is_some_and(|row| row.landed.is_some());
                !landed && changes.open.get(&change).is_none()
            };
            merged.into_iter().filter(is_unseen).collect()
        })
    }

    /// Records that a change is not open any more, and how it was merged. While its forge does not say, it stays what it
    /// was, and is asked about again at the next look.
    async fn gone(&self, component: &ComponentName, number: ChangeNumber) -> Result<(), Unavailable> {
        let landed = match self.forge.landed(component, number).await {
            Ok(landed) => landed,
            Err(error) => {
                tracing::warn!(%error, component.name = %component, change.number = %number, "it is not known whether it was merged");
                return Ok(());
            }
        };
        let change = ChangeRef { component: component.clone(), number };
        let head = self.ledger.read(|facts| {
            let changes = facts.fold::<Changes>()?;
            changes.open.get(&change).map(|row| row.head.clone())
        });
        let (landing, then) = landed.map_or((None, None), |landed| (Some(landed.landing), landed.change));
        let unseen = then.filter(|then| head.as_ref() != Some(&then.head));
        let unseen = unseen.map(|then| self.observed(component, then)).transpose()?;
        let gone = Body::ChangeGone { component: component.clone(), number, landed: landing };
        self.note_all(unseen.into_iter().chain([gone])).await
    }

    /// The clear name of an author is not written down; the sealed one stands beside the observation.
    fn observed(&self, component: &ComponentName, change: ObservedChange) -> Result<Body, Unavailable> {
        let author_name =
            self.keyring.seal(&change.author_name).map_err(|error| Unavailable(error.to_string()))?;
        let change = ObservedChange { author_name: String::new(), ..change };
        Ok(Body::ChangeObserved { component: component.clone(), change, author_name })
    }

    /// What a push brought since the commit that was allowed. A change that cannot be compared is seen all the same.
    async fn compared(&self, component: &ComponentName, seen: &ObservedChange) -> Option<Body> {
        let change = ChangeRef { component: component.clone(), number: seen.number };
        let stood = self
            .ledger
            .read(|facts| Some(facts.fold::<Changes>()?.left(facts, &change, &seen.head)?.sha.clone()))?;
        match self.forge.compare(component, &seen.base, (&stood, &seen.head)).await {
            Ok(difference) => Some(Body::ChangeCompared { change, difference: difference? }),
            Err(error) => {
                tracing::warn!(%error, %change, "what was pushed cannot be compared with what was allowed");
                None
            }
        }
    }

    /// Asks the forge about every change that these names may stand for, and about those that would come along; what it said before is not written again.
    async fn vet_all(&self, names: &[ChangeName]) -> Result<(), Unavailable> {
        for (change, head) in self.ledger.read(|facts| asked(facts, names)) {
            let vetting = self.forge.vetting(&change.component, change.number, &head).await;
            let Some(vetting) = vetting.map_err(|error| Unavailable(error.0))? else { continue };
            let vetting = self.ledger.read(|facts| {
                let people = facts.fold::<People>();
                vetting.with_owners_who(|account| people.is_some_and(|p| p.by_account(account).is_some()))
            });
            let known = self.ledger.read(|facts| {
                let before = facts.fold::<Changes>()?.vetting(facts, &change, &head)?;
                Some(*before == vetting)
            });
            if known != Some(true) {
                self.note(Body::ChangeVetted { change, head, vetting }).await?;
            }
        }
        Ok(())
    }

    async fn note(&self, body: Body) -> Result<(), Unavailable> {
        self.note_all([body]).await
    }

    async fn note_all(&self, bodies: impl IntoIterator<Item = Body>) -> Result<(), Unavailable> {
        let Some(draft) = Draft::notes(bodies.into_iter().filter_map(Note::of)) else { return Ok(()) };
        match self.engine.get() {
            Some(engine) => engine.note_draft(draft).await.map(|_| ()),
            None => Err(Unavailable("the program is still starting".into())),
        }
    }
}

/// The changes that these names may stand for, and those that would come along with one of them, each with its commit.
fn asked(facts: &Facts<'_>, names: &[ChangeName]) -> Vec<(ChangeRef, Sha)> {
    let Some(changes) = facts.fold::<Changes>() else { return Vec::new() };
    let waiting = changes.waiting(facts);
    let standing = changes.open.iter().chain(waiting.iter().copied());
    let mut asked: BTreeMap<ChangeRef, Sha> = standing
        .filter(|(change, _)| names.iter().any(|name| name.fits(change)))
        .map(|(change, row)| (change.clone(), row.head.clone()))
        .collect();
    let components: BTreeSet<ComponentName> = asked.keys().map(|change| change.component.clone()).collect();
    let along = waiting.into_iter().filter(|(change, _)| components.contains(&change.component));
    asked.extend(along.map(|(change, row)| (change.clone(), row.head.clone())));
    asked.into_iter().collect()
}

impl Lookout for Watcher {
    fn look(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        async move {
            let _turn = self.turn.lock().await;
            for component in &self.components {
                self.look_at(component).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn vet<'a>(&'a self, changes: &'a [ChangeName]) -> BoxFuture<'a, Result<(), Unavailable>> {
        self.vet_all(changes).boxed()
    }
}
