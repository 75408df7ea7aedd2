//! One command more is one file and one line, and the program built from them answers it.
//!
//! The patch is applied to a copy of this tree, which is kept between runs so that only what changed is built again. The
//! copy's program goes by a name of its own, because the copy shares the build folder: the stories beside this one go on
//! with theirs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use folkops_world::{Program, Setup, World};

const PATCH: &str = "tests/corpus/add-a-command.patch";
/// The name under which the copy's program is built.
const PROGRAM: &str = "folkops-patched";

#[tokio::test]
async fn a_command_more_is_one_file_and_one_line_and_the_room_answers_it() {
    let tree = copied();
    let touched = output(git(&tree).args(["apply", "--numstat", PATCH]));
    let touched: Vec<_> = touched.lines().map(|line| line.split('\t').collect::<Vec<_>>()).collect();
    let [[_, "0", file], ["1", "0", "commands/src/lib.rs"]] = [&touched[0][..], &touched[1][..]] else {
        panic!("more than a file and a line: {touched:?}")
    };
    assert_eq!(touched.len(), 2, "{touched:?}");
    assert!(!tree.join(file).exists(), "{file} is no new file");
    output(git(&tree).args(["apply", PATCH]));

    let mut setup = Setup::new(|_| {}).await;
    setup.program = Program::at(built(&tree));
    let page = setup.program.run(setup.folder(), &["commands"]).await;
    assert!(
        page.well().contains("| `/drill`<br>`/practise` | practise for a bad release | safety | `/drill` |")
    );
    in_the_room(&World::empty(setup).await).await;
}

async fn in_the_room(world: &World) {
    world.joins("Jo", &["--group", "maintainer"]).await;
    world.joins("Ana", &["--group", "user"]).await;
    let help = world.says("ana", "/help drill").await;
    assert_eq!(help.title, "/drill: practise for a bad release");
    assert_eq!((help.row("Class"), help.row("Also")), ("safety", "/practise"));
    let meant = world.says("ana", "/dril").await;
    assert!(meant.to_string().contains("Did you mean /drill?"), "{meant}");

    let refused = world.says("ana", "/drill").await;
    assert_eq!(refused.state, "refused", "{refused}");
    assert!(refused.to_string().contains("Jo"), "a refusal says who may: {refused}");
    let why = world.says("jo", "/can-i drill").await;
    assert!(why.title.starts_with("Yes, you may"), "{why}");
    let done = world.says("jo", "/practise").await;
    assert!(done.title.starts_with("This is a drill"), "{done}");
    assert_eq!(done.row("Why"), "Jo sounded it");
}

/// A copy of the tree as it is now, without what was built.
fn copied() -> PathBuf {
    let tree = Path::new(env!("CARGO_TARGET_TMPDIR")).join("patched");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the tree");
    mirror(root, &tree);
    tree
}

/// Makes a folder like another one. Files that are the same are left alone, so that nothing is built twice.
fn mirror(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let wanted = names(from);
    for gone in names(to).difference(&wanted) {
        let gone = to.join(gone);
        if gone.is_dir() { fs::remove_dir_all(gone).unwrap() } else { fs::remove_file(gone).unwrap() }
    }
    for name in wanted {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            mirror(&from, &to);
        } else if fs::read(&from).ok() != fs::read(&to).ok() {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// What is in a folder, without what is built and what git keeps.
fn names(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "target" && name != ".git").collect()
}

/// Builds the copy's program beside ours.
fn built(tree: &Path) -> PathBuf {
    let manifest = tree.join("bot/Cargo.toml");
    let renamed = format!(
        "{}\n[[bin]]\nname = \"{PROGRAM}\"\npath = \"src/main.rs\"\n",
        fs::read_to_string(&manifest).unwrap()
    );
    fs::write(&manifest, renamed).unwrap();
    // A target of its own: cargo names a member's artefacts by its place in the workspace, so building the copy where this
    // very run builds would put changed libraries in the place of those that are being tested.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("patched-target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(tree).env("CARGO_TARGET_DIR", &target);
    output(cargo.args(["build", "--offline", "--workspace", "--bin", PROGRAM]));
    target.join("debug").join(PROGRAM)
}

/// git in the copy, which is no repository, also where a repository lies around it.
fn git(tree: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(tree).env("GIT_CEILING_DIRECTORIES", tree.parent().expect("it stands in a folder"));
    git
}

/// Runs a command to its good end, and gives what it printed.
#[track_caller]
fn output(command: &mut Command) -> String {
    let ended = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}
