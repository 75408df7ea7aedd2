//! A journal of a million records, written by the shipped pipeline and kept for the next time.
//!
//! Eighty people talk, ask and are refused; a maintainer looks at changes, makes previews and ends them, freezes and
//! unfreezes. It is kept in the person's cache under what it was made for, and made anew when that changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use folkops_model::{Group, Principal};

use crate::disk;
use crate::hands::sha;
use crate::pipeline::Pipeline;

/// How many records there are, at least.
pub const RECORDS: u64 = 1_000_000;
/// Changed whenever records or rows look different, or what is said does.
const EDITION: u32 = 1;
const PEOPLE: usize = 80;

/// What people say, in turn; talk and questions outnumber everything else.
const SAID: [&str; 10] = [
    "good morning, did anybody try the new page?",
    "/status",
    "works for me, thanks",
    "/help",
    "/promote 41",
    "the list is slow today, let me look at it tomorrow when I am back at my desk",
    "/whoami",
    "/status",
    "/can-i rollback",
    "/why",
];

/// The folder of the journal; takes some minutes the first time.
pub async fn folder() -> PathBuf {
    let folder = disk::cache().join(format!("history-{EDITION}"));
    if !folder.exists() {
        println!("  writing {RECORDS} records for the first time; later runs use them again");
        let unfinished = folder.with_extension("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).expect("our own folder can be removed");
        }
        write(&unfinished).await;
        fs::rename(&unfinished, &folder).expect("our own folder can be renamed");
    }
    folder
}

async fn write(folder: &Path) {
    let pipeline = Arc::new(Pipeline::open(folder).await);
    for (name, number) in [("web", 41), ("recipes-api", 43), ("web", 57)] {
        pipeline.push(name, number).await;
    }
    pipeline.ask(&Principal::Automation, "/restore").await;
    pipeline.quiet().await;
    let jo = pipeline.join("jo", &[Group::Maintainer]).await;
    let maintainer = tokio::spawn(maintain(pipeline.clone(), jo));
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let who = pipeline.join(&format!("person-{number}"), &[Group::User]).await;
        people.push(tokio::spawn(chat(pipeline.clone(), who, number)));
    }
    for person in people {
        person.await.expect("everybody leaves well");
    }
    maintainer.await.expect("everybody leaves well");
    pipeline.quiet().await;
    pipeline.ledger.settle().await.expect("everything is durable");
    pipeline.engine.stop();
}

fn is_over(pipeline: &Pipeline) -> bool {
    *pipeline.ledger.subscribe().borrow() >= RECORDS
}

async fn chat(pipeline: Arc<Pipeline>, who: Principal, first: usize) {
    for line in SAID.iter().cycle().skip(first) {
        if is_over(&pipeline) {
            return;
        }
        if line.starts_with('/') {
            pipeline.ask(&who, line).await;
        } else {
            pipeline.say(&who, line, None).await;
        }
    }
}

async fn maintain(pipeline: Arc<Pipeline>, jo: Principal) {
    while !is_over(&pipeline) {
        for line in [
            format!("/ok-to-test {}", sha("change 41")),
            "/deploy-preview 41".to_owned(),
            "/keep 41".to_owned(),
            "/stop-preview 41".to_owned(),
            "/freeze".to_owned(),
            "/unfreeze".to_owned(),
        ] {
            pipeline.ask(&jo, &line).await;
        }
    }
}
