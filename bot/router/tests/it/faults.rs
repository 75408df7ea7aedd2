//! Upstreams that die, hang, break off or are not there, and what is counted then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use folkops_router::outcomes::{ArmOutcomes, Ends};
use folkops_router::table::{Arm, Upstream};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::net::UnixStream;

use crate::upstreams::{Gate, answering, named, read_request, say, talking};
use crate::visitors::{Browser, raw};
use crate::world::{SERVICE, World, backend, host, table};

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

async fn outcomes(world: &World) -> ArmOutcomes {
    let arm = Arm::parse("release-218").unwrap();
    world.bot.outcomes().await.unwrap().arms.remove(&arm).unwrap()
}

/// Answers the first request of each connection, reads the second and dies without a word.
fn dying(world: &World, body: usize) -> (Upstream, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let upstream = talking(world.folder.path(), "dying", move |mut stream: UnixStream| {
        let counted = Arc::clone(&counted);
        async move {
            read_request(&mut stream, 0).await.unwrap();
            counted.fetch_add(1, SeqCst);
            say(&mut stream, HELLO).await;
            if read_request(&mut stream, body).await.is_some() {
                counted.fetch_add(1, SeqCst);
            }
        }
    });
    (upstream, read)
}

#[tokio::test]
async fn a_get_on_a_connection_that_died_is_sent_once_more() {
    let world = World::start().await;
    let (upstream, read) = dying(&world, 0);
    world.bot.put_table(&table(1, &upstream)).await.unwrap();
    let mut browser = Browser::at(&world, SERVICE);
    assert_eq!(browser.get("/1").await.body, "hello");
    assert_eq!(browser.get("/2").await.body, "hello");
    assert_eq!(read.load(SeqCst), 3, "the second request was read twice");
    assert_eq!(outcomes(&world).await.requests, 2);
}

#[tokio::test]
async fn what_may_not_be_repeated_is_not_sent_again() {
    for (method, body) in [("POST", "abc"), ("POST", ""), ("PUT", "abc"), ("DELETE", ""), ("GET", "abc")] {
        let world = World::start().await;
        let (upstream, read) = dying(&world, body.len());
        world.bot.put_table(&table(1, &upstream)).await.unwrap();
        let mut browser = Browser::at(&world, SERVICE);
        assert_eq!(browser.get("/1").await.body, "hello");
        let answer = browser.ask(Request::builder().method(method).uri("/2"), body).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{method}");
        assert_eq!(read.load(SeqCst), 2, "{method}");
        assert_eq!(outcomes(&world).await.ends, Ends { success: 1, reset: 1, ..Ends::default() }, "{method}");
    }
}

#[tokio::test]
async fn a_connection_that_is_known_to_have_ended_is_not_used() {
    let world = World::start().await;
    let ended = Gate::closed();
    let tell = ended.clone();
    let once = talking(world.folder.path(), "once", move |mut stream: UnixStream| {
        let tell = tell.clone();
        async move {
            read_request(&mut stream, 0).await.unwrap();
            say(&mut stream, HELLO).await;
            drop(stream);
            tell.open();
        }
    });
    let (other, _) = named(world.folder.path(), "other");
    let mut routes = table(1, &once);
    routes.previews.insert(host("other.localhost"), backend("other", &other));
    world.bot.put_table(&routes).await.unwrap();
    for _ in 0..5 {
        let answer = Browser::at(&world, SERVICE).ask(Request::delete("/"), "").await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "hello"));
        ended.passed().await;
        // Once the worker has answered this, it has also seen the end that came before it.
        Browser::at(&world, "other.localhost").get("/").await;
    }
}

