//! Made-up visitors: how many come, who falls to which build, and how they fare.
//!
//! Visitors come for the first time one by one (a Poisson stream), fall to the builds by chance in proportion to the
//! shares, and each of them meets failures all the time or never. The stable side's visitors are the control's.

use std::collections::{BTreeMap, VecDeque};

use folkops_model::{ClientKind, Cohort, Compared, Counts, Observation, Rung, Tick, Visitors};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand_distr::{Binomial, Distribution, Poisson};
use rand_pcg::Pcg64Mcg;

use crate::spec::Template;

/// A visitor all of whose requests failed, in thirty-seconds.
const WHOLLY: u8 = 32;
/// What visitors' clients are.
const MIX: [(ClientKind, f64); 4] = [
    (ClientKind::Phone, 0.5),
    (ClientKind::Computer, 0.4),
    (ClientKind::Program, RARE),
    (ClientKind::Other, 0.04),
];
/// The share of the kind that may be hurt alone, where the scenario does not say otherwise.
const RARE: f64 = 0.06;
/// What a daily cycle adds at its height, and takes at its depth.
const SWING: f64 = 0.03;
/// The share of all visitors whom an incident hurts.
const INCIDENT: f64 = 0.33;
/// How long an incident lasts.
const INCIDENT_SECONDS: f64 = 1_800.0;
/// How long nothing is told.
const OUTAGE_SECONDS: f64 = 600.0;
/// The share of the soak after which a build turns.
pub const TURN: f64 = 1.0 / 3.0;
/// How long a flapping build is well, and then unwell.
const FLAP_SECONDS: f64 = 120.0;

/// Who comes, and how they fare.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    /// Visitors who come for the first time, a minute; above 0.
    pub visitors_per_minute: f64,
    /// The share of them who meet failures with the current build, 0 to 1.
    pub usual: f64,
    /// The share of them who meet failures with the new build, 0 to 1.
    pub failing: f64,
    /// What else happens.
    pub scenario: Scenario,
}

/// What else happens to a rollout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scenario {
    /// Nothing.
    Steady,
    /// This share of the new build's visitors crash at the start and are never heard of again.
    Crash(f64),
    /// The new build is as good as the current one until everybody has it, and fails its share only at the soak's end.
    Leak,
    /// The new build is as good as the current one until a third of the soak is over, and fails its share from then on.
    Turn,
    /// Both builds' failures swing by three points, once in the time that the rollout may take.
    Daily,
    /// For thirty minutes from a moment in the first tenth of the time on, a third more of everybody fail.
    Incident,
    /// For ten minutes from a moment in the first tenth of the time on, nothing is told and what happened then is lost.
    Outage,
    /// The new build fails its share for two minutes, and does not for two minutes.
    Flapping,
    /// The new build fails its share of programs, who are this share of all visitors, and is well with everybody else.
    Stratum(f64),
    /// The new build and each half of the control have a node of their own, on which so many visitors in a row, at least
    /// 1, fare alike.
    Clumped(u32),
}

/// Traffic that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WrongTraffic {
    /// A share that is none.
    #[error("`{name}` is {given}; give a share from 0 to 1, such as 0.05")]
    NotAShare {
        /// Which.
        name: &'static str,
        /// What was given.
        given: f64,
    },
    /// Nobody, or more than can be simulated.
    #[error("`visitors-per-minute` is {0}; give more than 0 and at most 1000000")]
    Visitors(f64),
}

impl Traffic {
    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// [`WrongTraffic`] names what is wrong and what would do.
    pub fn check(&self) -> Result<(), WrongTraffic> {
        let (name, share) = match self.scenario {
            Scenario::Crash(share) => ("crash", share),
            Scenario::Stratum(share) => ("stratum", share),
            _ => ("scenario", 0.0),
        };
        for (name, given) in [("usual", self.usual), ("failing", self.failing), (name, share)] {
            if !(0.0..=1.0).contains(&given) {
                return Err(WrongTraffic::NotAShare { name, given });
            }
        }
        let many = self.visitors_per_minute;
        if many > 0.0 && many <= 1e6 { Ok(()) } else { Err(WrongTraffic::Visitors(many)) }
    }
}

