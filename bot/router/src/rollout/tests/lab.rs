//! A rollout without the router around it: a clock that the test moves, and people by name.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use folkops_model::ports::{Clock, Entropy};
use http::StatusCode;

use super::super::*;
use crate::observed::{Cohort, Histogram, Reading, Since};
use crate::outcomes::{Counters, End};
use crate::split::{Salt, Weight};
use crate::table::{Arm, Backend, HostPattern, Upstream};

pub const PERIOD: u64 = 1_000;
pub const BLOCK: u64 = 100;
pub const SLOW: u64 = 50;
/// From a cohort's end until it is mature: the period, and as much again for what is still open.
pub const MATURE: u64 = 2 * PERIOD;

/// A router's rollout without the router: half of the visitors get the candidate, the other half is the control.
pub struct Lab {
    pub folder: tempfile::TempDir,
    time: Arc<Time>,
    config: RouterConfig,
    pub service: Service,
    pub rollout: Arc<Rollout>,
    pub stable: Arc<Stack>,
}

struct Time(Mutex<Duration>);

struct Dice(AtomicU64);

impl Clock for Time {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_000).unwrap()
    }
    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = self.0.fetch_add(7, Relaxed) as u8);
    }
}

fn stack() -> Arc<Stack> {
    Arc::new(Stack::new(Upstream::parse("/x").unwrap(), Arc::new(Counters::default()), 1))
}

pub fn backend(arm: &str) -> Backend {
    Backend { arm: Arm::parse(arm).unwrap(), upstream: Upstream::parse("/x").unwrap() }
}

pub fn share(basis_points: u16) -> Weight {
    Weight::new(basis_points).unwrap()
}

impl Lab {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let config = RouterConfig::new(address, folder.path().join("c"), folder.path().to_owned());
        let split = Split {
            candidate: backend("new"),
            weight: share(5_000),
            control: share(5_000),
            salt: Salt::parse(&"5".repeat(32)).unwrap(),
            period_ms: PERIOD,
            block_ms: BLOCK,
            slow_ms: SLOW,
        };
        let hosts = vec![HostPattern::parse("a.localhost").unwrap()];
        let service = Service { hosts, default: backend("old"), rollout: Some(split) };
        let time = Arc::new(Time(Mutex::new(Duration::from_secs(9))));
        let rollout = taken_up(&service, None, &config, &ports(&time));
        Self { folder, time, config, service, rollout, stable: stack() }
    }

    /// What a table with another split does.
    pub fn change(&mut self, change: impl FnOnce(&mut Split)) {
        change(self.service.rollout.as_mut().unwrap());
        self.rollout = taken_up(&self.service, Some(&self.rollout.trial), &self.config, &ports(&self.time));
    }

    /// What a new process finds.
    pub fn restart(&mut self) {
        self.rollout = taken_up(&self.service, None, &self.config, &ports(&self.time));
    }

    pub fn pass(&self, millis: u64) {
        *self.time.0.lock().unwrap() += Duration::from_millis(millis);
    }

    pub fn begin(&self, person: &str) -> Box<Witness> {
        self.begin_with(person, &HeaderMap::new())
    }

    pub fn begin_with(&self, person: &str, headers: &HeaderMap) -> Box<Witness> {
        let mut witness =
            self.rollout.way(Some(Known::Person(person)), headers, &self.stable).witness.unwrap();
        witness.begin(self.rollout.trial.now());
        witness
    }

    pub fn answered(&self, person: &str, status: u16) {
        let mut witness = self.begin(person);
        witness.answered(Duration::ZERO, StatusCode::from_u16(status).unwrap());
        witness.end(End::Answered(StatusCode::from_u16(status).unwrap()));
    }

    /// People on one side, as many as are asked for.
    pub fn people(&self, side: Side, count: usize) -> Vec<String> {
        let split = self.service.rollout.as_ref().unwrap();
        let of_side = |person: &String| {
            let candidate = Known::Person(person).lot(split.salt).place(split) == Place::Candidate;
            candidate == (side == Side::Candidate)
        };
        (0..).map(|number: u32| number.to_string()).filter(of_side).take(count).collect()
    }

    pub fn read(&self) -> Reading {
        let salt = self.service.rollout.as_ref().unwrap().salt;
        self.rollout.trial.read(&Since { salt, cohorts: 0, ticks: 0 })
    }

    pub fn cohorts(&self) -> Vec<Cohort> {
        self.read().cohorts
    }

    pub fn matured(&self) -> Vec<Cohort> {
        self.pass(BLOCK + MATURE);
        self.cohorts()
    }
}

fn ports(time: &Arc<Time>) -> Ports {
    let (clock, entropy) = (Arc::clone(time), Arc::new(Dice(AtomicU64::new(1))));
    Ports { clock, entropy }
}

fn taken_up(
    service: &Service,
    running: Option<&Arc<Trial>>,
    config: &RouterConfig,
    ports: &Ports,
) -> Arc<Rollout> {
    let trial = take_up(service, running, config, ports).unwrap().unwrap();
    hold(&trial, service.rollout.as_ref().unwrap(), &config.waits, stack())
}

pub fn bins<const N: usize>(bins: [(u8, u64); N]) -> Histogram {
    Histogram(bins.into())
}
