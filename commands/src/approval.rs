//! Who stands behind a change at its commit: who vouched, who reviewed, whether its checks are green.
//!
//! The author never stands behind their own change. What is not known does not hold.

use std::collections::BTreeSet;

use folkops_engine::{Facts, People};
use folkops_model::{Account, ChangeRef, PersonId, Sha, Vetting};
use folkops_previews::{Allowed, ChangeRow, Changes};

/// Who stands behind a change at its commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approval {
    /// Somebody but the author allowed exactly this commit, or FolkOps carried it over.
    pub may_run: bool,
    /// One of them reviewed it on the forge as well, and approves.
    pub reviewed: bool,
    /// Owners of every path that it touches and that somebody owns do. Where nobody owns any, that does not hold.
    pub owner_reviewed: bool,
    /// For each such path, those of its owners who are known here.
    pub owners: Vec<BTreeSet<PersonId>>,
    /// Every required check is green, or its forge requires none.
    pub checks_green: bool,
    /// Everybody who vouched, without the author.
    pub vouched: BTreeSet<PersonId>,
}

impl Approval {
    /// Whether this person owns every path of it that somebody owns, and there is one.
    pub fn is_owned_by(&self, person: &PersonId) -> bool {
        !self.owners.is_empty() && self.owners.iter().all(|owners| owners.contains(person))
    }

    /// Of a change as it stands, by an author who may be known here.
    pub fn of(
        facts: &Facts<'_>,
        changes: &Changes,
        (change, row): (&ChangeRef, &ChangeRow),
        author: Option<&PersonId>,
    ) -> Self {
        let allowed = changes.allowed(facts, change, &row.head);
        let vouched = allowed.map(|allowed| vouchers(facts, allowed, author)).unwrap_or_default();
        let stood = |from: &Sha| changes.allowed(facts, change, from);
        let carried = allowed.and_then(|allowed| stood(&allowed.carried.as_ref()?.from));
        let carried = carried.is_some_and(|stood| !vouchers(facts, stood, author).is_empty());
        let written_by = Account::of_author(&row.author);
        let vetting = changes.vetting(facts, change, &row.head);
        let approvers: BTreeSet<&Account> = vetting
            .into_iter()
            .flat_map(|vetting| vetting.approvers(&row.head))
            .filter(|account| Some(*account) != written_by.as_ref())
            .filter(|account| author.is_none() || holder(facts, account) != author)
            .collect();
        let did_vouch =
            |account: &&Account| holder(facts, account).is_some_and(|person| vouched.contains(person));
        Self {
            may_run: carried || !vouched.is_empty(),
            reviewed: approvers.iter().any(did_vouch),
            owner_reviewed: vetting.is_some_and(|vetting| vetting.is_owned_by(&approvers)),
            owners: vetting.map(|vetting| owners(facts, vetting)).unwrap_or_default(),
            checks_green: vetting.map_or_else(|| is_local(written_by.as_ref()), Vetting::is_green),
            vouched,
        }
    }
}

fn owners(facts: &Facts<'_>, vetting: &Vetting) -> Vec<BTreeSet<PersonId>> {
    let known =
        |owners: &BTreeSet<Account>| owners.iter().filter_map(|one| holder(facts, one)).cloned().collect();
    vetting.owners.iter().map(known).collect()
}

/// Everybody but the author who vouched, as who they are now: two accounts that were linked since are one person.
pub fn vouchers(facts: &Facts<'_>, allowed: &Allowed, author: Option<&PersonId>) -> BTreeSet<PersonId> {
    let people = facts.fold::<People>();
    let all = allowed.vouched.iter().chain(&allowed.by);
    let now = all.map(|person| people.map_or(person, |people| people.now(facts, person)));
    now.filter(|person| Some(*person) != author).cloned().collect()
}

fn holder<'a>(facts: &Facts<'a>, account: &Account) -> Option<&'a PersonId> {
    facts.fold::<People>()?.by_account(account).map(|(person, _)| person)
}

/// A local repository has no checks that could be required; every other forge has to be heard first.
fn is_local(author: Option<&Account>) -> bool {
    author.is_some_and(|account| account.surface.as_str() == "git")
}
