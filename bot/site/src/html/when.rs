//! Moments: written in UTC, and marked so that the page's script can put them into the reader's zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

fn utc(at: Timestamp, format: &str) -> String {
    at.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

fn machine(at: Timestamp) -> String {
    utc(at, "%Y-%m-%dT%H:%M:%SZ")
}

/// The time of day, for a line of the log whose day stands above it.
pub(crate) fn clock(at: Timestamp) -> Markup {
    html! { time datetime=(machine(at)) data-as="clock" title=(utc(at, "%A %-d %B %Y, %H:%M:%S UTC")) { (utc(at, "%H:%M")) } }
}

/// A moment in a sentence: the time of day, with the day where it is another one than now's.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> Markup {
    let same_day = utc(at, "%F") == utc(now, "%F");
    let text = utc(at, if same_day { "%H:%M UTC" } else { "%a %-d %b, %H:%M UTC" });
    html! { time class="nowrap" datetime=(machine(at)) data-as="moment" { (text) } }
}

/// The day that a line of the log belongs to, for comparing.
pub(crate) fn day_of(at: Timestamp) -> String {
    utc(at, "%F")
}

/// A day above the lines that belong to it.
pub(crate) fn day(at: Timestamp) -> Markup {
    html! { li class="day" { time datetime=(day_of(at)) { (utc(at, "%A %-d %B")) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_of_another_day_says_which() {
        let at: Timestamp = "2026-11-22T18:40:07Z".parse().unwrap();
        let same: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let before: Timestamp = "2026-11-21T23:00:00Z".parse().unwrap();
        assert!(moment(at, same).into_string().contains(">18:40 UTC<"));
        assert!(moment(at, before).into_string().contains(">Sun 22 Nov, 18:40 UTC<"));
        assert!(clock(at).into_string().contains("datetime=\"2026-11-22T18:40:07Z\""));
    }
}
