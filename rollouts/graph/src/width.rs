//! How wide words are, so that labels find room without a renderer.
//!
//! The widths are those of the embedded face, widened a little because a page may draw in another one. A width is an
//! estimate: it decides what is placed or left out, and must never be relied on for ink that touches ink.

/// Other faces that a page may use are up to this much wider than the embedded one.
const SLACK: f64 = 1.12;

/// How heavy text is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// For reading.
    Regular,
    /// For headings and key figures.
    Strong,
}

/// The width of a line of text in the units of `size`, generously.
pub fn width(words: &str, size: f64, weight: Weight) -> f64 {
    let table = match weight {
        Weight::Regular => &REGULAR,
        Weight::Strong => &STRONG,
    };
    let thousandths: u32 = words.chars().map(|letter| of(letter, table)).sum();
    f64::from(thousandths) / 1000.0 * size * SLACK
}

/// A line that fits into `room`: as it is, or cut with an ellipsis.
pub fn cut(words: &str, size: f64, weight: Weight, room: f64) -> String {
    if width(words, size, weight) <= room {
        return words.to_owned();
    }
    let mut kept: String = words.to_owned();
    while !kept.is_empty() && width(&format!("{kept}…"), size, weight) > room {
        kept.pop();
    }
    format!("{}…", kept.trim_end_matches([' ', '·', ',', ':', ';']))
}

/// At most two lines that fit into `room`; the second is cut if it must be.
pub fn wrap(words: &str, size: f64, weight: Weight, room: f64) -> Vec<String> {
    if width(words, size, weight) <= room {
        return vec![words.to_owned()];
    }
    let mut breaks = words.match_indices(' ').map(|(at, _)| at);
    let fits = |at: &usize| words.get(..*at).is_some_and(|first| width(first, size, weight) <= room);
    match breaks.rfind(fits).and_then(|at| words.split_at_checked(at)) {
        Some((first, rest)) => vec![first.to_owned(), cut(rest.trim_start(), size, weight, room)],
        None => vec![cut(words, size, weight, room)],
    }
}

/// Thousandths of an em.
fn of(letter: char, table: &[u16; 95]) -> u32 {
    let code = u32::from(letter);
    let known = code.checked_sub(0x20).and_then(|at| table.get(at as usize));
    match (known, code) {
        (Some(known), _) => u32::from(*known),
        // A no-break space is as wide as a space; a soft hyphen or a combining mark is not worth less.
        (None, 0xa0 | 0x202f) => 300,
        (None, ..0x2000) => 800,
        (None, _) => 1100,
    }
}

/// From the space to the tilde.
#[rustfmt::skip]
const REGULAR: [u16; 95] = [
    282, 279, 404, 631, 638, 813, 640, 222, 363, 363, 500, 660, 280, 461, 276, 357, 648, 648, 648,
    648, 648, 648, 648, 648, 648, 648, 276, 280, 660, 660, 660, 508, 937, 677, 651, 728, 719, 599,
    587, 743, 741, 265, 543, 652, 563, 890, 753, 762, 635, 762, 640, 638, 643, 742, 677, 949, 643,
    665, 625, 363, 357, 363, 469, 452, 498, 564, 621, 559, 621, 583, 361, 610, 591, 238, 238, 545,
    238, 870, 586, 597, 610, 610, 373, 523, 364, 581, 557, 813, 540, 557, 542, 363, 327, 363, 660,
];

#[rustfmt::skip]
const STRONG: [u16; 95] = [
    249, 309, 396, 644, 650, 844, 663, 214, 394, 394, 544, 673, 296, 466, 291, 379, 671, 671, 671,
    671, 670, 671, 671, 671, 671, 671, 291, 296, 673, 673, 673, 545, 1000, 724, 658, 744, 725, 608,
    586, 755, 744, 275, 561, 677, 567, 907, 741, 775, 644, 776, 651, 650, 660, 734, 724, 1007, 691,
    705, 653, 394, 379, 394, 482, 469, 498, 575, 631, 578, 631, 593, 378, 626, 613, 261, 261, 569,
    261, 898, 610, 608, 625, 625, 397, 550, 380, 609, 576, 838, 563, 576, 562, 394, 358, 394, 673,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn real(letter: char, weight: Weight) -> Option<f64> {
        let bytes: &[u8] = match weight {
            Weight::Regular => include_bytes!("../font/Inter-Regular.otf"),
            Weight::Strong => include_bytes!("../font/Inter-SemiBold.otf"),
        };
        let face = ttf_parser::Face::parse(bytes, 0).unwrap();
        let advance = face.glyph_hor_advance(face.glyph_index(letter)?)?;
        Some(f64::from(advance) / f64::from(face.units_per_em()))
    }

    #[test]
    fn no_letter_of_ascii_is_wider_than_it_is_taken_for() {
        for weight in [Weight::Regular, Weight::Strong] {
            for letter in ' '..='~' {
                let (taken, real) = (width(&letter.to_string(), 1.0, weight), real(letter, weight).unwrap());
                assert!(taken >= real && taken <= real * 1.13, "{letter}: {taken} for {real}");
            }
        }
    }

    #[test]
    fn words_of_other_alphabets_are_not_wider_than_they_are_taken_for() {
        for word in ["Größenänderung", "Żółć", "Ωμέγα", "Ёж", "ЩЁТКА", "ŒUVRE"] {
            for weight in [Weight::Regular, Weight::Strong] {
                let real: f64 = word.chars().map(|letter| real(letter, weight).unwrap()).sum();
                assert!(width(word, 1.0, weight) >= real, "{word}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(cut("Potluck", 10.0, Weight::Regular, 100.0), "Potluck");
        assert_eq!(cut("21 Nov · Potluck", 10.0, Weight::Regular, 55.0), "21 Nov…");
        assert_eq!(cut("Potluck", 10.0, Weight::Regular, 1.0), "…");
    }

    #[test]
    fn titles_break_between_words_and_only_once() {
        let lines = wrap("one two three four five six", 10.0, Weight::Strong, 75.0);
        assert_eq!(lines, ["one two", "three four f…"]);
        assert_eq!(wrap("unbreakable", 10.0, Weight::Strong, 30.0).len(), 1);
    }
}
