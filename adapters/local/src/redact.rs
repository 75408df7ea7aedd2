//! Takes secrets and control characters out of a line before it is written anywhere.
//!
//! Two nets: the values that we know to be secret, and words that have the shape of a token. A line that passed is
//! printable text; what was taken out is replaced by [`MASK`].

use std::fs;
use std::io;
use std::path::Path;

/// What stands where a secret stood.
pub const MASK: &str = "[redacted]";

/// Known secret values shorter than this would blank out ordinary words.
const SHORTEST: usize = 6;

/// How well-known tokens begin, and how long the rest is at least.
const TOKENS: [(&str, usize); 20] = [
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xapp-", 10),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("syt_", 16),
    ("mat_", 20),
    ("sk-", 20),
    ("npm_", 30),
    ("hf_", 30),
    ("eyJ", 20),
];

/// Words after which a value is secret, as in `token=…` or `"password": "…"`.
const NAMES: [&str; 9] =
    ["password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "authorization", "private_key"];

/// The two nets, with what they must remember from line to line.
#[derive(Debug, Default)]
pub struct Redactor {
    known: Vec<String>,
    in_private_key: bool,
}

impl Redactor {
    /// Knows the values in this file, one a line.
    pub fn reading(secrets: Option<&Path>) -> io::Result<Self> {
        let text = secrets.map(fs::read_to_string).transpose()?.unwrap_or_default();
        Ok(Self::knowing(text.lines()))
    }

    /// Knows these values.
    pub fn knowing<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let values = values.into_iter().map(str::trim).filter(|value| value.len() >= SHORTEST);
        let mut known: Vec<_> = values.map(str::to_owned).collect();
        // A secret that contains another one goes first, or its rest would stay.
        known.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { known, in_private_key: false }
    }

    /// The line as it may be shown.
    pub fn line(&mut self, line: &str) -> String {
        if self.belongs_to_private_key(line) {
            return MASK.to_owned();
        }
        let plain = self.known.iter().fold(line.to_owned(), |line, secret| line.replace(secret, MASK));
        printable(&mask_words(&plain))
    }

    fn belongs_to_private_key(&mut self, line: &str) -> bool {
        let begins = line.contains("-----BEGIN") && line.contains("PRIVATE KEY");
        let belongs = begins || self.in_private_key;
        self.in_private_key = belongs && !line.contains("-----END");
        belongs
    }
}

/// Control, bidirectional and zero-width characters written out, so that a line stays one line and reads as it is.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\t' => shown.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                shown.extend(letter.escape_unicode());
            }
            letter if letter.is_control() => shown.extend(letter.escape_unicode()),
            letter => shown.push(letter),
        }
    }
    shown
}

fn mask_words(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    let mut secret_follows = false;
    while !rest.is_empty() {
        let (gap, after) = split_where(rest, is_word);
        shown.push_str(gap);
        // A name counts only while nothing but an assignment or a quote stands between it and the value.
        secret_follows &= gap.chars().all(|c| matches!(c, ' ' | ':' | '=' | '"' | '\''));
        let (word, after) = split_where(after, |c| !is_word(c));
        let password = shown.ends_with(':') && after.starts_with('@') && line.contains("://");
        let scheme = matches!(word, "Bearer" | "Basic" | "bearer" | "basic");
        let secret = password || is_token(word) || (secret_follows && !scheme && !word.is_empty());
        shown.push_str(if secret { MASK } else { word });
        secret_follows = (scheme && word.len() + 1 < rest.len()) || names_a_secret(word, after);
        rest = after;
    }
    shown
}

fn names_a_secret(word: &str, after: &str) -> bool {
    let assigned = after.trim_start_matches(['"', '\'', ' ']).starts_with([':', '=']);
    let word = word.to_ascii_lowercase();
    assigned && NAMES.iter().any(|name| word.ends_with(name))
}

fn is_token(word: &str) -> bool {
    TOKENS.iter().any(|(start, rest)| word.strip_prefix(start).is_some_and(|tail| tail.len() >= *rest))
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || matches!(letter, '_' | '-' | '.' | '~' | '+' | '/' | '%' | '!' | '$' | '*')
}

fn split_where(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_plain_text_is_not() {
        let cases = [
            ("key is hunter2-hunter2 ok", "key is [redacted] ok"),
            ("push with ghp_abcdefghijklmnopqrstuvwxyz0123", "push with [redacted]"),
            ("url postgres://me:s3cr3t@db/x", "url postgres://me:[redacted]@db/x"),
            ("PASSWORD=abc next", "PASSWORD=[redacted] next"),
            (r#"{"token": "abc", "n": 1}"#, r#"{"token": "[redacted]", "n": 1}"#),
            ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
            ("the token is gone", "the token is gone"),
            ("GET /secrets 200", "GET /secrets 200"),
            ("at 12:30 by me@example.org", "at 12:30 by me@example.org"),
        ];
        let mut redactor = Redactor::knowing(["hunter2-hunter2", "abc"]);
        for (line, shown) in cases {
            assert_eq!(redactor.line(line), shown);
        }
    }

    #[test]
    fn a_private_key_is_masked_to_its_last_line() {
        let mut redactor = Redactor::default();
        let lines = ["-----BEGIN EC PRIVATE KEY-----", "MHcCAQEEI", "-----END EC PRIVATE KEY-----", "done"];
        assert_eq!(lines.map(|line| redactor.line(line)), [MASK, MASK, MASK, "done"]);
    }

    #[test]
    fn a_line_cannot_steer_a_terminal_or_turn_its_text_around() {
        assert_eq!(Redactor::default().line("a\u{1b}[2Jb\u{202e}c\rd"), r"a\u{1b}[2Jb\u{202e}c\u{d}d");
    }
}
