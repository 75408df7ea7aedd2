//! What the picture says, for those who do not see it.

use crate::course::{Arm, Course, Known};
use crate::graph::{Evidence, Graph};
use crate::numbers::{interval, odds, percent, share, thousands, to_one, whole};

/// Two or three sentences with the numbers of the picture, in plain text that is not escaped.
pub fn alt(graph: &Graph) -> String {
    let course = Course::of(graph, u16::MAX);
    let name = name(graph);
    let far = match (course.is_rolled_back(), course.share()) {
        (true, _) => "everyone is back on the current build".to_owned(),
        (false, Some(part)) => format!("{} of people get the new build", share(part)),
        (false, None) => "it has not begun".to_owned(),
    };
    let rates = match (course.latest(Arm::New), course.latest(Arm::Current)) {
        (None, None) => "No visitors yet.".to_owned(),
        (Some(new), None) => format!("{} on the new build; nobody came to the current one.", failed(&new)),
        (None, Some(current)) => {
            format!("{} on the current build; nobody came to the new one.", failed(&current))
        }
        (Some(new), Some(current)) => {
            format!("{} on the new build, {} on the current one.", failed(&new), failed(&current))
        }
    };
    let evidence = graph.evidence.as_ref().map(said).unwrap_or_default();
    format!("{}: {far}. {rates}{evidence}", name.trim_end_matches(['.', ':']))
}

/// The name of the picture: its title, else what it shows.
pub fn name(graph: &Graph) -> String {
    let first = [&graph.title, &graph.about, &graph.counted]
        .into_iter()
        .map(|it| it.trim())
        .find(|it| !it.is_empty());
    first.unwrap_or("Rollout").to_owned()
}

fn failed(known: &Known) -> String {
    let range = known.interval.map(|it| format!(", interval {}", interval(it))).unwrap_or_default();
    format!("{} of {} failed ({}{range})", thousands(known.failed), thousands(known.of), percent(known.rate))
}

fn said(evidence: &Evidence) -> String {
    let of = |log: f64, needed: f64| format!("{} of the {}", whole(&odds(log)), to_one(needed));
    format!(
        " Evidence that it harms: {} that rolls back; that it is no worse: {} that advances.",
        of(evidence.log_harm, evidence.log_harm_needed),
        of(evidence.log_safe, evidence.log_safe_needed)
    )
}
