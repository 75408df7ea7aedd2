//! Signing in by an account elsewhere: who is then spoken for, and what comes of answers that are not one's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use folkops_engine::{Body, People};
use folkops_model::{Account, Group, PersonId, SurfaceName};
use folkops_site::{NotSignedIn, SignIn, SignIns, SignedIn};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::browser::{Answer, Browser};
use crate::world::{Setting, World};

/// A network with accounts, which gives codes that are good once and for one challenge.
#[derive(Default)]
struct Hub {
    codes: Mutex<BTreeMap<String, (String, SignedIn)>>,
    down: Mutex<bool>,
}

fn github() -> SurfaceName {
    SurfaceName::parse("github").unwrap()
}

fn account(id: &str) -> Account {
    Account { surface: github(), id: id.into() }
}

impl SignIn for Hub {
    fn label(&self) -> &str {
        "GitHub"
    }
    fn begin(&self, state: &str, challenge: &str) -> String {
        format!("https://github.example/authorize?state={state}&code_challenge={challenge}")
    }
    fn finish<'a>(
        &'a self,
        code: &'a str,
        verifier: &'a str,
    ) -> BoxFuture<'a, Result<SignedIn, NotSignedIn>> {
        async move {
            if *self.down.lock().unwrap() {
                return Err(NotSignedIn::Unavailable("502".into()));
            }
            let known = self.codes.lock().unwrap().remove(code);
            let (challenge, signed_in) = known.ok_or(NotSignedIn::Refused("no such code".into()))?;
            let digest = s256(verifier);
            if challenge != digest || verifier.len() < 43 {
                return Err(NotSignedIn::Refused("the verifier is another".into()));
            }
            Ok(signed_in)
        }
        .boxed()
    }
}

fn s256(verifier: &str) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier.as_bytes()))
}

struct Scene {
    world: World,
    hub: Arc<Hub>,
}

/// One browser on its way: what it was sent out with.
#[derive(Clone)]
struct Way {
    browser: Browser,
    state: String,
    challenge: String,
}

impl Scene {
    async fn new() -> Self {
        let hub = Arc::new(Hub::default());
        let by = BTreeMap::from([(github(), hub.clone() as Arc<dyn SignIn>)]);
        let sign_in = SignIns { by, groups: BTreeSet::from([Group::User]) };
        let world = World::with(Setting { sign_in, ..Setting::default() }).await;
        Self { world, hub }
    }

    async fn begins(&self, browser: Browser) -> Way {
        let sent = browser.post("/sign-in/github", &[]).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        let away = sent.header("location").to_owned();
        let word = |name: &str| {
            let after = away.split(&format!("{name}=")).nth(1).unwrap();
            after.split('&').next().unwrap().to_owned()
        };
        let cookie = cookies(&sent, "folkops_sign_in").unwrap();
        Way {
            browser: Browser { sign_in: Some(cookie), ..browser },
            state: word("state"),
            challenge: word("code_challenge"),
        }
    }

    /// Somebody agrees on the other network; gives the code.
    fn agrees(&self, way: &Way, id: &str, name: &str) -> String {
        let mut codes = self.hub.codes.lock().unwrap();
        let code = format!("code{}", codes.len() + 1);
        let signed_in = SignedIn { account: account(id), name: name.into() };
        codes.insert(code.clone(), (way.challenge.clone(), signed_in));
        code
    }

    async fn returns(&self, way: &Way, code: &str, state: &str) -> Answer {
        way.browser.get(&format!("/sign-in/github/back?code={code}&state={state}")).await
    }

    /// The whole way at once.
    async fn signs_in(&self, browser: Browser, id: &str, name: &str) -> (Browser, Answer) {
        let way = self.begins(browser.clone()).await;
        let code = self.agrees(&way, id, name);
        let answer = self.returns(&way, &code, &way.state).await;
        let cookie = cookies(&answer, "folkops_session").or(browser.cookie.clone());
        (Browser { cookie, ..browser }, answer)
    }

