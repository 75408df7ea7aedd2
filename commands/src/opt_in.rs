//! "/opt-in 41 43": these changes for my own workload, with my own data, and for nobody else's.
//!
//! Arguments: one change or several; `--yes=…` from the button is the consent, bound to exactly what was shown. Class:
//! own workload. Reads: changes, allowances, production, mixes. A change is added to what the person tries already, and
//! the reply says the whole set.

use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Ask, Call, Command, End, Facts, People, Plan, Private, Progress, Step};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, ChangeName, ChangeRef, Class, CommandSpec, CompositionId,
    Context, Effect, Intent, Line, Owner, PersonId, Place, Release, Resource, Sha, Span, StackKind,
    StackName, StackSpec, Trust, Weight,
};
use folkops_previews::{Changes, Composition, Mix, Mixes, Raised, Releases};

use crate::Settings;
use crate::checklist;
use crate::evidence;
use crate::raise::{self, Stage};
use crate::since;
use crate::stop_preview::holding;
use crate::subject::{self, Subject};

static SPEC: CommandSpec = CommandSpec {
    name: "opt-in",
    aliases: &["try"],
    summary: "run changes for your own workload only",
    example: "/opt-in 41 43",
    class: Class::OwnWorkload,
    args: &[
        ArgSpec {
            name: "change",
            help: "a pull request's number, or several",
            kind: ArgKind::Change,
            arity: Arity::Many,
        },
        ArgSpec {
            name: "yes",
            help: "the consent, from the button",
            kind: ArgKind::Flag,
            arity: Arity::Optional,
        },
    ],
    internal: false,
};

/// How long bringing a mix up may take.
pub const WITHIN: Duration = Duration::from_secs(15 * 60);

/// How long a one-time link may be used, in seconds.
const LINK_LASTS: i64 = 15 * 60;

/// The command.
pub struct OptIn(pub Arc<Settings>);

impl Command for OptIn {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let chosen = Chosen::of(&self.0, call, facts)?;
        let mut context = own_context(&self.0, call, facts, &chosen);
        let mixes = facts.fold::<Mixes>();
        let mine = mixes.is_some_and(|mixes| facts.row(&mixes.mixes, &chosen.person).is_some());
        let places = mixes.map_or(0, |mixes| facts.rows(&mixes.mixes).count());
        context.over_quota = !mine && places >= self.0.places;
        Ok(chosen.ask(context))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let chosen = match Chosen::of(&self.0, call, facts) {
            Ok(chosen) => chosen,
            Err(card) => return Plan::refuse(*card),
        };
        if call.args.flag("yes") != Some(consent(&chosen.composition.id)) {
            return Plan::answer(chosen.consent_card(facts, call.args.given("yes")));
        }
        want(&self.0, facts, &chosen, Line::new().person(&chosen.person).text(" said yes; "))
    }

    fn explain(&self, call: &Call<'_>, facts: &Facts<'_>, refusal: Card) -> Card {
        match Chosen::of(&self.0, call, facts) {
            Ok(chosen) => since::unseen(refusal, call, facts, &chosen.subjects),
            Err(_) => refusal,
        }
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        proceed(call, facts, progress)
    }
}

/// What a person chose: their whole set, composed.
pub struct Chosen<'a> {
    /// Who.
    pub person: PersonId,
    /// Their account in the service.
    pub owner: Owner,
    /// Every change of the set.
    pub subjects: Vec<Subject<'a>>,
    /// The set on its base.
    pub composition: Composition,
}

impl<'a> Chosen<'a> {
    /// What policy shall judge of it, with these facts.
    pub fn ask(&self, context: Context) -> Ask {
        let touched = self.subjects.iter().map(|subject| subject.change.component.clone());
        Ask::about(Resource::Workload(self.person.clone()), context).touching(touched)
    }

