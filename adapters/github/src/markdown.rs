//! Cards as GitHub's Markdown.
//!
//! Everything that anybody else wrote is escaped, mentions and references among it: a card notifies nobody and links
//! nothing that we did not mean. Source: CommonMark 0.31 (a backslash before ASCII punctuation), GitHub Flavored Markdown
//! (extended autolinks), and GitHub's own filters for mentions and references, which read text after Markdown has.

use folkops_model::{
    Button, Card, CardState, ChangeNumber, Digest, Line, PersonId, Picture, Pictured, Press, Sealed, Sha,
    Span, Weight,
};

/// Names and sealed words, opened for drawing; and where our pages are.
pub trait Names {
    /// How somebody is called.
    fn person(&self, person: &PersonId) -> String;
    /// A text, unless its key was destroyed.
    fn open(&self, sealed: &Sealed) -> Option<String>;
    /// A change as this repository writes it, as Markdown of ours.
    fn change(&self, number: ChangeNumber) -> String;
    /// Our site, without a slash at the end.
    fn site(&self) -> &str;
    /// A command as it has to be said here.
    fn line(&self, line: &str) -> String;
}

/// Breaks a word where GitHub would make something of it.
const BREAK: char = '\u{200b}';

/// A whole card.
pub fn card(card: &Card, names: &dyn Names) -> String {
    let mut parts = vec![format!("**{} {}**", glyph(card.state), line(&card.title, names))];
    parts.extend(card.body.iter().map(|body| line(body, names)));
    parts.extend(card.picture.as_ref().map(|picture| picture_of(picture, names)));
    parts.extend(card.consent.as_ref().map(|consent| format!("> {}", line(consent, names))));
    parts.extend(card.log.as_deref().map(log));
    let rows = card.rows.iter().map(|row| format!("- **{}** {}", escape(&row.label), line(&row.line, names)));
    let rows: Vec<String> = rows.collect();
    parts.push(rows.join("\n"));
    parts.push(buttons(&card.buttons, names));
    parts.extend(card.hint.as_ref().map(|hint| format!("<sub>{}</sub>", line(hint, names))));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// A card's title alone, for a line that unfolds.
pub fn title(card: &Card, names: &dyn Names) -> String {
    format!("{} {}", glyph(card.state), line(&card.title, names))
}

/// The glyph that goes with a state; the title says it in words.
fn glyph(state: CardState) -> &'static str {
    match state {
        CardState::Waiting => "⏳",
        CardState::Working => "🚧",
        CardState::Good => "✅",
        CardState::Harmful => "🔴",
        CardState::Held => "⏸️",
        CardState::Refused => "🚫",
        CardState::Ask => "❓",
        CardState::Live => "🎉",
    }
}

fn line(line: &Line, names: &dyn Names) -> String {
    line.0.iter().map(|span| piece(span, names)).collect()
}

fn piece(span: &Span, names: &dyn Names) -> String {
    match span {
        Span::Text(text) | Span::Foreign(text) => escape(text),
        Span::Strong(text) => strong(text),
        Span::Code(text) if is_command(text) => code(&names.line(text)),
        Span::Code(text) => code(text),
        Span::Said(sealed) => names
            .open(sealed)
            .map_or_else(|| "*(words that were taken away)*".to_owned(), |words| code(&words)),
        Span::Called(sealed) => escape(&names.open(sealed).unwrap_or_else(|| "somebody".to_owned())),
        Span::Person(person) => escape(&names.person(person)),
        Span::Change(number) => names.change(*number),
        Span::Commit(sha) => commit(sha),
        Span::Build(component, digest) => build(component.as_str(), digest),
        Span::Link(url) => link(url),
        // Only one person may see it, and a comment is for everybody.
        Span::SecretLink(_) => String::new(),
        Span::Time(at) => at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    }
}

