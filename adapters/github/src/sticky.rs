//! The one comment that we keep on a pull request: everything that was answered there, the newest first.
//!
//! What it says follows from the record alone, so it is written anew from there and never added to. It opens with a
//! marker that only our own App's comments are looked for, with the key of its newest reply.

use std::collections::{BTreeMap, BTreeSet};

use folkops_engine::{Audience, Facts, Keyring, Operations, Outbox, People, Reply};
use folkops_model::{ChangeNumber, ChangeRef, OperationId, PersonId, Place, Principal, Sealed};
use folkops_previews::Changes;

use crate::markdown::{self, Names};
use crate::settings::{Bare, Settings};
use crate::words;

/// How long a comment may be: GitHub takes 65,536 characters.
const LONGEST: usize = 60_000;
/// How many earlier replies are kept, folded.
const EARLIER: usize = 15;

/// All that the comment is drawn from, read in one consistent state.
pub struct Sticky {
    /// The record up to which it was read; it may be shown once that is durable.
    pub sequence: u64,
    /// The comment, where one was posted before.
    pub comment: Option<u64>,
    /// Whether another bot that answers the same words was seen in the repository.
    another: bool,
    place: Place,
    replies: Vec<Reply>,
    /// For whom alone there is something beside an operation's card.
    private: BTreeMap<OperationId, BTreeSet<PersonId>>,
    people: BTreeMap<PersonId, Sealed>,
    changes: BTreeMap<ChangeNumber, Option<ChangeRef>>,
}

impl Sticky {
    /// Reads everything that was replied in a place.
    pub fn read(facts: &Facts<'_>, place: &Place) -> Option<Self> {
        let outbox = facts.fold::<Outbox>()?;
        let here =
            || outbox.replies.iter().map(|(_, row)| row).filter(|row| is_here(&row.reply.place, place));
        let everyones = here().filter(|row| row.reply.audience == Audience::Everyone);
        let mut replies: Vec<_> = everyones.map(|row| (row.since, &row.reply)).collect();
        // What changed last stands first, but figures that nobody asked for stand behind an answer; what would be left out
        // anyway is not copied.
        replies.sort_by_key(|(since, _)| std::cmp::Reverse(*since));
        let answer = replies.iter().position(|(_, reply)| !is_figures(facts, reply));
        if let Some(newer) = answer.and_then(|answer| replies.get_mut(..=answer)) {
            newer.rotate_right(1);
        }
        replies.truncate(1 + EARLIER);
        let mut private: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for reply in here().map(|row| &row.reply) {
            if let Audience::Only(person) = &reply.audience {
                private.entry(reply.key.operation.clone()).or_default().insert(person.clone());
            }
        }
        let people =
            facts.fold::<People>()?.people.iter().map(|(id, person)| (id.clone(), person.name.clone()));
        Some(Self {
            sequence: facts.sequence(),
            comment: here()
                .find_map(|row| row.posted.as_ref().and_then(|(_, message)| words::comment(message))),
            another: another(facts, place),
            place: place.clone(),
            private,
            people: people.collect(),
            changes: changes(facts),
            replies: replies.into_iter().map(|(_, reply)| reply.clone()).collect(),
        })
    }

    /// The marker by which the comment of a place is known among our App's own.
    pub fn marker(place: &Place) -> String {
        format!("<!-- folkops {} ", place.room)
    }

    /// The whole comment as Markdown; bounded, the oldest replies are left out first.
    pub fn draw(&self, keyring: &dyn Keyring, settings: &Settings) -> String {
        let qualified = match settings.bare {
            Bare::Always => false,
            Bare::Never => true,
            Bare::Alone => self.another,
        };
        let drawn = Drawn { sticky: self, keyring, settings, qualified };
        let newest = self.replies.first();
        let key = newest.map(|reply| format!("{} {}", reply.key, reply.revision)).unwrap_or_default();
        let mut text = format!("{}{key} -->\n", Self::marker(&self.place));
        if let Some(reply) = newest {
            text.push_str(&cut(drawn.card(reply), LONGEST / 2));
            text.push_str("\n\n");
        }
        for reply in self.replies.iter().skip(1) {
            let folded = drawn.folded(reply);
            if text.len() + folded.len() > LONGEST {
                break;
            }
            text.push_str(&folded);
        }
        let page = format!("{}/room/{}", settings.site, self.place.room);
        let help = drawn.line("/help");
        text.push_str(&format!("<sub>FolkOps · [everything said here]({page}) · `{help}`</sub>\n"));
        text
    }
}

fn is_here(place: &Place, wanted: &Place) -> bool {
    place.surface == wanted.surface && place.room == wanted.room
}

