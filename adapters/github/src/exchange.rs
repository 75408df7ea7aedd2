//! One request to GitHub and its answer: what is sent with it, what of it is kept, and what a refusal means.

use std::time::Duration;

use http::{Method, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use octocrab::Octocrab;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The largest answer that is read, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;
/// How long one request may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Why GitHub did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is not there, or the App may not see it.
    #[error("GitHub has no `{0}`, or the App was not given it; look at the App's installation")]
    Missing(String),
    /// GitHub refuses, and would again.
    #[error("GitHub refuses ({status}): {said}")]
    Refused {
        /// The status.
        status: u16,
        /// GitHub's own sentence, freed of control characters.
        said: String,
    },
    /// Too much was asked for.
    #[error("GitHub wants to be left alone for {} s", .0.as_secs().max(1))]
    Hushed(Duration),
    /// No answer, or a 5xx: a write may have happened or not.
    #[error("GitHub does not answer: {0}")]
    Unknown(String),
}

/// One request.
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) tag: Option<&'a str>,
    pub(crate) body: Option<&'a Value>,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) next: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) hush: Option<Duration>,
    pub(crate) body: bytes::Bytes,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Complaint {
    message: String,
}

pub(crate) async fn ask(crab: &Octocrab, asked: Asked<'_>) -> Result<Answer, Wrong> {
    let request = http::Request::builder().method(asked.method).uri(asked.path);
    let request = request.header(header::ACCEPT, accepted(asked.path));
    let request =
        asked.tag.into_iter().fold(request, |request, tag| request.header(header::IF_NONE_MATCH, tag));
    let request = crab.build_request(request, asked.body).map_err(unknown)?;
    let answer = tokio::time::timeout(PATIENCE, async {
        let answer = crab.execute(request).await.map_err(unknown)?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|error| Wrong::Unknown(error.to_string()))?.to_bytes();
        let said = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: parts.status,
            next: said("link").and_then(next),
            tag: said("etag").map(str::to_owned),
            hush: hush(parts.status, &said),
            body,
        })
    });
    answer.await.map_err(|_| Wrong::Unknown(format!("nothing within {} s", PATIENCE.as_secs())))?
}

/// The type of answer that is wanted: of the pages where people sign in, of what a team may do in a repository (it is told
/// to nobody who asks otherwise), of everything else.
fn accepted(path: &str) -> &'static str {
    match path.split('/').nth(1) {
        Some("login") => "application/json",
        Some("orgs") if path.contains("/repos/") => "application/vnd.github.v3.repository+json",
        _ => "application/vnd.github+json",
    }
}

/// How long GitHub wants to be left alone: what it says, or a minute where it only refuses.
fn hush<'a>(status: StatusCode, said: &impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let limited = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::FORBIDDEN;
    let after = said("retry-after").and_then(|after| after.parse().ok());
    let used_up = said("x-ratelimit-remaining") == Some("0");
    let seconds = after.or((used_up || status == StatusCode::TOO_MANY_REQUESTS).then_some(60))?;
    limited.then(|| Duration::from_secs(seconds))
}

pub(crate) fn judged(answer: Answer, path: &str) -> Result<Answer, Wrong> {
    let status = answer.status;
    if status.is_success() {
        return Ok(answer);
    }
    if let Some(wait) = answer.hush {
        return Err(Wrong::Hushed(wait));
    }
    if status.is_server_error() {
        return Err(Wrong::Unknown(format!("it says {status}")));
    }
    if status == StatusCode::NOT_FOUND || status == StatusCode::GONE {
        return Err(Wrong::Missing(path.to_owned()));
    }
    let complaint: Complaint = serde_json::from_slice(&answer.body).unwrap_or_default();
    let said = complaint.message.chars().filter(|c| !c.is_control()).take(200).collect();
    Err(Wrong::Refused { status: status.as_u16(), said })
}

pub(crate) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Wrong> {
    let body = if answer.body.is_empty() { &b"null"[..] } else { &answer.body };
    serde_json::from_slice(body)
        .map_err(|error| Wrong::Unknown(format!("an answer cannot be read ({error})")))
}

/// The path and query of the next page in a `Link` header (RFC 8288).
fn next(link: &str) -> Option<String> {
    let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    let address: http::Uri = next.split(['<', '>']).nth(1)?.parse().ok()?;
    address.path_and_query().map(ToString::to_string)
}

pub(crate) fn unknown(error: octocrab::Error) -> Wrong {
    // The error's own text may carry a trace with paths of this machine; its first line says what happened.
    let text = error.to_string();
    Wrong::Unknown(
        text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_the_link_header() {
        let link = "<https://api.github.com/x?page=1>; rel=\"prev\", <https://api.github.com/x?page=3&per_page=100>; rel=\"next\"";
        assert_eq!(next(link).as_deref(), Some("/x?page=3&per_page=100"));
        assert_eq!(next("<https://api.github.com/x?page=1>; rel=\"prev\""), None);
    }

    #[test]
    fn github_is_left_alone_for_as_long_as_it_says() {
        let said = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
        };
        let seconds = |status, pairs| hush(status, &said(pairs)).map(|wait| wait.as_secs());
        assert_eq!(seconds(StatusCode::FORBIDDEN, &[("retry-after", "7")]), Some(7));
        assert_eq!(seconds(StatusCode::TOO_MANY_REQUESTS, &[]), Some(60));
        assert_eq!(seconds(StatusCode::FORBIDDEN, &[("x-ratelimit-remaining", "0")]), Some(60));
        assert_eq!(seconds(StatusCode::FORBIDDEN, &[("x-ratelimit-remaining", "3")]), None);
        assert_eq!(seconds(StatusCode::OK, &[("x-ratelimit-remaining", "0")]), None);
    }
}