/// Words that matter. The spaces around them stay outside, or they would not be marked at all.
fn strong(text: &str) -> String {
    let words = text.trim();
    let (before, after) = text.split_once(words).unwrap_or_default();
    if words.is_empty() { text.to_owned() } else { format!("{before}**{}**{after}", escape(words)) }
}

fn commit(sha: &Sha) -> String {
    code(sha.short())
}

fn build(component: &str, digest: &Digest) -> String {
    format!("{} {}", escape(component), code(digest.short()))
}

/// A link of ours; only what a browser fetches over HTTP is one.
fn link(url: &str) -> String {
    let plain = url.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"`\\()[]".contains(&b));
    let known = url.starts_with("https://") || url.starts_with("http://");
    if plain && known { format!("<{url}>") } else { escape(url) }
}

fn picture_of(picture: &Picture, names: &dyn Names) -> String {
    let Pictured::Rollout { release, until } = &picture.of;
    let until = until.map(|until| format!("?until={}", until.as_millisecond())).unwrap_or_default();
    format!("![{}]({}/rollouts/{release}.png{until})", escape(&picture.alt), names.site())
}

/// What one can say, ready to be copied; the one that the card asks for stands alone.
fn buttons(buttons: &[Button], names: &dyn Names) -> String {
    let mut parts = Vec::new();
    let mut also = Vec::new();
    for button in buttons {
        match (&button.press, button.weight) {
            (Press::Open(path), _) => {
                also.push(format!("[{}]({})", escape(&button.label), address(path, names)))
            }
            (Press::Say(says), Weight::Main) => {
                parts.push(format!(
                    "{} – say this in a new comment:\n{}",
                    escape(&button.label),
                    fenced(&names.line(says), "")
                ));
            }
            (Press::Say(says), _) => {
                also.push(format!("{} {}", escape(&button.label), code(&names.line(says))))
            }
        }
    }
    if !also.is_empty() {
        parts.push(also.join(" · "));
    }
    parts.join("\n\n")
}

fn address(path: &str, names: &dyn Names) -> String {
    if path.starts_with('/') { format!("{}{path}", names.site()) } else { path.to_owned() }
}

fn log(log: &str) -> String {
    format!("<details><summary>The end of the log</summary>\n\n{}\n</details>", fenced(log, "text"))
}

