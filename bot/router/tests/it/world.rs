//! A router on its own folder, with a clock and dice of the test's.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use folkops_model::PersonId;
use folkops_model::ports::{Clock, Entropy};
use folkops_router::control::ControlClient;
use folkops_router::table::{Arm, Backend, Host, HostPattern, Link, LinkHash, Service, Table, Upstream};
use folkops_router::{Ports, Router, RouterConfig, RouterError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const SERVICE: &str = "potluck.localhost";

pub struct World {
    pub folder: tempfile::TempDir,
    pub clock: Arc<TestClock>,
    pub bot: ControlClient,
    pub address: SocketAddr,
    dice: Arc<TestDice>,
    running: Option<Running>,
    tweak: fn(&mut RouterConfig),
}

struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), RouterError>>,
}

pub struct TestClock {
    seconds: AtomicI64,
    began: tokio::time::Instant,
    /// Milliseconds by which the monotonic clock is ahead of the world's.
    ahead: AtomicU64,
}

struct TestDice(AtomicU64);

impl World {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(tweak: fn(&mut RouterConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (seconds, ahead) = (AtomicI64::new(1_000), AtomicU64::new(0));
        let clock = Arc::new(TestClock { seconds, began: tokio::time::Instant::now(), ahead });
        let bot = ControlClient::new(folder.path().join("control.sock"));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let dice = Arc::new(TestDice(AtomicU64::new(1)));
        let mut world = Self { folder, clock, bot, address, dice, running: None, tweak };
        world.boot().await.unwrap();
        world
    }

    /// Starts the router on what the last one left.
    pub async fn boot(&mut self) -> Result<(), RouterError> {
        let mut config = RouterConfig::new(
            SocketAddr::from(([127, 0, 0, 1], 0)),
            self.folder.path().join("control.sock"),
            self.state_dir(),
        );
        (self.tweak)(&mut config);
        let router = Router::bind(config, self.ports()).await?;
        self.address = router.address();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(router.run(async move {
            let _ = stopped.await;
        }));
        self.running = Some(Running { stop, ended });
        Ok(())
    }

    /// Asks the router to stop and gives back the handle on which its end can be awaited.
    pub fn ask_to_stop(&mut self) -> JoinHandle<Result<(), RouterError>> {
        let running = self.running.take().unwrap();
        running.stop.send(()).unwrap();
        running.ended
    }

    pub async fn stop(&mut self) {
        self.ask_to_stop().await.unwrap().unwrap();
    }

    /// Ends the router as a kill does: nothing is finished, nothing is written.
    pub async fn kill(&mut self) {
        let running = self.running.take().unwrap();
        running.ended.abort();
        assert!(running.ended.await.unwrap_err().is_cancelled());
    }

    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn ports(&self) -> Ports {
        Ports { clock: self.clock.clone(), entropy: self.dice.clone() }
    }
}

impl TestClock {
    pub fn set(&self, seconds: i64) {
        self.seconds.store(seconds, SeqCst);
    }

    /// Lets monotonic time pass.
    pub fn pass(&self, millis: u64) {
        self.ahead.fetch_add(millis, SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.seconds.load(SeqCst)).unwrap()
    }
    fn monotonic(&self) -> Duration {
        self.began.elapsed() + Duration::from_millis(self.ahead.load(SeqCst))
    }
}

impl Entropy for TestDice {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let step = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, SeqCst);
            *byte = (step.wrapping_mul(step | 1) >> 40) as u8;
        }
    }
}

pub fn backend(arm: &str, upstream: &Upstream) -> Backend {
    Backend { arm: Arm::parse(arm).unwrap(), upstream: upstream.clone() }
}

/// A table with the service alone, all of it going to one upstream.
pub fn table(version: u64, default: &Upstream) -> Table {
    let hosts = [SERVICE, "*.potluck.localhost"].map(|host| HostPattern::parse(host).unwrap()).to_vec();
    Table {
        version,
        service: Service { hosts, default: backend("release-218", default), rollout: None },
        people: [].into(),
        previews: [].into(),
        links: [].into(),
        trusted: None,
    }
}

pub fn person(name: &str) -> PersonId {
    PersonId::parse(name).unwrap()
}

pub fn host(name: &str) -> Host {
    Host::parse(name).unwrap()
}

/// A link for Ana that works until second 2,000.
pub fn link(token: &str) -> (LinkHash, Link) {
    let link =
        Link { person: person("ana"), name: Some("Ana <3".into()), host: host(SERVICE), expires: 2_000 };
    (LinkHash::of(token), link)
}
