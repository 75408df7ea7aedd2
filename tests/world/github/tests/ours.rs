//! Our own adapter against this world: signing in, and what it reads of a change's approval.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use folkops_github::{Door, GitHub as Ours, MergeMethod, Settings, SignInSettings};
use folkops_model::ports::Clock;
use folkops_model::{ChangeNumber, Check, CheckState, ComponentName, Review, ReviewState, Sha, Vetting};
use folkops_site::{NotSignedIn, SignIn};
use sha2::{Digest, Sha256};

use super::{Place, WEB, opens};
use crate::github::{GitHub, Protection, Verdict, Way};

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
    let settings = Settings {
        api: github.api().into(),
        web: github.web().into(),
        app: crate::github::APP,
        key: GitHub::KEY.into(),
        secrets: Vec::new(),
        prefix: "folkops".into(),
        repositories: BTreeMap::from([(web(), WEB.parse().unwrap())]),
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
        assert_eq!(stand().await, of(CheckState::Pending, CheckState::Pending));
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