fn another(facts: &Facts<'_>, place: &Place) -> bool {
    let key = place.about.as_ref().map(|about| format!("{}/{}", place.surface, about.component));
    let operations = facts.fold::<Operations>();
    key.zip(operations).is_some_and(|(key, operations)| operations.others.get(&key).is_some())
}

/// Whether a reply tells by itself how a change is used, which moves often.
fn is_figures(facts: &Facts<'_>, reply: &Reply) -> bool {
    let operation = facts.fold::<Operations>().and_then(|all| all.operations.get(&reply.key.operation));
    operation
        .is_some_and(|of| of.action.command == "evidence" && of.action.principal == Principal::Automation)
}

/// Which change each number stands for; `None` where it stands for several.
fn changes(facts: &Facts<'_>) -> BTreeMap<ChangeNumber, Option<ChangeRef>> {
    let mut numbered: BTreeMap<ChangeNumber, Option<ChangeRef>> = BTreeMap::new();
    let Some(changes) = facts.fold::<Changes>() else { return numbered };
    for (change, _) in changes.open.iter().chain(changes.closed.iter()) {
        let several = numbered.contains_key(&change.number);
        numbered.insert(change.number, (!several).then(|| change.clone()));
    }
    numbered
}

/// Cuts at a line's end, and says so.
fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= most).last().unwrap_or(0);
    let kept = text.get(..end).unwrap_or_default();
    let kept = kept.rsplit_once('\n').map_or(kept, |(kept, _)| kept);
    // What was cut may have left a block of code or a fold open.
    let close = markdown::open_fence(kept).map(|fence| format!("\n{fence}")).unwrap_or_default();
    let unfolded = kept.matches("<details>").count() > kept.matches("</details>").count();
    let fold = if unfolded { "\n</details>" } else { "" };
    format!("{kept}{close}{fold}\n\n*The rest is on our page.*")
}

struct Drawn<'a> {
    sticky: &'a Sticky,
    keyring: &'a dyn Keyring,
    settings: &'a Settings,
    /// Whether a command counts here only behind our own prefix.
    qualified: bool,
}

impl Drawn<'_> {
    fn card(&self, reply: &Reply) -> String {
        let card = markdown::card(&reply.card, self);
        match self.private(&reply.key.operation) {
            Some(private) => format!("{card}\n\n{private}"),
            None => card,
        }
    }

    fn folded(&self, reply: &Reply) -> String {
        let title = markdown::title(&reply.card, self);
        // Markdown is not read within a summary, so its title stands there in plain words.
        let title: String = title.chars().filter(|c| !matches!(c, '*' | '`' | '\\' | '<' | '>')).collect();
        let card = cut(self.card(reply), LONGEST / 8);
        format!("<details><summary>{title}</summary>\n\n{card}\n\n</details>\n\n")
    }

    /// Where those find what only they may see.
    fn private(&self, operation: &OperationId) -> Option<String> {
        let people = self.sticky.private.get(operation)?;
        let names: Vec<String> = people.iter().map(|person| markdown::escape(&self.person(person))).collect();
        let (site, room) = (&self.settings.site, &self.sticky.place.room);
        Some(format!("🔑 For {} alone, after signing in: [{room}]({site}/room/{room})", names.join(", ")))
    }
}

impl Names for Drawn<'_> {
    fn person(&self, person: &PersonId) -> String {
        let sealed = self.sticky.people.get(person);
        sealed.and_then(|name| self.keyring.open(name)).unwrap_or_else(|| "somebody".to_owned())
    }

    fn open(&self, sealed: &Sealed) -> Option<String> {
        self.keyring.open(sealed)
    }

    fn change(&self, number: ChangeNumber) -> String {
        let about = self.sticky.place.about.as_ref();
        let here = about.map(|about| &about.component);
        let found = match self.sticky.changes.get(&number) {
            Some(Some(change)) => Some(&change.component),
            // Several have that number: the one of this repository is linked by itself.
            Some(None) => here,
            None => None,
        };
        match found.map(|component| (component, self.settings.repositories.get(component))) {
            Some((component, _)) if Some(component) == here => format!("#{number}"),
            Some((_, Some(repository))) => format!("{repository}#{number}"),
            Some((component, None)) => markdown::escape(&format!("{component}#{number}")),
            None => markdown::escape(&format!("#{number}")),
        }
    }

    fn site(&self) -> &str {
        &self.settings.site
    }

    fn line(&self, line: &str) -> String {
        let ours = format!("/{} ", self.settings.prefix);
        match line.strip_prefix('/').filter(|_| self.qualified && !line.starts_with(&ours)) {
            Some(words) => format!("{ours}{words}"),
            None => line.to_owned(),
        }
    }
}
