//! Which people turned out to be one, and the codes by which that is being proven.
//!
//! Whoever became somebody else keeps a row without accounts, groups or a workload, so that old cards still name them;
//! nobody speaks as them any more. Only hashes of codes are known here.

use folkops_model::{Account, Intent, OperationId, PersonId};
use folkops_record::{Facts, Record};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::people::People;

/// How many wrong codes somebody may say within `WHILE`.
const MISSES: u32 = 5;
const WHILE: SignedDuration = SignedDuration::from_mins(10);

/// A code that was given out, and who said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Who asked for it.
    pub person: PersonId,
    /// As which operation.
    pub operation: OperationId,
    /// Until when it works; once it was said, until when its owner may agree, UTC.
    pub expires: Timestamp,
    /// Who said it, as which operation.
    pub other: Option<(PersonId, OperationId)>,
}

/// Wrong codes that somebody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misses {
    /// How many.
    pub count: u32,
    /// Since when, UTC.
    pub since: Timestamp,
}

impl People {
    /// Who somebody is now: themself, unless they turned out to be somebody else.
    pub fn now<'a>(&'a self, facts: &Facts<'_>, person: &'a PersonId) -> &'a PersonId {
        facts.row(&self.became, person).unwrap_or(person)
    }

    /// Until when no code by this person is looked at, because they said too many wrong ones.
    pub fn hushed(&self, facts: &Facts<'_>, person: &PersonId) -> Option<Timestamp> {
        let misses = facts.row(&self.misses, person).filter(|misses| misses.count >= MISSES)?;
        Some(misses.since + WHILE).filter(|until| *until > facts.now())
    }

    pub(super) fn intended(&mut self, record: &Record, intent: &Intent) {
        let at = record.sequence;
        match (intent, &record.operation) {
            (Intent::OfferLink { person, hash, expires }, Some(operation)) => {
                self.forget_offers(at, |offer| offer.person == *person || offer.expires <= record.time);
                let (person, operation) = (person.clone(), operation.clone());
                self.offers.put(
                    at,
                    hash.clone(),
                    Offer { person, operation, expires: *expires, other: None },
                );
            }
            (Intent::ProveLink { hash, person, expires }, Some(operation)) => {
                self.offers.change(at, hash, |offer| {
                    offer.other = Some((person.clone(), operation.clone()));
                    offer.expires = *expires;
                })
            }
            (Intent::MissLink { person }, _) => self.missed(at, person, record.time),
            (Intent::Link { person, other }, _) => self.becomes(at, other, person),
            (Intent::Unlink { person, account }, _) => self.unlink(at, person, account),
            _ => {}
        }
    }

    /// Somebody is somebody else from now on. Accounts and browsers go along; groups do not, and a workload only where
    /// there is none.
    pub(super) fn becomes(&mut self, at: u64, other: &PersonId, into: &PersonId) {
        let Some(row) = self.people.get(other).cloned().filter(|_| other != into) else { return };
        self.people.change(at, other, |left| {
            (left.accounts, left.groups, left.owner) = Default::default();
        });
        self.rights.remove(at, other);
        for account in &row.accounts {
            self.lets_go(at, other, account);
            self.link(at, into, account);
        }
        self.people.change(at, into, |person| person.owner = person.owner.take().or(row.owner));
        let theirs = self.sessions.iter().filter(|(_, session)| session.person == *other);
        for hash in theirs.map(|(hash, _)| hash.clone()).collect::<Vec<_>>() {
            self.sessions.change(at, &hash, |session| session.person = into.clone());
        }
        let earlier = self.became.iter().filter(|(_, now)| *now == other);
        for earlier in earlier.map(|(earlier, _)| earlier.clone()).collect::<Vec<_>>() {
            self.became.put(at, earlier, into.clone());
        }
        self.became.put(at, other.clone(), into.clone());
        self.forget_offers(at, |offer| offer.person == *other || offer.person == *into);
    }

    /// Gives somebody an account. What its network says of them is asked anew: it spoke of fewer accounts.
    pub(super) fn link(&mut self, at: u64, person: &PersonId, account: &Account) {
        self.people.change(at, person, |row| {
            row.accounts.insert(account.clone());
        });
        self.holds(at, person, account);
        self.rights.change(at, person, |said| {
            said.remove(&account.surface);
        });
    }

    /// Takes an account from somebody, with what the source of its rights said of them and the browsers that speak for
    /// them by it.
    pub(super) fn unlink(&mut self, at: u64, person: &PersonId, account: &Account) {
        self.people.change(at, person, |row| {
            row.accounts.remove(account);
        });
        self.lets_go(at, person, account);
        self.rights.change(at, person, |said| {
            said.remove(&account.surface);
        });
        let by_it = self.sessions.iter().filter(|(_, session)| session.account.as_ref() == Some(account));
        for hash in by_it.map(|(hash, _)| hash.clone()).collect::<Vec<_>>() {
            self.sessions.remove(at, &hash);
        }
    }

    fn missed(&mut self, at: u64, person: &PersonId, now: Timestamp) {
        let before = self.misses.get(person).filter(|misses| misses.since + WHILE > now);
        let before = before.copied().unwrap_or(Misses { count: 0, since: now });
        self.misses.put(at, person.clone(), Misses { count: before.count + 1, ..before });
    }

    fn forget_offers(&mut self, at: u64, which: impl Fn(&Offer) -> bool) {
        let over = self.offers.iter().filter(|(_, offer)| which(offer));
        for hash in over.map(|(hash, _)| hash.clone()).collect::<Vec<_>>() {
            self.offers.remove(at, &hash);
        }
    }
}
