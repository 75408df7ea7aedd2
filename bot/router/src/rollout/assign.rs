//! Who gets the candidate: a keyed hash of the visitor, and nothing that a process or a worker knows alone.
//!
//! SHA-256 over salt, kind and id. It may never change: another hash moves every visitor of a running rollout.

use sha2::{Digest, Sha256};

use crate::split::{Salt, Split, Weight};
use crate::visitor::VisitorId;

/// A visitor who can be known again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known<'a> {
    /// By the cookie that came back.
    Browser(&'a VisitorId),
    /// By the word of a trusted proxy.
    Person(&'a str),
}

/// What the salt makes of a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lot {
    /// 0 to 9,999, evenly.
    bucket: u16,
    /// Tells visitors apart within this rollout; says nothing about them outside of it.
    pub(crate) mark: u64,
}

/// Where a lot puts a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Candidate,
    /// On the default, and compared with the candidate.
    Control,
    /// On the default.
    Between,
}

impl Known<'_> {
    pub(crate) fn lot(&self, salt: Salt) -> Lot {
        let hash = Sha256::new_with_prefix(salt.bytes());
        let hash = match self {
            Self::Browser(id) => hash.chain_update(b"b").chain_update(id.bytes()),
            Self::Person(id) => hash.chain_update(b"p").chain_update(id),
        };
        let [first, second, ..] = words(hash.finalize().into());
        let bucket = (u128::from(first) * u128::from(Weight::ALL.basis_points())) >> 64;
        Lot { bucket: bucket as u16, mark: second }
    }
}

impl Lot {
    /// The candidate from below, the control from above, so that a step up finds visitors who are in neither.
    pub(crate) fn place(&self, split: &Split) -> Place {
        if self.bucket < split.weight.basis_points() {
            Place::Candidate
        } else if self.bucket >= Weight::ALL.basis_points() - split.control.basis_points() {
            Place::Control
        } else {
            Place::Between
        }
    }
}

fn words(digest: [u8; 32]) -> [u64; 4] {
    let (eights, _) = digest.as_chunks::<8>();
    std::array::from_fn(|at| eights.get(at).map_or(0, |eight| u64::from_be_bytes(*eight)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Arm, Backend, Upstream};

    const IDS: u32 = 100_000;

    fn salt(number: u128) -> Salt {
        Salt::parse(&format!("{:032x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
            .unwrap()
    }

    fn split(weight: u16, control: u16) -> Split {
        let [weight, control] = [weight, control].map(|share| Weight::new(share).unwrap());
        let candidate =
            Backend { arm: Arm::parse("new").unwrap(), upstream: Upstream::parse("/new").unwrap() };
        Split { candidate, weight, control, salt: salt(1), period_ms: 1, block_ms: 1, slow_ms: 1 }
    }

    fn lots(salt: Salt) -> Vec<Lot> {
        (0..IDS).map(|id| Known::Person(&id.to_string()).lot(salt)).collect()
    }

    /// By Chernoff, P(|X − np| ≥ d) ≤ 2·exp(−d²/(3np)) for d ≤ np: a bound that holds for all of `checks` looks at once
    /// but for one time in a million.
    fn bound(expected: f64, checks: f64) -> f64 {
        (3.0 * expected * (2e6 * checks).ln()).sqrt()
    }

    #[test]
    fn buckets_are_uniform() {
        for number in 1..=3 {
            let mut counts = [0u32; 100];
            lots(salt(number)).iter().for_each(|lot| counts[usize::from(lot.bucket / 100)] += 1);
            let expected = f64::from(IDS) / 100.0;
            for count in counts {
                let off = (f64::from(count) - expected).abs();
                assert!(off < bound(expected, 300.0), "{off} off {expected}");
            }
        }
    }

    #[test]
    fn the_candidates_share_is_its_weight() {
        let lots = lots(salt(1));
        for weight in [1, 10, 100, 1_000, 5_000, 9_999] {
            let count =
                lots.iter().filter(|lot| lot.place(&split(weight, 0)) == Place::Candidate).count() as f64;
            let expected = f64::from(IDS) * f64::from(weight) / 10_000.0;
            assert!((count - expected).abs() < bound(expected, 6.0), "{count} of {expected}");
        }
    }

    #[test]
    fn a_raised_weight_takes_nobody_away_and_a_lowered_one_only_the_last() {
        for lot in lots(salt(2)) {
            let mut before = Place::Between;
            for weight in [0, 1, 10, 100, 2_500, 5_000, 9_999, 10_000] {
                let place = lot.place(&split(weight, 0));
                assert!(before != Place::Candidate || place == Place::Candidate, "{lot:?} at {weight}");
                before = place;
            }
            assert_eq!(before, Place::Candidate, "10,000 is everybody");
        }
    }

    #[test]
    fn the_control_is_the_top_end() {
        for lot in lots(salt(3)) {
            let control = lot.place(&split(1_000, 2_000)) == Place::Control;
            assert_eq!(control, lot.bucket >= 8_000);
            assert_ne!(lot.place(&split(8_000, 2_000)), Place::Between);
            assert_ne!(lot.place(&split(0, 10_000)), Place::Candidate);
        }
    }

    #[test]
    fn a_lot_is_the_same_in_every_process_and_another_under_another_salt() {
        let id = VisitorId::parse("a".repeat(26).as_bytes()).unwrap();
        let zero = Salt::parse(&"0".repeat(32)).unwrap();
        // The first two words of SHA-256 over 16 zero bytes, the letter, and the id's own bytes.
        assert_eq!(Known::Browser(&id).lot(zero), Lot { bucket: BROWSER.0, mark: BROWSER.1 });
        assert_eq!(Known::Person("ana").lot(zero), Lot { bucket: ANA.0, mark: ANA.1 });
        let moved =
            lots(salt(1)).iter().zip(lots(salt(2))).filter(|(one, two)| one.bucket != two.bucket).count();
        assert!(moved > 99_900, "{moved}");
    }

    const BROWSER: (u16, u64) = (1983, 0x51d9_4bbe_f483_346f);
    const ANA: (u16, u64) = (1570, 0xaffd_fd37_6d96_d68f);
}
