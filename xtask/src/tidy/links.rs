//! A link from one document to another leads somewhere.

use super::source::{Source, numbered};
use super::tree::{Finding, Tree};

/// Refuses links in Markdown to files of this repository that are not there.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending("md").flat_map(|source| broken(tree, source)).collect()
}

fn broken(tree: &Tree, source: &Source) -> Vec<Finding> {
    let mut in_fence = false;
    let mut found = Vec::new();
    for (at, line) in numbered(&source.text) {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        }
        if !in_fence {
            let missing = targets(line).filter(|target| !leads_somewhere(tree, &source.path, target));
            found.extend(
                missing.map(|target| Finding::new(&source.path, at, format!("`{target}` leads nowhere"))),
            );
        }
    }
    found
}

/// What stands between `](` and `)`, outside of `code`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let prose = line.split('`').step_by(2);
    let links = prose.flat_map(|part| part.split("](").skip(1));
    links.filter_map(|rest| rest.split([')', ' ']).next())
}

fn leads_somewhere(tree: &Tree, from: &str, target: &str) -> bool {
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
        return true;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            name => parts.push(name),
        }
    }
    tree.paths.contains(&parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_missing_file_or_out_of_the_repository_is_refused() {
        let text = "See [one](gone.md), [two](../../x.md) and ![three](a.png \"title\").\n";
        assert_eq!(check(&Tree::of(&[("docs/a.md", text)])).len(), 3);
    }

    #[test]
    fn links_that_lead_somewhere_and_examples_pass() {
        let text = "[a](b.md#part) [up](../README.md) [web](https://example.org) [here](#x) `[x](y.md)`\n```\n[x](y.md)\n```\n";
        assert!(check(&Tree::of(&[("docs/a.md", text), ("docs/b.md", ""), ("README.md", "")])).is_empty());
    }
}
