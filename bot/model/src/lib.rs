//! The nouns of FolkOps: ids, people, requests, actions, decisions, intents, effects, cards, command specs.
//!
//! Every other crate speaks in these types, so this crate does no I/O, knows no clock and runs nothing async.
//! Text from outside becomes one of these newtypes at the border, or is refused there; nobody validates later.

pub mod action;
pub mod card;
pub mod change;
pub mod command;
pub mod effect;
pub mod ids;
pub mod intent;
pub mod observed;
pub mod person;
pub mod ports;
pub mod request;
pub mod rollout;
pub mod sealed;
pub mod stack;
pub mod usage;
pub mod vetting;

pub use action::{Action, Authority, Context, Decision, OldRights, Resource, Rule, Verdict};
pub use card::{Button, Card, CardState, Line, Picture, Pictured, Press, Row, Span, Weight};
pub use change::{ChangeName, ChangeRef, DiffSummary, Difference, Landing, ObservedChange, Target, Touched};
pub use command::{ArgKind, ArgSpec, Args, Arity, Class, CommandSpec, FreeText, Value};
pub use effect::{Effect, Failure, FailureKind, Outcome};
pub use ids::{
    BodyHash, ChangeNumber, ComponentName, CompositionId, Digest, Malformed, MessageId, OperationId, Owner,
    PersonId, PreviewId, ReleaseNumber, RequestId, RoomName, ServiceId, Sha, StackName, SurfaceName, TreeId,
};
pub use intent::{Intent, Topic};
pub use observed::{ClientKind, Cohort, Compared, Counts, Observation, Tick, Visitors};
pub use person::{Account, Group, Principal};
pub use request::{Cause, Place, Request};
pub use rollout::{BasisPoints, Held, Late, Rollout, RolloutEnd, Rung, Soak, Strategy, Timing};
pub use sealed::Sealed;
pub use stack::{Part, Release, ReleasedComponent, StackKind, StackSpec, Trust};
pub use usage::{Ended, Endpoint, LATENCY_BOUNDS_US, Tried, Usage, Used};
pub use vetting::{Check, CheckState, Review, ReviewState, Vetting};
