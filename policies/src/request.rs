//! From an action to Cedar's request and entities.
//!
//! Only the principal and the resource are built per call; the rest stands ready. Ids are those of the model, which
//! need no escaping; parts of a service are named within it, so that one service's policies never fit another's.

use std::collections::{BTreeSet, HashSet};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, Request};
use folkops_model::{Action, Group, Principal, Resource};

use crate::error::PolicyError;
use crate::facts::Contexts;
use crate::schema::{AUTOMATION, Declared};

/// What stands ready for every request.
pub(crate) struct Nouns {
    person: EntityTypeName,
    group: EntityTypeName,
    automation: EntityTypeName,
    service: EntityTypeName,
    component: EntityTypeName,
    change: EntityTypeName,
    preview: EntityTypeName,
    workload: EntityTypeName,
    contexts: Contexts,
}

/// A request with the entities that it needs.
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) entities: Entities,
}

/// An entity and what it stands in.
type Named = (EntityUid, HashSet<EntityUid>);

impl Nouns {
    pub(crate) fn new() -> Result<Self, PolicyError> {
        let kind = |name: &str| name.parse::<EntityTypeName>().map_err(PolicyError::declarations);
        Ok(Self {
            person: kind("Person")?,
            group: kind("Group")?,
            automation: kind("Automation")?,
            service: kind("Service")?,
            component: kind("Component")?,
            change: kind("Change")?,
            preview: kind("Preview")?,
            workload: kind("Workload")?,
            contexts: Contexts::build()?,
        })
    }

    /// Persons or the automation, as policies name them.
    pub(crate) fn kind(&self, principal: &Principal) -> &EntityTypeName {
        match principal {
            Principal::Person(_) => &self.person,
            Principal::Automation => &self.automation,
        }
    }

    /// `None` if Cedar takes it for no case at all; the caller refuses then.
    pub(crate) fn ask(&self, action: &Action, declared: &Declared) -> Option<Asked> {
        let (who, groups) = self.principal(&action.principal, &action.groups);
        let (what, containers) = self.resource(action);
        let context = self.contexts.of(&action.context)?;
        let request = Request::new(who.clone(), declared.uid.clone(), what.clone(), context, None).ok()?;
        // What stands in nothing needs no entity: it is in itself and in nothing else.
        let below =
            [(who, groups), (what, containers)].into_iter().filter(|(_, parents)| !parents.is_empty());
        let below = below.map(|(uid, parents)| Entity::new_no_attrs(uid, parents));
        let entities = declared.hierarchy.clone().add_entities(below, None).ok()?;
        Some(Asked { request, entities })
    }

    fn principal(&self, principal: &Principal, groups: &BTreeSet<Group>) -> Named {
        match principal {
            Principal::Person(person) => {
                let groups = groups.iter().map(|group| uid(&self.group, group.as_str()));
                (uid(&self.person, person.as_str()), groups.collect())
            }
            Principal::Automation => (uid(&self.automation, AUTOMATION), HashSet::new()),
        }
    }

    /// The resource, named within its service, and all that contains it.
    fn resource(&self, action: &Action) -> Named {
        let service = uid(&self.service, action.service.as_str());
        let part = |kind, name: &str| uid(kind, &format!("{}/{name}", action.service));
        match &action.resource {
            Resource::Service => (service, HashSet::new()),
            Resource::Component(name) => (part(&self.component, name.as_str()), HashSet::from([service])),
            Resource::Change(change) => {
                let component = part(&self.component, change.component.as_str());
                (part(&self.change, &change.to_string()), HashSet::from([component, service]))
            }
            Resource::Preview(preview) => (part(&self.preview, preview.as_str()), HashSet::from([service])),
            Resource::Workload(person) => (part(&self.workload, person.as_str()), HashSet::from([service])),
        }
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}
