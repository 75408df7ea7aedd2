//! Counts different visitors without a lock and within a fixed size.
//!
//! A fixed array of slots, probed in line; a slot is claimed once and never changes again, so that a reader needs
//! no care. Up to ten thousand the count is exact; then it stops and says so, rather than growing with the crowd.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// From here on the count says "at least".
pub(crate) const MOST: usize = 10_000;

/// A power of two, so that a hash becomes a place by masking; at most 61 % full.
const SLOTS: usize = 16_384;

/// The visitors of one arm, by a keyed hash of their ids.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    slots: OnceLock<Box<[AtomicU64]>>,
    count: AtomicUsize,
}

impl Crowd {
    /// Notes a visitor; a second time changes nothing.
    pub(crate) fn note(&self, hash: u64) {
        let mark = hash.max(1);
        let slots = self.slots.get_or_init(|| (0..SLOTS).map(|_| AtomicU64::new(0)).collect());
        let start = hash as usize & (SLOTS - 1);
        let (behind, ahead) =
            (slots.get(..start).unwrap_or_default(), slots.get(start..).unwrap_or_default());
        for slot in ahead.iter().chain(behind) {
            match slot.load(Relaxed) {
                0 if self.count() >= MOST => return,
                0 => match slot.compare_exchange(0, mark, Relaxed, Relaxed) {
                    Ok(_) => {
                        self.count.fetch_add(1, Relaxed);
                        return;
                    }
                    Err(taken) if taken == mark => return,
                    Err(_) => continue,
                },
                taken if taken == mark => return,
                _ => continue,
            }
        }
    }

    /// How many different ones; exact below `MOST`.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn each_visitor_counts_once_however_many_threads_note_them() {
        let crowd = Crowd::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5_000).for_each(|number| crowd.note(spread(number))));
            }
        });
        assert_eq!(crowd.count(), 5_000);
    }

    #[test]
    fn the_count_stops_at_its_bound_and_does_not_grow() {
        let crowd = Crowd::default();
        (0..20_000).for_each(|number| crowd.note(spread(number)));
        assert_eq!(crowd.count(), MOST);
    }

    #[test]
    fn visitors_whose_hashes_collide_in_place_are_still_told_apart() {
        let crowd = Crowd::default();
        (0..100u64).for_each(|number| crowd.note(number << 32 | (SLOTS as u64 - 1)));
        assert_eq!(crowd.count(), 100);
    }
}
