//! What is long or moving: WebSockets, streams both ways, a hundred tables under load.

use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::upstreams::{Gate, named, read_request, say, serving, talking};
use crate::visitors::Browser;
use crate::world::{SERVICE, World, backend, host, link, person, table};

/// An upstream that speaks WebSocket and sends back what it hears.
fn echo(world: &World) -> folkops_router::table::Upstream {
    talking(world.folder.path(), "echo", |stream: UnixStream| async move {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                socket.send(message).await.unwrap();
            }
        }
    })
}

async fn websocket(world: &World, host: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(world.address).await.unwrap();
    client_async(format!("ws://{host}/socket"), stream).await.unwrap().0
}

async fn echoed(socket: &mut WebSocketStream<TcpStream>, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_tables_cut_no_request_no_websocket_and_no_stream() {
    let world = World::start_with(|config| config.workers = 2.try_into().unwrap()).await;
    let (one, _) = named(world.folder.path(), "one");
    let (two, _) = named(world.folder.path(), "two");
    let (ticks, mut feed) = mpsc::channel::<Bytes>(1);
    let feeding = std::sync::Arc::new(tokio::sync::Mutex::new(async move || feed.recv().await));
    let streaming = talking(world.folder.path(), "streaming", move |mut stream: UnixStream| {
        let feeding = std::sync::Arc::clone(&feeding);
        async move {
            read_request(&mut stream, 0).await.unwrap();
            say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await;
            while let Some(bytes) = (feeding.lock().await)().await {
                stream.write_all(&bytes).await.unwrap();
            }
        }
    });
    let mut first = table(1, &one);
    first.previews.insert(host("socket.localhost"), backend("echo", &echo(&world)));
    first.previews.insert(host("stream.localhost"), backend("stream", &streaming));
    first.links.extend([link("first-token-0000")]);
    world.bot.put_table(&first).await.unwrap();

    let mut socket = websocket(&world, "socket.localhost").await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: stream.localhost\r\n\r\n").await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(());
    let clients: Vec<_> = (0..10)
        .map(|_| {
            let (mut browser, mut stopped) = (Browser::at(&world, SERVICE), stopped.clone());
            tokio::spawn(async move {
                let mut answered = 0usize;
                while stopped.has_changed().is_ok_and(|changed| !changed) {
                    let answer = browser.try_ask(Request::get("/"), "").await.unwrap();
                    assert_eq!(answer.status, StatusCode::OK);
                    assert!(["one", "two"].contains(&answer.body.as_str()), "{}", answer.body);
                    answered += 1;
                }
                stopped.mark_unchanged();
                answered
            })
        })
        .collect();

    for version in 2..=101 {
        let mut next = table(version, if version % 2 == 0 { &two } else { &one });
        // The stacks of the WebSocket and of the stream leave the table: both live on.
        next.people.insert(person("ana"), backend("mix", &one));
        world.bot.put_table(&next).await.unwrap();
        echoed(&mut socket, &format!("after table {version}")).await;
        ticks.send(Bytes::from(format!("data: {version}\n\n"))).await.unwrap();
    }
    stop.send(()).unwrap();
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
    drop(ticks);
    let mut text = String::new();
    read_to_last_chunk(&mut stream, &mut text).await;
    for version in 2..=101 {
        assert!(text.contains(&format!("data: {version}\n\n")), "{version}");
    }
    let report = world.bot.outcomes().await.unwrap();
    for (arm, counts) in &report.arms {
        let failed = counts.ends.reset + counts.ends.timeout + counts.ends.server_error;
        assert_eq!(failed, 0, "{arm}: {counts:?}");
    }
}

async fn read_to_last_chunk(stream: &mut TcpStream, text: &mut String) {
    let mut bytes = [0; 4096];
    while !text.ends_with("0\r\n\r\n") {
        let length = stream.read(&mut bytes).await.unwrap();
        assert!(length > 0, "the stream ended early: {text}");
        text.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
    }
}

#[tokio::test]
async fn a_websocket_goes_both_ways_and_counts_as_upgraded() {
    let world = World::start().await;
    world.bot.put_table(&table(1, &echo(&world))).await.unwrap();
    let mut socket = websocket(&world, SERVICE).await;
    for length in [1, 1_000, 100_000] {
        echoed(&mut socket, &"x".repeat(length)).await;
    }
    socket.close(None).await.unwrap();
    let report = world.bot.outcomes().await.unwrap();
    assert_eq!(report.arms.values().map(|arm| arm.ends.upgraded).sum::<u64>(), 1);
}

#[tokio::test]
async fn what_an_upstream_says_together_with_its_consent_is_not_lost() {
    let world = World::start().await;
    let eager = talking(world.folder.path(), "eager", |mut stream: UnixStream| async move {
        read_request(&mut stream, 0).await.unwrap();
        say(
            &mut stream,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nearly",
        )
        .await;
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).await.unwrap();
        stream.write_all(&heard).await.unwrap();
    });
    world.bot.put_table(&table(1, &eager)).await.unwrap();
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: {SERVICE}\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nsoon");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\nearlysoon"), "{answer}");
}

