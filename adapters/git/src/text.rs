//! Makes strangers' text fit to be shown.
//!
//! Control characters and the invisible ones that reorder, join or hide text are dropped from titles and names, and
//! spelled out in diffs, where hiding them would hide an attack.

use std::fmt::Write as _;

/// One line of at most `longest` characters, without anything invisible.
pub fn line(text: &str, longest: usize) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let visible: String = spaced.filter(|c| !invisible(*c)).take(longest).collect();
    visible.trim().to_owned()
}

/// The same for a path of any bytes.
pub(crate) fn path(bytes: &[u8]) -> String {
    line(&String::from_utf8_lossy(bytes), 200)
}

/// All of the text, with whatever is invisible spelled out as `<U+202E>`; line ends and tabs stay.
pub(crate) fn revealed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if invisible(c) && c != '\n' && c != '\t' {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "<U+{:04X}>", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Unicode's categories Cc and Cf, the line and paragraph separators, and letters that show as nothing
/// (`Default_Ignorable_Code_Point`), but for the variation selectors that emoji need.
fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}' | '\u{180b}'..='\u{180f}'
            | '\u{600}'..='\u{605}' | '\u{890}' | '\u{891}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_keeps_its_words_and_loses_what_cannot_be_seen() {
        assert_eq!(line("  fix\u{202e} the\u{200b}\u{1b}[31m\tpage\u{7}\u{e0041} ", 200), "fix the[31m page");
        assert_eq!(line("Größe: 数 ❤\u{fe0f}", 200), "Größe: 数 ❤\u{fe0f}");
    }

    #[test]
    fn a_title_is_cut_by_characters() {
        assert_eq!(line(&"é".repeat(300), 200).chars().count(), 200);
    }

    #[test]
    fn a_diff_spells_out_what_would_be_invisible() {
        assert_eq!(revealed("+\tif \u{202e}x\u{1b}[0m\n"), "+\tif <U+202E>x<U+001B>[0m\n");
    }
}
