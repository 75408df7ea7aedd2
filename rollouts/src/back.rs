//! The way back from a release that everybody has to one that stands by without visitors.
//!
//! What stands by has cold caches and closed connections, so it gets everybody in a few moves, each of which at most
//! doubles what it carries. Out of a rollout's steps no such way is needed: there the earlier release carries at least
//! half, and one move at most doubles that.

use folkops_model::BasisPoints;

/// What a release that stood by gets first, in basis points.
const FIRST: u16 = 2_500;

/// The most that a release which carries so much of the visitors may carry after one move.
pub fn at_most(carries: BasisPoints) -> BasisPoints {
    let doubled = carries.get().saturating_mul(2).clamp(FIRST, BasisPoints::ALL.get());
    BasisPoints::new(doubled).unwrap_or(BasisPoints::ALL)
}

/// The others.
pub fn rest(share: BasisPoints) -> BasisPoints {
    BasisPoints::new(BasisPoints::ALL.get() - share.get()).unwrap_or(BasisPoints::NONE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{Refusal, Up, check_back};

    fn share(points: u16) -> BasisPoints {
        BasisPoints::new(points).unwrap()
    }

    #[test]
    fn who_stood_by_gets_a_quarter_then_a_half_then_everybody() {
        let way = std::iter::successors(Some(BasisPoints::NONE), |now| Some(at_most(*now)));
        let way: Vec<u16> = way.take(4).map(BasisPoints::get).collect();
        assert_eq!(way, [0, 2_500, 5_000, 10_000]);
    }

    proptest! {
        #[test]
        fn a_move_is_refused_when_it_more_than_doubles_the_load_takes_some_away_or_leads_to_nobody_who_answers(
            from in 0_u16..10_000, to in 0_u16..=10_000
        ) {
            let (from, to) = (share(from), share(to));
            let wrong = to <= from || (to.get() > 2_500 && to.get() > 2 * from.get());
            let refusal = Refusal::TooMuchAtOnce { from, to };
            prop_assert_eq!(check_back(Up::Yes, from, to), if wrong { Err(refusal) } else { Ok(()) });
            prop_assert_eq!(check_back(Up::No, from, to), Err(Refusal::ColdWayBack));
            prop_assert_eq!(check_back(Up::Yes, from, at_most(from)), Ok(()));
        }
    }
}
