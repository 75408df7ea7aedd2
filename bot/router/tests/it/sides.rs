//! What would move a visitor to the other side of a rollout, or one side's answer to a visitor of the other.

use http::header::CACHE_CONTROL;
use http::{Request, Response};
use http_body_util::Full;

use crate::rollouts::{Scene, split, visitor};
use crate::upstreams::answering;
use crate::world::{World, backend, link, person, table};

/// Failure mode 12: visitors are drawn anew with each request.
#[tokio::test]
async fn who_never_brings_the_cookie_back_always_gets_the_default_and_is_never_counted() {
    let mut scene = Scene::set(9_000, 1_000).await;
    for round in 0..2 {
        for _ in 0..40 {
            assert_eq!(scene.browser().get("/").await.body, "release");
        }
        if round == 0 {
            scene.world.stop().await;
            scene.world.boot().await.unwrap();
        }
    }
    assert_eq!(scene.matured().await, []);
}

/// Failure mode 14: a client's clock, or what it remembers.
#[tokio::test]
async fn nothing_that_a_client_says_beside_its_id_moves_it_or_counts_it_again() {
    let scene = Scene::set(5_000, 5_000).await;
    let sides = scene.gets(20).await;
    let says = [
        ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("if-modified-since", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("if-none-match", "*"),
        ("cache-control", "only-if-cached"),
        ("cookie", "folkops_arm=release-219; folkops_visitor=release-219"),
    ];
    for (number, side) in sides.iter().enumerate() {
        let id = visitor(u32::try_from(number).unwrap());
        for (name, value) in says {
            let mut replaying = scene.browser();
            let request = Request::get("/").header("cookie", format!("folkops_visitor={id}"));
            let answer = replaying.ask(request.header(name, value), "").await;
            assert_eq!(answer.body, *side, "{name}: {value}");
        }
    }
    let other = format!("folkops_visitor={}; folkops_visitor={}", visitor(0), visitor(1));
    let torn = scene.browser().ask(Request::get("/").header("cookie", other), "").await;
    assert_eq!(torn.body, "release", "of two ids none is believed");
    let counted = &scene.matured().await[0].sides;
    assert_eq!(counted.candidate.exposed + counted.stable.exposed, 20);
}

/// Failure mode 14: a cache between router and visitors hands one side's answer to the other.
#[tokio::test]
async fn no_shared_cache_may_keep_an_answer_that_another_visitor_would_get_from_another_build() {
    let world = World::start().await;
    let public = |name: &'static str| {
        move |_: &http::request::Parts| {
            let response = Response::builder().header(CACHE_CONTROL, "public, s-maxage=600");
            response.header("cdn-cache-control", "max-age=600").body(Full::from(name)).unwrap()
        }
    };
    let (next, _) = answering(world.folder.path(), "next", public("next"));
    let (release, _) = answering(world.folder.path(), "release", public("release"));
    let (mix, _) = answering(world.folder.path(), "mix", public("mix"));
    let mut scene = Scene { table: table(1, &release), world };
    let kept = async |scene: &Scene, cookie: Option<String>| {
        let mut browser = scene.browser();
        browser.cookie = cookie;
        let answer = browser.get("/").await;
        let said: Vec<_> = answer.headers.get_all(CACHE_CONTROL).iter().collect();
        let kept = said == ["public, s-maxage=600"];
        assert!(kept || said[0] == "private", "{said:?}");
        assert_eq!(kept, answer.headers.contains_key("cdn-cache-control"));
        (answer.body, kept)
    };
    scene.put(|table| table.people.extend([(person("ana"), backend("c0ffee", &mix))])).await;
    scene.put(|table| table.links.extend([link("first-token-0000")])).await;
    assert_eq!(kept(&scene, Some(visitor(0))).await, ("release".into(), true), "all get the same");
    assert_eq!(kept(&scene, None).await, ("release".into(), false), "it carries an id");
    let mut ana = scene.browser();
    ana.join("first-token-0000").await;
    assert_eq!(kept(&scene, ana.cookie.clone()).await, ("mix".into(), false));
    scene.put(|table| table.service.rollout = Some(split(&next, 10_000, 0))).await;
    assert_eq!(kept(&scene, Some(visitor(0))).await, ("next".into(), false));
    scene.weigh(0, 10_000).await;
    assert_eq!(kept(&scene, Some(visitor(0))).await, ("release".into(), false));
    scene.put(|table| table.service.rollout = None).await;
    assert_eq!(kept(&scene, Some(visitor(0))).await, ("release".into(), true), "all get the same again");
}
