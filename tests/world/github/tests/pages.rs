//! Signing in with GitHub, and making an App from a manifest.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Place, call, opens};
use crate::github::GitHub;
use crate::http::{escaped, form};

const BACK: &str = "http://folkops.example/login/github";

fn code(to: &str) -> &str {
    to.split("code=").nth(1).unwrap().split('&').next().unwrap()
}

#[tokio::test]
async fn somebody_signs_in_once_for_each_code_and_only_with_the_proof() {
    let place = Place::new().await;
    let github = &place.github;
    github.sits_down("mira");
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest("proof"));
    let authorize = format!(
        "/login/oauth/authorize?client_id={}&redirect_uri={}&state=s1&code_challenge={challenge}\
         &code_challenge_method=S256",
        GitHub::CLIENT,
        escaped(BACK)
    );
    let exchanges = async |code: &str, proof: &str| {
        let fields = form(&[
            ("client_id", GitHub::CLIENT),
            ("client_secret", GitHub::CLIENT_SECRET),
            ("code", code),
            ("code_verifier", proof),
        ]);
        opens(github, "POST", "/login/oauth/access_token", &fields).await.2
    };
    let (status, to, _) = opens(github, "GET", &authorize, "").await;
    assert_eq!((status, to.starts_with(BACK), to.ends_with("state=s1")), (302, true, true));
    assert_eq!(exchanges(code(&to), "guess").await["error"], "bad_verification_code");
    assert_eq!(exchanges(code(&to), "proof").await["error"], "bad_verification_code", "it is used up");
    let (_, to, _) = opens(github, "GET", &authorize, "").await;
    let token = exchanges(code(&to), "proof").await["access_token"].clone();
    let own = call(github, "GET /user", token.as_str().unwrap(), None).await;
    assert_eq!(own.body["login"], "mira");
}

#[tokio::test]
async fn a_manifest_becomes_an_app_once_and_unknown_permissions_are_noticed() {
    let place = Place::new().await;
    let github = &place.github;
    let manifest = |permission: &str| {
        let manifest = json!({
            "name": "Kitchen Ops", "url": "http://folkops.example", "redirect_url": BACK,
            "hook_attributes": { "url": "http://folkops.example/webhooks/github" },
            "default_permissions": { permission: "write" }, "default_events": ["issue_comment", "push"],
        });
        form(&[("manifest", &manifest.to_string())])
    };
    let (status, to, _) = opens(github, "POST", "/settings/apps/new?state=s", &manifest("issues")).await;
    assert_eq!(status, 302);
    let path = format!("POST /app-manifests/{}/conversions", code(&to));
    let made = call(github, &path, "", None).await;
    assert_eq!(
        (made.status, &made.body["slug"], &made.body["pem"]),
        (201, &json!("kitchen-ops"), &json!(GitHub::KEY))
    );
    assert_eq!(call(github, &path, "", None).await.status, 404, "once");
    assert_eq!(opens(github, "POST", "/settings/apps/new", &manifest("everything")).await.0, 422);
    assert_eq!(github.forgives(), ["the App's manifest: there is no permission `everything` at \"write\""]);
}