/// Visitors as they come.
pub(super) struct Crowd {
    traffic: Traffic,
    stream: Pcg64Mcg,
    block: f64,
    lasts: f64,
    /// How long everybody is watched, and since when everybody has the new build, in seconds.
    soak: f64,
    everybody: Option<f64>,
    period: SignedDuration,
    /// When what happens once begins, in seconds since the first visitor.
    moment: f64,
    nodes: [Node; 3],
    /// Cohorts that are still watched.
    watched: VecDeque<(Timestamp, Cohort)>,
}

/// A machine that serves visitors of one side, and how the next of them fare.
#[derive(Debug, Clone, Copy, Default)]
struct Node {
    left: u32,
    fails: bool,
}

impl Crowd {
    pub(super) fn new(traffic: Traffic, template: &Template, mut stream: Pcg64Mcg) -> Self {
        let lasts = template.lasts.as_secs_f64();
        let milliseconds = |ms: u64| SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        let moment = stream.random_range(0.0..0.1) * lasts;
        Self {
            traffic,
            stream,
            block: milliseconds(template.timing.block_ms).as_secs_f64(),
            lasts,
            soak: template.soak.as_secs_f64(),
            everybody: None,
            period: milliseconds(template.timing.period_ms),
            moment,
            nodes: [Node::default(); 3],
            watched: VecDeque::new(),
        }
    }

    /// The visitors of the block that ends now, and what is told of those who came earlier; none when nothing is told.
    pub(super) fn come(&mut self, now: Timestamp, rung: Rung) -> Option<Observation> {
        let elapsed = now.as_duration().as_secs_f64();
        if rung == Rung::EVERYBODY {
            self.everybody.get_or_insert(elapsed);
        }
        let (new, current) = self.failing(elapsed);
        let (weight, control) = (rung.weight, rung.control);
        let (mut kinds, mut candidate, mut stable, mut half) =
            (BTreeMap::new(), Visitors::default(), Visitors::default(), Visitors::default());
        for (kind, part) in MIX {
            let (part, hurt) = self.of_kind(kind, part);
            let new = if hurt { new } else { current };
            let new = self.visitors(0, weight.fraction() * part, new);
            let halves = [1, 2].map(|node| self.visitors(node, control.fraction() * part / 2.0, current));
            let mut compared = Compared { candidate: new, stable: Visitors::default() };
            halves.iter().for_each(|half| compared.stable.add(half));
            let [first, _] = &halves;
            half.add(first);
            candidate.add(&compared.candidate);
            stable.add(&compared.stable);
            kinds.insert(kind, compared);
        }
        let tick = Tick { at: now, weight, candidate: counts(&candidate), stable: counts(&stable) };
        let cohort = Cohort { at: now, weight, control, candidate, stable, kinds, half };
        self.watched.push_back((now + self.period, cohort));
        self.tell(now, tick)
    }

    fn tell(&mut self, now: Timestamp, tick: Tick) -> Option<Observation> {
        let mut cohorts = Vec::new();
        while self.watched.front().is_some_and(|(due, _)| *due <= now) {
            cohorts.extend(self.watched.pop_front().map(|(_, cohort)| cohort));
        }
        let elapsed = now.as_duration().as_secs_f64();
        let is_cut = self.traffic.scenario == Scenario::Outage
            && (self.moment..self.moment + OUTAGE_SECONDS).contains(&elapsed);
        let somebody = |cohort: &Cohort| cohort.candidate.exposed + cohort.stable.exposed > 0;
        cohorts.retain(somebody);
        let ticks: Vec<Tick> = Some(tick)
            .filter(|tick| tick.candidate.visitors + tick.stable.visitors > 0)
            .into_iter()
            .collect();
        let is_empty = cohorts.is_empty() && ticks.is_empty();
        (!is_cut && !is_empty).then(|| Observation {
            epoch: "simulated".into(),
            next_cohort: 0,
            next_tick: 0,
            cohorts,
            ticks,
        })
    }

