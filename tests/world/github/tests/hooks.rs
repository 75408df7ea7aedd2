//! Webhooks on good days and bad ones.

use axum::body::Bytes;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::{Ear, Place, WEB, call, word};
use crate::github::{Verdict, signature};
use crate::until::until;

#[tokio::test]
async fn every_webhook_is_signed_shaped_like_githubs_and_remembered() {
    let place = Place::new().await;
    let (github, ear) = (&place.github, Ear::listens(&place.github).await);
    github.opens(WEB, 41, "mira");
    let comment = github.comments(WEB, 41, "mira", "/deploy-preview");
    github.edits(WEB, comment, "jo", "/promote");
    github.deletes(WEB, comment, "mira");
    github.reviews(WEB, 41, "jo", Verdict::Approved, "Fine.");
    github.comments_line(WEB, 41, "jo", ("src/main.rs", 3), "Why?");
    github.pushes(WEB, 41, "mira", &[("NOTES", b"more\n")]).await;
    github.drafts(WEB, 41, "mira", true);
    github.drafts(WEB, 41, "mira", false);
    github.closes(WEB, 41, "mira");
    github.reopens(WEB, 41, "mira");
    github.merges(WEB, 41, "jo");
    github.until_delivered().await;
    let expected = "pull_request opened, issue_comment created, issue_comment edited, issue_comment deleted, \
        pull_request_review submitted, pull_request_review_comment created, pull_request synchronize, \
        pull_request converted_to_draft, pull_request ready_for_review, pull_request closed, \
        pull_request reopened, pull_request closed, push";
    assert_eq!(ear.heard().await.join(", "), expected);
    let (headers, body) = ear.0.lock().await[2].clone();
    assert_eq!(headers["x-hub-signature-256"].to_str().unwrap(), signature("hush", &body));
    let edited: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&edited["comment"]["user"]["login"], &edited["sender"]["login"]),
        (&json!("mira"), &json!("jo"))
    );
    assert_eq!(edited["changes"]["body"]["from"], "/deploy-preview");
    assert!(edited["issue"]["pull_request"].is_object());
}

#[tokio::test]
async fn a_lost_delivery_is_listed_as_failed_and_sent_again_under_its_name() {
    let place = Place::new().await;
    let (github, ear) = (&place.github, Ear::listens(&place.github).await);
    github.opens(WEB, 41, "mira");
    github.loses_deliveries(1);
    github.comments(WEB, 41, "mira", "/deploy-preview");
    github.stays_silent(1);
    github.comments(WEB, 41, "mira", "nobody hears of this");
    github.until_delivered().await;
    let asks = async |line: &str| call(github, line, &word(600), None).await;
    let failed = asks("GET /app/hook/deliveries?status=failure").await.body;
    let [lost] = failed.as_array().unwrap().as_slice() else { panic!("{failed}") };
    assert_eq!((&lost["event"], &lost["status_code"]), (&json!("issue_comment"), &json!(502)));
    let id = &lost["id"];
    let whole = asks(&format!("GET /app/hook/deliveries/{id}")).await.body;
    assert_eq!(whole["request"]["payload"]["comment"]["body"], "/deploy-preview");
    assert_eq!(asks(&format!("POST /app/hook/deliveries/{id}/attempts")).await.status, 202);
    github.until_delivered().await;
    assert_eq!(ear.heard().await, ["pull_request opened", "issue_comment created"]);
    let named = ear.0.lock().await[1].0["x-github-delivery"].clone();
    assert_eq!(lost["guid"], named.to_str().unwrap());
    let first = asks("GET /app/hook/deliveries?per_page=2").await;
    let next = first.headers["link"].to_str().unwrap().to_owned();
    let cursor = next.split("cursor=").nth(1).unwrap().split('>').next().unwrap();
    let rest = asks(&format!("GET /app/hook/deliveries?per_page=2&cursor={cursor}")).await.body;
    assert_eq!((first.body.as_array().unwrap().len(), rest.as_array().unwrap().len()), (2, 1));
}

#[tokio::test]
async fn on_a_bad_day_webhooks_come_late_shuffled_doubled_or_never_and_the_same_for_the_same_seed() {
    let mut days = Vec::new();
    for _ in 0..2 {
        let place = Place::new().await;
        let (github, ear) = (&place.github, Ear::listens(&place.github).await);
        github.opens(WEB, 41, "mira");
        github.until_delivered().await;
        github.storm(7, 20, 3);
        github.holds_deliveries();
        for number in 0..10 {
            github.comments(WEB, 41, "mira", &number.to_string());
        }
        github.until_delivered().await;
        assert_eq!(ear.heard().await.len(), 1, "they are held back");
        github.releases_deliveries();
        until("all is sent", async || (ear.heard().await.len() > 20).then_some(())).await;
        github.until_delivered().await;
        let bodies = ear.0.lock().await;
        let said = |(_, body): &(HeaderMap, Bytes)| {
            serde_json::from_slice::<Value>(body).unwrap()["comment"]["body"].clone()
        };
        days.push(bodies.iter().skip(1).map(said).collect::<Vec<_>>());
        assert_eq!(days[0].len() % 3, 0, "each is sent three times, or never");
    }
    assert!(days[0].len() < 30 && !days[0].is_sorted_by_key(Value::to_string), "{:?}", days[0]);
    // Several are under way at once, so that only what comes is the same, and about when.
    days.iter_mut().for_each(|day| day.sort_by_key(Value::to_string));
    assert_eq!(days[0], days[1]);
}
