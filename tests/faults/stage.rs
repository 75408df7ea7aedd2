//! The place in which the story is told again and again: laid out once, and put back for every telling.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use folkops_world::{Setup, Somebody, World};
use tempfile::TempDir;

/// A service with one release, and people who are in the room.
pub(crate) struct Stage {
    pub setup: Setup,
    pub people: BTreeMap<String, Somebody>,
    kept: TempDir,
}

/// What of a story's folder changes while it is told.
const CHANGES: [&str; 2] = ["state", "git"];

impl Stage {
    /// A service that runs and nothing else.
    pub(crate) async fn new() -> Self {
        Self::of(World::start().await).await
    }

    /// Keeps a world as it is when the machine has been switched off.
    pub(crate) async fn of(mut world: World) -> Self {
        world.stop().await;
        let (setup, people) = world.into_parts();
        setup.end_everything();
        let stage = Self { setup, people, kept: tempfile::tempdir().unwrap() };
        for part in CHANGES {
            copy(&stage.setup.folder().join(part), &stage.kept.path().join(part));
        }
        stage
    }

    /// Keeps what was built, so that later tellings need not build it again; nothing else is taken over.
    pub(crate) fn keep_builds(&self) {
        let builds = Path::new("state/run/builds");
        fs::remove_dir_all(self.kept.path().join(builds)).unwrap();
        copy(&self.setup.folder().join(builds), &self.kept.path().join(builds));
    }

    /// Puts everything back.
    pub(crate) fn reset(&self) {
        self.setup.end_everything();
        for part in CHANGES {
            let (now, kept) = (self.setup.folder().join(part), self.kept.path().join(part));
            remove(&now);
            copy(&kept, &now);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["--archive", "--reflink=auto"]).args([from, to]).status().unwrap();
    assert!(copied.success(), "{} is not copied", from.display());
}

/// Builds are read-only, folders and all; whoever removes them must be allowed to write first.
fn remove(folder: &Path) {
    let open = Command::new("chmod").args(["--recursive", "u+w"]).arg(folder).status().unwrap();
    assert!(open.success());
    fs::remove_dir_all(folder).unwrap();
}
