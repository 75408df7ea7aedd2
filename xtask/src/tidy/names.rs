//! A file or folder is named for what it holds, not for being left over.

use super::tree::{Finding, Tree};

const EMPTY_NAMES: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "manager", "managers", "v2"];

/// Refuses names that say nothing, alone or as a part (`store_manager.rs`).
pub fn check(tree: &Tree) -> Vec<Finding> {
    let refuse = |path: &String| {
        let word = path.split(['/', '.', '_', '-']).find(|word| EMPTY_NAMES.contains(word))?;
        Some(Finding::new(path, 0, format!("`{word}` names nothing: call it by what it does")))
    };
    tree.paths.iter().filter_map(refuse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_names_are_refused_as_file_folder_and_part() {
        let tree = Tree::of(&[("a/utils.rs", ""), ("tests/common/mod.rs", ""), ("store_manager.rs", "")]);
        assert_eq!(check(&tree).len(), 3);
    }

    #[test]
    fn a_name_that_only_contains_such_letters_passes() {
        assert!(check(&Tree::of(&[("uncommon.rs", ""), ("ipv2x.rs", "")])).is_empty());
    }
}
