//! Rollouts: who gets the next build, and what is told of it.

use std::time::Duration;

use folkops_router::observed::{Cohort, Counts, Histogram, Reading, Since};
use folkops_router::table::{Salt, Split, Table, Trusted, TrustedHeader, Upstream, Weight};
use futures::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::upstreams::{Gate, answering, named, read_request, talking};
use crate::visitors::Browser;
use crate::world::{SERVICE, World, backend, host, link, person, table};

const SALT: &str = "0123456789abcdef0123456789abcdef";
/// Long enough that only the tests' own clock ends it.
pub const BLOCK: u64 = 600_000;
pub const PERIOD: u64 = 600_000;

/// A router whose candidate and default say their names.
pub struct Scene {
    pub world: World,
    pub table: Table,
}

impl Scene {
    pub async fn set(weight: u16, control: u16) -> Self {
        let world = World::start_with(|config| config.workers = 2.try_into().unwrap()).await;
        let (next, _) = named(world.folder.path(), "next");
        Self::with(world, &next, weight, control).await
    }

    async fn with(world: World, next: &Upstream, weight: u16, control: u16) -> Self {
        let (release, _) = named(world.folder.path(), "release");
        let mut table = table(1, &release);
        table.service.rollout = Some(split(next, weight, control));
        world.bot.put_table(&table).await.unwrap();
        Self { world, table }
    }

    pub async fn put(&mut self, change: impl FnOnce(&mut Table)) {
        change(&mut self.table);
        self.table.version += 1;
        self.world.bot.put_table(&self.table).await.unwrap();
    }

    pub async fn weigh(&mut self, weight: u16, control: u16) {
        self.put(|table| {
            let split = table.service.rollout.as_mut().unwrap();
            (split.weight, split.control) = (share(weight), share(control));
        })
        .await;
    }

    pub fn browser(&self) -> Browser {
        Browser::at(&self.world, SERVICE)
    }

    /// What each of so many visitors gets, one request each on one connection.
    pub async fn gets(&self, visitors: u32) -> Vec<String> {
        let mut browser = self.browser();
        let mut bodies = Vec::new();
        for number in 0..visitors {
            browser.cookie = Some(visitor(number));
            bodies.push(browser.get("/").await.body);
        }
        bodies
    }

    async fn read(&self) -> Reading {
        self.world.bot.rollout(&since(0, 0)).await.unwrap().unwrap()
    }

    pub async fn matured(&self) -> Vec<Cohort> {
        self.world.clock.pass(BLOCK + 2 * PERIOD);
        self.read().await.cohorts
    }
}

pub fn split(next: &Upstream, weight: u16, control: u16) -> Split {
    Split {
        candidate: backend("release-219", next),
        weight: share(weight),
        control: share(control),
        salt: Salt::parse(SALT).unwrap(),
        period_ms: PERIOD,
        block_ms: BLOCK,
        slow_ms: 60_000,
    }
}

pub fn since(cohorts: u64, ticks: u64) -> Since {
    Since { salt: Salt::parse(SALT).unwrap(), cohorts, ticks }
}

pub fn share(basis_points: u16) -> Weight {
    Weight::new(basis_points).unwrap()
}

/// One of many cookies.
pub fn visitor(number: u32) -> String {
    let letter = |at: u32| char::from(b'a' + (number >> (4 * at) & 15) as u8);
    (0..8).map(letter).chain("potluckpotluckpota".chars()).collect()
}

fn bins<const N: usize>(bins: [(u8, u64); N]) -> Histogram {
    Histogram(bins.into())
}

#[tokio::test]
async fn the_candidates_share_of_visitors_is_its_weight() {
    let scene = Scene::set(2_000, 2_000).await;
    let next = scene.gets(1_000).await.iter().filter(|body| *body == "next").count() as f64;
    // Chernoff: off by more than 91 of 200 less than once in a million.
    assert!((next - 200.0).abs() < 91.0, "{next}");
    let cohorts = scene.matured().await;
    let sides = &cohorts[0].sides;
    assert_eq!(sides.candidate.exposed as f64, next);
    assert!((sides.stable.exposed as f64 - 200.0).abs() < 91.0, "{}", sides.stable.exposed);
    assert_eq!(sides.candidate.failed, bins([(0, sides.candidate.exposed)]));
}

