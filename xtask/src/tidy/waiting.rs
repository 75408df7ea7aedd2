//! Tests wait for facts, and every test runs.

use super::source::{Source, function, numbered};
use super::tree::{Finding, Tree};

/// Refuses `#[ignore]` anywhere, and in any `tests/` folder a sleep outside a function that waits `until` something:
/// there, between two looks for a fact, a pause decides nothing.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending("rs").flat_map(|source| ignored(source).chain(slept(source))).collect()
}

fn ignored(source: &Source) -> impl Iterator<Item = Finding> {
    let lines = numbered(&source.code).filter(|(_, line)| line.contains("#[ignore"));
    lines
        .map(|(at, _)| Finding::new(&source.path, at, "an ignored test proves nothing: mend it or remove it"))
}

fn slept(source: &Source) -> impl Iterator<Item = Finding> {
    let of_tests = source.path.starts_with("tests/") || source.path.contains("/tests/");
    let mut around = "";
    numbered(&source.code).filter_map(move |(at, line)| {
        around = function(line).unwrap_or(around);
        let sleeps = of_tests && line.contains("sleep(") && !around.contains("until");
        sleeps.then(|| {
            Finding::new(
                &source.path,
                at,
                "a test sleeps: wait for the fact it needs, in a function named `…until…`",
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeping_in_tests_and_ignoring_anywhere_are_refused() {
        let tree = Tree::of(&[
            ("tests/stories/a.rs", "//! A.\nfn f() { sleep(ONE); }\n"),
            ("bot/x/src/lib.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n"),
        ]);
        assert_eq!(check(&tree).iter().map(|finding| finding.line).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn a_sleep_of_the_program_and_a_mention_pass() {
        let tree = Tree::of(&[
            ("bot/x/src/a.rs", "sleep(x);\n"),
            ("tests/a.rs", "// no sleep(\nlet a = \"#[ignore\";\n"),
        ]);
        assert!(check(&tree).is_empty());
    }

    #[test]
    fn a_pause_between_two_looks_passes() {
        let until = "async fn until(fact: F) {\n    while !fact() {\n        sleep(TICK).await;\n    }\n}\n";
        assert!(check(&Tree::of(&[("tests/a.rs", until)])).is_empty());
    }
}
