//! Units: started once, kept alive, found again, ended on time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use folkops_local::{DataMount, RunError, UnitState};
use folkops_model::{Owner, Trust};

use crate::building::somebody_runs;
use crate::world::{PYTHON, World, component, get, key, log_of, unit};

#[tokio::test]
async fn a_unit_answers_over_its_socket_and_calls_its_peer() {
    let world = World::new().await;
    let api = world.service("def custom(path): return 200, 'from the api: ' + path").await;
    let web = world
        .service("def custom(path): return 200, urllib.request.urlopen(os.environ['RECIPES_API_URL'] + path).read().decode()")
        .await;
    let mut web_spec = unit("p-1", "web", &web);
    web_spec.peers = vec![component("recipes-api")];
    let web = world.up(&web_spec).await;
    world.up(&unit("p-1", "recipes-api", &api)).await;
    assert_eq!(get(&web, "/hello").await, "from the api: /hello");
    let again = world.service("def custom(path): return 200, 'from the new api'").await;
    world.up(&unit("p-1", "recipes-api", &again)).await;
    assert_eq!(get(&web, "/hello").await, "from the new api");
}

#[tokio::test]
async fn starting_the_same_unit_again_is_the_same_process() {
    let world = World::new().await;
    let digest = world.service("").await;
    let mut spec = unit("p-1", "web", &digest);
    let first = world.up(&spec).await;
    spec.deadline = Some(world.in_seconds(3600));
    spec.labels.insert("release".to_owned(), "218".to_owned());
    let second = world.units.start(&spec).await.unwrap();
    assert_eq!((second.keeper, second.deadline), (first.keeper, spec.deadline));
    assert_eq!(world.units.list().unwrap()[0].labels["release"], "218");
    spec.env.insert("COLOUR".to_owned(), "blue".to_owned());
    let third = world.units.start(&spec).await.unwrap();
    assert_ne!(third.keeper, first.keeper);
    assert!(!first.keeper.unwrap().lives());
}

#[tokio::test]
async fn a_unit_outlives_its_starter_and_is_taken_up_again() {
    let world = World::new().await;
    let digest = world.service("def custom(path): return 200, 'still here'").await;
    let spec = unit("release-218", "web", &digest);
    let before = world.up(&spec).await;
    let session = fs::read_to_string(format!("/proc/{}/stat", before.keeper.unwrap().pid)).unwrap();
    let session: i32 =
        session.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(3).unwrap().parse().unwrap();
    assert_eq!(session, before.keeper.unwrap().pid, "the keeper leads a session of its own");
    let (_, units) = world.bot_restarted();
    let after = units.start(&spec).await.unwrap();
    assert_eq!(after.keeper, before.keeper);
    assert_eq!((after.state.clone(), after.digest.clone()), (UnitState::Running, digest));
    assert_eq!(get(&after, "/").await, "still here");
    units.stop(&spec.key).await.unwrap();
    assert!(!before.keeper.unwrap().lives() && !before.program.unwrap().lives());
    assert_eq!(units.list().unwrap(), []);
}

#[tokio::test]
async fn a_keeper_lives_on_when_the_process_that_started_it_is_killed() {
    let world = World::new().await;
    let spec = unit("release-218", "web", &world.service("").await);
    world.up(&spec).await;
    let folder = world.folder.path().join("s/units/release-218/web");
    let token = serde_json::from_slice::<serde_json::Value>(&fs::read(folder.join("unit.json")).unwrap())
        .unwrap()["token"]
        .clone();
    let keeper = world.units.list().unwrap()[0].keeper.unwrap();
    keeper.signal(rustix::process::Signal::KILL).unwrap();
    world.until("the first keeper is dead", || !keeper.lives()).await;
    // It is started again by a process of its own, which is then killed in its sleep.
    let starting = "import subprocess, sys, time; subprocess.Popen([sys.argv[1], 'keep', sys.argv[2]]); time.sleep(86400)";
    let mut starter = Command::new(PYTHON)
        .args(["-c", starting, env!("CARGO_BIN_EXE_folkops-unit")])
        .arg(&folder)
        .stdout(std::process::Stdio::null())
        .env("FOLKOPS_UNIT", token.as_str().unwrap())
        .spawn()
        .unwrap();
    world.until("it runs again", || world.state_of(&spec.key) == Some(UnitState::Running)).await;
    starter.kill().unwrap();
    starter.wait().unwrap();
    world.units.await_healthy(&spec.key, &spec.health).await.unwrap();
    assert_eq!(world.units.start(&spec).await.unwrap().state, UnitState::Running);
}

