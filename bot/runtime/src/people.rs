//! Who is let in: invitations and groups, as an operator gives them at the machine's own prompt.
//!
//! Whoever may open the state folder is an operator already; so these go by no room and no policy, but they are
//! recorded like everything else.

use std::collections::BTreeSet;

use folkops_engine::{Facts, People};
use folkops_model::ports::{Entropy, random_word};
use folkops_model::{Account, Group, Owner, PersonId, Principal, Sealed, SurfaceName};
use folkops_record::{Body, Keyring, Ledger};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How long an invitation may be used.
const INVITATION: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3_600);

/// Something an operator asks for at the prompt.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// A link for somebody to join with.
    Invite {
        /// How they will be called.
        name: String,
        /// Groups they will stand in.
        groups: BTreeSet<Group>,
        /// Their account in the service.
        owner: Option<Owner>,
        /// The e-mail by which their commits are known.
        git: Option<String>,
    },
    /// Puts somebody into a group, or takes them out of it.
    Grant {
        /// Their name or id.
        person: String,
        /// Which group.
        group: Group,
        /// Out of it.
        revoke: Revoke,
    },
    /// Takes somebody's name and everything they said away, everywhere and for ever.
    Erase {
        /// Their name or id.
        person: String,
    },
    /// Goes back to an earlier release, through the pipeline, in the automation's name.
    Rollback {
        /// Which release; the one before without it.
        release: Option<u64>,
    },
}

/// In or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revoke {
    /// In.
    No,
    /// Out.
    Yes,
}

/// What is to be recorded, and what is said.
pub struct Done {
    /// Records.
    pub bodies: Vec<Body>,
    /// What is erased once the records are durable.
    pub erased: Vec<Sealed>,
    /// A sentence, or a link.
    pub said: String,
}

/// What people administration needs.
pub struct Office<'a> {
    /// The journal.
    pub ledger: &'a Ledger,
    /// The key store.
    pub keyring: &'a dyn Keyring,
    /// Dice.
    pub entropy: &'a dyn Entropy,
    /// The site's address, for links.
    pub site: &'a str,
}

