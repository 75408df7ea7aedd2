//! What is drawn: the course of one rollout, as plain data.
//!
//! Nothing here must be tidy: points and marks may come in any order, numbers may be odd. What is not a number is left
//! out, what is out of range is drawn at the end of its range, and the drawing never fails.

/// The course of a rollout up to now.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The verdict in one line, with both numbers: "#52 rolled back: 4.9 % failed, current build 1.0 %". May be empty
    /// where the page says it beside the picture; then `about` names the picture for those who do not see it.
    pub title: String,
    /// One line of what it shows: "visitors who met an error · Sat 21 Nov · Potluck". May be empty.
    pub about: String,
    /// Whose failure is counted: "Visitors who met an error". The heading of the failure rates.
    pub counted: String,
    /// The colours.
    pub theme: Theme,
    /// How times are written.
    pub times: Times,
    /// What was seen, at most a few thousand points; more than the picture has room for are thinned.
    pub points: Vec<Point>,
    /// What was done, and when.
    pub marks: Vec<Mark>,
    /// The failure rate in `[0,1]` from which on the new build counts as harmful, if there is one.
    pub limit: Option<f64>,
    /// Where the evidence stands now.
    pub evidence: Option<Evidence>,
}

/// What was seen at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Milliseconds since the Unix epoch, or since anything else if times are written as [`Times::SinceStart`].
    pub at_ms: i64,
    /// The share of people who get the new build from now on, in `[0,1]`.
    pub share: f64,
    /// How the current build does.
    pub current: Rate,
    /// How the new build does. What is reported after it was rolled back is not drawn: nobody uses it any more.
    pub new: Rate,
}

/// How often something failed, up to or around one time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rate {
    /// How many failed.
    pub failed: f64,
    /// Of how many; none is drawn while it is 0.
    pub of: u64,
    /// The 95 % interval of the rate that is valid at every look, both ends in `[0,1]`.
    pub interval: Option<(f64, f64)>,
}

/// Something that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// On the clock of the points.
    pub at_ms: i64,
    /// What.
    pub kind: MarkKind,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// The new build was started beside the current one.
    Deploy,
    /// The step of this number, from 1, began; the share stands in the points.
    Step(u32),
    /// Somebody, or a rule, held it.
    Pause,
    /// It went on.
    Resume,
    /// Everybody was sent back to the current build.
    RolledBack,
    /// Everybody has the new build.
    Done,
    /// The evidence was judged.
    Verdict,
}

/// Log-wealths of the two sequential tests, in nats: 0 is even, ln 20 is 20 : 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// That the new build is worse.
    pub log_harm: f64,
    /// Where it is rolled back: ln(1/α), over 0.
    pub log_harm_needed: f64,
    /// That the new build is not worse by the margin.
    pub log_safe: f64,
    /// Where it advances: ln(1/β), over 0.
    pub log_safe_needed: f64,
}

/// The colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on white.
    Light,
    /// Light ink on black.
    Dark,
    /// The page's own custom properties (`var(--ink)`…), so that one drawing serves both themes. A PNG has no page and
    /// takes the dark colours.
    Page,
}

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Since the first point or mark: "10 min".
    SinceStart,
    /// The time of day in a zone so many seconds east of UTC; `at_ms` counts from the Unix epoch.
    Clock {
        /// Seconds, within a day both ways.
        offset_s: i32,
    },
}

/// The size and the shape of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Everything, in text of 12 px and more: so many px wide, within 320 and 1600, as high as it must be. Under 600 px
    /// it is a drawing for phones. For a room, 440 px at a scale of 2.3 stays readable on a phone.
    Page {
        /// In px of CSS.
        width: u16,
    },
    /// The failure rates alone, 1000 × 420 with large letters, for a message in a room.
    Chat,
}
