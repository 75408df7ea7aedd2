//! From an action to Cedar's request and entities.
//!
//! Only the principal and the resource are built per call; the rest stands ready. Ids are those of the model, which
//! need no escaping; parts of a service are named within it, so that one service's policies never fit another's.

use std::collections::BTreeSet;

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, Request};
use folkops_model::{Action, ComponentName, Group, Principal, Resource};

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
        let principal = self.principal(&action.principal, &action.groups);
        let resource = self.resource(action);
        let context = self.contexts.of(&action.context)?;
        let (who, what) = (principal.uid(), resource.uid());
        let request = Request::new(who, declared.uid.clone(), what, context, None).ok()?;
        let entities = Entities::from_entities([principal, declared.entity.clone(), resource], None).ok()?;
        Some(Asked { request, entities })
    }

    fn principal(&self, principal: &Principal, groups: &BTreeSet<Group>) -> Entity {
        match principal {
            Principal::Person(person) => {
                let groups = groups.iter().map(|group| uid(&self.group, group.as_str()));
                Entity::new_no_attrs(uid(&self.person, person.as_str()), groups.collect())
            }
            Principal::Automation => Entity::with_uid(uid(&self.automation, AUTOMATION)),
        }
    }

    /// The resource, named within its service, and below all that contains it.
    fn resource(&self, action: &Action) -> Entity {
        let service = uid(&self.service, action.service.as_str());
        let within = |name: &str| format!("{}/{name}", action.service);
        let part = |component: &ComponentName| uid(&self.component, &within(component.as_str()));
        let below = |uid, parents: Vec<EntityUid>| Entity::new_no_attrs(uid, parents.into_iter().collect());
        match &action.resource {
            Resource::Service => Entity::with_uid(service),
            Resource::Component(component) => below(part(component), vec![service]),
            Resource::Change(change) => {
                let change_uid = uid(&self.change, &within(&change.to_string()));
                below(change_uid, vec![part(&change.component), service])
            }
            Resource::Preview(preview) => below(uid(&self.preview, &within(preview.as_str())), vec![service]),
            Resource::Workload(person) => below(uid(&self.workload, &within(person.as_str())), vec![service]),
        }
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}
