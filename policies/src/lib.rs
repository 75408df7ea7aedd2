//! Policy: the Cedar schema, the shipped policies, and the judge.
//!
//! The schema is generated from the declared commands, so a command gets its action by being declared, and the shipped
//! policies permit by class, so it needs no policy of its own. Every policy carries an `@id` and a `@reason`; refusals
//! are written from them.
//!
//! Nothing in here reads a file, a clock or the network: sources and facts come in as values, and the same action and
//! the same policies always give the same decision. What cannot be judged is refused, never let through.

mod cases;
mod error;
mod explain;
mod facts;
mod judge;
mod load;
pub mod probe;
mod read;
mod report;
mod request;
mod schema;
mod shipped;
mod situation;

pub use cases::test;
pub use error::{Finding, PolicyError};
pub use facts::Fact;
pub use judge::Judge;
pub use read::Source;
pub use report::{Report, check};
pub use schema::schema;
pub use shipped::{CASES, shipped};
pub use situation::{About, By, Situation};
