//! Builds exactly one tree by its component's recipe, and keeps the result by digest.
//!
//! The build sees the tree read-only, an empty output folder, the declared tools and nothing else: no network, no
//! home, fixed paths, so that the same tree gives the same bytes wherever the compiler is deterministic. Behind the
//! wall whenever there is one; without it unmerged trees are refused.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use folkops_model::ports::{Entropy, random_word};
use folkops_model::{ComponentName, Digest, TreeId, Trust};
use sha2::{Digest as _, Sha256};

use crate::frames::Refusal;
use crate::keep::job::{Ending, OUTPUTS};
use crate::machine::{Machine, fill, run_job, tools, walling};
use crate::plan::{Enclosure, Guard, JobFile, Mount, Plan, Task};
use crate::probe::NoWall;
use crate::process::kill_strays;
use crate::spec::{Recipe, Toolchain};
use crate::store::Store;
use crate::wall::{SHARED_MEMORY, Wall, identity};
use crate::{digest, disk, log};

/// How much of a log's end an error carries.
const TAIL: usize = 4 << 10;

/// Makes builds on this machine.
pub struct Builder {
    machine: Machine,
    store: Store,
    entropy: Arc<dyn Entropy>,
}

/// One build to be made.
#[derive(Debug, Clone, Copy)]
pub struct BuildRequest<'a> {
    /// Whose recipe.
    pub component: &'a ComponentName,
    /// Which tree.
    pub tree: &'a TreeId,
    /// Where exactly that tree is written out. When the bot is root, its owner becomes `nobody`.
    pub source: &'a Path,
    /// How.
    pub recipe: &'a Recipe,
    /// Whether the tree is merged.
    pub trust: Trust,
}

/// A kept build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// What is in it.
    pub digest: Digest,
    /// The end of what the build printed; empty when it was kept already.
    pub log_tail: String,
}

