//! Which browser belongs to which person, and which one-time links are used up.
//!
//! The router's own durable knowledge, apart from the table: a new table neither loses nor forges it. A binding is
//! on disk before the browser is told of it. It outlives an opt-out, so that the next opt-in needs no new link.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use folkops_model::PersonId;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::seal::{SealedFile, Unusable};
use crate::table::LinkHash;
use crate::visitor::{VisitorId, VisitorKey};

/// The bindings, on disk and in memory.
pub(crate) struct Bindings {
    file: SealedFile,
    now: ArcSwap<Stored>,
    writing: Mutex<()>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    visitors: HashMap<VisitorKey, PersonId>,
    used: HashMap<LinkHash, Use>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Use {
    visitor: VisitorKey,
    expires: i64,
}

/// One attempt to use a link.
pub(crate) struct Redemption {
    pub(crate) link: LinkHash,
    pub(crate) person: PersonId,
    pub(crate) visitor: VisitorId,
    /// When the link expires, and what time it is, both in seconds since 1970.
    pub(crate) expires: i64,
    pub(crate) now: i64,
}

/// Why a browser was not bound.
#[derive(Debug)]
pub(crate) enum NotBound {
    /// Another browser used the link.
    Used,
    /// It could not be made durable; the link is still good.
    Unstored(Unusable),
}

impl Bindings {
    pub(crate) fn open(folder: &Path) -> Result<Self, Unusable> {
        let file = SealedFile::new(folder, "bindings", "folkops-bindings-1");
        let stored: Stored = file.read()?.unwrap_or_default();
        Ok(Self { file, now: ArcSwap::from_pointee(stored), writing: Mutex::default() })
    }

    /// What is known of a visitor's person, if there is one.
    pub(crate) fn person<T>(&self, visitor: &VisitorId, then: impl FnOnce(&PersonId) -> T) -> Option<T> {
        let now = self.now.load();
        // While nobody has opted in, a request need not pay for a hash.
        if now.visitors.is_empty() {
            return None;
        }
        now.visitors.get(&visitor.key()).map(then)
    }

    pub(crate) fn is_used(&self, link: &LinkHash) -> bool {
        self.now.load().used.contains_key(link)
    }

    /// Binds a browser and uses up the link, both or neither; the same browser may ask again.
    pub(crate) async fn redeem(&self, wish: Redemption) -> Result<(), NotBound> {
        let _one_at_a_time = self.writing.lock().await;
        let visitor = wish.visitor.key();
        let now = self.now.load_full();
        match now.used.get(&wish.link) {
            Some(before) if before.visitor == visitor => return Ok(()),
            Some(_) => return Err(NotBound::Used),
            None => {}
        }
        let next = Arc::new(now.with(wish, visitor));
        let (file, stored) = (self.file.clone(), Arc::clone(&next));
        let written = spawn_blocking(move || file.write(&*stored)).await;
        written.unwrap_or_else(|ended| Err(self.file.unfinished(&ended))).map_err(NotBound::Unstored)?;
        self.now.store(next);
        Ok(())
    }
}

impl Stored {
    fn with(&self, wish: Redemption, visitor: VisitorKey) -> Self {
        let mut next = self.clone();
        // An expired link is refused for its date alone, so its use need not be remembered.
        next.used.retain(|_, used| used.expires > wish.now);
        next.visitors.insert(visitor, wish.person);
        next.used.insert(wish.link, Use { visitor, expires: wish.expires });
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(letter: &str) -> VisitorId {
        VisitorId::parse(letter.repeat(26).as_bytes()).unwrap()
    }

    fn wish(token: &str, letter: &str) -> Redemption {
        Redemption {
            link: LinkHash::of(token),
            person: PersonId::parse("ana").unwrap(),
            visitor: visitor(letter),
            expires: 100,
            now: 50,
        }
    }

    #[tokio::test]
    async fn a_link_binds_one_browser_and_the_binding_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let bindings = Bindings::open(folder.path()).unwrap();
        bindings.redeem(wish("one", "a")).await.unwrap();
        bindings.redeem(wish("one", "a")).await.unwrap();
        assert!(matches!(bindings.redeem(wish("one", "q")).await, Err(NotBound::Used)));
        let again = Bindings::open(folder.path()).unwrap();
        assert_eq!(again.person(&visitor("a"), PersonId::to_string).as_deref(), Some("ana"));
        assert_eq!(again.person(&visitor("q"), PersonId::to_string), None);
        assert!(again.is_used(&LinkHash::of("one")));
    }

    #[tokio::test]
    async fn the_file_holds_nothing_that_works_as_a_cookie() {
        let folder = tempfile::tempdir().unwrap();
        let bindings = Bindings::open(folder.path()).unwrap();
        bindings.redeem(wish("one", "a")).await.unwrap();
        let text = std::fs::read_to_string(folder.path().join("bindings")).unwrap();
        assert!(text.contains("ana") && !text.contains(&"a".repeat(26)), "{text}");
    }

    #[tokio::test]
    async fn when_it_cannot_be_stored_the_link_stays_good() {
        let folder = tempfile::tempdir().unwrap();
        let bindings = Bindings::open(folder.path()).unwrap();
        let away = folder.path().join("bindings.new");
        std::fs::create_dir(&away).unwrap();
        assert!(matches!(bindings.redeem(wish("one", "a")).await, Err(NotBound::Unstored(_))));
        assert!(!bindings.is_used(&LinkHash::of("one")));
        std::fs::remove_dir(&away).unwrap();
        bindings.redeem(wish("one", "a")).await.unwrap();
    }
}
