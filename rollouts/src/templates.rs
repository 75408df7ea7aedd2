//! Which template a release goes by: the service's, that of the component it changes, or the more careful of several.
//!
//! INVARIANT: what several components bring together is never watched less carefully than what any of them would bring
//! alone.

use std::collections::BTreeMap;

use folkops_model::{ComponentName, Late, Strategy, Timing};

use crate::spec::Template;

/// The templates of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Templates {
    /// For components without one of their own.
    pub service: Template,
    /// For those that have one.
    pub components: BTreeMap<ComponentName, Template>,
}

impl From<Template> for Templates {
    /// The same for every component.
    fn from(service: Template) -> Self {
        Self { service, components: BTreeMap::new() }
    }
}

impl Templates {
    /// The template of a release that changes these components.
    pub fn of<'a>(&self, changed: impl IntoIterator<Item = &'a ComponentName>) -> Template {
        let each = changed.into_iter().map(|name| self.components.get(name).unwrap_or(&self.service));
        each.cloned().reduce(careful).unwrap_or_else(|| self.service.clone())
    }
}

/// Key by key the more careful of two.
fn careful(one: Template, other: Template) -> Template {
    Template {
        strategy: std::cmp::max_by_key(one.strategy, other.strategy, |strategy| care(*strategy)),
        visitors: one.visitors.min(other.visitors),
        step: one.step.max(other.step),
        usual: one.usual.max(other.usual),
        margin: one.margin.min(other.margin),
        budget: one.budget.min(other.budget),
        least: one.least.max(other.least),
        lasts: one.lasts.max(other.lasts),
        late: std::cmp::max_by_key(one.late, other.late, |late| caution(*late)),
        settle: one.settle.max(other.settle),
        timing: Timing {
            period_ms: one.timing.period_ms.max(other.timing.period_ms),
            block_ms: one.timing.block_ms.max(other.timing.block_ms),
            slow_ms: one.timing.slow_ms.min(other.timing.slow_ms),
        },
        soak: one.soak.max(other.soak),
        even_steps: one.even_steps.max(other.even_steps),
    }
}

fn care(strategy: Strategy) -> u8 {
    match strategy {
        Strategy::AtOnce => 0,
        Strategy::BlueGreen => 1,
        Strategy::Linear => 2,
        Strategy::Canary => 3,
    }
}

fn caution(late: Late) -> u8 {
    match late {
        Late::Advance => 0,
        Late::Hold => 1,
        Late::RollBack => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ComponentName {
        ComponentName::parse(name).unwrap()
    }

    fn templates() -> Templates {
        let service = Template { strategy: Strategy::Linear, ..Template::ordinary() };
        let shop = Template { strategy: Strategy::Canary, margin: 0.01, budget: 90, ..Template::ordinary() };
        let blog = Template { strategy: Strategy::BlueGreen, late: Late::RollBack, ..Template::ordinary() };
        Templates { service, components: [(name("shop"), shop), (name("blog"), blog)].into() }
    }

    #[test]
    fn a_component_goes_by_its_own_template_and_others_by_the_services() {
        let templates = templates();
        assert_eq!(templates.of([&name("shop")]), templates.components[&name("shop")]);
        assert_eq!(templates.of([&name("wiki")]), templates.service);
        assert_eq!(templates.of([]), templates.service);
    }

    #[test]
    fn several_components_go_key_by_key_by_the_more_careful() {
        let (shop, blog) = (name("shop"), name("blog"));
        let both = templates().of([&shop, &blog]);
        assert_eq!(both, templates().of([&blog, &shop]), "in whichever order");
        assert_eq!((both.strategy, both.margin, both.budget), (Strategy::Canary, 0.01, 50));
        assert_eq!(both.late, Late::RollBack);
    }
}