#[tokio::test]
async fn a_stream_may_be_silent_for_longer_than_a_visitor_may() {
    let world = World::start_with(|config| config.waits.request = Duration::from_millis(20)).await;
    let go_on = Gate::closed();
    let wait = go_on.clone();
    let quiet = talking(world.folder.path(), "quiet", move |mut stream: UnixStream| {
        let wait = wait.clone();
        async move {
            read_request(&mut stream, 0).await.unwrap();
            say(&mut stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await;
            wait.passed().await;
            say(&mut stream, "3\r\ntwo\r\n0\r\n\r\n").await;
        }
    });
    world.bot.put_table(&table(1, &quiet)).await.unwrap();
    let mut browser = Browser::at(&world, SERVICE);
    let listening = tokio::spawn(async move { browser.get("/").await.body });
    for _ in 0..5 {
        let mut idle = TcpStream::connect(world.address).await.unwrap();
        assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0, "who asks for nothing is let go");
    }
    go_on.open();
    assert_eq!(listening.await.unwrap(), "onetwo");
}

#[tokio::test]
async fn a_refused_upgrade_is_an_ordinary_answer() {
    let world = World::start().await;
    let (release, _) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let stream = TcpStream::connect(world.address).await.unwrap();
    let refused = client_async(format!("ws://{SERVICE}/socket"), stream).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("200"), "{error}");
}

#[tokio::test]
async fn bodies_pass_both_ways_piece_by_piece() {
    let world = World::start().await;
    let upstream = serving(world.folder.path(), "mirror", |request: Request<Incoming>| async move {
        let frames = request.into_body().into_data_stream().map(|bytes| bytes.map(Frame::data));
        Response::new(StreamBody::new(frames))
    });
    world.bot.put_table(&table(1, &upstream)).await.unwrap();
    let stream = TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (pieces, body) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(1);
    let body =
        StreamBody::new(futures::stream::unfold(
            body,
            |mut body| async move { Some((body.recv().await?, body)) },
        ));
    let request = Request::post("/").header("host", SERVICE).body(Box::pin(body)).unwrap();
    let mut answer = sender.send_request(request).await.unwrap().into_body();
    for piece in ["one", "two", "three"] {
        pieces.send(Ok(Frame::data(Bytes::from(piece)))).await.unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), piece);
    }
    drop(pieces);
    assert!(answer.frame().await.is_none());
}

#[tokio::test]
async fn a_large_upload_arrives_whole_and_may_wait_for_leave_to_begin() {
    let world = World::start().await;
    let (release, asked) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let body = "0123456789abcdef".repeat(100_000);
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {SERVICE}\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut leave = [0; 25];
    stream.read_exact(&mut leave).await.unwrap();
    assert_eq!(&leave, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    assert_eq!(asked.lock().unwrap()[0].1, body);
}

#[tokio::test]
async fn answers_without_a_body_keep_their_connection() {
    let world = World::start().await;
    let upstream = serving(world.folder.path(), "empty", |request: Request<Incoming>| async move {
        let code = if request.uri() == "/304" { 304 } else { 204 };
        Response::builder().status(code).body(Full::<Bytes>::default()).unwrap()
    });
    world.bot.put_table(&table(1, &upstream)).await.unwrap();
    let mut browser = Browser::at(&world, SERVICE);
    for path in ["/204", "/304", "/204"] {
        assert_eq!(browser.get(path).await.status.as_str(), &path[1..]);
        assert_eq!(browser.ask(Request::head(path), "").await.status.as_str(), &path[1..]);
    }
}

#[tokio::test]
async fn a_request_that_began_on_the_old_stack_ends_there() {
    let world = World::start().await;
    let (begun, go_on) = (Gate::closed(), Gate::closed());
    let (tell, wait) = (begun.clone(), go_on.clone());
    let old = talking(world.folder.path(), "old", move |mut stream: UnixStream| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            read_request(&mut stream, 0).await.unwrap();
            tell.open();
            wait.passed().await;
            say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold").await;
        }
    });
    let (new, _) = named(world.folder.path(), "new");
    world.bot.put_table(&table(1, &old)).await.unwrap();
    let mut early = Browser::at(&world, SERVICE);
    let early = tokio::spawn(async move { early.get("/").await.body });
    begun.passed().await;
    world.bot.put_table(&table(2, &new)).await.unwrap();
    assert_eq!(Browser::at(&world, SERVICE).get("/").await.body, "new");
    go_on.open();
    assert_eq!(early.await.unwrap(), "old");
}
