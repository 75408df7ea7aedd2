//! Which pushes keep an allowance: small ones, by the change's author, on paths that are quickly read. None by default.
//!
//! INVARIANT: a push is measured against the commit that a person allowed, never against one that was carried over, so
//! that many small steps never come further than one. What is not known does not hold. No date is read.

use std::collections::BTreeSet;

use folkops_engine::Facts;
use folkops_model::{Account, ChangeRef, Difference, Sha, Touched};
use folkops_previews::{ChangeRow, Changes, Pushed, Stood};

use crate::approval;
use crate::subject::{self, Subject};

/// Which pushes keep an allowance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarryOver {
    /// The most lines that may differ from the commit that a person allowed.
    pub lines: u64,
    /// The only paths: a folder ends with `/`, everything else is one file.
    pub paths: Vec<String>,
}

/// A push, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push<'a> {
    /// Whether somebody other than the author allowed the commit that it is measured against.
    pub allowed: bool,
    /// Whether the change left the default branch where it did then, and is by the same author.
    pub rooted: bool,
    /// What lies between, where that is known.
    pub between: Option<&'a Difference>,
    /// Whether everything since then was pushed by the author.
    pub by_author: bool,
}

/// Why an allowance is not carried over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// No person but the author allowed the earlier commit.
    #[error("nobody but its author allowed the earlier commit")]
    NotAllowed,
    /// The change stands on another commit of the default branch, or holds a merge.
    #[error("it was put on another base, or merged into")]
    Moved,
    /// It is not known what changed.
    #[error("it cannot be told what changed")]
    Unknown,
    /// Somebody else pushed, or nobody knows who did.
    #[error("it is not known to be pushed by the change’s author alone")]
    Others,
    /// It touches what a reviewer must see.
    #[error("it touches {0}")]
    Risky(&'static str),
    /// A path is not on the list.
    #[error("it reaches beyond the paths that need no second look")]
    Elsewhere,
    /// It is too long.
    #[error("it is longer than {0}")]
    Long(String),
}

impl CarryOver {
    /// Whether a push keeps the allowance, and how many lines it is long.
    ///
    /// # Errors
    /// The first [`Obstacle`], the one that a person can do least about first.
    pub fn over(&self, push: &Push<'_>) -> Result<u64, Obstacle> {
        if !push.allowed {
            return Err(Obstacle::NotAllowed);
        }
        let between = push.between.ok_or(Obstacle::Unknown)?;
        if !push.rooted || !between.straight {
            return Err(Obstacle::Moved);
        }
        if !push.by_author {
            return Err(Obstacle::Others);
        }
        if let Some((_, name)) =
            subject::WORRYING.iter().find(|(kind, _)| between.diff.touched.contains(kind))
        {
            return Err(Obstacle::Risky(name));
        }
        let plain = BTreeSet::from([Touched::Code, Touched::Docs]);
        let paths = between.paths.as_ref().filter(|_| between.diff.touched.is_subset(&plain));
        if !paths.is_some_and(|paths| paths.iter().all(|path| self.lists(path))) {
            return Err(Obstacle::Elsewhere);
        }
        let lines = between.diff.lines();
        if lines > self.lines {
            return Err(Obstacle::Long(subject::plural(self.lines, "line")));
        }
        Ok(lines)
    }

    fn lists(&self, path: &str) -> bool {
        let holds = |listed: &String| match listed.ends_with('/') {
            true => path.starts_with(listed.as_str()),
            false => path == listed,
        };
        self.paths.iter().any(holds)
    }
}

/// The commit from which the allowance of a change is carried to where it stands, and how many lines lie between.
///
/// # Errors
/// Why it is not. Nothing where the change has not moved on from what was allowed.
pub fn carried<'a>(
    rule: &CarryOver,
    facts: &Facts<'_>,
    changes: &'a Changes,
    subject: &Subject<'_>,
) -> Option<(&'a Stood, Result<u64, Obstacle>)> {
    let Subject { change, row, author, .. } = subject;
    let stood = changes.left(facts, change, &row.head)?;
    let allowed = changes.allowed(facts, change, &stood.sha);
    let push = Push {
        allowed: allowed
            .is_some_and(|allowed| !approval::vouchers(facts, allowed, author.as_ref()).is_empty()),
        rooted: stood.base == row.base && stood.author == row.author,
        between: changes.between(facts, change, &stood.sha, &row.head),
        by_author: by_author(facts, changes, (change, row), &stood.sha),
    };
    Some((stood, rule.over(&push)))
}

/// Whether everything since a commit was pushed by the change's author, as its forge says. A local repository does not say
/// who pushed, and what a commit says of its author proves nothing.
fn by_author(
    facts: &Facts<'_>,
    changes: &Changes,
    (change, row): (&ChangeRef, &ChangeRow),
    from: &Sha,
) -> bool {
    let pushes = facts.row(&changes.pushed, change).map_or(&[][..], Vec::as_slice);
    let author = Account::of_author(&row.author);
    author.is_some_and(|author| chain(pushes, &author, (from, &row.head)))
}