    /// The shares that fail with the new and with the current build.
    fn failing(&self, elapsed: f64) -> (f64, f64) {
        let Traffic { usual, failing, scenario, .. } = self.traffic;
        let (new, current) = match scenario {
            Scenario::Steady | Scenario::Outage | Scenario::Stratum(_) | Scenario::Clumped(_) => {
                (failing, usual)
            }
            Scenario::Crash(share) => (share + (1.0 - share) * failing, usual),
            Scenario::Leak => (usual + (failing - usual) * self.soaked(elapsed).min(1.0), usual),
            Scenario::Turn if self.soaked(elapsed) >= TURN => (failing, usual),
            Scenario::Turn => (usual, usual),
            Scenario::Daily => {
                let swing = SWING * (elapsed / self.lasts * std::f64::consts::TAU).sin();
                (failing + swing, usual + swing)
            }
            Scenario::Incident if (self.moment..self.moment + INCIDENT_SECONDS).contains(&elapsed) => {
                (failing + INCIDENT, usual + INCIDENT)
            }
            Scenario::Incident => (failing, usual),
            Scenario::Flapping if elapsed % (2.0 * FLAP_SECONDS) < FLAP_SECONDS => (usual, usual),
            Scenario::Flapping => (failing, usual),
        };
        (new.clamp(0.0, 1.0), current.clamp(0.0, 1.0))
    }

    /// A kind's share of all visitors, and whether the new build hurts it.
    fn of_kind(&self, kind: ClientKind, part: f64) -> (f64, bool) {
        match self.traffic.scenario {
            Scenario::Stratum(share) if kind == ClientKind::Program => (share, true),
            Scenario::Stratum(share) => (part * (1.0 - share) / (1.0 - RARE), false),
            _ => (part, true),
        }
    }

    /// How much of the soak is over, as a share of it.
    fn soaked(&self, elapsed: f64) -> f64 {
        self.everybody.map_or(0.0, |since| (elapsed - since) / self.soak)
    }

    /// As many as come of a share, and as many of them as fail.
    fn visitors(&mut self, node: usize, share: f64, failing: f64) -> Visitors {
        let mean = self.traffic.visitors_per_minute / 60.0 * self.block * share;
        let exposed = Poisson::new(mean).map_or(0, |many| whole(many.sample(&mut self.stream)));
        let failed = self.failed(node, exposed, failing);
        Visitors { exposed, failed: histogram(failed, exposed - failed), slow: histogram(0, exposed) }
    }
}

impl Crowd {
    /// As many of them as fail.
    fn failed(&mut self, node: usize, exposed: u64, failing: f64) -> u64 {
        let Scenario::Clumped(together) = self.traffic.scenario else {
            return Binomial::new(exposed, failing).map_or(0, |failed| failed.sample(&mut self.stream));
        };
        let Some(node) = self.nodes.get_mut(node) else { return 0 };
        let mut fails = || {
            if node.left == 0 {
                *node = Node { left: together.max(1), fails: self.stream.random_bool(failing) };
            }
            node.left -= 1;
            u64::from(node.fails)
        };
        (0..exposed).map(|_| fails()).sum()
    }
}

fn histogram(unwell: u64, well: u64) -> BTreeMap<u8, u64> {
    [(WHOLLY, unwell), (0, well)].into_iter().filter(|(_, count)| *count > 0).collect()
}

fn counts(visitors: &Visitors) -> Counts {
    let affected = visitors.failed.get(&WHOLLY).copied().unwrap_or(0);
    let Visitors { exposed, .. } = *visitors;
    Counts { requests: exposed, failed: affected, slow: 0, affected, visitors: exposed }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of visitors in a block fits"
)]
fn whole(many: f64) -> u64 {
    many as u64
}
