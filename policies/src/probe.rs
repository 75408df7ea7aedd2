//! What a bench needs to hold the judge against bare Cedar: the same case with everything prepared beforehand.

use cedar_policy::{Authorizer, Entities, PolicySet, Request};
use folkops_model::Action;

use crate::judge::Judge;
use crate::request::Asked;

/// One case, ready: request, entities and policies are built, so that `decide` is Cedar's authoriser and nothing else.
pub struct Bare {
    authorizer: Authorizer,
    request: Request,
    entities: Entities,
    policies: PolicySet,
}

impl Bare {
    /// Prepares an action with the whole set in force; `None` for a command that is not declared.
    pub fn prepare(judge: &Judge, action: &Action) -> Option<Self> {
        let (Asked { request, entities }, policies) = judge.asked(action)?;
        Some(Self { authorizer: Authorizer::new(), request, entities, policies })
    }

    /// The same over the policies that speak of this command only, which is what the judge evaluates.
    pub fn prepare_slice(judge: &Judge, action: &Action) -> Option<Self> {
        let policies = judge.slice_of(action)?;
        Self::prepare(judge, action).map(|bare| Self { policies, ..bare })
    }

    /// Whether Cedar allows it.
    pub fn decide(&self) -> bool {
        let response = self.authorizer.is_authorized(&self.request, &self.policies, &self.entities);
        response.decision() == cedar_policy::Decision::Allow
    }
}
