//! The Cedar schema, generated from the declared commands, and what the judge keeps of it.
//!
//! A command is an action in the group of its class, and of `internal` as well if no person can say it. The groups are
//! actions too, so that a policy about a class that has no command yet is still a valid policy.

use std::collections::{BTreeMap, HashSet};

use cedar_policy::{ActionConstraint, Entities, Entity, EntityId, EntityTypeName, EntityUid, Schema};
use folkops_model::{Class, CommandSpec, Group};

use crate::error::PolicyError;
use crate::facts::Fact;

/// The action group of commands that only the automation says.
const INTERNAL: &str = "internal";

/// The only automation there is.
pub(crate) const AUTOMATION: &str = "folkops";

/// The schema of these commands in Cedar's own notation.
pub fn schema(specs: &[CommandSpec]) -> String {
    let facts: Vec<String> = Fact::ALL.iter().map(|fact| format!("  {}: Bool", fact.as_str())).collect();
    let groups: Vec<String> = Group::ALL.iter().map(|group| quoted(group.as_str())).collect();
    let mut text = format!("type Facts = {{\n{}\n}};\n\n", facts.join(",\n"));
    text += &format!("entity Group enum [{}];\n", groups.join(", "));
    text += &format!("entity Person in [Group];\nentity Automation enum [{}];\n", quoted(AUTOMATION));
    text += "entity Service;\nentity Component in [Service];\nentity Change in [Component];\n";
    text += "entity Preview in [Service];\nentity Workload in [Service];\n\n";
    let classes: Vec<String> = Class::ALL.iter().map(|class| quoted(class.as_str())).collect();
    text += &declaration(&format!("{}, {}", classes.join(", "), quoted(INTERNAL)));
    for spec in specs {
        let groups: Vec<String> = groups_of(spec).map(quoted).collect();
        text += &declaration(&format!("{} in [{}]", quoted(spec.name), groups.join(", ")));
    }
    text
}

fn declaration(action: &str) -> String {
    format!(
        "action {action} appliesTo {{\n  principal: [Person, Automation],\n  \
         resource: [Service, Component, Change, Preview, Workload],\n  context: Facts\n}};\n"
    )
}

fn groups_of(spec: &CommandSpec) -> impl Iterator<Item = &'static str> + use<> {
    std::iter::once(spec.class.as_str()).chain(spec.internal.then_some(INTERNAL))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}

/// One command as Cedar knows it.
pub(crate) struct Declared {
    pub(crate) spec: CommandSpec,
    pub(crate) uid: EntityUid,
    /// The action in its class, to which a request adds who and what.
    pub(crate) hierarchy: Entities,
    groups: HashSet<EntityUid>,
}

impl Declared {
    /// Whether a policy with this scope may speak about the command.
    pub(crate) fn is_covered_by(&self, scope: &ActionConstraint) -> bool {
        let names = |uid: &EntityUid| *uid == self.uid || self.groups.contains(uid);
        match scope {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => *uid == self.uid,
            ActionConstraint::In(uids) => uids.iter().any(names),
        }
    }
}

/// All that is declared. It does not change while the program runs; only policies do.
pub(crate) struct Vocabulary {
    pub(crate) text: String,
    pub(crate) schema: Schema,
    pub(crate) commands: BTreeMap<&'static str, Declared>,
}

impl Vocabulary {
    pub(crate) fn declare(specs: &[CommandSpec]) -> Result<Self, PolicyError> {
        let text = schema(specs);
        let (schema, _) = Schema::from_cedarschema_str(&text).map_err(PolicyError::declarations)?;
        let action = "Action".parse().map_err(PolicyError::declarations)?;
        let mut commands = BTreeMap::new();
        for spec in specs {
            commands.insert(spec.name, declared(spec, &action)?);
        }
        Ok(Self { text, schema, commands })
    }
}

fn declared(spec: &CommandSpec, action: &EntityTypeName) -> Result<Declared, PolicyError> {
    let uid = |name: &str| EntityUid::from_type_name_and_id(action.clone(), EntityId::new(name));
    let groups: HashSet<EntityUid> = groups_of(spec).map(uid).collect();
    let entity = Entity::new_no_attrs(uid(spec.name), groups.clone());
    let hierarchy = Entities::from_entities([entity], None).map_err(PolicyError::declarations)?;
    Ok(Declared { spec: *spec, uid: uid(spec.name), hierarchy, groups })
}
