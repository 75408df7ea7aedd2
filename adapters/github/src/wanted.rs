//! What GitHub should be told of previews, promotions and heads, from the record alone.
//!
//! Pure: what is wanted is compared with what was told, so that a crash anywhere leaves one deployment and one check run
//! of each. Nothing here is a stranger's text.

use std::collections::BTreeMap;

use folkops_engine::{Addresses, Facts, Operation, OperationState, Operations};
use folkops_model::{
    ChangeRef, ComponentName, Effect, OperationId, Outcome, Part, PreviewId, ReleaseNumber, Sha,
};
use folkops_previews::{Changes, Preview, PreviewState, Previews, Releases};

use crate::reported::{Reported, Subject, Told, What};
use crate::say::{Button, Checked, Conclusion, Deployed, Say, State, Step, step};
use crate::settings::RepositoryName;

/// What is still to be told, given which components GitHub hosts.
pub fn steps(
    facts: &Facts<'_>,
    hosted: &BTreeMap<ComponentName, RepositoryName>,
    addresses: &Addresses,
) -> Vec<Step> {
    let Some(reported) = facts.fold::<Reported>() else { return Vec::new() };
    let look = Look { facts, addresses };
    let mut wanted = look.wanted().unwrap_or_default();
    for (subject, told) in reported.told.iter() {
        if let Some(gone) = look.gone(subject, told).filter(|_| !wanted.contains_key(subject)) {
            wanted.insert(subject.clone(), gone);
        }
    }
    let here = wanted.into_iter().filter(|(subject, _)| hosted.contains_key(&subject.change.component));
    here.filter_map(|(subject, say)| step(subject, say, &reported.told)).collect()
}

struct Look<'a> {
    facts: &'a Facts<'a>,
    addresses: &'a Addresses,
}

type Wanted = BTreeMap<Subject, Say>;

