//! Who asks: the App by its signed word, an installation or a person by a token.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

use super::api::{Call, Outcome, Refusal};
use super::state::{APP, State};

/// The App's public key; the private one is [`super::GitHub::KEY`].
const PUBLIC: &[u8] = include_bytes!("app.pub.pem");
/// What GitHub allows an App's word to live, in seconds.
const LONGEST: i64 = 600;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    App,
    Installation,
    User(u64),
}

/// A token that was given out.
pub(super) struct Token {
    pub who: Who,
    pub until: Timestamp,
}

/// What only the App itself may ask.
const OF_THE_APP: [&str; 9] = [
    "apps/get-authenticated",
    "apps/list-installations",
    "apps/get-installation",
    "apps/get-org-installation",
    "apps/get-repo-installation",
    "apps/create-installation-access-token",
    "apps/list-webhook-deliveries",
    "apps/get-webhook-delivery",
    "apps/redeliver-webhook-delivery",
];
const OF_ANYBODY: [&str; 1] = ["apps/create-from-manifest"];

impl State {
    /// Who shows this `Authorization`.
    pub fn who(&self, header: Option<&str>) -> Result<Who, Refusal> {
        let Some(header) = header else { return Ok(Who::Nobody) };
        let shown = header.split_once(' ').map_or(header, |(_, token)| token);
        if shown.matches('.').count() == 2 {
            return self.app_of(shown).map_err(|why| Refusal(401, why));
        }
        let token = self.tokens.get(shown).filter(|token| token.until > self.clock.now());
        token.map(|token| token.who).ok_or_else(|| Refusal(401, "Bad credentials".into()))
    }

    fn app_of(&self, shown: &str) -> Result<Who, String> {
        let mut validation = Validation::new(Algorithm::RS256);
        // The time is this world's, so it is looked at below.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_rsa_pem(PUBLIC).expect("the App's public key");
        let claims = decode::<Value>(shown, &key, &validation).map_err(|error| error.to_string())?.claims;
        let (now, of) = (self.clock.now().as_second(), |claim: &str| claims[claim].as_i64().unwrap_or(0));
        if of("iat") > now || of("exp") <= now || of("exp") - now > LONGEST {
            return Err(
                "'Expiration time' claim ('exp') or 'Issued at' claim ('iat') is out of bounds".into()
            );
        }
        let issuer = claims["iss"].to_string();
        let known = [APP.to_string(), super::GitHub::CLIENT.to_owned()];
        if known.iter().any(|known| issuer.trim_matches('"') == known) {
            return Ok(Who::App);
        }
        Err("'Issuer' claim ('iss') is not an App".into())
    }
}

/// Whether somebody like that may ask such a thing at all.
pub(super) fn admit(operation: &str, call: &Call) -> Outcome<()> {
    let of_the_app = OF_THE_APP.contains(&operation);
    match call.who {
        _ if OF_ANYBODY.contains(&operation) => Ok(()),
        Who::Nobody => Err(Refusal(401, "Requires authentication".into())),
        Who::App if !of_the_app => Err(Refusal(403, "Resource not accessible by integration".into())),
        Who::Installation | Who::User(_) if of_the_app => {
            Err(Refusal(401, "A JSON web token could not be decoded".into()))
        }
        _ => Ok(()),
    }
}

/// Whether only the App itself, or anybody, asks such a thing.
pub(super) fn is_of_the_app(operation: &str) -> bool {
    OF_THE_APP.contains(&operation) || OF_ANYBODY.contains(&operation)
}
