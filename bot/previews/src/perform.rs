//! Does the effects of this room, through its ports.
//!
//! Each effect looks first what is there already, or is the same when done twice: builds are kept by content, stacks
//! are taken up, merges compare and swap, tables carry a version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use folkops_model::{
    ChangeRef, ComponentName, Effect, Failure, FailureKind, Outcome, Part, Sha, StackName, TreeId, Trust,
    ports::Clock,
};
use folkops_record::Ledger;

use crate::ports::{
    BuildJob, Forge, Merge, MergeTree, Merged, Revert, Reverted, Stacks, Traffic, Unavailable, Withdrawn,
    Workshop,
};
use crate::reconcile::routes;

/// Does effects.
pub struct Performer {
    /// Knows what the edge should serve.
    pub ledger: Arc<Ledger>,
    /// Repositories.
    pub forge: Arc<dyn Forge>,
    /// Makes builds.
    pub workshop: Arc<dyn Workshop>,
    /// Runs them.
    pub stacks: Arc<dyn Stacks>,
    /// Sends requests to them.
    pub traffic: Arc<dyn Traffic>,
    /// Every component there is.
    pub components: Vec<ComponentName>,
    /// A folder for trees while they are built.
    pub scratch: PathBuf,
    /// Time, for commits.
    pub clock: Arc<dyn Clock>,
}

impl Performer {
    /// Does one effect, of which `key` is the idempotency key.
    pub async fn perform(&self, key: &str, effect: &Effect) -> Result<Outcome, Unavailable> {
        match effect {
            Effect::Resolve => self.resolve().await,
            Effect::Compose { parts } => self.compose(parts).await,
            Effect::Build { component, tree, trust } => self.build(key, component, tree, *trust).await,
            Effect::Run { spec } => match self.stacks.run(spec).await {
                Ok(()) => Ok(Outcome::Running),
                Err(failure) => failed(failure),
            },
            Effect::Route => self.route().await,
            Effect::Settle { stack, ms } => self.settle(stack, Duration::from_millis(*ms)).await,
            // INVARIANT: a stack is stopped only after the edge has stopped sending to it.
            Effect::Stop { stack } => {
                self.route().await?;
                self.stacks.stop(stack).await.map(|()| Outcome::Stopped)
            }
            Effect::Extend { stack, deadline } => {
                self.stacks.extend(stack, *deadline).await.map(|()| Outcome::Extended)
            }
            Effect::Merge { component, expected, change, head, tree } => {
                self.merge(component, change, (expected, head, tree)).await
            }
            Effect::Revert { change, head, onto, landed, why, least, at } => {
                let revert = Revert {
                    change: change.number,
                    onto: onto.clone(),
                    head: head.clone(),
                    landed: landed.clone(),
                    least: *least,
                    message: format!("Revert #{}", change.number),
                    why: why.clone(),
                    at: *at,
                };
                self.revert(change, &revert).await
            }
            Effect::Withdraw { revert, commit } => {
                let withdrawn = self.forge.withdraw(&revert.component, revert.number, commit).await?;
                Ok(match withdrawn {
                    Withdrawn::Closed => Outcome::Withdrawn,
                    Withdrawn::NotOurs => Outcome::Left,
                })
            }
        }
    }

    async fn resolve(&self) -> Result<Outcome, Unavailable> {
        let mut heads = BTreeMap::new();
        for component in &self.components {
            heads.insert(component.clone(), self.forge.default_head(component).await?);
        }
        Ok(Outcome::Resolved { heads })
    }