    fn holder(&self, id: &str) -> Option<PersonId> {
        self.world
            .engine
            .ledger()
            .read(|facts| facts.fold::<People>().unwrap().by_account(&account(id)).map(|(id, _)| id.clone()))
    }

    fn people(&self) -> usize {
        self.world.engine.ledger().read(|facts| facts.fold::<People>().unwrap().people.len())
    }
}

fn cookies(answer: &Answer, name: &str) -> Option<String> {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let mut ours = set.filter_map(|set| set.strip_prefix(&format!("{name}=")));
    ours.next().map(|rest| rest.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_first_sign_in_makes_a_person_and_the_next_one_speaks_for_the_same() {
    let scene = Scene::new().await;
    let asked = scene.world.reader().get("/sign-in/github").await;
    assert!(
        asked.body.contains("Sign in with GitHub?") && asked.body.contains("here as a user"),
        "{}",
        asked.body
    );
    let policy = asked.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://github.example;"), "{policy}");

    let (mira, answer) = scene.signs_in(scene.world.reader(), "583231", "Mira\u{7} K.").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    let page = mira.get("/room/kitchen").await.body;
    assert!(page.contains("<b>Mira K.</b> <span class=\"faint\">user</span>"), "{page}");
    let person = scene.holder("583231").unwrap();
    scene.world.engine.ledger().read(|facts| {
        let people = facts.fold::<People>().unwrap();
        let row = people.people.get(&person).unwrap();
        assert_eq!(row.owner.as_ref().unwrap().as_str(), "github-583231");
        assert_eq!(row.groups, BTreeSet::from([Group::User]));
    });

    let (elsewhere, _) = scene.signs_in(scene.world.reader(), "583231", "Another name").await;
    assert_eq!((scene.people(), scene.holder("583231")), (1, Some(person)));
    assert!(elsewhere.get("/room/kitchen").await.body.contains("<b>Mira K.</b>"));
}

#[tokio::test]
async fn what_binds_a_sign_in_to_its_browser_is_short_lived_and_out_of_reach_of_scripts() {
    let scene = Scene::new().await;
    let sent = scene.world.reader().post("/sign-in/github", &[]).await;
    let cookie = sent.header("set-cookie");
    assert!(cookie.ends_with("; Path=/sign-in; Max-Age=600; HttpOnly; SameSite=Lax"), "{cookie}");
    let (_, answer) = scene.signs_in(scene.world.reader(), "7", "Kim").await;
    assert_eq!(cookies(&answer, "folkops_sign_in").as_deref(), Some(""), "it is taken away at the end");
}

#[tokio::test]
async fn a_browser_that_speaks_for_somebody_links_the_account_to_them() {
    let scene = Scene::new().await;
    let ana = scene.world.knows("ana", "Ana", &[Group::User]).await;
    let asked = ana.get("/sign-in/github").await.body;
    assert!(asked.contains("Link your GitHub account?") && asked.contains("<b>Ana</b>"), "{asked}");
    let (_, answer) = scene.signs_in(ana.clone(), "7", "ana-on-github").await;
    assert_eq!(answer.status, 303);
    assert_eq!(cookies(&answer, "folkops_session"), None, "she speaks as before");
    assert_eq!(scene.holder("7"), PersonId::parse("ana").ok());
    let before = scene.world.sequence();
    let (_, again) = scene.signs_in(ana, "7", "ana-on-github").await;
    assert_eq!((again.status, scene.world.sequence()), (303, before), "it is hers already");
}

#[tokio::test]
async fn an_account_belongs_to_one_person() {
    let scene = Scene::new().await;
    let ana = scene.world.knows("ana", "Ana", &[Group::User]).await;
    let ben = scene.world.knows("ben", "Ben", &[Group::User]).await;
    scene.signs_in(ana, "7", "ana").await;
    let (_, refused) = scene.signs_in(ben.clone(), "7", "ana").await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("That GitHub account is somebody else’s here"), "{}", refused.body);
    assert_eq!(scene.holder("7"), PersonId::parse("ana").ok());
    // Once it is unlinked there, it may be linked here.
    let unlinked = Body::AccountUnlinked { person: PersonId::parse("ana").unwrap(), account: account("7") };
    scene.world.engine.note(unlinked).await.unwrap();
    let (_, linked) = scene.signs_in(ben, "7", "ana").await;
    assert_eq!((linked.status, scene.holder("7")), (303, PersonId::parse("ben").ok()));
}

/// Somebody who said something on GitHub and is known here by that account alone.
async fn heard_of(scene: &Scene, id: &str) -> PersonId {
    let person = PersonId::parse(&format!("heard-{id}")).unwrap();
    let joined = Body::PersonJoined {
        person: person.clone(),
        name: folkops_engine::Keyring::seal(scene.world.keys.as_ref(), "octo").unwrap(),
        groups: BTreeSet::new(),
        accounts: BTreeSet::from([account(id)]),
        owner: None,
    };
    scene.world.engine.note(joined).await.unwrap();
    person
}

#[tokio::test]
async fn who_was_only_heard_of_elsewhere_is_the_same_person_when_they_sign_in() {
    let scene = Scene::new().await;
    let person = heard_of(&scene, "7").await;
    scene.signs_in(scene.world.reader(), "7", "Kim").await;
    assert_eq!((scene.holder("7"), scene.people()), (Some(person.clone()), 1));
    scene.world.engine.ledger().read(|facts| {
        let people = facts.fold::<People>().unwrap();
        let row = people.people.get(&person).unwrap();
        assert_eq!(row.groups, BTreeSet::from([Group::User]), "they are here now");
        assert_eq!(row.owner.as_ref().unwrap().as_str(), "github-7");
    });
}

#[tokio::test]
async fn an_account_that_was_only_heard_of_goes_to_whoever_proves_it() {
    let scene = Scene::new().await;
    let heard = heard_of(&scene, "7").await;
    let ana = scene.world.knows("ana", "Ana", &[Group::User]).await;
    scene.signs_in(ana, "7", "ana").await;
    assert_eq!(scene.holder("7"), PersonId::parse("ana").ok());
    scene.world.engine.ledger().read(|facts| {
        let people = facts.fold::<People>().unwrap();
        assert!(people.people.get(&heard).unwrap().accounts.is_empty());
    });
}

#[tokio::test]
async fn two_people_who_link_one_account_at_the_same_moment_do_not_both_get_it() {
    let scene = Scene::new().await;
    let mut ways = Vec::new();
    for name in ["ana", "ben", "cleo", "dan"] {
        let browser = scene.world.knows(name, name, &[Group::User]).await;
        let way = scene.begins(browser).await;
        let code = scene.agrees(&way, "7", "somebody");
        ways.push((way, code));
    }
    let back = ways.iter().map(|(way, code)| scene.returns(way, code, &way.state));
    let mut ends: Vec<u16> =
        futures::future::join_all(back).await.iter().map(|answer| answer.status).collect();
    ends.sort_unstable();
    assert_eq!(ends, [303, 409, 409, 409]);
}

#[tokio::test]
async fn an_answer_that_is_not_this_browser_s_own_signs_nobody_in() {
    let scene = Scene::new().await;
    let (victim, mallory) = (scene.world.reader(), scene.world.reader());
    let (victim, mallory) = (scene.begins(victim).await, scene.begins(mallory).await);
    let code = scene.agrees(&mallory, "666", "Mallory");
    let before = scene.world.sequence();

    // Mallory's own link, opened in the victim's browser.
    let sent = scene.returns(&victim, &code, &mallory.state).await;
    assert_eq!((sent.status, sent.body.contains("That answer is not for this browser")), (403, true));
    // A browser that began nothing.
    let bare =
        scene.world.reader().get(&format!("/sign-in/github/back?code={code}&state={}", mallory.state)).await;
    assert_eq!((bare.status, bare.body.contains("This sign-in is over")), (410, true));
    // Mallory's code put into the victim's own answer: the verifier is another.
    let swapped = scene.returns(&victim, &code, &victim.state).await;
    assert_eq!(
        (swapped.status, swapped.body.contains("GitHub does not vouch for this sign-in")),
        (403, true)
    );
    for empty in ["/sign-in/github/back", "/sign-in/github/back?state=&code="] {
        assert_eq!(mallory.browser.get(empty).await.status, 403, "{empty}");
    }
    assert_eq!((scene.world.sequence(), scene.people()), (before, 0));
}

#[tokio::test]
async fn an_answer_works_once_and_for_ten_minutes() {
    let scene = Scene::new().await;
    let way = scene.begins(scene.world.reader()).await;
    let code = scene.agrees(&way, "7", "Kim");
    assert_eq!(scene.returns(&way, &code, &way.state).await.status, 303);
    let again = scene.returns(&way, &code, &way.state).await;
    assert_eq!((again.status, again.body.contains("It was used already")), (410, true));

    let slow = scene.begins(scene.world.reader()).await;
    let code = scene.agrees(&slow, "8", "Lee");
    scene.world.moves(Duration::from_secs(600));
    assert_eq!(scene.returns(&slow, &code, &slow.state).await.status, 410);
    assert_eq!(scene.holder("8"), None);
}

#[tokio::test]
async fn who_speaks_for_somebody_else_meanwhile_links_nothing() {
    let scene = Scene::new().await;
    let ana = scene.world.knows("ana", "Ana", &[Group::User]).await;
    let ben = scene.world.knows("ben", "Ben", &[Group::User]).await;
    let way = scene.begins(ana).await;
    let code = scene.agrees(&way, "7", "ana");
    for now in [ben.cookie.clone(), None] {
        let way = scene.begins(Browser { sign_in: None, ..way.browser.clone() }).await;
        let turned = Way { browser: Browser { cookie: now, ..way.browser.clone() }, ..way };
        let answer = scene.returns(&turned, &code, &turned.state).await;
        assert_eq!(answer.status, 403);
        assert!(answer.body.contains("This browser speaks for somebody else by now"), "{}", answer.body);
    }
    assert_eq!(scene.holder("7"), None);
}

#[tokio::test]
async fn refusal_silence_and_an_unknown_network_each_have_a_page_of_their_own() {
    let scene = Scene::new().await;
    let way = scene.begins(scene.world.reader()).await;
    let back = format!("/sign-in/github/back?error=access_denied&state={}", way.state);
    let denied = way.browser.get(&back).await;
    assert_eq!((denied.status, denied.body.contains("You did not agree on GitHub")), (403, true));
    assert!(denied.body.contains("href=\"/sign-in/github\""), "one can begin again");

    let way = scene.begins(scene.world.reader()).await;
    let code = scene.agrees(&way, "7", "Kim");
    *scene.hub.down.lock().unwrap() = true;
    let silent = scene.returns(&way, &code, &way.state).await;
    assert_eq!((silent.status, silent.body.contains("GitHub does not answer")), (502, true));
    for nowhere in ["/sign-in/gitlab", "/sign-in/gitlab/back?code=a&state=b"] {
        assert_eq!(scene.world.reader().get(nowhere).await.status, 404);
    }
    assert_eq!(scene.people(), 0);
}

#[tokio::test]
async fn a_sign_in_is_not_begun_for_a_page_of_somebody_else() {
    let scene = Scene::new().await;
    let reader = scene.world.reader();
    let foreign = reader.form("/sign-in/github", &[]).header("origin", "https://evil.example");
    let answer = reader.send(foreign.body(crate::browser::body(&[])).unwrap()).await;
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn who_only_reads_is_told_how_to_sign_in() {
    let scene = Scene::new().await;
    let page = scene.world.reader().get("/room/kitchen").await.body;
    assert!(page.contains("To speak, sign in, or open an invitation link."), "{page}");
    assert!(page.contains("href=\"/sign-in/github\">Sign in with GitHub</a>"), "{page}");
    let refused =
        scene.world.reader().says_json(&[("text", "hi"), ("key", "somekey123"), ("csrf", "")]).await;
    assert!(
        refused.body.contains("sign in with GitHub or open an invitation link first"),
        "{}",
        refused.body
    );
}