impl Office<'_> {
    /// Makes an invitation.
    pub fn invite(
        &self,
        name: &str,
        groups: &BTreeSet<Group>,
        owner: Option<&Owner>,
        git: Option<&str>,
    ) -> Result<Done, String> {
        let shown = name.trim();
        if shown.is_empty() || shown.chars().count() > 60 || shown.chars().any(char::is_control) {
            return Err("a name has 1 to 60 characters and no control characters".into());
        }
        let token = random_word(self.entropy, 32);
        let accounts = git.map(git_account).transpose()?.into_iter().collect();
        let expires = self.ledger.read(|facts| facts.now() + INVITATION);
        let made = Body::InvitationMade {
            hash: folkops_engine::hex(&Sha256::digest(token.as_bytes())),
            name: self.keyring.seal(shown).map_err(|error| error.to_string())?,
            groups: groups.clone(),
            accounts,
            owner: owner.cloned(),
            expires,
        };
        Ok(Done {
            bodies: vec![made],
            erased: vec![],
            said: format!("{}/join/{token}", self.site.trim_end_matches('/')),
        })
    }

    /// Puts somebody into a group or takes them out.
    pub fn grant(&self, person: &str, group: Group, revoke: Revoke) -> Result<Done, String> {
        let found = self.ledger.read(|facts| self.find(facts, person));
        let person = found?;
        let (body, said) = match revoke {
            Revoke::No => (Body::PersonGranted { person, group }, format!("done: in the group {group}")),
            Revoke::Yes => {
                (Body::PersonRevoked { person, group }, format!("done: not in the group {group} any more"))
            }
        };
        Ok(Done { bodies: vec![body], erased: vec![], said })
    }

    /// Ends somebody's rights and sessions, and finds every text of theirs. What they did stays recorded, without them.
    pub fn erase(&self, person: &str) -> Result<Done, String> {
        self.ledger.read(|facts| {
            let id = self.find(facts, person)?;
            let people = facts.fold::<People>().ok_or("nobody is known yet")?;
            let row = people.people.get(&id).ok_or("nobody is known yet")?;
            let groups =
                row.groups.iter().map(|group| Body::PersonRevoked { person: id.clone(), group: *group });
            let sessions = people.sessions.iter().filter(|(_, session)| session.person == id);
            let sessions = sessions.map(|(hash, _)| Body::SessionClosed { hash: hash.clone() });
            // Whoever signs in with one of them afterwards is somebody new.
            let accounts = row.accounts.iter().cloned();
            let accounts = accounts.map(|account| Body::AccountUnlinked { person: id.clone(), account });
            // Who turned out to be them is them.
            let earlier = people.became.iter().filter(|(_, now)| **now == id).map(|(earlier, _)| earlier);
            let earlier: BTreeSet<&PersonId> = earlier.collect();
            let (texts, mut names) = self.given_by(&earlier.iter().copied().chain([&id]).collect(), row)?;
            names.extend(earlier.iter().filter_map(|earlier| Some(people.people.get(earlier)?.name.clone())));
            let many = match texts.len() {
                1 => "1 text".to_owned(),
                many => format!("{many} texts"),
            };
            let said = format!("done: the name and {many} are gone, here and in every copy of the journal");
            let erased = std::iter::once(row.name.clone()).chain(texts).chain(names).collect();
            Ok(Done { bodies: groups.chain(accounts).chain(sessions).collect(), erased, said })
        })
    }

    /// Every text that a person gave, messages and what commands kept of them; and every name that was seen on their
    /// commits. The journal is asked, because the folds forget what is long over.
    fn given_by(
        &self,
        persons: &BTreeSet<&PersonId>,
        row: &folkops_engine::Person,
    ) -> Result<(Vec<Sealed>, Vec<Sealed>), String> {
        let own =
            |author: &str| Account::of_author(author).is_some_and(|account| row.accounts.contains(&account));
        let theirs =
            |principal: &Principal| principal.person().is_some_and(|person| persons.contains(person));
        let (mut texts, mut names) = (Vec::new(), Vec::new());
        let read = self.ledger.records(&mut |record| match &record.body {
            Body::RequestReceived(request) if theirs(&request.principal) => texts.push(request.text.clone()),
            Body::OperationDecided(decided) if theirs(&decided.action.principal) => {
                texts.extend(decided.args.texts().filter_map(|text| text.sealed.clone()));
            }
            Body::ChangeObserved { change, author_name, .. } if own(&change.author) => {
                names.push(author_name.clone());
            }
            _ => {}
        });
        read.map(|()| (texts, names)).map_err(|error| error.to_string())
    }

    fn find(&self, facts: &Facts<'_>, wanted: &str) -> Result<PersonId, String> {
        let Some(people) = facts.fold::<People>() else { return Err("nobody is known yet".into()) };
        let is = |(id, row): &(&PersonId, &folkops_engine::Person)| {
            id.as_str() == wanted
                || self.keyring.open(&row.name).is_some_and(|name| name.eq_ignore_ascii_case(wanted))
        };
        let here = people.people.iter().filter(|(id, _)| people.now(facts, id) == *id);
        let found: Vec<&PersonId> = here.filter(is).map(|(id, _)| id).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(format!(
                "nobody here is called `{wanted}`; they join with a link from `folkops invite` first"
            )),
            several => {
                let ids: Vec<&str> = several.iter().map(|id| id.as_str()).collect();
                Err(format!("`{wanted}` is the name of several people; use an id: {}", ids.join(", ")))
            }
        }
    }
}

/// The account of an e-mail in commits: its hash, as the local forge gives it.
pub fn git_account(email: &str) -> Result<Account, String> {
    let surface = SurfaceName::parse("git").map_err(|error| error.to_string())?;
    Ok(Account { surface, id: folkops_git::author_id(email) })
}
