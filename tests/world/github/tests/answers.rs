//! Accounts, comments, pull requests and repositories.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{Ear, Place, WEB, call, tagged, word};
use crate::github::APP;

#[tokio::test]
async fn an_app_is_known_by_its_signed_word_and_by_nothing_else() {
    let place = Place::new().await;
    let asks = async |word: &str| call(&place.github, "GET /app", word, None).await.status;
    assert_eq!(asks(&word(600)).await, 200);
    assert_eq!(asks(&word(660)).await, 401, "it lives too long");
    assert_eq!(asks(&word(0)).await, 401, "it is over");
    let forged = word(600).split_once('.').map(|(_, rest)| format!("eyJhbGciOiJub25lIn0.{rest}"));
    assert_eq!(asks(&forged.unwrap()).await, 401);
    assert_eq!(asks(&place.token).await, 401, "an installation is not the App");
    assert_eq!(call(&place.github, "GET /repos/potluck/web", &word(600), None).await.status, 403);
    place.github.time_passes(Duration::from_secs(3601));
    assert_eq!(place.asks("GET /repos/potluck/web", None).await.status, 401, "its token is over");
}

#[tokio::test]
async fn a_comment_is_made_edited_reacted_to_and_listed_as_github_does_it() {
    let place = Place::new().await;
    place.github.opens(WEB, 41, "mira");
    let asked = place.github.comments(WEB, 41, "mira", "/deploy-preview");
    let made = place.asks("POST /repos/potluck/web/issues/41/comments", json!({ "body": "Up." })).await;
    assert_eq!((made.status, &made.body["user"]["login"]), (201, &json!("folkops[bot]")));
    assert_eq!(made.body["performed_via_github_app"]["id"], APP);
    let eyes = format!("POST /repos/potluck/web/issues/comments/{asked}/reactions");
    let first = place.asks(&eyes, json!({ "content": "eyes" })).await;
    let second = place.asks(&eyes, json!({ "content": "eyes" })).await;
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.body["id"], second.body["id"]);
    let sticky = format!("PATCH /repos/potluck/web/issues/comments/{}", made.body["id"]);
    assert_eq!(place.asks(&sticky, json!({ "body": "Gone." })).await.status, 200);
    let [theirs, ours] = <[_; 2]>::try_from(place.github.comments_on(WEB, 41)).unwrap();
    assert_eq!(theirs.reactions, [("folkops[bot]".to_owned(), "eyes".to_owned())]);
    assert_eq!((ours.body.as_str(), ours.edits.as_slice()), ("Gone.", ["Up.".to_owned()].as_slice()));
    let gone = format!("DELETE /repos/potluck/web/issues/comments/{asked}/reactions/{}", first.body["id"]);
    assert_eq!(place.asks(&gone, None).await.status, 204);
    let listed =
        place.asks("GET /repos/potluck/web/issues/comments?since=2020-01-01T00:00:00Z&per_page=1", None);
    let listed = listed.await;
    assert!(listed.headers["link"].to_str().unwrap().contains("page=2>; rel=\"next\""));
    assert!(listed.body[0]["issue_url"].as_str().unwrap().ends_with("/repos/potluck/web/issues/41"));
    let tag = listed.headers["etag"].to_str().unwrap();
    let line = "GET /repos/potluck/web/issues/comments?since=2020-01-01T00:00:00Z&per_page=1";
    assert_eq!(tagged(&place.github, line, &place.token, (None, tag)).await.status, 304);
}

#[tokio::test]
async fn people_are_found_by_number_and_by_name_and_may_do_what_they_may() {
    let place = Place::new().await;
    let jo = place.github.user("jo");
    place.github.renames("jo", "joanna");
    let by_number = place.asks(&format!("GET /user/{jo}"), None).await;
    assert_eq!((by_number.status, &by_number.body["login"]), (200, &json!("joanna")));
    assert_eq!(place.asks("GET /users/jo", None).await.status, 404);
    let may = async |login: &str| {
        let line = format!("GET /repos/potluck/web/collaborators/{login}/permission");
        let told = place.asks(&line, None).await.body;
        (told["permission"].clone(), told["user"]["id"].clone())
    };
    assert_eq!(may("joanna").await, (json!("write"), json!(jo)));
    assert_eq!(may("mira").await.0, json!("read"), "everybody reads what is public");
    let token = place.github.token_of("mira");
    let own = call(&place.github, "GET /user", &token, None).await;
    assert_eq!(own.body["login"], "mira");
}

