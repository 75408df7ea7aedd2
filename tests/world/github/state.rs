//! Everything that this GitHub knows: accounts, repositories, and what was said on pull requests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

use super::check::{Check, Protection, Status};
use super::deployment::Deployment;
use super::fault::Faults;
use super::git::Bare;
use super::hook::{Delivery, Hook};
use super::limit::Spent;
use super::pages::App;
use super::pull::{Comment, LineComment, Pull, Reaction};
use super::token::Token;

/// The App's number.
pub const APP: u64 = 7001;
/// The number of its one installation.
pub(super) const INSTALLATION: u64 = 9001;

/// The whole of it.
pub(super) struct State {
    pub clock: Clock,
    /// Where it is served: `http://127.0.0.1:12000`.
    pub home: String,
    last: u64,
    pub accounts: BTreeMap<u64, Account>,
    pub repositories: Vec<Repository>,
    pub teams: Vec<Team>,
    pub app: App,
    pub tokens: BTreeMap<String, Token>,
    pub hook: Option<Hook>,
    pub deliveries: Vec<Delivery>,
    /// Deliveries that are to be sent, by their place in `deliveries`.
    pub queue: VecDeque<usize>,
    pub faults: Faults,
    pub spent: Spent,
    pub violations: Vec<String>,
    pub calls: Vec<String>,
}

/// What time it is here: the machine's time, moved on by what a story says.
#[derive(Default)]
pub(super) struct Clock {
    ahead: Duration,
}

/// A person or a bot.
pub(super) struct Account {
    pub id: u64,
    pub login: String,
    pub kind: Kind,
}

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Bot,
    Organization,
}

/// What somebody may do in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing, in a repository that is private.
    None,
    /// As everybody in a public repository.
    Read,
    /// Handles issues and pull requests.
    Triage,
    /// Pushes.
    Write,
    /// Runs it, but for what is dangerous.
    Maintain,
    /// Everything.
    Admin,
}

/// A repository.
pub(super) struct Repository {
    pub id: u64,
    pub owner: u64,
    pub name: String,
    pub bare: Bare,
    pub collaborators: BTreeMap<u64, Permission>,
    /// What teams may do here, by their short names.
    pub teams: BTreeMap<String, Permission>,
    pub pulls: BTreeMap<u64, Pull>,
    pub comments: BTreeMap<u64, Comment>,
    pub lines: BTreeMap<u64, LineComment>,
    /// By the comment that they are to.
    pub reactions: BTreeMap<u64, Vec<Reaction>>,
    pub checks: BTreeMap<u64, Check>,
    pub statuses: Vec<Status>,
    pub deployments: BTreeMap<u64, Deployment>,
    pub protection: BTreeMap<String, Protection>,
}

/// A team of the organisation.
pub(super) struct Team {
    pub id: u64,
    pub slug: String,
    /// The team that it is a part of.
    pub within: Option<String>,
    pub members: BTreeSet<u64>,
}

impl State {
    pub fn new(home: String) -> Self {
        let mut state = Self {
            clock: Clock::default(),
            home,
            last: 1000,
            accounts: BTreeMap::new(),
            repositories: Vec::new(),
            teams: Vec::new(),
            app: App::default(),
            tokens: BTreeMap::new(),
            hook: None,
            deliveries: Vec::new(),
            queue: VecDeque::new(),
            faults: Faults::default(),
            spent: Spent::default(),
            violations: Vec::new(),
            calls: Vec::new(),
        };
        state.app.account = state.account("folkops[bot]", Kind::Bot);
        state
    }

    /// A number that nothing else has.
    pub fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The account of that name, made where there is none.
    pub fn account(&mut self, login: &str, kind: Kind) -> u64 {
        if let Some(known) = self.by_login(login) {
            return known.id;
        }
        let id = self.next();
        self.accounts.insert(id, Account { id, login: login.to_owned(), kind });
        id
    }

    pub fn by_login(&self, login: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.login.eq_ignore_ascii_case(login))
    }

    pub fn login(&self, id: u64) -> &str {
        self.accounts.get(&id).map_or("ghost", |account| &account.login)
    }

    pub fn full_name(&self, repository: &Repository) -> String {
        format!("{}/{}", self.login(repository.owner), repository.name)
    }

    /// Where the repository `owner/name` stands.
    pub fn place(&self, owner: &str, name: &str) -> Option<usize> {
        let owner = self.by_login(owner)?.id;
        self.repositories.iter().position(|one| one.owner == owner && one.name.eq_ignore_ascii_case(name))
    }

    /// What somebody may do there, by themself or by a team; it is public.
    pub fn permission(&self, at: usize, account: u64) -> Permission {
        let (own, teams) = (&self.repositories[at].collaborators, &self.repositories[at].teams);
        let by_team = teams.iter().filter(|(team, _)| self.is_member(team, account)).map(|(_, may)| *may);
        by_team.chain(own.get(&account).copied()).max().unwrap_or(Permission::Read)
    }

    /// Whether somebody is in a team or in one that is a part of it.
    pub fn is_member(&self, slug: &str, account: u64) -> bool {
        let named = |team: &&Team| team.slug == slug;
        let parts = self.teams.iter().filter(|team| team.within.as_deref() == Some(slug));
        self.teams.iter().find(named).is_some_and(|team| team.members.contains(&account))
            || parts.into_iter().any(|part| self.is_member(&part.slug, account))
    }
}

impl Repository {
    pub fn new(id: u64, owner: u64, bare: Bare) -> Self {
        Self {
            id,
            owner,
            name: bare.name().to_owned(),
            bare,
            collaborators: BTreeMap::new(),
            teams: BTreeMap::new(),
            pulls: BTreeMap::new(),
            comments: BTreeMap::new(),
            lines: BTreeMap::new(),
            reactions: BTreeMap::new(),
            checks: BTreeMap::new(),
            statuses: Vec::new(),
            deployments: BTreeMap::new(),
            protection: BTreeMap::new(),
        }
    }
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the program under test lives in the machine's time")]
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::try_from(SystemTime::now() + self.ahead).expect("a time of this age");
        // GitHub tells whole seconds.
        Timestamp::from_second(now.as_second()).expect("a time of this age")
    }

    pub fn passes(&mut self, time: Duration) {
        self.ahead += time;
    }

    pub fn after(&self, time: SignedDuration) -> Timestamp {
        self.now() + time
    }
}

impl Permission {
    /// The old word, of which there are four.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read | Self::Triage => "read",
            Self::Write | Self::Maintain => "write",
            Self::Admin => "admin",
        }
    }

    /// The role, by its own word.
    pub fn role(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Maintain => "maintain",
            other => other.word(),
        }
    }
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Bot => "Bot",
            Self::Organization => "Organization",
        }
    }
}
