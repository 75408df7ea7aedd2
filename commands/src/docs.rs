//! `docs/commands.md`, written from the declarations.

use std::fmt::Write as _;
use std::sync::Arc;

use folkops_engine::Command;

use crate::help::usage;

/// The page about all commands that people can say.
pub fn markdown(commands: &[Arc<dyn Command>]) -> String {
    let mut page = String::from(
        "# Commands\n\nWritten from the declarations in `commands/src`; `folkops commands` prints it, and a test refuses one that is out of date.\n\n| say | what it does | class | example |\n|---|---|---|---|\n",
    );
    for spec in commands.iter().map(|command| command.spec()).filter(|spec| !spec.internal) {
        let also: String = spec.aliases.iter().map(|alias| format!("<br>`/{alias}`")).collect();
        let _ = writeln!(
            page,
            "| `{}`{also} | {} | {} | `{}` |",
            usage(spec),
            spec.summary,
            spec.class.as_str(),
            spec.example
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Settings, all};

    #[test]
    fn the_page_in_docs_is_the_one_that_the_declarations_give() {
        let hour = Duration::from_secs(3_600);
        let settings = Settings {
            service: "Potluck".into(),
            previews_a_person: 1,
            places: 1,
            lasts: hour,
            lasts_at_most: hour,
            sign_in: None,
            rollout: folkops_rollouts::Template::ordinary().into(),
            checklist: Vec::new(),
            carry_over: None,
            release_branches: std::collections::BTreeMap::new(),
        };
        let kept = include_str!("../../docs/commands.md");
        assert_eq!(
            markdown(&all(&settings)),
            kept,
            "write it anew: `cargo run -p folkops -- commands > docs/commands.md`"
        );
    }
}