/// Whether pushes by one account lead from one commit to another without a gap.
fn chain(pushes: &[Pushed], by: &Account, (from, to): (&Sha, &Sha)) -> bool {
    let mut at = to;
    // Deliveries come in any order, so each step looks through all of them.
    for _ in 0..=pushes.len() {
        if at == from {
            return true;
        }
        match pushes.iter().rev().find(|push| push.after == *at) {
            Some(push) if push.by == *by => at = &push.before,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use folkops_model::{DiffSummary, SurfaceName};

    fn sha(letter: &str) -> Sha {
        Sha::parse(&letter.repeat(40)).unwrap()
    }

    fn small(lines: u32, touched: &[Touched], paths: &[&str]) -> Difference {
        Difference {
            from: sha("a"),
            to: sha("b"),
            diff: DiffSummary {
                files: 1,
                added: lines,
                removed: 0,
                touched: touched.iter().copied().collect(),
            },
            paths: Some(paths.iter().map(|path| (*path).to_owned()).collect()),
            straight: true,
        }
    }

    fn rule() -> CarryOver {
        CarryOver { lines: 10, paths: vec!["docs/".into(), "README.md".into()] }
    }

    fn judged(between: Option<&Difference>) -> Result<u64, Obstacle> {
        rule().over(&Push { allowed: true, rooted: true, between, by_author: true })
    }

    #[test]
    fn only_a_small_plain_push_on_listed_paths_keeps_an_allowance() {
        use Touched::{Binary, Ci, Code, Dependencies, Docs, Migrations, Network, Scripts, Secrets};
        let elsewhere = || Err(Obstacle::Elsewhere);
        type Case = (u32, &'static [Touched], &'static [&'static str], Result<u64, Obstacle>);
        let table: &[Case] = &[
            (1, &[Docs], &["docs/a.md"], Ok(1)),
            (10, &[Docs, Code], &["docs/a.md", "README.md"], Ok(10)),
            (0, &[], &[], Ok(0)),
            (11, &[Docs], &["docs/a.md"], Err(Obstacle::Long("10 lines".into()))),
            (1, &[Docs], &["docs.md"], elsewhere()),
            (1, &[Docs], &["README.md.sh"], elsewhere()),
            (1, &[Docs], &["web/README.md"], elsewhere()),
            (1, &[Docs], &["Docs/a.md"], elsewhere()),
            (1, &[Docs, Code], &["docs/a.md", "src/main.rs"], elsewhere()),
            (1, &[Ci], &["docs/.github/a.yml"], Err(Obstacle::Risky("tests' own set-up"))),
            (1, &[Dependencies], &["docs/package.json"], Err(Obstacle::Risky("dependencies"))),
            (1, &[Migrations], &["docs/a.sql"], Err(Obstacle::Risky("migrations"))),
            (1, &[Network], &["docs/nginx.conf"], Err(Obstacle::Risky("network settings"))),
            (1, &[Secrets], &["docs/.env"], Err(Obstacle::Risky("places of secrets"))),
            (1, &[Scripts], &["docs/a.sh"], Err(Obstacle::Risky("scripts"))),
            (0, &[Binary], &["docs/a.png"], Err(Obstacle::Risky("binary files"))),
        ];
        for (lines, touched, paths, wanted) in table {
            assert_eq!(
                judged(Some(&small(*lines, touched, paths))),
                *wanted,
                "{lines} {touched:?} {paths:?}"
            );
        }
    }

    #[test]
    fn what_is_not_known_or_not_the_author_s_or_on_another_base_keeps_nothing() {
        let between = small(1, &[Touched::Docs], &["docs/a.md"]);
        let push = Push { allowed: true, rooted: true, between: Some(&between), by_author: true };
        assert_eq!(rule().over(&push), Ok(1));
        assert_eq!(judged(None), Err(Obstacle::Unknown));
        let unnamed = Difference { paths: None, ..between.clone() };
        assert_eq!(judged(Some(&unnamed)), Err(Obstacle::Elsewhere));
        let merged = Difference { straight: false, ..between.clone() };
        assert_eq!(judged(Some(&merged)), Err(Obstacle::Moved));
        assert_eq!(rule().over(&Push { rooted: false, ..push.clone() }), Err(Obstacle::Moved));
        assert_eq!(rule().over(&Push { by_author: false, ..push.clone() }), Err(Obstacle::Others));
        assert_eq!(rule().over(&Push { allowed: false, ..push }), Err(Obstacle::NotAllowed));
        let nowhere = CarryOver { lines: 10, paths: Vec::new() };
        let push = Push { allowed: true, rooted: true, between: Some(&between), by_author: true };
        assert_eq!(nowhere.over(&push), Err(Obstacle::Elsewhere));
    }

    #[test]
    fn pushes_count_only_as_an_unbroken_chain_by_the_author() {
        let account = |id: &str| Account { surface: SurfaceName::parse("github").unwrap(), id: id.into() };
        let pushed = |before: &str, after: &str, by: &str| Pushed {
            before: sha(before),
            after: sha(after),
            by: account(by),
        };
        let leads = |pushes: &[Pushed]| chain(pushes, &account("1"), (&sha("a"), &sha("c")));
        assert!(leads(&[pushed("a", "c", "1")]));
        assert!(leads(&[pushed("a", "b", "1"), pushed("b", "c", "1")]));
        assert!(
            leads(&[pushed("e", "a", "2"), pushed("a", "b", "1"), pushed("b", "c", "1")]),
            "before does not matter"
        );
        assert!(leads(&[pushed("b", "c", "1"), pushed("a", "b", "1")]), "they may be heard of in any order");
        assert!(!leads(&[pushed("b", "c", "1"), pushed("c", "b", "1")]), "a circle leads nowhere");
        assert!(!leads(&[]));
        assert!(!leads(&[pushed("b", "c", "1")]), "a push was not heard of");
        assert!(!leads(&[pushed("a", "b", "2"), pushed("b", "c", "1")]), "somebody else pushed in between");
        assert!(!leads(&[pushed("a", "c", "2")]));
        assert!(
            !leads(&[pushed("a", "c", "1"), pushed("a", "c", "2")]),
            "the newest word on a commit counts"
        );
    }
}
