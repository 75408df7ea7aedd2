//! `bench-github`: from a signed `issue_comment` to its 2xx, beside probot.
//!
//! Ours has the comment durable before it answers, finds out who spoke, and goes on to judge and to answer it; probot has
//! a handler that does nothing and keeps nothing. Both get the same bodies, whole ones as GitHub makes them, from one
//! client in turns: first one delivery after the other, then many at once. Each comment is a command by somebody who
//! spoke before; a round stays below the program's own limits, which are there against floods.

#[allow(dead_code, reason = "each bench uses its part")]
#[path = "../disk.rs"]
mod disk;
#[allow(dead_code, reason = "each bench uses its part")]
#[path = "../figures.rs"]
mod figures;
#[path = "../watch.rs"]
mod watch;

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use figures::{Aim, Series, aim};
use folkops_world::{GitHub, Hosted, free_ports, signature, tool, until_within};
use futures::stream::{self, StreamExt};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::runtime;
use tokio::time::{Instant, sleep};

const ROUNDS: usize = 9;
/// Deliveries in a round, one after the other, and then as many at once; both together are let in as one burst.
const A_ROUND: u64 = 150;
const AT_ONCE: usize = 16;
/// The people who speak; nobody says more in a round than one may say at once.
const PEOPLE: u64 = 50;
/// Where they speak, all of it in one repository.
const PULLS: [u32; 6] = [41, 52, 55, 57, 58, 59];
/// For so long the disk is asked in each round what it does by itself.
const PROBING: Duration = Duration::from_millis(200);
/// In this time the program's limits are whole again.
const BREATH: Duration = Duration::from_secs(3);

/// One of those that are measured.
struct Contender {
    name: &'static str,
    client: Client<HttpConnector, Body>,
    address: SocketAddr,
    pid: u32,
    p50: Series,
    p99: Series,
    a_second: Series,
}

fn main() {
    println!("github: signed issue_comment to 2xx, {ROUNDS} rounds in turn, median [least … most]");
    // What answers the bot in GitHub's place has a thread of its own: GitHub's work would not be done on this machine, and
    // must not stand in the way of the client that measures.
    let around =
        runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
    let (hosted, probot, address) = around.block_on(async {
        let hosted = Hosted::start().await;
        for number in PULLS {
            hosted.github.opens(&hosted.repository(number), number.into(), "mira");
        }
        hosted.github.until_delivered().await;
        let (probot, address) = probot(&hosted).await;
        (hosted, probot, address)
    });
    let client = runtime::Builder::new_current_thread().enable_all().build().expect("a client");
    client.block_on(measure(&hosted, probot.id().expect("it runs"), address));
    // What was sent here never stood on the pull request, and the marks on it are asked for in vain.
    hosted.github.forgives();
    let _world = around.enter();
    drop((probot, hosted));
}

async fn measure(hosted: &Hosted, probot: u32, address: SocketAddr) {
    let mut ours = Contender::new("folkops", hosted.world.setup().site, hosted.world.bot());
    let mut theirs = Contender::new("probot", address, probot);
    let mut id = 1_000_000;
    // Everybody speaks once beforehand: who is new costs a record more.
    ours.one_by_one(&mut id, PEOPLE).await;
    theirs.one_by_one(&mut id, PEOPLE).await;
    let mut disk = Series::default();
    for _ in 0..ROUNDS {
        until_rested().await;
        disk.push(disk::probe(hosted.world.setup().folder(), PROBING).median_ms);
        ours.round(&mut id).await;
        theirs.round(&mut id).await;
    }
    let memory = [&ours, &theirs].map(|contender| resident_mib(contender.pid));
    for (contender, memory) in [&ours, &theirs].into_iter().zip(memory) {
        println!(
            "  {:8} p50 {:.2} ms   p99 {:.2} ms   comments/s, {AT_ONCE} at once {:.0}   {memory:.1} MiB resident",
            contender.name, contender.p50, contender.p99, contender.a_second
        );
    }
    let own = ours.p50.less(&disk);
    println!("  disk     p50 {disk:.2} ms for a small write to be durable");
    println!("  {}", aim("folkops p50 less the disk's, in ms", own.median(), Aim::AtMost(0.3)));
    println!("  {}", aim("folkops ÷ probot, p50", ours.p50.over(&theirs.p50).median(), Aim::AtMost(2.0)));
    println!("  {}", aim("folkops ÷ probot, MiB resident", memory[0] / memory[1], Aim::AtMost(0.25)));
}