#[tokio::test]
async fn nobody_is_moved_back_while_the_weight_rises_not_even_by_a_restart() {
    let mut scene = Scene::set(0, 0).await;
    let mut before = scene.gets(200).await;
    assert!(before.iter().all(|body| body == "release"));
    for weight in [100, 1_000, 5_000, 10_000] {
        scene.weigh(weight, 0).await;
        let now = scene.gets(200).await;
        for (before, now) in before.iter().zip(&now) {
            assert!(before == "release" || now == "next", "at {weight}");
        }
        scene.world.stop().await;
        scene.world.boot().await.unwrap();
        assert_eq!(scene.gets(200).await, now);
        before = now;
    }
    assert!(before.iter().all(|body| body == "next"));
}

#[tokio::test]
async fn a_visitor_counts_once_however_often_they_come_and_whatever_the_weight_does() {
    let mut scene = Scene::set(1_000, 1_000).await;
    for (weight, control) in [(1_000, 1_000), (5_000, 5_000), (9_000, 1_000), (10_000, 0)] {
        scene.weigh(weight, control).await;
        scene.gets(100).await;
        scene.gets(100).await;
    }
    let cohorts = scene.matured().await;
    let exposed: u64 = cohorts.iter().map(|of| of.sides.candidate.exposed + of.sides.stable.exposed).sum();
    assert_eq!(exposed, 100);
    assert_eq!(cohorts.iter().map(|cohort| cohort.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(cohorts.iter().map(|cohort| cohort.weight).collect::<Vec<_>>(), [share(1_000), share(5_000)]);
    scene.gets(100).await;
    assert_eq!(scene.matured().await, cohorts);
    let later = scene.world.bot.rollout(&since(1, 0)).await.unwrap().unwrap().cohorts;
    assert_eq!(later, cohorts[1..]);
}

#[tokio::test]
async fn a_failing_candidate_shows_in_the_cohort_and_at_once_in_the_ticks() {
    let world = World::start().await;
    let (next, _) = answering(world.folder.path(), "next", |parts| {
        let status = if parts.uri.path() == "/" { 200 } else { 500 };
        Response::builder().status(status).body(Full::from("next")).unwrap()
    });
    let scene = Scene::with(world, &next, 5_000, 5_000).await;
    let mut browser = scene.browser();
    let mut expected = Counts::default();
    for number in 0..40 {
        browser.cookie = Some(visitor(number));
        let failed = browser.get("/fails").await.status == StatusCode::INTERNAL_SERVER_ERROR;
        for _ in 0..3 {
            browser.get("/").await;
        }
        expected.visitors += u64::from(failed);
    }
    (expected.requests, expected.failed, expected.affected) =
        (4 * expected.visitors, expected.visitors, expected.visitors);
    scene.world.clock.pass(BLOCK);
    let reading = scene.read().await;
    assert_eq!(reading.ticks[0].sides.candidate, expected);
    assert_eq!(reading.ticks[0].sides.stable.failed, 0);
    assert_eq!((reading.cohorts.len(), reading.full, reading.owed), (0, false, 0));
    let cohort = scene.matured().await.remove(0);
    assert_eq!(cohort.sides.candidate.failed, bins([(8, expected.visitors)]));
    assert_eq!(cohort.sides.stable.failed, bins([(0, 40 - expected.visitors)]));
}

#[tokio::test]
async fn a_candidate_that_never_answers_has_failed_when_the_cohort_is_mature() {
    let world = World::start().await;
    let begun = Gate::closed();
    let tell = begun.clone();
    let silent = talking(world.folder.path(), "silent", move |mut stream: UnixStream| {
        let tell = tell.clone();
        async move {
            read_request(&mut stream, 0).await.unwrap();
            tell.open();
            std::future::pending::<()>().await;
        }
    });
    let scene = Scene::with(world, &silent, 10_000, 0).await;
    let mut browser = scene.browser();
    browser.cookie = Some(visitor(0));
    let asking = tokio::spawn(async move { browser.get("/").await.status });
    begun.passed().await;
    let cohort = scene.matured().await.remove(0);
    assert_eq!(cohort.sides.candidate.failed, bins([(32, 1)]));
    assert_eq!(cohort.sides.candidate.slow, bins([(32, 1)]));
    asking.abort();
}

#[tokio::test]
async fn a_timeout_and_a_dead_upstream_are_failures() {
    let world = World::start_with(|config| config.waits.response = Duration::from_millis(50)).await;
    let silent = talking(world.folder.path(), "silent", |mut stream: UnixStream| async move {
        if read_request(&mut stream, 0).await.is_some_and(|request| request.starts_with("GET /wait")) {
            std::future::pending::<()>().await;
        }
    });
    let scene = Scene::with(world, &silent, 10_000, 0).await;
    let mut browser = scene.browser();
    browser.cookie = Some(visitor(0));
    assert_eq!(browser.get("/wait").await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(browser.get("/die").await.status, StatusCode::BAD_GATEWAY);
    scene.world.clock.pass(BLOCK);
    let counts = scene.read().await.ticks[0].sides.candidate;
    assert_eq!((counts.requests, counts.failed, counts.affected), (2, 2, 1));
    assert_eq!(scene.matured().await[0].sides.candidate.failed, bins([(32, 1)]));
}

#[tokio::test]
async fn a_killed_router_counts_nobody_twice() {
    let mut scene = Scene::set(5_000, 5_000).await;
    scene.gets(50).await;
    let told = scene.matured().await;
    assert_eq!(told[0].sides.candidate.exposed + told[0].sides.stable.exposed, 50);
    let epoch = scene.read().await.epoch;
    for visitors in [60, 70] {
        scene.world.kill().await;
        scene.world.boot().await.unwrap();
        scene.gets(visitors).await;
        let cohorts = scene.matured().await;
        assert_eq!(cohorts.len(), 1);
        assert_eq!(cohorts[0].sides.candidate.exposed + cohorts[0].sides.stable.exposed, 10);
        assert_eq!((cohorts[0].index, scene.read().await.epoch == epoch), (0, false));
    }
}

#[tokio::test]
async fn who_brings_no_cookie_is_served_by_the_default_and_counts_from_the_next_request_on() {
    let scene = Scene::set(10_000, 0).await;
    let mut browser = scene.browser();
    assert_eq!(browser.get("/").await.body, "release");
    assert!(browser.cookie.is_some());
    scene.world.clock.pass(BLOCK);
    assert_eq!(browser.get("/").await.body, "next");
    scene.browser().get("/").await;
    let cohorts = scene.matured().await;
    assert_eq!(cohorts.iter().map(|cohort| cohort.sides.candidate.exposed).collect::<Vec<_>>(), [1]);
    let stable: Vec<_> = scene.read().await.ticks.iter().map(|tick| tick.sides.stable).collect();
    let newcomer = Counts { requests: 1, ..Counts::default() };
    assert_eq!(stable, [newcomer, newcomer]);
}

#[tokio::test]
async fn mixes_and_previews_are_no_part_of_a_rollout_and_named_people_are() {
    let mut scene = Scene::set(10_000, 0).await;
    let (mix, _) = named(scene.world.folder.path(), "mix");
    scene
        .put(|table| {
            table.people.insert(person("ana"), backend("c0ffee", &mix));
            table.previews.insert(host("p-1.localhost"), backend("c0ffee", &mix));
            table.links.extend([link("first-token-0000")]);
            let header = TrustedHeader::parse("x-person").unwrap();
            table.trusted = Some(Trusted { addresses: vec!["127.0.0.1".parse().unwrap()], header });
        })
        .await;
    let mut ana = scene.browser();
    ana.join("first-token-0000").await;
    let named = |name: &str| Request::get("/").header("x-person", name);
    assert_eq!(ana.get("/").await.body, "mix");
    assert_eq!(scene.browser().ask(named("ana"), "").await.body, "mix");
    assert_eq!(Browser::at(&scene.world, "p-1.localhost").get("/").await.body, "mix");
    assert_eq!(scene.matured().await, []);
    assert_eq!(scene.browser().ask(named("ben"), "").await.body, "next");
    assert_eq!(scene.browser().ask(named("ben"), "").await.body, "next");
    assert_eq!(scene.browser().ask(named(""), "").await.body, "release", "nobody is named");
    scene.put(|table| table.people.clear()).await;
    assert_eq!(ana.get("/").await.body, "next", "who has left their mix is like everybody");
    assert_eq!(scene.matured().await[0].sides.candidate.exposed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_that_change_under_load_fail_no_request_and_lose_no_visitor() {
    let mut scene = Scene::set(0, 0).await;
    let (stop, stopped) = tokio::sync::watch::channel(());
    let mut clients = Vec::new();
    for client in 0..8 {
        let (mut browser, stopped) = (scene.browser(), stopped.clone());
        browser.cookie = Some(visitor(client));
        let mut sides = vec![browser.get("/").await.body];
        clients.push(tokio::spawn(async move {
            while stopped.has_changed().is_ok() {
                let answer = browser.try_ask(Request::get("/"), "").await.unwrap();
                assert_eq!(answer.status, StatusCode::OK);
                sides.push(answer.body);
            }
            sides.push(browser.get("/").await.body);
            sides
        }));
    }
    for step in 1..=50 {
        scene.weigh(step * 200, 10_000 - step * 200).await;
        scene.gets(8).await;
    }
    drop(stop);
    let mut requests = 0;
    for client in clients {
        let mut sides = client.await.unwrap();
        requests += sides.len() as u64;
        sides.dedup();
        assert_eq!(sides, ["release", "next"], "once, and never back");
    }
    let cohorts = scene.matured().await;
    let exposed: u64 = cohorts.iter().map(|of| of.sides.candidate.exposed + of.sides.stable.exposed).sum();
    assert_eq!(exposed, 8);
    let ticks = scene.read().await.ticks;
    let sum = |of: fn(&Counts) -> u64| -> u64 {
        ticks.iter().map(|tick| of(&tick.sides.candidate) + of(&tick.sides.stable)).sum()
    };
    assert_eq!((sum(|of| of.requests), sum(|of| of.failed)), (requests + 50 * 8, 0));
    assert_eq!(sum(|of| of.visitors), 16, "each of them on either side");
}

#[tokio::test]
async fn a_websocket_stays_where_it_began_when_the_rollout_goes_back() {
    let world = World::start().await;
    let echo = talking(world.folder.path(), "echo", |stream: UnixStream| async move {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            socket.send(message).await.unwrap();
        }
    });
    let mut scene = Scene::with(world, &echo, 10_000, 0).await;
    let stream = TcpStream::connect(scene.world.address).await.unwrap();
    let request = Request::get(format!("ws://{SERVICE}/socket"))
        .header("host", SERVICE)
        .header("cookie", format!("folkops_visitor={}", visitor(0)))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let (mut socket, _) = client_async(request.body(()).unwrap(), stream).await.unwrap();
    scene.put(|table| table.service.rollout = None).await;
    assert_eq!(scene.gets(1).await, ["release"]);
    socket.send(Message::text("still here")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("still here"));
}

#[tokio::test]
async fn what_a_rollout_left_on_disk_goes_with_the_table_that_ends_it() {
    let mut scene = Scene::set(5_000, 5_000).await;
    scene.gets(10).await;
    scene.matured().await;
    let path = scene.world.state_dir().join(format!("exposed-{SALT}"));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 80);
    scene
        .put(|table| {
            table.service.rollout.as_mut().unwrap().salt = Salt::parse(&SALT.replace('0', "1")).unwrap()
        })
        .await;
    assert!(!path.exists());
    assert_eq!(scene.world.bot.rollout(&since(0, 0)).await.unwrap(), None);
    scene.put(|table| table.service.rollout = None).await;
    assert_eq!(scene.gets(10).await, vec!["release"; 10]);
    let names = std::fs::read_dir(scene.world.state_dir()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with("exposed-")));
}

#[tokio::test]
async fn a_rollout_that_contradicts_itself_is_refused_and_the_old_table_stays() {
    let mut scene = Scene::set(5_000, 5_000).await;
    scene.table.version += 1;
    scene.table.service.rollout.as_mut().unwrap().control = share(5_001);
    let error = scene.world.bot.put_table(&scene.table).await.unwrap_err().to_string();
    assert!(error.contains("50.00 % and a control of 50.01 % are more than everybody: keep both"), "{error}");
    assert_eq!(scene.world.bot.table().await.unwrap().unwrap().version, 1);
}
