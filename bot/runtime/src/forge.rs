//! Where changes come from: bare repositories of this machine, or GitHub with a mirror of each repository here.
//!
//! GitHub says which pull requests there are, where they stand and whose they are; git computes trees, merges and diffs
//! from the mirror, by full commit ids. A merge is GitHub's to make, and is taken only if it gave the tree that was tested.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use folkops_git::{Beside, LocalForge, MergeError, Origin, Served, Undone};
use folkops_github::{CODEOWNERS, CodeOwners, GitHub, LARGEST_CODEOWNERS, MergedPull, Pull};
use folkops_model::{
    Account, ChangeNumber, ComponentName, Difference, Failure, ObservedChange, Sha, Target, TreeId, Vetting,
};
use folkops_previews::ports::{
    Forge, Landed, Merge, MergeTree, Merged, Revert, Reverted, Unavailable, Withdrawn,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

mod merged;

use merged::Lately;

/// Characters of a title or a name that are kept.
const LONGEST_TITLE: usize = 200;

/// All forges of a service.
pub struct Forges {
    local: LocalForge,
    github: Option<Arc<GitHub>>,
    /// What each mirror says. One at a time renews it.
    mirrors: BTreeMap<ComponentName, Mutex<Option<Served>>>,
    /// What GitHub said last of what was merged.
    merged: Mutex<BTreeMap<ComponentName, Lately>>,
}

impl Forges {
    /// These.
    pub fn new(local: LocalForge, github: Option<Arc<GitHub>>) -> Self {
        let hosted = github.iter().flat_map(|github| github.settings().repositories.keys());
        let mirrors = hosted.map(|component| (component.clone(), Mutex::default())).collect();
        Self { local, github, mirrors, merged: Mutex::default() }
    }

    /// GitHub, where this component's changes come from there.
    fn github(&self, component: &ComponentName) -> Option<&GitHub> {
        self.github.as_deref().filter(|_| self.mirrors.contains_key(component))
    }

    /// Brings the mirror in step, and gives what it is in step with.
    async fn mirror(&self, github: &GitHub, component: &ComponentName) -> Result<Vec<Pull>, Unavailable> {
        let branches = github.branches(component).await.map_err(away)?;
        let head = github.tip(component, branches.followed()).await.map_err(away)?;
        let pulls = github.pulls(component).await.map_err(away)?;
        let beside = match &branches.release {
            Some(_) => Some(Beside {
                branch: branches.default.to_string(),
                head: github.tip(component, &branches.default).await.map_err(away)?,
                pulls: pulls.iter().filter(|pull| is_beside(pull)).map(|pull| pull.number).collect(),
            }),
            None => None,
        };
        let heads = pulls.iter().map(|pull| (pull.number, pull.head.clone())).collect();
        let served = Served { branch: branches.followed().to_string(), head, pulls: heads, beside };
        let Some(mirror) = self.mirrors.get(component) else { return Ok(pulls) };
        let mut known = mirror.lock().await;
        if known.as_ref() != Some(&served) {
            let origin = origin(github, component).await?;
            self.local.mirror(component, &origin, &served).await?;
            *known = Some(served);
        }
        Ok(pulls)
    }

    /// Who owns what a commit touches. The file is that of the default branch: no change says who may review it.
    async fn owners(
        &self,
        github: &GitHub,
        component: &ComponentName,
        (number, head): (ChangeNumber, &Sha),
    ) -> Result<BTreeSet<BTreeSet<Account>>, Unavailable> {
        let Some(served) = self.served(component).await else { return Ok(BTreeSet::new()) };
        let default = served.beside.as_ref().map_or(&served.head, |beside| &beside.head);
        let file = self.local.first_file((component, default), &CODEOWNERS, LARGEST_CODEOWNERS).await?;
        let Some(file) = file else { return Ok(BTreeSet::new()) };
        let Some(onto) = self.onto(github, component, (number, &served)).await? else {
            return Ok(BTreeSet::from([BTreeSet::new()]));
        };
        let paths = self.local.touched(component, (&onto, head)).await?;
        match CodeOwners::read(&file) {
            Some(file) => github.owners(component, &file, &paths).await.map_err(away),
            // Whoever owns what, it cannot be told who, so nobody is.
            None => Ok(BTreeSet::from([BTreeSet::new()])),
        }
    }

    async fn served(&self, component: &ComponentName) -> Option<Served> {
        self.mirrors.get(component)?.lock().await.clone()
    }

    async fn merge_there(
        &self,
        github: &GitHub,
        component: &ComponentName,
        merge: &Merge,
    ) -> Result<Merged, Unavailable> {
        let branches = github.branches(component).await.map_err(away)?;
        let now = github.tip(component, branches.followed()).await.map_err(away)?;
        let before = github.merged(component, merge.change, &merge.head).await.map_err(away)?;
        if before.is_none() && now != merge.expected {
            return Ok(Merged::Moved(now));
        }
        let merged = match before {
            Some(merged) => merged,
            None => github.merge(component, merge.change, &merge.head).await.map_err(away)?,
        };
        let commit = match merged {
            MergedPull::At(commit) => commit,
            MergedPull::Not(why) => return Ok(Merged::Refused(folkops_git::line(&why, LONGEST_TITLE))),
        };
        self.mirror(github, component).await?;
        // GitHub guards the head and not the base: what came in between gave another tree, which is judged anew.
        let same = self.local.tree(component, &commit).await? == merge.tree;
        Ok(if same { Merged::At(commit) } else { Merged::Moved(commit) })
    }

    async fn revert_there(
        &self,
        github: &GitHub,
        component: &ComponentName,
        revert: &Revert,
    ) -> Result<Reverted, Unavailable> {
        let commit = match self.local.undo(component, revert).await {
            Ok(Undone::At(commit)) => commit,
            Ok(Undone::NotMerged) => return Ok(Reverted::NotMerged),
            Ok(Undone::Gone) => return Ok(Reverted::Gone),
            Err(MergeError::Conflict { files }) => return Ok(Reverted::Conflict(files)),
            Err(error) => return Err(error.into()),
        };
        let branch = format!("folkops/revert-{}-{}", revert.change, commit.short());
        let origin = origin(github, component).await?;
        self.local.push(component, &origin, &commit, &branch).await?;
        let words = (revert.message.as_str(), revert.why.as_str());
        let number = github.open(component, &branch, words).await.map_err(away)?;
        Ok(Reverted::Open(number, commit))
    }
}

async fn origin(github: &GitHub, component: &ComponentName) -> Result<Origin, Unavailable> {
    let token = github.token(component).await.map_err(away)?;
    let url = github.address(component).map_err(away)?;
    Ok(Origin { url, authorization: GitHub::authorization(&token) })
}

fn away(error: folkops_github::Wrong) -> Unavailable {
    Unavailable(error.to_string())
}

fn is_beside(pull: &Pull) -> bool {
    pull.target == Target::Development
}

/// What the mirror shows of a change, with what only GitHub knows of it.
fn observed(change: ObservedChange, pulls: &[Pull]) -> ObservedChange {
    let Some(pull) = pulls.iter().find(|pull| pull.number == change.number) else { return change };
    ObservedChange {
        author: format!("github:{}", pull.author),
        author_name: folkops_git::line(&pull.login, LONGEST_TITLE),
        title: folkops_git::line(&pull.title, LONGEST_TITLE),
        opened: pull.opened,
        target: pull.target,
        ..change
    }
}

impl Forge for Forges {
    fn changes<'a>(
        &'a self,
        component: &'a ComponentName,
    ) -> BoxFuture<'a, Result<Vec<ObservedChange>, Unavailable>> {
        async move {
            let Some(github) = self.github(component) else {
                return Forge::changes(&self.local, component).await;
            };
            let pulls = self.mirror(github, component).await?;
            let beside = self.served(component).await.map(|served| served.beside()).unwrap_or_default();
            let changes = self.local.changes_beside(component, &beside).await?.changes;
            Ok(changes.into_iter().map(|change| observed(change, &pulls)).collect())
        }
        .boxed()
    }

    fn head<'a>(
        &'a self,
        component: &'a ComponentName,
        number: ChangeNumber,
    ) -> BoxFuture<'a, Result<Option<Sha>, Unavailable>> {
        async move {
            match self.github(component) {
                Some(github) => github.head(component, number).await.map_err(away),
                None => Forge::head(&self.local, component, number).await,
            }
        }
        .boxed()
    }

    fn landed<'a>(
        &'a self,
        component: &'a ComponentName,
        number: ChangeNumber,
    ) -> BoxFuture<'a, Result<Option<Landed>, Unavailable>> {
        match self.github(component) {
            Some(github) => self.landed_there(github, component, number).boxed(),
            None => Forge::landed(&self.local, component, number),
        }
    }

    fn merged_since<'a>(
        &'a self,
        component: &'a ComponentName,
        since: &'a Sha,
    ) -> BoxFuture<'a, Result<Vec<ChangeNumber>, Unavailable>> {
        match self.github(component) {
            Some(github) => self.merged_there(github, component, since).boxed(),
            None => Forge::merged_since(&self.local, component, since),
        }
    }

    fn holding<'a>(
        &'a self,
        component: &'a ComponentName,
        onto: &'a Sha,
        landed: &'a Sha,
    ) -> BoxFuture<'a, Result<Option<TreeId>, Unavailable>> {
        Forge::holding(&self.local, component, onto, landed)
    }

    fn default_head<'a>(
        &'a self,
        component: &'a ComponentName,
    ) -> BoxFuture<'a, Result<(Sha, TreeId), Unavailable>> {
        async move {
            if let Some(github) = self.github(component) {
                self.mirror(github, component).await?;
            }
            Forge::default_head(&self.local, component).await
        }
        .boxed()
    }

    fn merge_tree<'a>(
        &'a self,
        component: &'a ComponentName,
        onto: &'a Sha,
        theirs: &'a Sha,
    ) -> BoxFuture<'a, Result<MergeTree, Unavailable>> {
        Forge::merge_tree(&self.local, component, onto, theirs)
    }

    fn merge<'a>(
        &'a self,
        component: &'a ComponentName,
        merge: &'a Merge,
    ) -> BoxFuture<'a, Result<Merged, Unavailable>> {
        match self.github(component) {
            Some(github) => self.merge_there(github, component, merge).boxed(),
            None => Forge::merge(&self.local, component, merge),
        }
    }

    fn revert<'a>(
        &'a self,
        component: &'a ComponentName,
        revert: &'a Revert,
    ) -> BoxFuture<'a, Result<Reverted, Unavailable>> {
        match self.github(component) {
            Some(github) => self.revert_there(github, component, revert).boxed(),
            None => Forge::revert(&self.local, component, revert),
        }
    }

    fn withdraw<'a>(
        &'a self,
        component: &'a ComponentName,
        number: ChangeNumber,
        commit: &'a Sha,
    ) -> BoxFuture<'a, Result<Withdrawn, Unavailable>> {
        match self.github(component) {
            Some(github) => {
                let closed = async move { github.close(component, number, commit).await.map_err(away) };
                async move { Ok(if closed.await? { Withdrawn::Closed } else { Withdrawn::NotOurs }) }.boxed()
            }
            None => Forge::withdraw(&self.local, component, number, commit),
        }
    }

    fn materialise<'a>(
        &'a self,
        component: &'a ComponentName,
        tree: &'a TreeId,
        into: &'a Path,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Forge::materialise(&self.local, component, tree, into)
    }

    fn vetting<'a>(
        &'a self,
        component: &'a ComponentName,
        number: ChangeNumber,
        head: &'a Sha,
    ) -> BoxFuture<'a, Result<Option<Vetting>, Unavailable>> {
        async move {
            match self.github(component) {
                Some(github) => {
                    let vetting = github.vetting(component, number, head).await.map_err(away)?;
                    let owners = self.owners(github, component, (number, head)).await?;
                    Ok(Some(Vetting { owners, ..vetting }))
                }
                None => Forge::vetting(&self.local, component, number, head).await,
            }
        }
        .boxed()
    }

    fn compare<'a>(
        &'a self,
        component: &'a ComponentName,
        base: &'a Sha,
        between: (&'a Sha, &'a Sha),
    ) -> BoxFuture<'a, Result<Option<Difference>, Unavailable>> {
        Forge::compare(&self.local, component, base, between)
    }

    fn diff<'a>(
        &'a self,
        component: &'a ComponentName,
        base: &'a Sha,
        head: &'a Sha,
    ) -> BoxFuture<'a, Result<String, Unavailable>> {
        Forge::diff(&self.local, component, base, head)
    }
}
