//! What the bot tells the router: which host and which person goes to which stack.
//!
//! The table is whole, never a difference, and carries a version that only grows; the router keeps the last one
//! on disk and serves it without the bot. It holds no secret: one-time links stand in it by hash.

use std::collections::BTreeMap;
use std::net::IpAddr;

use folkops_model::PersonId;
use serde::{Deserialize, Serialize};

pub use crate::names::{Arm, Host, HostPattern, LinkHash, TrustedHeader, Upstream};
pub use crate::split::{Salt, Split, Weight};

/// One whole routing table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Grows with every change; the router refuses a lower one, and the same one with other content.
    pub version: u64,
    /// The operated service.
    pub service: Service,
    /// Whose requests go to a mix of their own; everybody else goes to the service's default.
    #[serde(default)]
    pub people: BTreeMap<PersonId, Backend>,
    /// Hosts of running previews. A host named here wins over a wildcard of the service.
    #[serde(default)]
    pub previews: BTreeMap<Host, Backend>,
    /// One-time links that tie a browser to a person.
    #[serde(default)]
    pub links: BTreeMap<LinkHash, Link>,
    /// Proxies that may name the person in a header, for clients that keep no cookie.
    #[serde(default)]
    pub trusted: Option<Trusted>,
}

/// The hosts of the service and where they lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// At least one.
    pub hosts: Vec<HostPattern>,
    /// What everybody gets who has no mix of their own.
    pub default: Backend,
    /// The rollout under way: who of them already gets the next build, and what is counted of it.
    #[serde(default)]
    pub rollout: Option<Split>,
}

/// One running stack, as the router sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// What its outcomes are counted for.
    pub arm: Arm,
    /// Where its front component listens.
    pub upstream: Upstream,
}

/// A link that works once, in one browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Whom it ties the browser to.
    pub person: PersonId,
    /// What the page calls that person; at most 80 characters. Without it the page says "this person".
    #[serde(default)]
    pub name: Option<String>,
    /// The one service host on which it is valid.
    pub host: Host,
    /// Seconds since 1970 (UTC) at which it stops working.
    pub expires: i64,
}

/// Whose word about a person is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trusted {
    /// Peer addresses, of the connection itself and never of a header.
    pub addresses: Vec<IpAddr>,
    /// The header whose value is a person's id. From every other peer it is removed.
    pub header: TrustedHeader,
}

/// A table that parses but contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Nothing would ever reach the service.
    #[error("the service has no host: name at least one under `service.hosts`")]
    NoHost,
    /// One host would lead to two places.
    #[error("the preview host `{0}` is also a host of the service: give the preview a host of its own")]
    HostTwice(Host),
    /// A link that nobody could follow.
    #[error("a link is for `{0}`, which is no host of the service: use one of `service.hosts`")]
    LinkElsewhere(Host),
    /// A name that would not fit the page.
    #[error("the name in a link for `{0}` is longer than 80 characters: shorten it")]
    LongName(PersonId),
    /// Somebody would be candidate and control at once.
    #[error(
        "a rollout of {weight} and a control of {control} are more than everybody: keep both within 100 %"
    )]
    MoreThanAll {
        /// The candidate's share.
        weight: Weight,
        /// The control's share.
        control: Weight,
    },
    /// A time in which nothing can be seen.
    #[error("the rollout's `{0}` is zero: say how many milliseconds it lasts")]
    NoTime(&'static str),
    /// Two builds whose outcomes could not be told apart.
    #[error(
        "the rollout's candidate and the default are both `{0}`: give each its own arm, or end the rollout"
    )]
    SameArm(Arm),
}

impl Table {
    /// Checks what types alone cannot say.
    pub fn check(&self) -> Result<(), Contradiction> {
        let hosts = &self.service.hosts;
        if hosts.is_empty() {
            return Err(Contradiction::NoHost);
        }
        let exact = |host: &&Host| hosts.contains(&HostPattern::Exact((*host).clone()));
        if let Some(host) = self.previews.keys().find(exact) {
            return Err(Contradiction::HostTwice(host.clone()));
        }
        self.service.rollout.iter().try_for_each(|split| split.check(&self.service.default.arm))?;
        self.links.values().try_for_each(|link| link.check(hosts))
    }
}

