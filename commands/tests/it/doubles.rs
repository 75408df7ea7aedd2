//! What stands in for the world in these tests: a clock that stands still, counted dice, hands that act at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use folkops_engine::{Due, Hands, Keyring, KeyringError, Lookout, Reply, ReplySink, Unavailable, Unposted};
use folkops_model::ports::{Clock, Entropy};
use folkops_model::{
    Action, Authority, Class, ComponentName, Decision, Digest, Effect, Failure, FailureKind, Group,
    MessageId, Outcome, Principal, Rule, Sealed, Sha, TreeId, Verdict,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

/// Time stands still.
#[derive(Default)]
pub struct Still {
    /// Seconds that a story let pass.
    passed: AtomicI64,
}

impl Still {
    pub fn pass(&self, seconds: i64) {
        self.passed.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + self.passed.load(Ordering::SeqCst)).unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Counts instead of throwing dice.
#[derive(Default)]
pub struct Counting(pub AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = if place < 12 { ((number >> (place * 5)) & 31) as u8 } else { 10 };
        }
    }
}

/// Keeps texts as they are, so that a test can read them.
#[derive(Default)]
pub struct PlainKeyring(Mutex<Vec<String>>);

impl Keyring for PlainKeyring {
    fn seal(&self, text: &str) -> Result<Sealed, KeyringError> {
        let mut texts = self.0.lock().unwrap();
        texts.push(text.to_owned());
        Ok(Sealed { key: texts.len() as u64 - 1, text: String::new() })
    }
    fn open(&self, sealed: &Sealed) -> Option<String> {
        self.0.lock().unwrap().get(sealed.key as usize).cloned()
    }
    fn erase(&self, sealed: &Sealed) -> Result<(), KeyringError> {
        self.0.lock().unwrap()[sealed.key as usize].clear();
        Ok(())
    }
}

/// Allows by group in a few lines; the shipped policies have tests of their own.
pub struct SmallJudge;

impl Authority for SmallJudge {
    fn judge(&self, action: &Action) -> Decision {
        let maintainer =
            action.groups.contains(&Group::Maintainer) || action.principal == Principal::Automation;
        let looked = action.context.commits_allowed
            || !matches!(action.class, Class::Preview | Class::OwnWorkload)
            || !["deploy-preview", "opt-in"].contains(&action.command.as_str());
        let allowed = match action.class {
            Class::Read | Class::OwnWorkload | Class::Preview | Class::Identity => true,
            Class::Vouch | Class::Release | Class::Safety | Class::Operate => maintainer,
        };
        let rule = |id: &str, remedy: Option<&str>| Rule {
            id: id.into(),
            reason: "because".into(),
            remedy: remedy.map(Into::into),
        };
        let ticked = action.command != "promote" || action.context.checklist_done;
        let verdict = match (allowed, looked, action.context.frozen && action.class == Class::Release) {
            (_, false, _) => Verdict::Deny(vec![rule("first-look", Some("ok-to-test"))]),
            (_, _, true) => Verdict::Deny(vec![rule("freeze", None)]),
            (true, ..) if !ticked => Verdict::Deny(vec![rule("checklist", Some("tick"))]),
            (true, ..) => Verdict::Allow(vec![rule("allowed", None)]),
            (false, ..) => Verdict::Deny(vec![rule("maintainers", None)]),
        };
        Decision { verdict, policy_set: "0".repeat(64) }
    }

    fn names(&self, _principal: &Principal) -> bool {
        false
    }
}

/// As [`SmallJudge`]; nothing is promoted that nobody looked at.
pub struct StrictJudge;

impl Authority for StrictJudge {
    fn judge(&self, action: &Action) -> Decision {
        let decision = SmallJudge.judge(action);
        if action.command != "promote" || action.context.commits_allowed || !decision.allows() {
            return decision;
        }
        let rule =
            Rule { id: "first-look".into(), reason: "because".into(), remedy: Some("ok-to-test".into()) };
        Decision { verdict: Verdict::Deny(vec![rule]), ..decision }
    }

