//! Round numbers along the axes: 1, 2 or 5 times a power of ten, and what clocks have instead.

use crate::course::{Arm, Course};
use crate::graph::Times;
use crate::numbers::with_unit;

const SECOND: i128 = 1000;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;

/// Steps that divide a minute, an hour and a day; days go on by 1, 2 and 5.
const STEPS: [i128; 17] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A place on an axis and its word.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where, between the ends of the axis, in `[0,1]`.
    pub at: f64,
    /// What stands there.
    pub word: String,
}

/// The scale of the failure rates.
#[derive(Debug, Clone, PartialEq)]
pub struct RateScale {
    /// The rate at the upper end, over 0 and at most 1.
    pub top: f64,
    /// From 0 upwards, at most five; the unit stands on the upper one.
    pub ticks: Vec<Tick>,
}

/// A scale that holds what is well known; what few visitors showed at first may leave it.
pub fn rate_scale(course: &Course, limit: Option<f64>) -> RateScale {
    let highest = highest(course, Arm::Current).max(highest(course, Arm::New));
    let needed = highest.max(limit.filter(|it| it.is_finite()).unwrap_or(0.0)) * 1.05;
    let needed = if needed > 0.0 { needed.clamp(1e-6, 1.0) } else { 0.01 };
    let step = round_step(needed * 100.0 / 4.0);
    // A hair less, so that a rate that is a multiple of the step does not open another one.
    let steps = (needed * 100.0 / step - 1e-9).ceil().max(1.0) as u32;
    let top = (f64::from(steps) * step / 100.0).min(1.0);
    let places = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
    let word = |at: u32| match at {
        0 => "0".to_owned(),
        _ if at == steps => with_unit(&format!("{:.places$}", top * 100.0), "%"),
        _ => format!("{:.places$}", f64::from(at) * step),
    };
    let ticks =
        (0..=steps).map(|at| Tick { at: (f64::from(at) * step / 100.0 / top).min(1.0), word: word(at) });
    RateScale { top, ticks: ticks.collect() }
}

/// Early rates are noise: only those of many visitors, and the last, must be on the picture.
fn highest(course: &Course, arm: Arm) -> f64 {
    let most = course.known(arm).map(|(_, known)| known.of).max().unwrap_or(0);
    let rates = course.known(arm).filter(|(_, known)| known.of >= most / 4).map(|(_, known)| known.rate);
    let sure = course.known(arm).filter(|(_, known)| known.of >= most / 10 * 9);
    let ends = sure.filter_map(|(_, known)| known.interval).map(|(_, high)| high);
    let last = course.latest(arm).map_or(0.0, |known| known.interval.map_or(known.rate, |(_, high)| high));
    rates.chain(ends).fold(last, f64::max)
}

/// The least of 1, 2, 5 times a power of ten that is not under this.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|one| one * power)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(power * 10.0)
}

/// Times along the axis, at most so many.
pub fn time_ticks(course: &Course, times: Times, most: u8) -> Vec<Tick> {
    let (from, to) = (i128::from(course.from_ms), i128::from(course.to_ms));
    let origin = match times {
        Times::SinceStart => from,
        Times::Clock { offset_s } => -i128::from(offset_s) * SECOND,
    };
    let step = time_step(to - from, i128::from(most.max(2)) - 1);
    let (first, last) = ((from - origin + step - 1).div_euclid(step), (to - origin).div_euclid(step));
    let word = |at: i128| match times {
        Times::SinceStart if at == last => with_unit(&(at * step / unit(step).0).to_string(), unit(step).1),
        Times::SinceStart => (at * step / unit(step).0).to_string(),
        Times::Clock { .. } => clock(at * step, step),
    };
    let fraction = |at: i128| (at * step + origin - from) as f64 / (to - from) as f64;
    (first..=last).map(|at| Tick { at: fraction(at), word: word(at) }).collect()
}

/// The moment of the last point, as the heading of what is known then.
pub fn moment(course: &Course, times: Times) -> String {
    let at = course.seen.last().map_or(course.to_ms, |one| one.at_ms);
    let since = i128::from(at) - i128::from(course.from_ms);
    match times {
        Times::Clock { offset_s } => {
            let finest = if since < 5 * MINUTE { SECOND } else { MINUTE };
            format!("At {}", clock(i128::from(at) + i128::from(offset_s) * SECOND, finest))
        }
        Times::SinceStart => {
            let step = [DAY, HOUR, MINUTE].into_iter().find(|step| since >= 3 * step).unwrap_or(SECOND);
            format!("After {}", with_unit(&(since / step).to_string(), unit(step).1))
        }
    }
}

