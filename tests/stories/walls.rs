//! A hostile change, let in by a careless maintainer: what it reaches for while it is built and while it runs, and how
//! each attempt ends. #58 (the pages) and #60 (the API) report on themselves; without a wall they get through, which the
//! demo's own tests show. This service is built by a compiler that runs nothing of what it reads; builds that do are
//! attacked by the local target's own tests.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use folkops_world::{Card, Running, World};
use serde_json::Value;

/// What is worth reaching for, by the names that this machine gives it.
struct Prey {
    keys: PathBuf,
    journal: PathBuf,
    bens_book: PathBuf,
    production: Running,
    bot: u32,
}

impl Prey {
    fn of(world: &World) -> Self {
        let state = world.setup().state();
        let books = state.join("run/data/recipes-api");
        let api = |program: &Running| program.stack == "release-1" && program.component == "recipes-api";
        let prey = Self {
            keys: state.join("record/keys"),
            journal: state.join("record/journal/00000000000000000001.log"),
            bens_book: books.join("ben/book"),
            production: world.running().into_iter().find(api).unwrap(),
            bot: world.bot(),
        };
        for path in [&prey.keys, &prey.journal, &prey.bens_book, &prey.environment()] {
            assert!(std::fs::read(path).is_ok_and(|bytes| !bytes.is_empty()), "{} is there", path.display());
        }
        prey
    }

    fn environment(&self) -> PathBuf {
        format!("/proc/{}/environ", self.production.pid).into()
    }
}

#[tokio::test]
async fn a_hostile_change_reaches_nothing_while_it_runs_with_one_persons_data() {
    let world = World::start().await;
    let prey = Prey::of(&world);
    let neighbour = TcpListener::bind("127.0.0.1:0").unwrap();
    for number in [58, 60] {
        world.says("jo", &format!("/ok-to-test {}", world.head(number))).await;
    }
    world.says("ana", "/opt-in 58 60").await;
    world.presses("ana", "Try it on my account").await;
    world.card_matching("ana", "mix now has #58 and #60").await;
    let link = world.until_card("ana", "her link", |card: &Card| card.secret.is_some()).await;
    let mut browser = world.visitor();
    world.follows(&mut browser, &link.secret.unwrap()).await;

    let (keys, journal, book) = (prey.keys.display(), prey.journal.display(), prey.bens_book.display());
    let Prey { production, bot, .. } = &prey;
    let query = format!(
        "path={keys}&path={journal}&path={book}&path=/data/ben/book&path=/etc/shadow&write={}/planted&write=/usr/planted\
         &connect={}&connect={}&connect={}&connect=192.0.2.1:443&pid={}&pid={bot}&name=keys.toml&name=synced\
         &owner=ana&owner=ben",
        world.setup().state().display(),
        world.setup().site,
        world.setup().router,
        neighbour.local_addr().unwrap(),
        production.pid,
    );
    let page = world.visits(&mut browser, "ana", &format!("/wall-report?{query}")).await;
    let report = page.json();
    let ends = |component: &str| attempts(&report[component]);
    let (web, api) = (ends("web"), ends("recipes-api"));
    for (name, end) in web.iter().chain(&api) {
        println!("{name}: {end}");
    }
    let expected = expected(&prey, &world, neighbour.local_addr().unwrap().port());
    for (component, ends) in [("web", &web), ("recipes-api", &api)] {
        for (name, end) in &expected {
            let said = ends.get(name).unwrap_or_else(|| panic!("{component} did not try: {name}"));
            // What a shell puts before its complaint differs from shell to shell.
            assert!(said.ends_with(end.as_str()), "{component}: {name}: {said}");
        }
    }
    // What the API may see is one book of all: that of the person whose mix it is.
    assert_eq!(api["list every owner"], "REACHED 1: ana");
    assert!(api["book of ana"].starts_with("REACHED"), "{api:?}");
    assert_eq!(api["book of ben"], "No such file or directory (os error 2)");
    assert_eq!(web["ask the recipes API for ben"], "not one meal of theirs");
    let reached: Vec<_> = web.iter().chain(&api).filter(|(_, end)| end.starts_with("REACHED")).collect();
    let own = ["book of ana", "list every owner", "ask the recipes API for ana"];
    assert!(reached.iter().all(|(name, _)| own.contains(&name.as_str())), "{reached:?}");
    assert!(world.running().contains(production), "production is as it was");
}

