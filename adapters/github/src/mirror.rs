//! Tells GitHub what the record says of previews, promotions and heads, and records that it was told.
//!
//! Only what is durable is told, and one thing after the other. What GitHub refuses is recorded as told, so that it is not
//! tried for ever; what it does not answer is looked up at the next sweep.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Body, Engine, Ledger};
use folkops_model::ports::Clock;
use tokio::sync::Mutex;

use crate::exchange::Wrong;
use crate::github::GitHub;
use crate::reported::Subject;
use crate::say::{Say, Step};
use crate::settings::surface;
use crate::wanted::steps;

/// How long what went wrong is left alone.
const PAUSE: Duration = Duration::from_secs(10);

/// Tells GitHub.
pub struct Mirror {
    github: Arc<GitHub>,
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    /// What went wrong, and until when it is left alone by the monotonic clock.
    paused: Mutex<BTreeMap<Subject, Duration>>,
}

/// What a sweep left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing, as of this record.
    Nothing(u64),
    /// Something that went wrong, or was put off.
    Something,
}

impl Mirror {
    /// From this record to that GitHub.
    pub fn new(github: Arc<GitHub>, ledger: Arc<Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self { github, ledger, clock, paused: Mutex::default() }
    }

    /// Tells whatever is still to be told.
    ///
    /// # Errors
    /// A sentence where the record cannot be written.
    pub async fn sweep(&self, engine: &Engine) -> Result<Left, String> {
        let hosted = &self.github.settings().repositories;
        let (steps, sequence) =
            self.ledger.read(|facts| (steps(facts, hosted, &engine.desk().addresses), facts.sequence()));
        let mut durable = self.ledger.subscribe();
        durable.wait_for(|last| *last >= sequence).await.map_err(|error| error.to_string())?;
        let mut left = Left::Nothing(sequence);
        let mut paused = self.paused.lock().await;
        for step in steps {
            let now = self.clock.monotonic();
            if paused.get(&step.subject).is_some_and(|until| now < *until) {
                left = Left::Something;
                continue;
            }
            match self.tell(&step).await {
                Ok(number) => self.told(engine, &step, number).await?,
                Err(Wrong::Refused { status, said }) => {
                    tracing::warn!(github.subject = %step.subject, status, said, "GitHub refuses what it is told");
                    self.told(engine, &step, step.told.as_ref().map_or(0, |told| told.number)).await?;
                }
                Err(error) => {
                    tracing::warn!(github.subject = %step.subject, %error, "GitHub could not be told");
                    let hushed = matches!(error, Wrong::Hushed(_));
                    paused.insert(step.subject, now + PAUSE);
                    left = Left::Something;
                    if hushed {
                        return Ok(left);
                    }
                }
            }
        }
        paused.retain(|_, until| self.clock.monotonic() < *until);
        Ok(left)
    }

    async fn tell(&self, step: &Step) -> Result<u64, Wrong> {
        let known = step.told.as_ref().map(|told| told.number);
        // It was refused from the beginning.
        if known == Some(0) {
            return Ok(0);
        }
        match &step.say {
            Say::Deployment(deployed) => self.github.tell_deployment(&step.subject, known, deployed).await,
            Say::Check(checked) => self.github.tell_check(&step.subject, known, checked).await,
        }
    }

    async fn told(&self, engine: &Engine, step: &Step, number: u64) -> Result<(), String> {
        let round = match &step.say {
            Say::Deployment(deployed) => deployed.round,
            Say::Check(_) => 0,
        };
        let body = Body::Mirrored {
            surface: surface(),
            key: step.subject.to_string(),
            round,
            number,
            said: step.say.word(),
        };
        engine.note(body).await.map(drop).map_err(|error| error.0)
    }
}
