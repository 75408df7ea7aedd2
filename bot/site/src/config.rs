//! What the site is told when the program is put together, and the ports it needs.
//!
//! Nothing here comes from a request. The site's own origin is read from the addresses that replies name, so that the
//! links of a card and the checks on a form cannot disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Facts, Unavailable};
use folkops_model::{Account, ChangeRef, Group, Line, PersonId, Place, RoomName, Sha, SurfaceName};
use futures::future::BoxFuture;

/// Gives the text of a diff, bounded, with control characters made visible.
pub trait DiffSource: Send + Sync {
    /// The unified diff between a change's base and its head.
    fn diff<'a>(
        &'a self,
        change: &'a ChangeRef,
        base: &'a Sha,
        head: &'a Sha,
    ) -> BoxFuture<'a, Result<String, Unavailable>>;
}

/// Lets people show that an account of another network is theirs: OAuth with PKCE, or what works like it.
pub trait SignIn: Send + Sync {
    /// How the network is called.
    fn label(&self) -> &str;

    /// Where the browser goes: an absolute address that carries both words. `challenge` is the SHA-256 of the verifier
    /// in base64url without padding (RFC 7636, method S256).
    fn begin(&self, state: &str, challenge: &str) -> String;

    /// Whose account it is, by the code that the browser came back with and the verifier that only we know.
    fn finish<'a>(&'a self, code: &'a str, verifier: &'a str)
    -> BoxFuture<'a, Result<SignedIn, NotSignedIn>>;
}

/// An account that is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Which.
    pub account: Account,
    /// How its owner calls themself there; shown, never an identity.
    pub name: String,
}

/// No account was proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSignedIn {
    /// The code is not one that this verifier belongs to, or was used already.
    #[error("the code does not hold: {0}")]
    Refused(String),
    /// The network does not answer; trying again later may help.
    #[error("the network does not answer: {0}")]
    Unavailable(String),
}

/// How people sign in who were not invited.
#[derive(Default)]
pub struct SignIns {
    /// By the surface of their accounts.
    pub by: BTreeMap<SurfaceName, Arc<dyn SignIn>>,
    /// In which groups somebody stands who signs in for the first time.
    pub groups: BTreeSet<Group>,
}

/// Says whether the program can do its work; the error says what is missing.
pub type Ready = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Writes the metrics in the text format of OpenMetrics.
pub type Metrics = Box<dyn Fn() -> String + Send + Sync>;

/// Which place of another surface stands behind a room's name, where one does.
pub type Elsewhere = Box<dyn Fn(&Facts<'_>, &RoomName) -> Option<Away> + Send + Sync>;

/// A place of another surface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// The place.
    pub place: Place,
    /// How it is called there.
    pub name: String,
    /// Where people find it, an address of HTTP.
    pub address: String,
}

/// What the site is told.
pub struct SiteConfig {
    /// How the service is called.
    pub title: String,
    /// The room that `/` leads to.
    pub room: RoomName,
    /// Further rooms, in the order in which they are listed.
    pub other_rooms: Vec<RoomName>,
    /// Places of other surfaces, such as pull requests: read and spoken in here as well, and answered there.
    pub elsewhere: Elsewhere,
    /// How long a browser speaks for somebody after it joined.
    pub session_lasts: Duration,
    /// How people sign in by accounts of other networks.
    pub sign_in: SignIns,
    /// Where diffs come from.
    pub diffs: Arc<dyn DiffSource>,
    /// For `/readyz`.
    pub ready: Ready,
    /// For `/metrics`.
    pub metrics: Metrics,
    /// Addresses at which other programs call, each of which proves by itself who calls. They stand beside the pages and
    /// not behind what guards those.
    pub webhooks: axum::Router,
    /// The guided demo, where this is one.
    pub demo: Option<Demo>,
}

impl SiteConfig {
    /// Every room, in order.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = &RoomName> {
        std::iter::once(&self.room).chain(&self.other_rooms)
    }
}

/// The demo: two people's services side by side, the room below, and a path through it.
pub struct Demo {
    /// One line beside the title, such as how many synthetic visitors there are.
    pub note: String,
    /// The two people whose services are shown.
    pub panes: [Pane; 2],
    /// In whose name the visitor may speak; the first one to begin with.
    pub personas: Vec<Persona>,
    /// The path.
    pub guide: Vec<GuideStep>,
    /// The sentence below the path.
    pub closing: String,
}

/// One person's service, shown in a frame.
pub struct Pane {
    /// Whose.
    pub person: PersonId,
    /// Where it is, absolute; its origin is the only thing that the page may frame.
    pub url: String,
    /// What the pill says while they use a mix, such as `her mix`.
    pub mix: String,
}

/// Somebody in whose name the visitor of the demo may speak.
pub struct Persona {
    /// Who.
    pub person: PersonId,
    /// The token of a session that was opened for them.
    pub session: String,
}

/// One step of the guided path.
pub struct GuideStep {
    /// A short word that a browser test knows it by.
    pub id: String,
    /// What happens, in one or two sentences.
    pub text: Line,
    /// What takes the step; a step to look at has nothing.
    pub deed: Option<Deed>,
    /// Whether it has happened, asked every second or so. Once true it stays ticked.
    pub done: Box<dyn Fn(&Facts<'_>) -> bool + Send + Sync>,
}

/// What somebody does to take a step.
pub enum Deed {
    /// Says a line.
    Says(PersonId, String),
    /// Presses a button on a card.
    Presses {
        /// Who.
        person: PersonId,
        /// What stands on the button, or how it begins.
        label: String,
        /// What stands on the button to press next, in this person's own pane.
        in_pane: Option<String>,
    },
}

impl Deed {
    /// Whose it is.
    pub(crate) fn person(&self) -> &PersonId {
        match self {
            Self::Says(person, _) | Self::Presses { person, .. } => person,
        }
    }
}
