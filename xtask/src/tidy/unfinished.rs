//! Nothing is left half done: what is missing is an issue, not a mark in the code.

use super::source::{Source, has_word, numbered};
use super::tree::{Finding, Tree};

const MACROS: [&str; 2] = ["todo!", "unimplemented!"];
const MARKS: [&str; 4] = ["TODO", "FIXME", "for now", "For now"];

/// Refuses marks in comments and macros in code; prose in Markdown is left alone.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().filter(|source| source.extension() != "md").flat_map(marks).collect()
}

fn marks(source: &Source) -> Vec<Finding> {
    let said = if source.extension() == "rs" { &source.comments } else { &source.text };
    let macros = numbered(&source.code)
        .filter_map(|(at, line)| Some((at, MACROS.iter().find(|it| line.contains(**it))?)));
    let marks =
        numbered(said).filter_map(|(at, line)| Some((at, MARKS.iter().find(|it| has_word(line, it))?)));
    let refuse = |(at, mark)| {
        Finding::new(&source.path, at, format!("`{mark}`: finish it, or open an issue and cut it"))
    };
    macros.chain(marks).map(refuse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_in_a_comment_and_a_macro_in_code_are_refused() {
        let tree =
            Tree::of(&[("a.rs", "fn f() {\n    todo!()\n} // good for now\n"), ("b.js", "// FIXME later\n")]);
        let lines: Vec<_> = check(&tree).iter().map(|finding| (finding.path.clone(), finding.line)).collect();
        assert_eq!(lines, [("a.rs".to_owned(), 2), ("a.rs".to_owned(), 3), ("b.js".to_owned(), 1)]);
    }

    #[test]
    fn the_words_in_a_string_or_inside_other_words_pass() {
        assert!(
            check(&Tree::of(&[("a.rs", "// for nowhere\nlet x = \"TODO todo!\";\n"), ("c.md", "TODO\n")]))
                .is_empty()
        );
    }
}
