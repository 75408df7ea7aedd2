//! Teams, checks, protected branches and deployments.

use serde_json::{Value, json};

use super::{Ear, Place, WEB, word};
use crate::github::{Permission, Protection, Verdict, Way};

#[tokio::test]
async fn who_is_in_a_part_of_a_team_is_in_the_team_and_may_what_it_may() {
    let place = Place::new().await;
    place.github.team("cooks", None, &["sam"]);
    place.github.team("bakers", Some("cooks"), &["ana"]);
    place.github.team_may(WEB, "cooks", Permission::Maintain);
    let is_in = async |team: &str, login: &str| {
        place.asks(&format!("GET /orgs/potluck/teams/{team}/memberships/{login}"), None).await.status == 200
    };
    assert!(is_in("cooks", "ana").await && is_in("bakers", "ana").await);
    assert!(!is_in("bakers", "sam").await && !is_in("cooks", "mira").await);
    let members = place.asks("GET /orgs/potluck/teams/cooks/members", None).await.body;
    assert_eq!(members.as_array().unwrap().len(), 2);
    let told = place.asks("GET /repos/potluck/web/collaborators/ana/permission", None).await.body;
    assert_eq!((&told["permission"], &told["role_name"]), (&json!("write"), &json!("maintain")));
}

#[tokio::test]
async fn a_check_run_has_three_buttons_at_most_and_pressing_one_is_announced() {
    let place = Place::new().await;
    place.github.opens(WEB, 41, "mira");
    let ear = Ear::listens(&place.github).await;
    let head = place.github.head(WEB, 41);
    let action = |name: &str| json!({ "label": name, "identifier": name, "description": name });
    let run = |actions: &[&str]| {
        let actions: Vec<Value> = actions.iter().map(|name| action(name)).collect();
        let output = json!({ "title": "Waits", "summary": "for a look" });
        json!({ "name": "FolkOps", "head_sha": head, "status": "in_progress", "output": output, "actions": actions })
    };
    let line = "POST /repos/potluck/web/check-runs";
    assert_eq!(place.asks(line, run(&["allow", "promote", "stop"])).await.status, 201);
    let four = place.asks(line, run(&["a", "b", "c", "d"])).await.status;
    assert_eq!(four, 422);
    let [ours] = <[_; 1]>::try_from(place.github.check_runs(WEB)).unwrap();
    assert_eq!((ours.title.as_str(), ours.actions.len()), ("Waits", 3));
    place.github.presses(WEB, ours.id, "jo", "promote");
    let path = format!("PATCH /repos/potluck/web/check-runs/{}", ours.id);
    assert_eq!(place.asks(&path, json!({ "status": "completed" })).await.status, 422, "how did it end?");
    assert_eq!(place.asks(&path, json!({ "conclusion": "success" })).await.body["status"], "completed");
    place.github.until_delivered().await;
    let heard = ear.heard().await;
    assert_eq!(heard, ["check_run created", "check_run requested_action", "check_run completed"]);
    assert_eq!(place.github.forgives().len(), 2, "the description says so too");
}

