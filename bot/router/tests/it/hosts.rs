//! Which host leads where.

use http::{Request, StatusCode};

use crate::upstreams::named;
use crate::visitors::{Browser, raw};
use crate::world::{SERVICE, World, backend, host, table};

#[tokio::test]
async fn the_host_decides_between_the_service_a_preview_and_nothing() {
    let world = World::start().await;
    let (release, _) = named(world.folder.path(), "release");
    let (preview, _) = named(world.folder.path(), "preview");
    let mut routes = table(1, &release);
    routes.previews.insert(host("p-7kq.potluck.localhost"), backend("c0ffee", &preview));
    world.bot.put_table(&routes).await.unwrap();
    for (name, says) in [
        (SERVICE, "release"),
        ("POTLUCK.localhost:8080", "release"),
        ("ana.potluck.localhost", "release"),
        ("potluck.localhost.", "release"),
        ("p-7kq.potluck.localhost", "preview"),
    ] {
        let answer = Browser::at(&world, name).get("/").await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, says), "{name}");
    }
    for name in ["evilpotluck.localhost", "localhost", "127.0.0.1", "[::1]:80", "a@potluck.localhost"] {
        let answer = Browser::at(&world, name).get("/").await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{name}");
        assert!(answer.body.contains("Nothing lives at this address"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_preview_gives_no_visitor_cookie_and_keeps_its_paths_from_ours() {
    let world = World::start().await;
    let (preview, asked) = named(world.folder.path(), "preview");
    let mut routes = table(1, &preview);
    routes.previews.insert(host("p-1.localhost"), backend("c0ffee", &preview));
    world.bot.put_table(&routes).await.unwrap();
    let mut browser = Browser::at(&world, "p-1.localhost");
    browser.get("/").await;
    assert_eq!(browser.cookie, None);
    for path in ["/.folkops", "/.folkops/", "/.folkops/join/x", "/.folkops?x"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(Browser::at(&world, SERVICE).get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(browser.get("/.folkopsy").await.status, StatusCode::OK);
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_request_that_is_not_clear_about_its_host_is_refused() {
    let world = World::start().await;
    let (release, asked) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    for head in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: potluck.localhost\r\nHost: other.localhost\r\n",
        "GET http://other.localhost/ HTTP/1.1\r\nHost: potluck.localhost\r\n",
    ] {
        let answer = raw(&world, &format!("{head}Connection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
    }
    let connect = "CONNECT potluck.localhost:80 HTTP/1.1\r\nHost: potluck.localhost:80\r\n\r\n";
    assert!(raw(&world, connect).await.starts_with("HTTP/1.1 405 "));
    assert_eq!(asked.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn an_absolute_target_reaches_the_upstream_as_a_path() {
    let world = World::start().await;
    let (release, asked) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let head =
        "GET http://potluck.localhost/a?b HTTP/1.1\r\nHost: potluck.localhost\r\nConnection: close\r\n\r\n";
    assert!(raw(&world, head).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(asked.lock().unwrap()[0].0.uri, "/a?b");
}

#[tokio::test]
async fn before_the_first_table_visitors_are_told_to_wait() {
    let world = World::start().await;
    let answer = Browser::at(&world, SERVICE).ask(Request::get("/"), "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "2");
    assert_eq!(world.bot.table().await.unwrap(), None);
}