#[tokio::test]
async fn a_recycled_pid_is_not_taken_for_a_keeper() {
    let world = World::new().await;
    let spec = unit("p-1", "web", &world.service("").await);
    let keeper = world.up(&spec).await.keeper.unwrap();
    keeper.signal(rustix::process::Signal::KILL).unwrap();
    world.until("the keeper is dead", || !keeper.lives()).await;
    assert_eq!(world.state_of(&spec.key), Some(UnitState::Lost));
    // Somebody else gets the pid; even with the same start time it lacks the token.
    let mut other = Command::new("/bin/sleep").arg("86400").spawn().unwrap();
    let path = world.folder.path().join("s/units/p-1/web/state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let id = folkops_local::ProcessId::of(i32::try_from(other.id()).unwrap()).unwrap();
    state["keeper"] = serde_json::to_value(id).unwrap();
    fs::write(&path, serde_json::to_vec(&state).unwrap()).unwrap();
    assert_eq!(world.state_of(&spec.key), Some(UnitState::Lost));
    world.units.stop(&spec.key).await.unwrap();
    assert!(id.lives(), "stopping the unit did not touch it");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn a_killed_keeper_takes_everything_along_and_the_unit_can_be_started_again() {
    let world = World::new().await;
    let spec = unit("p-1", "web", &world.service("").await);
    let unit = world.up(&spec).await;
    unit.keeper.unwrap().signal(rustix::process::Signal::KILL).unwrap();
    world.until("the program is dead", || !unit.program.unwrap().lives()).await;
    world.up(&spec).await;
    assert_eq!(world.state_of(&spec.key), Some(UnitState::Running));
}

#[tokio::test]
async fn a_keeper_that_was_never_written_down_makes_room_for_the_next() {
    let world = World::new().await;
    let spec = unit("p-1", "web", &world.service("").await);
    let unknown = world.up(&spec).await;
    // As if the bot had died between starting it and hearing of it.
    fs::remove_file(world.folder.path().join("s/units/p-1/web/state.json")).unwrap();
    assert_eq!(world.state_of(&spec.key), Some(UnitState::Lost));
    let known = world.up(&spec).await;
    assert!(!unknown.keeper.unwrap().lives() && !unknown.program.unwrap().lives());
    assert_eq!(known.state, UnitState::Running);
}

#[tokio::test]
async fn the_deadline_ends_a_unit_with_no_bot_and_no_record() {
    let world = World::new().await;
    let mut spec = unit("p-1", "web", &world.service("").await);
    spec.deadline = Some(world.in_seconds(3));
    let unit = world.up(&spec).await;
    world.until("its keeper has ended", || !unit.keeper.unwrap().lives()).await;
    assert!(world.clock.now() >= spec.deadline.unwrap());
    assert!(!unit.program.unwrap().lives());
    assert_eq!(world.state_of(&spec.key), Some(UnitState::Expired));
    assert!(!unit.socket.exists());
    let swept = world.units.sweep(world.clock.now(), |_| true).await.unwrap();
    assert_eq!((swept.ended, world.units.list().unwrap()), (vec![spec.key], vec![]));
    for left in ["units", "doors"] {
        let left = fs::read_dir(world.folder.path().join("s").join(left)).unwrap().count();
        assert_eq!(left, 0, "nothing is left of it");
    }
}

#[tokio::test]
async fn a_moved_deadline_is_kept() {
    let world = World::new().await;
    let mut spec = unit("p-1", "web", &world.service("").await);
    spec.deadline = Some(world.in_seconds(3600));
    let unit = world.up(&spec).await;
    world.units.set_deadline(&spec.key, Some(world.in_seconds(0))).unwrap();
    world.until("its keeper has ended", || !unit.keeper.unwrap().lives()).await;
    assert_eq!(world.state_of(&spec.key), Some(UnitState::Expired));
}

#[tokio::test]
async fn a_program_is_asked_to_stop_before_it_is_made_to() {
    let world = World::new().await;
    let polite = "import signal\ndef bye(*_): open('/data/bye', 'w').close(); os._exit(0)\nsignal.signal(signal.SIGTERM, bye)";
    let stubborn =
        "import signal\nsignal.signal(signal.SIGTERM, lambda *_: open('/data/never', 'w').close())";
    for (name, custom, left) in [("polite", polite, "bye"), ("stubborn", stubborn, "never")] {
        let mut spec = unit("release-1", name, &world.service(custom).await);
        let root = world.tree(&[]);
        spec.data = DataMount::Whole { root: root.clone() };
        let unit = world.up(&spec).await;
        world.units.stop(&spec.key).await.unwrap();
        assert!(!unit.keeper.unwrap().lives() && !unit.program.unwrap().lives());
        assert!(root.join(left).exists(), "{name}");
    }
}

#[tokio::test]
async fn a_unit_whose_folder_was_removed_ends() {
    let world = World::new().await;
    let spec = unit("p-1", "web", &world.service("").await);
    let unit = world.up(&spec).await;
    fs::remove_dir_all(world.folder.path().join("s/units/p-1")).unwrap();
    world.until("its keeper has ended", || !unit.keeper.unwrap().lives()).await;
    world.until("its program has ended", || !unit.program.unwrap().lives()).await;
}

#[tokio::test]
async fn a_state_folder_too_deep_for_a_socket_is_named() {
    let world = World::new().await;
    let spec = unit("p-1", "web", &world.service("").await);
    let deep = world.folder.path().join("d".repeat(60));
    fs::rename(world.folder.path().join("s"), &deep).unwrap();
    let error = world.at(deep).await.units.start(&spec).await.unwrap_err();
    assert!(error.to_string().contains("choose a shorter state folder"), "{error}");
}

#[tokio::test]
async fn one_damaged_file_hides_no_other_unit() {
    let world = World::new().await;
    let digest = world.service("").await;
    world.up(&unit("p-1", "web", &digest)).await;
    let other = world.up(&unit("p-2", "web", &digest)).await;
    fs::write(world.folder.path().join("s/units/p-1/web/unit.json"), "{").unwrap();
    assert_eq!(world.units.list().unwrap(), [other]);
}

#[tokio::test]
async fn an_empty_list_of_known_stacks_ends_nothing() {
    let world = World::new().await;
    let spec = unit("p-1", "web", &world.service("").await);
    world.up(&spec).await;
    let swept = world.units.sweep(world.clock.now(), |_| false).await.unwrap();
    assert_eq!((swept.ended, swept.unclaimed), (vec![], vec![spec.key.stack.clone()]));
    assert_eq!(world.state_of(&spec.key), Some(UnitState::Running));
}

#[tokio::test]
async fn a_program_that_keeps_dying_is_given_up_with_the_end_of_its_log() {
    let world = World::new().await;
    let spec = unit("p-1", "web", &world.script("raise SystemExit('no configuration found')").await);
    world.units.start(&spec).await.unwrap();
    let error = world.units.await_healthy(&spec.key, &spec.health).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "web does not run: it ended by itself (exit code 1); it was started 5 times; its log says more"
    );
    assert_eq!(log_of(&error).matches("no configuration found").count(), 5, "{}", log_of(&error));
    let state = world.state_of(&spec.key);
    assert!(matches!(state, Some(UnitState::Failed { .. })), "{state:?}");
}

#[tokio::test]
async fn a_program_that_dies_once_is_started_again() {
    let world = World::new().await;
    let spec = unit("p-1", "web", &world.service("def custom(path): os._exit(3)").await);
    let first = world.up(&spec).await;
    get(&first, "/die").await;
    world.until("the program is dead", || !first.program.unwrap().lives()).await;
    world.units.await_healthy(&spec.key, &spec.health).await.unwrap();
    let again = world.units.list().unwrap().remove(0);
    assert_eq!(again.keeper, first.keeper);
    assert_ne!(again.program, first.program);
}

#[tokio::test]
async fn a_unit_that_never_answers_is_said_to_be_unhealthy() {
    let world = World::new().await;
    let mut spec = unit("p-1", "web", &world.service("def custom(path): return 503, 'no'").await);
    spec.health.path = "/ready".to_owned();
    spec.health.within = Duration::from_secs(2);
    world.units.start(&spec).await.unwrap();
    let error = world.units.await_healthy(&spec.key, &spec.health).await.unwrap_err();
    assert!(matches!(error, RunError::NeverHealthy { .. }));
    assert_eq!(
        error.to_string(),
        "web did not become healthy within 2 s: `/ready` answered 503 instead of 200; its log says more"
    );
}

#[tokio::test]
async fn a_log_is_bounded_and_tells_no_secret() {
    let world = World::new().await;
    let talk = "for n in range(100000): print(n, 'the key is correct-horse-battery, or ghp_abcdefghijklmnopqrstuvwxyz0123')";
    let spec = unit("p-1", "web", &world.service(talk).await);
    world.up(&spec).await;
    let last = "99999 the key is [redacted], or [redacted]";
    world.until("its last line is logged", || world.units.log_tail(&spec.key, 200).ends_with(last)).await;
    let folder = world.folder.path().join("s/units/p-1/web");
    let size: u64 = ["log", "log.1"].iter().map(|part| fs::metadata(folder.join(part)).unwrap().len()).sum();
    assert!(size <= 512 << 10, "{size}");
}

#[tokio::test]
async fn a_build_with_one_changed_byte_does_not_run_and_does_not_run_again() {
    let world = World::new().await;
    let digest = world.service("def custom(path): os._exit(3)").await;
    let spec = unit("p-1", "web", &digest);
    let unit = world.up(&spec).await;
    let file = world.builder.store().folder(&digest).join("main.py");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "import os").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    get(&unit, "/die").await;
    world
        .until("it is given up", || matches!(world.state_of(&spec.key), Some(UnitState::Failed { .. })))
        .await;
    let error = world.units.start(&spec).await.unwrap_err();
    assert!(error.to_string().contains("is no longer what was built"), "{error}");
}

