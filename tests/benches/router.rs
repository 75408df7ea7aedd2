//! `bench-router`: requests a second through our router, beside nginx and haproxy in front of the same upstream.
//!
//! Ours routes by cookie and counts: every request carries the cookie of a browser that was tied to a person by a
//! one-time link, and that person has a mix. The peers only forward. Each is one thread on the measured core; `wrk` and
//! the upstream, a few system calls a request, share the other one. The measured core must be busy, or the load would
//! be what is measured. On a machine that others use too, requests per second of processor time say more.

#[allow(dead_code, reason = "each bench uses its part")]
mod cores;
#[allow(dead_code, reason = "each bench uses its part")]
mod figures;
mod program;
mod proxies;
mod upstream;
mod watch;

use std::path::Path;
use std::process::Command;

use figures::{Aim, Series, aim};
use folkops_model::PersonId;
use folkops_router::control::ControlClient;
use folkops_router::table::{Arm, Backend, Host, HostPattern, Link, LinkHash, Service, Table};
use proxies::{HOST, Proxy, Upstream, exchange, tool};

const ROUNDS: usize = 7;
const SECONDS: u32 = 3;
const CONNECTIONS: u32 = 32;

fn main() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let socket = folder.path().join("upstream.sock");
    let tcp = Upstream::Tcp(upstream::start(&socket));
    println!(
        "router: {CONNECTIONS} connections, 1 KiB pages, {ROUNDS} rounds of {SECONDS} s in turn, median [least … most]"
    );
    println!("  ours routes by cookie and counts; each on one pinned core, wrk and upstream on the other");
    for (name, upstream) in [("a unix socket, as shipped", Upstream::Unix(socket)), ("TCP", tcp)] {
        println!("  upstream on {name}");
        compare(&upstream);
    }
}

/// A proxy and what it did in each round.
struct Contender {
    name: &'static str,
    proxy: Proxy,
    a_second: Series,
    /// Per second of its own processor time.
    a_busy_second: Series,
    busy: Series,
}

fn compare(upstream: &Upstream) {
    // Sockets' paths must be short.
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let router = proxies::router(folder.path());
    let cookie = tie(folder.path(), &router, upstream);
    let nginx = proxies::nginx(folder.path(), upstream);
    let haproxy = proxies::haproxy(folder.path(), upstream);
    let mut contenders = [("router", router), ("nginx", nginx), ("haproxy", haproxy)]
        .map(|(name, proxy)| Contender::new(name, proxy));
    for contender in &contenders {
        let _warm_up = contender.load(&cookie);
    }
    let mut sent = 0;
    for _ in 0..ROUNDS {
        for contender in &mut contenders {
            let requests = contender.round(&cookie);
            sent += if contender.name == "router" { requests } else { 0 };
        }
    }
    check_counts(folder.path(), sent);
    contenders.iter().for_each(Contender::tell);
    let [ours, peers @ ..] = &contenders;
    for peer in peers {
        let wall = ours.a_second.over(&peer.a_second);
        let busy = ours.a_busy_second.over(&peer.a_busy_second);
        println!("    router ÷ {}: {wall:.2} a second, {busy:.2} a second of processor time", peer.name);
        if peer.name == "nginx" {
            println!("    {}", aim("router ÷ nginx, requests a second", wall.median(), Aim::AtLeast(0.9)));
        }
    }
    let idle = contenders.iter().map(|contender| contender.busy.median()).fold(f64::MAX, f64::min);
    println!("    {}", aim("least busy of them, % of its core", idle, Aim::AtLeast(95.0)));
}

impl Contender {
    fn new(name: &'static str, proxy: Proxy) -> Self {
        let none = Series::default;
        Self { name, proxy, a_second: none(), a_busy_second: none(), busy: none() }
    }

    fn round(&mut self, cookie: &str) -> u64 {
        let before = cores::used(self.proxy.pid());
        let (requests, seconds) = self.load(cookie);
        let used = cores::used(self.proxy.pid()) - before;
        self.a_second.push(requests as f64 / seconds);
        self.a_busy_second.push(requests as f64 / used);
        self.busy.push(used / seconds * 100.0);
        requests
    }

