//! Rights of people, read from their sources before a decision and again before each effect.
//!
//! A source is asked only when a decision needs its word and the last one is a minute old. What it says is recorded
//! before it counts. Only the latest look counts: an answer that comes after a newer one was recorded is dropped.

use std::time::Duration;

use folkops_model::{Account, Action, Card, Decision, OperationId, PersonId, Principal, SurfaceName};
use folkops_record::{AppendError, Body, Draft, Due, End, Facts, Note};
use futures::future::join_all;

use super::Engine;
use crate::cards::{self, Silent};
use crate::folds::{OperationState, Operations, People};
use crate::ports::{Rights, Unavailable};
use crate::rights::{ASK_AGAIN, FRESH};

/// How long a source may take to answer. Everybody behind in the same lane waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often it is asked again because something about the person changed meanwhile.
const LOOKS: u32 = 3;

/// Whether an effect begins.
enum Begins {
    /// It does.
    Now,
    /// It does by rights of a while ago, which goes on record first.
    Trusting(Draft),
    /// Its operation is over.
    NeverMore,
    /// Whoever asked may not do it any more: this ends the operation.
    Refused(Draft),
}

impl Engine {
    /// Brings what is recorded of a person's rights up to date, as far as the sources answer.
    pub(super) async fn learn(&self, principal: &Principal) {
        let Some(person) = principal.person() else { return };
        for _ in 0..LOOKS {
            let ((person, due), reads) = self.ledger().decide(|facts| {
                let person = facts.fold::<People>().map_or(person, |people| people.now(facts, person));
                (person.clone(), self.to_ask(facts, person))
            });
            let answers =
                join_all(due.iter().map(|(source, accounts)| self.ask_source(source, accounts))).await;
            let heard = due.into_iter().zip(answers).filter_map(|((source, _), answer)| {
                Note::of(Body::RightsObserved { person: person.clone(), source, rights: answer.ok()? })
            });
            let Some(draft) = Draft::notes(heard) else { return };
            match self.ledger().append(draft.provided(reads)).await {
                Ok(_) => return,
                Err(AppendError::Moved) => {}
                Err(error) => return tracing::error!(%error, "rights could not be recorded"),
            }
        }
    }

    /// The same for whoever asked for an operation.
    pub(super) async fn learn_for(&self, operation: &OperationId) {
        let principal = self.ledger().read(|facts| {
            let operation = facts.fold::<Operations>()?.operations.get(operation)?;
            Some(operation.action.principal.clone())
        });
        if let Some(principal) = principal {
            self.learn(&principal).await;
        }
    }

    /// Whether an effect may begin by the rights of now. Where it may not, its operation ends and says why.
    pub(super) async fn may_begin(&self, due: &Due) -> bool {
        self.learn_for(due.operation()).await;
        loop {
            let (begins, reads) = self.ledger().decide(|facts| self.begins(facts, due));
            let (draft, trusting) = match begins {
                Begins::Now => return true,
                Begins::NeverMore => return false,
                Begins::Trusting(draft) => (draft, true),
                Begins::Refused(draft) => (draft, false),
            };
            match self.ledger().append(draft.provided(reads)).await {
                // What it begins by is looked at once more: it may have moved while this was written.
                Ok(_) if trusting => continue,
                Ok(recorded) => self.follow(&recorded),
                Err(AppendError::Moved) => continue,
                Err(error) => {
                    tracing::error!(operation.id = %due.operation(), %error, "what an effect begins by could not be recorded");
                }
            }
            return false;
        }
    }

