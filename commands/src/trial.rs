//! How a promotion becomes a rollout: in which way, whether at all, and its first step. Shared by `/promote`'s course.
//!
//! INVARIANT: a rollout begins only after [`check`] has passed it, and in one append with the release that it tries.

use folkops_engine::{Alert, Call, End, Facts, Step};
use folkops_model::{
    Card, CardState, ChangeRef, Effect, Failure, FailureKind, Intent, Line, OperationId, Release,
    ReleaseNumber, Rollout, RolloutEnd, Sha, Strategy, Weight,
};
use folkops_previews::reconcile::release_stack;
use folkops_previews::{Releases, Trial};
use folkops_rollouts::check::{Change, Up, check};
use folkops_rollouts::{Template, Templates, plan};
use sha2::{Digest as _, Sha256};

use crate::advance::live;
use crate::{alert, raise, telling};

/// After so many releases in a row that the numbers took back, somebody has to look first.
const BREAKER: u32 = 2;

/// The template of these changes, in the way that was asked for.
pub fn template(call: &Call<'_>, set: &Templates, changes: &[(ChangeRef, Sha)]) -> Template {
    let asked = call.args.flag("strategy").and_then(strategy);
    let set = set.of(changes.iter().map(|(change, _)| &change.component));
    Template { strategy: asked.unwrap_or(set.strategy), ..set }
}

fn strategy(word: &str) -> Option<Strategy> {
    match word {
        "canary" => Some(Strategy::Canary),
        "linear" => Some(Strategy::Linear),
        "blue-green" => Some(Strategy::BlueGreen),
        "at-once" => Some(Strategy::AtOnce),
        _ => None,
    }
}

/// A strategy was asked for that there is not.
pub fn wrong_strategy(call: &Call<'_>) -> Option<Card> {
    let given = call.args.given("strategy");
    let known = call.args.flag("strategy").is_some_and(|word| strategy(word).is_some());
    (given && !known).then(|| {
        Card::new(CardState::Refused, "There is no such strategy").say("Nothing was done.").row(
            "Next",
            Line::new()
                .code("--strategy=canary")
                .text(", ")
                .code("linear")
                .text(", ")
                .code("blue-green")
                .text(" or ")
                .code("at-once"),
        )
    })
}

/// Two bad releases in a row: somebody has to look before the next one.
pub fn breaker(facts: &Facts<'_>) -> Option<Card> {
    let releases = facts.fold::<Releases>()?;
    let bad = releases.bad(facts);
    let first = facts.rows(&releases.taken_back).map(|(change, _)| change.number).next()?;
    (bad >= BREAKER).then(|| {
        let title = format!("{bad} releases in a row were rolled back by themselves: promotion is closed");
        let rule = Line::new()
            .strong("breaker")
            .text("; something may be wrong that the next release would meet too");
        Card::new(CardState::Held, title)
            .say("Nothing was done.")
            .row("Rule", rule)
            .row("Next", "A maintainer finds the cause, then pardons one of them; that opens promotion again")
            .button(Weight::Plain, format!("Pardon #{first}"), format!("/pardon {first}"))
    })
}

/// The first visitors get a release; a rollout under way gives way to it.
pub fn begin(
    call: &Call<'_>,
    facts: &Facts<'_>,
    template: &Template,
    from: ReleaseNumber,
    release: Release,
) -> Step {
    let rollout = decided(call, facts, template, (from, &release));
    // Every component answers: the effect that runs them has ended well.
    let production = facts.fold::<Releases>().and_then(|releases| releases.current(facts));
    let start = Change::Start {
        production: production.map_or(from, |(production, _)| production.release),
        up: Up::Yes,
    };
    if let Err(refusal) = check(&rollout, start) {
        let failure = Failure { kind: FailureKind::Broken, sentence: refusal.to_string(), log: None };
        let card = raise::failure_card(&telling::changes(&rollout), &failure);
        let pinned = &release.changes;
        let failed = alert::failed(call.operation, facts, pinned, &card);
        return Step::End { end: End::Failed, intents: vec![], card: Some(card), private: vec![] }
            .alerting(failed);
    }
    let card = telling::begun(&rollout, template.smallest_shown());
    let mut effects = vec![Effect::Route];
    effects.extend(raise::stops(gives_way(facts).map(release_stack)));
    let mut intents = vec![Intent::MakeRelease { release }];
    intents.extend(supersede(facts, call));
    intents.push(Intent::StartRollout { rollout });
    Step::Owe { effects, intents, card: Some(card), private: vec![] }.alerting(superseded(facts))
}

/// The alert of a rollout that stands still and gives way.
pub fn superseded(facts: &Facts<'_>) -> Option<Alert> {
    let row = live(facts)?;
    let newer = (CardState::Refused, Line::from("a newer release took its place"));
    alert::over(row, &plan(row, facts.now()), facts.now(), newer)
}

/// Everybody gets a release at once: what the record says of that, beside the release itself.
///
/// Where it is watched on, it is a rollout without steps. One that would not lead back to what runs is not begun; then
/// nothing watches it.
pub fn switch(
    call: &Call<'_>,
    facts: &Facts<'_>,
    template: &Template,
    (from, release): (ReleaseNumber, &Release),
) -> Vec<Intent> {
    let rollout = decided(call, facts, template, (from, release));
    let by = call.principal.clone();
    let set = Intent::SetProduction { release: release.number, by: by.clone(), taken_back: vec![] };
    let switch = Change::Switch { production: from, up: Up::Yes };
    if rollout.soak.is_none() || check(&rollout, switch).is_err() {
        return vec![set];
    }
    vec![Intent::StartRollout { rollout }, Intent::SoakRollout { release: release.number, by }, set]
}

fn decided(
    call: &Call<'_>,
    facts: &Facts<'_>,
    template: &Template,
    (from, release): (ReleaseNumber, &Release),
) -> Rollout {
    Rollout {
        release: release.number,
        from,
        changes: release.changes.iter().map(|(change, _)| change.clone()).collect(),
        operation: call.operation.clone(),
        strategy: template.strategy,
        rungs: template.rungs(),
        budget: template.budget,
        least: template.least,
        deadline: facts.now() + template.lasts,
        late: template.late,
        salt: salt("rollout", call.operation),
        timing: template.timing,
        soak: template.soak(salt("soak", call.operation)),
    }
}

/// The rollout under way.
pub fn under_way<'a>(facts: &Facts<'a>) -> Option<&'a Trial> {
    facts.fold::<Releases>()?.trial(facts)
}

/// The release that gives way to this one.
pub fn gives_way(facts: &Facts<'_>) -> impl Iterator<Item = ReleaseNumber> {
    under_way(facts).map(|trial| trial.rollout.release).into_iter()
}

/// What is under way ends, because another rollout begins or everybody gets another release: one in its steps gave way,
/// one that everybody has stays what it is.
pub fn supersede(facts: &Facts<'_>, call: &Call<'_>) -> Option<Intent> {
    let releases = facts.fold::<Releases>()?;
    let in_steps = releases.trial(facts).map(|trial| (trial.rollout.release, RolloutEnd::Superseded));
    let soaks = || releases.soak(facts).map(|rollout| (rollout.release, RolloutEnd::Live));
    let (release, end) = in_steps.or_else(soaks)?;
    Some(Intent::EndRollout { release, end, by: call.principal.clone() })
}

/// Other visitors come first each time: the operation's random id decides which.
pub fn salt(purpose: &str, operation: &OperationId) -> String {
    let hash = Sha256::digest(format!("{purpose} {operation}"));
    folkops_engine::hex(&hash).chars().take(32).collect()
}
