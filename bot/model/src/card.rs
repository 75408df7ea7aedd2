//! Cards: what a reply says, free of any network's syntax.
//!
//! A card holds no names and no quoted words of people, only references to them; each surface renders it in its own
//! way and escapes everything. So erasing a person's key also erases them from old cards.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ChangeNumber, ComponentName, Digest, PersonId, ReleaseNumber, Sha};
use crate::sealed::Sealed;

/// What state a card tells of. A surface shows it as glyph, word and colour, all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardState {
    /// Somebody must do something first.
    Waiting,
    /// In motion.
    Working,
    /// Done, and well.
    Good,
    /// Something broke or hurts.
    Harmful,
    /// Stopped on purpose.
    Held,
    /// Not done; nothing broke.
    Refused,
    /// A question to people.
    Ask,
    /// Live for everybody.
    Live,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    /// Our own words.
    Text(String),
    /// Our own words that matter.
    Strong(String),
    /// A command or other literal of ours.
    Code(String),
    /// What somebody typed, or is to type; rendered as code, escaped.
    Said(Sealed),
    /// What somebody is called elsewhere, who is not known here; escaped, as plain words.
    Called(Sealed),
    /// A person.
    Person(PersonId),
    /// A change.
    Change(ChangeNumber),
    /// A title that an author gave, or a name from a forge; a stranger's text, always escaped.
    Foreign(String),
    /// A commit, drawn short, carried whole.
    Commit(Sha),
    /// A build, drawn short, carried whole.
    Build(ComponentName, Digest),
    /// A link of our own making; the host is always shown.
    Link(String),
    /// A link that is a secret of the one person who sees it.
    SecretLink(Sealed),
    /// A moment, shown in the reader's zone.
    Time(Timestamp),
}

/// A line of text made of pieces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Line(pub Vec<Span>);

impl Line {
    /// An empty line to build on.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds a piece.
    #[must_use]
    pub fn span(mut self, span: Span) -> Self {
        self.0.push(span);
        self
    }
    /// Adds our own words.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.span(Span::Text(text.into()))
    }
    /// Adds words that matter.
    #[must_use]
    pub fn strong(self, text: impl Into<String>) -> Self {
        self.span(Span::Strong(text.into()))
    }
    /// Adds a literal of ours.
    #[must_use]
    pub fn code(self, text: impl Into<String>) -> Self {
        self.span(Span::Code(text.into()))
    }
    /// Adds a person.
    #[must_use]
    pub fn person(self, person: &PersonId) -> Self {
        self.span(Span::Person(person.clone()))
    }
    /// Adds a change.
    #[must_use]
    pub fn change(self, number: ChangeNumber) -> Self {
        self.span(Span::Change(number))
    }
    /// Adds a commit.
    #[must_use]
    pub fn commit(self, sha: &Sha) -> Self {
        self.span(Span::Commit(sha.clone()))
    }
    /// Adds several pieces with commas and a final "and" between them.
    #[must_use]
    pub fn list(mut self, items: impl IntoIterator<Item = Span>) -> Self {
        let items: Vec<Span> = items.into_iter().collect();
        let last = items.len().saturating_sub(1);
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self = self.text(if index == last { " and " } else { ", " });
            }
            self = self.span(item);
        }
        self
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

/// One labelled fact of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// One word: Why, Rule, Next, Now, Who, Until.
    pub label: String,
    /// The fact.
    pub line: Line,
}

/// How much a button asks for attention. A card has at most one `Main`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// What the card asks for.
    Main,
    /// An alternative.
    Plain,
    /// It takes something away.
    Danger,
    /// Last and least.
    Quiet,
}

/// What pressing does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Press {
    /// Says this line in the card's room, as the one who presses.
    Say(String),
    /// Opens a page of ours.
    Open(String),
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// Its words.
    pub label: String,
    /// How much it asks for attention.
    pub weight: Weight,
    /// What it does.
    pub press: Press,
}

/// A picture of a card: which one, never its bytes, so that each surface takes it in the form that it can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// What it shows.
    pub of: Pictured,
    /// What it says, for those who do not see it. Our own words.
    pub alt: String,
}

/// What a picture shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pictured {
    /// A rollout's course.
    Rollout {
        /// The release that is or was tried.
        release: ReleaseNumber,
        /// Up to this moment, UTC; without it, up to when the picture is looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
}

/// A reply: what happened, why it was allowed, what comes next, who can do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The state it tells of.
    pub state: CardState,
    /// What happened, one line.
    pub title: Line,
    /// All that the room shows of a card that opens a thread by itself; the whole card heads the thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brief: Option<Line>,
    /// A sentence or two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<Line>,
    /// A picture, below the sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
    /// What one agrees to by pressing the main button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Line>,
    /// The end of a log or a diff, shown folded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Labelled facts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Buttons in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// The way without the bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Line>,
}

impl Card {
    /// A card with a title and nothing else yet.
    pub fn new(state: CardState, title: impl Into<Line>) -> Self {
        Self {
            state,
            title: title.into(),
            brief: None,
            body: Vec::new(),
            picture: None,
            consent: None,
            log: None,
            rows: Vec::new(),
            buttons: Vec::new(),
            hint: None,
        }
    }
    /// Opens a thread: the room shows this line, the thread the whole card.
    #[must_use]
    pub fn opening(mut self, brief: impl Into<Line>) -> Self {
        self.brief = Some(brief.into());
        self
    }
    /// Adds a picture.
    #[must_use]
    pub fn picture(mut self, of: Pictured, alt: impl Into<String>) -> Self {
        self.picture = Some(Picture { of, alt: alt.into() });
        self
    }
    /// Adds a sentence.
    #[must_use]
    pub fn say(mut self, line: impl Into<Line>) -> Self {
        self.body.push(line.into());
        self
    }
    /// Adds a labelled fact.
    #[must_use]
    pub fn row(mut self, label: &str, line: impl Into<Line>) -> Self {
        self.rows.push(Row { label: label.to_owned(), line: line.into() });
        self
    }
    /// Says what one agrees to.
    #[must_use]
    pub fn consent(mut self, line: impl Into<Line>) -> Self {
        self.consent = Some(line.into());
        self
    }
    /// Adds the end of a log or a diff.
    #[must_use]
    pub fn log(mut self, log: impl Into<String>) -> Self {
        self.log = Some(log.into());
        self
    }
    /// Adds a button that says a line.
    #[must_use]
    pub fn button(mut self, weight: Weight, label: impl Into<String>, says: impl Into<String>) -> Self {
        self.buttons.push(Button { label: label.into(), weight, press: Press::Say(says.into()) });
        self
    }
    /// Adds a button that opens a page.
    #[must_use]
    pub fn open(mut self, weight: Weight, label: impl Into<String>, url: impl Into<String>) -> Self {
        self.buttons.push(Button { label: label.into(), weight, press: Press::Open(url.into()) });
        self
    }
    /// Says how it goes without the bot.
    #[must_use]
    pub fn hint(mut self, line: impl Into<Line>) -> Self {
        self.hint = Some(line.into());
        self
    }
}
