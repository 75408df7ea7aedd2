//! The worst day of webhooks: lost, late, ten times over and in any order, while the bot is killed again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use folkops_world::{Hosted, Journal, until_within};
use tokio::time::{Duration, Instant};

use super::sweep::is_whole;

/// Where there is much to say.
const CHANGES: [u32; 4] = [41, 52, 58, 60];
/// What is said: each is answered at once, and some of it is no command of ours, or none at all.
const WORDS: [&str; 6] =
    ["/whoami", "/folkops help", "/status", "/can-i promote", "/why\n\nI wonder.", "/folkops dance"];
/// Each is sent so often.
const COPIES: usize = 10;
/// Of a hundred so many are lost at first.
const LOST: u32 = 20;
/// One comment of so many never becomes a delivery.
const SILENT: usize = 50;
/// Writes that may be under way when GitHub refuses the first.
const UNDER_WAY: usize = 8;
/// How long it may take until everything is known.
const CLEARED: Duration = Duration::from_secs(240);

#[tokio::test]
async fn in_a_storm_every_comment_has_one_outcome_and_nothing_is_posted_twice() {
    let (comments, kills) = if is_whole() { (1_000, 8) } else { (100, 2) };
    let mut hosted = Hosted::start().await;
    for number in CHANGES {
        hosted.github.opens(&hosted.repository(number), number.into(), "mira");
    }
    hosted.github.until_delivered().await;
    let seed = env::var_os("FOLKOPS_SEED").and_then(|seed| seed.to_str()?.parse().ok()).unwrap_or(4);
    hosted.github.storm(seed, LOST, COPIES);
    hosted.github.holds_deliveries();
    let said = everybody_speaks(&hosted, comments);
    let begun = Instant::now();
    hosted.github.answers_blindly(3);
    hosted.github.releases_deliveries();
    for kill in 0..kills {
        let left = hosted.github.queued() / (kills - kill + 1) * (kills - kill);
        until_within(CLEARED, "the storm goes on", async || (hosted.github.queued() <= left).then_some(()))
            .await;
        hosted.world.kill().await;
        hosted.world.restart().await;
    }
    until_within(CLEARED, "the storm is over", async || (hosted.github.queued() == 0).then_some(())).await;
    hosted.github.calms_down();
    // Its first look after a start finds what was lost, and what never became a delivery.
    hosted.world.kill().await;
    hosted.world.restart().await;
    let journal = until_all_is_known(&hosted, &said).await;
    let took = begun.elapsed().as_secs();
    println!(
        "{comments} comments, {COPIES} copies of each, {kills} kills, seed {seed}: all known after {took} s"
    );
    has_one_outcome(&journal, &said);
    is_not_posted_twice(&hosted, kills + 2).await;
}

/// Many people say many things; the ids under which they must be known.
fn everybody_speaks(hosted: &Hosted, comments: usize) -> BTreeSet<String> {
    let says = |at: usize| {
        let (who, number) = (format!("cook{}", at % (comments / 10)), CHANGES[at % CHANGES.len()]);
        hosted.github.user(&who);
        if at % SILENT == SILENT - 1 {
            hosted.github.stays_silent(1);
        }
        format!("gh-comment-{}", hosted.says(&who, number, WORDS[at % WORDS.len()]))
    };
    (0..comments).map(says).collect()
}

async fn until_all_is_known(hosted: &Hosted, said: &BTreeSet<String>) -> Journal {
    let known = async || {
        let journal = hosted.world.journal().await;
        let (requests, ended) = (requests(&journal), outcomes(&journal));
        let all = requests.iter().filter(|(message, _)| said.contains(*message));
        let done = all.filter(|(_, ids)| ids.iter().all(|id| ended.contains_key(id))).count();
        (done == said.len()).then_some(journal)
    };
    until_within(CLEARED, "every comment is known", known).await
}

/// The requests by the message that they came from.
fn requests(journal: &Journal) -> BTreeMap<String, Vec<String>> {
    let mut requests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in journal.every("request-received") {
        let text = |name: &str| record["body"][name].as_str().unwrap().to_owned();
        requests.entry(text("message")).or_default().push(text("id"));
    }
    requests
}

/// How often each request came to an end.
fn outcomes(journal: &Journal) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    for record in ["operation-decided", "request-ended"].iter().flat_map(|kind| journal.every(kind)) {
        *outcomes.entry(record["body"]["request"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    outcomes
}

fn has_one_outcome(journal: &Journal, said: &BTreeSet<String>) {
    let (requests, outcomes) = (requests(journal), outcomes(journal));
    for message in said {
        let [request] = requests[message].as_slice() else { panic!("{message}: {:?}", requests[message]) };
        assert_eq!(outcomes[request], 1, "{message}");
    }
    let parked =
        journal.every("request-ended").into_iter().filter(|record| record["body"]["end"] == "parked");
    assert_eq!(parked.count(), 0);
}

async fn is_not_posted_twice(hosted: &Hosted, lives: usize) {
    for number in CHANGES {
        hosted.told(number, &[]).await;
        assert_eq!(hosted.ours(number).len(), 1, "#{number}");
    }
    // A bot that was killed does not know what it wrote before; it learns it by one refusal, with what is under way then.
    let calls = hosted.github.calls();
    let refused = calls.iter().filter(|call| call.ends_with("429") || call.ends_with("403")).count();
    println!("{} requests to GitHub, {refused} refused", calls.len());
    assert!(refused <= lives * UNDER_WAY, "{refused} refused in {lives} lives");
}
