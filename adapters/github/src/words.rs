//! Which words on a pull request are a command, and under which ids things are known to the pipeline.
//!
//! Only the first line can be one, and only from its first column on; so quotes, lists, code blocks and HTML comments
//! never are. Other programs answer slash commands too, so an unknown word is theirs and stays text, unless it stands
//! behind our own prefix.

use folkops_model::{ChangeRef, Malformed, MessageId, Sha};

use crate::event::Source;

/// A first line that is meant for us, or may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// `/folkops promote`: ours, whatever it says.
    Ours(String),
    /// `/promote`: ours if we know the word.
    Bare(String),
}

/// Reads a comment's text.
pub fn read(text: &str, prefix: &str) -> Option<Words> {
    let first = text.split(['\n', '\r']).next()?.trim_end();
    let after = first.strip_prefix('/')?;
    match after.strip_prefix(prefix) {
        Some("") => Some(Words::Ours("/help".to_owned())),
        Some(rest) if rest.starts_with(char::is_whitespace) => {
            Some(Words::Ours(format!("/{}", rest.trim_start().trim_start_matches('/'))))
        }
        _ => after.starts_with(char::is_alphabetic).then(|| Words::Bare(first.to_owned())),
    }
}

impl Words {
    /// The line as the pipeline reads it.
    pub fn line(&self) -> &str {
        match self {
            Self::Ours(line) | Self::Bare(line) => line,
        }
    }

    /// The command's name in it.
    pub fn name(&self) -> &str {
        let words = self.line().strip_prefix('/').unwrap_or_default();
        words.split(char::is_whitespace).next().unwrap_or_default()
    }
}

/// Whether a program's comment speaks of a command of ours as if it answered it: `/promote` as a word of its own. Every
/// bot has a `/help`, so that one says nothing.
pub fn speaks_of<'a>(text: &str, commands: impl IntoIterator<Item = &'a str>) -> bool {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '/' || c == '-'));
    let said: std::collections::BTreeSet<&str> = words.filter_map(|word| word.strip_prefix('/')).collect();
    commands.into_iter().any(|command| command != "help" && said.contains(command))
}

/// The id of something said, from GitHub's own number.
///
/// # Errors
/// None in practice: letters and digits are an id.
pub fn message(source: Source) -> Result<MessageId, Malformed> {
    MessageId::parse(&match source {
        Source::Comment(id) => format!("gh-comment-{id}"),
        Source::Review(id) => format!("gh-review-{id}"),
        Source::Line(id) => format!("gh-line-{id}"),
    })
}

/// GitHub's own number of a comment, from its id here.
pub fn comment(message: &MessageId) -> Option<u64> {
    message.as_str().strip_prefix("gh-comment-")?.parse().ok()
}

/// The line that a button on a check run stands for; the run's key says what it is about: `web#41@9f2c…`.
pub fn pressed(key: &str, action: &str) -> Option<(ChangeRef, String)> {
    let (change, head) = key.split_once('@')?;
    let (change, head) = (change.parse::<ChangeRef>().ok()?, Sha::parse(head).ok()?);
    let name = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let line = match action {
        "ok-to-test" => format!("/ok-to-test {head}"),
        other if name(other) => format!("/{other} {change}"),
        _ => return None,
    };
    Some((change, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<String> {
        read(text, "folkops").map(|words| words.line().to_owned())
    }

    #[test]
    fn the_first_line_from_its_first_column_is_a_command_in_either_form() {
        assert_eq!(read("/promote 41\nplease", "folkops"), Some(Words::Bare("/promote 41".into())));
        assert_eq!(
            read("/folkops promote 41 \r\nplease", "folkops"),
            Some(Words::Ours("/promote 41".into()))
        );
        assert_eq!(read("/folkops /promote", "folkops"), Some(Words::Ours("/promote".into())));
        assert_eq!(line("/folkops").as_deref(), Some("/help"));
        assert_eq!(read("/folkopsx", "folkops").unwrap().name(), "folkopsx");
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "\n/promote",
            " /promote",
            "> /promote",
            "```\n/promote\n```",
            "    /promote",
            "<!-- x\n/promote -->",
            "- /promote",
            "please /promote",
            "`/promote`",
            "//promote",
            "/",
            "/ promote",
            "/1",
            "\u{200b}/promote",
            "／promote",
        ] {
            assert_eq!(line(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_bot_that_speaks_of_our_words_is_told_from_one_that_has_words_of_its_own() {
        let ours = ["help", "promote", "deploy-preview"];
        assert!(speaks_of("Deploying… say `/promote` when ready", ours));
        assert!(speaks_of("- `/deploy-preview [env]`", ours));
        for text in ["Say /help", "/promoted", "see a/promote", "https://x.example/promote", "/deploy"] {
            assert!(!speaks_of(text, ours), "{text}");
        }
    }

    #[test]
    fn a_button_says_a_line_about_the_change_and_the_commit_of_its_run() {
        let key = "web#41@9f2c41e07b6d3a58c2e1f4907ad6b83e5510c9d2";
        assert_eq!(pressed(key, "deploy-preview").unwrap().1, "/deploy-preview web#41");
        assert_eq!(
            pressed(key, "ok-to-test").unwrap().1,
            "/ok-to-test 9f2c41e07b6d3a58c2e1f4907ad6b83e5510c9d2"
        );
        for (key, action) in [("web#41", "x"), (key, ""), (key, "a b"), (key, "rm;ls"), ("@", "x")] {
            assert_eq!(pressed(key, action), None, "{key} {action}");
        }
    }
}
