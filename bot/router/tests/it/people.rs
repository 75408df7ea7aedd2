//! Whose requests go where: one-time links, opt-out, trusted proxies.

use folkops_router::RouterConfig;
use folkops_router::table::{Table, Trusted, TrustedHeader, Upstream};
use http::{Request, StatusCode};

use crate::upstreams::{Asked, named};
use crate::visitors::Browser;
use crate::world::{SERVICE, World, backend, host, link, person, table};

struct Scene {
    world: World,
    table: Table,
    mix: Upstream,
    asked: Asked,
}

impl Scene {
    /// Ana has opted in to a mix and holds two links.
    async fn set() -> Self {
        Self::set_with(|_| {}).await
    }

    async fn set_with(tweak: fn(&mut RouterConfig)) -> Self {
        let world = World::start_with(tweak).await;
        let (release, asked) = named(world.folder.path(), "release");
        let (mix, _) = named(world.folder.path(), "mix");
        let mut table = table(1, &release);
        table.people.insert(person("ana"), backend("c0ffee", &mix));
        table.links.extend([link("first-token-0000"), link("second-token-000")]);
        world.bot.put_table(&table).await.unwrap();
        Self { world, table, mix, asked }
    }

    fn browser(&self) -> Browser {
        Browser::at(&self.world, SERVICE)
    }

    async fn put(&mut self, change: impl FnOnce(&mut Table)) {
        change(&mut self.table);
        self.table.version += 1;
        self.world.bot.put_table(&self.table).await.unwrap();
    }
}

