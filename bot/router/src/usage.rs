//! What ended at each endpoint of each arm, in blocks that the bot asks for one after the other.
//!
//! A block is closed when the next one is asked for, and told again until then: a bot that crashed between reading a
//! block and recording it gets the same one, and one that recorded it never gets it twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use folkops_model::{Ended, Endpoint};
use serde::{Deserialize, Serialize};

use crate::table::Arm;

/// What is asked for: the first block that is not recorded yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// In which life of the router; of another one, everything is wanted.
    pub epoch: String,
    /// Its number.
    pub next: u64,
}

/// What ended since the block before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Another value after each start of the router; what an earlier one had not told is lost.
    pub epoch: String,
    /// Counts up from 0 within an epoch.
    pub index: u64,
    /// Of each arm at which anything ended.
    pub arms: BTreeMap<Arm, BTreeMap<Endpoint, Ended>>,
}

/// The block that was closed last.
#[derive(Debug, Default)]
pub(crate) struct Blocks(Mutex<Option<Block>>);

impl Blocks {
    /// The block that is wanted: the last one if it was not recorded, else a new one made of what `counted` takes.
    pub(crate) fn give(
        &self,
        epoch: &str,
        wanted: &Wanted,
        counted: impl FnOnce() -> BTreeMap<Arm, BTreeMap<Endpoint, Ended>>,
    ) -> Block {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if wanted.epoch == epoch { wanted.next } else { 0 };
        let index = match last.as_ref() {
            Some(block) if block.index >= next => return block.clone(),
            Some(block) => block.index + 1,
            None => 0,
        };
        let block = Block { epoch: epoch.to_owned(), index, arms: counted() };
        last.insert(block).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give(blocks: &Blocks, epoch: &str, next: u64, counted: u64) -> (u64, u64) {
        let ended = Ended { requests: counted, ..Ended::default() };
        let arms = || BTreeMap::from([(Arm::parse("mix").unwrap(), [(Endpoint::other(), ended)].into())]);
        let block = blocks.give("a", &Wanted { epoch: epoch.into(), next }, arms);
        (block.index, block.arms.values().flat_map(BTreeMap::values).map(|ended| ended.requests).sum())
    }

    #[test]
    fn a_block_is_told_until_the_next_one_is_asked_for_and_never_after() {
        let blocks = Blocks::default();
        assert_eq!(give(&blocks, "a", 0, 7), (0, 7));
        assert_eq!(give(&blocks, "a", 0, 9), (0, 7));
        assert_eq!(give(&blocks, "a", 1, 9), (1, 9));
        assert_eq!(give(&blocks, "a", 0, 3), (1, 9));
    }

    #[test]
    fn who_comes_from_another_life_of_the_router_gets_what_there_is_first() {
        let blocks = Blocks::default();
        assert_eq!(give(&blocks, "before", 40, 7), (0, 7));
        assert_eq!(give(&blocks, "before", 40, 9), (0, 7));
        assert_eq!(give(&blocks, "a", 1, 9), (1, 9));
    }
}