#[tokio::test]
async fn a_get_is_not_sent_a_third_time() {
    let world = World::start().await;
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let upstream = talking(world.folder.path(), "dying", move |mut stream: UnixStream| {
        let counted = Arc::clone(&counted);
        async move {
            read_request(&mut stream, 0).await.unwrap();
            if counted.fetch_add(1, SeqCst) == 0 {
                say(&mut stream, HELLO).await;
                read_request(&mut stream, 0).await.unwrap();
                counted.fetch_add(1, SeqCst);
            }
        }
    });
    world.bot.put_table(&table(1, &upstream)).await.unwrap();
    let mut browser = Browser::at(&world, SERVICE);
    assert_eq!(browser.get("/1").await.status, StatusCode::OK);
    assert_eq!(browser.get("/2").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(read.load(SeqCst), 3);
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_a_502_with_a_time_to_come_back() {
    let world = World::start().await;
    for upstream in [Upstream::Unix(world.path("nobody.sock")), Upstream::parse("tcp:127.0.0.1:1").unwrap()] {
        let version = world.bot.table().await.unwrap().map_or(1, |table| table.version + 1);
        world.bot.put_table(&table(version, &upstream)).await.unwrap();
        let answer = Browser::at(&world, SERVICE).get("/").await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
        assert_eq!(answer.headers["retry-after"], "2");
        assert!(answer.body.contains("is not answering"), "{}", answer.body);
    }
    assert_eq!(outcomes(&world).await.ends, Ends { reset: 2, ..Ends::default() });
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_in_time_is_a_504() {
    let world = World::start_with(|config| config.waits.response = Duration::from_millis(50)).await;
    let upstream = talking(world.folder.path(), "silent", |mut stream: UnixStream| async move {
        read_request(&mut stream, 0).await.unwrap();
        std::future::pending::<()>().await;
    });
    world.bot.put_table(&table(1, &upstream)).await.unwrap();
    let answer = Browser::at(&world, SERVICE).get("/").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(answer.body.contains("look before you send it again"), "{}", answer.body);
    assert_eq!(outcomes(&world).await.ends, Ends { timeout: 1, ..Ends::default() });
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_made_to_look_whole() {
    let world = World::start().await;
    let upstream = talking(world.folder.path(), "breaking", |mut stream: UnixStream| async move {
        let request = read_request(&mut stream, 0).await.unwrap();
        let framing = if request.starts_with("GET /chunked") {
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        } else {
            "Content-Length: 50\r\n\r\nhello"
        };
        say(&mut stream, &format!("HTTP/1.1 200 OK\r\n{framing}")).await;
    });
    world.bot.put_table(&table(1, &upstream)).await.unwrap();
    for path in ["/sized", "/chunked"] {
        let broken = Browser::at(&world, SERVICE).try_ask(Request::get(path), "").await;
        assert!(broken.is_err(), "{path}: {broken:?}");
    }
    assert_eq!(outcomes(&world).await.ends, Ends { reset: 2, ..Ends::default() });
}

#[tokio::test]
async fn what_is_no_http_is_a_502() {
    let world = World::start().await;
    let upstream = talking(world.folder.path(), "babble", |mut stream: UnixStream| async move {
        read_request(&mut stream, 0).await.unwrap();
        say(&mut stream, "220 mail.example.org ESMTP\r\n").await;
    });
    world.bot.put_table(&table(1, &upstream)).await.unwrap();
    assert_eq!(Browser::at(&world, SERVICE).get("/").await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_protocol_change_that_nobody_asked_for_is_a_502() {
    let world = World::start().await;
    let upstream = talking(world.folder.path(), "pushy", |mut stream: UnixStream| async move {
        read_request(&mut stream, 0).await.unwrap();
        say(&mut stream, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
            .await;
    });
    world.bot.put_table(&table(1, &upstream)).await.unwrap();
    assert_eq!(Browser::at(&world, SERVICE).get("/").await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn every_request_and_every_visitor_is_counted_once_and_where_it_belongs() {
    let world = World::start().await;
    let (upstream, _) = answering(world.folder.path(), "release", |parts| {
        let code: u16 = parts.uri.path()[1..].parse().unwrap();
        Response::builder().status(code).body(Full::from("x")).unwrap()
    });
    world.bot.put_table(&table(1, &upstream)).await.unwrap();
    let before = world.bot.outcomes().await.unwrap();
    let (mut ana, mut ben) = (Browser::at(&world, SERVICE), Browser::at(&world, SERVICE));
    for code in [200, 201, 204, 302, 404, 500, 503] {
        ana.get(&format!("/{code}")).await;
        ben.get(&format!("/{code}")).await;
    }
    Browser::at(&world, "unknown.localhost").get("/200").await;
    let after = outcomes(&world).await;
    let ends = Ends { success: 6, redirect: 2, client_error: 2, server_error: 4, ..Ends::default() };
    assert_eq!((after.requests, after.ends), (14, ends));
    assert_eq!((after.visitors.count, after.visitors.at_least), (2, false));
    assert_eq!(after.latency.iter().sum::<u64>(), 14);
    assert_eq!(before.arms[&Arm::parse("release-218").unwrap()].requests, 0);
    assert_eq!(before.boot, world.bot.outcomes().await.unwrap().boot);
}

#[tokio::test]
async fn a_visitor_who_leaves_is_not_the_arms_fault() {
    let world = World::start().await;
    let (begun, left) = (Gate::closed(), Gate::closed());
    let (tell_begun, tell_left) = (begun.clone(), left.clone());
    let upstream = talking(world.folder.path(), "slow", move |mut stream: UnixStream| {
        let (begun, left) = (tell_begun.clone(), tell_left.clone());
        async move {
            read_request(&mut stream, 0).await.unwrap();
            begun.open();
            assert!(read_request(&mut stream, 0).await.is_none(), "the connection is closed");
            left.open();
        }
    });
    world.bot.put_table(&table(1, &upstream)).await.unwrap();
    let mut browser = Browser::at(&world, SERVICE);
    let asking = tokio::spawn(async move { browser.try_ask(Request::get("/"), "").await.map(|_| ()) });
    begun.passed().await;
    asking.abort();
    drop(asking.await);
    left.passed().await;
    while outcomes(&world).await.ends == Ends::default() {}
    assert_eq!(outcomes(&world).await.ends, Ends { left: 1, ..Ends::default() });
}

#[tokio::test]
async fn an_upload_that_stops_is_the_visitors_affair() {
    let world = World::start_with(|config| config.waits.response = Duration::from_millis(50)).await;
    let (release, _) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let answer =
        raw(&world, "POST / HTTP/1.1\r\nHost: potluck.localhost\r\nContent-Length: 10\r\n\r\nabc").await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("The upload stopped"), "{answer}");
    assert_eq!(outcomes(&world).await.ends, Ends { left: 1, ..Ends::default() });
}

#[tokio::test]
async fn connections_to_an_upstream_are_kept_and_outlive_tables() {
    let world = World::start().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let upstream = talking(world.folder.path(), "kept", move |mut stream: UnixStream| {
        counted.fetch_add(1, SeqCst);
        async move {
            while read_request(&mut stream, 0).await.is_some() {
                say(&mut stream, HELLO).await;
            }
        }
    });
    for version in 1..=10 {
        world.bot.put_table(&table(version, &upstream)).await.unwrap();
        assert_eq!(Browser::at(&world, SERVICE).get("/").await.body, "hello");
    }
    assert_eq!(connections.load(SeqCst), 1);
}