fn time_step(span: i128, most: i128) -> i128 {
    let of_a_clock = STEPS.into_iter().find(|step| span / step <= most);
    let days = || (0..12).flat_map(|power| [1, 2, 5].map(|one| one * 10_i128.pow(power) * DAY));
    of_a_clock.or_else(|| days().find(|step| span / step <= most)).unwrap_or(span)
}

fn unit(step: i128) -> (i128, &'static str) {
    match step {
        ..MINUTE => (SECOND, "s"),
        MINUTE..HOUR => (MINUTE, "min"),
        HOUR..DAY => (HOUR, "h"),
        _ => (DAY, "d"),
    }
}

/// A moment as fine as the step between two of them needs it: `14:02:05`, `14:02`, `21 Nov`, `2031`.
fn clock(local_ms: i128, step: i128) -> String {
    let (hours, minutes) = (local_ms.rem_euclid(DAY) / HOUR, local_ms.rem_euclid(HOUR) / MINUTE);
    match step {
        ..MINUTE => format!("{hours:02}:{minutes:02}:{:02}", local_ms.rem_euclid(MINUTE) / SECOND),
        MINUTE..DAY => format!("{hours:02}:{minutes:02}"),
        _ => date(local_ms.div_euclid(DAY), step),
    }
}

/// A day of the Gregorian calendar, by the method of Howard Hinnant (`civil_from_days`), days since 1970-01-01.
fn date(days: i128, step: i128) -> String {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12;
    let year = year_of_era + era * 400 + i128::from(month < 2);
    if step >= 200 * DAY {
        return year.to_string();
    }
    let name = MONTHS.get(month as usize).copied().unwrap_or_default();
    with_unit(&day.to_string(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spanning(from_ms: i64, to_ms: i64) -> Course {
        Course { seen: Vec::new(), marks: Vec::new(), from_ms, to_ms }
    }

    fn words(ticks: &[Tick]) -> Vec<String> {
        ticks.iter().map(|tick| tick.word.replace('\u{a0}', " ")).collect()
    }

    #[test]
    fn steps_are_the_least_of_1_2_5_that_suffices() {
        let table =
            [(0.9, 1.0), (1.0, 1.0), (1.1, 2.0), (2.1, 5.0), (5.1, 10.0), (0.000_3, 0.000_5), (25.0, 50.0)];
        for (least, step) in table {
            assert!((round_step(least) / step - 1.0).abs() < 1e-9, "{least}");
        }
    }

    #[test]
    fn an_empty_course_has_a_scale_of_one_percent() {
        assert_eq!(words(&rate_scale(&spanning(0, 10_000), None).ticks), ["0", "0.5", "1.0 %"]);
    }

    #[test]
    fn a_scale_holds_its_limit_and_ends_at_all() {
        let of = |limit| words(&rate_scale(&spanning(0, 10_000), Some(limit)).ticks);
        assert_eq!(of(0.015), ["0", "0.5", "1.0", "1.5", "2.0 %"]);
        assert_eq!(of(0.09), ["0", "5", "10 %"]);
        assert_eq!(of(1.0), ["0", "50", "100 %"]);
        assert_eq!(of(0.000_002), ["0", "0.0001", "0.0002", "0.0003 %"]);
    }

    #[test]
    fn times_since_the_start_carry_their_unit_once() {
        let of = |to_ms| words(&time_ticks(&spanning(0, to_ms), Times::SinceStart, 6));
        assert_eq!(of(10_000), ["0", "2", "4", "6", "8", "10 s"]);
        assert_eq!(of(29 * 60_000), ["0", "5", "10", "15", "20", "25 min"]);
        assert_eq!(of(50 * 3_600_000), ["0", "12", "24", "36", "48 h"]);
        assert_eq!(of(86_400_000 * 1000), ["0", "200", "400", "600", "800", "1000 d"]);
    }

    #[test]
    fn clocks_show_round_times_of_their_zone() {
        let of = |from, to, offset_s| words(&time_ticks(&spanning(from, to), Times::Clock { offset_s }, 6));
        let noon = 1_795_262_400_000; // 2026-11-21 12:00 UTC
        assert_eq!(of(noon + 1, noon + 300_000, 0), ["12:01", "12:02", "12:03", "12:04", "12:05"]);
        assert_eq!(of(noon, noon + 30_000, 3600), ["13:00:00", "13:00:10", "13:00:20", "13:00:30"]);
        assert_eq!(of(noon, noon + 3 * 86_400_000, -43_200), ["21 Nov", "22 Nov", "23 Nov", "24 Nov"]);
        assert_eq!(of(0, noon, 0).first().map(String::as_str), Some("1970"));
    }

    #[test]
    fn the_longest_span_there_is_has_few_ticks() {
        let ticks = time_ticks(&spanning(i64::MIN, i64::MAX), Times::Clock { offset_s: 0 }, 6);
        assert!((1..=6).contains(&ticks.len()), "{ticks:?}");
    }
}