impl Look<'_> {
    fn wanted(&self) -> Option<Wanted> {
        let previews = self.facts.fold::<Previews>()?;
        let mut wanted = Wanted::new();
        for (id, preview) in previews.previews.iter() {
            for (change, sha) in preview.parts.iter().filter_map(|part| part.change.clone()) {
                let subject = Subject { what: What::Preview(id.clone()), change, sha };
                wanted.insert(subject, Say::Deployment(self.preview(id, preview)));
            }
        }
        self.promotions(&mut wanted)?;
        for (change, row) in self.facts.fold::<Changes>()?.open.iter() {
            let subject = Subject { what: What::Check, change: change.clone(), sha: row.head.clone() };
            wanted.insert(subject, Say::Check(self.check(change, &row.head)));
        }
        Some(wanted)
    }

    fn preview(&self, id: &PreviewId, preview: &Preview) -> Deployed {
        let (state, description) = match &preview.state {
            PreviewState::Up(_) => (State::Success, format!("Up, on release {}", preview.base)),
            PreviewState::Raising => {
                (self.at_work(preview.raised_by.as_ref()), format!("Being made, on release {}", preview.base))
            }
        };
        let url = (state == State::Success).then(|| self.addresses.preview(id));
        Deployed { state, round: 0, url, log: self.room(), description }
    }

    fn at_work(&self, operation: Option<&OperationId>) -> State {
        let operations = self.facts.fold::<Operations>();
        let operation = operations.zip(operation).and_then(|(all, id)| all.operations.get(id));
        match operation.map(|operation| &operation.state) {
            Some(OperationState::Queued { .. } | OperationState::Waiting(_)) => State::Queued,
            _ => State::InProgress,
        }
    }

    fn promotions(&self, wanted: &mut Wanted) -> Option<()> {
        let releases = self.facts.fold::<Releases>()?;
        let mut want = |changes: &[(ChangeRef, Sha)], deployed: &Deployed| {
            for (change, sha) in changes {
                let subject = Subject { what: What::Production, change: change.clone(), sha: sha.clone() };
                wanted.entry(subject).or_insert_with(|| Say::Deployment(deployed.clone()));
            }
        };
        for (operation, promoting) in releases.promoting.iter() {
            let said = "Being built from the merged tree".to_owned();
            let changes: Vec<_> = promoting.all().cloned().collect();
            want(&changes, &self.promoted(self.at_work(Some(operation)), None, said));
        }
        let changes_of = |number: ReleaseNumber| {
            releases.releases.get(&number).map(|release| release.changes.as_slice()).unwrap_or_default()
        };
        if let Some(trial) = releases.trial(self.facts) {
            let number = trial.rollout.release;
            let share = trial.step().map_or_else(String::new, |rung| rung.weight.to_string());
            let deployed = self.promoted(
                State::InProgress,
                Some(number),
                format!("{share} of people have it; the numbers decide"),
            );
            want(changes_of(number), &deployed);
        }
        if let Some((production, release)) = releases.current(self.facts) {
            let live = format!("Live for everyone in release {}", production.release);
            let kept: Vec<_> = release
                .changes
                .iter()
                .filter(|(change, _)| releases.taken_back.get(change).is_none())
                .cloned()
                .collect();
            want(&kept, &self.promoted(State::Success, Some(production.release), live));
        }
        Some(())
    }

    fn promoted(&self, state: State, release: Option<ReleaseNumber>, description: String) -> Deployed {
        let Addresses { scheme, service, site, .. } = self.addresses;
        let url = (state == State::Success).then(|| format!("{scheme}://{service}/"));
        let log = release.map_or_else(|| self.room(), |release| format!("{site}/rollouts/{release}"));
        Deployed { state, round: 0, url, log, description }
    }

    fn room(&self) -> String {
        format!("{}/", self.addresses.site)
    }

    /// What is said at last of something that is not wanted any more.
    fn gone(&self, subject: &Subject, told: &Told) -> Option<Say> {
        let ended = |state, description: &str| {
            Some(Say::Deployment(Deployed {
                state,
                round: 0,
                url: None,
                log: self.room(),
                description: description.to_owned(),
            }))
        };
        let taken_back = || {
            let releases = self.facts.fold::<Releases>();
            releases.is_some_and(|releases| releases.taken_back.get(&subject.change).is_some())
        };
        match (&subject.what, State::parse(&told.said)) {
            (What::Check, _) => None,
            (What::Production, Some(State::Queued | State::InProgress | State::Success)) if taken_back() => {
                ended(State::Inactive, "Taken back: everybody has an earlier release")
            }
            (What::Production, Some(State::Queued | State::InProgress)) if self.went_live(subject) => {
                ended(State::Success, "Live for everyone")
            }
            (_, Some(State::Queued | State::InProgress)) => ended(State::Failure, "It did not come about"),
            (What::Preview(_), Some(State::Success)) => ended(State::Inactive, "It has ended"),
            _ => None,
        }
    }

    /// Whether a release that everybody had, and that was not taken back, brought it.
    fn went_live(&self, subject: &Subject) -> bool {
        let Some(releases) = self.facts.fold::<Releases>() else { return false };
        let Some((production, _)) = releases.current(self.facts) else { return false };
        let numbers = production.before.iter().chain([&production.release]);
        let mut changes =
            numbers.filter_map(|number| releases.releases.get(number)).flat_map(|it| &it.changes);
        changes.any(|(change, sha)| *change == subject.change && *sha == subject.sha)
    }

    fn check(&self, change: &ChangeRef, sha: &Sha) -> Checked {
        let has = |parts: &[Part]| {
            parts.iter().any(|part| part.change.as_ref().is_some_and(|(of, at)| of == change && at == sha))
        };
        let previews =
            self.facts.fold::<Previews>().into_iter().flat_map(|previews| previews.previews.iter());
        let mut previews: Vec<_> = previews.filter(|(_, preview)| has(&preview.parts)).collect();
        previews.sort_by_key(|(_, preview)| preview.state == PreviewState::Raising);
        let allowed = self
            .facts
            .fold::<Changes>()
            .and_then(|changes| changes.allowed.get(sha))
            .is_some_and(|allowed| allowed.change == *change);
        let said = |conclusion, title: &str, summary: String, buttons: &[Button]| Checked {
            conclusion,
            title: title.to_owned(),
            summary,
            buttons: buttons.to_vec(),
        };
        if self.is_promoted(change, sha) {
            let summary = "Everybody gets it, or is about to; its comment says how far it is.".to_owned();
            return said(Conclusion::Neutral, "On its way to everyone", summary, &[Button::Evidence]);
        }
        match previews.first() {
            Some((id, Preview { state: PreviewState::Up(_), .. })) => {
                let summary =
                    format!("[Look at it]({}), or try it on your own account.", self.addresses.preview(id));
                let buttons = [Button::Try, Button::Evidence, Button::Promote];
                said(Conclusion::Success, "Its preview is up", summary, &buttons)
            }
            Some(_) => said(
                Conclusion::Neutral,
                "Its preview is being made",
                "The comment tells when it is up.".to_owned(),
                &[],
            ),
            None if !allowed => {
                let summary =
                    format!("A maintainer looks at `{sha}` and allows exactly it; a push asks anew.");
                said(Conclusion::Neutral, "Waits for one look", summary, &[Button::Allow, Button::Preview])
            }
            None if self.has_failed(&has) => {
                let summary = "The comment says why, with the end of the log.".to_owned();
                said(Conclusion::Failure, "Its preview did not come up", summary, &[Button::Preview])
            }
            None => {
                let summary = "It may be built and run behind the wall.".to_owned();
                let buttons = [Button::Preview, Button::Try, Button::Evidence];
                said(Conclusion::Neutral, "May be tried", summary, &buttons)
            }
        }
    }

    fn is_promoted(&self, change: &ChangeRef, sha: &Sha) -> bool {
        let is = |(of, at): &(ChangeRef, Sha)| of == change && at == sha;
        let releases = self.facts.fold::<Releases>();
        releases.is_some_and(|releases| releases.promoting.iter().any(|(_, all)| all.all().any(is)))
    }

    /// Whether the newest attempt to raise a preview with such parts failed.
    fn has_failed(&self, has: &impl Fn(&[Part]) -> bool) -> bool {
        let of = |operation: &&Operation| {
            operation.action.command == "deploy-preview"
                && operation
                    .effects
                    .values()
                    .any(|row| matches!(&row.effect, Effect::Compose { parts } if has(parts)))
        };
        let operations = self.facts.fold::<Operations>().into_iter();
        let attempts = operations.flat_map(|all| all.operations.iter().map(|(_, operation)| operation));
        attempts.filter(of).max_by_key(|operation| operation.decided).is_some_and(|newest| {
            newest.effects.values().any(|row| matches!(row.outcome, Some(Outcome::Failed(_))))
        })
    }
}