    /// Requests that were answered well, and in how many seconds.
    fn load(&self, cookie: &str) -> (u64, f64) {
        let mut wrk = Command::new(tool("FOLKOPS_WRK", "wrk"));
        wrk.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{SECONDS}s")]);
        for header in [
            &format!("Host: {HOST}"),
            &format!("Cookie: session=0123456789abcdef; {cookie}"),
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Language: en-US,en;q=0.5",
            "Accept-Encoding: gzip, deflate, br, zstd",
        ] {
            wrk.args(["-H", header]);
        }
        wrk.arg(format!("http://{}/", self.proxy.address));
        let output = cores::on(cores::LOAD, || wrk.output()).expect("wrk runs");
        let said = String::from_utf8(output.stdout).expect("wrk speaks plainly");
        assert!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "{}: {said}", self.name);
        requests(&said).unwrap_or_else(|| panic!("wrk said: {said}"))
    }

    fn tell(&self) {
        println!(
            "    {:8} requests/s {:.0}   per second of processor time {:.0}   core busy {:.0} %",
            self.name, self.a_second, self.a_busy_second, self.busy
        );
    }
}

/// From the line `61234 requests in 3.00s, 70.00MB read`.
fn requests(said: &str) -> Option<(u64, f64)> {
    let line = said.lines().find(|line| line.contains(" requests in "))?;
    let (requests, rest) = line.trim().split_once(" requests in ")?;
    let (seconds, _) = rest.split_once("s,")?;
    Some((requests.parse().ok()?, seconds.parse().ok()?))
}

/// Gives the router a table in which Ana has a mix, ties a browser to her, and returns that browser's cookie.
fn tie(folder: &Path, router: &Proxy, upstream: &Upstream) -> String {
    let token = "the-one-time-word";
    control(folder, async |client| client.put_table(&table(upstream, token)).await.expect("the table holds"));
    let link = format!("/.folkops/join/{token} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n");
    let page = exchange(router.address, &format!("GET {link}\r\n"));
    let between = |from: &str, to: &str| {
        let (_, after) = page.split_once(from).unwrap_or_else(|| panic!("no {from} in {page}"));
        after.split_once(to).unwrap_or_else(|| panic!("no {to} in {page}")).0.to_owned()
    };
    let visitor = between(&format!("{}=", folkops_router::COOKIE), ";");
    let cookie = format!("{}={visitor}", folkops_router::COOKIE);
    let form = format!("proof={}", between("name=\"proof\" value=\"", "\""));
    let headers = format!("Cookie: {cookie}\r\nOrigin: http://{HOST}\r\nContent-Length: {}\r\n", form.len());
    let answer = exchange(router.address, &format!("POST {link}{headers}\r\n{form}"));
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    cookie
}

/// Everybody gets release 1, and Ana her mix; both are the same upstream.
fn table(upstream: &Upstream, token: &str) -> Table {
    let upstream = match upstream {
        Upstream::Tcp(address) => format!("tcp:{address}"),
        Upstream::Unix(path) => path.display().to_string(),
    };
    let upstream = folkops_router::table::Upstream::parse(&upstream).expect("an upstream");
    let backend = |arm: &str| Backend { arm: Arm::parse(arm).expect("an arm"), upstream: upstream.clone() };
    let ana = PersonId::parse("ana").expect("an id");
    let host = Host::parse(HOST).expect("a host");
    let link = Link { person: ana.clone(), name: None, host, expires: i64::MAX };
    Table {
        version: 1,
        service: Service {
            hosts: vec![HostPattern::parse(HOST).expect("a host")],
            default: backend("release-1"),
            rollout: None,
        },
        people: [(ana, backend("mix"))].into(),
        previews: [].into(),
        links: [(LinkHash::of(token), link)].into(),
        trusted: None,
    }
}

/// INVARIANT: what was measured was routed by the cookie and counted, all of it.
fn check_counts(folder: &Path, sent: u64) {
    let outcomes = control(folder, async |client| client.outcomes().await.expect("the router tells"));
    let counted =
        |arm: &str| outcomes.arms.get(&Arm::parse(arm).expect("an arm")).map_or(0, |seen| seen.requests);
    assert!(counted("mix") >= sent, "{} of {sent} requests were counted for the mix", counted("mix"));
    assert_eq!(counted("release-1"), 0, "nobody was taken for somebody else");
}

/// Talks to the router as the bot does.
fn control<R>(folder: &Path, talk: impl AsyncFnOnce(ControlClient) -> R) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let client = ControlClient::new(folder.join("state/router.sock"));
    runtime.expect("a reactor can be made").block_on(talk(client))
}
