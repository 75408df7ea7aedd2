//! What may stand in a command: no character that shows as something other than it is.
//!
//! Phones turn quotes and dashes into typographic ones; these are turned back. Control, bidirectional and invisible
//! characters are refused with a reason rather than dropped, because a line that does not read as it runs is a trap
//! (Unicode Technical Standard 39; CVE-2021-42574).

/// Turns typographic quotes, dashes and spaces back into the plain ones that the grammar knows.
pub fn plain(text: &str) -> String {
    text.chars().map(plain_char).collect::<String>().replace('\u{2014}', "--")
}

fn plain_char(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{00ab}' | '\u{00bb}' | '\u{2033}' => '"',
        '\u{2010}'..='\u{2013}' | '\u{2212}' => '-',
        '\u{00a0}' | '\u{202f}' | '\u{2009}' => ' ',
        other => other,
    }
}

/// The first character that may not stand in a command, in words.
pub fn forbidden(text: &str) -> Option<String> {
    text.chars()
        .find(|c| is_forbidden(*c))
        .map(|c| format!("an invisible or control character (U+{:04X})", u32::from(c)))
}

fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_s_quotes_and_dashes_become_plain() {
        assert_eq!(plain("\u{201c}a b\u{201d} \u{2014}yes \u{2019}x\u{2019}"), "\"a b\" --yes 'x'");
    }

    #[test]
    fn characters_that_hide_or_turn_text_are_named() {
        for c in ['\u{202e}', '\u{200b}', '\u{0007}', '\u{feff}', '\u{e0041}', '\u{2066}', '\u{00ad}'] {
            assert!(forbidden(&format!("/promote {c}41")).is_some(), "{c:?}");
        }
        assert_eq!(forbidden("/freeze größer als ½ — 好"), None);
    }
}
