//! Starting, stopping, and what is on disk between.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use folkops_router::RouterError;
use folkops_router::control::ControlError;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::upstreams::{Gate, named, read_request, say, talking};
use crate::visitors::Browser;
use crate::world::{SERVICE, World, backend, host, table};

#[tokio::test]
async fn a_restarted_router_serves_the_last_table_without_the_bot() {
    let mut world = World::start().await;
    let (release, _) = named(world.folder.path(), "release");
    world.bot.put_table(&table(7, &release)).await.unwrap();
    let boot = world.bot.outcomes().await.unwrap().boot;
    world.stop().await;
    assert!(matches!(world.bot.livez().await, Err(ControlError::Unreachable { .. })));
    world.boot().await.unwrap();
    assert_eq!(Browser::at(&world, SERVICE).get("/").await.body, "release");
    assert_eq!(world.bot.table().await.unwrap(), Some(table(7, &release)));
    assert_eq!(boot.len(), 16);
}

#[tokio::test]
async fn a_torn_or_altered_table_stops_the_start_and_says_what_to_do() {
    let mut world = World::start().await;
    let (release, _) = named(world.folder.path(), "release");
    world.bot.put_table(&table(7, &release)).await.unwrap();
    world.stop().await;
    let path = world.state_dir().join("table");
    let whole = fs::read_to_string(&path).unwrap();
    for damaged in ["", &whole[..whole.len() - 1], &whole.replace("release-218", "release-219")] {
        fs::write(&path, damaged).unwrap();
        let error = world.boot().await.unwrap_err();
        assert!(matches!(error, RouterError::State(_)), "{error}");
        let told = error.to_string();
        assert!(told.contains("is damaged") && told.contains("move it away and start again"), "{told}");
    }
    fs::write(&path, &whole).unwrap();
    world.boot().await.unwrap();
    assert_eq!(Browser::at(&world, SERVICE).get("/").await.body, "release");
}

#[tokio::test]
async fn a_half_written_successor_is_ignored() {
    let mut world = World::start().await;
    let (release, _) = named(world.folder.path(), "release");
    world.bot.put_table(&table(7, &release)).await.unwrap();
    world.stop().await;
    fs::write(world.state_dir().join("table.new"), "folkops-table-1 0000").unwrap();
    world.boot().await.unwrap();
    assert_eq!(world.bot.table().await.unwrap().unwrap().version, 7);
}

#[tokio::test]
async fn versions_only_grow_and_the_same_table_may_be_sent_twice() {
    let world = World::start().await;
    let (release, _) = named(world.folder.path(), "release");
    let (other, _) = named(world.folder.path(), "other");
    world.bot.put_table(&table(7, &release)).await.unwrap();
    world.bot.put_table(&table(7, &release)).await.unwrap();
    for late in [table(7, &other), table(6, &other), table(6, &release)] {
        let error = world.bot.put_table(&late).await.unwrap_err();
        assert!(matches!(error, ControlError::Behind { current: 7 }), "{error}");
    }
    world.bot.put_table(&table(8, &other)).await.unwrap();
    assert_eq!(Browser::at(&world, SERVICE).get("/").await.body, "other");
}

