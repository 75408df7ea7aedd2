//! A fresh place for one story: the demo's repositories, a configuration, free ports; nothing shared with anybody.

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use folkops_demo::Repositories;
use rustix::fs::{FlockOperation, flock};
use toml::{Table, Value};

use crate::cleaning::{self, Temporary};
use crate::program::{Ended, Program};
use crate::running::{Running, running};

/// The name under which the service's hosts stand.
pub const SERVICE: &str = "potluck.localhost";
/// The room.
pub const ROOM: &str = "kitchen";

/// A laid-out place in which the program can be started.
pub struct Setup {
    /// The program as it ships.
    pub program: Program,
    /// The pull requests.
    pub repositories: Repositories,
    /// Where the site listens.
    pub site: SocketAddr,
    /// Where the router listens.
    pub router: SocketAddr,
    root: Temporary,
}

impl Setup {
    /// Lays everything out, and lets the story change the configuration before it is written.
    ///
    /// # Panics
    /// If the machine cannot do that; the text says what is missing.
    pub async fn new(edit: impl FnOnce(&mut Table)) -> Self {
        let root = Temporary::new();
        let repositories = folkops_demo::lay_out(&root.path().join("git")).await.unwrap();
        let [site, router] = free_ports();
        let setup = Self { program: Program::find(), repositories, site, router, root };
        let mut config = setup.ordinary();
        edit(&mut config);
        setup.configure(&config);
        setup
    }

    /// The folder of this story.
    pub fn folder(&self) -> &Path {
        self.root.path()
    }

    /// The program's own folder.
    pub fn state(&self) -> PathBuf {
        self.folder().join("state")
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder().join("folkops.toml")
    }

    /// Writes another configuration; the program reads it at its next start.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn configure(&self, config: &Table) {
        fs::write(self.config(), toml::to_string(config).unwrap()).unwrap();
    }

    /// Ends every process that belongs to this story.
    pub fn end_everything(&self) {
        cleaning::end_everything_below(self.folder());
    }

    /// The command lines of the processes that belong to this story.
    pub fn processes(&self) -> Vec<Vec<String>> {
        cleaning::command_lines_below(self.folder())
    }

    /// Kills those of this story's processes whose command lines are wanted, without a word; how many there were.
    pub fn kill(&self, wanted: impl Fn(&[String]) -> bool) -> usize {
        cleaning::kill_below(self.folder(), wanted)
    }

    /// Every program that runs, read from the processes.
    pub fn running(&self) -> Vec<Running> {
        running(&self.state())
    }

    /// Runs the program to its end with this configuration, as an operator does at the prompt.
    pub async fn folkops(&self, arguments: &[&str]) -> Ended {
        let config = self.config();
        let config = config.to_str().unwrap();
        let mut words = arguments.to_vec();
        words.extend(["--config", config]);
        self.program.run(self.folder(), &words).await
    }

    /// What an operator of the demo's service would write.
    ///
    /// # Panics
    /// If the demo's own file cannot be read.
    pub fn ordinary(&self) -> Table {
        let (site, router) = (self.site.port(), self.router.port());
        let mut config: Table = format!(
            "service = \"potluck\"\ntitle = \"Potluck\"\nstate = \"state\"\n\
             [site]\nlisten = \"{}\"\nurl = \"http://folkops.{SERVICE}:{site}\"\nrooms = [\"{ROOM}\"]\n\
             [router]\nlisten = \"{}\"\nhosts = [\"{SERVICE}\", \"*.{SERVICE}\"]\npublic = \"{SERVICE}:{router}\"\n\
             owner_hosts = true\npreviews = \"preview.{SERVICE}:{router}\"\nentrance = \"web\"\n[wall]\n[limits]\n[rollout]\n\
             strategy = \"at-once\"\nsoak_minutes = 0\nsettle_ms = 100\n",
            self.site, self.router
        )
        .parse()
        .unwrap();
        if let Some(bwrap) = env::var_os("FOLKOPS_BWRAP") {
            config["wall"].as_table_mut().unwrap().insert("bwrap".into(), text(&PathBuf::from(bwrap)));
        }
        config.insert("component".into(), components());
        let rust = Table::from_iter([
            ("name".to_owned(), Value::from("rust")),
            ("folder".to_owned(), text(&rust_toolchain())),
        ]);
        config.insert("toolchain".into(), vec![rust].into());
        config
    }
}

fn components() -> Value {
    let service: Table = folkops_demo::SERVICE.parse().unwrap();
    let mut components = service["component"].clone();
    for component in components.as_array_mut().unwrap() {
        let repository = format!("git/{}", component["repository"].as_str().unwrap());
        component.as_table_mut().unwrap().insert("repository".into(), repository.into());
    }
    components
}

fn text(path: &Path) -> Value {
    path.to_str().unwrap().into()
}

/// Addresses of this machine on which nobody listens, below the range from which outgoing connections draw theirs. Each
/// is this process's own until it ends: a bot that is dead for a moment must find its port free again, however many
/// worlds are laid out meanwhile.
///
/// # Panics
/// If there is none left.
pub fn free_ports<const N: usize>() -> [SocketAddr; N] {
    let folder = env::temp_dir().join("folkops-test-ports");
    fs::create_dir_all(&folder).unwrap();
    let addresses = (12_000..32_000).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let free = addresses.filter_map(|address| Some((address, own(&folder, address)?))).take(N);
    let (free, locks): (Vec<SocketAddr>, Vec<File>) = free.unzip();
    OWN.lock().unwrap_or_else(PoisonError::into_inner).extend(locks);
    free.try_into().expect("a free port")
}

/// Makes a port ours, unless it is another's or somebody listens there.
fn own(folder: &Path, address: SocketAddr) -> Option<File> {
    let lock = File::create(folder.join(address.port().to_string())).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
    TcpListener::bind(address).ok().map(|_| lock)
}

/// What makes ports ours.
static OWN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Where the Rust toolchain itself is: behind the wall the launcher that chooses among toolchains is of no use.
///
/// # Panics
/// If there is no `rustc`.
pub fn rust_toolchain() -> PathBuf {
    let said = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc is on PATH");
    PathBuf::from(String::from_utf8(said.stdout).unwrap().trim())
}

/// A program that a story starts: as the variable says, or by its name.
pub fn tool(variable: &str, name: &str) -> PathBuf {
    env::var_os(variable).map_or_else(|| name.into(), PathBuf::from)
}
