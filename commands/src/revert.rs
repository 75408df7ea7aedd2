//! "/revert 52": take a change's lines back out of the default branch, as a new change for somebody to promote.
//!
//! Arguments: one change. Class: preview: whoever wrote the change, and those who keep order, may propose it. Reads:
//! releases, changes. Nothing that runs changes: the new change is looked at and promoted like any other.

use std::collections::BTreeSet;
use std::time::Duration;

use folkops_engine::{
    Addresses, Alert, Ask, Call, Command, End, Facts, Matter, Operations, Outbox, Plan, Progress, ReplyKey,
    Step,
};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, ChangeName, ChangeNumber, ChangeRef, Class, CommandSpec,
    Context, Effect, Failure, FailureKind, Intent, Line, OperationId, Outcome, Press, Principal, Resource,
    Sha, Span, Weight,
};
use folkops_previews::{Changes, Releases};
use folkops_rollouts::Rollouts;
use folkops_rollouts::plan::grounds;

use crate::{subject, telling, withdraw};

static SPEC: CommandSpec = CommandSpec {
    name: "revert",
    aliases: &[],
    summary: "take a change's lines back out, as a new change to promote",
    example: "/revert 52",
    class: Class::Preview,
    args: &[ArgSpec {
        name: "change",
        help: "a pull request that was merged",
        kind: ArgKind::Change,
        arity: Arity::One,
    }],
    internal: false,
};

/// The lock that reverts share, so that nobody opens a second one meanwhile.
const LOCK: &str = "revert";

/// How long a revert may take that somebody waits for.
const WITHIN: Duration = Duration::from_secs(10 * 60);

/// How long one may take that nobody waits for: whatever is down then is back by the time, or it is no news any more.
const BY_ITSELF: Duration = Duration::from_secs(24 * 60 * 60);

/// The command.
pub struct Revert;

impl Command for Revert {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let (change, _) = merged(call, facts)?;
        // What was wrong may be taken back by whoever wrote it.
        let row =
            facts.fold::<Changes>().and_then(|changes| Some((changes, facts.row(&changes.closed, &change)?)));
        let author = row.and_then(|(changes, row)| subject::of(facts, changes, &change, row).author);
        let own = author.is_some() && author.as_ref() == call.principal.person();
        Ok(Ask::about(Resource::Change(change), Context { own, ..Context::default() }))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let change = match merged(call, facts) {
            Ok((change, _)) => change,
            Err(card) => return Plan::refuse(*card),
        };
        if let Some(card) = open_already(facts, &change) {
            return Plan::refuse(card);
        }
        let title = Line::new().change(change.number).text(" is being taken back out of the default branch");
        let card = Card::new(CardState::Working, title)
            .say("A new change takes out what it brought in. Nothing that runs changes.")
            .row("Why", subject::why(call, "asked for it"));
        work(call, Some(card))
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        let (change, head) = match merged(call, facts) {
            Ok(found) => found,
            Err(card) => return failed(*card),
        };
        if progress.is_pending() {
            return Step::Wait;
        }
        if let Some(failure) = progress.failure() {
            return failed(failure_card(&change, failure));
        }
        if progress.is_start() && is_late(call, facts, &change) {
            return Step::End { end: End::Cancelled, intents: vec![], card: None, private: vec![] };
        }
        if progress.is_start() {
            return match open_already(facts, &change) {
                Some(card) => failed(card),
                None => owe(Effect::Resolve),
            };
        }
        let opened = progress.outcomes().find_map(|outcome| match outcome {
            Outcome::Reverted { revert, commit } => Some((revert, commit)),
            _ => None,
        });
        match (opened, onto(progress, &change)) {
            (Some((revert, commit)), _) if withdraw::is_over(progress) => {
                withdraw::ended(call, facts, progress, (revert, commit, &change))
            }
            (Some((revert, commit)), _) if is_late(call, facts, &change) => {
                let (revert, commit) = (revert.clone(), commit.clone());
                let intents =
                    vec![Intent::OpenRevert { change, revert: revert.clone(), commit: commit.clone() }];
                let effects = vec![Effect::Withdraw { revert, commit }];
                Step::Owe { effects, intents, card: None, private: vec![] }
            }
            (Some(opened), _) => {
                let (cards, alerts) = linked(facts, &change, opened.0);
                done(call, change, opened).also(cards).alerting(alerts)
            }
            (None, Some(onto)) => {
                let (least, at) = (least(facts, change.number), facts.now());
                let (landed, why) = (landed(facts, &change, &head), because(call, facts, &change));
                owe(Effect::Revert { change, head, onto, landed, why, least, at })
            }
            (None, None) => Step::End { end: End::Failed, intents: vec![], card: None, private: vec![] },
        }
    }
}