    fn begins(&self, facts: &Facts<'_>, due: &Due) -> Begins {
        let operations = facts.fold::<Operations>();
        let operation = operations.and_then(|o| facts.row(&o.operations, due.operation()));
        let Some(operation) = operation.filter(|o| matches!(o.state, OperationState::Running { .. })) else {
            return Begins::NeverMore;
        };
        let Some(card) = self.not_any_more(facts, &operation.action) else {
            let recorded = operation.effects.get(&due.index()).and_then(|row| row.trusted.as_ref());
            return match self.desk().anew(facts, &operation.action).rights_as_of {
                Some(old) if recorded != Some(&old) => Begins::Trusting(Draft::trusted(due, old)),
                _ => Begins::Now,
            };
        };
        let ended = Draft::ended(due.operation().clone(), End::Failed);
        match self.edit(facts, due.operation(), card) {
            Some(reply) => Begins::Refused(ended.reply(reply)),
            None => Begins::Refused(ended),
        }
    }

    /// The refusal of a recorded action by the rights of now, if it is one.
    pub(super) fn not_any_more(&self, facts: &Facts<'_>, action: &Action) -> Option<Card> {
        let action = self.desk().anew(facts, action);
        let decision = self.desk().authority.judge(&action);
        (!decision.allows()).then(|| self.refusal(facts, &action, &decision))
    }

    /// What is said about something that policy refused.
    pub(super) fn refusal(&self, facts: &Facts<'_>, action: &Action, decision: &Decision) -> Card {
        let who = self.desk().who_could(facts, action);
        cards::refused(action, decision, &who, self.silent(facts, &action.principal))
    }

    /// The source that does not answer about somebody, if there is one.
    fn silent(&self, facts: &Facts<'_>, principal: &Principal) -> Option<Silent> {
        let (person, people) = principal.person().zip(facts.fold::<People>())?;
        let person = people.now(facts, person);
        let said = facts.row(&people.rights, person);
        let silent = self.governed(facts, person).into_iter().map(|(source, _)| {
            let last = said.and_then(|said| said.get(&source));
            (last.is_none_or(|last| !last.is_within(facts.now(), FRESH)), source, last.map(|last| last.at))
        });
        silent.filter(|(old, ..)| *old).map(|(_, source, last)| Silent { source, last }).next()
    }

    /// The sources that have to be asked about somebody, with their accounts there.
    fn to_ask(&self, facts: &Facts<'_>, person: &PersonId) -> Vec<(SurfaceName, Vec<Account>)> {
        let said = facts.fold::<People>().and_then(|people| facts.row(&people.rights, person));
        let heard = |source: &SurfaceName| {
            said.and_then(|said| said.get(source)).is_some_and(|said| said.is_within(facts.now(), ASK_AGAIN))
        };
        self.governed(facts, person).into_iter().filter(|(source, _)| !heard(source)).collect()
    }

    /// The sources that know accounts of somebody.
    fn governed(&self, facts: &Facts<'_>, person: &PersonId) -> Vec<(SurfaceName, Vec<Account>)> {
        let row = facts.fold::<People>().and_then(|people| facts.row(&people.people, person));
        let Some(row) = row else { return Vec::new() };
        let accounts = |source: &SurfaceName| {
            let theirs = row.accounts.iter().filter(|account| account.surface == *source);
            (source.clone(), theirs.cloned().collect::<Vec<_>>())
        };
        let sources = self.shared.parts.rights.keys().map(accounts);
        sources.filter(|(_, accounts)| !accounts.is_empty()).collect()
    }

    /// What one source says of all accounts of somebody.
    async fn ask_source(&self, source: &SurfaceName, accounts: &[Account]) -> Result<Rights, Unavailable> {
        let Some(port) = self.shared.parts.rights.get(source) else {
            return Err(Unavailable(format!("`{source}` says nothing of rights")));
        };
        let asked = futures::future::try_join_all(accounts.iter().map(|account| port.rights(account)));
        let answers = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answers) => answers,
            Err(_) => Err(Unavailable("it took too long".into())),
        };
        let answers = answers
            .inspect_err(|error| tracing::warn!(%source, %error, "a source of rights does not answer"))?;
        let mut rights = Rights::new();
        for (component, groups) in answers.into_iter().flatten() {
            rights.entry(component).or_default().extend(groups);
        }
        Ok(rights)
    }
}
