//! Figures of a rollout as people read them, in the room and on its page alike.

use folkops_evidence::{Evidence, Worst};

use crate::judge::SLOW;

/// A share as per cent: one place below ten.
pub fn share(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// What a metric counts: "failed" or "slow".
pub fn bad(worst: &Worst) -> &'static str {
    if worst.metric == SLOW { "slow" } else { "failed" }
}

/// What is not judged any more, where there is something: "Failures are not judged: …"
pub fn unsound(evidence: &Evidence) -> Option<String> {
    let names = evidence.unsound.join(" and ");
    let capital = capital(&names)?;
    Some(format!(
        "{capital} are not judged: two halves of the same build differ, so something other than the build decides."
    ))
}

/// The kind of clients whom the new build harms more than the rest, where there is one: "Phones: new build 31 % failed,
/// current build 1.2 %."
pub fn stands_out(evidence: &Evidence) -> Option<String> {
    let worst = evidence.worst.as_ref()?;
    let kind = worst.stratum.as_ref()?;
    let (new, current) = (share(kind.canary.rate?), share(kind.stable.rate?));
    let name = capital(kind.stratum.as_str())?;
    Some(format!("{name}: new build {new} {}, current build {current}.", bad(worst)))
}

fn capital(name: &str) -> Option<String> {
    let mut rest = name.chars();
    let first = rest.next()?.to_uppercase();
    Some(format!("{first}{}", rest.as_str()))
}
