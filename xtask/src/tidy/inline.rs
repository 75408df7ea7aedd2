//! The pages run under a strict content security policy: no style attribute, inline script or handler.
//!
//! A `<style>` element passes: a policy can name its hash, and the page's own tests must hold it to that.

use super::source::{Source, numbered};
use super::tree::{Finding, Tree};

/// Refuses what the policy of our own pages would block in the browser.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let ours = |source: &&Source| {
        source.path.starts_with("bot/") && ["rs", "js", "html"].contains(&source.extension())
    };
    tree.sources.iter().filter(ours).flat_map(in_one).collect()
}

fn in_one(source: &Source) -> Vec<Finding> {
    // Templates are macros, so their markup is code; a page in one piece is text or a literal.
    let (markup, pages) = match source.extension() {
        "rs" => (source.code.as_str(), source.literals.as_str()),
        "html" => ("", source.text.as_str()),
        _ => ("", ""),
    };
    let refuse = |what: &str, at| {
        Finding::new(&source.path, at, format!("{what}: the content security policy blocks it"))
    };
    let in_markup = numbered(markup).filter_map(|(at, line)| Some(refuse(of_markup(line)?, at)));
    let in_pages = numbered(pages).filter_map(|(at, line)| Some(refuse(of_page(line)?, at)));
    in_markup.chain(in_pages).collect()
}

fn of_markup(line: &str) -> Option<&'static str> {
    if line.split_whitespace().any(|word| word.starts_with("script{")) || line.contains("script {") {
        return Some("an inline script");
    }
    attributes(line).find_map(blocked)
}

fn of_page(line: &str) -> Option<&'static str> {
    if line.contains("<script>") {
        return Some("an inline script");
    }
    line.contains('<').then(|| attributes(line).find_map(blocked)).flatten()
}

/// The names in front of each `=` that sets an attribute (`==` and ` = ` set none).
fn attributes(line: &str) -> impl Iterator<Item = &str> {
    let set = line
        .match_indices('=')
        .filter(|(at, _)| !line.get(at + 1..).unwrap_or_default().starts_with(['=', '>']));
    set.filter_map(|(at, _)| line.get(..at)?.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '-').next())
}

fn blocked(attribute: &str) -> Option<&'static str> {
    match attribute {
        "style" => Some("a style attribute"),
        _ if attribute.len() > 3 && attribute.starts_with("on") => Some("an inline event handler"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn style_script_and_handler_are_refused_in_templates_and_pages() {
        for bad in [
            "p style=\"color:red\" {}",
            "button onclick=(x) {}",
            "script { (code) }",
            "let x = \"<script>a\";",
        ] {
            assert_eq!(found("bot/site/src/a.rs", bad), 1, "{bad}");
        }
        assert_eq!(found("bot/site/a.html", "<p style='x'>\n<b onload=x>"), 2);
    }

    #[test]
    fn classes_linked_scripts_and_ordinary_code_pass() {
        for good in [
            "p class=\"x\" {}",
            "script src=\"/room.js\" defer {}",
            "let x = \"<style>a</style>\";",
            "let style = one == two;",
            "|on| on => x",
        ] {
            assert_eq!(found("bot/site/src/a.rs", good), 0, "{good}");
        }
        assert_eq!(found("deploy/demo/a.html", "<p style='x'>"), 0);
    }
}
