//! Which git is used, and what happens when it is missing, old or stuck.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use folkops_git::{GitError, LocalForge, Settings};

use crate::fixture::{Repo, search_path, web};

/// Puts an executable called `git` into a new folder and gives the settings that find it there first.
fn posing_as_git(repo: &Repo, script: &str) -> Settings {
    let folder = repo.fresh("bin");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("git"), format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(folder.join("git"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let search_path = format!("{}:/usr/bin:/bin", folder.display()).into();
    Settings { search_path, ..repo.settings() }
}

#[tokio::test]
async fn an_old_git_is_refused_with_the_version_that_is_needed() {
    let repo = Repo::new();
    let settings = posing_as_git(&repo, "echo git version 2.37.9");
    let error = LocalForge::open(settings).await.unwrap_err();
    assert_eq!(error.to_string(), "git 2.38 or newer is needed: 2.37 was found; install it and start again");
}

#[tokio::test]
async fn a_missing_git_is_told_plainly() {
    let repo = Repo::new();
    let search_path = repo.dir.path().into();
    let error = LocalForge::open(Settings { search_path, ..repo.settings() }).await.unwrap_err();
    assert!(matches!(error, GitError::Executable(_)), "{error}");
    assert!(error.to_string().starts_with("git 2.38 or newer is needed: it could not be run ("), "{error}");
}

#[tokio::test]
async fn a_git_that_never_answers_is_stopped_and_leaves_no_process() {
    let repo = Repo::new();
    let pid_file = repo.fresh("pid");
    let script = format!(
        "case \"$*\" in *version) echo git version 2.39.0;; *) echo $$ > {}; exec sleep 600;; esac",
        pid_file.display()
    );
    let settings = Settings { deadline: Duration::from_secs(3), ..posing_as_git(&repo, &script) };
    let forge = LocalForge::open(settings).await.unwrap();
    let error = forge.default_head(&web()).await.unwrap_err();
    assert!(matches!(error, GitError::TimedOut { .. }), "{error}");
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let process = format!("/proc/{}", pid.trim());
    become_true(|| !Path::new(&process).exists()).await;
}

#[tokio::test]
async fn a_tree_that_nobody_waits_for_any_more_leaves_nothing_on_disk() {
    let repo = Repo::new();
    let stuck = "case \"$*\" in *'cat-file --batch') exec sleep 600;; esac";
    let git = format!("PATH={} exec git \"$@\"", search_path().to_str().unwrap());
    let forge = LocalForge::open(posing_as_git(&repo, &format!("{stuck}\n{git}"))).await.unwrap();
    let (tree, into) = (repo.tree_of(&repo.first), repo.fresh("source"));
    let folder = into.clone();
    let waiting = tokio::spawn(async move { forge.materialise(&web(), &tree, &folder).await });
    become_true(|| into.join("src").exists()).await;
    waiting.abort();
    become_true(|| !into.exists()).await;
}

/// Waits for a fact that another process or thread brings about.
async fn become_true(fact: impl Fn() -> bool) {
    let looking = async {
        while !fact() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking).await.expect("it never became true");
}

#[tokio::test]
async fn git_sees_nothing_of_our_environment_but_the_search_path() {
    let repo = Repo::new();
    let dump = repo.fresh("environment");
    let script = format!("env > {}; echo git version 2.39.0", dump.display());
    LocalForge::open(posing_as_git(&repo, &script)).await.unwrap();
    let names: Vec<String> = std::fs::read_to_string(dump)
        .unwrap()
        .lines()
        .map(|line| line.split('=').next().unwrap().to_owned())
        .collect();
    let ours = ["PATH", "LC_ALL", "PWD", "_", "OLDPWD", "SHLVL"];
    let foreign: Vec<_> =
        names.iter().filter(|name| !name.starts_with("GIT_") && !ours.contains(&name.as_str())).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[tokio::test]
async fn a_change_that_did_not_move_is_not_examined_again() {
    let repo = Repo::new();
    let log = repo.fresh("log");
    let git = format!("PATH={} exec git \"$@\"", search_path().to_str().unwrap());
    let settings = posing_as_git(&repo, &format!("echo \"$*\" >> {}\n{git}", log.display()));
    let forge = LocalForge::open(settings).await.unwrap();
    let examined = || std::fs::read_to_string(&log).unwrap().matches(" diff-tree ").count();
    repo.open(1, &[("a", "1\n")], "One");
    let first = forge.changes(&web()).await.unwrap();
    assert_eq!((forge.changes(&web()).await.unwrap(), examined()), (first, 1));
    repo.open(1, &[("a", "2\n")], "Two");
    assert_eq!((forge.changes(&web()).await.unwrap().changes[0].title.as_str(), examined()), ("Two", 2));
    let later = repo.commit(&[("b", "1\n")], &[&repo.first], "Later");
    repo.point("refs/heads/main", later.as_str());
    forge.changes(&web()).await.unwrap();
    assert_eq!(examined(), 3);
}

#[tokio::test]
async fn one_change_that_takes_too_long_is_left_out_once_and_does_not_hold_up_the_next_look() {
    let repo = Repo::new();
    let log = repo.fresh("log");
    let slow = repo.open(1, &[("a", "1\n")], "Slow");
    repo.open(2, &[("b", "1\n")], "Quick");
    let stuck =
        format!("case \"$*\" in *diff-tree*{slow}*) echo x >> {}; exec sleep 600;; esac", log.display());
    let git = format!("PATH={} exec git \"$@\"", search_path().to_str().unwrap());
    let deadline = Duration::from_secs(5);
    let settings = Settings { deadline, ..posing_as_git(&repo, &format!("{stuck}\n{git}")) };
    let forge = LocalForge::open(settings).await.unwrap();
    for _ in 0..3 {
        let seen = forge.changes(&web()).await.unwrap();
        assert_eq!(seen.changes.iter().map(|change| change.title.as_str()).collect::<Vec<_>>(), ["Quick"]);
        assert_eq!(
            seen.refused[0].why,
            "git worked on component `web` for more than 5 s and was stopped; try again"
        );
    }
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "x\n");
}
