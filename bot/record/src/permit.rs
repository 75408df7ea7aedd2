//! The proof that policy said yes.
//!
//! `Permitted` can be had in one way only: by asking an authority. An operation's intents and effects are drafted
//! from a `Permitted`, so acting without a judgement does not compile.

use folkops_model::{Action, Authority, Decision};

/// A judged and allowed action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted {
    action: Action,
    decision: Decision,
}

/// A judged and refused action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    action: Action,
    decision: Decision,
}

impl Permitted {
    /// Asks the authority.
    pub fn obtain(authority: &dyn Authority, action: Action) -> Result<Self, Box<Refused>> {
        let decision = authority.judge(&action);
        if decision.allows() {
            Ok(Self { action, decision })
        } else {
            Err(Box::new(Refused { action, decision }))
        }
    }

    /// What was judged.
    pub fn action(&self) -> &Action {
        &self.action
    }
    /// The judgement.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

impl Refused {
    /// What was judged.
    pub fn action(&self) -> &Action {
        &self.action
    }
    /// The judgement.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}
