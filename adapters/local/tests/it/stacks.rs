//! The previews' ports: a whole stack, with the data that its purpose gives it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use folkops_local::{ComponentPlan, Health, Limits, State, Target};
use folkops_model::{
    ComponentName, Digest, FailureKind, Owner, PersonId, PreviewId, ReleaseNumber, StackKind, StackName,
    StackSpec, Trust,
};
use folkops_previews::ports::{BuildJob, Stacks, Workshop};

use crate::world::{PYTHON, World, component, copying, get, key, tree_id};

const WEB: &str = "def custom(path): return 200, os.environ['LABEL'] + ': ' + urllib.request.urlopen(os.environ['API_URL'] + path).read().decode()";
const API: &str = "def custom(path): return 200, ' '.join(sorted(os.listdir(os.environ['DATA_DIR'])))";

/// A service of two components, built through the port.
async fn service(world: &World) -> (Target, BTreeMap<ComponentName, Digest>) {
    let plan = |peers: &[&str], state: State| ComponentPlan {
        recipe: copying("main.py"),
        argv: [PYTHON, "{out}/main.py"].map(str::to_owned).into(),
        env: BTreeMap::from([("LABEL".to_owned(), "{release}".to_owned())]),
        peers: peers.iter().map(|name| component(name)).collect(),
        toolchains: Vec::new(),
        health: Health { path: "/healthz".to_owned(), within: Duration::from_secs(20) },
        limits: Limits::service(),
        state,
    };
    let plans = [("web", plan(&["api"], State::Empty)), ("api", plan(&[], State::SharedWithOwnerScope))];
    let plans = plans.into_iter().map(|(name, plan)| (component(name), plan)).collect();
    let (builder, units) = world.bot_restarted();
    let target = Target::new(builder, units, world.folder.path().join("s/data"), plans);
    let mut builds = BTreeMap::new();
    for (name, custom) in [("web", WEB), ("api", API)] {
        let tree = world.tree(&[("main.py", &crate::world::service_text(custom))]);
        let job = BuildJob {
            component: &component(name),
            tree: &tree_id(&tree),
            source: &tree,
            trust: Trust::Merged,
        };
        builds.insert(component(name), target.build(job).await.unwrap());
        assert_eq!(
            target.kept(&component(name), &tree_id(&tree), Trust::Merged).as_ref(),
            builds.get(&component(name))
        );
    }
    (target, builds)
}

fn spec(name: &str, kind: StackKind, builds: &BTreeMap<ComponentName, Digest>) -> StackSpec {
    let (name, label) = (StackName::parse(name).unwrap(), format!("This is {name}"));
    StackSpec { name, kind, builds: builds.clone(), trust: Trust::Merged, label, deadline: None }
}

#[tokio::test]
async fn production_sees_all_data_a_mix_its_owners_and_a_preview_none() {
    let world = World::new().await;
    let (target, builds) = service(&world).await;
    for owner in ["ana", "ben"] {
        fs::create_dir_all(world.folder.path().join("s/data/api").join(owner)).unwrap();
    }
    let mix = StackKind::Mix { person: PersonId::parse("p1").unwrap(), owner: Owner::parse("ana").unwrap() };
    let cases = [
        ("release-1", StackKind::Production(ReleaseNumber(1)), "This is release-1: ana ben"),
        ("mix-p1-1", mix, "This is mix-p1-1: ana"),
        ("p-7kq2xab", StackKind::Preview(PreviewId::parse("p-7kq2xab").unwrap()), "This is p-7kq2xab: "),
    ];
    for (name, kind, answer) in cases {
        target.run(&spec(name, kind, &builds)).await.unwrap();
        let unit =
            target.units().list().unwrap().into_iter().find(|unit| unit.key == key(name, "web")).unwrap();
        assert_eq!(get(&unit, "/").await, answer);
    }
    let running = target.running().await.unwrap();
    assert!(running.iter().all(|stack| stack.healthy && stack.builds == builds), "{running:?}");
    assert_eq!(
        running.iter().map(|stack| stack.name.as_str()).collect::<Vec<_>>(),
        ["mix-p1-1", "p-7kq2xab", "release-1"]
    );
    target.stop(&running[0].name).await.unwrap();
    target.stop(&running[0].name).await.unwrap();
    assert_eq!(target.running().await.unwrap().len(), 2);
    assert!(world.folder.path().join("s/data/api/ana").exists());
}

#[tokio::test]
async fn a_stack_that_runs_is_taken_up_and_its_end_can_be_moved() {
    let world = World::new().await;
    let (target, builds) = service(&world).await;
    let mut spec = spec("p-7kq2xab", StackKind::Preview(PreviewId::parse("p-7kq2xab").unwrap()), &builds);
    spec.deadline = Some(world.in_seconds(600));
    target.run(&spec).await.unwrap();
    let keepers = |target: &Target| {
        target.units().list().unwrap().into_iter().map(|unit| unit.keeper).collect::<Vec<_>>()
    };
    let before = keepers(&target);
    target.run(&spec).await.unwrap();
    assert_eq!(keepers(&target), before);
    target.extend(&spec.name, world.in_seconds(1200)).await.unwrap();
    assert!(target.running().await.unwrap()[0].deadline.unwrap() > world.in_seconds(1000));
    target.stop(&spec.name).await.unwrap();
    let gone = target.extend(&spec.name, world.in_seconds(1200)).await.unwrap_err();
    assert_eq!(gone.to_string(), "nothing of `p-7kq2xab` runs any more; ask for it again");
}

/// Failure mode 10: what runs of one release depends on what runs of the other.
#[tokio::test]
async fn two_releases_side_by_side_run_all_their_parts_and_the_end_of_one_takes_nothing_from_the_other() {
    let world = World::new().await;
    let (target, builds) = service(&world).await;
    let release =
        |number| spec(&format!("release-{number}"), StackKind::Production(ReleaseNumber(number)), &builds);
    let whole = async |target: &Target| {
        let running = target.running().await.unwrap();
        let whole = running.into_iter().filter(|stack| stack.healthy && stack.builds == builds);
        whole.map(|stack| stack.name.to_string()).collect::<Vec<_>>()
    };
    target.run(&release(1)).await.unwrap();
    target.run(&release(2)).await.unwrap();
    assert_eq!(whole(&target).await, ["release-1", "release-2"]);
    target.stop(&release(2).name).await.unwrap();
    assert_eq!(whole(&target).await, ["release-1"]);
}

#[tokio::test]
async fn a_stack_that_does_not_come_up_leaves_nothing_running_and_shows_its_log() {
    let world = World::new().await;
    let (target, mut builds) = service(&world).await;
    builds.insert(component("api"), world.script("raise SystemExit('no books here')").await);
    let failure =
        target.run(&spec("release-2", StackKind::Production(ReleaseNumber(2)), &builds)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NeverHealthy);
    assert!(failure.sentence.starts_with("api does not run: "), "{}", failure.sentence);
    assert!(failure.log.unwrap().contains("no books here"));
    assert_eq!(target.running().await.unwrap(), []);
}

#[tokio::test]
async fn without_a_wall_the_failure_says_what_to_install() {
    let world = World::without_wall().await;
    let (target, builds) = service(&world).await;
    let mut spec = spec("p-7kq2xab", StackKind::Preview(PreviewId::parse("p-7kq2xab").unwrap()), &builds);
    spec.trust = Trust::Unmerged;
    let failure = target.run(&spec).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NoWall);
    assert!(failure.sentence.contains("apt install bubblewrap"), "{}", failure.sentence);
}
