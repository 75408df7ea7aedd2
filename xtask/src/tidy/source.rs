//! One file as the rules read it; Rust is taken apart into code, comments and literals.
//!
//! Each part is the whole file with the other parts blanked, so that lines and columns stay where
//! they were. It is a lexer of Rust, no parser, and leaves everything but Rust in one piece.

/// What may stand before `fn`; a visibility with a path begins with `pub(`.
const MODIFIERS: [&str; 5] = ["pub", "const", "async", "unsafe", "extern"];

/// A file and its parts.
pub struct Source {
    /// From the root of the repository.
    pub path: String,
    pub text: String,
    /// Without comments and literals; the whole text where the file is not Rust.
    pub code: String,
    /// Only comments, also those of documentation.
    pub comments: String,
    /// Only string and character literals with their quotes.
    pub literals: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Source {
    pub fn new(path: String, text: String) -> Self {
        let (mut code, mut comments, mut literals) = (text.clone(), String::new(), String::new());
        if path.ends_with(".rs") {
            code.clear();
            for (kind, token) in tokens(&text) {
                for (part, own) in
                    [(&mut code, Kind::Code), (&mut comments, Kind::Comment), (&mut literals, Kind::Literal)]
                {
                    part.extend(token.chars().map(|c| if kind == own || c == '\n' { c } else { ' ' }));
                }
            }
        }
        Self { path, text, code, comments, literals }
    }

    /// What follows the last dot of the name; empty if there is none.
    pub fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, end)| end)
    }
}

/// The lines of a text with their numbers from 1.
pub fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

/// Whether `word` stands in the line with no letter, digit or `_` on either side.
pub fn has_word(line: &str, word: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(is_name);
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line.get(..at), line.get(at + word.len()..));
        !joins(before.and_then(|text| text.chars().next_back()))
            && !joins(after.and_then(|text| text.chars().next()))
    })
}

/// The name, if a function begins in this line of code.
pub fn function(line: &str) -> Option<&str> {
    let mut words =
        line.split_whitespace().skip_while(|word| MODIFIERS.contains(word) || word.starts_with("pub("));
    let name = words.next().filter(|word| *word == "fn").and(words.next())?;
    name.split(['(', '<']).next()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn tokens(text: &str) -> impl Iterator<Item = (Kind, &str)> {
    let mut rest = text;
    let mut in_name = false;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (kind, length) = next(rest, first, in_name);
        in_name = kind == Kind::Code && is_name(first);
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        Some((kind, token))
    })
}

/// The kind and the length in bytes of the token at the start of `rest`.
fn next(rest: &str, first: char, in_name: bool) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    let literal = match first {
        '"' => Some(quoted(rest, '"')),
        '\'' => character(rest),
        'r' | 'b' | 'c' if !in_name => prefixed(rest),
        _ => None,
    };
    literal.map_or((Kind::Code, first.len_utf8()), |length| (Kind::Literal, length))
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(tail) = rest.get(at..) {
        match tail.chars().next() {
            None => break,
            Some(_) if tail.starts_with("/*") => (depth, at) = (depth + 1, at + 2),
            Some(_) if tail.starts_with("*/") => (depth, at) = (depth.saturating_sub(1), at + 2),
            Some(c) => at += c.len_utf8(),
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A quote, what it holds with `\` taken for one character with its follower, and the quote again.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    let closes = |(_, c): &(usize, char)| {
        let closing = !escaped && *c == quote;
        escaped = !escaped && *c == '\\';
        closing
    };
    rest.char_indices().skip(1).find(closes).map_or(rest.len(), |(at, c)| at + c.len_utf8())
}

/// `'a'` and `'\n'` are characters; `'a` is a lifetime, hence code.
fn character(rest: &str) -> Option<usize> {
    let mut after = rest.chars().skip(1);
    let (inner, close) = (after.next()?, after.next()?);
    (inner == '\\' || close == '\'').then(|| quoted(rest, '\''))
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br#"…"#`, `c"…"`, `b'…'`.
fn prefixed(rest: &str) -> Option<usize> {
    let letters = rest.len() - rest.trim_start_matches(['b', 'c', 'r']).len();
    let (prefix, body) = rest.split_at_checked(letters)?;
    if !["r", "b", "c", "br", "cr"].contains(&prefix) {
        return None;
    }
    if !prefix.ends_with('r') {
        let quote = body.chars().next().filter(|c| *c == '"' || (*c == '\'' && prefix == "b"))?;
        return Some(letters + quoted(body, quote));
    }
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body.get(hashes..)?.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(inner.find(&close).map_or(rest.len(), |at| letters + hashes + 1 + at + close.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, String) {
        let source = Source::new("a.rs".into(), text.into());
        (source.code, source.comments, source.literals)
    }

    #[test]
    fn code_comments_and_literals_are_told_apart_in_place() {
        let (code, comments, literals) = parts("a(\"b // c\"); // d \"e\"\n");
        assert_eq!(code, "a(        );         \n");
        assert_eq!(comments, "             // d \"e\"\n");
        assert_eq!(literals, "  \"b // c\"           \n");
    }

    #[test]
    fn raw_strings_characters_and_escapes_end_where_rust_ends_them() {
        let text = "f(r#\"a\"b\"#, '\"', b'\\'', \"\\\"\", br\"\\\", c\"x\") + error\"y\"";
        assert_eq!(parts(text).2.split_whitespace().count(), 7);
        assert!(parts(text).0.contains("error"));
    }

    #[test]
    fn a_lifetime_is_code_and_a_block_comment_nests() {
        assert_eq!(parts("fn f<'a>(x: &'a str)").0, "fn f<'a>(x: &'a str)");
        assert_eq!(parts("a /* b /* c */ d */ e").0.split_whitespace().collect::<String>(), "ae");
    }

    #[test]
    fn a_word_is_found_only_when_it_stands_alone() {
        assert!(has_word("wait for now.", "for now"));
        assert!(!has_word("for nowhere", "for now"));
    }
}
