//! The demo's page.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use folkops_model::{Group, Line, PersonId};
use folkops_site::{Deed, Demo, GuideStep, Pane, Persona};

use crate::browser::Browser;
use crate::html::tags;
use crate::world::{Setting, World};

fn person(id: &str) -> PersonId {
    PersonId::parse(id).unwrap()
}

fn demo(done: &Arc<AtomicBool>) -> Demo {
    let pane = |id: &str| Pane {
        person: person(id),
        url: format!("http://{id}.potluck.localhost:7080/soup"),
        mix: "her mix".into(),
    };
    let persona =
        |id: &str| Persona { person: person(id), session: format!("{id}-session-token-of-32-letters") };
    let done = done.clone();
    Demo {
        note: "38 synthetic visitors, labelled as such".into(),
        panes: [pane("ana"), pane("ben")],
        personas: vec![persona("ana"), persona("jo")],
        guide: vec![
            GuideStep {
                id: "look".into(),
                text: Line::from("Look around"),
                deed: None,
                done: Box::new(move |_| done.load(Ordering::SeqCst)),
            },
            GuideStep {
                id: "promote".into(),
                text: Line::new().text("Give it to everyone with ").code("/promote"),
                deed: Some(Deed::Says(person("jo"), "/promote 41 #43".into())),
                done: Box::new(|_| false),
            },
        ],
        closing: "Each step ticks itself off.".into(),
    }
}

async fn world(done: &Arc<AtomicBool>) -> (World, Browser) {
    let world = World::with(Setting { demo: Some(demo(done)), ..Setting::default() }).await;
    for (id, name, group) in
        [("ana", "Ana", Group::User), ("ben", "Ben", Group::User), ("jo", "Jo", Group::Maintainer)]
    {
        world.knows(id, name, &[group]).await;
    }
    let newcomer = world.reader();
    (world, newcomer)
}

#[tokio::test]
async fn whoever_opens_the_demo_speaks_as_its_first_persona() {
    let (world, newcomer) = world(&Arc::default()).await;
    assert_eq!(newcomer.get("/").await.header("location"), "/demo");
    let before = world.sequence();
    let page = newcomer.get("/demo").await;
    assert_eq!(world.sequence(), before);
    assert!(
        page.header("set-cookie").starts_with("folkops_session=ana-session-token-of-32-letters; Path=/;")
    );
    assert!(page.body.contains("placeholder=\"Speak as Ana, or / for commands\""));
    let frames: Vec<_> = tags(&page.body).into_iter().filter(|tag| tag.name == "iframe").collect();
    assert_eq!(frames[0].get("src"), Some("http://ana.potluck.localhost:7080/soup"));
    assert_eq!(frames[1].get("name"), Some("pane-ben"));
    let policy = page.header("content-security-policy");
    assert!(
        policy.ends_with("; frame-src http://ana.potluck.localhost:7080 http://ben.potluck.localhost:7080"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"));
}

#[tokio::test]
async fn speaking_as_another_persona_needs_the_page_s_own_form() {
    let (_world, newcomer) = world(&Arc::default()).await;
    let ana = Browser { cookie: Some("ana-session-token-of-32-letters".into()), ..newcomer };
    let page = ana.get("/demo").await.body;
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    for fields in [[("person", "jo"), ("csrf", "0")], [("person", "mallory"), ("csrf", csrf)]] {
        assert_eq!(ana.post("/demo/speak-as", &fields).await.status, 403);
    }
    let fields = [("person", "jo"), ("csrf", csrf), ("say", "/promote 41 #43")];
    let switched = ana.post("/demo/speak-as", &fields).await;
    assert_eq!(switched.header("location"), "/demo?say=%2Fpromote%2041%20%2343");
    assert!(switched.header("set-cookie").starts_with("folkops_session=jo-session-token-of-32-letters;"));
    let jo = Browser { cookie: Some("jo-session-token-of-32-letters".into()), ..ana };
    let page = jo.get(switched.header("location")).await.body;
    let field = tags(&page).into_iter().find(|tag| tag.get("id") == Some("say")).unwrap();
    assert_eq!(field.get("value"), Some("/promote 41 #43"));
    assert_eq!(field.get("placeholder"), Some("Speak as Jo, or / for commands"));
}

#[tokio::test]
async fn the_path_can_be_read_from_the_page_and_ticks_itself_off_for_good() {
    let done = Arc::new(AtomicBool::new(false));
    let (_world, newcomer) = world(&done).await;
    let steps = |page: String| {
        let steps: Vec<_> = tags(&page).into_iter().filter(|tag| tag.get("data-step").is_some()).collect();
        let seen = |tag: &crate::html::Tag| {
            let all = ["class", "data-step", "data-persona", "data-say"]
                .map(|name| tag.get(name).unwrap_or("-").to_owned());
            all.join(" ")
        };
        steps.iter().map(seen).collect::<Vec<_>>()
    };
    assert_eq!(steps(newcomer.get("/demo").await.body), ["here look - -", " promote jo /promote 41 #43"]);
    done.store(true, Ordering::SeqCst);
    let ticked = ["ok look - -", "here promote jo /promote 41 #43"];
    assert_eq!(steps(newcomer.get("/demo").await.body), ticked);
    done.store(false, Ordering::SeqCst);
    assert_eq!(steps(newcomer.get("/demo").await.body), ticked);
}

#[tokio::test]
async fn in_the_demo_a_one_time_link_opens_in_its_person_s_frame() {
    let (world, newcomer) = world(&Arc::default()).await;
    let ana = Browser { cookie: Some("ana-session-token-of-32-letters".into()), ..newcomer };
    ana.says("/echo soup").await;
    world.until_quiet().await;
    let target = |page: String| {
        let secret = tags(&page).into_iter().find(|tag| tag.get("class") == Some("btn main secret")).unwrap();
        secret.get("target").unwrap().to_owned()
    };
    assert_eq!(target(ana.get("/demo").await.body), "pane-ana");
    assert_eq!(target(ana.get("/room/kitchen").await.body), "_blank");
}