#[tokio::test]
async fn what_a_branch_requires_is_told_in_both_ways_and_kept() {
    for way in [Way::Branch, Way::Ruleset] {
        let place = Place::new().await;
        place.github.opens(WEB, 41, "mira");
        let protection = Protection { checks: vec!["ci".into(), "lint".into()], reviews: 1, way };
        place.github.protects(WEB, "main", protection);
        let classic =
            place.asks("GET /repos/potluck/web/branches/main/protection/required_status_checks", None);
        let rules = place.asks("GET /repos/potluck/web/rules/branches/main", None).await.body;
        let told = match way {
            Way::Branch => classic.await.body["contexts"].clone(),
            Way::Ruleset => rules[0]["parameters"]["required_status_checks"].clone(),
        };
        assert_eq!(told.as_array().unwrap().len(), 2);
        let head = place.github.head(WEB, 41);
        let merges =
            async || place.asks("PUT /repos/potluck/web/pulls/41/merge", json!({ "sha": head })).await.status;
        place.github.checks(WEB, &head, "ci", Some("success"));
        place.github.status(WEB, &head, "lint", "failure");
        assert_eq!(merges().await, 405);
        place.github.status(WEB, &head, "lint", "success");
        assert_eq!(merges().await, 405, "nobody approved it");
        place.github.reviews(WEB, 41, "mira", Verdict::Approved, "Mine is good.");
        assert_eq!(merges().await, 405, "she may not push");
        place.github.reviews(WEB, 41, "jo", Verdict::Approved, "");
        let runs = place
            .asks(&format!("GET /repos/potluck/web/commits/{head}/check-runs?per_page=1"), None)
            .await
            .body;
        assert_eq!(
            (&runs["total_count"], &runs["check_runs"][0]["conclusion"]),
            (&json!(1), &json!("success"))
        );
        let status = place.asks(&format!("GET /repos/potluck/web/commits/{head}/status"), None).await.body;
        assert_eq!((&status["state"], &status["total_count"]), (&json!("success"), &json!(1)));
        assert_eq!(merges().await, 200);
    }
}

#[tokio::test]
async fn a_deployment_is_what_github_makes_of_what_was_said_and_left_unsaid() {
    let place = Place::new().await;
    place.github.opens(WEB, 41, "mira");
    let head = place.github.head(WEB, 41);
    let asks = |environment: &str| {
        json!({ "ref": head, "environment": environment, "auto_merge": false, "required_contexts": [],
            "transient_environment": environment != "live", "production_environment": environment == "live" })
    };
    let line = "POST /repos/potluck/web/deployments";
    let made = place.asks(line, asks("preview-41")).await;
    assert_eq!(made.status, 201);
    let statuses = format!("POST /repos/potluck/web/deployments/{}/statuses", made.body["id"]);
    for word in ["queued", "in_progress", "success", "inactive"] {
        let said =
            json!({ "state": word, "environment_url": "http://p.example/", "log_url": "http://l.example/" });
        assert_eq!(place.asks(&statuses, said).await.status, 201);
    }
    let [seen] = <[_; 1]>::try_from(place.github.deployments(WEB)).unwrap();
    assert_eq!(seen.states, ["queued", "in_progress", "success", "inactive"]);
    assert!(seen.transient && !seen.production && seen.url.is_some(), "{seen:?}");
    place.github.merges(WEB, 41, "jo");
    place.github.opens(WEB, 52, "mira");
    let behind = place.github.head(WEB, 52);
    let careless = place.asks(line, json!({ "ref": behind })).await;
    assert_eq!(careless.status, 202, "GitHub would merge the default branch into it");
}

#[tokio::test]
async fn a_review_comment_takes_reactions_and_is_found_by_the_scan() {
    let place = Place::new().await;
    place.github.opens(WEB, 41, "mira");
    let line = place.github.comments_line(WEB, 41, "jo", ("src/main.rs", 1), "/ok-to-test");
    let path = format!("POST /repos/potluck/web/pulls/comments/{line}/reactions");
    assert_eq!(place.asks(&path, json!({ "content": "eyes" })).await.status, 201);
    let found = place.asks("GET /repos/potluck/web/pulls/comments?since=2020-01-01T00:00:00Z", None).await;
    assert_eq!(found.body[0]["body"], "/ok-to-test");
    let (main, head) =
        (place.asks("GET /repos/potluck/web/commits/main", None).await, place.github.head(WEB, 41));
    let path = format!("GET /repos/potluck/web/compare/{}...{head}", main.body["sha"].as_str().unwrap());
    let compared = place.asks(&path, None).await.body;
    assert_eq!(
        (&compared["ahead_by"], compared["files"].as_array().map(Vec::len)),
        (&json!(1), Some(4)),
        "{compared}"
    );
    assert_eq!(super::call(&place.github, "GET /app/installations", &word(60), None).await.status, 200);
}
