//! All commands, found by what somebody typed.

use std::sync::Arc;

use folkops_model::{CommandSpec, Principal};

use crate::command::Command;
use crate::text::Misread;

/// All commands, by name and alias.
#[derive(Clone, Default)]
pub struct Registry {
    commands: Vec<Arc<dyn Command>>,
}

impl Registry {
    /// Of these, in the order in which help shows them.
    pub fn new(commands: Vec<Arc<dyn Command>>) -> Self {
        Self { commands }
    }

    /// Every declaration.
    pub fn specs(&self) -> impl Iterator<Item = &'static CommandSpec> + '_ {
        self.commands.iter().map(|command| command.spec())
    }

    /// The command of a name or an alias that this principal can say.
    pub fn find(&self, name: &str, principal: &Principal) -> Result<&Arc<dyn Command>, Misread> {
        let sayable = |spec: &CommandSpec| !spec.internal || *principal == Principal::Automation;
        let named = |spec: &CommandSpec| spec.name == name || spec.aliases.contains(&name);
        let found = self.commands.iter().find(|c| named(c.spec()) && sayable(c.spec()));
        found.ok_or_else(|| Misread::Unknown { given: name.to_owned(), nearest: self.nearest(name) })
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let names = self.specs().filter(|spec| !spec.internal);
        let names = names.flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()));
        let scored = names.map(|known| (strsim::osa_distance(known, name), known));
        scored
            .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
            .min()
            .map(|(_, known)| known.to_owned())
    }
}
