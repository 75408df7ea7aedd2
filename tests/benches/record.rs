//! `bench-record`: durable commands a second through the whole pipeline, beside what the disk itself can do.
//!
//! A command is said by a client, made durable, read, judged, decided, made durable again, and its reply posted; then
//! the client says the next one, while the posting is recorded too. So one command is three appends, two of which the
//! client waits for, one after the other. The probe before and after each round makes small writes durable, one by one,
//! in the same folder. Program and clients share one pinned core, so a figure is also a figure per core.

#[allow(dead_code, reason = "each bench uses its part")]
mod cores;
mod disk;
#[allow(dead_code, reason = "each bench uses its part")]
mod figures;
mod hands;
mod pipeline;
mod ports;
mod settings;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use disk::Disk;
use figures::{Aim, Series, aim};
use folkops_model::{Group, Principal};
use pipeline::Pipeline;
use watch::Watch;

const ROUNDS: usize = 7;
const CLIENTS: [usize; 2] = [1, 64];
const WARM_UP: Duration = Duration::from_millis(500);
const LASTING: Duration = Duration::from_secs(3);
const PROBING: Duration = Duration::from_millis(700);
/// What every client says.
const LINE: &str = "/status";

fn main() {
    cores::pin(cores::MEASURED);
    println!(
        "record: `{LINE}` said, durable, judged, decided, durable, replied; {ROUNDS} rounds of {LASTING:?}"
    );
    println!("  the whole process, clients too, on one pinned core; median [least … most]");
    let mut rows: Vec<Row> = CLIENTS.iter().map(|clients| Row::of(*clients)).collect();
    for _ in 0..ROUNDS {
        rows.iter_mut().for_each(Row::round);
    }
    rows.iter().for_each(Row::tell);
}

/// One number of clients, over all rounds.
struct Row {
    clients: usize,
    commands: Series,
    records: Series,
    busy: Series,
    wait_ms: Series,
    syncs: Series,
    sync_ms: Series,
    drift: Series,
}

/// What one round gave.
struct Round {
    commands: f64,
    records: f64,
    busy: f64,
    wait_ms: f64,
}

impl Row {
    fn of(clients: usize) -> Self {
        let none = Series::default;
        Self {
            clients,
            commands: none(),
            records: none(),
            busy: none(),
            wait_ms: none(),
            syncs: none(),
            sync_ms: none(),
            drift: none(),
        }
    }

    fn round(&mut self) {
        let folder = tempfile::tempdir_in(disk::cache()).expect("the cache can be written");
        let before = disk::probe(folder.path(), PROBING);
        let round = load(folder.path(), self.clients);
        let after = disk::probe(folder.path(), PROBING);
        self.add(&round, before, after);
    }

    fn add(&mut self, round: &Round, before: Disk, after: Disk) {
        self.commands.push(round.commands);
        self.records.push(round.records);
        self.busy.push(round.busy * 100.0);
        self.wait_ms.push(round.wait_ms);
        self.syncs.push((before.syncs + after.syncs) / 2.0);
        self.sync_ms.push((before.median_ms + after.median_ms) / 2.0);
        self.drift.push((after.syncs / before.syncs - 1.0).abs() * 100.0);
    }

    fn tell(&self) {
        let ratio = self.commands.over(&self.syncs);
        println!("  {} client(s)", self.clients);
        println!(
            "    commands/s {:.0}   records/s {:.0}   core busy {:.0} %",
            self.commands, self.records, self.busy
        );
        println!("    from saying it to its reply, median: {:.2} ms", self.wait_ms);
        println!(
            "    fdatasync/s {:.0}   each {:.3} ms   drift within a round {:.0} %",
            self.syncs, self.sync_ms, self.drift
        );
        println!("    commands/s ÷ fdatasync/s: {ratio:.2}");
        if self.clients > 1 {
            let slow = self.sync_ms.median() >= 0.5;
            let said = if slow {
                aim(
                    "commands/s ÷ fdatasync/s, as a sync takes 0.5 ms or more",
                    ratio.median(),
                    Aim::AtLeast(10.0),
                )
            } else {
                let per_core = self.commands.median();
                aim("commands/s on one core, as a sync takes under 0.5 ms", per_core, Aim::AtLeast(5_000.0))
            };
            println!("    {said}");
        }
    }
}

fn load(folder: &std::path::Path, clients: usize) -> Round {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads can be started").block_on(async {
        let pipeline = Arc::new(Pipeline::open(&folder.join("record")).await);
        pipeline.push("web", 41).await;
        pipeline.ask(&Principal::Automation, "/restore").await;
        pipeline.quiet().await;
        let mut people = Vec::new();
        for number in 0..clients {
            people.push(pipeline.join(&format!("person-{number}"), &[Group::User]).await);
        }
        run(&pipeline, people, WARM_UP).await;
        let round = run(&pipeline, people_again(clients), LASTING).await;
        pipeline.quiet().await;
        pipeline.engine.stop();
        round
    })
}

fn people_again(clients: usize) -> Vec<Principal> {
    let person = |number| folkops_model::PersonId::parse(&format!("person-{number}")).expect("a person's id");
    (0..clients).map(|number| Principal::Person(person(number))).collect()
}

async fn run(pipeline: &Arc<Pipeline>, people: Vec<Principal>, lasting: Duration) -> Round {
    let (began, used) = (Watch::start(), cores::used(std::process::id()));
    let first = *pipeline.ledger.subscribe().borrow();
    let clients: Vec<_> =
        people.into_iter().map(|who| tokio::spawn(client(pipeline.clone(), who, lasting))).collect();
    let mut waits = Vec::new();
    for client in clients {
        waits.extend(client.await.expect("a client ends well"));
    }
    let took = began.seconds();
    let last = *pipeline.ledger.subscribe().borrow();
    waits.sort_by(f64::total_cmp);
    Round {
        commands: waits.len() as f64 / took,
        records: (last - first) as f64 / took,
        busy: (cores::used(std::process::id()) - used) / took,
        wait_ms: waits[waits.len() / 2],
    }
}

/// Says the line again and again; how many milliseconds each reply took.
async fn client(pipeline: Arc<Pipeline>, who: Principal, lasting: Duration) -> Vec<f64> {
    let (began, mut waits) = (Watch::start(), Vec::new());
    while began.shows() < lasting {
        let said = Watch::start();
        pipeline.ask(&who, LINE).await;
        waits.push(said.ms());
    }
    waits
}