#[tokio::test]
async fn a_link_ties_one_browser_to_a_person_and_a_second_link_another() {
    let scene = Scene::set().await;
    let (mut laptop, mut phone, mut stranger) = (scene.browser(), scene.browser(), scene.browser());
    assert_eq!(laptop.get("/").await.body, "release");
    let joined = laptop.join("first-token-0000").await;
    assert_eq!((joined.status, joined.headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(phone.join("second-token-000").await.status, StatusCode::SEE_OTHER);
    assert_ne!(laptop.cookie, phone.cookie);
    for (browser, says) in [(&mut laptop, "mix"), (&mut phone, "mix"), (&mut stranger, "release")] {
        assert_eq!(browser.get("/").await.body, says);
    }
}

#[tokio::test]
async fn opening_a_link_binds_nobody_until_the_button_is_pressed() {
    let scene = Scene::set().await;
    let mut browser = scene.browser();
    let page = browser.get("/.folkops/join/first-token-0000").await;
    assert!(page.body.contains("Use Ana &lt;3’s mix in this browser?"), "{}", page.body);
    assert!(page.body.contains("/opt-out"), "{}", page.body);
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert_eq!(browser.get("/").await.body, "release");
    assert_eq!(browser.join("first-token-0000").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_links_page_may_be_framed_by_the_configured_origin_and_by_nobody_else() {
    let policy = async |tweak: fn(&mut RouterConfig)| {
        let scene = Scene::set_with(tweak).await;
        let page = scene.browser().get("/.folkops/join/first-token-0000").await;
        page.headers["content-security-policy"].to_str().unwrap().to_owned()
    };
    assert!(policy(|_| {}).await.contains("frame-ancestors 'none'"));
    let framed =
        policy(|config| config.framed_by = Some("http://ops.potluck.localhost".parse().unwrap())).await;
    assert!(framed.contains("frame-ancestors http://ops.potluck.localhost"), "{framed}");
    assert!(!framed.contains("frame-ancestors 'none'"), "{framed}");
}

#[tokio::test]
async fn a_used_link_is_refused_and_says_how_to_get_a_new_one() {
    let scene = Scene::set().await;
    let path = "/.folkops/join/first-token-0000";
    let (mut first, mut second) = (scene.browser(), scene.browser());
    let opened_before = second.get(path).await;
    let proof = opened_before.body.split("value=\"").nth(1).unwrap()[..64].to_owned();
    first.join("first-token-0000").await;
    for answer in [second.get(path).await, second.submit(path, &format!("proof={proof}")).await] {
        assert_eq!(answer.status, StatusCode::GONE);
        assert!(answer.body.contains("has been used") && answer.body.contains("/opt-in"), "{}", answer.body);
    }
    assert_eq!(second.get("/").await.body, "release");
    assert_eq!(first.get("/").await.body, "mix");
}

#[tokio::test]
async fn expired_unknown_and_misplaced_links_each_say_what_is_wrong() {
    let scene = Scene::set().await;
    let unknown = scene.browser().get("/.folkops/join/no-such-token-00").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(unknown.body.contains("not known") && unknown.body.contains("/opt-in"), "{}", unknown.body);
    let elsewhere =
        Browser::at(&scene.world, "ben.potluck.localhost").get("/.folkops/join/first-token-0000").await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    assert!(elsewhere.body.contains("<code>potluck.localhost</code>"), "{}", elsewhere.body);
    scene.world.clock.set(2_000);
    let expired = scene.browser().get("/.folkops/join/first-token-0000").await;
    assert_eq!(expired.status, StatusCode::GONE);
    assert!(expired.body.contains("has expired"), "{}", expired.body);
}

#[tokio::test]
async fn the_form_counts_only_from_its_own_page_in_its_own_browser() {
    let scene = Scene::set().await;
    let path = "/.folkops/join/first-token-0000";
    let (mut browser, mut thief) = (scene.browser(), scene.browser());
    let page = browser.get(path).await;
    let form = format!("proof={}", &page.body.split("value=\"").nth(1).unwrap()[..64]);
    thief.get("/").await;
    assert_eq!(thief.submit(path, &form).await.status, StatusCode::FORBIDDEN, "another browser's proof");
    assert_eq!(browser.submit(path, "proof=0").await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.submit(path, &"x".repeat(5_000)).await.status, StatusCode::FORBIDDEN);
    for (name, value) in
        [("origin", "http://evil.localhost"), ("sec-fetch-site", "cross-site"), ("x-none", "")]
    {
        let forged = browser.ask(Request::post(path).header(name, value), &form).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    browser.cookie = None;
    assert_eq!(browser.submit(path, &form).await.status, StatusCode::FORBIDDEN, "no cookie");
    assert_eq!(scene.browser().join("first-token-0000").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_opt_out_shows_on_the_next_request_and_a_later_opt_in_needs_no_new_link() {
    let mut scene = Scene::set().await;
    let mut browser = scene.browser();
    browser.join("first-token-0000").await;
    for _ in 0..20 {
        assert_eq!(browser.get("/").await.body, "mix");
        scene.put(|table| table.people.clear()).await;
        assert_eq!(browser.get("/").await.body, "release");
        let mix = backend("c0ffee", &scene.mix);
        scene.put(|table| drop(table.people.insert(person("ana"), mix))).await;
    }
}

#[tokio::test]
async fn a_binding_outlives_the_router_and_the_link() {
    let mut scene = Scene::set().await;
    let mut browser = scene.browser();
    browser.join("first-token-0000").await;
    let cookie = browser.cookie.clone();
    scene.put(|table| table.links.clear()).await;
    scene.world.stop().await;
    scene.world.boot().await.unwrap();
    let mut again = scene.browser();
    again.cookie = cookie;
    assert_eq!(again.get("/").await.body, "mix");
}

#[tokio::test]
async fn a_trusted_proxy_names_the_person_and_nobody_else_can() {
    let mut scene = Scene::set().await;
    let header = TrustedHeader::parse("x-person").unwrap();
    let trusting =
        |address: &str| Trusted { addresses: vec![address.parse().unwrap()], header: header.clone() };
    scene.put(|table| table.trusted = Some(trusting("192.0.2.1"))).await;
    let named = || Request::get("/").header("x-person", "ana");
    assert_eq!(scene.browser().ask(named(), "").await.body, "release");
    assert!(!scene.asked.lock().unwrap().last().unwrap().0.headers.contains_key("x-person"));
    scene.put(|table| table.trusted = Some(trusting("127.0.0.1"))).await;
    let answer = scene.browser().ask(named(), "").await;
    assert_eq!(answer.body, "mix");
    assert!(!answer.headers.contains_key("set-cookie"), "an API client is given no cookie");
    assert_eq!(scene.browser().ask(named().header("x-person", "ben"), "").await.body, "release");
}

#[tokio::test]
async fn a_link_for_a_wildcard_host_works_there() {
    let mut scene = Scene::set().await;
    scene
        .put(|table| {
            let (hash, mut link) = link("third-token-0000");
            link.host = host("ana.potluck.localhost");
            table.links.insert(hash, link);
        })
        .await;
    let mut browser = Browser::at(&scene.world, "ana.potluck.localhost");
    assert_eq!(browser.join("third-token-0000").await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/").await.body, "mix");
}
