//! The edge in front of the operated service: a process of its own that the bot tells what to do.
//!
//! It serves the service's and the previews' hosts from one durable table, sends each visitor to the stack that is
//! theirs, and counts what becomes of it. Without the bot it goes on with the last table. It must never fail a
//! request because a table changed, never let a visitor name a build, and never hold in memory alone what it has
//! acknowledged.
//!
//! ```text
//! visitor ─TCP→ serve → framing → hyper → answer ─┬→ forward → stack → upstream ⇄ relay, tunnel
//!                                                 └→ join → bindings (durable)
//! bot ─unix socket→ control → edge: table (durable) → routes;  outcomes, usage ← arms;  observed ← rollout
//! ```

mod answer;
mod arms;
mod bell;
mod bindings;
pub mod config;
pub mod control;
mod crowd;
mod edge;
mod endpoints;
mod forward;
mod framing;
mod headers;
mod join;
mod names;
pub mod observed;
pub mod outcomes;
mod pages;
mod relay;
mod rollout;
mod routes;
mod seal;
mod serve;
mod split;
mod stack;
pub mod table;
mod template;
mod tunnel;
mod upload;
mod upstream;
pub mod usage;
mod visitor;
mod workers;

use std::future::Future;

pub use config::{FramedBy, Limits, Ports, RouterConfig, RouterError, Scheme, Waits};
pub use serve::Router;
pub use visitor::COOKIE;

/// Runs a router until `shutdown` comes, then lets what is under way finish within `Waits::drain`.
pub async fn run(
    config: RouterConfig,
    ports: Ports,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RouterError> {
    Router::bind(config, ports).await?.run(shutdown).await
}
