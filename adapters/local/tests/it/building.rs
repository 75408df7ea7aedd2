//! Builds: exactly this tree, kept by content, behind the wall.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use folkops_local::{BuildError, Search, StoreError};
use folkops_model::Trust;

use crate::world::{PYTHON, World, copying, recipe, tree_id};

#[tokio::test]
async fn the_same_tree_gives_the_same_bytes_whoever_built_it() {
    let world = World::new().await;
    let tree = world.tree(&[("main.c", "int main(void) { return 7; }")]);
    let recipe = recipe(&["/usr/bin/cc", "-o", "{out}/main", "main.c"], &["main"]);
    let first = world.build(&tree, &recipe, Trust::Unmerged).await.unwrap();
    let clean = world.build(&tree, &recipe, Trust::Merged).await.unwrap();
    assert_eq!(first.digest, clean.digest);
    let folder = world.builder.store().verify(&first.digest).unwrap();
    assert_eq!(std::process::Command::new(folder.join("main")).status().unwrap().code(), Some(7));
}

#[tokio::test]
async fn a_strangers_result_never_stands_in_for_a_clean_build() {
    let world = World::new().await;
    let tree = world.tree(&[("main.py", "x")]);
    let id = |trust| world.builder.kept(&tree_id(&tree), &copying("main.py"), trust);
    world.build(&tree, &copying("main.py"), Trust::Unmerged).await.unwrap();
    assert!(id(Trust::Unmerged).is_some());
    assert_eq!(id(Trust::Merged), None);
}

#[tokio::test]
async fn a_failed_build_says_its_exit_code_and_the_end_of_its_log() {
    let world = World::new().await;
    let tree = world.tree(&[("main.c", "int main(void) { return seven; }")]);
    let recipe = recipe(&["/usr/bin/cc", "-o", "{out}/main", "main.c"], &["main"]);
    match world.build(&tree, &recipe, Trust::Unmerged).await.unwrap_err() {
        BuildError::Failed { exit: 1, log_tail } => {
            assert!(log_tail.contains("error: ‘seven’ undeclared"), "{log_tail}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_build_without_its_declared_output_is_named() {
    let world = World::new().await;
    let tree = world.tree(&[]);
    let error = world.build(&tree, &recipe(&["/bin/true"], &["web"]), Trust::Unmerged).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the build succeeded but left no `web`; the recipe declares it as an output"
    );
}

#[tokio::test]
async fn a_build_that_leaves_a_link_is_refused() {
    let world = World::new().await;
    let recipe = recipe(&["/bin/ln", "-s", "/etc/passwd", "{out}/web"], &["web"]);
    let error = world.build(&world.tree(&[]), &recipe, Trust::Unmerged).await.unwrap_err();
    assert!(matches!(error, BuildError::OutputOdd { .. }), "{error:?}");
}

#[tokio::test]
async fn a_build_is_ended_when_its_time_is_up_and_leaves_no_process() {
    let world = World::new().await;
    let mut recipe = recipe(&["/bin/sleep", "86399.25"], &[]);
    recipe.time = Duration::from_millis(500);
    let error = world.build(&world.tree(&[]), &recipe, Trust::Unmerged).await.unwrap_err();
    assert!(matches!(error, BuildError::TimedOut { .. }), "{error:?}");
    assert!(!somebody_runs("86399.25"));
}

#[tokio::test]
async fn a_build_that_only_burns_the_processor_is_ended() {
    let world = World::new().await;
    let mut recipe = recipe(&[PYTHON, "-c", "while True: pass"], &[]);
    recipe.limits.cpu_seconds = Some(1);
    let error = world.build(&world.tree(&[]), &recipe, Trust::Unmerged).await.unwrap_err();
    assert!(matches!(error, BuildError::Failed { exit: 137 | 152, .. }), "{error:?}");
}

#[tokio::test]
async fn results_that_are_kept_at_the_same_time_are_one() {
    let world = World::new().await;
    let tree = world.tree(&[("a", "text")]);
    let recipe = copying("a");
    let builds = [Trust::Merged, Trust::Unmerged].map(|trust| world.build(&tree, &recipe, trust));
    let built = futures::future::join_all(builds).await;
    let digests: Vec<_> = built.into_iter().map(|built| built.unwrap().digest).collect();
    assert_eq!(digests[0], digests[1]);
    assert!(world.builder.store().verify(&digests[0]).is_ok());
}

#[tokio::test]
async fn a_cancelled_build_leaves_no_process() {
    let world = World::new().await;
    let (tree, recipe) = (world.tree(&[]), recipe(&["/bin/sleep", "86399.5"], &[]));
    {
        let build = world.build(&tree, &recipe, Trust::Unmerged);
        tokio::select! {
            ended = build => panic!("{ended:?}"),
            () = world.until("the build runs", || somebody_runs("86399.5")) => {}
        }
    }
    world.until("nothing of the build is left", || !somebody_runs("86399.5")).await;
}

#[tokio::test]
async fn a_build_that_writes_more_than_it_may_is_refused() {
    let world = World::new().await;
    let mut recipe = recipe(&["/bin/dd", "if=/dev/zero", "of={out}/big", "bs=1M", "count=64"], &["big"]);
    recipe.limits.data = 8 << 20;
    match world.build(&world.tree(&[]), &recipe, Trust::Unmerged).await.unwrap_err() {
        BuildError::Failed { log_tail, .. } => {
            assert!(log_tail.contains("No space left on device"), "{log_tail}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_kept_build_with_one_changed_byte_is_refused() {
    let world = World::new().await;
    let digest =
        world.build(&world.tree(&[("a", "text")]), &copying("a"), Trust::Merged).await.unwrap().digest;
    let file = world.builder.store().folder(&digest).join("a");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "texT").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let error = world.builder.store().verify(&digest).unwrap_err();
    assert!(matches!(error, StoreError::Changed(_)));
    assert!(error.to_string().contains("is no longer what was built"), "{error}");
}

#[tokio::test]
async fn without_a_wall_merged_trees_are_built_and_unmerged_ones_refused() {
    let world = World::without_wall().await;
    let tree = world.tree(&[("a", "text")]);
    let merged = world.build(&tree, &copying("a"), Trust::Merged).await.unwrap();
    assert!(world.builder.store().verify(&merged.digest).is_ok());
    let error = world.build(&tree, &copying("a"), Trust::Unmerged).await.unwrap_err();
    assert!(error.to_string().contains("apt install bubblewrap"), "{error}");
}

#[tokio::test]
async fn a_bubblewrap_behind_which_nothing_runs_is_no_wall() {
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("bwrap");
    std::os::unix::fs::symlink("/bin/false", &fake).unwrap();
    let world = World::searching(Search { bwrap: Some(fake), folders: Vec::new() }).await;
    let none = world.machine.wall().unwrap_err().to_string();
    assert!(none.contains("a program does not run behind it"), "{none}");
    assert!(none.contains("kernel.unprivileged_userns_clone"), "{none}");
}

pub fn somebody_runs(argument: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).starts_with(&format!("/bin/sleep\0{argument}")))
}
