//! Pushes to a pull request at every request that the bot makes of GitHub between a comment and its effect.
//!
//! A commit is approved by a review, a command is said, and just before the n-th request is answered another commit
//! comes. What ran is read from the programs' own bytes: each commit leaves its mark in what is built from it, and all of
//! them carry dates from long before the approval.

use std::time::Duration;

use folkops_world::{Hosted, Verdict, until_within};
use futures::future::join_all;

use super::change::{Change, NUMBER};
use super::end::owed;
use super::sweep::{draw, is_whole, seed};

/// The places of a whole sweep, before each of so many requests.
const PREVIEWS: u32 = 40;
const PROMOTIONS: u32 = 12;

/// A build, a start and a retry or two.
const LONG: Duration = Duration::from_secs(120);

#[tokio::test]
async fn pushed_to_before_any_request_between_a_comment_and_its_effect_only_the_approved_commit_runs() {
    println!("FOLKOPS_SEED={}", seed());
    let (previews, promotions): (Vec<u32>, Vec<u32>) = if is_whole() {
        ((1..=PREVIEWS).collect(), (1..=PROMOTIONS).collect())
    } else {
        (vec![draw("preview on GitHub", PREVIEWS)], vec![draw("promotion on GitHub", PROMOTIONS)])
    };
    let pairs: Vec<_> = (0..previews.len().max(promotions.len()))
        .map(|n| (previews.get(n).copied(), promotions.get(n).copied()))
        .collect();
    // A promoted pull request is over, so each promotion has a service of its own; two of them fit on a small machine.
    for two in pairs.chunks(2) {
        join_all(two.iter().map(|(preview, promotion)| async move {
            if preview.is_none() && promotion.is_none() {
                return;
            }
            let hosted = Hosted::start().await;
            let mut raced = Raced::new(&hosted).await;
            if let Some(request) = preview {
                raced.previewed(*request).await;
            }
            if let Some(request) = promotion {
                raced.promoted(*request).await;
            }
        }))
        .await;
    }
}

struct Raced<'a> {
    hosted: &'a Hosted,
    change: Change<'a>,
    repository: String,
}

impl<'a> Raced<'a> {
    async fn new(hosted: &'a Hosted) -> Self {
        let change = Change::marked(hosted.world.setup()).await;
        let repository = hosted.repository(NUMBER);
        hosted.github.opens(&repository, NUMBER.into(), "mira");
        Self { hosted, change, repository }
    }

    async fn previewed(&mut self, request: u32) {
        self.approved().await;
        let pushed = self.is_pushed_to(request, "mira", "/deploy-preview").await;
        println!("/deploy-preview · before request {request} · {pushed}");
    }

    async fn promoted(&mut self, request: u32) {
        self.approved().await;
        let pushed = self.is_pushed_to(request, "sam", "/promote").await;
        println!("/promote · before request {request} · {pushed}");
    }

    /// Brings the change to a commit of its own, which Jo approves.
    async fn approved(&mut self) {
        self.change.moves_to_unseen().await;
        let commit = self.change.head.commit.as_str().to_owned();
        self.hosted.github.forces(&self.repository, NUMBER.into(), "mira", &commit);
        self.hosted.github.reviews(&self.repository, NUMBER.into(), "jo", Verdict::Approved, "");
        self.change.allows();
        self.hosted.told(NUMBER, &["may run at", self.change.head.short()]).await;
    }

    /// Says it, and another commit comes before that request; what it all came to is right.
    async fn is_pushed_to(&mut self, request: u32, who: &str, line: &str) -> String {
        let github = &self.hosted.github;
        let judged = self.change.head.clone();
        self.change.push().await;
        let unseen = self.change.head.commit.as_str().to_owned();
        // It is there, and nobody has been told yet.
        github.forces(&self.repository, NUMBER.into(), "mira", judged.commit.as_str());
        github.pushes_at((&self.repository, NUMBER.into()), "mira", &unseen, request);
        let comment = self.hosted.says(who, NUMBER, line);
        github.until_pushed().await;
        until_within(LONG, "everything has come to its end", async || {
            let journal = self.change.journal().await;
            let heads = journal.every("change-observed");
            let seen = heads.iter().any(|record| record["body"]["change"]["head"] == *unseen)
                || github.is_merged(&self.repository, NUMBER.into());
            let message = format!("gh-comment-{comment}");
            let messages = journal.every("request-received");
            let received = messages.iter().any(|record| record["body"]["message"] == *message);
            (seen && received && owed(&journal).is_empty()).then_some(())
        })
        .await;
        self.change.runs_only_what_was_allowed();
        let runs = self.change.runs();
        format!("{} ran", runs.len())
    }
}
