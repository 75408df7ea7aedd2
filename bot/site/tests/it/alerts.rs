//! Alerts: a line in the room, a thread with the whole card and its picture, and the picture itself.

use folkops_engine::Operations;
use folkops_model::Group;
use http_body_util::{BodyExt, Full};

use crate::browser::Browser;
use crate::html::tags;
use crate::world::World;

async fn alarmed() -> (World, Browser, String) {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    ana.says("/echo soup").await;
    world.until_quiet().await;
    let operation = world.engine.ledger().read(|facts| {
        let operations = facts.fold::<Operations>().unwrap();
        operations.operations.iter().next().unwrap().0.clone()
    });
    ana.says("/alarm").await;
    world.until_quiet().await;
    (world, ana, format!("/room/kitchen/thread/c-{operation}-1000"))
}

#[tokio::test]
async fn the_room_shows_a_line_of_an_alert_and_its_thread_the_whole_with_the_picture_and_its_words() {
    let (_world, ana, thread) = alarmed().await;
    let room = ana.get("/room/kitchen").await.body;
    assert!(room.contains("rolled back by itself") && !room.contains("The whole of it</h3>"), "{room}");
    let links: Vec<_> =
        tags(&room).into_iter().filter(|tag| tag.get("href") == Some(thread.as_str())).collect();
    assert_eq!(links.len(), 2, "below the line, and among the threads: {links:?}");
    let whole = ana.get(&thread).await.body;
    assert!(whole.contains("<h3>The whole of it</h3>"), "{whole}");
    let pictures: Vec<_> = tags(&whole).into_iter().filter(|tag| tag.name == "img").collect();
    let sources: Vec<_> = pictures.iter().filter_map(|tag| tag.get("src")).collect();
    assert_eq!(sources, ["/rollouts/2.svg?theme=light", "/rollouts/2.svg?theme=dark"]);
    assert!(pictures.iter().all(|tag| tag.get("alt") == Some("4 of 10 <b>met</b> an error")), "{pictures:?}");
}

#[tokio::test]
async fn a_picture_is_drawn_in_both_forms_and_not_sent_again_to_whoever_has_it() {
    let (world, ana, _) = alarmed().await;
    let drawn = ana.get("/rollouts/2.svg?theme=light").await;
    assert_eq!((drawn.status, drawn.header("content-type")), (200, "image/svg+xml"));
    assert!(drawn.body.contains("#41 → everyone"), "{}", drawn.body);
    assert!(drawn.body.contains("No visitors yet"));
    let again =
        ana.request("GET", "/rollouts/2.svg?theme=light").header("if-none-match", drawn.header("etag"));
    assert_eq!(ana.send(again.body(Full::default()).unwrap()).await.status(), 304);
    for theme in ["light", "dark"] {
        let ask = ana.request("GET", &format!("/rollouts/2.png?theme={theme}"));
        let file = ana.send(ask.body(Full::default()).unwrap()).await;
        assert_eq!(file.headers()["content-type"], "image/png");
        assert!(file.into_body().collect().await.unwrap().to_bytes().starts_with(b"\x89PNG"));
    }
    for none in ["/rollouts/3.svg", "/rollouts/2.gif", "/rollouts/x.png"] {
        assert_eq!(world.reader().get(none).await.status, 404, "{none}");
    }
}
