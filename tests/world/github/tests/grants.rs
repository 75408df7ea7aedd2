//! An installation may do what its App was given, and nothing else.

use super::{Place, WEB, call, word};
use crate::github::Level;

#[tokio::test]
async fn an_installation_is_refused_what_the_app_was_not_given_and_that_is_held_against_the_program() {
    let place = Place::new().await;
    place.github.opens(WEB, 41, "mira");
    place.github.team("cooks", None, &[]);
    let head = place.github.head(WEB, 41);
    for (right, had, line) in [
        ("members", Level::Read, "GET /orgs/potluck/teams/cooks/members".to_owned()),
        ("administration", Level::Read, format!("GET /repos/{WEB}/branches/main/protection")),
        ("contents", Level::Write, format!("GET /repos/{WEB}/git/ref/heads/main")),
        ("statuses", Level::Read, format!("GET /repos/{WEB}/commits/{head}/status")),
        ("checks", Level::Write, format!("GET /repos/{WEB}/commits/{head}/check-runs")),
        ("deployments", Level::Write, format!("GET /repos/{WEB}/deployments")),
    ] {
        place.github.grants(right, None);
        let told = place.asks(&line, None).await;
        assert_eq!(
            (told.status, told.body["message"].as_str()),
            (403, Some("Resource not accessible by integration")),
            "{line}"
        );
        let held = place.github.forgives();
        assert!(held.len() == 1 && held[0].contains(right), "{held:?}");
        place.github.grants(right, Some(had));
        assert_ne!(place.asks(&line, None).await.status, 403, "{line}");
    }
    // Comments are heard by either right, and said by either one that writes.
    let comments = format!("GET /repos/{WEB}/issues/41/comments");
    place.github.grants("issues", None);
    assert_eq!(place.asks(&comments, None).await.status, 200);
    place.github.grants("pull_requests", Some(Level::Read));
    let say = format!("POST /repos/{WEB}/issues/41/comments");
    assert_eq!(place.asks(&say, serde_json::json!({ "body": "hello" })).await.status, 403);
    place.github.grants("pull_requests", None);
    assert_eq!(place.asks(&comments, None).await.status, 403);
    assert_eq!(place.github.forgives().len(), 2);
    // The App itself is no installation.
    assert_eq!(call(&place.github, "GET /app", &word(600), None).await.status, 200);
}
