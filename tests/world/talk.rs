//! People in the room: joining, speaking, pressing buttons, reading answers. All of it over HTTP, as their browsers do.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::browser::Browser;
use crate::http::{Answer, form};
use crate::markup::Element;
use crate::room::{Button, Card, Message, messages};
use crate::setup::ROOM;
use crate::until::{BUILT, SOON, seen_until};
use crate::world::World;

/// Somebody who joined.
#[derive(Debug, Clone)]
pub struct Somebody {
    /// Their browser.
    pub browser: Browser,
    /// What proves that a form comes from a page of theirs.
    pub csrf: String,
}

/// What came back when something was said.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The site's own answer.
    pub answer: Answer,
    /// The key that it was sent with.
    pub key: String,
}

/// Numbers forms, so that each is said once.
static KEYS: AtomicU64 = AtomicU64::new(0);

impl World {
    /// Lets somebody in by an invitation, with groups, and perhaps with an account in the service or an e-mail.
    ///
    /// # Panics
    /// If the invitation does not work.
    pub async fn joins(&self, name: &str, invitation: &[&str]) {
        let words: Vec<&str> = ["invite", name].iter().chain(invitation).copied().collect();
        let link = self.setup().folkops(&words).await;
        let path = link.well().split_once("/join/").map(|(_, token)| format!("/join/{token}"));
        let path = path.unwrap_or_else(|| panic!("no link in {link:?}"));
        let host = self.site_host();
        let mut browser = Browser::new(self.setup().site);
        browser.opens(&host, &path).await.shows(&["Join as"]);
        let joined = browser.sends(&host, &path, String::new()).await;
        assert_eq!(joined.status, 303, "{}", joined.body);
        let page = browser.opens(&host, &room_path()).await;
        let page = Element::page(&page.body);
        let csrf = page.field("csrf").expect("a form of theirs").to_owned();
        self.people().insert(name.to_lowercase(), Somebody { browser, csrf });
    }

    /// Says a line, and gives the card that answers it.
    ///
    /// # Panics
    /// If it is not taken, or no answer comes.
    pub async fn says(&self, who: &str, line: &str) -> Card {
        let sent = self.sends(who, line).await;
        assert_eq!(sent.answer.status, 202, "{line}: {}", sent.answer.body);
        self.answer_to(who, &sent).await
    }

    /// Says a line that gets no answer; gives what the site said to it.
    pub async fn sends(&self, who: &str, text: &str) -> Sent {
        self.sends_keyed(who, text, &format!("key{:08}", KEYS.fetch_add(1, Ordering::Relaxed))).await
    }

    /// Says a line under a key of one's own: the same key again is the same message.
    ///
    /// # Panics
    /// If nobody of that name joined, or no answer comes.
    pub async fn sends_keyed(&self, who: &str, text: &str, key: &str) -> Sent {
        let csrf = self.somebody(who).csrf;
        let fields = form(&[("text", text), ("key", key), ("csrf", &csrf)]);
        Sent { answer: self.submit(who, fields).await, key: key.to_owned() }
    }

    async fn submit(&self, who: &str, fields: String) -> Answer {
        let mut browser = self.somebody(who).browser;
        let path = format!("{}/say", room_path());
        let sent = browser.sends_for(&self.site_host(), &path, fields, "application/json").await;
        sent.unwrap_or_else(|error| self.gives_up(&format!("{who} cannot say anything: {error}")))
    }

    /// Presses the button with that label, or whose label begins with it, on the newest card that has it; gives the
    /// card that answers.
    ///
    /// # Panics
    /// If it is not there or cannot be pressed.
    pub async fn presses(&self, who: &str, label: &str) -> Card {
        let has = |card: &Card| card.buttons.iter().any(|button| button.label().starts_with(label));
        let card = self.until_card(who, &format!("a card with [{label}]"), has).await;
        let Button::Says { fields, .. } = card.button(label) else {
            panic!("{who} cannot press [{label}] on {card}")
        };
        let key = fields.iter().find(|(name, _)| name == "key").map(|(_, key)| key.clone()).unwrap();
        let pairs: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = self.submit(who, form(&pairs)).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        self.answer_to(who, &Sent { answer, key }).await
    }

    /// The first public card that came after what was said and that somebody asked for.
    async fn answer_to(&self, who: &str, sent: &Sent) -> Card {
        let mine = format!("-{}", sent.key);
        let look = async || {
            let room = self.room(who).await;
            let at = room.iter().position(|message| message.id.ends_with(&mine))?;
            room.into_iter()
                .skip(at)
                .filter_map(|message| message.card)
                .find(|card| !card.by_itself && !card.private)
        };
        match seen_until(SOON, look).await {
            Some(card) => card,
            None => self.gives_up(&format!("nothing answers {who}")),
        }
    }

    /// The newest card that somebody sees whose title holds a text; waits for it.
    ///
    /// # Panics
    /// If it does not come.
    pub async fn card_matching(&self, who: &str, title: &str) -> Card {
        self.until_card(who, title, |card| card.title.contains(title)).await
    }

    /// The later state of a card whose title holds a text; waits for it.
    ///
    /// # Panics
    /// If the card does not come to that.
    pub async fn until_becomes(&self, who: &str, card: &Card, title: &str) -> Card {
        self.until_card(who, title, |now| now.id == card.id && now.title.contains(title)).await
    }

    /// The newest card that somebody sees that is what is wanted; waits for it.
    ///
    /// # Panics
    /// If it does not come.
    pub async fn until_card(&self, who: &str, what: &str, wanted: impl Fn(&Card) -> bool) -> Card {
        let look = async || {
            let room = self.room(who).await;
            room.into_iter().rev().filter_map(|message| message.card).find(|card| wanted(card))
        };
        match seen_until(BUILT, look).await {
            Some(card) => card,
            None => self.gives_up(&format!("{who} never saw `{what}`")),
        }
    }

    /// The room as somebody sees it now, oldest first.
    pub async fn room(&self, who: &str) -> Vec<Message> {
        messages(&Element::page(&self.room_page(who).await.body))
    }

    /// The room's page as somebody sees it now.
    pub async fn room_page(&self, who: &str) -> Answer {
        let mut browser = self.somebody(who).browser;
        let page = browser.tries(&self.site_host(), &room_path()).await;
        page.unwrap_or_else(|error| self.gives_up(&format!("the room cannot be read: {error}")))
    }

    /// Every page of the room as somebody sees it now, the newest first.
    ///
    /// # Panics
    /// If one of them cannot be had.
    pub async fn room_pages(&self, who: &str) -> Vec<Element> {
        let mut browser = self.somebody(who).browser;
        let (mut pages, mut path) = (Vec::new(), Some(room_path()));
        while let Some(next) = path {
            let page = Element::page(&browser.opens(&self.site_host(), &next).await.shows(&[]).body);
            let links = page.every(|element| element.name == "a");
            let earlier = links.into_iter().find(|link| link.words() == "Earlier messages");
            path = earlier.and_then(|link| link.attribute("href")).map(str::to_owned);
            pages.push(page);
        }
        pages
    }

    /// The room's address, for a real browser.
    pub fn room_address(&self) -> String {
        format!("http://{}:{}{}", self.site_host(), self.setup().site.port(), room_path())
    }

    /// Somebody who joined.
    ///
    /// # Panics
    /// If nobody of that name did.
    pub fn somebody(&self, who: &str) -> Somebody {
        self.people().get(who).unwrap_or_else(|| panic!("{who} did not join")).clone()
    }
}

fn room_path() -> String {
    format!("/room/{ROOM}")
}