#[tokio::test]
async fn a_table_that_contradicts_itself_is_refused_and_the_old_one_stays() {
    let world = World::start().await;
    let (release, _) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let mut wrong = table(2, &release);
    wrong.previews.insert(host(SERVICE), backend("x", &release));
    let error = world.bot.put_table(&wrong).await.unwrap_err().to_string();
    assert!(error.contains("give the preview a host of its own"), "{error}");
    assert_eq!(world.bot.table().await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn a_table_that_cannot_be_stored_is_not_acknowledged_and_does_not_hold() {
    let world = World::start().await;
    let (release, _) = named(world.folder.path(), "release");
    let (other, _) = named(world.folder.path(), "other");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    fs::create_dir(world.state_dir().join("table.new")).unwrap();
    let error = world.bot.put_table(&table(2, &other)).await.unwrap_err();
    assert!(matches!(error, ControlError::Refused(_)), "{error}");
    assert_eq!(Browser::at(&world, SERVICE).get("/").await.body, "release");
    fs::remove_dir(world.state_dir().join("table.new")).unwrap();
    world.bot.put_table(&table(2, &other)).await.unwrap();
}

#[tokio::test]
async fn the_control_socket_is_its_owners_alone() {
    let world = World::start().await;
    let mode = fs::metadata(world.path("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!world.path("control.new").exists());
    world.bot.livez().await.unwrap();
}

#[tokio::test]
async fn two_routers_cannot_share_a_folder() {
    let mut world = World::start().await;
    let error = world.boot().await.unwrap_err();
    assert!(matches!(error, RouterError::Twice(_)), "{error}");
    world.bot.livez().await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let world = World::start().await;
    let config = folkops_router::RouterConfig::new(world.address, world.path("c2.sock"), world.path("s2"));
    let error = folkops_router::Router::bind(config, world.ports()).await.err().unwrap().to_string();
    assert!(error.contains(&format!("cannot listen on `{}`", world.address)), "{error}");
}

#[tokio::test]
async fn stopping_lets_what_has_begun_finish_and_accepts_nothing_new() {
    let mut world = World::start().await;
    let (begun, go_on) = (Gate::closed(), Gate::closed());
    let (tell, wait) = (begun.clone(), go_on.clone());
    let slow = talking(world.folder.path(), "slow", move |mut stream: UnixStream| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            read_request(&mut stream, 0).await.unwrap();
            tell.open();
            wait.passed().await;
            say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole").await;
        }
    });
    world.bot.put_table(&table(1, &slow)).await.unwrap();
    let mut browser = Browser::at(&world, SERVICE);
    let asking = tokio::spawn(async move { browser.get("/").await });
    begun.passed().await;
    let ended = world.ask_to_stop();
    while TcpStream::connect(world.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.open();
    let answer = asking.await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "whole"));
    ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_visitor_who_only_keeps_a_connection_does_not_hold_up_the_end() {
    let mut world = World::start_with(|config| config.waits.drain = Duration::from_secs(600)).await;
    let (release, _) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let (mut used, _unused) =
        (Browser::at(&world, SERVICE), TcpStream::connect(world.address).await.unwrap());
    used.get("/").await;
    let ended = tokio::time::timeout(Duration::from_secs(60), world.ask_to_stop()).await;
    ended.expect("long before the drain is over").unwrap().unwrap();
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut() {
    let mut world = World::start_with(|config| config.waits.drain = Duration::from_millis(20)).await;
    let begun = Gate::closed();
    let tell = begun.clone();
    let endless = talking(world.folder.path(), "endless", move |mut stream: UnixStream| {
        let tell = tell.clone();
        async move {
            read_request(&mut stream, 0).await.unwrap();
            tell.open();
            std::future::pending::<()>().await;
        }
    });
    world.bot.put_table(&table(1, &endless)).await.unwrap();
    let mut browser = Browser::at(&world, SERVICE);
    let asking = tokio::spawn(async move { browser.try_ask(http::Request::get("/"), "").await.map(|_| ()) });
    begun.passed().await;
    world.stop().await;
    assert!(asking.await.unwrap().is_err());
}

#[tokio::test]
async fn more_connections_than_allowed_wait_their_turn() {
    let world = World::start_with(|config| config.limits.connections = 1).await;
    let (release, _) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {SERVICE}\r\n\r\n");
    let mut first = TcpStream::connect(world.address).await.unwrap();
    first.write_all(request.as_bytes()).await.unwrap();
    let mut byte = [0; 1];
    first.read_exact(&mut byte).await.unwrap();
    let mut second = TcpStream::connect(world.address).await.unwrap();
    second.write_all(request.as_bytes()).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), second.read_exact(&mut byte)).await;
    assert!(early.is_err(), "the second waits");
    drop(first);
    second.read_exact(&mut byte).await.unwrap();
    assert_eq!(&byte, b"H");
}

#[tokio::test]
async fn a_visitor_who_never_finishes_a_head_is_let_go() {
    let world = World::start_with(|config| config.waits.request = Duration::from_millis(30)).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: pot").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("200"), "{rest:?}");
}
