//! A table made ready for looking up: hosts and people hashed, stacks shared.
//!
//! Built once for each table; a request only reads it. Stacks that stay are taken over from the routes before,
//! with their idle connections, so that a new table costs the visitors nothing.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::arms::Arms;
use crate::config::RouterConfig;
use crate::endpoints::Claims;
use crate::rollout::{self, Known, Rollout, Trial, Way};
use crate::stack::Stack;
use crate::table::{Arm, Backend, HostPattern, Link, LinkHash, Table};

/// Everything that decides where a request goes.
pub(crate) struct Routes {
    pub(crate) table: Table,
    hosts: HashMap<Box<str>, Place>,
    below: HashSet<Box<str>>,
    people: HashMap<Box<str>, Arc<Stack>>,
    default: Arc<Stack>,
    rollout: Option<Arc<Rollout>>,
    stacks: HashMap<Backend, Arc<Stack>>,
}

/// What routes are built on.
pub(crate) struct Ground<'a> {
    pub(crate) before: Option<&'a Routes>,
    pub(crate) arms: &'a Arms,
    pub(crate) config: &'a RouterConfig,
    /// The counting of the rollout, where the table has one.
    pub(crate) trial: Option<Arc<Trial>>,
}

/// What a host is.
#[derive(Clone)]
pub(crate) enum Place {
    /// The service: whom it leads where depends on the visitor.
    Service,
    /// A preview: everybody sees the same.
    Preview(Arc<Stack>),
}

impl Routes {
    pub(crate) fn build(table: Table, ground: &Ground<'_>) -> Self {
        let chosen: HashSet<&Arm> = table.people.values().map(|mix| &mix.arm).collect();
        let fresh = |backend: &Backend| {
            let taken_over = ground.before.and_then(|routes| routes.stacks.get(backend)).cloned();
            taken_over.unwrap_or_else(|| {
                let claims = if chosen.contains(&backend.arm) { Claims::All } else { Claims::Answered };
                let (counters, workers) = (ground.arms.of(&backend.arm, claims), ground.config.workers.get());
                Arc::new(Stack::new(backend.upstream.clone(), counters, workers))
            })
        };
        let default = fresh(&table.service.default);
        let mut stacks = HashMap::from([(table.service.default.clone(), Arc::clone(&default))]);
        let mut stack =
            |backend: &Backend| Arc::clone(stacks.entry(backend.clone()).or_insert_with(|| fresh(backend)));
        let people = table.people.iter().map(|(person, mix)| (person.as_str().into(), stack(mix))).collect();
        let mut hosts: HashMap<Box<str>, Place> = table
            .previews
            .iter()
            .map(|(host, preview)| (host.as_str().into(), Place::Preview(stack(preview))))
            .collect();
        let split = table.service.rollout.as_ref().zip(ground.trial.as_ref());
        let rollout = split
            .map(|(split, trial)| rollout::hold(trial, split, &ground.config.waits, stack(&split.candidate)));
        let mut below = HashSet::new();
        for pattern in &table.service.hosts {
            match pattern {
                HostPattern::Exact(host) => drop(hosts.insert(host.as_str().into(), Place::Service)),
                HostPattern::Below(host) => drop(below.insert(host.as_str().into())),
            }
        }
        ground.arms.keep(&stacks.keys().map(|backend| &backend.arm).collect());
        Self { table, hosts, below, people, default, rollout, stacks }
    }

    /// What a host is: the exact name first, then the wildcards.
    pub(crate) fn place(&self, host: &str) -> Option<Place> {
        let wild = || {
            let mut parents = host.match_indices('.').filter_map(|(at, _)| host.get(at + 1..));
            parents.any(|parent| self.below.contains(parent)).then_some(Place::Service)
        };
        self.hosts.get(host).cloned().or_else(wild)
    }

    /// The stack of a person who has a mix of their own.
    pub(crate) fn own(&self, person: &str) -> Option<Arc<Stack>> {
        self.people.get(person).cloned()
    }

    /// Where everybody else's requests go: to the default, or to the candidate of a rollout.
    pub(crate) fn way(&self, visitor: Option<Known<'_>>, headers: &HeaderMap) -> Way {
        match &self.rollout {
            None => Way::to(Arc::clone(&self.default)),
            Some(rollout) => rollout.way(visitor, headers, &self.default),
        }
    }

    /// The counting of the rollout under way.
    pub(crate) fn trial(&self) -> Option<&Arc<Trial>> {
        self.rollout.as_ref().map(|rollout| &rollout.trial)
    }

    /// The header in which a peer may name a person, if the peer is trusted.
    pub(crate) fn believed(&self, peer: IpAddr) -> Option<&HeaderName> {
        let trusted = self.table.trusted.as_ref()?;
        trusted.addresses.contains(&peer.to_canonical()).then(|| trusted.header.name())
    }

    /// The header that only trusted peers may send.
    pub(crate) fn reserved(&self) -> Option<&HeaderName> {
        self.table.trusted.as_ref().map(|trusted| trusted.header.name())
    }

    pub(crate) fn link(&self, hash: &LinkHash) -> Option<&Link> {
        self.table.links.get(hash)
    }

    pub(crate) fn stacks(&self) -> impl Iterator<Item = &Arc<Stack>> {
        self.stacks.values()
    }
}

/// The person whom a trusted peer names: exactly one, or nobody.
pub(crate) fn named<'a>(headers: &'a HeaderMap, believed: Option<&HeaderName>) -> Option<&'a str> {
    let mut values = headers.get_all(believed?).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::trim),
        _ => None,
    }
}
