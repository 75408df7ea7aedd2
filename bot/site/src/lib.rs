//! The public pages and the web room.
//!
//! Everything shown is drawn from the record's folds, and only once it is durable. A page decides nothing: what is said
//! here goes into the pipeline like a message from any other network, and what may not be seen is left out where the
//! facts are read. Texts of people are escaped and never become markup, links or script.

mod assets;
mod config;
mod demo;
mod diff;
mod guard;
mod html;
mod join;
mod live;
mod look;
mod pages;
mod picture;
mod rollouts;
mod routes;
mod say;
mod session;
mod sign_in;
mod sink;
mod state;
mod status;

pub use config::{
    Away, Deed, Demo, DiffSource, Elsewhere, GuideStep, Metrics, NotSignedIn, Pane, Persona, Ready, SignIn,
    SignIns, SignedIn, SiteConfig,
};
pub use routes::{router, serve};
pub use sink::WebSink;
pub use state::{NotAnOrigin, Site};