impl Contender {
    fn new(name: &'static str, address: SocketAddr, pid: u32) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let none = Series::default;
        Self { name, client, address, pid, p50: none(), p99: none(), a_second: none() }
    }

    async fn round(&mut self, id: &mut u64) {
        let mut took = self.one_by_one(id, A_ROUND).await;
        took.sort_by(f64::total_cmp);
        self.p50.push(took[took.len() / 2]);
        self.p99.push(took[took.len() * 99 / 100]);
        let begun = Instant::now();
        let all = stream::iter(*id..*id + A_ROUND).map(|id| self.deliver(id));
        all.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        self.a_second.push(A_ROUND as f64 / begun.elapsed().as_secs_f64());
        *id += A_ROUND;
    }

    async fn one_by_one(&self, id: &mut u64, count: u64) -> Vec<f64> {
        let mut took = Vec::new();
        for _ in 0..count {
            took.push(self.deliver(*id).await);
            *id += 1;
        }
        took
    }

    /// Delivers one comment; how many milliseconds its 2xx took.
    async fn deliver(&self, id: u64) -> f64 {
        let body = comment(id).to_string();
        let request = Request::post(format!("http://{}/webhooks/github", self.address))
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/f01c05")
            .header("x-github-event", "issue_comment")
            .header("x-github-delivery", format!("{id:08x}-f0e1-11f0-8c2d-{id:012x}"))
            .header("x-hub-signature-256", signature(Hosted::SECRET, body.as_bytes()))
            .body(Body::from(body))
            .expect("a request");
        let begun = Instant::now();
        let answer = self.client.request(request).await.expect("an answer");
        let took = begun.elapsed().as_secs_f64() * 1e3;
        assert!(answer.status().is_success(), "{}: {}", self.name, answer.status());
        took
    }
}

/// As large as GitHub makes it: the description that goes with every comment has some kilobytes.
fn comment(id: u64) -> Value {
    let person = id % PEOPLE;
    let user = json!({ "id": 2_000_000 + person, "login": format!("cook{person}"), "type": "User" });
    json!({
        "action": "created",
        "repository": { "id": 1, "name": "web", "full_name": format!("{}/web", GitHub::OWNER), "private": false },
        "issue": { "number": PULLS[id as usize % PULLS.len()], "title": "Scale", "body": "x".repeat(6_000), "pull_request": { "url": "u" } },
        "comment": {
            "id": id, "node_id": "IC_1", "body": "/whoami", "user": user,
            "created_at": "2026-11-21T11:00:00Z", "updated_at": "2026-11-21T11:00:00Z",
            "author_association": "NONE", "performed_via_github_app": null,
        },
        "sender": user, "installation": { "id": 9_001 },
    })
}

async fn probot(hosted: &Hosted) -> (Child, SocketAddr) {
    let [address] = free_ports();
    let key = hosted.world.setup().folder().join("probot.pem");
    fs::write(&key, GitHub::KEY).expect("a key");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/github/probot.mjs");
    assert!(env::var_os("FOLKOPS_PROBOT").is_some(), "`cargo xtask bench github` fetches probot");
    let mut command = Command::new(tool("FOLKOPS_NODE", "node"));
    command.arg(script).arg(address.port().to_string()).arg(&key).arg(Hosted::SECRET);
    command.env("NODE_ENV", "production").stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    let probot = command.spawn().expect("node starts");
    let look = async || TcpStream::connect(address).await.ok();
    until_within(Duration::from_secs(30), "probot listens", look).await;
    (probot, address)
}

/// The limits fill again by themselves; there is no other fact to wait for.
async fn until_rested() {
    sleep(BREATH).await;
}

fn resident_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("its memory");
    let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
    kib.expect("kibibytes") / 1024.0
}
