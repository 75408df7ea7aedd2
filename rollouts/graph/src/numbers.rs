//! Numbers as people read them: rates, shares and odds, with spaces that do not break.
//!
//! A rate that is not 0 is never written as 0, and one that is not 100 % never as 100 %.

/// Between a number and its unit.
const NO_BREAK: char = '\u{a0}';

/// A rate in `[0,1]` as a percentage without its sign: `0`, `0.03`, `0.9`, `4.9`, `12`, `99.6`, `100`.
pub fn rate(rate: f64) -> String {
    let percent = rate * 100.0;
    match percent {
        _ if percent <= 0.0 => "0".to_owned(),
        _ if percent >= 100.0 => "100".to_owned(),
        _ if percent < 0.001 => "<0.001".to_owned(),
        _ if percent < 0.01 => format!("{percent:.3}"),
        _ if percent < 0.095 => format!("{percent:.2}"),
        _ if percent < 9.95 => format!("{percent:.1}"),
        _ if percent < 99.0 => format!("{percent:.0}"),
        _ if percent <= 99.9 => format!("{percent:.1}"),
        _ => ">99.9".to_owned(),
    }
}

/// A rate with its sign.
pub fn percent(of: f64) -> String {
    with_unit(&rate(of), "%")
}

/// A share of people in `[0,1]`, with its sign; whole percentages without a fraction.
pub fn share(of: f64) -> String {
    let written = rate(of);
    with_unit(written.strip_suffix(".0").unwrap_or(&written), "%")
}

/// An interval without its sign: `0.3 to 3.0`.
pub fn interval((low, high): (f64, f64)) -> String {
    format!("{}{NO_BREAK}to{NO_BREAK}{}", rate(low), rate(high))
}

/// Evidence in nats as odds against one, without the one: `0.06`, `7.4`, `1,140`.
pub fn odds(log: f64) -> String {
    let odds = log.exp();
    match odds {
        _ if odds < 0.01 => "<0.01".to_owned(),
        _ if odds < 0.095 => format!("{odds:.2}"),
        _ if odds < 9.95 => format!("{odds:.1}"),
        _ if odds <= 1e6 => thousands(odds.round() as u64),
        _ => ">1,000,000".to_owned(),
    }
}

/// Odds with the one: `7.4 : 1`.
pub fn to_one(log: f64) -> String {
    format!("{}{NO_BREAK}:{NO_BREAK}1", whole(&odds(log)))
}

/// Odds of which nothing stands after the point: `20`, not `20.0`.
pub fn whole(odds: &str) -> &str {
    odds.strip_suffix(".0").unwrap_or(odds)
}

/// A number with commas between its thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

/// A number with its unit, which stay together.
pub fn with_unit(number: &str, unit: &str) -> String {
    format!("{number}{NO_BREAK}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rate_is_rounded_to_never_or_always() {
        let table = [
            (0.0, "0"),
            (1e-9, "<0.001"),
            (0.000_05, "0.005"),
            (0.0003, "0.03"),
            (0.000_96, "0.1"),
            (0.009, "0.9"),
            (0.0491, "4.9"),
            (0.0996, "10"),
            (0.123, "12"),
            (0.996, "99.6"),
            (0.9996, ">99.9"),
            (1.0, "100"),
        ];
        for (given, written) in table {
            assert_eq!(rate(given), written, "{given}");
        }
    }

    #[test]
    fn shares_are_whole_where_they_are_whole() {
        assert_eq!(
            [0.0, 0.005, 0.08, 0.25, 1.0].map(share),
            ["0\u{a0}%", "0.5\u{a0}%", "8\u{a0}%", "25\u{a0}%", "100\u{a0}%"]
        );
    }

    #[test]
    fn odds_are_written_without_end_and_without_overflow() {
        let table = [
            (-800.0, "<0.01"),
            (0.06_f64.ln(), "0.06"),
            (7.4_f64.ln(), "7.4"),
            (1140_f64.ln(), "1,140"),
            (800.0, ">1,000,000"),
        ];
        for (given, written) in table {
            assert_eq!(odds(given), written, "{given}");
        }
        assert_eq!(to_one(20_f64.ln()), "20\u{a0}:\u{a0}1");
    }
}
