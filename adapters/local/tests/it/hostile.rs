//! A hostile change, built and run behind the wall: each attack fails, and the table says how.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

use folkops_local::{BuildError, DataMount, UnitState};
use folkops_model::{Owner, Trust};

use crate::building::somebody_runs;
use crate::world::{PYTHON, World, get, recipe, unit};

const ATTACKS: &str = include_str!("hostile.py");

/// How each attack ends, at build and at run alike.
const ENDS: [(&str, &str); 24] = [
    ("read the journal's key", "No such file or directory"),
    ("list the state folder", "No such file or directory"),
    ("read somebody else's data", "No such file or directory"),
    ("read somebody else's data beside one's own", "No such file or directory"),
    ("read production's environment", "No such file or directory"),
    ("signal production", "No such process"),
    ("see any process of the machine", "No such process"),
    ("connect to the machine's loopback", "Connection refused"),
    ("connect to an abstract socket of the machine", "Connection refused"),
    ("connect to the outside", "Network is unreachable"),
    ("read the environment of confine", "Permission denied"),
    ("write into confine's memory", "Permission denied"),
    ("change a device of the machine", "Operation not permitted"),
    ("change a setting of the kernel", "Permission denied"),
    ("write into the tools", "Read-only file system"),
    ("write into the source or the build", "Read-only file system"),
    ("become root", "Operation not permitted"),
    ("trace a process", "Operation not permitted"),
    ("mount", "Operation not permitted"),
    ("make a user namespace", "Operation not permitted"),
    ("hide memory in a file without a name", "Operation not permitted"),
    ("trace a process by the other numbering", "Function not implemented"),
    ("use a descriptor that was left open", "Bad file descriptor"),
    ("fork without end", "Resource temporarily unavailable"),
];

/// What is worth attacking: a key, other people's data, production, and the machine's own sockets.
struct Prey {
    world: World,
    targets: serde_json::Value,
    _tcp: TcpListener,
    _abstract: UnixListener,
}

impl Prey {
    async fn new(daemon: &str) -> Self {
        let world = World::new().await;
        let key = world.folder.path().join("s/journal.key");
        fs::write(&key, "the journal's key").unwrap();
        let data = world.folder.path().join("s/data/web");
        for owner in ["mira", "ben"] {
            fs::create_dir_all(data.join(owner)).unwrap();
            fs::write(data.join(owner).join("list"), owner).unwrap();
        }
        let mut production = unit("release-1", "web", &world.service("").await);
        production.trust = Trust::Merged;
        production.env.insert("API_KEY".to_owned(), "production's own".to_owned());
        let production = world.up(&production).await;
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = format!("folkops-test-{}", world.folder.path().display());
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let targets = serde_json::json!({
            "key": key, "state": world.folder.path().join("s"), "other": data.join("ben/list"), "daemon": daemon,
            "pid": production.program.unwrap().pid, "tcp": tcp.local_addr().unwrap().port(), "abstract": name,
        });
        Self { world, targets, _tcp: tcp, _abstract: listener }
    }

    fn targets(&self, own: &Path, room: u64) -> String {
        let mut targets = self.targets.clone();
        targets["own"] = own.to_string_lossy().into();
        targets["room"] = room.into();
        targets.to_string()
    }

    /// Nothing was harmed, and nothing stays behind.
    async fn is_unharmed(&self, daemon: &str) {
        assert_eq!(self.world.state_of(&crate::world::key("release-1", "web")), Some(UnitState::Running));
        assert!(!somebody_runs(daemon), "a daemon was left behind");
        assert!(fs::metadata("/dev/null").is_ok_and(|null| !null.permissions().readonly()));
    }
}

fn check(report: &str, places: &str) {
    let report: BTreeMap<String, String> = serde_json::from_str(report).unwrap();
    let mut expected: BTreeMap<_, _> =
        ENDS.into_iter().map(|(name, end)| (name.to_owned(), end.to_owned())).collect();
    expected.insert("fill the disk".to_owned(), "No space left on device".to_owned());
    expected.insert("places that can be written".to_owned(), places.to_owned());
    assert_eq!(report, expected);
}

#[tokio::test]
async fn a_hostile_build_reaches_nothing() {
    let daemon = "86390.25";
    let prey = Prey::new(daemon).await;
    let text = format!("{ATTACKS}\njson.dump(report, open(sys.argv[1] + '/report', 'w'))");
    let tree = prey.world.tree(&[("main.py", &text)]);
    let mut recipe = recipe(&[PYTHON, "{src}/main.py", "{out}"], &["report"]);
    recipe.limits.data = 8 << 20;
    recipe.limits.temporary = 8 << 20;
    recipe.env.insert("TARGETS".to_owned(), prey.targets(Path::new("/build/src"), 33 << 20));
    let built = prey.world.build(&tree, &recipe, Trust::Unmerged).await.unwrap();
    let folder = prey.world.builder.store().verify(&built.digest).unwrap();
    check(&fs::read_to_string(folder.join("report")).unwrap(), "/build/out /dev/shm /tmp");
    prey.is_unharmed(daemon).await;
}

