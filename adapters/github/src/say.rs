//! What GitHub can be told beside comments, and whether it still has to be.
//!
//! INVARIANT: what is over stays over. A deployment that ended gets no other state; what comes about again is another one.

use folkops_record::Table;

use crate::reported::{Subject, Told};

/// How a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// It is being made, or some of everybody have it.
    InProgress,
    /// It is up.
    Success,
    /// It did not come up.
    Failure,
    /// It is not there any more.
    Inactive,
}

/// Something that GitHub should be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// About what.
    pub subject: Subject,
    /// What was told before.
    pub told: Option<Told>,
    /// What now.
    pub say: Say,
}

/// What GitHub should be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// How a deployment stands.
    Deployment(Deployed),
    /// How a head stands.
    Check(Checked),
}

/// A deployment as it should be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// How it stands.
    pub state: State,
    /// Which of the subject's deployments.
    pub round: u32,
    /// Where it is to be seen, while it is.
    pub url: Option<String>,
    /// Where its course is to be read.
    pub log: String,
    /// A sentence, at most 140 characters.
    pub description: String,
}

/// A check run as it should be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How it is taken.
    pub conclusion: Conclusion,
    /// One line.
    pub title: String,
    /// Some more, as Markdown of our own.
    pub summary: String,
    /// At most three.
    pub buttons: Vec<Button>,
}

/// How a check run is taken. It never fails a head for what nobody has tried: a branch may require it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Nothing to say against it.
    Neutral,
    /// It runs.
    Success,
    /// It did not come up.
    Failure,
}

/// A button of a check run; pressing it says a line, as the one who presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// `/ok-to-test` with the run's commit.
    Allow,
    /// `/deploy-preview` with the run's change.
    Preview,
    /// `/opt-in` with it.
    Try,
    /// `/evidence` of it.
    Evidence,
    /// `/promote` with it.
    Promote,
}

impl State {
    /// As the API calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Inactive => "inactive",
        }
    }

    /// From the API's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Queued, Self::InProgress, Self::Success, Self::Failure, Self::Inactive]
            .into_iter()
            .find(|state| state.as_str() == word)
    }

    fn is_end(self) -> bool {
        matches!(self, Self::Failure | Self::Inactive)
    }

    fn is_over(word: &str) -> bool {
        Self::parse(word).is_some_and(Self::is_end)
    }
}

/// A step, unless it was told already, or would tell the end of what nobody was told of.
pub fn step(subject: Subject, say: Say, told: &Table<Subject, Told>) -> Option<Step> {
    let before = told.get(&subject);
    let word = say.word();
    if before.is_some_and(|told| told.said == word) {
        return None;
    }
    let say = match say {
        Say::Deployment(deployed) => {
            let over = |told: &&Told| State::is_over(&told.said);
            if deployed.state.is_end() && before.is_none_or(|told| over(&told)) {
                return None;
            }
            // What is over stays over: what is promoted again is another deployment.
            let round = before.map_or(0, |told| told.round + u32::from(over(&told)));
            Say::Deployment(Deployed { round, ..deployed })
        }
        check @ Say::Check(_) => check,
    };
    let before = match &say {
        Say::Deployment(deployed) => before.filter(|told| told.round == deployed.round),
        Say::Check(_) => before,
    };
    Some(Step { told: before.cloned(), subject, say })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        "production web#41@9f2c41e07b6d3a58c2e1f4907ad6b83e5510c9d2".parse().unwrap()
    }

    /// What follows when this was told last and that is wanted: the state, the round, and whether it is a new deployment.
    fn next(told: Option<(u32, State)>, wanted: State) -> Option<(State, u32, bool)> {
        let mut table = Table::new("told");
        if let Some((round, state)) = told {
            table.put(1, subject(), Told { round, number: 7, said: state.as_str().to_owned(), at: 1 });
        }
        let deployed =
            Deployed { state: wanted, round: 0, url: None, log: String::new(), description: String::new() };
        let step = step(subject(), Say::Deployment(deployed), &table)?;
        match step.say {
            Say::Deployment(deployed) => Some((deployed.state, deployed.round, step.told.is_none())),
            Say::Check(_) => None,
        }
    }

    #[test]
    fn what_was_told_is_not_told_again_and_an_end_only_to_who_heard_of_a_beginning() {
        use State::{Failure, InProgress, Inactive, Queued, Success};
        for (told, wanted, then) in [
            (None, Queued, Some((Queued, 0, true))),
            (Some((0, Queued)), Queued, None),
            (Some((0, Queued)), Success, Some((Success, 0, false))),
            (Some((0, InProgress)), Failure, Some((Failure, 0, false))),
            (Some((0, Success)), Inactive, Some((Inactive, 0, false))),
            (None, Inactive, None),
            (None, Failure, None),
            (Some((0, Inactive)), Failure, None),
            (Some((0, Failure)), Inactive, None),
        ] {
            assert_eq!(next(told, wanted), then, "{told:?} {wanted:?}");
        }
    }

    #[test]
    fn what_was_over_and_comes_again_is_another_deployment() {
        assert_eq!(next(Some((0, State::Inactive)), State::InProgress), Some((State::InProgress, 1, true)));
        assert_eq!(next(Some((1, State::Failure)), State::Queued), Some((State::Queued, 2, true)));
        assert_eq!(next(Some((1, State::InProgress)), State::Success), Some((State::Success, 1, false)));
    }
}
