//! Who is known here, in which groups, and which browsers speak for them.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{Account, Group, Owner, PersonId, Sealed, SurfaceName};
use folkops_record::{AnyTable, Body, Facts, Fold, Record, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::links::{Misses, Offer};
use crate::rights::Said;

/// Somebody known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their name.
    pub name: Sealed,
    /// Groups they stand in.
    pub groups: BTreeSet<Group>,
    /// Accounts that are theirs.
    pub accounts: BTreeSet<Account>,
    /// Their account in the service.
    pub owner: Option<Owner>,
}

/// A link somebody may join with, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Who they will be.
    pub person: Person,
    /// Until when, UTC.
    pub expires: Timestamp,
}

/// A browser that speaks for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// For whom.
    pub person: PersonId,
    /// Until when, UTC.
    pub expires: Timestamp,
    /// The account by which they signed in, where they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct People {
    /// By id.
    pub people: Table<PersonId, Person>,
    /// Whose each account is, by the account as it is written.
    accounts: Table<String, PersonId>,
    /// By id: what each source of rights said of them last.
    pub rights: Table<PersonId, BTreeMap<SurfaceName, Said>>,
    /// By SHA-256 of the link's token, hex.
    pub invitations: Table<String, Invitation>,
    /// By SHA-256 of the cookie, hex.
    pub sessions: Table<String, Session>,
    /// Who turned out to be somebody else, and whom: nobody who did so themself.
    pub became: Table<PersonId, PersonId>,
    /// Codes that link accounts, by SHA-256, hex.
    pub offers: Table<String, Offer>,
    /// Wrong codes, by who said them.
    pub misses: Table<PersonId, Misses>,
}

impl Default for People {
    fn default() -> Self {
        Self {
            people: Table::new("people"),
            accounts: Table::new("accounts"),
            rights: Table::new("rights"),
            invitations: Table::new("invitations"),
            sessions: Table::new("sessions"),
            became: Table::new("became"),
            offers: Table::new("link-codes"),
            misses: Table::new("link-misses"),
        }
    }
}

impl People {
    /// Whose account this is, as a look at this account alone: an account that is linked on this look is linked once.
    pub fn holder<'a>(&'a self, facts: &Facts<'_>, account: &Account) -> Option<&'a PersonId> {
        facts.row(&self.accounts, &written(account))
    }

    /// Whose account this is.
    pub fn by_account(&self, account: &Account) -> Option<(&PersonId, &Person)> {
        let id = self.accounts.get(&written(account))?;
        self.people.get(id).map(|person| (id, person))
    }

    fn joins(&mut self, at: u64, id: &PersonId, person: Person) {
        for account in &person.accounts {
            self.holds(at, id, account);
        }
        self.people.put(at, id.clone(), person);
    }

    // INVARIANT: an account speaks for one person. Where several were invited with it, whoever joined first has it until it is
    // taken from them, and then one of the others.
    pub(super) fn holds(&mut self, at: u64, id: &PersonId, account: &Account) {
        let account = written(account);
        if self.accounts.get(&account).is_none() {
            self.accounts.put(at, account, id.clone());
        }
    }

    pub(super) fn lets_go(&mut self, at: u64, id: &PersonId, account: &Account) {
        let key = written(account);
        if self.accounts.get(&key) != Some(id) {
            return;
        }
        let mut others = self.people.iter().filter(|(other, _)| *other != id);
        match others.find(|(_, person)| person.accounts.contains(account)).map(|(other, _)| other.clone()) {
            Some(other) => self.accounts.put(at, key, other),
            None => drop(self.accounts.remove(at, &key)),
        }
    }
}

/// An account as one word; no surface's name holds a slash.
fn written(account: &Account) -> String {
    format!("{}/{}", account.surface, account.id)
}

impl Fold for People {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        match &record.body {
            Body::InvitationMade { hash, name, groups, accounts, owner, expires } => {
                let person = Person {
                    name: name.clone(),
                    groups: groups.clone(),
                    accounts: accounts.clone(),
                    owner: owner.clone(),
                };
                self.invitations.put(at, hash.clone(), Invitation { person, expires: *expires });
            }
            Body::InvitationUsed { hash, .. } => {
                self.invitations.remove(at, hash);
            }
            Body::PersonJoined { person, name, groups, accounts, owner } => {
                let row = Person {
                    name: name.clone(),
                    groups: groups.clone(),
                    accounts: accounts.clone(),
                    owner: owner.clone(),
                };
                self.joins(at, person, row);
            }
            Body::PersonGranted { person, group } => self.people.change(at, person, |row| {
                row.groups.insert(*group);
            }),
            Body::PersonRevoked { person, group } => self.people.change(at, person, |row| {
                row.groups.remove(group);
            }),
            Body::AccountLinked { person, account } => self.link(at, person, account),
            Body::PersonBecame { person, into } => self.becomes(at, person, into),
            Body::Intended(intent) => self.intended(record, intent),
            Body::AccountUnlinked { person, account } => self.unlink(at, person, account),
            Body::RightsObserved { person, source, rights } => {
                let mut said = self.rights.get(person).cloned().unwrap_or_default();
                said.insert(source.clone(), Said { at: record.time, rights: rights.clone() });
                self.rights.put(at, person.clone(), said);
            }
            Body::SessionOpened { hash, person, expires, account } => {
                let (person, account) = (person.clone(), account.clone());
                self.sessions.put(at, hash.clone(), Session { person, expires: *expires, account });
            }
            Body::SessionClosed { hash } => {
                self.sessions.remove(at, hash);
            }
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        let Self { people, accounts, rights, invitations, sessions, became, offers, misses } = self;
        vec![people, accounts, rights, invitations, sessions, became, offers, misses]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        let Self { people, accounts, rights, invitations, sessions, became, offers, misses } = self;
        vec![people, accounts, rights, invitations, sessions, became, offers, misses]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_account_that_two_were_invited_with_is_the_first_one_s_and_then_the_other_s() {
        let account = Account { surface: SurfaceName::parse("github").unwrap(), id: "7".into() };
        let id = |name: &str| PersonId::parse(name).unwrap();
        let person = || Person {
            name: Sealed { key: 1, text: String::new() },
            groups: BTreeSet::new(),
            accounts: BTreeSet::from([account.clone()]),
            owner: None,
        };
        let mut people = People::default();
        people.joins(1, &id("zoe"), person());
        people.joins(2, &id("ana"), person());
        let holder = |people: &People| people.by_account(&account).map(|(id, _)| id.to_string());
        assert_eq!(holder(&people).as_deref(), Some("zoe"));
        people.unlink(3, &id("zoe"), &account);
        assert_eq!(holder(&people).as_deref(), Some("ana"));
        people.unlink(4, &id("ana"), &account);
        assert_eq!(holder(&people), None);
    }
}
