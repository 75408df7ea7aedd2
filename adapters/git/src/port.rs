//! The local forge as the previews' room knows it: its port, with errors as sentences.

use std::path::Path;

use folkops_model::{
    ChangeNumber, ComponentName, Difference, Failure, FailureKind, ObservedChange, Sha, TreeId,
};
use folkops_previews::ports::{
    Forge, Landed, Merge, MergeTree, Merged, Revert, Reverted, Unavailable, Withdrawn,
};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::advance::AdvanceError;
use crate::error::GitError;
use crate::forge::LocalForge;
use crate::materialise::MaterialiseError;
use crate::merge::{MergeCommit, MergeError};

/// Bytes of a diff that a person is shown before it is cut.
const LONGEST_DIFF: usize = 64 * 1024;

impl Forge for LocalForge {
    fn changes<'a>(
        &'a self,
        component: &'a ComponentName,
    ) -> BoxFuture<'a, Result<Vec<ObservedChange>, Unavailable>> {
        async { Ok(self.changes(component).await?.changes) }.boxed()
    }

    fn head<'a>(
        &'a self,
        component: &'a ComponentName,
        number: ChangeNumber,
    ) -> BoxFuture<'a, Result<Option<Sha>, Unavailable>> {
        async move { Ok(self.head(component, number).await?) }.boxed()
    }

    fn landed<'a>(
        &'a self,
        component: &'a ComponentName,
        number: ChangeNumber,
    ) -> BoxFuture<'a, Result<Option<Landed>, Unavailable>> {
        async move { Ok(self.landed(component, number).await?) }.boxed()
    }

    fn merged_since<'a>(
        &'a self,
        component: &'a ComponentName,
        since: &'a Sha,
    ) -> BoxFuture<'a, Result<Vec<ChangeNumber>, Unavailable>> {
        async move { Ok(self.merged_since(component, since).await?) }.boxed()
    }

    fn holding<'a>(
        &'a self,
        component: &'a ComponentName,
        onto: &'a Sha,
        landed: &'a Sha,
    ) -> BoxFuture<'a, Result<Option<TreeId>, Unavailable>> {
        async move { Ok(self.holding(component, onto, landed).await?) }.boxed()
    }

    fn default_head<'a>(
        &'a self,
        component: &'a ComponentName,
    ) -> BoxFuture<'a, Result<(Sha, TreeId), Unavailable>> {
        async { Ok(self.default_head(component).await?) }.boxed()
    }

    fn merge_tree<'a>(
        &'a self,
        component: &'a ComponentName,
        onto: &'a Sha,
        theirs: &'a Sha,
    ) -> BoxFuture<'a, Result<MergeTree, Unavailable>> {
        async {
            match self.merge_tree(component, onto, theirs).await {
                Ok(tree) => Ok(MergeTree::Clean(tree)),
                Err(MergeError::Conflict { files }) => Ok(MergeTree::Conflict(files)),
                Err(error) => Err(error.into()),
            }
        }
        .boxed()
    }

    fn merge<'a>(
        &'a self,
        component: &'a ComponentName,
        merge: &'a Merge,
    ) -> BoxFuture<'a, Result<Merged, Unavailable>> {
        let Merge { expected, head, tree, message, at, .. } = merge.clone();
        let by = self.signature.clone();
        let merge = MergeCommit { onto: expected, theirs: head, tree, message, by, at };
        async move { self.repository(component)?.promote(&merge).await }.boxed()
    }

    fn revert<'a>(
        &'a self,
        component: &'a ComponentName,
        revert: &'a Revert,
    ) -> BoxFuture<'a, Result<Reverted, Unavailable>> {
        async move {
            match self.repository(component)?.revert(revert, &self.signature).await {
                Err(MergeError::Conflict { files }) => Ok(Reverted::Conflict(files)),
                outcome => Ok(outcome?),
            }
        }
        .boxed()
    }

    fn withdraw<'a>(
        &'a self,
        component: &'a ComponentName,
        number: ChangeNumber,
        commit: &'a Sha,
    ) -> BoxFuture<'a, Result<Withdrawn, Unavailable>> {
        async move { Ok(self.repository(component)?.withdraw(number, commit, &self.signature).await?) }
            .boxed()
    }

    fn materialise<'a>(
        &'a self,
        component: &'a ComponentName,
        tree: &'a TreeId,
        into: &'a Path,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        async { self.materialise(component, tree, into).await.map_err(failure) }.boxed()
    }

    fn compare<'a>(
        &'a self,
        component: &'a ComponentName,
        base: &'a Sha,
        between: (&'a Sha, &'a Sha),
    ) -> BoxFuture<'a, Result<Option<Difference>, Unavailable>> {
        async move { Ok(self.compare(component, base, between).await?) }.boxed()
    }

    fn diff<'a>(
        &'a self,
        component: &'a ComponentName,
        base: &'a Sha,
        head: &'a Sha,
    ) -> BoxFuture<'a, Result<String, Unavailable>> {
        async { Ok(self.diff(component, base, head, LONGEST_DIFF).await?) }.boxed()
    }
}

/// What the author must mend is a failed build; everything else is broken here.
fn failure(error: MaterialiseError) -> Failure {
    let kind = match &error {
        MaterialiseError::Refused { .. } | MaterialiseError::TooLarge(_) => FailureKind::BuildFailed,
        _ => FailureKind::Broken,
    };
    Failure { kind, sentence: error.to_string(), log: None }
}

impl From<GitError> for Unavailable {
    fn from(error: GitError) -> Self {
        Self(error.to_string())
    }
}

impl From<MergeError> for Unavailable {
    fn from(error: MergeError) -> Self {
        Self(error.to_string())
    }
}

impl From<AdvanceError> for Unavailable {
    fn from(error: AdvanceError) -> Self {
        Self(error.to_string())
    }
}
