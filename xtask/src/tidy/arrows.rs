//! Which crate may depend on which: the picture of the house as a table.
//!
//! Dependencies for tests and for building count as well; what needs more than its room allows
//! belongs into `tests/`. A crate that is not in the table is refused until it has a place.

use super::tree::{Crate, Finding, Tree};

/// A room, and the rooms it may depend on. `adapter` stands for every crate in `adapters/`.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("record", &["model"]),
    ("policies", &["model"]),
    // The statistics by which rollouts are judged know nothing of the house that uses them.
    ("evidence", &[]),
    // Nor does the picture of a rollout: plain data in, a drawing out.
    ("graph", &[]),
    ("rollouts", &["record", "model", "evidence"]),
    ("previews", &["record", "model"]),
    ("alerts", &["record", "model"]),
    ("bridge", &["record", "model"]),
    ("engine", &["record", "policies", "model"]),
    ("commands", &["engine", "rollouts", "graph", "previews", "alerts", "bridge", "model"]),
    ("site", &["engine", "previews", "rollouts", "graph", "alerts", "model"]),
    ("router", &["model"]),
    // The model, and the rooms whose ports an adapter may implement.
    ("adapter", &["model", "record", "engine", "previews", "rollouts", "alerts", "bridge", "site", "router"]),
    ("runtime", EVERY_ROOM),
    ("folkops", &["runtime"]),
    // The demo's service and history: data that the program carries, which knows nothing of it.
    ("demo", &[]),
    ("tests", &[EVERYTHING]),
    ("xtask", &[]),
];

const EVERYTHING: &str = "*";
const EVERY_ROOM: &[&str] = &[
    "model", "record", "policies", "evidence", "graph", "rollouts", "previews", "alerts", "bridge", "engine",
    "commands", "site", "router", "adapter", "demo",
];

/// Refuses every arrow that the table does not draw.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.crates.iter().flat_map(|from| refused(tree, from)).collect()
}

fn refused(tree: &Tree, from: &Crate) -> Vec<Finding> {
    let manifest = format!("{}/Cargo.toml", from.folder);
    let Some((_, drawn)) = ARROWS.iter().find(|(room, _)| *room == room_of(from)) else {
        let message =
            format!("`{}` has no place in the house; add it to design section 3 and here", from.name);
        return vec![Finding::new(&manifest, 0, message)];
    };
    let is_drawn = |name: &&String| drawn.contains(&room_named(tree, name)) || drawn.contains(&EVERYTHING);
    let refuse = |name: &String| {
        let message = format!("the arrow `{} → {name}` is not drawn (design section 3, Arrows)", from.name);
        Finding::new(&manifest, 0, message)
    };
    from.needs.iter().filter(|name| !is_drawn(name)).map(refuse).collect()
}

fn room_named<'t>(tree: &'t Tree, name: &'t str) -> &'t str {
    tree.crates.iter().find(|it| it.name == name).map_or_else(|| without_prefix(name), room_of)
}

fn room_of(of: &Crate) -> &str {
    if of.folder.starts_with("adapters/") { "adapter" } else { without_prefix(&of.name) }
}

fn without_prefix(name: &str) -> &str {
    name.trim_start_matches("folkops-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(crates: &[(&str, &str, &[&str])]) -> Tree {
        let one = |(name, folder, needs): &(&str, &str, &[&str])| Crate {
            name: (*name).to_owned(),
            folder: (*folder).to_owned(),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        };
        Tree { crates: crates.iter().map(one).collect(), ..Tree::default() }
    }

    fn said(tree: &Tree) -> Vec<String> {
        check(tree).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn an_arrow_that_is_not_drawn_is_named() {
        let house = house(&[
            ("folkops-model", "bot/model", &["folkops-engine"]),
            ("folkops-engine", "bot/engine", &[]),
        ]);
        assert_eq!(
            said(&house),
            ["the arrow `folkops-model → folkops-engine` is not drawn (design section 3, Arrows)"]
        );
    }

    #[test]
    fn an_adapter_may_know_ports_but_no_other_adapter_and_no_command() {
        let house = house(&[
            ("folkops-git", "adapters/git", &["folkops-previews", "folkops-local", "folkops-commands"]),
            ("folkops-local", "adapters/local", &["folkops-model"]),
        ]);
        assert_eq!(said(&house).len(), 2);
    }

    #[test]
    fn drawn_arrows_pass_and_tests_may_know_everything() {
        let house = house(&[
            ("folkops", "bot", &["folkops-runtime"]),
            ("folkops-engine", "bot/engine", &["folkops-record", "folkops-policies", "folkops-model"]),
            ("folkops-runtime", "bot/runtime", &["folkops-commands", "folkops-git"]),
            ("folkops-git", "adapters/git", &[]),
            ("folkops-tests", "tests", &["folkops-runtime", "folkops-git", "folkops"]),
        ]);
        assert_eq!(said(&house), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_a_place_is_refused() {
        assert_eq!(
            said(&house(&[("folkops-attic", "attic", &[])])),
            ["`folkops-attic` has no place in the house; add it to design section 3 and here"]
        );
    }
}