    async fn compose(&self, parts: &[Part]) -> Result<Outcome, Unavailable> {
        let (mut trees, mut gone) = (BTreeMap::new(), BTreeSet::new());
        // What is merged now gives the tree; beside it, what was merged before is only looked for.
        let (before, now): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.landed.is_some());
        for part in before {
            self.landed(part, &mut trees, &mut gone).await?;
        }
        for part in now {
            let Some((change, sha)) = &part.change else { continue };
            match self.forge.merge_tree(&part.component, &part.onto, sha).await? {
                MergeTree::Clean(tree) => {
                    trees.insert(part.component.clone(), tree);
                }
                MergeTree::Conflict(files) => {
                    let sentence =
                        format!("#{} does not merge into what {} runs now", change.number, part.component);
                    return failed(Failure { kind: FailureKind::Conflict { files }, sentence, log: None });
                }
            }
        }
        Ok(Outcome::Composed { trees, gone })
    }

    /// Takes the base as it is, if it holds the commit as which the part's change was merged.
    async fn landed(
        &self,
        part: &Part,
        trees: &mut BTreeMap<ComponentName, TreeId>,
        gone: &mut BTreeSet<ChangeRef>,
    ) -> Result<(), Unavailable> {
        let Some(((change, _), landed)) = part.change.as_ref().zip(part.landed.as_ref()) else {
            return Ok(());
        };
        match self.forge.holding(&part.component, &part.onto, landed).await? {
            Some(tree) => drop(trees.insert(part.component.clone(), tree)),
            None => drop(gone.insert(change.clone())),
        }
        Ok(())
    }

    async fn build(
        &self,
        key: &str,
        component: &ComponentName,
        tree: &TreeId,
        trust: Trust,
    ) -> Result<Outcome, Unavailable> {
        if let Some(digest) = self.workshop.kept(component, tree, trust) {
            return Ok(Outcome::Built { component: component.clone(), digest });
        }
        let source = self.scratch.join(format!("tree-{key}"));
        clear(&source)?;
        if let Err(failure) = self.forge.materialise(component, tree, &source).await {
            return failed(failure);
        }
        let built = self.workshop.build(BuildJob { component, tree, source: &source, trust }).await;
        clear(&source)?;
        std::fs::remove_dir(&source).map_err(|error| broken("the folder for sources", &error))?;
        match built {
            Ok(digest) => Ok(Outcome::Built { component: component.clone(), digest }),
            Err(failure) => failed(failure),
        }
    }

    async fn route(&self) -> Result<Outcome, Unavailable> {
        match self.ledger.read(routes) {
            Some(routes) => self.traffic.route(&routes).await.map(|()| Outcome::Routed),
            None => Ok(Outcome::Routed),
        }
    }

    /// A stack that ends within the while is seen to have ended after it.
    async fn settle(&self, stack: &StackName, period: Duration) -> Result<Outcome, Unavailable> {
        tokio::time::sleep(period).await;
        let running = self.stacks.running().await?;
        if running.iter().any(|running| running.name == *stack && running.healthy) {
            return Ok(Outcome::Settled);
        }
        let sentence = format!("{stack} did not answer any more with the visitors it had been given");
        failed(Failure { kind: FailureKind::NeverHealthy, sentence, log: None })
    }

    async fn merge(
        &self,
        component: &ComponentName,
        change: &ChangeRef,
        (expected, head, tree): (&Sha, &Sha, &TreeId),
    ) -> Result<Outcome, Unavailable> {
        let merge = Merge {
            change: change.number,
            expected: expected.clone(),
            head: head.clone(),
            tree: tree.clone(),
            message: format!("Merge #{} at {head}", change.number),
            at: self.clock.now(),
        };
        match self.forge.merge(component, &merge).await? {
            Merged::At(commit) => Ok(Outcome::Merged { component: component.clone(), commit }),
            Merged::Refused(why) => failed(Failure {
                kind: FailureKind::Broken,
                sentence: format!("the forge of {component} does not merge it: {why}"),
                log: None,
            }),
            Merged::Moved(now) => failed(Failure {
                kind: FailureKind::BaseMoved,
                sentence: format!("the default branch of {component} moved to {} meanwhile", now.short()),
                log: None,
            }),
        }
    }

    async fn revert(&self, change: &ChangeRef, revert: &Revert) -> Result<Outcome, Unavailable> {
        let (kind, why) = match self.forge.revert(&change.component, revert).await? {
            Reverted::Open(number, commit) => {
                let revert = ChangeRef { component: change.component.clone(), number };
                return Ok(Outcome::Reverted { revert, commit });
            }
            Reverted::Conflict(files) => (
                FailureKind::Conflict { files },
                "cannot be taken back by itself: later changes touch the same lines",
            ),
            Reverted::NotMerged => (FailureKind::BaseMoved, "was not merged here in one piece"),
            Reverted::Gone => (FailureKind::BaseMoved, "is not on the default branch any more"),
        };
        failed(Failure { kind, sentence: format!("#{} {why}", change.number), log: None })
    }
}

fn failed(failure: Failure) -> Result<Outcome, Unavailable> {
    Ok(Outcome::Failed(failure))
}

/// Makes an empty folder, whatever a crash left there.
fn clear(folder: &std::path::Path) -> Result<(), Unavailable> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| broken("the folder for sources", &error))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| broken("the folder for sources", &error))
}

fn broken(what: &str, error: &std::io::Error) -> Unavailable {
    Unavailable(format!("{what} cannot be used: {error}"))
}