    fn of(settings: &Settings, call: &Call<'_>, facts: &Facts<'a>) -> Result<Self, Box<Card>> {
        let mut names = call.args.changes("change");
        let (person, owner) = who(settings, call, facts)?;
        let mix = facts.fold::<Mixes>().and_then(|mixes| facts.row(&mixes.mixes, &person));
        let serving = mix.and_then(|mix| mix.serving.as_ref().or(mix.raising.as_ref()));
        let (_, production) = subject::production(facts)?;
        let base = serving.map_or(production, |raised| base_of(facts, raised).unwrap_or(production));
        let before: Vec<&(ChangeRef, Sha)> =
            serving.into_iter().flat_map(|r| r.parts.iter().filter_map(|p| p.change.as_ref())).collect();
        for (change, _) in &before {
            if !names.iter().any(|name| name.fits(change)) {
                names.insert(0, ChangeName::Whole(change.clone()));
            }
        }
        let subjects = subject::subjects(call.place, facts, &names)?;
        let pinned: Vec<_> = subjects.iter().map(Subject::pinned).collect();
        let composition = subject::compose(base, &pinned)
            .map_err(|card| Box::new(with_way_out(*card, !before.is_empty())))?;
        Ok(Self { person, owner, subjects, composition })
    }

    fn consent_card(&self, facts: &Facts<'_>, stale: bool) -> Card {
        let changes: Vec<_> = self.composition.changes().cloned().collect();
        let title = subject::numbers(Line::new().text("Try "), &changes).text(" on your own account?");
        let mut authors: Vec<_> = self.subjects.iter().map(Subject::author_span).collect();
        authors.dedup();
        let agreed = Line::new()
            .text("Code by ")
            .list(authors)
            .text(" will handle ")
            .person(&self.person)
            .text("’s requests, and may read and change the data of ")
            .code(self.owner.to_string())
            .text(" in the service. Nobody else is affected.");
        let mut card = Card::new(CardState::Ask, title);
        if stale {
            card = card.say("What you agreed to has changed since: a change moved, or production did. So you are asked again.");
        }
        let spoken = subject::spoken(facts, &changes);
        card.consent(agreed)
            .row("Why", subject::vouched(facts, &self.subjects))
            .row("Leave", Line::new().text("any time, with ").code("/opt-out"))
            .button(
                Weight::Main,
                "Try it on my account",
                format!("/opt-in {spoken} --yes={}", consent(&self.composition.id)),
            )
            .open(
                Weight::Plain,
                "Read the changes",
                self.subjects.first().map_or_else(String::new, |s| {
                    format!("/changes/{}/{}/diff", s.change.component, s.change.number)
                }),
            )
    }
}

/// The word that stands for having seen exactly this composition.
fn consent(id: &CompositionId) -> &str {
    id.as_str().get(..12).unwrap_or_default()
}

fn with_way_out(card: Card, has_mix: bool) -> Card {
    if has_mix { card.row("Or", Line::new().code("/opt-out").text(" first, then choose anew")) } else { card }
}

/// The person who asks and their account in the service; a card when they have none.
fn who(settings: &Settings, call: &Call<'_>, facts: &Facts<'_>) -> Result<(PersonId, Owner), Box<Card>> {
    let none = || {
        let next = match &settings.sign_in {
            Some(page) => Line::new()
                .text("Sign in once at ")
                .span(Span::Link(page.clone()))
                .text(", then say it again"),
            None => Line::new().text("An operator names it when inviting you"),
        };
        let card = Card::new(CardState::Refused, "It is not known which account in the service is yours")
            .say("So no data could be kept apart for you, and nothing was done.")
            .row("Next", next);
        Box::new(card)
    };
    let person = call.principal.person().ok_or_else(none)?;
    let row = facts.fold::<People>().and_then(|people| facts.row(&people.people, person)).ok_or_else(none)?;
    Ok((person.clone(), row.owner.clone().ok_or_else(none)?))
}

/// The release that a mix is frozen on.
pub fn base_of<'a>(facts: &Facts<'a>, raised: &Raised) -> Option<&'a Release> {
    facts.fold::<Releases>().and_then(|releases| facts.row(&releases.releases, &raised.base))
}