#[tokio::test]
async fn a_hostile_unit_reaches_nothing() {
    let daemon = "86391.25";
    let prey = Prey::new(daemon).await;
    let custom = format!("{ATTACKS}\ndef custom(path): return 200, json.dumps(report)");
    let mut spec = unit("p-1", "web", &prey.world.service(&custom).await);
    spec.data = DataMount::Seed { from: prey.world.tree(&[("list", "salt")]) };
    spec.limits.data = 8 << 20;
    spec.limits.temporary = 8 << 20;
    spec.env.insert("TARGETS".to_owned(), prey.targets(Path::new("/app"), 33 << 20));
    let unit = prey.world.up(&spec).await;
    check(&get(&unit, "/").await, "/data /dev/shm /tmp");
    assert!(somebody_runs(daemon), "the daemon did start");
    prey.world.units.stop(&spec.key).await.unwrap();
    prey.is_unharmed(daemon).await;
}

#[tokio::test]
async fn an_opted_in_change_sees_one_owners_data_and_cannot_reach_the_next() {
    let prey = Prey::new("86392.25").await;
    let custom = "def custom(path):\n  try: return 200, repr(sorted(os.listdir(path)))\n  except OSError as e: return 200, e.strerror";
    let mut spec = unit("mix-mira-1", "web", &prey.world.service(custom).await);
    let root = prey.world.folder.path().join("s/data/web");
    spec.data = DataMount::OwnerScope { root: root.clone(), owner: Owner::parse("mira").unwrap() };
    let unit = prey.world.up(&spec).await;
    assert_eq!(get(&unit, "/data").await, "['mira']");
    assert_eq!(get(&unit, "/data/mira").await, "['list']");
    assert_eq!(get(&unit, "/data/mira/../ben").await, "No such file or directory");
    // A link that leads out of the folder leads to nothing inside.
    std::os::unix::fs::symlink(root.join("ben"), root.join("mira/way-out")).unwrap();
    assert_eq!(get(&unit, "/data/mira/way-out").await, "No such file or directory");
}

#[tokio::test]
async fn memory_taken_by_many_processes_together_ends_the_unit() {
    let world = World::new().await;
    let eat = "def custom(path):\n  for _ in range(8):\n    if os.fork() == 0:\n      x = b'x' * (40 << 20)\n      import time; time.sleep(600)\n  return 200, ''";
    let mut spec = unit("p-1", "web", &world.service(eat).await);
    spec.limits.memory = 128 << 20;
    let unit = world.up(&spec).await;
    get(&unit, "/").await;
    world.until("it was ended", || !unit.program.unwrap().lives()).await;
    world
        .until("its log says why", || {
            world.units.log_tail(&spec.key, 500).contains("-- it used more than 128 MiB of memory")
        })
        .await;
}

#[tokio::test]
async fn memory_of_one_process_is_bounded_by_the_kernel() {
    let world = World::new().await;
    let tree = world.tree(&[("main.py", "x = b'x' * (1 << 30)")]);
    let mut recipe = recipe(&[PYTHON, "main.py"], &[]);
    recipe.limits.memory = 128 << 20;
    match world.build(&tree, &recipe, Trust::Unmerged).await.unwrap_err() {
        BuildError::Failed { log_tail, .. } => assert!(log_tail.contains("MemoryError"), "{log_tail}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn files_without_content_are_counted_too() {
    let world = World::new().await;
    let litter =
        "def custom(path):\n  for n in range(150000): open(f'/tmp/{n}', 'w').close()\n  return 200, ''";
    let spec = unit("p-1", "web", &world.service(litter).await);
    let unit = world.up(&spec).await;
    get(&unit, "/").await;
    let said = "-- it made more than 100000 temporary files";
    world
        .until("its log says why it was ended", || world.units.log_tail(&spec.key, 500).contains(said))
        .await;
}

#[tokio::test]
async fn an_owners_data_that_grows_without_end_ends_the_unit_for_good() {
    let world = World::new().await;
    let root = world.tree(&[("mira/list", "")]);
    let fill = "def custom(path):\n  for n in range(64):\n    open(f'/data/mira/{n}', 'wb').write(b'x' * (1 << 20))\n  return 200, ''";
    let mut spec = unit("mix-mira-1", "web", &world.service(fill).await);
    spec.data = DataMount::OwnerScope { root, owner: Owner::parse("mira").unwrap() };
    spec.limits.data = 16 << 20;
    let unit = world.up(&spec).await;
    get(&unit, "/").await;
    let failed = UnitState::Failed { because: "its data grew beyond 16 MiB".to_owned() };
    world.until("it is given up", || world.state_of(&spec.key).as_ref() == Some(&failed)).await;
}

#[tokio::test]
async fn a_hostile_unit_that_kills_everything_it_sees_harms_only_itself() {
    let world = World::new().await;
    let neighbour = unit("release-1", "web", &world.service("").await);
    let neighbour = world.up(&neighbour).await;
    let spec = unit(
        "p-1",
        "web",
        &world.service("def custom(path): import signal; os.kill(-1, signal.SIGKILL)").await,
    );
    let unit = world.up(&spec).await;
    get(&unit, "/").await;
    world.until("it is gone", || !unit.program.unwrap().lives()).await;
    world.units.await_healthy(&spec.key, &spec.health).await.unwrap();
    let now = world.units.list().unwrap().into_iter().find(|unit| unit.key == neighbour.key).unwrap();
    assert_eq!(now, neighbour);
}