/// A card with the buttons that free others of changes that were rolled back and are still on the default branch.
pub fn offered<'a>(card: Card, changes: impl IntoIterator<Item = &'a ChangeRef>) -> Card {
    let mut numbers: Vec<ChangeNumber> = changes.into_iter().map(|change| change.number).collect();
    numbers.sort_unstable();
    let all: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let card = card.button(Weight::Plain, "Pardon", format!("/pardon {}", all.join(" ")));
    let alone = numbers.len() == 1;
    numbers.into_iter().fold(card, |card, number| {
        let label = if alone { "Open revert".to_owned() } else { format!("Open revert of #{number}") };
        card.button(Weight::Plain, label, format!("/revert {number}"))
    })
}

/// The work of opening or closing a revert.
pub fn work(call: &Call<'_>, card: Option<Card>) -> Plan {
    let within = if *call.principal == Principal::Automation { BY_ITSELF } else { WITHIN };
    Plan::work(LOCK, within, card)
}

/// Nobody asked for it, and what it takes back may stay by now.
fn is_late(call: &Call<'_>, facts: &Facts<'_>, change: &ChangeRef) -> bool {
    let held =
        facts.fold::<Releases>().is_some_and(|releases| facts.row(&releases.taken_back, change).is_some());
    *call.principal == Principal::Automation && !held
}

fn owe(effect: Effect) -> Step {
    Step::Owe { effects: vec![effect], intents: vec![], card: None, private: vec![] }
}

fn failed(card: Card) -> Step {
    Step::End { end: End::Failed, intents: vec![], card: Some(card), private: vec![] }
}

/// The change named and the commit at which it was last merged, or a card that says that it never was.
fn merged(call: &Call<'_>, facts: &Facts<'_>) -> Result<(ChangeRef, Sha), Box<Card>> {
    let name = call.args.changes("change").into_iter().next().unwrap_or(ChangeName::Number(ChangeNumber(0)));
    let releases = facts.fold::<Releases>().into_iter().flat_map(|releases| facts.rows(&releases.releases));
    let brought = releases.flat_map(|(_, release)| &release.changes);
    let found = brought.filter(|(change, _)| name.fits(change)).last().cloned();
    found.ok_or_else(|| {
        let title = Line::new().code(subject::written(&name)).text(" is not on the default branch");
        let card =
            Card::new(CardState::Refused, title).say("No release has brought it. Nothing was done.").row(
                "Next",
                "What is open is closed in its repository; what was merged by hand is reverted there",
            );
        Box::new(subject::with_status(card))
    })
}

/// As which commit a change was merged: as its forge said, else the one that the first release with it was made of.
fn landed(facts: &Facts<'_>, change: &ChangeRef, head: &Sha) -> Option<Sha> {
    let said = facts.fold::<Changes>().and_then(|changes| facts.row(&changes.closed, change));
    if let Some(row) = said.filter(|row| row.head == *head && row.landed.is_some()) {
        return row.landed.clone();
    }
    let mut releases = facts.rows(&facts.fold::<Releases>()?.releases).map(|(_, release)| release);
    let first = releases.find(|release| release.changes.iter().any(|(of, at)| of == change && at == head))?;
    first.components.get(&change.component).map(|component| component.commit.clone())
}

