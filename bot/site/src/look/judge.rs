//! What the judge would say: to a button of a card, and to each command that the composer offers.
//!
//! Nothing is decided here. A button that looks allowed is judged again when it is pressed, and refused then if the
//! facts have moved.

use folkops_engine::{Ask, Call, Desk, Facts};
use folkops_model::{
    ArgKind, Args, Arity, Button, Class, CommandSpec, Context, Decision, Line, OperationId, PersonId, Place,
    Press, Principal, Resource,
};
use folkops_previews::Releases;

use crate::state::Site;

/// Whether the viewer may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum May {
    /// They may.
    Yes,
    /// They may not, and this is why.
    No(Line),
    /// They might, but not as things stand.
    NotNow(Line),
    /// Nobody is asking: the browser speaks for no one.
    Join,
}

/// A command that the composer offers.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    /// How it is declared.
    pub(crate) spec: &'static CommandSpec,
    /// Its arguments as help writes them.
    pub(crate) args: String,
    /// What the judge says.
    pub(crate) may: May,
}

/// The judge, as one viewer meets it.
pub(crate) struct Judge<'a> {
    desk: &'a Desk,
    facts: &'a Facts<'a>,
    principal: Option<Principal>,
    place: Place,
    operation: OperationId,
}

impl<'a> Judge<'a> {
    #[expect(clippy::expect_used, reason = "four lower-case letters are an id")]
    pub(crate) fn new(site: &'a Site, facts: &'a Facts<'a>, viewer: Option<&PersonId>, place: Place) -> Self {
        let principal = viewer.map(|person| Principal::Person(person.clone()));
        Self {
            desk: site.engine().desk(),
            facts,
            principal,
            place,
            operation: OperationId::parse("look").expect("a constant id"),
        }
    }

    /// Whether the viewer may press a button.
    pub(crate) fn button(&self, button: &Button) -> May {
        match &button.press {
            Press::Open(_) => May::Yes,
            Press::Say(line) => self.line(line),
        }
    }

    fn line(&self, line: &str) -> May {
        let Some(principal) = &self.principal else { return May::Join };
        let args = Args::default();
        let call =
            Call { principal, place: &self.place, args: &args, operation: &self.operation, desk: self.desk };
        match self.desk.would(&call, self.facts, line) {
            Err(moot) => May::NotNow(moot.title),
            // A refusal with a remedy is not the end: the request waits for it.
            Ok(judged) if judged.decision.allows() || remedy(&judged.decision) => May::Yes,
            Ok(judged) => May::No(reason(&judged.decision)),
        }
    }

    /// Every command that a person can say.
    pub(crate) fn offers(&self) -> Vec<Offer> {
        let sayable = self.desk.registry.specs().filter(|spec| !spec.internal);
        sayable.map(|spec| Offer { spec, args: arguments(spec), may: self.class(spec) }).collect()
    }

    /// By its class alone, because no argument is known yet: everything else is taken to be in its favour.
    fn class(&self, spec: &'static CommandSpec) -> May {
        let Some(principal) = &self.principal else { return May::Join };
        let frozen = self.facts.fold::<Releases>().is_some_and(|r| r.frozen(self.facts).is_some());
        let judged = |frozen| {
            let context = Context {
                commits_allowed: true,
                // Whose change it is speaks for asking, and against vouching.
                own_change: spec.class != Class::Vouch,
                own: true,
                frozen,
                over_quota: false,
                reviewed: true,
                owner: true,
                owner_reviewed: true,
                checks_green: true,
                two_people: true,
                checklist_done: true,
                merged: false,
                release_branch: false,
            };
            let ask = Ask::about(Resource::Service, context);
            self.desk.authority.judge(&self.desk.action(spec, principal, self.facts, ask))
        };
        let now = judged(frozen);
        match (now.allows(), frozen && judged(false).allows()) {
            (true, _) => May::Yes,
            (false, true) => May::NotNow(reason(&now)),
            (false, false) => May::No(reason(&now)),
        }
    }
}

fn remedy(decision: &Decision) -> bool {
    decision.rules().iter().any(|rule| rule.remedy.is_some())
}

fn reason(decision: &Decision) -> Line {
    match decision.rules().first() {
        Some(rule) => folkops_engine::cards::sentence(&rule.reason),
        None => Line::from("no rule allows it"),
    }
}

fn arguments(spec: &CommandSpec) -> String {
    let written = spec.args.iter().filter(|arg| arg.kind != ArgKind::Flag).map(|arg| match arg.arity {
        Arity::One => arg.name.to_owned(),
        Arity::Many => format!("{}…", arg.name),
        Arity::Optional => format!("[{}]", arg.name),
    });
    written.collect::<Vec<_>>().join(" ")
}
