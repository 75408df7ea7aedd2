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
