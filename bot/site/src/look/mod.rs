//! One look at the facts: everything that a page or a live stream shows, read in one consistent state.
//!
//! What is read here is copied out, because appends wait meanwhile; names and words are opened and drawn afterwards.
//! What a viewer may not see is left out here already, so that nothing later can show it by mistake.

mod faces;
mod items;
mod judge;
mod rails;

use std::collections::{BTreeMap, BTreeSet};

use folkops_engine::{Facts, Ledger};
use folkops_model::{ChangeNumber, ChangeRef, MessageId, PersonId, Place, RoomName, SurfaceName};
use folkops_previews::Changes;
use jiff::Timestamp;

pub(crate) use faces::{Face, Faces, standing};
pub(crate) use items::{Items, Reach, Shown, What};
pub(crate) use judge::{Judge, May, Offer};
pub(crate) use rails::{Course, Moving, Rails, ThreadRow, ThreadTitle};

use crate::config::Away;
use crate::session::{self, Token};
use crate::state::Site;

/// What is looked at, on which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// Which room.
    pub(crate) room: RoomName,
    /// Where it really is, where that is not on this site: a pull request, which is read and spoken in here as well.
    pub(crate) elsewhere: Option<Box<Away>>,
    /// Which thread of it; without one, what is said in the room itself.
    pub(crate) thread: Option<MessageId>,
    /// On which page.
    pub(crate) page: Page,
}

/// The pages that show a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// Its own.
    Room,
    /// Below the two services of the demo.
    Demo,
}

impl View {
    /// A room on its own page.
    pub(crate) fn of_room(room: RoomName) -> Self {
        Self { room, elsewhere: None, thread: None, page: Page::Room }
    }

    /// A place of another surface, on a page of ours.
    pub(crate) fn of_place(away: Away) -> Self {
        let room = away.place.room.clone();
        Self { elsewhere: Some(Box::new(away)), ..Self::of_room(room) }
    }

    /// Where this is looked at.
    pub(crate) fn path(&self) -> String {
        match (&self.page, &self.thread) {
            (Page::Demo, _) => "/demo".to_owned(),
            (Page::Room, None) => format!("/room/{}", self.room),
            (Page::Room, Some(thread)) => format!("/room/{}/thread/{thread}", self.room),
        }
    }

    /// Where something said here is said.
    pub(crate) fn place(&self) -> Place {
        let place = self.elsewhere.as_ref().map(|away| away.place.clone());
        let place = place.unwrap_or_else(|| Place::room(web(), self.room.clone()));
        Place { thread: self.thread.clone(), ..place }
    }
}

#[expect(clippy::expect_used, reason = "three lower-case letters are a surface name")]
fn web() -> SurfaceName {
    SurfaceName::parse("web").expect("a constant name")
}

/// What one look saw.
pub(crate) struct Look {
    /// Everything up to this record was seen; it is shown only once that is durable.
    pub(crate) sequence: u64,
    /// When, UTC.
    pub(crate) now: Timestamp,
    /// Who looks, where the browser speaks for somebody.
    pub(crate) viewer: Option<PersonId>,
    /// What was said, oldest first.
    pub(crate) items: Items,
    /// What stands beside it.
    pub(crate) rails: Rails,
    /// What the composer offers.
    pub(crate) offers: Vec<Offer>,
    /// Who is known here.
    pub(crate) faces: Faces,
    /// Open changes by number, where the number says it all.
    pub(crate) changes: BTreeMap<ChangeNumber, ChangeRef>,
    /// The steps of the guided path that have happened.
    pub(crate) ticked: BTreeSet<usize>,
}

impl Look {
    /// Looks at a room, as the holder of a token sees it.
    pub(crate) fn take(site: &Site, token: Option<&Token>, view: &View, reach: Reach) -> Self {
        let ledger: &Ledger = site.engine().ledger();
        // A stream never draws the composer anew.
        let live = matches!(reach, Reach::Since { .. });
        let look = ledger.read(|facts| {
            let viewer = session::person(facts, token);
            let judge = judge::Judge::new(site, facts, viewer.as_ref(), view.place());
            Self {
                sequence: facts.sequence(),
                now: facts.now(),
                items: Items::read(facts, viewer.as_ref(), view, reach, &judge),
                rails: Rails::read(facts, viewer.as_ref(), &view.room),
                offers: if live { Vec::new() } else { judge.offers() },
                faces: Faces::read(facts),
                changes: changes(facts),
                ticked: site.ticked(facts),
                viewer,
            }
        });
        look.opened(site)
    }

    fn opened(mut self, site: &Site) -> Self {
        self.faces.open(site.engine().desk().keyring.as_ref());
        self
    }
}

fn changes(facts: &Facts<'_>) -> BTreeMap<ChangeNumber, ChangeRef> {
    let Some(changes) = facts.fold::<Changes>() else { return BTreeMap::new() };
    let mut by_number: BTreeMap<ChangeNumber, Vec<&ChangeRef>> = BTreeMap::new();
    for (change, _) in changes.open.iter() {
        by_number.entry(change.number).or_default().push(change);
    }
    let alone = |(number, mut named): (ChangeNumber, Vec<&ChangeRef>)| {
        let last = named.pop()?;
        named.is_empty().then(|| (number, last.clone()))
    };
    by_number.into_iter().filter_map(alone).collect()
}
