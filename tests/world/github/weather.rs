//! Webhooks on their way, on good days and bad ones, and the time: what a story does to this world itself.

use std::time::Duration;

use super::GitHub;
use super::fault::{Push, Storm};
use super::hook::Hook;
use crate::until::until;

impl GitHub {
    /// Sends webhooks there from now on, signed with a secret.
    pub fn webhooks_go_to(&self, url: &str, secret: &str) {
        self.inner.state().hook = Some(Hook { url: url.to_owned(), secret: secret.to_owned() });
    }

    /// Waits until every webhook was sent and answered, or lost.
    pub async fn until_delivered(&self) {
        let look = async || {
            let state = self.inner.state();
            let kept = state.faults.kept.clone().unwrap_or_default();
            let mut open = state.deliveries.iter().enumerate().filter(|(at, _)| !kept.contains(at));
            open.all(|(_, delivery)| delivery.status().is_some()).then_some(())
        };
        until("every webhook is delivered", look).await;
    }

    /// Every webhook that was announced, and what was answered: `("issue_comment", 202)`.
    pub fn delivered(&self) -> Vec<(String, Option<u16>)> {
        let state = self.inner.state();
        state.deliveries.iter().map(|delivery| (delivery.event.clone(), delivery.status())).collect()
    }

    /// Somebody pushes this commit, which is in the repository already, just before the so-manieth request from now on
    /// is answered.
    pub fn pushes_at(&self, (repository, number): (&str, u64), by: &str, commit: &str, request: u32) {
        let mut state = self.inner.state();
        let at = super::story::place(&state, repository);
        let by = state.by_login(by).unwrap_or_else(|| panic!("there is no `{by}`")).id;
        state.faults.push = Some(Push { at, number, by, commit: commit.to_owned(), request });
    }

    /// Waits until that push has come.
    pub async fn until_pushed(&self) {
        until("the push has come", async || self.inner.state().faults.push.is_none().then_some(())).await;
    }

    /// The next so many webhooks are lost on their way.
    pub fn loses_deliveries(&self, count: u32) {
        self.inner.state().faults.lost = count;
    }

    /// What happens next so many times never becomes a webhook, nor stands in the list of deliveries.
    pub fn stays_silent(&self, count: u32) {
        self.inner.state().faults.silent = count;
    }

    /// The next so many writes are done, and answered as if they had failed.
    pub fn answers_blindly(&self, count: u32) {
        self.inner.state().faults.blind = count;
    }

    /// From now on webhooks are lost (so many of a hundred), each is sent so many times and several at once, and those
    /// that were held back come in another order; the same for the same seed.
    pub fn storm(&self, seed: u64, lost: u32, copies: usize) {
        self.inner.state().faults.storm = Some(Storm::new(seed, lost, copies));
    }

    /// How many sendings are still to come.
    pub fn queued(&self) -> usize {
        self.inner.state().queue.len()
    }

    /// Webhooks come as they should again.
    pub fn calms_down(&self) {
        self.inner.state().faults.storm = None;
    }

    /// Holds webhooks back from now on.
    pub fn holds_deliveries(&self) {
        self.inner.state().faults.kept.get_or_insert_default();
    }

    /// Sends what was held back.
    pub fn releases_deliveries(&self) {
        self.inner.change(|state| {
            let kept = state.faults.kept.take().unwrap_or_default();
            let kept = state.faults.shuffled(kept);
            state.queue.extend(kept);
        });
    }

    /// Answers nothing but 503 from now on.
    pub fn goes_down(&self) {
        self.inner.state().faults.down = true;
    }

    /// Answers again.
    pub fn comes_back(&self) {
        self.inner.state().faults.down = false;
    }

    /// Kills a process when somebody asks for a path with this in it, before that is answered.
    pub fn kills(&self, process: u32, path: &str) {
        self.inner.state().faults.deadly = Some((path.to_owned(), process));
    }

    /// Moves this world's clock on.
    pub fn time_passes(&self, time: Duration) {
        self.inner.state().clock.passes(time);
    }
}
