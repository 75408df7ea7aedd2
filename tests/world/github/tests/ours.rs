//! Our own adapter against this world: signing in, and what it reads of a change's approval.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use folkops_engine::RightsSource;
use folkops_github::{
    CodeOwners, Door, GitHub as Ours, Making, MergeMethod, Settings, SignInSettings, TeamName, make,
};
use folkops_model::ports::Clock;
use folkops_model::{
    Account, ChangeNumber, Check, CheckState, ComponentName, Group, Review, ReviewState, Sha, Vetting,
};
use folkops_site::{NotSignedIn, SignIn};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest, Sha256};

use super::{Place, WEB, opens};
use crate::github::{GitHub, Permission, Protection, Verdict, Way};
use crate::http::form;

/// The clock of these tests: the double's own hours are far longer than a test.
struct Still;

impl Clock for Still {
    fn now(&self) -> jiff::Timestamp {
        crate::github::state::Clock::default().now()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

fn web() -> ComponentName {
    ComponentName::parse("web").unwrap()
}

fn ours(github: &GitHub) -> Ours {
    speaking(github, BTreeMap::new())
}

fn speaking(github: &GitHub, teams: BTreeMap<TeamName, Group>) -> Ours {
    let settings = Settings {
        api: github.api().into(),
        web: github.web().into(),
        app: crate::github::APP,
        key: GitHub::KEY.into(),
        secrets: Vec::new(),
        bare: folkops_github::Bare::Alone,
        prefix: "folkops".into(),
        repositories: BTreeMap::from([(web(), WEB.parse().unwrap())]),
        release_branches: BTreeMap::new(),
        teams,
        method: MergeMethod::Merge,
        site: "http://folkops.localhost".into(),
    };
    Ours::new(settings, Arc::new(Still)).unwrap()
}

fn door(github: &GitHub) -> Door {
    let settings = SignInSettings {
        api: github.api().into(),
        web: github.web().into(),
        client: GitHub::CLIENT.into(),
        secret: GitHub::CLIENT_SECRET.into(),
        site: "http://folkops.localhost".into(),
    };
    Door::new(settings).unwrap()
}

/// Somebody at a browser agrees; gives the code with which they come back.
async fn agrees(place: &Place, door: &Door, verifier: &str) -> String {
    use base64::Engine as _;
    let digest = Sha256::digest(verifier.as_bytes());
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
    let away = door.begin("state", &challenge);
    let path = away.strip_prefix(place.github.web()).unwrap();
    let (status, to, _) = opens(&place.github, "GET", path, "").await;
    assert_eq!(status, 302);
    assert!(to.starts_with("http://folkops.localhost/sign-in/github/back?code="), "{to}");
    to.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_agrees_is_known_by_number_once_for_each_code_and_verifier() {
    let place = Place::new().await;
    let door = door(&place.github);
    let number = place.github.user("mira");
    place.github.sits_down("mira");
    let code = agrees(&place, &door, "a-verifier").await;
    let signed_in = door.finish(&code, "a-verifier").await.unwrap();
    assert_eq!((signed_in.account.surface.as_str(), signed_in.account.id), ("github", number.to_string()));
    assert!(!signed_in.name.is_empty());
    for (code, verifier) in [(code, "a-verifier"), (agrees(&place, &door, "one").await, "another")] {
        let refused = door.finish(&code, verifier).await.unwrap_err();
        assert_eq!(refused, NotSignedIn::Refused("bad_verification_code".into()));
    }
    assert_eq!(place.github.violations(), [""; 0]);
}

#[tokio::test]
async fn required_checks_are_read_in_both_ways_and_stand_as_they_were_reported() {
    for way in [Way::Branch, Way::Ruleset] {
        let place = Place::new().await;
        let ours = ours(&place.github);
        place.github.opens(WEB, 41, "mira");
        let head = place.github.head(WEB, 41);
        let sha = Sha::parse(&head).unwrap();
        let vetting = async || ours.vetting(&web(), ChangeNumber(41), &sha).await.unwrap();
        assert_eq!(vetting().await, Vetting::default(), "nothing is required");
        let protection = Protection { checks: vec!["ci".into(), "lint".into()], reviews: 1, way };
        place.github.protects(WEB, "main", protection);
        let stand = async || {
            let checks = vetting().await.checks;
            checks.into_iter().map(|Check { name, state }| (name, state)).collect::<Vec<_>>()
        };
        let of = |ci, lint| [("ci".to_owned(), ci), ("lint".to_owned(), lint)];
        assert_eq!(stand().await, of(CheckState::Missing, CheckState::Missing));
        place.github.checks(WEB, &head, "ci", Some("success"));
        place.github.checks(WEB, &head, "unasked", Some("failure"));
        place.github.status(WEB, &head, "lint", "failure");
        assert_eq!(stand().await, of(CheckState::Green, CheckState::Red));
        place.github.status(WEB, &head, "lint", "success");
        assert_eq!(stand().await, of(CheckState::Green, CheckState::Green));
        assert!(vetting().await.is_green());
        assert_eq!(place.github.violations(), [""; 0]);
    }
}

#[tokio::test]
async fn reviews_are_read_with_the_commit_that_they_are_about() {
    let place = Place::new().await;
    let ours = ours(&place.github);
    place.github.opens(WEB, 41, "mira");
    let before = place.github.head(WEB, 41);
    place.github.reviews(WEB, 41, "jo", Verdict::Approved, "fine");
    place.github.pushes(WEB, 41, "mira", &[("more.txt", b"more")]).await;
    let sha = Sha::parse(&place.github.head(WEB, 41)).unwrap();
    let Vetting { reviews, .. } = ours.vetting(&web(), ChangeNumber(41), &sha).await.unwrap();
    let [Review { account, state, commit }] = <[_; 1]>::try_from(reviews).unwrap();
    assert_eq!(account.id, place.github.user("jo").to_string());
    assert_eq!((state, commit.as_str()), (ReviewState::Approved, before.as_str()));
}

#[tokio::test]
async fn owners_are_people_and_teams_who_may_write_by_number_with_the_teams_within() {
    let place = Place::new().await;
    let github = &place.github;
    let number = |login: &str| github.user(login).to_string();
    github.team("cooks", None, &["ann"]);
    github.team("bakers", Some("cooks"), &["ben"]);
    github.team("guests", None, &["jo"]);
    github.team_may(WEB, "cooks", Permission::Write);
    github.team_may(WEB, "guests", Permission::Triage);
    for (line, owners) in [
        ("* @jo", vec![number("jo")]),
        ("* @JO @nobody", vec![number("jo")]),
        ("* @potluck/cooks", vec![number("ann"), number("ben")]),
        ("* @Potluck/Bakers", vec![number("ben")]),
        ("* @potluck/cooks @jo", vec![number("ann"), number("ben"), number("jo")]),
        ("* @mira", vec![]),
        ("* @potluck/guests", vec![]),
        ("* @elsewhere/cooks", vec![]),
        ("* @potluck/nobody", vec![]),
        ("* jo@example.org", vec![]),
    ] {
        let file = CodeOwners::read(line).unwrap();
        let said = ours(github).owners(&web(), &file, &BTreeSet::from(["a.txt".to_owned()])).await.unwrap();
        let [said] = <[_; 1]>::try_from(Vec::from_iter(said)).unwrap();
        let mut said: Vec<String> = said.into_iter().map(|account| account.id).collect();
        let mut owners = owners;
        said.sort();
        owners.sort();
        assert_eq!(said, owners, "{line}");
    }
    let file = CodeOwners::read("/docs/ @jo\n/src/ @potluck/cooks\n/src/free\n").unwrap();
    let paths = ["docs/a", "docs/b", "src/a", "src/free", "other"].map(str::to_owned);
    let said = ours(github).owners(&web(), &file, &BTreeSet::from(paths)).await.unwrap();
    assert_eq!(said.iter().map(BTreeSet::len).collect::<Vec<_>>().iter().sum::<usize>(), 3, "{said:?}");
    assert_eq!(said.len(), 2, "what nobody owns is left out");
}

#[tokio::test]
async fn a_name_that_went_to_somebody_else_owns_as_its_new_holder_and_no_part_of_a_team_is_taken_for_all() {
    let place = Place::new().await;
    let github = &place.github;
    let jo = github.user("jo").to_string();
    let file = CodeOwners::read("* @jo").unwrap();
    let paths = BTreeSet::from(["a".to_owned()]);
    let owners = async || ours(github).owners(&web(), &file, &paths).await.unwrap();
    assert!(owners().await.iter().flatten().any(|account| account.id == jo));
    github.renames("jo", "joanna");
    let other = github.user("jo");
    github.collaborator(WEB, "jo", Permission::Write);
    let said = owners().await;
    let said: Vec<&str> = said.iter().flatten().map(|account| account.id.as_str()).collect();
    assert_eq!(said, [other.to_string()]);

    let many: Vec<String> = (0..205).map(|n| format!("cook-{n}")).collect();
    github.team("cooks", None, &many.iter().map(String::as_str).collect::<Vec<_>>());
    github.team_may(WEB, "cooks", Permission::Write);
    let file = CodeOwners::read("* @potluck/cooks").unwrap();
    let said = ours(github).owners(&web(), &file, &paths).await.unwrap();
    assert_eq!(said.iter().flatten().count(), 205);
    github.goes_down();
    assert!(ours(github).owners(&web(), &file, &paths).await.is_err(), "silence is not nobody");
}

#[tokio::test]
async fn whoever_is_in_a_team_stands_in_its_group_until_they_leave_it() {
    let place = Place::new().await;
    let github = &place.github;
    github.team("operations", None, &[]);
    github.team("responders", Some("operations"), &["ann"]);
    let ann = Account { surface: folkops_github::surface(), id: github.user("ann").to_string() };
    let teams = BTreeMap::from([("potluck/operations".parse().unwrap(), Group::OnCall)]);
    let ours = speaking(github, teams);
    let groups = async || ours.rights(&ann).await.unwrap()[&web()].clone();
    assert_eq!(groups().await, BTreeSet::from([Group::OnCall]));
    github.leaves("responders", "ann");
    assert_eq!(groups().await, BTreeSet::new());
}

/// Opens a page of the program on this machine, as a browser that was told this host.
async fn here(address: &str, host: &str, path: &str) -> (u16, String) {
    let request = Request::builder().uri(format!("http://{address}{path}")).header("host", host);
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(Body::new(answer.into_body()), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn one_click_makes_the_app_and_an_answer_with_another_state_makes_none() {
    let place = Place::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let making = Making {
        name: "Potluck Ops".into(),
        site: "https://ops.example.org".into(),
        organisation: None,
        api: place.github.api().into(),
        web: place.github.web().into(),
        state: "only-this-run".into(),
    };
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keeps = kept.clone();
    let making = tokio::spawn(make(
        listener,
        making,
        Box::new(move |app| {
            keeps.lock().unwrap().push((app.id, app.client_id.clone()));
            Ok(())
        }),
    ));
    assert_eq!(here(&address, "evil.example", "/").await.0, 421);
    let (_, page) = here(&address, &address, "/").await;
    let field =
        |name: &str| page.split(name).nth(1).unwrap().split('"').next().unwrap().replace("&quot;", "\"");
    let action = field("action=\"");
    let fields = form(&[("manifest", &field("name=\"manifest\" value=\""))]);
    let path = action.strip_prefix(place.github.web()).unwrap();
    let (status, to, _) = opens(&place.github, "POST", path, &fields).await;
    assert_eq!(
        (status, place.github.violations()),
        (302, Vec::new()),
        "GitHub knows every permission and event"
    );
    let back = to.strip_prefix(&format!("http://{address}")).unwrap();
    let (status, _) = here(&address, &address, &back.replace("only-this-run", "another")).await;
    assert_eq!((status, kept.lock().unwrap().len()), (403, 0));
    let (status, done) = here(&address, &address, back).await;
    assert!(status == 200 && done.contains("/installations/new"), "{done}");
    let app = making.await.unwrap().unwrap();
    assert_eq!(kept.lock().unwrap().as_slice(), [(app.id, GitHub::CLIENT.to_owned())]);
    assert_eq!(place.github.violations(), [""; 0]);
}
