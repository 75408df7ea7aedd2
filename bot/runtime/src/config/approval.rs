//! `[approval]` and `[[checklist]]`: what carries an allowance over a small push, and what maintainers answer for before
//! a change goes to everybody.

use std::collections::BTreeSet;

use folkops_model::{ComponentName, Touched};
use schemars::JsonSchema;
use serde::Deserialize;

/// What is done about allowances.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Approval {
    /// Which pushes keep an allowance; none where it is left out.
    pub carry_over: Option<CarryOver>,
}

/// Which pushes keep an allowance: small ones by the change's author, on paths that are quickly read.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CarryOver {
    /// The most lines that may differ from the commit that a person allowed.
    pub lines: u64,
    /// The only paths: a folder ends with `/`, everything else is one file.
    pub paths: Vec<String>,
}

impl CarryOver {
    /// As commands know it.
    pub fn rule(&self) -> folkops_commands::CarryOver {
        folkops_commands::CarryOver { lines: self.lines, paths: self.paths.clone() }
    }
}

/// A point of the checklist.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// What stands for it in commands: lower-case letters, digits and `-`.
    pub key: String,
    /// What is answered for, as maintainers read it.
    pub text: String,
    /// Of which components; of all where none is named.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub components: BTreeSet<ComponentName>,
    /// Only where a change touches one of these: `code`, `ci`, `dependencies`, `migrations`, `network`, `secrets`,
    /// `scripts`, `docs`, `binary`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub areas: BTreeSet<Touched>,
}

impl Point {
    /// As commands know it.
    pub fn point(&self) -> folkops_commands::Point {
        folkops_commands::Point {
            key: self.key.clone(),
            text: self.text.clone(),
            components: self.components.clone(),
            areas: self.areas.clone(),
        }
    }
}

/// What types alone cannot say of the whole list.
pub(super) fn check(list: &[Point], known: impl Fn(&ComponentName) -> bool) -> Result<(), String> {
    let mut keys = BTreeSet::new();
    for point in list {
        let key = &point.key;
        let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&key.len()) || !key.bytes().all(is_name) {
            return Err(format!(
                "`checklist.key` is `{key}`; give up to 32 lower-case letters, digits and `-`, such as `privacy`"
            ));
        }
        if !keys.insert(key) {
            return Err(format!(
                "two points of the checklist are called `{key}`; give each a key of its own"
            ));
        }
        if let Some(component) = point.components.iter().find(|component| !known(component)) {
            return Err(format!(
                "the point `{key}` of the checklist is about `{component}`, which is no component; name one of them"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const SAMPLE: &str = include_str!("../../../../deploy/folkops.toml");

    #[test]
    fn a_checklist_names_each_point_once_and_known_components_only() {
        let of =
            |points: &str| Config::parse(&format!("{SAMPLE}\n{points}")).map(|config| config.checklist.len());
        let point = |key: &str, more: &str| format!("[[checklist]]\nkey = \"{key}\"\ntext = \"t\"\n{more}\n");
        assert_eq!(
            of(&point("privacy", "components = [\"web\"]\nareas = [\"migrations\", \"secrets\"]")),
            Ok(1)
        );
        let said = of(&point("Privacy", "")).unwrap_err();
        assert!(said.starts_with("`checklist.key` is `Privacy`; give up to 32 lower-case letters"), "{said}");
        let said = of(&(point("law", "") + &point("law", ""))).unwrap_err();
        assert_eq!(said, "two points of the checklist are called `law`; give each a key of its own");
        let said = of(&point("law", "components = [\"www\"]")).unwrap_err();
        assert!(said.contains("`law` of the checklist is about `www`, which is no component"), "{said}");
    }
}
