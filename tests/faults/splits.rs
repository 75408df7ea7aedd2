//! The shares by which the router divides visitors, watched as long as a rollout goes; each must be one of the record's.

use std::collections::BTreeSet;
use std::time::Duration;

use folkops_router::control::ControlClient;
use folkops_world::{Journal, Setup};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::interval;

/// Between two looks at the router's table.
const LOOK: Duration = Duration::from_millis(100);

/// Who gets what is not production's, and in which shares: its name, its share and the control's, as JSON.
type Split = String;

/// Looks until it is asked what it saw.
pub(crate) struct Splits(JoinHandle<BTreeSet<Split>>, tokio::sync::oneshot::Sender<()>);

impl Splits {
    /// Begins to look.
    pub(crate) fn watch(setup: &Setup) -> Self {
        let router = ControlClient::new(setup.state().join("router.sock"));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        Self(tokio::spawn(look(router, stopped)), stop)
    }

    /// Every division of the visitors was one that the record says, and there was one if there had to be.
    pub(crate) async fn are_recorded(self, journal: &Journal) {
        // Whoever looks is there until this is said.
        let _ = self.1.send(());
        let seen = self.0.await.unwrap();
        let recorded = recorded(journal);
        assert!(!seen.is_empty() && seen.is_subset(&recorded), "{seen:?} beside {recorded:?}");
    }
}

async fn look(router: ControlClient, mut stopped: tokio::sync::oneshot::Receiver<()>) -> BTreeSet<Split> {
    let (mut seen, mut looks) = (BTreeSet::new(), interval(LOOK));
    while stopped.try_recv().is_err() {
        looks.tick().await;
        // A router that is away divides nobody.
        let Ok(Some(table)) = router.table().await else { continue };
        if let Some(split) = table.service.rollout {
            let (weight, control) = (split.weight.basis_points(), split.control.basis_points());
            seen.insert(json!([split.candidate.arm, weight, control]).to_string());
        }
    }
    seen
}

fn recorded(journal: &Journal) -> BTreeSet<Split> {
    let intents = journal.every("intended").into_iter().map(|record| &record["body"]);
    let splits = intents.flat_map(|intent| -> Vec<Value> {
        let arm = |release: &Value| format!("release-{release}");
        match intent["intent"].as_str() {
            Some("start-rollout") => {
                let rollout = &intent["rollout"];
                let rungs = rollout["rungs"].as_array().unwrap().iter();
                rungs.map(|rung| json!([arm(&rollout["release"]), rung["weight"], rung["control"]])).collect()
            }
            Some("lead-back") => {
                let share = intent["share"].as_u64().unwrap();
                vec![json!([arm(&intent["left"]), share, 10_000 - share])]
            }
            _ => Vec::new(),
        }
    });
    splits.map(|split| split.to_string()).collect()
}
