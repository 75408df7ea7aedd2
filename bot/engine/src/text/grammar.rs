//! The grammar of commands: read from their declarations, so that help and parsing cannot disagree.
//!
//! Only the first line of a message can be a command, only when it starts with `/` in the first column, and never when
//! the message opens with a quote or a code block, because those do not start with `/`. It is split like a shell line;
//! no shell is involved.

use folkops_model::{
    ArgKind, ArgSpec, Args, Arity, ChangeName, ChangeRef, CommandSpec, FreeText, Malformed, Value,
};

use super::hygiene;

/// What a message turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// People talking.
    Talk,
    /// A command line, split into words but not yet matched to a command.
    Line(Line),
    /// It was meant as a command and cannot be one.
    Misread(Misread),
}

/// A split command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The command's name without the slash.
    pub name: String,
    /// The words after it.
    pub words: Vec<String>,
    /// Everything after the name, unsplit.
    pub rest: String,
}

/// Why a line is no command, with the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// It holds characters that do not read as they run.
    #[error("the line holds {0}; type it again by hand")]
    Hidden(String),
    /// A quote is open.
    #[error("a quotation mark is not closed; close it, or leave both out")]
    OpenQuote,
    /// No command has that name.
    #[error("`/{given}` is no command here")]
    Unknown {
        /// What was typed.
        given: String,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// An argument is missing.
    #[error("`/{command}` needs {name}: {help}")]
    Missing {
        /// Which command.
        command: &'static str,
        /// Which argument.
        name: &'static str,
        /// What it is.
        help: &'static str,
    },
    /// A word is not what it should be.
    #[error("{0}")]
    Wrong(#[from] Malformed),
    /// A word is too much.
    #[error("`/{command}` does not take `{word}`")]
    TooMuch {
        /// Which command.
        command: &'static str,
        /// Which word.
        word: String,
    },
}

/// The longest command line in bytes; longer ones are talk.
const LONGEST: usize = 2_000;

/// Reads a message.
pub fn read(message: &str) -> Reading {
    let first = message.split(['\n', '\r']).next().unwrap_or("");
    let line = hygiene::plain(first);
    let mut start = line.chars();
    let looks_like_one =
        start.next() == Some('/') && start.next().is_some_and(|c| c.is_alphabetic() || !c.is_ascii());
    if !looks_like_one || line.len() > LONGEST {
        return Reading::Talk;
    }
    if let Some(found) = hygiene::forbidden(&line) {
        return Reading::Misread(Misread::Hidden(found));
    }
    split(&line).map_or_else(Reading::Misread, Reading::Line)
}

fn split(line: &str) -> Result<Line, Misread> {
    let body = line.strip_prefix('/').unwrap_or(line);
    let (name, rest) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
    let words = shlex::split(&as_people_write(rest)).ok_or(Misread::OpenQuote)?;
    Ok(Line { name: name.to_owned(), words, rest: rest.trim().to_owned() })
}

/// To a shell `#43` begins a comment and the apostrophe of `don't` a quote; to people they are a change and a letter.
/// Outside of quotes they are kept as they stand.
fn as_people_write(rest: &str) -> String {
    let (mut quote, mut before) = (None, ' ');
    let mut kept = String::with_capacity(rest.len());
    for c in rest.chars() {
        match (quote, c) {
            (None, '#') => kept.push('\\'),
            (None, '\'') if before.is_alphanumeric() => kept.push('\\'),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        kept.push(c);
        before = c;
    }
    kept
}

/// Matches the words of a line to a command's declared arguments. Where a change must be named and none is, it is the
/// one that the place is about.
pub fn parse(spec: &'static CommandSpec, line: &Line, about: Option<&ChangeRef>) -> Result<Args, Misread> {
    let mut args = Args::default();
    let mut positional = spec.args.iter().filter(|arg| arg.kind != ArgKind::Flag).peekable();
    for (place, word) in line.words.iter().enumerate() {
        while positional
            .peek()
            .is_some_and(|arg| begins_the_rest(spec, arg, &args, line.words.get(place..).unwrap_or_default()))
        {
            positional.next();
        }
        if let Some((flag, with)) = flag_of(spec, word)? {
            args.push(flag.name, Value::Given(with));
            continue;
        }
        let Some(arg) = positional.peek() else {
            return Err(Misread::TooMuch { command: spec.name, word: word.clone() });
        };
        if arg.kind == ArgKind::Rest {
            // Alone it is taken as it was typed; behind other arguments, without them.
            let typed = || line.words.get(place..).unwrap_or_default().join(" ");
            let clear = if place == 0 { line.rest.clone() } else { typed() };
            args.push(arg.name, Value::Text(FreeText { clear, sealed: None }));
            break;
        }
        args.push(arg.name, value(arg, word)?);
        if arg.arity != Arity::Many {
            positional.next();
        }
    }
    let unnamed = spec.args.iter().find(|arg| arg.kind == ArgKind::Change && is_missing(arg, &args));
    if let Some((arg, about)) = unnamed.zip(about) {
        args.push(arg.name, Value::Change(ChangeName::Whole(about.clone())));
    }
    missing(spec, &args).map_or(Ok(args), Err)
}

/// Whether an argument that may end here does, because a reason in words follows.
fn begins_the_rest(spec: &'static CommandSpec, arg: &ArgSpec, args: &Args, words: &[String]) -> bool {
    let may_end = arg.arity == Arity::Optional || !args.all(arg.name).is_empty();
    let rest_follows = arg.kind != ArgKind::Rest && spec.args.iter().any(|arg| arg.kind == ArgKind::Rest);
    may_end && rest_follows && are_a_reason(words)
}

/// Whether words read as a reason: they begin with a letter, the first has no digit, and together they are more than a
/// letter or two. A mistyped number, or a letter that looks like one, must not be done without.
fn are_a_reason(words: &[String]) -> bool {
    let letters = words.iter().flat_map(|word| word.chars()).filter(|c| c.is_alphabetic()).count();
    words.first().is_some_and(|first| {
        first.starts_with(char::is_alphabetic) && !first.contains(char::is_numeric) && letters > 2
    })
}

type Flag = (&'static ArgSpec, Option<String>);

fn flag_of(spec: &'static CommandSpec, word: &str) -> Result<Option<Flag>, Misread> {
    // Where words alone are taken, dashes are words too.
    let words_alone = spec.args.iter().all(|arg| arg.kind == ArgKind::Rest);
    let Some(flag) = word.strip_prefix("--").filter(|_| !words_alone) else { return Ok(None) };
    let (name, with) = flag.split_once('=').map_or((flag, None), |(name, with)| (name, Some(with)));
    let found = spec.args.iter().find(|arg| arg.kind == ArgKind::Flag && arg.name == name);
    match found.filter(|_| with.is_none_or(is_name)) {
        Some(arg) => Ok(Some((arg, with.map(str::to_owned)))),
        None => Err(Misread::TooMuch { command: spec.name, word: word.to_owned() }),
    }
}

fn is_missing(arg: &ArgSpec, args: &Args) -> bool {
    arg.kind != ArgKind::Flag && arg.arity != Arity::Optional && args.all(arg.name).is_empty()
}

fn missing(spec: &'static CommandSpec, args: &Args) -> Option<Misread> {
    let arg = spec.args.iter().find(|arg| is_missing(arg, args))?;
    Some(Misread::Missing { command: spec.name, name: arg.name, help: arg.help })
}

fn value(arg: &ArgSpec, word: &str) -> Result<Value, Malformed> {
    Ok(match arg.kind {
        ArgKind::Change => Value::Change(word.parse()?),
        ArgKind::Sha => Value::Sha(word.parse()?),
        ArgKind::Release => Value::Release(word.parse()?),
        ArgKind::Preview => Value::Preview(word.parse()?),
        ArgKind::Duration => Value::Seconds(seconds(word)?),
        ArgKind::Name => Value::Name(name(word)?),
        ArgKind::Rest => Value::Text(FreeText { clear: word.to_owned(), sealed: None }),
        ArgKind::Flag => Value::Given(None),
    })
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn name(word: &str) -> Result<String, Malformed> {
    let bare = word.strip_prefix('/').unwrap_or(word);
    let valid = is_name(bare).then(|| bare.to_owned());
    valid.ok_or_else(|| Malformed::new(word, "a name (lower-case letters, digits and `-`)"))
}

/// The longest length of time a command takes, in seconds: a week.
const LONGEST_TIME: u64 = 7 * 24 * 3_600;

fn seconds(word: &str) -> Result<u64, Malformed> {
    let wrong = || Malformed::new(word, "a length of time such as `90m`, `2h` or `3d`, at most a week");
    let unit = match word.chars().last() {
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(wrong()),
    };
    let digits = word.get(..word.len() - 1).unwrap_or("");
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|s| (1..=LONGEST_TIME).contains(s)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use folkops_model::{ChangeName, ChangeNumber, Class};

    static OPT_IN: CommandSpec = CommandSpec {
        name: "opt-in",
        aliases: &[],
        summary: "",
        example: "",
        class: Class::OwnWorkload,
        args: &[
            ArgSpec {
                name: "change",
                help: "a pull request's number",
                kind: ArgKind::Change,
                arity: Arity::Many,
            },
            ArgSpec { name: "yes", help: "", kind: ArgKind::Flag, arity: Arity::Optional },
        ],
        internal: false,
    };

    fn parsed(text: &str) -> Result<Args, Misread> {
        match read(text) {
            Reading::Line(line) => parse(&OPT_IN, &line, None),
            other => panic!("{text:?} was read as {other:?}"),
        }
    }

    #[test]
    fn changes_may_be_written_with_or_without_the_hash_sign() {
        let args = parsed("/opt-in 41 #43 \u{2014}yes").unwrap();
        assert_eq!(args.changes("change"), [41, 43].map(|number| ChangeName::Number(ChangeNumber(number))));
        assert!(args.given("yes"));
        assert!(
            matches!(read("/freeze '#1' #2 a#b"), Reading::Line(line) if line.words == ["#1", "#2", "a#b"])
        );
    }

    static ROLLBACK: CommandSpec = CommandSpec {
        name: "rollback",
        args: &[
            ArgSpec { name: "release", help: "", kind: ArgKind::Release, arity: Arity::Optional },
            ArgSpec { name: "now", help: "", kind: ArgKind::Flag, arity: Arity::Optional },
            ArgSpec { name: "reason", help: "", kind: ArgKind::Rest, arity: Arity::Optional },
        ],
        ..OPT_IN
    };

    #[test]
    fn a_reason_follows_what_is_named_and_a_mistyped_number_is_no_reason() {
        let read = |text: &str| match read(text) {
            Reading::Line(line) => parse(&ROLLBACK, &line, None),
            other => panic!("{text:?} was read as {other:?}"),
        };
        let said = |text: &str| {
            let args = read(text).unwrap();
            (
                args.release("release").map(|release| release.0),
                args.text("reason").map(|text| text.clear.clone()),
            )
        };
        assert_eq!(said("/rollback"), (None, None));
        assert_eq!(said("/rollback 217"), (Some(217), None));
        assert_eq!(said("/rollback the shop isn't  up"), (None, Some("the shop isn't  up".into())));
        assert_eq!(said("/rollback 217 it is 9 o'clock"), (Some(217), Some("it is 9 o'clock".into())));
        assert!(read("/rollback --now and then").unwrap().given("now"));
        for mistyped in ["2l7", "l8", "l", "\u{4cf}", "@here", "$IFS", "<b>bold</b>"] {
            let line = format!("/rollback {mistyped}");
            let refused = read(&line).unwrap_err().to_string();
            assert!(refused.contains(&format!("`{mistyped}`")), "{refused}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_way_out() {
        let said = |text| parsed(text).unwrap_err().to_string();
        assert_eq!(said("/opt-in"), "`/opt-in` needs change: a pull request's number");
        assert_eq!(said("/opt-in soup"), "`soup` is not a change's number such as `41`");
        assert_eq!(said("/opt-in 41 --no"), "`/opt-in` does not take `--no`");
        assert_eq!(read("/opt-in \"41"), Reading::Misread(Misread::OpenQuote));
    }

    #[test]
    fn only_the_first_line_in_the_first_column_is_a_command() {
        for talk in [
            "> /promote 41",
            "`/promote 41`",
            "```\n/promote 41\n```",
            " /promote 41",
            "hello\n/promote 41",
            "/",
            "// x",
            "/1",
        ] {
            assert_eq!(read(talk), Reading::Talk, "{talk:?}");
        }
        assert!(matches!(read("/promote 41\n/rollback"), Reading::Line(line) if line.words == ["41"]));
    }

    #[test]
    fn a_line_that_hides_something_is_refused_not_cleaned() {
        assert!(matches!(read("/promote \u{202e}14"), Reading::Misread(Misread::Hidden(_))));
        assert!(matches!(read("/pro\u{200b}mote 41"), Reading::Misread(Misread::Hidden(_))));
    }

    #[test]
    fn times_are_bounded() {
        assert_eq!(seconds("90m"), Ok(5_400));
        assert!(
            seconds("8d").is_err()
                && seconds("0m").is_err()
                && seconds("m").is_err()
                && seconds("é").is_err()
        );
    }
}
