//! The program tested is the program shipped: `cfg(test)` stands before test modules only.

use super::source::{Source, has_word, numbered};
use super::tree::{Finding, Tree};

/// Refuses every condition on `test` but `#[cfg(test)]` in front of a module.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending("rs").flat_map(in_one).collect()
}

fn in_one(source: &Source) -> Vec<Finding> {
    let asks = |line: &str| line.contains("cfg") && has_word(line, "test") && !line.contains("#[test]");
    let of_module = |line: &str, at: usize| line.trim() == "#[cfg(test)]" && module_follows(&source.code, at);
    let refuse = |(at, _)| {
        Finding::new(
            &source.path,
            at,
            "`cfg(test)` outside a test module: the program must not know that it is tested",
        )
    };
    numbered(&source.code).filter(|(at, line)| asks(line) && !of_module(line, *at)).map(refuse).collect()
}

/// Whether the first line after line `at` that is neither empty nor an attribute opens a module.
fn module_follows(code: &str, at: usize) -> bool {
    let mut after =
        code.lines().skip(at).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("#["));
    after.next().is_some_and(|line| line.split_whitespace().take(2).any(|word| word == "mod"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_a_branch_and_a_mixed_condition_are_refused() {
        for bad in
            ["#[cfg(test)]\nfn f() {}\n", "if cfg!(test) {}\n", "#[cfg(any(test, unix))]\nmod tests {}\n"]
        {
            assert_eq!(check(&Tree::of(&[("a.rs", bad)])).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_test_module_passes_also_with_a_comment_between() {
        let good = "#[cfg(test)]\n// The table is long.\n#[path = \"x.rs\"]\nmod tests;\n// cfg(test) is fine to mention\n";
        assert!(check(&Tree::of(&[("a.rs", good)])).is_empty());
    }
}
