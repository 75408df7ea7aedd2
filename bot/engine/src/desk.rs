//! What a command may ask beside facts: the judge, the other commands, the addresses that replies name, a link.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use folkops_model::ports::{Entropy, random_word};
use folkops_model::{
    Action, Args, Authority, Card, CommandSpec, ComponentName, Decision, Group, Owner, PersonId, Place,
    PreviewId, Principal, Sealed, Sha,
};
use folkops_record::{Facts, Keyring, KeyringError};
use sha2::{Digest as _, Sha256};

use crate::command::{Ask, Call, Command};
use crate::folds::People;
use crate::registry::Registry;
use crate::rights::{Scope, Standing};
use crate::text::{Line, Misread, Reading, grammar, read};

/// Letters of a code that people type: 80 random bits.
const CODE: usize = 16;

/// The addresses that replies name.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The site, without a slash at the end, such as `http://folkops.localhost:7070`.
    pub site: String,
    /// Scheme of the service and of previews, `http` or `https`.
    pub scheme: String,
    /// Host and port of the service, such as `potluck.localhost:7080`.
    pub service: String,
    /// Whether each person has a host of their own below the service's, named by their account in the service.
    pub owner_hosts: bool,
    /// Host and port below which previews stand.
    pub previews: String,
    /// Where the repositories of components are on the web that have a place there, without a slash at the end.
    pub repositories: BTreeMap<ComponentName, String>,
}

impl Addresses {
    /// Where a preview is.
    pub fn preview(&self, preview: &PreviewId) -> String {
        format!("{}://{preview}.{}/", self.scheme, self.previews)
    }
    /// Where a component's forge shows the difference of two commits' trees, where it has pages.
    pub fn compare(&self, component: &ComponentName, from: &Sha, to: &Sha) -> Option<String> {
        self.repositories.get(component).map(|repository| format!("{repository}/compare/{from}..{to}"))
    }
    /// Where a person's own service is.
    pub fn service_of(&self, owner: &Owner) -> String {
        if self.owner_hosts {
            format!("{}://{owner}.{}/", self.scheme, self.service)
        } else {
            format!("{}://{}/", self.scheme, self.service)
        }
    }
}

/// A one-time link, minted.
#[derive(Debug, Clone)]
pub struct MintedLink {
    /// SHA-256 of its token, hex: what is kept.
    pub hash: String,
    /// The whole link, sealed: what one person gets to see.
    pub link: Sealed,
}

/// A one-time code, minted.
#[derive(Debug, Clone)]
pub struct MintedCode {
    /// SHA-256 of it, hex: what is kept.
    pub hash: String,
    /// The whole line that says it, sealed: what one person gets to see.
    pub line: Sealed,
}

/// What a judge said to a line, without anything being done.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The command's declaration.
    pub spec: &'static CommandSpec,
    /// What was judged.
    pub action: Action,
    /// The judgement.
    pub decision: Decision,
}

/// What a command may ask beside facts.
pub struct Desk {
    /// All commands.
    pub registry: Registry,
    /// The judge.
    pub authority: Arc<dyn Authority>,
    /// Seals what only one person may see.
    pub keyring: Arc<dyn Keyring>,
    /// Draws tokens.
    pub entropy: Arc<dyn Entropy>,
    /// The addresses that replies name.
    pub addresses: Addresses,
    /// The service.
    pub service: folkops_model::ServiceId,
}

impl Desk {
    /// The action of a call, with the facts that policy asks for.
    pub fn action(
        &self,
        spec: &'static CommandSpec,
        principal: &Principal,
        facts: &Facts<'_>,
        ask: Ask,
    ) -> Action {
        let Ask { resource, also, context } = ask;
        let scope = Scope { class: spec.class, resource: &resource, also: &also };
        let Standing { groups, as_of } = Standing::of(facts, principal, scope);
        Action {
            service: self.service.clone(),
            principal: principal.clone(),
            groups,
            command: spec.name.to_owned(),
            class: spec.class,
            resource,
            also,
            context,
            rights_as_of: as_of,
        }
    }

    /// A recorded action with the groups of now.
    pub fn anew(&self, facts: &Facts<'_>, action: &Action) -> Action {
        let Standing { groups, as_of } = Standing::of(facts, &action.principal, Scope::of(action));
        Action { groups, rights_as_of: as_of, ..action.clone() }
    }

    /// Who else would be allowed to do this, in order of their ids, by the rights that were known within a day.
    pub fn who_could(&self, facts: &Facts<'_>, action: &Action) -> Vec<PersonId> {
        let facts = facts.aside();
        let Some(people) = facts.fold::<People>() else { return Vec::new() };
        // There are few ways to stand in groups, however many people there are.
        let mut standing: BTreeMap<BTreeSet<Group>, bool> = BTreeMap::new();
        let mut could = |id: &PersonId| {
            let principal = Principal::Person(id.clone());
            let groups = Standing::lately(&facts, &principal, Scope::of(action));
            let by_name = self.authority.names(&principal);
            let judged =
                |groups| self.authority.judge(&Action { principal, groups, ..action.clone() }).allows();
            match by_name {
                true => judged(groups),
                false => *standing.entry(groups).or_insert_with_key(|groups| judged(groups.clone())),
            }
        };
        let themselves = people.people.iter().map(|(id, _)| id).filter(|id| people.now(&facts, id) == *id);
        themselves.filter(|id| could(id)).cloned().collect()
    }

    /// What the judge would say if this call's principal said that line. Nothing happens.
    pub fn would(&self, call: &Call<'_>, facts: &Facts<'_>, line: &str) -> Result<Judged, Box<Card>> {
        let misread = |misread: Misread| Box::new(crate::cards::misread(&misread));
        let text = if line.starts_with('/') { line.to_owned() } else { format!("/{line}") };
        let line = match read(&text) {
            Reading::Line(line) => line,
            Reading::Misread(wrong) => return Err(misread(wrong)),
            Reading::Talk => return Err(misread(Misread::Unknown { given: text, nearest: None })),
        };
        let (command, args) = self.parse(&line, call.principal, call.place).map_err(misread)?;
        let call = Call { args: &args, ..*call };
        let ask = command.ask(&call, facts)?;
        let action = self.action(command.spec(), call.principal, facts, ask);
        let decision = self.authority.judge(&action);
        Ok(Judged { spec: command.spec(), action, decision })
    }

    /// Finds the command of a line and matches its words.
    pub fn parse(
        &self,
        line: &Line,
        principal: &Principal,
        place: &Place,
    ) -> Result<(Arc<dyn Command>, Args), Misread> {
        let command = self.registry.find(&line.name, principal)?.clone();
        let args = grammar::parse(command.spec(), line, place.about.as_ref())?;
        Ok((command, args))
    }

    /// Mints a one-time link to a person's own service.
    pub fn link(&self, owner: &Owner) -> Result<MintedLink, KeyringError> {
        let token = random_word(self.entropy.as_ref(), 32);
        let hash = hash_of(&token);
        let link = format!("{}.folkops/join/{token}", self.addresses.service_of(owner));
        Ok(MintedLink { hash, link: self.keyring.seal(&link)? })
    }

    /// Mints a one-time code that is said behind a command's name.
    pub fn code(&self, command: &str) -> Result<MintedCode, KeyringError> {
        let code = random_word(self.entropy.as_ref(), CODE);
        Ok(MintedCode { hash: hash_of(&code), line: self.keyring.seal(&format!("/{command} {code}"))? })
    }
}

/// SHA-256 in lower-case hex, by which a secret is kept.
pub fn hash_of(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
