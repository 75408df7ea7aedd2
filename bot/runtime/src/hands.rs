//! Joins the pipeline to the world: its hands are the previews' performer, its lookout the forge.

use std::sync::Arc;

use folkops_engine::{Engine, Hands, Lookout, People, Unavailable};
use folkops_model::{ChangeName, ChangeRef, ComponentName, ObservedChange, Outcome, Sha};
use folkops_previews::ports::Forge;
use folkops_previews::{Changes, Performer, watch};
use folkops_record::{Body, Draft, Due, Keyring, Ledger, Note};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::OnceCell;

/// Does the pipeline's effects.
pub struct Worker(pub Performer);

impl Hands for Worker {
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Outcome, Unavailable>> {
        async move {
            let key = format!("{}-{}", due.operation(), due.index());
            tracing::info!(operation.id = %due.operation(), effect.index = due.index(), effect = name(due.effect()), "effect begins");
            let done = self.0.perform(&key, due.effect()).await;
            done.map_err(|error| Unavailable(error.0))
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
            let author_name =
                self.keyring.seal(&change.author_name).map_err(|error| Unavailable(error.to_string()))?;
            // The clear name is not written down; the sealed one stands beside the observation.
            let change = ObservedChange { author_name: String::new(), ..change };
            let compared = self.compared(component, &change).await;
            let observed = Body::ChangeObserved { component: component.clone(), change, author_name };
            // Together, so that nobody is told of a push without what it brought.
            self.note_all(std::iter::once(observed).chain(compared)).await?;
        }
        for number in news.gone {
            self.note(Body::ChangeGone { component: component.clone(), number }).await?;
        }
        Ok(())
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

    /// Asks the forge about every open change that these names may stand for; what it said before is not written again.
    async fn vet_all(&self, names: &[ChangeName]) -> Result<(), Unavailable> {
        let open: Vec<(ChangeRef, Sha)> = self.ledger.read(|facts| {
            let open = facts.fold::<Changes>().into_iter().flat_map(|changes| changes.open.iter());
            let named = open.filter(|(change, _)| names.iter().any(|name| name.fits(change)));
            named.map(|(change, row)| (change.clone(), row.head.clone())).collect()
        });
        for (change, head) in open {
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
