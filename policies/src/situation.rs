//! A case in plain words, for tables of cases and for `folkops policy explain`: who, which command, about what, when.

use std::collections::BTreeSet;

use folkops_model::{
    Action, ChangeNumber, ChangeRef, Class, ComponentName, Group, Malformed, PersonId, PreviewId, Principal,
    Resource, ServiceId,
};
use serde::Deserialize;

use crate::facts::Fact;
use crate::judge::Judge;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Somebody.
    #[default]
    Person,
    /// FolkOps by itself.
    Automation,
}

/// About what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The service as a whole.
    #[default]
    Service,
    /// One of its components.
    Component,
    /// A change.
    Change,
    /// A preview.
    Preview,
    /// Somebody's workload.
    Workload,
}

/// A case that is judged for its kind; the names in it are stand-ins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The command, without the slash.
    pub command: String,
    /// Who asks.
    pub by: By,
    /// In which groups they stand.
    pub groups: BTreeSet<Group>,
    /// The facts that hold; all others do not.
    pub context: BTreeSet<Fact>,
    /// About what.
    pub resource: About,
}

impl Situation {
    /// The action that a judge is asked about. A command that is not declared stays one, and is refused as such.
    ///
    /// # Errors
    /// None in practice: only if the stand-ins' names were no names.
    pub fn action(&self, judge: &Judge) -> Result<Action, Malformed> {
        let person = PersonId::parse("somebody")?;
        let component = ComponentName::parse("a-component")?;
        let resource = match self.resource {
            About::Service => Resource::Service,
            About::Component => Resource::Component(component),
            About::Change => Resource::Change(ChangeRef { component, number: ChangeNumber(1) }),
            About::Preview => Resource::Preview(PreviewId::parse("p-some")?),
            About::Workload => Resource::Workload(person.clone()),
        };
        let class =
            judge.commands().find(|spec| spec.name == self.command).map_or(Class::Read, |spec| spec.class);
        Ok(Action {
            service: ServiceId::parse("a-service")?,
            principal: match self.by {
                By::Person => Principal::Person(person),
                By::Automation => Principal::Automation,
            },
            groups: self.groups.clone(),
            command: self.command.clone(),
            class,
            resource,
            also: BTreeSet::new(),
            context: Fact::context(&self.context),
            rights_as_of: None,
        })
    }
}
