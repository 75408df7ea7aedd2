//! Tests wait for facts, and every test runs.

use super::source::{Source, numbered};
use super::tree::{Finding, Tree};

/// Refuses a sleep in any `tests/` folder and `#[ignore]` anywhere.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending("rs").flat_map(|source| in_one(source, is_of_tests(&source.path))).collect()
}

fn is_of_tests(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/")
}

fn in_one(source: &Source, of_tests: bool) -> Vec<Finding> {
    let refuse = |(at, line): (usize, &str)| {
        if line.contains("#[ignore") {
            return Some(Finding::new(
                &source.path,
                at,
                "an ignored test proves nothing: mend it or remove it",
            ));
        }
        let sleeps = of_tests && line.contains("sleep(");
        sleeps.then(|| Finding::new(&source.path, at, "a test sleeps: wait for the fact it needs"))
    };
    numbered(&source.code).filter_map(refuse).collect()
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
}
