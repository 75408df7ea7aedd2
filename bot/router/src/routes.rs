//! A table made ready for looking up: hosts and people hashed, stacks shared.
//!
//! Built once for each table; a request only reads it. Stacks that stay are taken over from the routes before,
//! with their idle connections, so that a new table costs the visitors nothing.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::arms::Arms;
use crate::stack::Stack;
use crate::table::{Backend, HostPattern, Link, LinkHash, Table};

/// Everything that decides where a request goes.
pub(crate) struct Routes {
    pub(crate) table: Table,
    hosts: HashMap<Box<str>, Place>,
    below: HashSet<Box<str>>,
    people: HashMap<Box<str>, Arc<Stack>>,
    default: Arc<Stack>,
    stacks: HashMap<Backend, Arc<Stack>>,
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
    pub(crate) fn build(table: Table, before: Option<&Self>, arms: &Arms, workers: usize) -> Self {
        let fresh = |backend: &Backend| {
            let taken_over = before.and_then(|routes| routes.stacks.get(backend)).cloned();
            taken_over.unwrap_or_else(|| {
                Arc::new(Stack::new(backend.upstream.clone(), arms.of(&backend.arm), workers))
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
        let mut below = HashSet::new();
        for pattern in &table.service.hosts {
            match pattern {
                HostPattern::Exact(host) => drop(hosts.insert(host.as_str().into(), Place::Service)),
                HostPattern::Below(host) => drop(below.insert(host.as_str().into())),
            }
        }
        arms.keep(&stacks.keys().map(|backend| &backend.arm).collect());
        Self { table, hosts, below, people, default, stacks }
    }

    /// What a host is: the exact name first, then the wildcards.
    pub(crate) fn place(&self, host: &str) -> Option<Place> {
        let wild = || {
            let mut parents = host.match_indices('.').filter_map(|(at, _)| host.get(at + 1..));
            parents.any(|parent| self.below.contains(parent)).then_some(Place::Service)
        };
        self.hosts.get(host).cloned().or_else(wild)
    }

    /// Where a person's requests go.
    pub(crate) fn stack_of(&self, person: &str) -> Arc<Stack> {
        Arc::clone(self.people.get(person).unwrap_or(&self.default))
    }

    /// Where everybody else's requests go.
    pub(crate) fn default_stack(&self) -> Arc<Stack> {
        Arc::clone(&self.default)
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
