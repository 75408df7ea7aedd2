//! What the local target is asked for: a recipe to build by, a unit to run, and the bounds of both.
//!
//! Plain data in the caller's words; paths inside and outside the wall are worked out elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use folkops_model::{ComponentName, Digest, Owner, StackName, Trust};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a build or a unit may use up. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Resident memory of all its processes together; also each process's data segment.
    pub memory: u64,
    /// Processes and threads, ours inside the wall included (two).
    pub processes: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// The largest single file it may write.
    pub file: u64,
    /// All that it may keep: a unit's data, a build's output.
    pub data: u64,
    /// Temporary files; they are held in memory.
    pub temporary: u64,
    /// CPU seconds of each process; none for services.
    pub cpu_seconds: Option<u64>,
}

impl Limits {
    /// Bounds for a small service.
    pub fn service() -> Self {
        Self {
            memory: 512 << 20,
            processes: 128,
            open_files: 1024,
            file: 64 << 20,
            data: 64 << 20,
            temporary: 64 << 20,
            cpu_seconds: None,
        }
    }

    /// Bounds for a compiler.
    pub fn build() -> Self {
        Self {
            memory: 2 << 30,
            processes: 256,
            open_files: 1024,
            file: 512 << 20,
            data: 512 << 20,
            temporary: 1 << 30,
            cpu_seconds: Some(600),
        }
    }
}

/// A folder of tools that builds or units need beside `/usr`, seen read-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// Its name inside: the folder is `/toolchain/<name>` there, `{<name>}` in argument lists and environments.
    pub name: ComponentName,
    /// The folder on this machine; its `bin` is put on `PATH`.
    pub folder: PathBuf,
}

/// How a component is built. `{src}`, `{out}` and `{<toolchain>}` stand for folders in `argv` and `env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The program and its arguments; no shell is involved. It starts in `{src}`, which is read-only.
    pub argv: Vec<String>,
    /// What is kept, relative to `{out}`: files or folders.
    pub outputs: Vec<PathBuf>,
    /// Environment beside `PATH`, `HOME` and `TMPDIR`.
    pub env: BTreeMap<String, String>,
    /// Tools beside `/usr`.
    pub toolchains: Vec<Toolchain>,
    /// Bounds.
    pub limits: Limits,
    /// The build is killed after this long.
    pub time: Duration,
}

/// Which data a unit sees, at `DATA_DIR`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataMount {
    /// An empty folder, new at each start of its process.
    Empty,
    /// A copy of this folder, new at each start of its process.
    Seed {
        /// What is copied.
        from: PathBuf,
    },
    /// One owner's folder of the real data and nothing else, writable, as `<owner>` below `DATA_DIR`.
    OwnerScope {
        /// The real data; a folder for each owner.
        root: PathBuf,
        /// Whose folder.
        owner: Owner,
    },
    /// The real data, writable. For production.
    Whole {
        /// The real data.
        root: PathBuf,
    },
}

/// How a unit shows that it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The path that must answer 200 to a GET.
    pub path: String,
    /// How long it may take from its start.
    pub within: Duration,
}

/// Which unit: a component of a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnitKey {
    /// The stack.
    pub stack: StackName,
    /// The component.
    pub component: ComponentName,
}

/// A unit to run. `{out}`, `{data}` and `{<toolchain>}` stand for folders in `argv` and `env`.
///
/// The program gets `PORT` (it listens there on 127.0.0.1), `DATA_DIR`, and `<PEER>_URL` for each peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitSpec {
    /// Which unit.
    pub key: UnitKey,
    /// The build that runs; verified before every start.
    pub digest: Digest,
    /// The program and its arguments, such as `{out}/web`.
    pub argv: Vec<String>,
    /// Environment beside the above.
    pub env: BTreeMap<String, String>,
    /// Components of the same stack that it calls.
    pub peers: Vec<ComponentName>,
    /// Tools beside `/usr`, such as an interpreter.
    pub toolchains: Vec<Toolchain>,
    /// Its data.
    pub data: DataMount,
    /// How it shows that it works.
    pub health: Health,
    /// Bounds.
    pub limits: Limits,
    /// Whether the code is merged.
    pub trust: Trust,
    /// When it must be gone, UTC; production has none.
    pub deadline: Option<Timestamp>,
    /// What the caller wants to find again in [`crate::Units::list`].
    pub labels: BTreeMap<String, String>,
}
