//! Metrics in the text format of OpenMetrics: counts from the folds, never a name or an id of a person.

use folkops_engine::{OperationState, Operations, Outbox, RequestState};
use folkops_previews::{Mixes, Previews, Releases};
use folkops_record::RequestEnd;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::build::Bot;

/// All metrics, now.
pub fn text(bot: &Bot) -> String {
    let mut registry = Registry::with_prefix("folkops");
    let mut gauge = |name: &str, help: &str, value: usize| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    bot.ledger.read(|facts| {
        gauge(
            "journal_records",
            "Records in the journal",
            usize::try_from(facts.sequence()).unwrap_or(usize::MAX),
        );
        if let Some(operations) = facts.fold::<Operations>() {
            let states =
                operations.live.iter().filter_map(|(id, ())| operations.operations.get(id)).map(|o| &o.state);
            let states: Vec<&OperationState> = states.collect();
            let count = |is: fn(&OperationState) -> bool| states.iter().filter(|state| is(state)).count();
            let waiting = count(|state| matches!(state, OperationState::Waiting(_)));
            let queued = count(|state| matches!(state, OperationState::Queued { .. }));
            let running = count(|state| matches!(state, OperationState::Running { .. }));
            gauge("operations_waiting", "Operations that wait for people", waiting);
            gauge("operations_queued", "Operations that wait for their turn", queued);
            gauge("operations_running", "Operations at work", running);
            gauge("requests_open", "Requests received and not decided", operations.open.len());
            let parked = RequestState::Ended(RequestEnd::Parked);
            let parked = operations.requests.iter().filter(|(_, row)| row.state == parked).count();
            gauge("requests_set_aside", "Requests among the newest 5,000 that could not be handled", parked);
        }
        if let Some(outbox) = facts.fold::<Outbox>() {
            gauge("replies_owed", "Replies that are not posted yet", outbox.owed.len());
        }
        if let Some(previews) = facts.fold::<Previews>() {
            gauge("previews", "Previews that should be up", previews.previews.len());
        }
        if let Some(mixes) = facts.fold::<Mixes>() {
            gauge("mixes", "People with a mix of their own", mixes.mixes.len());
        }
        if let Some((production, _)) = facts.fold::<Releases>().and_then(|releases| releases.current(facts)) {
            let number = usize::try_from(production.release.0).unwrap_or(usize::MAX);
            gauge("production_release", "The release that production should run", number);
        }
    });
    if let Some(intake) = &bot.intake {
        let (writes, hushed) = intake.github().client().spent();
        gauge(
            "github_writes_last_hour",
            "Contents written to GitHub in the last hour, at most 500 each",
            writes,
        );
        gauge("github_hushed", "Installations that GitHub wants left alone at the moment", hushed);
    }
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => text,
        Err(error) => format!("# metrics could not be written: {error}\n"),
    }
}
