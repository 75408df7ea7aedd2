//! Check runs: one for each head, that says how it stands here, with up to three buttons.
//!
//! A run is found again by its key, so that there is one of each. It is always completed, also while something is under
//! way: what GitHub makes of a run that is begun again after its end is not written down anywhere. Pressing a button comes back as a delivery and becomes
//! a line said by the one who pressed (`words::pressed`); the button itself allows nothing.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::budget::Urgency;
use crate::exchange::Wrong;
use crate::github::GitHub;
use crate::reported::Subject;
use crate::say::{Button, Checked, Conclusion, Say};

/// What the run is called; a branch may require it.
pub const NAME: &str = "FolkOps";

#[derive(Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    #[serde(default)]
    external_id: Option<String>,
}

impl Button {
    /// Identifier (the command's name), label and description: at most 20, 20 and 40 characters.
    pub fn words(self) -> [&'static str; 3] {
        match self {
            Self::Allow => ["ok-to-test", "Allow this commit", "It may be built and run behind the wall"],
            Self::Preview => ["deploy-preview", "Preview", "Run it beside production"],
            Self::Try => ["opt-in", "Try it", "For your own workload only; asks first"],
            Self::Evidence => ["evidence", "Evidence", "How it fares with those who try it"],
            Self::Promote => ["promote", "Promote", "Give it to everyone, step by step"],
        }
    }
}

impl Say {
    /// What is recorded of it: a deployment's state, and of a check run a hash of all that it says.
    pub fn word(&self) -> String {
        match self {
            Self::Deployment(deployed) => deployed.state.as_str().to_owned(),
            Self::Check(checked) => {
                let hash = folkops_engine::hex(&Sha256::digest(said(checked).to_string()));
                hash.chars().take(16).collect()
            }
        }
    }
}

impl GitHub {
    /// Tells how a head stands, in its one check run; the run's number.
    ///
    /// # Errors
    /// [`Wrong`]; after [`Wrong::Unknown`] the same call finds what was done.
    pub async fn tell_check(
        &self,
        subject: &Subject,
        known: Option<u64>,
        checked: &Checked,
    ) -> Result<u64, Wrong> {
        let repository = self.repository(&subject.change.component)?;
        let known = match known {
            Some(number) => Some(number),
            None => self.find_check(subject).await?,
        };
        let said = said(checked);
        let runs = format!("/repos/{repository}/check-runs");
        let (method, path, body) = match known {
            Some(number) => (Method::PATCH, format!("{runs}/{number}"), said),
            None => {
                let which = json!({ "name": NAME, "head_sha": subject.sha, "external_id": subject.head() });
                (Method::POST, runs, merged(which, said))
            }
        };
        let run: Run = self.client().write(repository, Urgency::Ordinary, (method, &path), &body).await?;
        Ok(run.id)
    }

    async fn find_check(&self, subject: &Subject) -> Result<Option<u64>, Wrong> {
        let repository = self.repository(&subject.change.component)?;
        let app = self.settings().app;
        let path = format!(
            "/repos/{repository}/commits/{}/check-runs?app_id={app}&filter=all&per_page=100",
            subject.sha
        );
        let found: Runs = self.client().get(repository, &path).await?;
        let key = subject.head();
        Ok(found.check_runs.iter().find(|run| run.external_id.as_ref() == Some(&key)).map(|run| run.id))
    }
}

/// What a run says, without what makes it this one.
fn said(checked: &Checked) -> Value {
    let action = |button: &Button| {
        let [identifier, label, description] = button.words();
        json!({ "identifier": identifier, "label": label, "description": description })
    };
    json!({
        "status": "completed", "conclusion": match checked.conclusion {
            Conclusion::Neutral => "neutral",
            Conclusion::Success => "success",
            Conclusion::Failure => "failure",
        },
        "output": { "title": checked.title, "summary": checked.summary },
        "actions": checked.buttons.iter().map(action).collect::<Vec<_>>(),
    })
}

/// Both objects' fields.
fn merged(one: Value, other: Value) -> Value {
    let fields = |value| if let Value::Object(fields) = value { fields } else { serde_json::Map::new() };
    Value::Object(fields(one).into_iter().chain(fields(other)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_are_as_short_as_github_wants_them() {
        for button in [Button::Allow, Button::Preview, Button::Try, Button::Evidence, Button::Promote] {
            let [identifier, label, description] = button.words().map(|words| words.chars().count());
            assert!(identifier <= 20 && label <= 20 && description <= 40, "{button:?}");
        }
    }

    #[test]
    fn whatever_a_run_says_otherwise_has_another_word() {
        let checked = Checked {
            conclusion: Conclusion::Neutral,
            title: "a".into(),
            summary: "b".into(),
            buttons: vec![],
        };
        let other = Checked { buttons: vec![Button::Try], ..checked.clone() };
        let ended = Checked { conclusion: Conclusion::Success, ..checked.clone() };
        let words: std::collections::BTreeSet<_> =
            [checked.clone(), checked, other, ended].map(|checked| Say::Check(checked).word()).into();
        assert_eq!(words.len(), 3);
    }
}
