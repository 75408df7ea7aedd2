//! `cargo xtask tidy`: the rules of the house that no compiler knows.
//!
//! Each rule is one small file with a sample that it refuses and one that it lets pass. Rules read
//! text only: they build nothing, change nothing, and take no exception that is not written down
//! with its reason in `xtask/tidy-allow.toml`.

use crate::stages::say;
use crate::trouble::{Outcome, Trouble};

mod allow;
mod arrows;
mod inline;
mod length;
mod links;
mod names;
mod opening;
mod source;
mod test_only;
mod tree;
mod unfinished;
mod waiting;

use tree::{Finding, Tree};

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[(&str, Rule)] = &[
    ("arrows", arrows::check),
    ("inline", inline::check),
    ("length", length::check),
    ("links", links::check),
    ("names", names::check),
    ("opening", opening::check),
    ("test-only", test_only::check),
    ("unfinished", unfinished::check),
    ("waiting", waiting::check),
];

/// Prints what every rule refuses; trouble if that is anything at all.
pub fn run(arguments: &[String]) -> Outcome {
    if let Some(word) = arguments.first() {
        return Err(Trouble::new(format!("`tidy` takes no argument, and `{word}` is one")));
    }
    let refused = refusals(&Tree::load()?);
    refused.iter().for_each(|line| say(line));
    match refused.len() {
        0 => Ok(()),
        count => Err(Trouble::new(format!("{count} places are untidy"))),
    }
}

fn refusals(tree: &Tree) -> Vec<String> {
    let of = |(name, rule): &(&str, Rule)| {
        rule(tree).into_iter().map(|found| found.line(name)).collect::<Vec<_>>()
    };
    RULES.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let refused = refusals(&Tree::load().unwrap());
        assert!(refused.is_empty(), "\n{}", refused.join("\n"));
    }
}
