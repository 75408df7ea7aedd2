//! A machine to test on: a state folder of its own, small recipes, and small services in Python.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use folkops_local::{
    BuildError, BuildRequest, Builder, Built, DataMount, Health, Limits, Machine, Places, Recipe, RunError,
    RunningUnit, Search, UnitKey, UnitSpec, UnitState, Units,
};
use folkops_model::ports::{Clock, Entropy};
use folkops_model::{ComponentName, Digest, StackName, TreeId, Trust};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub const PYTHON: &str = "/usr/bin/python3";

/// The answer of every test service to `/healthz`, and its log lines at start.
const SERVICE: &str = r#"
import http.server, json, os, sys, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, text = answer(self.path)
        self.send_response(status); self.send_header("Content-Length", str(len(text))); self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *args): pass
def answer(path):
    if path == "/healthz": return 200, "ok"
    return custom(path)
"#;

struct RealClock(Instant);

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "keepers are real processes and live by the real clock")]
    fn now(&self) -> Timestamp {
        SystemTime::now().try_into().unwrap()
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, random)| *byte = *random);
    }
}

pub struct World {
    pub folder: TempDir,
    pub machine: Machine,
    pub builder: Builder,
    pub units: Units,
    pub clock: Arc<dyn Clock>,
}

impl World {
    /// A machine with a wall.
    pub async fn new() -> Self {
        let world = Self::searching(search()).await;
        world.machine.wall().expect("these tests need a working bubblewrap");
        world
    }

    /// A machine on which nobody installed bubblewrap.
    pub async fn without_wall() -> Self {
        Self::searching(Search::default()).await
    }

    pub async fn searching(search: Search) -> Self {
        let folder = tempfile::Builder::new().prefix("fo").tempdir().unwrap();
        fs::write(folder.path().join("secrets"), "correct-horse-battery\n").unwrap();
        let machine = Machine::open(places(&folder, folder.path().join("s")), &search).await.unwrap();
        Self::on(folder, machine)
    }

    /// The same with another state folder.
    pub async fn at(&self, state: PathBuf) -> Self {
        let machine = Machine::open(places(&self.folder, state), &search()).await.unwrap();
        Self::on(tempfile::tempdir().unwrap(), machine)
    }

    #[expect(clippy::disallowed_methods, reason = "keepers are real processes and live by the real clock")]
    fn on(folder: TempDir, machine: Machine) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(RealClock(Instant::now()));
        let entropy = Arc::new(Counting(AtomicU64::new(1)));
        let builder = Builder::open(machine.clone(), entropy.clone()).unwrap();
        let units = Units::new(machine.clone(), clock.clone(), entropy);
        Self { folder, machine, builder, units, clock }
    }

    /// The bot started again: nothing in memory survives.
    pub fn bot_restarted(&self) -> (Builder, Units) {
        let entropy = Arc::new(Counting(AtomicU64::new(1 << 20)));
        let builder = Builder::open(self.machine.clone(), entropy.clone()).unwrap();
        (builder, Units::new(self.machine.clone(), self.clock.clone(), entropy))
    }

    pub fn in_seconds(&self, seconds: i64) -> Timestamp {
        self.clock.now() + jiff::SignedDuration::from_secs(seconds)
    }

    /// A tree with these files.
    pub fn tree(&self, files: &[(&str, &str)]) -> PathBuf {
        let tree = tempfile::Builder::new().prefix("tree").tempdir_in(self.folder.path()).unwrap().keep();
        for (path, text) in files {
            fs::create_dir_all(tree.join(path).parent().unwrap()).unwrap();
            fs::write(tree.join(path), text).unwrap();
        }
        tree
    }

    pub async fn build(&self, tree: &Path, recipe: &Recipe, trust: Trust) -> Result<Built, BuildError> {
        let id = tree_id(tree);
        let component = component("web");
        let request = BuildRequest { component: &component, tree: &id, source: tree, recipe, trust };
        self.builder.build(request, &mut |_| {}).await
    }

    /// A kept build of one Python service with this `custom(path)` in it.
    pub async fn service(&self, custom: &str) -> Digest {
        let text = format!(
            "{SERVICE}\n{custom}\nhttp.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()\n"
        );
        self.script(&text).await
    }

    /// A kept build of one Python script.
    pub async fn script(&self, text: &str) -> Digest {
        let tree = self.tree(&[("main.py", text)]);
        self.build(&tree, &copying("main.py"), Trust::Merged).await.unwrap().digest
    }

    pub async fn up(&self, spec: &UnitSpec) -> RunningUnit {
        self.units.start(spec).await.unwrap();
        self.units.await_healthy(&spec.key, &spec.health).await.unwrap();
        self.units.list().unwrap().into_iter().find(|unit| unit.key == spec.key).unwrap()
    }

    pub fn state_of(&self, key: &UnitKey) -> Option<UnitState> {
        self.units.list().unwrap().into_iter().find(|unit| unit.key == *key).map(|unit| unit.state)
    }

    /// Waits for a fact; the surrounding test's patience is a minute.
    pub async fn until(&self, what: &str, fact: impl Fn() -> bool) {
        for _ in 0..6000 {
            if fact() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never came about: {what}");
    }
}

