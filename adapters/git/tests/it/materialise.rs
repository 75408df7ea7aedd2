//! Trees on disk: exactly the bytes, and only harmless ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use folkops_git::{Limits, MaterialiseError};
use folkops_model::TreeId;

use crate::fixture::{Repo, below, web};

async fn write(repo: &Repo, tree: &TreeId) -> Result<(), MaterialiseError> {
    let into = repo.fresh("source");
    let outcome = repo.forge().await.materialise(&web(), tree, &into).await;
    assert_eq!(into.exists(), outcome.is_ok(), "{outcome:?}");
    outcome
}

/// What the refusal of a tree says.
async fn refusal(repo: &Repo, tree: &TreeId) -> String {
    write(repo, tree).await.unwrap_err().to_string()
}

#[tokio::test]
async fn files_modes_and_links_are_those_of_the_tree_whatever_the_attributes_say() {
    let repo = Repo::new();
    let attributes = repo.blob(b"* text eol=crlf ident\n* export-subst\n");
    let text = repo.blob(b"$Id$ $Format:%H$\nline\n");
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let (binary, empty, link) = (repo.blob(&bytes), repo.blob(b""), repo.blob(b"../run"));
    let folder = repo.raw_tree(&[("100644", "größe".as_bytes(), &text), ("120000", b"link", &link)]);
    let tree = repo.raw_tree(&[
        ("100644", b".gitattributes", &attributes),
        ("100644", b"bytes", &binary),
        ("100644", b"d.txt", &empty),
        ("40000", b"d", folder.as_str()),
        ("100755", b"run", &text),
    ]);
    write(&repo, &tree).await.unwrap();
    let source = repo.fresh("source");
    assert_eq!(below(&source), [".gitattributes", "bytes", "d.txt", "d/größe", "d/link", "run"]);
    assert_eq!(fs::read(source.join("bytes")).unwrap(), bytes);
    assert_eq!(fs::read(source.join("d.txt")).unwrap(), b"");
    assert_eq!(fs::read(source.join("run")).unwrap(), b"$Id$ $Format:%H$\nline\n");
    assert_eq!(fs::read_link(source.join("d/link")).unwrap().to_str(), Some("../run"));
    let mode = |path: &str| fs::metadata(source.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("d/größe"), mode("run")), (0o644, 0o755));
}

#[tokio::test]
async fn an_empty_tree_is_an_empty_folder() {
    let repo = Repo::new();
    write(&repo, &repo.raw_tree(&[])).await.unwrap();
    assert!(below(&repo.fresh("source")).is_empty());
}

#[tokio::test]
async fn a_folder_that_holds_something_is_not_touched() {
    let repo = Repo::new();
    let into = repo.fresh("source");
    fs::create_dir(&into).unwrap();
    fs::write(into.join("mine"), "mine").unwrap();
    let tree = repo.tree_of(&repo.first);
    let error = repo.forge().await.materialise(&web(), &tree, &into).await.unwrap_err();
    assert!(matches!(error, MaterialiseError::Occupied), "{error}");
    assert_eq!(below(&into), ["mine"]);
}

#[tokio::test]
async fn a_submodule_is_refused_with_the_way_out() {
    let repo = Repo::new();
    let tree = repo.raw_tree(&[("160000", b"vendor", repo.first.as_str())]);
    assert_eq!(
        refusal(&repo, &tree).await,
        "`vendor` cannot be used: it is a submodule, and other repositories are not fetched; take it out of the change"
    );
}

#[tokio::test]
async fn links_that_lead_out_of_the_tree_are_refused_and_nothing_stays() {
    let repo = Repo::new();
    for target in ["/etc/passwd", "../outside", "down/../../outside", "..", "d/.."] {
        let file = repo.blob(b"x");
        let tree =
            repo.raw_tree(&[("100644", b"a", &file), ("120000", b"link", &repo.blob(target.as_bytes()))]);
        let error = refusal(&repo, &tree).await;
        assert!(error.starts_with("`link` cannot be used: it is a link "), "{target}: {error}");
    }
    let endless = repo.raw_tree(&[("120000", b"link", &repo.blob(&[b'a'; 5000]))]);
    assert!(refusal(&repo, &endless).await.contains("its target is not a path"));
}

#[tokio::test]
async fn crafted_names_are_refused() {
    let repo = Repo::new();
    let file = repo.blob(b"x");
    for name in ["..", ".", ".git", ".GIT", ".g\u{200c}it", "git~1", ".git ", "../x", "a/../../x", "/tmp/x"] {
        let tree = repo.raw_tree(&[("100644", name.as_bytes(), &file)]);
        let error = write(&repo, &tree).await.unwrap_err();
        assert!(matches!(error, MaterialiseError::Refused { .. }), "{name:?}: {error}");
        let inside =
            repo.raw_tree(&[("40000", name.as_bytes(), repo.raw_tree(&[("100644", b"x", &file)]).as_str())]);
        let error = write(&repo, &inside).await.unwrap_err();
        assert!(matches!(error, MaterialiseError::Refused { .. }), "{name:?}/x: {error}");
    }
}