#[tokio::test]
async fn data_is_empty_seeded_the_owners_or_whole() {
    let world = World::new().await;
    let show = "def custom(path): return 200, ' '.join(sorted(os.path.join(d, f)[len(os.environ['DATA_DIR']):] for d, _, fs in os.walk(os.environ['DATA_DIR']) for f in fs))";
    let digest = world.service(show).await;
    let real = world.tree(&[("mira/list", "bread"), ("ben/list", "beer")]);
    let seed = world.tree(&[("demo/list", "salt")]);
    let cases = [
        ("p-empty", DataMount::Empty, ""),
        ("p-seed", DataMount::Seed { from: seed.clone() }, "/demo/list"),
        (
            "mix-1",
            DataMount::OwnerScope { root: real.clone(), owner: Owner::parse("mira").unwrap() },
            "/mira/list",
        ),
        ("release-1", DataMount::Whole { root: real.clone() }, "/ben/list /mira/list"),
    ];
    for (stack, data, seen) in cases {
        let mut spec = unit(stack, "web", &digest);
        spec.data = data;
        assert_eq!(get(&world.up(&spec).await, "/").await, seen, "{stack}");
    }
}

#[tokio::test]
async fn without_a_wall_merged_code_runs_and_unmerged_code_is_refused() {
    let world = World::without_wall().await;
    let api = world.service("def custom(path): return 200, 'from the api'").await;
    let web = world.service("def custom(path): return 200, urllib.request.urlopen(os.environ['API_URL'] + path).read().decode()").await;
    let mut spec = unit("release-1", "web", &web);
    spec.trust = Trust::Merged;
    spec.peers = vec![component("api")];
    let mut api_spec = unit("release-1", "api", &api);
    api_spec.trust = Trust::Merged;
    world.up(&api_spec).await;
    let running = world.up(&spec).await;
    assert_eq!(get(&running, "/").await, "from the api");
    world.units.stop_stack(&spec.key.stack).await.unwrap();
    assert!(!running.program.unwrap().lives());
    spec.trust = Trust::Unmerged;
    let error = world.units.start(&spec).await.unwrap_err();
    assert!(matches!(error, RunError::NoWall(_)));
    assert!(error.to_string().contains("dnf install bubblewrap"), "{error}");
    assert_eq!(world.state_of(&key("release-1", "web")), None);
}

#[tokio::test]
async fn a_program_without_a_wall_cannot_leave_a_daemon_behind() {
    let world = World::without_wall().await;
    let daemon = "import subprocess\nsubprocess.Popen(['/bin/sleep', '86398.75'], start_new_session=True)\ndef custom(path): return 200, ''";
    let mut spec = unit("release-1", "web", &world.service(daemon).await);
    spec.trust = Trust::Merged;
    world.up(&spec).await;
    assert!(somebody_runs("86398.75"));
    world.units.stop(&spec.key).await.unwrap();
    assert!(!somebody_runs("86398.75"));
    // Not even when its keeper is killed and cannot see to it.
    let unit = world.up(&spec).await;
    unit.keeper.unwrap().signal(rustix::process::Signal::KILL).unwrap();
    world.until("the keeper is dead", || !unit.keeper.unwrap().lives()).await;
    assert!(somebody_runs("86398.75"));
    world.units.stop(&spec.key).await.unwrap();
    assert!(!somebody_runs("86398.75"));
}