/// Why a change is taken back, for those who read that where it is merged: our own words, and where the figures are.
fn because(call: &Call<'_>, facts: &Facts<'_>, change: &ChangeRef) -> String {
    let mut why = format!("Takes #{} back.", change.number);
    let back = facts.fold::<Releases>().and_then(|releases| facts.row(&releases.taken_back, change));
    if let Some(back) = back {
        why.push_str(&format!(
            " A rollback took it from everybody, who went back to release {}.",
            back.release
        ));
        let rollouts = facts.fold::<Rollouts>().into_iter().flat_map(|all| facts.rows(&all.rollouts));
        let mut newest = rollouts.rev().map(|(_, row)| row);
        if let Some(row) = newest.find(|row| row.rollout.changes.contains(change)) {
            let cause = grounds(row).map(|grounds| format!(" {}.", telling::cause(grounds)));
            why.push_str(&cause.unwrap_or_default());
            let Addresses { site, .. } = &call.desk.addresses;
            why.push_str(&format!("\n\nEvidence: {site}{}", telling::page(&row.rollout)));
        }
    }
    why + "\n\nNobody merges it but a person. Until then others of its component wait. Close it if the change \
           was pardoned or promoted again."
}

/// The default branch as it was resolved.
fn onto(progress: &Progress<'_>, change: &ChangeRef) -> Option<Sha> {
    progress.outcomes().find_map(|outcome| match outcome {
        Outcome::Resolved { heads } => heads.get(&change.component).map(|(head, _)| head.clone()),
        _ => None,
    })
}

/// The first number above the change's own that no change of any component has.
fn least(facts: &Facts<'_>, own: ChangeNumber) -> ChangeNumber {
    let changes = facts.fold::<Changes>().into_iter();
    let known = changes.flat_map(|changes| facts.rows(&changes.open).chain(facts.rows(&changes.closed)));
    let mut above: Vec<u32> =
        known.map(|(change, _)| change.number.0).filter(|number| *number > own.0).collect();
    above.sort_unstable();
    let first = own.0.saturating_add(1);
    ChangeNumber(
        above
            .into_iter()
            .fold(first, |free, taken| if taken == free { free.saturating_add(1) } else { free }),
    )
}

/// It is taken back already, by a change that is neither merged nor closed.
fn open_already(facts: &Facts<'_>, change: &ChangeRef) -> Option<Card> {
    let (releases, changes) = (facts.fold::<Releases>()?, facts.fold::<Changes>()?);
    let mut reverts = facts.rows(&releases.reverts).filter(|(_, (original, _))| original == change);
    let (revert, (_, commit)) = reverts.find(|(revert, _)| facts.row(&changes.closed, revert).is_none())?;
    let title = Line::new().change(revert.number).text(" takes ").change(change.number).text(" back already");
    let card = Card::new(CardState::Refused, title).say("Nothing was done.");
    Some(to_promote(card, revert, commit))
}

fn done(call: &Call<'_>, change: ChangeRef, (revert, commit): (&ChangeRef, &Sha)) -> Step {
    let title = Line::new().change(revert.number).text(" takes ").change(change.number).text(" back");
    let card = Card::new(CardState::Good, title)
        .say("Promote it like any other change. Until then everything stays as it is.")
        .row("Why", subject::why(call, "asked for it"));
    let card = Some(to_promote(card, revert, commit));
    let intents = vec![Intent::OpenRevert { change, revert: revert.clone(), commit: commit.clone() }];
    Step::End { end: End::Done, intents, card, private: vec![] }
}

