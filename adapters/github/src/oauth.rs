//! Signing in with GitHub: the App's own client, OAuth with PKCE (RFC 7636, S256).
//!
//! The token that a person's agreement gives is used for one question, who they are, and then forgotten. Neither it nor
//! the code is ever shown or kept.

use folkops_model::Account;
use folkops_site::{NotSignedIn, SignIn, SignedIn};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::Method;
use octocrab::Octocrab;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::exchange::{Asked, Wrong, ask, judged, read, unknown};
use crate::settings::surface;

/// What signing in is told.
pub struct SignInSettings {
    /// Where the API is, without a slash at the end.
    pub api: String,
    /// Where people find GitHub, without a slash at the end.
    pub web: String,
    /// The App's client id.
    pub client: String,
    /// Its secret.
    pub secret: SecretString,
    /// Where our site is, without a slash at the end.
    pub site: String,
}

/// The way in by an account of GitHub.
pub struct Door {
    settings: SignInSettings,
    web: Octocrab,
    api: Octocrab,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<SecretString>,
    /// GitHub says what is wrong with status 200.
    error: Option<String>,
}

#[derive(Deserialize)]
struct UserAnswer {
    id: u64,
    login: String,
    name: Option<String>,
    r#type: String,
}

impl Door {
    /// With these settings.
    ///
    /// # Errors
    /// A sentence for the operator, where an address cannot be used.
    pub fn new(settings: SignInSettings) -> Result<Self, String> {
        let wrong = |error: octocrab::Error| format!("an address of GitHub cannot be used: {error}");
        let crab = |address: &str| Octocrab::builder().base_uri(address)?.build();
        let web = crab(&settings.web).map_err(wrong)?;
        let api = crab(&settings.api).map_err(wrong)?;
        Ok(Self { settings, web, api })
    }

    fn back(&self) -> String {
        format!("{}/sign-in/{}/back", self.settings.site, surface())
    }

    async fn token(&self, code: &str, verifier: &str) -> Result<SecretString, NotSignedIn> {
        let fields = json!({
            "client_id": self.settings.client,
            "client_secret": self.settings.secret.expose_secret(),
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": self.back(),
        });
        let path = "/login/oauth/access_token";
        let asked = Asked { method: Method::POST, path, tag: None, body: Some(&fields) };
        let answer: TokenAnswer =
            read(&judged(ask(&self.web, asked).await.map_err(away)?, path).map_err(away)?).map_err(away)?;
        let plain = |text: String| text.chars().filter(|c| !c.is_control()).take(80).collect();
        let refused = || NotSignedIn::Refused(answer.error.map_or_else(|| "no token".to_owned(), plain));
        answer.access_token.ok_or_else(refused)
    }

    async fn user(&self, token: SecretString) -> Result<UserAnswer, NotSignedIn> {
        let as_them = self.api.user_access_token(token).map_err(|error| away(unknown(error)))?;
        let asked = Asked { method: Method::GET, path: "/user", tag: None, body: None };
        let answer = judged(ask(&as_them, asked).await.map_err(away)?, "/user").map_err(away)?;
        read(&answer).map_err(away)
    }
}

impl SignIn for Door {
    fn label(&self) -> &str {
        "GitHub"
    }

    fn begin(&self, state: &str, challenge: &str) -> String {
        let SignInSettings { web, client, .. } = &self.settings;
        let (client, back) = (escaped(client), escaped(&self.back()));
        let (state, challenge) = (escaped(state), escaped(challenge));
        format!(
            "{web}/login/oauth/authorize?client_id={client}&redirect_uri={back}&state={state}\
             &code_challenge={challenge}&code_challenge_method=S256"
        )
    }

    fn finish<'a>(
        &'a self,
        code: &'a str,
        verifier: &'a str,
    ) -> BoxFuture<'a, Result<SignedIn, NotSignedIn>> {
        async move {
            let user = self.user(self.token(code, verifier).await?).await?;
            if user.r#type != "User" {
                return Err(NotSignedIn::Refused("that account is no person's".into()));
            }
            let account = Account { surface: surface(), id: user.id.to_string() };
            let name = user.name.filter(|name| !name.trim().is_empty()).unwrap_or(user.login);
            Ok(SignedIn { account, name })
        }
        .boxed()
    }
}

/// A refusal would be one again; everything else may pass.
fn away(wrong: Wrong) -> NotSignedIn {
    match wrong {
        Wrong::Refused { .. } | Wrong::Missing(_) => NotSignedIn::Refused(wrong.to_string()),
        Wrong::Hushed(_) | Wrong::Unknown(_) => NotSignedIn::Unavailable(wrong.to_string()),
    }
}

/// A text as one value of a query.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_browser_is_sent_out_with_state_and_challenge_and_our_own_way_back() {
        let settings = SignInSettings {
            api: "https://ghe.example/api/v3".into(),
            web: "https://ghe.example".into(),
            client: "Iv1.8a61f9b3a7aba766".into(),
            secret: "hush".into(),
            site: "https://ops.example.org".into(),
        };
        assert_eq!(
            Door::new(settings).unwrap().begin("s&t", "c-h_a"),
            "https://ghe.example/login/oauth/authorize?client_id=Iv1.8a61f9b3a7aba766\
             &redirect_uri=https%3A%2F%2Fops.example.org%2Fsign-in%2Fgithub%2Fback&state=s%26t\
             &code_challenge=c-h_a&code_challenge_method=S256"
        );
    }
}