/// Goes to work on what was chosen; takes the place of an earlier choice that is still being made.
pub fn want(settings: &Settings, facts: &Facts<'_>, chosen: &Chosen<'_>, why: Line) -> Plan {
    let changes: Vec<_> = chosen.composition.changes().cloned().collect();
    let lock = format!("mix-{}", chosen.person);
    let card = Card::new(
        CardState::Working,
        subject::numbers(Line::new().person(&chosen.person).text("’s mix is being made: "), &changes),
    )
    .say("Merged onto its release, built behind the wall, started with this account’s data and no other.")
    .row("Why", Line(why.0.into_iter().chain(subject::vouched(facts, &chosen.subjects).0).collect()))
    .row("Next", "This card tells when it is up; until then nothing changes");
    let mut plan = Plan::work(lock.clone(), WITHIN, Some(card));
    if let Some(stack) = stack_of(chosen) {
        plan = plan.intend(Intent::WantMix {
            person: chosen.person.clone(),
            owner: chosen.owner.clone(),
            composition: chosen.composition.id.clone(),
            base: chosen.composition.base,
            parts: chosen.composition.parts.clone(),
            stack,
            deadline: facts.now() + settings.lasts_at_most,
        });
    }
    for earlier in holding(facts, &lock) {
        plan = plan.ending(
            earlier,
            End::Superseded,
            Some(Card::new(CardState::Held, "A newer choice took its place")),
        );
    }
    plan
}

fn stack_of(chosen: &Chosen<'_>) -> Option<StackName> {
    let kind = StackKind::Mix { person: chosen.person.clone(), owner: chosen.owner.clone() };
    kind.stack(chosen.composition.id.as_str().get(..7)?).ok()
}

/// The course of a mix that was chosen; shared with `/rebase`.
pub fn proceed(call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
    let Some((person, mix, raised)) = mine(call, facts) else {
        return Step::End { end: End::Superseded, intents: vec![], card: None, private: vec![] };
    };
    let Some(base) = base_of(facts, &raised) else {
        return Step::End { end: End::Failed, intents: vec![], card: None, private: vec![] };
    };
    let changes: Vec<_> = raised.parts.iter().filter_map(|part| part.change.clone()).collect();
    match raise::stage(progress, &raised.parts, base, Trust::Unmerged) {
        Stage::Owe(effects) => Step::Owe { effects, intents: vec![], card: None, private: vec![] },
        Stage::Pending => Step::Wait,
        Stage::Built(builds) => {
            let spec = StackSpec {
                name: raised.stack.clone(),
                kind: StackKind::Mix { person, owner: mix.owner.clone() },
                builds,
                trust: Trust::Unmerged,
                label: format!("Your mix: release {} + {}", raised.base, subject::label(&changes)),
                deadline: Some(raised.deadline),
            };
            Step::Owe { effects: vec![Effect::Run { spec }], intents: vec![], card: None, private: vec![] }
        }
        Stage::Running(builds) => serve(call, facts, &person, mix, &raised, builds),
        Stage::Routed => served(call, facts, &person, &raised, &changes),
        Stage::Failed { failure, ran } => {
            let card = Some(raise::failure_card(&subject::numbers(Line::new(), &changes), failure));
            if ran {
                let effects = raise::stops([raised.stack.clone()]);
                return Step::Owe { effects, intents: vec![], card, private: vec![] };
            }
            Step::End { end: End::Failed, intents: vec![Intent::MixFailed { person }], card, private: vec![] }
        }
        Stage::Cleared => Step::End {
            end: End::Failed,
            intents: vec![Intent::MixFailed { person }],
            card: None,
            private: vec![],
        },
    }
}

/// The mix that this operation raises, or has just raised.
fn mine<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Option<(PersonId, &'a Mix, Raised)> {
    let person = call.principal.person()?;
    let mix = facts.row(&facts.fold::<Mixes>()?.mixes, person)?;
    Some((person.clone(), mix, mix.raising.clone().or_else(|| mix.serving.clone())?))
}

fn serve(
    call: &Call<'_>,
    facts: &Facts<'_>,
    person: &PersonId,
    mix: &Mix,
    raised: &Raised,
    builds: std::collections::BTreeMap<folkops_model::ComponentName, folkops_model::Digest>,
) -> Step {
    let up = Intent::MixUp { person: person.clone(), stack: raised.stack.clone(), builds };
    let old = mix.serving.iter().map(|old| old.stack.clone()).filter(|old| *old != raised.stack);
    let mut effects = vec![Effect::Route];
    effects.extend(raise::stops(old));
    let mut intents = vec![up];
    if let Ok(minted) = call.desk.link(&mix.owner) {
        let expires = facts.now() + Duration::from_secs(LINK_LASTS.unsigned_abs());
        let (hash, link) = (minted.hash, Some(minted.link));
        intents.push(Intent::IssueLink { person: person.clone(), hash, expires, link });
    }
    Step::Owe { effects, intents, card: None, private: vec![] }
}