/// Why there is no build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The program said no.
    #[error("the build failed with exit code {exit}; its log says why")]
    Failed {
        /// Its exit code; 128 and more for a signal.
        exit: i32,
        /// The end of what it printed.
        log_tail: String,
    },
    /// It took longer than the recipe gives it.
    #[error("the build took longer than {} s and was ended; make it smaller, or ask an operator to raise `time`", after.as_secs())]
    TimedOut {
        /// The recipe's time.
        after: Duration,
        /// The end of what it printed.
        log_tail: String,
    },
    /// It used more memory than the recipe gives it.
    #[error(
        "the build used more than {limit_mib} MiB of memory and was ended; make it smaller, or ask an operator to raise `memory`"
    )]
    TooMuchMemory {
        /// The limit.
        limit_mib: u64,
    },
    /// It succeeded, but left no such file.
    #[error("the build succeeded but left no `{}`; the recipe declares it as an output", path.display())]
    OutputMissing {
        /// The declared output.
        path: PathBuf,
        /// The end of what it printed.
        log_tail: String,
    },
    /// It left something that cannot be kept.
    #[error("the build left `{}`, which is neither a file nor a folder; only these are kept", path.display())]
    OutputOdd {
        /// What.
        path: PathBuf,
    },
    /// It left more than the recipe allows.
    #[error(
        "the build left more than {limit_mib} MiB or 20000 files; make it smaller, or ask an operator to raise `data`"
    )]
    TooBig {
        /// The limit.
        limit_mib: u64,
    },
    /// Unmerged code, and no wall.
    #[error(transparent)]
    NoWall(#[from] NoWall),
    /// Something of ours is broken.
    #[error("the build could not be run: {0}")]
    Broken(#[from] io::Error),
}

impl Builder {
    /// Clears away what builds of an earlier run of the bot left over.
    pub fn open(machine: Machine, entropy: Arc<dyn Entropy>) -> io::Result<Self> {
        let jobs = machine.state.join("builds/jobs");
        kill_strays(&jobs)?;
        disk::remove_folder(&jobs)?;
        let store = Store::new(machine.state.join("builds"));
        Ok(Self { machine, store, entropy })
    }

    /// The builds that are kept.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A result that is kept already.
    pub fn kept(&self, tree: &TreeId, recipe: &Recipe, trust: Trust) -> Option<Digest> {
        self.store.recall(trust, &self.key(tree, recipe))
    }

    /// Builds, or finds what was built; `progress` gets each line. Dropping this ends the build.
    pub async fn build(
        &self,
        request: BuildRequest<'_>,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Built, BuildError> {
        let wall = self.machine.wall_for(request.trust)?;
        let key = self.key(request.tree, request.recipe);
        if let Some(digest) =
            self.store.recall(request.trust, &key).filter(|found| self.store.verify(found).is_ok())
        {
            return Ok(Built { digest, log_tail: String::new() });
        }
        let folder = self.machine.state.join("builds/jobs").join(random_word(&*self.entropy, 12));
        let job = self.job(request, wall, &folder)?;
        let ending = run_job(&self.machine.program, &folder, &job, progress).await?;
        let log_tail = log::tail(&folder, TAIL);
        let built = self.judge(ending, request.recipe, &folder, &log_tail);
        disk::remove_folder(&folder)?;
        let digest = built?;
        self.store.remember(request.trust, &key, &digest)?;
        Ok(Built { digest, log_tail })
    }

    fn judge(
        &self,
        ending: Ending,
        recipe: &Recipe,
        folder: &Path,
        log_tail: &str,
    ) -> Result<Digest, BuildError> {
        let log_tail = log_tail.to_owned();
        Err(match ending {
            Ending::Built => return Ok(self.store.keep(&folder.join(OUTPUTS))?),
            Ending::Failed(exit) => BuildError::Failed { exit, log_tail },
            Ending::TimedOut => BuildError::TimedOut { after: recipe.time, log_tail },
            Ending::TooMuchMemory => BuildError::TooMuchMemory { limit_mib: recipe.limits.memory >> 20 },
            Ending::Refused(Refusal::Missing(path)) => BuildError::OutputMissing { path, log_tail },
            Ending::Refused(Refusal::Odd(path)) => BuildError::OutputOdd { path },
            Ending::Refused(Refusal::TooBig) => BuildError::TooBig { limit_mib: recipe.limits.data >> 20 },
            Ending::Refused(Refusal::Broken(why)) => io::Error::other(why).into(),
            Ending::Cancelled => io::Error::other("it was cancelled").into(),
        })
    }

    fn job(&self, request: BuildRequest<'_>, wall: Option<&Wall>, folder: &Path) -> io::Result<JobFile> {
        let BuildRequest { source, recipe, .. } = request;
        let (source_inside, out, temporary) = match wall {
            Some(_) => ("/build/src".into(), "/build/out".into(), "/tmp".into()),
            None => (source.canonicalize()?, folder.join("work"), folder.join("tmp")),
        };
        let (mut mounts, path) = tools(&recipe.toolchains, wall);
        match wall {
            Some(_) => disk::hand_over(source, identity())?,
            None => [&out, &temporary].into_iter().try_for_each(|folder| disk::private_folder(folder))?,
        }
        mounts.extend([
            Mount::Read { from: source.canonicalize()?, to: source_inside.clone() },
            Mount::Memory { to: out.clone(), bytes: recipe.limits.data },
            Mount::Memory { to: temporary.clone(), bytes: recipe.limits.temporary },
        ]);
        let folders = [("src", source_inside.as_path()), ("out", out.as_path())];
        let fill = |text: &String| fill(text, &folders, &recipe.toolchains, wall);
        let mut env = environment(&temporary, path);
        env.extend(recipe.env.iter().map(|(name, value)| (name.clone(), fill(value))));
        let plan = Plan {
            argv: recipe.argv.iter().map(fill).collect(),
            env,
            folder: source_inside.clone(),
            task: Task::Build { root: out.clone(), outputs: recipe.outputs.clone() },
            limits: recipe.limits.clone(),
            identity: wall.and_then(|_| identity()),
            guard: guard(wall, [out.clone(), temporary]),
            seed: None,
        };
        let enclosure =
            Enclosure { program: self.machine.program.clone(), walling: walling(wall, mounts), plan };
        Ok(JobFile { enclosure, time: recipe.time, secrets: self.machine.secrets.clone() })
    }

    /// What a result depends on, beside the trust: tree, recipe, tools, and whether paths are those inside the wall.
    fn key(&self, tree: &TreeId, recipe: &Recipe) -> String {
        let mut hash = Sha256::new();
        let walled = self.machine.wall.is_ok();
        let recipe_text = format!("{:?} {:?} {:?} {walled}", recipe.argv, recipe.outputs, recipe.env);
        hash.update(format!("{tree}\n{recipe_text}\n"));
        for tool in &recipe.toolchains {
            hash.update(identify(tool));
        }
        for file in ["/usr/bin/cc", "/usr/bin/ld", "/etc/os-release"] {
            hash.update(stamp(Path::new(file)));
        }
        digest::hex(&hash.finalize())
    }
}

fn environment(temporary: &Path, path: String) -> BTreeMap<String, String> {
    let temporary = temporary.to_string_lossy().into_owned();
    // 1980-01-01: the earliest moment that every archive format can hold.
    let epoch = "315532800".to_owned();
    let pairs =
        [("PATH", path), ("HOME", temporary.clone()), ("TMPDIR", temporary), ("LANG", "C.UTF-8".to_owned())];
    pairs
        .into_iter()
        .chain([("SOURCE_DATE_EPOCH", epoch)])
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn guard(wall: Option<&Wall>, write: [PathBuf; 2]) -> Guard {
    wall.map_or(Guard::Open, |_| Guard::Walled {
        write: write.into_iter().chain([SHARED_MEMORY.into()]).collect(),
    })
}

/// A toolchain by name and by the files of its `bin` and `lib`: another version has other sizes or times.
fn identify(tool: &Toolchain) -> String {
    let list = |folder: &str| -> Vec<PathBuf> {
        let entries = fs::read_dir(tool.folder.join(folder)).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let files = list("bin").into_iter().chain(list("lib"));
    files.fold(format!("{}\n", tool.name), |text, path| text + &stamp(&path))
}

fn stamp(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let found = fs::metadata(path).map(|found| (found.len(), found.mtime(), found.mtime_nsec()));
    format!("{name} {:?}\n", found.ok())
}
