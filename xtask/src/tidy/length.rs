//! Functions and files stay short enough to be read in one go.
//!
//! The limits are far above the house's habit (ten lines, 150 lines): past them there is a reason,
//! and it is written down. Lengths are measured on formatted code, where a function ends at the
//! first `}` in its own column.

use super::allow::{self, Allowed};
use super::source::{Source, function, numbered};
use super::tree::{Finding, Tree};

/// In lines, from `fn` to its last brace.
const LONGEST_FUNCTION: usize = 60;
/// In lines, tests included.
const LONGEST_FILE: usize = 400;
const CHECKED: [&str; 4] = ["rs", "js", "css", "html"];

/// Refuses what is too long without a reason, and reasons that nothing needs.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let (allowed, mut found) = allow::read(tree);
    let checked = tree.sources.iter().filter(|source| CHECKED.contains(&source.extension()));
    let long: Vec<Long> = checked.flat_map(too_long).collect();

    let excuses =
        |exception: &Allowed, long: &Long| exception.path == long.path && exception.what == long.what;
    found.extend(long.iter().filter(|long| !allowed.iter().any(|it| excuses(it, long))).map(Long::refusal));
    let stale = allowed.iter().filter(|exception| !long.iter().any(|long| excuses(exception, long)));
    found.extend(stale.map(|Allowed { path, what }| {
        Finding::new(allow::FILE, 0, format!("`{what}` in `{path}` needs no exception any more: remove it"))
    }));
    found
}

/// Something longer than its limit.
struct Long {
    path: String,
    /// The function's name, or `file`.
    what: String,
    line: usize,
    lines: usize,
}

impl Long {
    fn refusal(&self) -> Finding {
        let message = format!(
            "`{}` has {} lines: split it, or give the reason in {}",
            self.what,
            self.lines,
            allow::FILE
        );
        Finding::new(&self.path, self.line, message)
    }
}

fn too_long(source: &Source) -> Vec<Long> {
    let long =
        |what: &str, line, lines| Long { path: source.path.clone(), what: what.to_owned(), line, lines };
    let mut found = Vec::new();
    let lines = source.text.lines().count();
    if lines > LONGEST_FILE {
        found.push(long("file", 0, lines));
    }
    if source.extension() == "rs" {
        let functions = numbered(&source.code)
            .filter_map(|(at, line)| Some((at, function(line)?, extent(&source.code, at))));
        found.extend(
            functions.filter(|it| it.2 > LONGEST_FUNCTION).map(|(at, name, lines)| long(name, at, lines)),
        );
    }
    found
}

/// How many lines the function that begins in line `at` takes.
fn extent(code: &str, at: usize) -> usize {
    let mut lines = code.lines().skip(at - 1).peekable();
    let first = lines.peek().copied().unwrap_or_default();
    let margin: String = first.chars().take_while(|c| c.is_whitespace()).collect();
    let ends = |line: &str| {
        let in_column = line.strip_prefix(&margin).is_some_and(|rest| !rest.starts_with(char::is_whitespace));
        in_column && (line.trim_end().ends_with('}') || line.trim_end().ends_with(';'))
    };
    lines.position(ends).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function_of(lines: usize) -> String {
        format!(
            "impl X {{\n    pub async fn f<T>(\n        a: T,\n    ) {{\n{}    }}\n}}\n",
            "        a();\n".repeat(lines - 4)
        )
    }

    fn messages(tree: &Tree) -> Vec<String> {
        check(tree).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_function_and_a_file_over_the_limit_are_refused() {
        let tree = Tree::of(&[("a.rs", &function_of(61)), ("b.js", &"x\n".repeat(401))]);
        assert_eq!(
            messages(&tree),
            [
                "`f` has 61 lines: split it, or give the reason in xtask/tidy-allow.toml",
                "`file` has 401 lines: split it, or give the reason in xtask/tidy-allow.toml",
            ]
        );
    }

    #[test]
    fn at_the_limit_everything_passes() {
        assert!(check(&Tree::of(&[("a.rs", &function_of(60)), ("b.js", &"x\n".repeat(400))])).is_empty());
    }

    #[test]
    fn a_written_reason_excuses_and_one_that_nothing_needs_is_refused() {
        let reason = "[[allow]]\npath = 'a.rs'\nwhat = 'f'\nreason = 'one table, read as a whole'\n";
        assert!(check(&Tree::of(&[("a.rs", &function_of(70)), (allow::FILE, reason)])).is_empty());
        let stale = Tree::of(&[("a.rs", &function_of(10)), (allow::FILE, reason)]);
        assert_eq!(messages(&stale), ["`f` in `a.rs` needs no exception any more: remove it"]);
    }

    #[test]
    fn braces_in_strings_and_declarations_without_a_body_do_not_mislead() {
        let trait_of =
            format!("trait T {{\n    fn a(\n        x: X,\n    ) -> Y;\n}}\n{}", "// x\n".repeat(100));
        assert!(check(&Tree::of(&[("a.rs", &trait_of)])).is_empty());
        let text = format!("fn f() {{\n    let x = \"\n}}\n\";\n{}}}\n", "    a();\n".repeat(60));
        assert_eq!(check(&Tree::of(&[("a.rs", &text)])).len(), 1);
    }
}