    fn names(&self, principal: &Principal) -> bool {
        SmallJudge.names(principal)
    }
}

/// Does every effect at once, and remembers it.
#[derive(Default)]
pub struct QuickHands {
    pub done: Mutex<Vec<Effect>>,
    pub failing: Mutex<Option<FailureKind>>,
    pub held: tokio::sync::RwLock<()>,
}

pub fn hex(seed: &str, length: usize) -> String {
    let mut state =
        seed.bytes().fold(7u64, |state, byte| state.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut text = String::new();
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.push_str(&format!("{:04x}", state >> 48));
    }
    text.truncate(length);
    text
}

pub fn sha(seed: &str) -> Sha {
    Sha::parse(&hex(seed, 40)).unwrap()
}

pub fn tree(seed: &str) -> TreeId {
    TreeId::parse(&hex(seed, 40)).unwrap()
}

pub fn component(name: &str) -> ComponentName {
    ComponentName::parse(name).unwrap()
}

impl Hands for QuickHands {
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Outcome, Unavailable>> {
        async move {
            let _held = self.held.read().await;
            let effect = due.effect().clone();
            self.done.lock().unwrap().push(effect.clone());
            let failing = self.failing.lock().unwrap().clone();
            // A build that never answers is found out where it has to carry visitors.
            let fails = match (&failing, &effect) {
                (Some(FailureKind::NeverHealthy), Effect::Settle { .. }) => true,
                (Some(kind), Effect::Build { .. }) => *kind != FailureKind::NeverHealthy,
                _ => false,
            };
            if let Some(kind) = failing.filter(|_| fails) {
                return Ok(Outcome::Failed(Failure {
                    kind,
                    sentence: "it broke".into(),
                    log: Some("the end".into()),
                }));
            }
            Ok(match effect {
                Effect::Resolve => {
                    let head = |name: &str| {
                        (component(name), (sha(&format!("main {name}")), tree(&format!("main {name}"))))
                    };
                    Outcome::Resolved { heads: BTreeMap::from([head("web"), head("api")]) }
                }
                Effect::Compose { parts } => {
                    let merged =
                        |part: &folkops_model::Part| (part.component.clone(), tree(&format!("{part:?}")));
                    Outcome::Composed { trees: parts.iter().map(merged).collect(), gone: BTreeSet::new() }
                }
                Effect::Build { component, tree, .. } => {
                    let digest = Digest::parse(&format!("sha256:{}", hex(tree.as_str(), 64))).unwrap();
                    Outcome::Built { component, digest }
                }
                Effect::Run { .. } => Outcome::Running,
                Effect::Route => Outcome::Routed,
                Effect::Settle { .. } => Outcome::Settled,
                Effect::Stop { .. } => Outcome::Stopped,
                Effect::Extend { .. } => Outcome::Extended,
                Effect::Merge { component, head, .. } => {
                    Outcome::Merged { component, commit: sha(head.as_str()) }
                }
                Effect::Revert { change, least, .. } => {
                    let revert = folkops_model::ChangeRef { number: least, ..change };
                    Outcome::Reverted { revert, commit: sha(&format!("{least} first")) }
                }
                Effect::Withdraw { .. } => Outcome::Withdrawn,
            })
        }
        .boxed()
    }
}

pub struct Nothing;

impl Lookout for Nothing {
    fn look(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        async { Ok(()) }.boxed()
    }
}

pub struct Sink;

impl ReplySink for Sink {
    fn post<'a>(&'a self, reply: &'a Reply) -> BoxFuture<'a, Result<MessageId, Unposted>> {
        let id = MessageId::parse(&format!("c-{}-{}", reply.key.operation, reply.key.slot)).unwrap();
        async move { Ok(id) }.boxed()
    }
}