impl Drop for World {
    /// Ends every keeper of this world and what it left, also those of a test that failed.
    fn drop(&mut self) {
        let folder = self.folder.path().as_os_str().as_encoded_bytes();
        let ours = |file: PathBuf| {
            fs::read(file).is_ok_and(|text| text.windows(folder.len()).any(|part| part == folder))
        };
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let pid = process
                .file_name()
                .to_str()
                .and_then(|pid| pid.parse().ok())
                .and_then(rustix::process::Pid::from_raw);
            if pid
                .is_some_and(|_| ours(process.path().join("environ")) || ours(process.path().join("cmdline")))
            {
                let _ = rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::KILL);
            }
        }
    }
}

/// A Python service with this `custom(path)` in it.
pub fn service_text(custom: &str) -> String {
    let serve =
        "http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()";
    format!("{SERVICE}\n{custom}\n{serve}\n")
}

fn places(folder: &TempDir, state: PathBuf) -> Places {
    let program = env!("CARGO_BIN_EXE_folkops-unit").into();
    Places { program, state, secrets: Some(folder.path().join("secrets")) }
}

pub fn search() -> Search {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Search {
        bwrap: std::env::var_os("FOLKOPS_BWRAP").map(PathBuf::from),
        folders: std::env::split_paths(&path).collect(),
    }
}

/// An id for a tree that stands for git's: the same for the same folder.
pub fn tree_id(tree: &Path) -> TreeId {
    let number = tree
        .to_string_lossy()
        .bytes()
        .fold(7u128, |hash, byte| hash.wrapping_mul(131).wrapping_add(byte.into()));
    TreeId::parse(&format!("{number:040x}")).unwrap()
}

pub fn component(name: &str) -> ComponentName {
    ComponentName::parse(name).unwrap()
}

pub fn key(stack: &str, name: &str) -> UnitKey {
    UnitKey { stack: StackName::parse(stack).unwrap(), component: component(name) }
}

pub fn recipe(argv: &[&str], outputs: &[&str]) -> Recipe {
    Recipe {
        argv: argv.iter().map(ToString::to_string).collect(),
        outputs: outputs.iter().map(PathBuf::from).collect(),
        env: BTreeMap::new(),
        toolchains: Vec::new(),
        limits: Limits::build(),
        time: Duration::from_secs(60),
    }
}

/// Keeps one file of the tree as it is.
pub fn copying(file: &str) -> Recipe {
    recipe(&["/bin/cp", &format!("{{src}}/{file}"), &format!("{{out}}/{file}")], &[file])
}

pub fn unit(stack: &str, name: &str, digest: &Digest) -> UnitSpec {
    UnitSpec {
        key: key(stack, name),
        digest: digest.clone(),
        argv: [PYTHON, "-u", "{out}/main.py"].map(str::to_owned).into(),
        env: BTreeMap::new(),
        peers: Vec::new(),
        toolchains: Vec::new(),
        data: DataMount::Empty,
        health: Health { path: "/healthz".to_owned(), within: Duration::from_secs(20) },
        limits: Limits::service(),
        trust: Trust::Unmerged,
        deadline: None,
        labels: BTreeMap::new(),
    }
}

/// The body of a GET over a unit's socket.
pub async fn get(unit: &RunningUnit, path: &str) -> String {
    let mut stream = tokio::net::UnixStream::connect(&unit.socket).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or(answer)
}

/// The end of a failed run's log.
pub fn log_of(error: &RunError) -> &str {
    match error {
        RunError::Failed { log_tail, .. } | RunError::NeverHealthy { log_tail, .. } => log_tail,
        other => panic!("{other}"),
    }
}
