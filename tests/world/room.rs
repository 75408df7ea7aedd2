//! The room as one person sees it, read from its page.

use std::fmt;

use crate::markup::Element;

/// One message of the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id on the page.
    pub id: String,
    /// The record that put it there: later ones are higher.
    pub place: u64,
    /// Who spoke.
    pub by: String,
    /// What a person said, as text.
    pub said: Option<String>,
    /// A reply of the program's.
    pub card: Option<Card>,
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its message's id: the same card keeps it through all its states.
    pub id: String,
    /// What the glyph says: `waiting`, `done`, `refused`, …
    pub state: String,
    /// The first line.
    pub title: String,
    /// Sentences below it.
    pub body: Vec<String>,
    /// Labelled facts.
    pub rows: Vec<(String, String)>,
    /// Buttons, with what happens when they are pressed.
    pub buttons: Vec<Button>,
    /// The end of a log.
    pub log: Option<String>,
    /// A link for this person alone.
    pub secret: Option<String>,
    /// Why some buttons cannot be pressed.
    pub why_not: Option<String>,
    /// Whether only this person sees it.
    pub private: bool,
    /// Whether nobody asked for it.
    pub by_itself: bool,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Button {
    /// Says a line in the person's name.
    Says {
        /// What stands on it.
        label: String,
        /// The fields that its form carries.
        fields: Vec<(String, String)>,
    },
    /// Leads to a page.
    Opens {
        /// What stands on it.
        label: String,
        /// Where.
        address: String,
    },
    /// Cannot be pressed by this person.
    Refused {
        /// What stands on it.
        label: String,
    },
}

impl Button {
    /// What stands on it.
    pub fn label(&self) -> &str {
        match self {
            Self::Says { label, .. } | Self::Opens { label, .. } | Self::Refused { label } => label,
        }
    }
}

impl Card {
    /// A labelled fact, or nothing.
    pub fn row(&self, label: &str) -> &str {
        self.rows.iter().find(|(known, _)| known == label).map_or("", |(_, value)| value)
    }

    /// The button with this label, or whose label begins with it.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn button(&self, label: &str) -> &Button {
        self.buttons
            .iter()
            .find(|button| button.label().starts_with(label))
            .unwrap_or_else(|| panic!("no `{label}` on {self}"))
    }

    fn read(message: &Element) -> Option<Self> {
        let card = message.first("article")?;
        let words = |class: &str| card.classed(class).map(|element| squeezed(&element.words()));
        let rows = card.every(|element| element.name == "dt" || element.name == "dd");
        Some(Self {
            id: id_of(message)?,
            state: words("glyph").unwrap_or_default(),
            title: card.first("h3").map(|title| squeezed(&title.words())).unwrap_or_default(),
            body: card.every(is_sentence).iter().map(|body| squeezed(&body.words())).collect(),
            rows: rows.chunks(2).map(|pair| (pair[0].words(), squeezed(&pair[1].words()))).collect(),
            buttons: card
                .every(|element| element.has_class("btn"))
                .iter()
                .filter_map(|button| of(card, button))
                .collect(),
            log: card.classed("log-end").and_then(|log| log.first("pre")).map(Element::words),
            secret: card.classed("secret").and_then(|link| link.attribute("href")).map(str::to_owned),
            why_not: words("why"),
            private: message.classed("only").is_some(),
            by_itself: message.classed("by").is_some_and(|by| by.words().contains("by itself")),
        })
    }
}

fn is_sentence(element: &Element) -> bool {
    element.name == "p" && !element.has_class("err")
}

fn of(card: &Element, button: &Element) -> Option<Button> {
    let label = squeezed(&button.words());
    if button.has_class("secret") {
        return None;
    }
    if let Some(address) = button.attribute("href") {
        return Some(Button::Opens { label, address: address.to_owned() });
    }
    if button.attribute("aria-disabled").is_some() {
        return Some(Button::Refused { label });
    }
    let form = card.all().into_iter().find(|form| form.name == "form" && form.all().contains(&button))?;
    let fields = form.every(|field| field.name == "input").into_iter().filter_map(|field| {
        Some((field.attribute("name")?.to_owned(), field.attribute("value")?.to_owned()))
    });
    Some(Button::Says { label, fields: fields.collect() })
}

/// The messages of a room's page, oldest first.
pub fn messages(page: &Element) -> Vec<Message> {
    let lines = page.every(|element| element.has_class("msg"));
    lines.into_iter().filter_map(message).collect()
}

fn message(line: &Element) -> Option<Message> {
    Some(Message {
        id: id_of(line)?,
        place: line.attribute("data-place")?.parse().ok()?,
        by: line.classed("by")?.first("b")?.words(),
        said: line.classed("said").map(Element::words),
        card: Card::read(line),
    })
}

fn id_of(line: &Element) -> Option<String> {
    line.attribute("id")?.strip_prefix("m-").map(str::to_owned)
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As one reads it: state and title, sentences, facts, buttons.
impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.state, self.title)?;
        self.body.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        self.rows.iter().try_for_each(|(label, value)| writeln!(f, "{label}: {value}"))?;
        let buttons = self.buttons.iter().map(|button| match button {
            Button::Refused { label } => format!("({label})"),
            other => format!("[{}]", other.label()),
        });
        let buttons: Vec<String> = buttons.collect();
        if !buttons.is_empty() {
            writeln!(f, "{}", buttons.join(" "))?;
        }
        self.why_not.iter().try_for_each(|why| writeln!(f, "{why}"))
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.said, &self.card) {
            (_, Some(card)) => write!(f, "{}: {card}", self.by),
            (Some(said), None) => write!(f, "{}: {said}", self.by),
            (None, None) => write!(f, "{}:", self.by),
        }
    }
}