/// Whether a piece of code is something to say: a slash and the name of a command. A path has other letters.
fn is_command(text: &str) -> bool {
    let word = text.strip_prefix('/').and_then(|text| text.split(' ').next()).unwrap_or_default();
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// A code block that nothing within it can end.
fn fenced(text: &str, kind: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{kind}\n{}\n{fence}", text.trim_end())
}

/// The fence of the code block that a text ends within, if it does.
pub fn open_fence(text: &str) -> Option<&str> {
    text.lines().fold(None, |open, line| {
        let marks = line.len() - line.trim_start_matches('`').len();
        let (fence, rest) = line.split_at(marks);
        match open {
            None => (marks >= 3).then_some(fence),
            Some(open) if marks >= open.len() && rest.is_empty() => None,
            open => open,
        }
    })
}

/// A piece of code within a line.
fn code(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let fence = "`".repeat(longest_run(&flat) + 1);
    let pad = if flat.starts_with('`') || flat.ends_with('`') || flat.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{flat}{pad}{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Plain words: no markup, no mention, no reference, no link.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for c in text.chars() {
        match c {
            _ if c.is_control() => escaped.push(' '),
            '@' | '#' => {
                escaped.push(c);
                escaped.push(BREAK);
            }
            // At the beginning these would open a list or underline a heading.
            '-' | '+' | '=' if escaped.is_empty() => {
                escaped.push('\\');
                escaped.push(c);
            }
            // `https://…`, `GH-12` and `www.…` become links in GitHub's Markdown.
            ':' | '.' | '-' if before.is_alphabetic() => {
                escaped.push(c);
                escaped.push_str(if c == ':' || linking(&escaped, c) { "\u{200b}" } else { "" });
            }
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
        before = c;
    }
    escaped
}

/// Whether what stands here ends in a word that makes a link of what follows.
fn linking(text: &str, last: char) -> bool {
    let word = if last == '.' { "www." } else { "gh-" };
    let tail: String = text.chars().rev().take(word.len()).collect::<Vec<_>>().into_iter().rev().collect();
    tail.eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use folkops_model::Sealed;

    struct Nobody;

    impl Names for Nobody {
        fn person(&self, _person: &PersonId) -> String {
            "Mira_*".to_owned()
        }
        fn open(&self, _sealed: &Sealed) -> Option<String> {
            Some("a `b` @all".to_owned())
        }
        fn change(&self, number: ChangeNumber) -> String {
            format!("#{number}")
        }
        fn site(&self) -> &str {
            "https://ops.example.org"
        }
        fn line(&self, line: &str) -> String {
            line.replacen('/', "/folkops ", 1)
        }
    }

    #[test]
    fn nothing_of_a_stranger_mentions_links_or_marks_up() {
        for (text, escaped) in [
            ("@everyone @org/team", "@\u{200b}everyone @\u{200b}org/team"),
            ("fixes #12 and GH-7", "fixes #\u{200b}12 and GH-\u{200b}7"),
            ("see https://evil.example", "see https:\u{200b}//evil.example"),
            ("www.evil.example", "www.\u{200b}evil.example"),
            ("[x](javascript:1) ![y](z)", "\\[x\\](javascript:\u{200b}1) \\!\\[y\\](z)"),
            ("<img src=x>", "\\<img src=x\\>"),
            ("**b** _i_ ~s~ `c`", "\\*\\*b\\*\\* \\_i\\_ \\~s\\~ \\`c\\`"),
            ("a\nb\r> c", "a b \\> c"),
            ("first-look", "first-look"),
            ("- 12.5 % (of 40)", "\\- 12.5 % (of 40)"),
        ] {
            assert_eq!(escape(text), escaped, "{text}");
        }
    }

    #[test]
    fn words_that_matter_are_marked_without_the_spaces_around_them() {
        assert_eq!(strong("Try it? "), "**Try it?** ");
        assert_eq!(strong(" "), " ");
    }

    #[test]
    fn no_code_ends_the_code_that_it_stands_in() {
        assert_eq!(code("a ``b"), "```a ``b```");
        assert_eq!(code("`x`"), "`` `x` ``");
        assert_eq!(fenced("a\n```\nb\n", "text"), "````text\na\n```\nb\n````");
    }

    #[test]
    fn what_is_cut_within_code_is_closed_by_the_fence_that_opened_it() {
        let whole = fenced("a\n```\nb", "text");
        assert_eq!(open_fence(&whole), None);
        assert_eq!(open_fence("````text\na\n```\nb"), Some("````"));
        assert_eq!(open_fence("words\n```\na"), Some("```"));
        assert_eq!(open_fence("````\na\n`````\nwords ```"), None);
    }

    #[test]
    fn a_card_says_what_happened_why_and_what_can_be_said_next() {
        let person = PersonId::parse("mira").unwrap();
        let sha = Sha::parse("9f2c41e07b6d3a58c2e1f4907ad6b83e5510c9d2").unwrap();
        let drawn =
            Card::new(CardState::Waiting, Line::new().change(ChangeNumber(41)).text(" waits for one look"))
                .say("A maintainer must allow it.")
                .row(
                    "Why",
                    Line::new()
                        .person(&person)
                        .text(" asked")
                        .span(Span::Said(Sealed { key: 1, text: String::new() })),
                )
                .row("Next", Line::new().commit(&sha))
                .button(Weight::Main, "Allow it", format!("/ok-to-test {sha}"))
                .button(Weight::Plain, "Stop", "/stop-preview p-x")
                .open(Weight::Plain, "Read it", "/changes/web/41/diff");
        insta::assert_snapshot!(card(&drawn, &Nobody));
    }
}
