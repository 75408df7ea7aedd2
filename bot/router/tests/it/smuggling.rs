//! What must not pass the edge: headers and cookies that are ours or for one hop, and requests with two ends.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use crate::upstreams::{answering, named};
use crate::visitors::{Browser, raw};
use crate::world::{SERVICE, World, table};

#[tokio::test]
async fn the_upstream_sees_neither_our_cookie_nor_headers_for_one_hop() {
    let world = World::start().await;
    let (release, asked) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let mut browser = Browser::at(&world, SERVICE);
    browser.get("/").await;
    let request = Request::get("/a?b=c")
        .header("cookie", "session=1")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("te", "trailers")
        .header("folkops-person", "ana")
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-forwarded-host", "evil");
    browser.ask(request, "").await;
    let asked = asked.lock().unwrap();
    let (parts, _) = asked.last().unwrap();
    let mut lines: Vec<_> =
        parts.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "cookie: session=1",
            "host: potluck.localhost",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: potluck.localhost",
            "x-forwarded-proto: http",
        ]
    );
    assert_eq!((parts.uri.to_string().as_str(), parts.version), ("/a?b=c", http::Version::HTTP_11));
}

#[tokio::test]
async fn the_visitor_gets_neither_a_forged_cookie_nor_headers_for_one_hop() {
    let world = World::start().await;
    let (release, _) = answering(world.folder.path(), "release", |_| {
        let forged = "folkops_visitor=aaaaaaaaaaaaaaaaaaaaaaaaaa; Path=/x";
        let response = Response::builder().header("set-cookie", forged).header("set-cookie", "session=1");
        let response = response.header("folkops-arm", "x").header("proxy-authenticate", "Basic");
        response.header("connection", "x-hop").header("x-hop", "1").body(Full::<Bytes>::from("hi")).unwrap()
    });
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let mut browser = Browser::at(&world, SERVICE);
    let answer = browser.get("/").await;
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap()).collect();
    assert_eq!(cookies[0], "session=1");
    assert!(cookies[1].ends_with("; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"), "{cookies:?}");
    assert!(!cookies[1].contains("release") && cookies.len() == 2, "{cookies:?}");
    for gone in ["folkops-arm", "proxy-authenticate", "connection", "x-hop"] {
        assert!(!answer.headers.contains_key(gone), "{gone}");
    }
    let again = browser.get("/").await;
    assert_eq!(again.headers.get_all("set-cookie").iter().count(), 1, "the cookie is given once");
}

#[tokio::test]
async fn a_request_with_two_ends_is_refused_and_what_hides_in_it_is_never_sent() {
    let world = World::start().await;
    let (release, asked) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let hidden = "GET /hidden HTTP/1.1\r\nHost: potluck.localhost\r\n\r\n";
    for lines in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 6\r\nContent-Length: 7\r\n",
        "Content-Length: 6, 6\r\n",
        "Content-Length: +6\r\n",
        "Content-Length: 0x6\r\n",
        "Content-Length: -1\r\n",
        "X: a\r\n Content-Length: 6\r\n",
        "X: a\rContent-Length: 6\r\n",
        "X: a\0b\r\n",
        "No colon\r\n",
    ] {
        let wire = format!("POST / HTTP/1.1\r\nHost: potluck.localhost\r\n{lines}\r\n0\r\n\r\n{hidden}");
        let answer = raw(&world, &wire).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lines:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{lines:?}: {answer}");
    }
    assert_eq!(asked.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn nothing_is_read_behind_a_chunked_request() {
    let world = World::start().await;
    let (release, asked) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let chunked = "POST / HTTP/1.1\r\nHost: potluck.localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let second = "GET /second HTTP/1.1\r\nHost: potluck.localhost\r\n\r\n";
    let answer = raw(&world, &format!("{chunked}5\r\nhello\r\n0\r\n\r\n{second}")).await;
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 1, "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    let asked = asked.lock().unwrap();
    assert_eq!((asked.len(), &asked[0].1[..]), (1, &b"hello"[..]));
    assert!(!asked[0].0.headers.contains_key("content-length"));
}

#[tokio::test]
async fn an_upgrade_to_http_again_is_a_plain_request() {
    let world = World::start().await;
    let (release, asked) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let head = "GET / HTTP/1.1\r\nHost: potluck.localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                Upgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n";
    let answer = raw(&world, head).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let asked = asked.lock().unwrap();
    for gone in ["upgrade", "connection", "http2-settings"] {
        assert!(!asked[0].0.headers.contains_key(gone), "{gone}");
    }
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let world = World::start_with(|config| {
        config.limits.head_bytes = 8 * 1024;
        config.limits.header_lines = 20;
    })
    .await;
    let (release, asked) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let head = "GET / HTTP/1.1\r\nHost: potluck.localhost\r\n";
    for rest in [format!("X: {}\r\n", "y".repeat(9_000)), "X: y\r\n".repeat(20)] {
        let answer = raw(&world, &format!("{head}{rest}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    assert_eq!(asked.lock().unwrap().len(), 0);
}
