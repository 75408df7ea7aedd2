//! Joining and leaving.

use std::time::Duration;

use folkops_model::Group;

use crate::browser::{Answer, Browser, answer, body};
use crate::world::World;

fn session(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().split_once('=').unwrap().1.to_owned()
}

#[tokio::test]
async fn an_invitation_works_once_and_asking_does_not_use_it_up() {
    let world = World::new().await;
    let link = world.invites("Mira", &[Group::Contributor]).await;
    let before = world.sequence();
    for _ in 0..3 {
        let asked = world.reader().get(&link).await;
        assert_eq!(asked.status, 200);
        assert!(asked.body.contains("Join as Mira"), "{}", asked.body);
    }
    assert_eq!(world.sequence(), before);

    let joined = world.reader().post(&link, &[]).await;
    assert_eq!((joined.status, joined.header("location")), (303, "/"));
    let cookie = joined.header("set-cookie");
    assert!(cookie.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"), "{cookie}");
    let mira = Browser { cookie: Some(session(&joined)), ..world.reader() };
    assert!(
        mira.get("/room/kitchen").await.body.contains("<b>Mira</b> <span class=\"faint\">contributor</span>")
    );

    let after = world.sequence();
    for again in [world.reader().post(&link, &[]).await, world.reader().get(&link).await] {
        assert_eq!(again.status, 410);
        assert!(again.body.contains("Ask whoever sent it for a new one"));
    }
    assert_eq!(world.sequence(), after);
}

#[tokio::test]
async fn two_browsers_with_one_link_at_the_same_moment_make_one_person() {
    let world = World::new().await;
    let link = world.invites("Mira", &[Group::User]).await;
    let browsers: Vec<Browser> = (0..8).map(|_| world.reader()).collect();
    let answers = futures::future::join_all(browsers.iter().map(|browser| browser.post(&link, &[]))).await;
    let joined = answers.iter().filter(|answer| answer.status == 303).count();
    let gone = answers.iter().filter(|answer| answer.status == 410).count();
    assert_eq!((joined, gone), (1, 7));
}

#[tokio::test]
async fn an_invitation_and_a_session_end_with_their_time() {
    let world = World::new().await;
    let link = world.invites("Mira", &[Group::User]).await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    world.moves(Duration::from_secs(61));
    assert_eq!(world.reader().post(&link, &[]).await.status, 410);
    assert!(ana.get("/room/kitchen").await.body.contains("id=\"composer\""));
    world.moves(Duration::from_secs(3_600));
    assert!(!ana.get("/room/kitchen").await.body.contains("id=\"composer\""));
}

#[tokio::test]
async fn nothing_is_done_for_a_page_of_somebody_else() {
    let world = World::new().await;
    let link = world.invites("Mira", &[Group::User]).await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let csrf = ana.csrf().await;
    let fields = [("text", "/echo hi"), ("key", "evilkey123"), ("csrf", csrf.as_str())];
    let before = world.sequence();
    let from = |headers: &[(&str, &str)], path: &str| {
        let mut request = ana.form(path, &fields);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body(&fields)).unwrap();
        let ana = ana.clone();
        async move { answer(ana.send(request).await).await.status }
    };
    let ours = format!("http://{}", world.host);
    let foreign: [&[(&str, &str)]; 7] = [
        &[],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", &format!("https://{}", world.host))],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", &ours)],
    ];
    for headers in foreign {
        for path in ["/room/kitchen/say", "/leave", &link] {
            assert_eq!(from(headers, path).await, 403, "{headers:?} {path}");
        }
    }
    assert_eq!(world.sequence(), before);
}

#[tokio::test]
async fn a_form_without_the_session_s_own_proof_is_refused() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let ben = world.knows("ben", "Ben", &[Group::User]).await;
    let theirs = ben.csrf().await;
    let before = world.sequence();
    for proof in ["", "0", theirs.as_str()] {
        let said = ana.says_json(&[("text", "hi"), ("key", "somekey123"), ("csrf", proof)]).await;
        assert_eq!(said.status, 403, "{proof:?}: {}", said.body);
        assert_eq!(ana.post("/leave", &[("csrf", proof)]).await.status, 403);
    }
    let nobody = world.reader().says_json(&[("text", "hi"), ("key", "somekey123"), ("csrf", "")]).await;
    assert_eq!(nobody.status, 401);
    assert_eq!(world.sequence(), before);
}

#[tokio::test]
async fn another_host_name_that_points_here_is_not_answered() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let rebound = Browser { host: format!("evil.example:{}", world.port), ..ana };
    for path in ["/", "/room/kitchen", "/room/kitchen/events?from=0&since=0", "/api/status"] {
        let answer = rebound.get(path).await;
        assert_eq!(answer.status, 421, "{path}");
        assert!(!answer.body.contains("csrf"), "{path}");
    }
    assert_eq!(rebound.get("/livez").await.status, 200);
}

#[tokio::test]
async fn leaving_ends_the_session() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let left = ana.post("/leave", &[("csrf", &ana.csrf().await)]).await;
    assert_eq!(left.status, 303);
    assert!(left.header("set-cookie").starts_with("folkops_session=; Path=/; Max-Age=0;"));
    assert!(!ana.get("/room/kitchen").await.body.contains("id=\"composer\""));
}