#[tokio::test]
async fn a_pull_request_is_merged_at_the_commit_that_was_named_and_in_every_way() {
    for (method, parents) in [("merge", 2), ("squash", 1), ("rebase", 1)] {
        let place = Place::new().await;
        place.github.opens(WEB, 41, "mira");
        let before = place.github.head(WEB, 41);
        place.github.pushes(WEB, 41, "mira", &[("NOTES", b"one more\n")]).await;
        let head = place.github.head(WEB, 41);
        let line = "PUT /repos/potluck/web/pulls/41/merge";
        let with = |sha: &str| json!({ "sha": sha, "merge_method": method });
        assert_eq!(place.asks(line, with(&before)).await.status, 409);
        let merged = place.asks(line, with(&head)).await;
        assert_eq!(merged.status, 200, "{method}: {}", merged.body);
        let main = place.asks("GET /repos/potluck/web/commits/main", None).await.body;
        assert_eq!(main["sha"], merged.body["sha"]);
        assert_eq!(main["parents"].as_array().unwrap().len(), parents);
        let pull = place.asks("GET /repos/potluck/web/pulls/41", None).await.body;
        assert_eq!((&pull["merged"], &pull["merge_commit_sha"]), (&json!(true), &main["sha"]));
        let file = place.asks("GET /repos/potluck/web/contents/NOTES", None).await;
        assert_eq!(file.body["content"], "b25lIG1vcmUK");
        assert_eq!(place.asks(line, with(&head)).await.status, 405, "once is enough");
    }
}

#[tokio::test]
async fn a_fork_is_told_from_a_branch_and_may_be_gone() {
    let place = Place::new().await;
    place.github.opens(WEB, 41, "mira");
    place.github.opens(WEB, 52, "jo");
    let from = async |number| {
        place.asks(&format!("GET /repos/potluck/web/pulls/{number}"), None).await.body["head"]["repo"].clone()
    };
    let fork = from(41).await;
    assert_eq!((&fork["full_name"], &fork["fork"]), (&json!("mira/web"), &json!(true)));
    assert_eq!(from(52).await["full_name"], WEB);
    place.github.deletes_fork(WEB, 41);
    assert_eq!(from(41).await, Value::Null);
    let files = place.asks("GET /repos/potluck/web/pulls/41/files", None).await.body;
    assert!(files[0]["patch"].as_str().unwrap().starts_with("@@"), "{files}");
}

#[tokio::test]
async fn git_fetches_by_commit_with_a_token_and_pushes_are_announced() {
    let place = Place::new().await;
    let ear = Ear::listens(&place.github).await;
    place.github.opens(WEB, 41, "mira");
    let (folder, head) = (TempDir::new().unwrap(), place.github.head(WEB, 41));
    let git = async |url: &str, arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .current_dir(folder.path())
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.args(["-c", &format!("url.{url}/.insteadOf=forge:")]).args(arguments);
        command.output().await.unwrap().status.success()
    };
    let bare = place.github.web().to_owned();
    let with = bare.replace("://", &format!("://x-access-token:{}@", place.token));
    assert!(git(&bare, &["init", "--quiet"]).await);
    assert!(!git(&bare, &["fetch", "--quiet", "forge:potluck/web.git", &head]).await, "without a token");
    assert!(git(&with, &["fetch", "--quiet", "forge:potluck/web.git", &head]).await);
    assert!(
        git(&with, &["push", "--quiet", "forge:potluck/web.git", &format!("{head}:refs/heads/new")]).await
    );
    place.github.until_delivered().await;
    assert_eq!(ear.heard().await, ["pull_request opened", "push"]);
}

#[tokio::test]
async fn a_write_may_be_done_and_denied_and_too_many_are_refused_with_a_time() {
    let place = Place::new().await;
    place.github.opens(WEB, 41, "mira");
    let says =
        async || place.asks("POST /repos/potluck/web/issues/41/comments", json!({ "body": "x" })).await;
    place.github.answers_blindly(1);
    assert_eq!(says().await.status, 502);
    assert_eq!(place.github.comments_on(WEB, 41).len(), 1);
    for _ in 1..80 {
        assert_eq!(says().await.status, 201);
    }
    let refused = says().await;
    assert_eq!(refused.status, 403);
    let wait = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    place.github.time_passes(Duration::from_secs(wait));
    assert_eq!(says().await.status, 201);
    place.github.goes_down();
    assert_eq!(says().await.status, 503);
}

#[tokio::test]
async fn what_github_does_not_know_is_noticed() {
    let place = Place::new().await;
    place.asks("GET /repos/potluck/web/pulls?stat=open", None).await;
    place.asks("POST /repos/potluck/web/issues/41/comments", json!({ "text": "x" })).await;
    place.asks("GET /repos/potluck/web/pull/41", None).await;
    place.asks("GET /user/mira", None).await;
    let seen = place.github.forgives();
    assert_eq!(seen.len(), 5, "{seen:#?}");
    assert!(seen[0].contains("there is no `stat` in the query"), "{seen:#?}");
}