/// The link that this operation issued, for the person alone.
///
/// INVARIANT: it is told after the edge has taken the table that names it, so whoever follows it at once is known there.
fn link(call: &Call<'_>, facts: &Facts<'_>) -> Option<Private> {
    let mut links = facts.rows(&facts.fold::<Mixes>()?.links).map(|(_, row)| row);
    let row = links.find(|row| row.operation.as_ref() == Some(call.operation))?;
    let card = Card::new(CardState::Ask, "Tie this browser to your mix")
        .say("Only you see this. Open it in each browser in which you use the service; it works once.")
        .say(Line::new().span(Span::SecretLink(row.link.clone()?)))
        .row("Until", Line::new().span(Span::Time(row.expires)));
    Some(Private { person: row.person.clone(), card })
}

fn served(
    call: &Call<'_>,
    facts: &Facts<'_>,
    person: &PersonId,
    raised: &Raised,
    changes: &[(ChangeRef, Sha)],
) -> Step {
    let title = subject::numbers(Line::new().person(person).text("’s mix now has "), changes);
    let mut card = Card::new(CardState::Good, title).say(Line::new().text(format!(
        "Their requests and their data go through it. Everybody else sees release {}.",
        raised.base
    )));
    let why = Line::new().person(person).text(" said yes; ");
    let why = Line(why.0.into_iter().chain(subject::allowed(facts, changes).0).collect());
    card = subject::with_moves(card.row("Why", why), facts, changes);
    if let Some(used) = evidence::used_by(facts, changes, None) {
        card = card.row("Used by", used);
    }
    let spoken = subject::spoken(facts, changes);
    card = card
        .row("Until", Line::new().span(Span::Time(raised.deadline)).text(", or ").code("/opt-out"))
        .row(
            "Next",
            Line::new().code(format!("/promote {spoken}")).text(" gives it to everyone; a maintainer can"),
        )
        .button(
            Weight::Plain,
            "Another browser",
            format!("/opt-in {spoken} --yes={}", consent(&raised.composition)),
        )
        .button(Weight::Quiet, "Leave", "/opt-out");
    let others = evidence::retold(call, facts, changes, None);
    let private = link(call, facts).into_iter().collect();
    Step::End { end: End::Done, intents: vec![], card: Some(card), private }.also(others)
}

/// A choice on another base than before, for `/rebase`.
pub fn rechosen<'a>(
    place: &Place,
    facts: &Facts<'a>,
    person: PersonId,
    mix: &Mix,
    base: &Release,
) -> Result<Chosen<'a>, Box<Card>> {
    let serving = mix.serving.as_ref().or(mix.raising.as_ref());
    let changes =
        serving.into_iter().flat_map(|raised| raised.parts.iter().filter_map(|part| part.change.as_ref()));
    let open =
        |change: &ChangeRef| facts.fold::<Changes>().is_some_and(|c| facts.row(&c.open, change).is_some());
    let changes = changes.filter(|(change, _)| open(change));
    let names: Vec<_> = changes.map(|(change, _)| ChangeName::Whole(change.clone())).collect();
    if names.is_empty() {
        return Err(Box::new(nothing_left()));
    }
    let subjects = subject::subjects(place, facts, &names)?;
    let pinned: Vec<_> = subjects.iter().map(Subject::pinned).collect();
    let composition = subject::compose(base, &pinned)?;
    Ok(Chosen { person, owner: mix.owner.clone(), subjects, composition })
}

/// Everything in the mix has been merged or closed meanwhile.
fn nothing_left() -> Card {
    Card::new(CardState::Good, "Nothing of your mix is left to try: it was merged or closed meanwhile")
        .row("Next", Line::new().code("/opt-out").text(" brings you to what everybody gets"))
        .button(Weight::Plain, "Leave", "/opt-out")
}

/// The facts for policy of a choice for oneself.
pub fn own_context(settings: &Settings, call: &Call<'_>, facts: &Facts<'_>, chosen: &Chosen<'_>) -> Context {
    let context = Context { own: true, ..subject::context(call, &chosen.subjects) };
    checklist::with(context, &settings.checklist, facts, &chosen.subjects)
}