impl Link {
    fn check(&self, hosts: &[HostPattern]) -> Result<(), Contradiction> {
        if !hosts.iter().any(|pattern| pattern.covers(&self.host)) {
            return Err(Contradiction::LinkElsewhere(self.host.clone()));
        }
        match &self.name {
            Some(name) if name.chars().count() > 80 => Err(Contradiction::LongName(self.person.clone())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{
        "version": 7,
        "service": {
            "hosts": ["potluck.localhost", "*.potluck.localhost"],
            "default": { "arm": "release-218", "upstream": "/run/release-218/front.sock" }
        },
        "people": { "ana": { "arm": "c0ffee", "upstream": "tcp:127.0.0.1:9000" } },
        "previews": { "p-7kq.previews.localhost": { "arm": "c0ffee", "upstream": "tcp:127.0.0.1:9000" } },
        "links": {},
        "trusted": { "addresses": ["127.0.0.1"], "header": "x-person" }
    }"#;

    #[test]
    fn a_table_reads_back_as_it_was_written() {
        let table: Table = serde_json::from_str(WHOLE).unwrap();
        assert_eq!(table.check(), Ok(()));
        let again: Table = serde_json::from_str(&serde_json::to_string(&table).unwrap()).unwrap();
        assert_eq!(again, table);
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let odd = WHOLE.replace("\"version\": 7", "\"version\": 7, \"weights\": {}");
        let error = serde_json::from_str::<Table>(&odd).unwrap_err().to_string();
        assert!(error.starts_with("unknown field `weights`"), "{error}");
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused_with_a_way_out() {
        let mut table: Table = serde_json::from_str(WHOLE).unwrap();
        let host = Host::parse("potluck.localhost").unwrap();
        table.previews.insert(host.clone(), table.service.default.clone());
        assert_eq!(table.check(), Err(Contradiction::HostTwice(host)));
        table.service.hosts.clear();
        assert_eq!(table.check(), Err(Contradiction::NoHost));
    }

    const SPLIT: &str = r#"{
        "candidate": { "arm": "release-219", "upstream": "/run/release-219/front.sock" },
        "weight": 500, "control": 9500, "salt": "00112233445566778899aabbccddeeff",
        "period_ms": 60000, "block_ms": 5000, "slow_ms": 1000
    }"#;

    #[test]
    fn a_table_without_a_rollout_reads_as_before_and_one_with_it_reads_back() {
        let mut table: Table = serde_json::from_str(WHOLE).unwrap();
        assert_eq!(table.service.rollout, None);
        table.service.rollout = Some(serde_json::from_str(SPLIT).unwrap());
        assert_eq!(table.check(), Ok(()));
        let again: Table = serde_json::from_str(&serde_json::to_string(&table).unwrap()).unwrap();
        assert_eq!(again, table);
    }

    #[test]
    fn a_rollout_that_cannot_be_is_refused_with_a_way_out() {
        for (from, to, says) in [
            (
                "\"weight\": 500",
                "\"weight\": 501",
                "a rollout of 5.01 % and a control of 95.00 % are more than everybody",
            ),
            ("60000", "0", "the rollout's `period_ms` is zero"),
            ("5000", "0", "the rollout's `block_ms` is zero"),
            (
                "release-219\"",
                "release-218\"",
                "the rollout's candidate and the default are both `release-218`",
            ),
        ] {
            let mut table: Table = serde_json::from_str(WHOLE).unwrap();
            table.service.rollout = Some(serde_json::from_str(&SPLIT.replace(from, to)).unwrap());
            let refused = table.check().unwrap_err().to_string();
            assert!(refused.starts_with(says) && refused.contains(": "), "{refused}");
        }
        for (from, to) in [("500,", "10001,"), ("0011", "001G"), ("0011", "11"), ("\"weight\"", "\"wieght\"")]
        {
            assert!(serde_json::from_str::<Split>(&SPLIT.replace(from, to)).is_err(), "{to}");
        }
    }
}