/// The cards of the rollback and of the promotion that it took back, with the way to what is open now in place of the
/// button that would open it.
fn linked(
    facts: &Facts<'_>,
    change: &ChangeRef,
    revert: &ChangeRef,
) -> (Vec<(OperationId, Card)>, Vec<Alert>) {
    let back = facts.fold::<Releases>().and_then(|releases| facts.row(&releases.taken_back, change));
    let rollouts = facts.fold::<Rollouts>().into_iter().flat_map(|all| facts.rows(&all.rollouts));
    let mut newest = rollouts.rev().map(|(_, row)| &row.rollout);
    let promoted =
        newest.find(|rollout| rollout.changes.contains(change)).map(|rollout| rollout.operation.clone());
    let told: BTreeSet<OperationId> =
        back.and_then(|back| back.operation.clone()).into_iter().chain(promoted).collect();
    let (mut cards, mut alerts) = (Vec::new(), Vec::new());
    for (key, card) in told.iter().flat_map(|operation| offering(facts, operation, change)) {
        let card = link(card, change, revert);
        match Matter::of_slot(key.slot) {
            Some(matter) => alerts.push(Alert { operation: key.operation, matter, card }),
            None => cards.push((key.operation, card)),
        }
    }
    (cards, alerts)
}

/// An operation's own card and its alerts, where they offer to open the revert of a change.
fn offering<'a>(facts: &Facts<'a>, operation: &OperationId, change: &ChangeRef) -> Vec<(ReplyKey, &'a Card)> {
    let Some((operations, outbox)) = facts.fold::<Operations>().zip(facts.fold::<Outbox>()) else {
        return Vec::new();
    };
    let row = facts.row(&operations.operations, operation);
    let slots = row.into_iter().flat_map(|row| row.cards.keys()).copied();
    let keys = slots.map(|slot| ReplyKey { operation: operation.clone(), slot });
    let cards = keys.filter_map(|key| {
        let card = &facts.row(&outbox.replies, &key)?.reply.card;
        Some((key, card))
    });
    let offer = opening(change.number);
    cards.filter(|(_, card)| card.buttons.iter().any(|button| button.press == offer)).collect()
}

fn link(card: &Card, change: &ChangeRef, revert: &ChangeRef) -> Card {
    let (offer, mut card) = (opening(change.number), card.clone());
    card.buttons.retain(|button| button.press != offer);
    let line = Line::new()
        .change(revert.number)
        .text(" takes ")
        .change(change.number)
        .text(" back; a person merges it");
    let ChangeRef { component, number } = revert;
    card.row("Revert", line).open(
        Weight::Plain,
        format!("Read #{number}"),
        format!("/changes/{component}/{number}/diff"),
    )
}

/// What opens the revert of a change.
fn opening(number: ChangeNumber) -> Press {
    Press::Say(format!("/revert {number}"))
}

fn to_promote(card: Card, revert: &ChangeRef, commit: &Sha) -> Card {
    let ChangeRef { component, number } = revert;
    let next =
        Line::new().text("A maintainer looks at ").commit(commit).text(" and allows it, then promotes it");
    card.row("Next", next)
        .open(Weight::Plain, "Read it", format!("/changes/{component}/{number}/diff"))
        .button(Weight::Plain, format!("Allow {}", commit.short()), format!("/ok-to-test {commit}"))
        .button(Weight::Main, "Promote", format!("/promote {number}"))
}

fn failure_card(change: &ChangeRef, failure: &Failure) -> Card {
    let title = Line::new().change(change.number);
    let by_hand = "Somebody reverts it in its repository and opens that as a change";
    let card = match &failure.kind {
        FailureKind::Conflict { files } => {
            let files = files.iter().take(6).map(|file| Span::Foreign(file.clone()));
            Card::new(CardState::Refused, title.text(" was not taken back"))
                .row("Where", Line::new().list(files))
                .row("Next", by_hand)
        }
        FailureKind::BaseMoved => Card::new(CardState::Refused, title.text(" was not taken back")).row(
            "Next",
            Line::from(by_hand)
                .text("; if it is out already, ")
                .code(format!("/pardon {}", change.number))
                .text(" frees the others"),
        ),
        _ => Card::new(CardState::Harmful, title.text(" was not taken back: something here is broken"))
            .row("Next", "An operator looks at the log; then ask again"),
    };
    card.say(folkops_engine::cards::sentence(&format!("{}. Nothing was changed.", failure.sentence)))
}