#[tokio::test]
async fn a_slash_inside_a_name_is_not_taken_for_a_folder() {
    let repo = Repo::new();
    let tree = repo.raw_tree(&[("100644", b"a/b", &repo.blob(b"x"))]);
    let error = write(&repo, &tree).await.unwrap_err();
    assert!(matches!(error, MaterialiseError::Altered { .. }), "{error}");
}

#[tokio::test]
async fn a_name_that_is_a_link_and_a_folder_is_refused() {
    let repo = Repo::new();
    let (file, link) = (repo.blob(b"x"), repo.blob(b"d"));
    let folder = repo.raw_tree(&[("100644", b"x", &file)]);
    let tree = repo.raw_tree(&[
        ("120000", b"a", &link),
        ("100644", b"a.txt", &file),
        ("40000", b"a", folder.as_str()),
    ]);
    assert!(refusal(&repo, &tree).await.contains("a file and a folder of one name"));
    let twice = repo.raw_tree(&[("100644", b"a", &file), ("100644", b"a", &link)]);
    assert!(refusal(&repo, &twice).await.contains("twice or out of order"));
}

#[tokio::test]
async fn odd_modes_are_refused() {
    let repo = Repo::new();
    let file = repo.blob(b"x");
    for mode in ["100777", "104755", "20000", "0"] {
        let error = write(&repo, &repo.raw_tree(&[(mode, b"a", &file)])).await.unwrap_err();
        assert!(
            matches!(error, MaterialiseError::Refused { .. } | MaterialiseError::Altered { .. }),
            "{mode}: {error}"
        );
    }
}

#[tokio::test]
async fn a_tree_past_its_limits_is_refused_before_anything_is_written() {
    let repo = Repo::new();
    let tree = repo.tree(&[("a", "12345"), ("b", "12345"), ("c", "12345")]);
    let into = repo.fresh("source");
    for (files, bytes) in [(2, 100), (3, 14)] {
        let forge = repo.forge_with(Limits { files, bytes }).await;
        let error = forge.materialise(&web(), &tree, &into).await.unwrap_err();
        assert!(matches!(error, MaterialiseError::TooLarge(_)), "{error}");
        assert!(!into.exists());
    }
    let forge = repo.forge_with(Limits { files: 3, bytes: 15 }).await;
    forge.materialise(&web(), &tree, &into).await.unwrap();
    assert_eq!(below(&into), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_tree_that_unfolds_without_end_is_cut_short() {
    let repo = Repo::new();
    let mut tree = repo.raw_tree(&[("100644", b"f", &repo.blob(b"boom"))]);
    for _ in 0..10 {
        let id = tree.as_str().to_owned();
        let names: Vec<String> = (0..10).map(|name| name.to_string()).collect();
        let entries: Vec<_> = names.iter().map(|name| ("40000", name.as_bytes(), id.as_str())).collect();
        tree = repo.raw_tree(&entries);
    }
    let error = write(&repo, &tree).await.unwrap_err();
    assert!(matches!(error, MaterialiseError::TooLarge(_)), "{error}");
}

/// The file that holds a loose object.
fn loose(repo: &Repo, id: &str) -> std::path::PathBuf {
    repo.path.join("objects").join(&id[..2]).join(&id[2..])
}

fn overwrite(repo: &Repo, id: &str, with: &str) {
    let path = loose(repo, id);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::copy(loose(repo, with), path).unwrap();
}

#[tokio::test]
async fn a_file_whose_bytes_are_not_those_of_its_id_is_refused() {
    let repo = Repo::new();
    let (good, evil) = (repo.blob(b"good"), repo.blob(b"evil"));
    let tree = repo.raw_tree(&[("100644", b"a", &good)]);
    overwrite(&repo, &good, &evil);
    assert_eq!(
        refusal(&repo, &tree).await,
        "the repository's file `a` is not what its id names; restore the repository from a copy"
    );
    fs::remove_file(loose(&repo, &good)).unwrap();
    assert!(write(&repo, &tree).await.is_err());
}

#[tokio::test]
async fn a_tree_whose_entries_are_not_those_of_its_id_is_refused() {
    let repo = Repo::new();
    let good = repo.tree(&[("a", "good")]);
    let evil = repo.tree(&[("a", "evil")]);
    overwrite(&repo, good.as_str(), evil.as_str());
    let error = refusal(&repo, &good).await;
    assert!(error.starts_with("the repository of component `web` cannot be used: hash mismatch"), "{error}");
}
