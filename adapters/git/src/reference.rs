//! Reads references, each once, to a full commit id.
//!
//! A symbolic or malformed reference, or one that names no commit, is reported and never followed, because what it
//! means can change between the judgement and the deed.

use folkops_model::Sha;

use crate::error::GitError;
use crate::repository::Repository;
use crate::text;

/// Why a reference is not used.
pub(crate) const SYMBOLIC: &str = "it points to another reference";
pub(crate) const MALFORMED: &str = "it is malformed";
pub(crate) const NO_COMMIT: &str = "it names no commit";

/// A reference as it is stored. The object that it names was not looked at yet.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) target: Result<Sha, &'static str>,
}

/// The branch that the repository serves by default, at this moment.
#[derive(Debug)]
pub(crate) struct DefaultBranch {
    pub(crate) name: String,
    pub(crate) head: Sha,
}

impl Repository<'_> {
    /// All references under a prefix, or the one of exactly that name; those that git itself calls broken come last.
    pub(crate) async fn references_under(&self, prefix: &str) -> Result<Vec<Reference>, GitError> {
        let format = "--format=%(refname)%00%(objectname)%00%(symref)";
        let call = self.references(["for-each-ref", format, prefix]).limit(16 * 1024 * 1024);
        let limit = call.limit;
        let answer = self.ask(call).await?;
        if answer.cut {
            return Err(GitError::TooMuch { component: self.component.clone(), limit });
        }
        if answer.code != Some(0) {
            return Err(self.failed(&answer));
        }
        let output = String::from_utf8_lossy(&answer.output);
        let sound = output.lines().map(stored);
        Ok(sound.chain(answer.complaints.lines().filter_map(broken)).collect())
    }

    /// The default branch and its commit, read now.
    pub(crate) async fn default_branch(&self) -> Result<DefaultBranch, GitError> {
        let answer = self.ask(self.references(["symbolic-ref", "--quiet", "HEAD"])).await?;
        if answer.code == Some(1) {
            return Err(self.unusable("its HEAD names no branch"));
        }
        if answer.code != Some(0) {
            return Err(self.failed(&answer));
        }
        let name =
            String::from_utf8(answer.output).map_err(|_| self.unusable("its default branch is not UTF-8"))?;
        let name = name.trim_end_matches('\n').to_owned();
        if !name.starts_with("refs/heads/") {
            return Err(self.reference_error(&name, "HEAD must name a branch"));
        }
        let head = self.pick(self.references_under(&name).await?, &name).await?;
        let head = head.ok_or_else(|| self.unusable("its default branch has no commit yet"))?;
        Ok(DefaultBranch { name, head })
    }

    /// The commit that the reference of this name holds, if it is among these.
    pub(crate) async fn pick(&self, among: Vec<Reference>, name: &str) -> Result<Option<Sha>, GitError> {
        let Some(reference) = among.into_iter().find(|reference| reference.name == name) else {
            return Ok(None);
        };
        let commit = reference.target.map_err(|why| self.reference_error(name, why))?;
        if self.commits_among([&commit]).await?.is_empty() {
            return Err(self.reference_error(name, NO_COMMIT));
        }
        Ok(Some(commit))
    }

    fn reference_error(&self, name: &str, why: &'static str) -> GitError {
        GitError::Reference { component: self.component.clone(), name: text::line(name, 200), why }
    }
}

/// A line of `for-each-ref`.
fn stored(line: &str) -> Reference {
    let mut fields = line.split('\0');
    let name = fields.next().unwrap_or_default().to_owned();
    let target = Sha::parse(fields.next().unwrap_or_default()).map_err(|_| MALFORMED);
    let symbolic = fields.next().is_some_and(|target| !target.is_empty());
    Reference { name, target: if symbolic { Err(SYMBOLIC) } else { target } }
}

/// A warning of `for-each-ref` about a reference that it left out.
fn broken(complaint: &str) -> Option<Reference> {
    let name = complaint.split_whitespace().find(|word| word.starts_with("refs/"))?;
    Some(Reference { name: name.trim_end_matches([':', ',', ';']).to_owned(), target: Err(MALFORMED) })
}