/// Every attempt of one component's report: how it was stopped, or `REACHED` and how far.
fn attempts(report: &Value) -> BTreeMap<String, String> {
    let end = |(name, outcome): (&String, &Value)| {
        let how = outcome["how"].as_str().unwrap();
        let reached = outcome["reached"].as_bool().unwrap();
        (name.clone(), if reached { format!("REACHED {how}") } else { how.to_owned() })
    };
    report.as_object().unwrap_or_else(|| panic!("{report}")).iter().map(end).collect()
}

/// How each attempt must end, in both components alike.
fn expected(prey: &Prey, world: &World, neighbour: u16) -> BTreeMap<String, String> {
    let missing = "No such file or directory (os error 2)";
    let refused = "Connection refused (os error 111)";
    let state = world.setup().state();
    let mut ends = BTreeMap::from([
        ("environment".to_owned(), "nothing found"),
        ("environment at build".to_owned(), "nothing found"),
        ("other processes".to_owned(), "nothing found"),
        ("file taken at build".to_owned(), "nothing was taken"),
        ("read /data/ben/book".to_owned(), missing),
        ("read /etc/shadow".to_owned(), missing),
        ("write /usr/planted".to_owned(), "Read-only file system (os error 30)"),
        (format!("write {}/planted", state.display()), missing),
        ("find synced".to_owned(), "nothing found"),
        (format!("connect {}", world.setup().site), refused),
        (format!("connect {}", world.setup().router), refused),
        (format!("connect 127.0.0.1:{neighbour}"), refused),
        ("connect 192.0.2.1:443".to_owned(), "Network is unreachable (os error 101)"),
    ]);
    for path in [&prey.keys, &prey.journal, &prey.bens_book] {
        ends.insert(format!("read {}", path.display()), missing);
    }
    for pid in [i64::from(prey.production.pid), i64::from(prey.bot)] {
        ends.insert(format!("process {pid}"), "No such process");
    }
    ends.into_iter().map(|(name, end)| (name, end.to_owned())).collect()
}

#[tokio::test]
async fn a_hostile_change_takes_nothing_along_while_it_is_built() {
    let world = World::start().await;
    let prey = Prey::of(&world);
    let canary = format!("env!(\"{}\").as_bytes()", "FOLKOPS_CANARY");
    let bytes = |path: &Path| format!("include_bytes!(\"{}\")", path.display());
    let missing = |path: &Path| format!("couldn't read `{}`: No such file or directory", path.display());
    let environment = prey.environment();
    for (take, stopped) in [
        (bytes(&prey.keys), missing(&prey.keys)),
        (bytes(&prey.bens_book), missing(&prey.bens_book)),
        (bytes(&environment), missing(&environment)),
        (canary, "environment variable `FOLKOPS_CANARY` not defined at compile time".to_owned()),
    ] {
        let loot = format!("//! Takes.\n/// Bytes.\npub const TAKEN: Option<&[u8]> = Some({take});\n");
        let head = world.push(58, &[("src/loot.rs", loot.as_bytes())]).await;
        world.says("jo", &format!("/ok-to-test {}", head.as_str())).await;
        let asked = world.says("mira", "/deploy-preview 58").await;
        let card = world.until_becomes("mira", &asked, "#58 does not build").await;
        println!("{take}: {}", card.log.as_deref().unwrap_or_default().lines().next().unwrap_or_default());
        assert!(card.log.as_deref().unwrap_or_default().contains(&stopped), "{:?}", card.log);
    }
    assert!(world.running().contains(&prey.production), "production is as it was");
}
