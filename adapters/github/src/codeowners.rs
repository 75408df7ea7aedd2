//! A CODEOWNERS file: which lines of it speak of a path, and whom they name.
//!
//! The rules are GitHub's (docs.github.com, "About code owners"): of the lines that match, the last one counts, a line
//! with a mistake is skipped, a pattern without owners takes them away. Patterns are those of gitignore but for `!`, `[ ]`
//! and a leading `\#`, which are mistakes, and `folder/*`, which does not reach below that folder.

use globset::{Glob, GlobBuilder, GlobSet};

use crate::settings::TeamName;

/// Where the file may be, in the order in which GitHub looks; the first one counts.
pub const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// The largest file that GitHub reads, in bytes; of a larger one nothing counts.
pub const LARGEST: usize = 3 * 1024 * 1024;

/// Somebody whom a line names, in lower case: GitHub does not tell the two apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// `@login`.
    User(String),
    /// `@organisation/team`.
    Team(TeamName),
    /// An e-mail address, which proves nobody.
    Unproven,
}

/// A file that was read.
#[derive(Debug)]
pub struct CodeOwners {
    globs: GlobSet,
    /// For each glob, in the order of the file, the place of its line among `lines`.
    line_of: Vec<usize>,
    lines: Vec<Vec<Owner>>,
}

impl CodeOwners {
    /// Reads a file; `None` where its patterns together are more than can be matched.
    pub fn read(text: &str) -> Option<Self> {
        let mut globs = GlobSet::builder();
        let (mut line_of, mut lines) = (Vec::new(), Vec::new());
        for (patterns, owners) in text.lines().filter_map(line) {
            for pattern in patterns {
                globs.add(pattern);
                line_of.push(lines.len());
            }
            lines.push(owners);
        }
        Some(Self { globs: globs.build().ok()?, line_of, lines })
    }

    /// Whom the file names for a path; nobody where no line speaks of it, or the last one that does names none.
    pub(crate) fn of(&self, path: &str) -> &[Owner] {
        // Globs stand in the order of their lines, so the last glob that matches is one of the last line's.
        let last = self.globs.matches(path).into_iter().max().and_then(|glob| self.line_of.get(glob));
        last.and_then(|line| self.lines.get(*line)).map_or(&[], Vec::as_slice)
    }
}

/// The patterns and owners of a line; `None` for one that says nothing, or that GitHub skips.
fn line(text: &str) -> Option<(Vec<Glob>, Vec<Owner>)> {
    let text = text.trim();
    let mut before = ' ';
    let end = text.find(|c: char| {
        let ends = c.is_whitespace() && before != '\\';
        before = c;
        ends
    });
    let (pattern, rest) = text.split_at(end.unwrap_or(text.len()));
    let words = rest.split_whitespace().take_while(|word| !word.starts_with('#'));
    let owners = words.map(owner).collect::<Option<Vec<Owner>>>()?;
    Some((globs(pattern)?, owners))
}

fn owner(word: &str) -> Option<Owner> {
    let Some(name) = word.strip_prefix('@') else {
        let (local, host) = word.split_once('@')?;
        return (!local.is_empty() && host.contains('.')).then_some(Owner::Unproven);
    };
    let name = name.to_ascii_lowercase();
    if name.contains('/') {
        return name.parse().ok().map(Owner::Team);
    }
    let is_login = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    is_login.then_some(Owner::User(name))
}

/// What a pattern matches: the path itself, and what is below it where it may be a folder.
fn globs(pattern: &str) -> Option<Vec<Glob>> {
    let skipped =
        pattern.starts_with(['!', '#']) || pattern.starts_with("\\#") || pattern.contains(['[', ']']);
    if skipped || pattern.contains("***") {
        return None;
    }
    let body = pattern.strip_prefix('/').unwrap_or(pattern);
    let (path, folder_only) = body.strip_suffix('/').map_or((body, false), |path| (path, true));
    if path.is_empty() {
        return None;
    }
    // A slash at the beginning or within ties a pattern to the root; without one it speaks of every folder.
    let anywhere = if pattern.starts_with('/') || path.contains('/') { "" } else { "**/" };
    let plain = path.replace('{', "\\{").replace('}', "\\}");
    let (itself, below) = (format!("{anywhere}{plain}"), format!("{anywhere}{plain}/**"));
    let is_open = path.rsplit('/').next().is_some_and(|last| last == "*" || last == "**");
    let texts = match (folder_only, is_open) {
        (true, _) => vec![below],
        (false, true) => vec![itself],
        (false, false) => vec![itself, below],
    };
    texts
        .iter()
        .map(|text| GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(file: &CodeOwners, path: &str) -> String {
        let one = |owner: &Owner| match owner {
            Owner::User(login) => format!("@{login}"),
            Owner::Team(team) => format!("@{team}"),
            Owner::Unproven => "?".into(),
        };
        file.of(path).iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn patterns_match_as_github_documents_them() {
        // The example of GitHub's own page, and what it says of each line.
        let file = CodeOwners::read(
            "*       @global-owner1 @global-owner2\n\
             *.js    @js-owner #This is an inline comment.\n\
             *.go docs@example.com\n\
             *.txt @octo-org/octocats\n\
             /build/logs/ @doctocat\n\
             docs/* docs@example.com\n\
             apps/ @octocat\n\
             /docs/ @doctocat\n\
             /scripts/ @doctocat @octocat\n\
             **/logs @octocat\n\
             /apps/ @octocat\n\
             /apps/github\n",
        );
        let file = file.unwrap();
        for (path, owners) in [
            ("LICENSE", "@global-owner1 @global-owner2"),
            ("deep/in/a.js", "@js-owner"),
            ("main.go", "?"),
            ("notes/a.txt", "@octo-org/octocats"),
            ("build/logs/today/1", "@octocat"),
            ("deeply/nested/logs", "@octocat"),
            ("apps/web/main.js", "@octocat"),
            ("other/apps/x", "@octocat"),
            ("docs/guide/a.md", "@doctocat"),
            ("scripts/x.go", "@doctocat @octocat"),
            ("apps/github/main.rs", ""),
            ("apps/github", ""),
        ] {
            assert_eq!(named(&file, path), owners, "{path}");
        }
    }

    #[test]
    fn a_pattern_reaches_no_further_than_it_says() {
        for (pattern, yes, no) in [
            ("docs/*", &["docs/a.md"][..], &["docs/sub/b.md", "x/docs/a.md", "docs"][..]),
            ("/*", &["a"], &["a/b"]),
            ("*", &["a", "a/b/c"], &[]),
            ("**", &["a", "a/b/c"], &[]),
            ("docs/**", &["docs/a", "docs/a/b"], &["docs", "x/docs/a"]),
            ("docs/**/a.md", &["docs/a.md", "docs/x/y/a.md"], &["a.md"]),
            ("src/*.rs", &["src/a.rs"], &["src/x/a.rs", "a.rs"]),
            ("/lib", &["lib", "lib/a/b"], &["x/lib", "lib.rs"]),
            ("lib", &["lib", "x/lib/a"], &["libs"]),
            ("lib/", &["lib/a", "x/lib/a"], &["lib", "x/lib"]),
            ("a/*/", &["a/b/c"], &["a/b", "x/a/b/c"]),
            ("with\\ space.md", &["with space.md"], &["with"]),
            ("a?c", &["abc"], &["a/c", "ac"]),
            ("{a,b}", &["{a,b}"], &["a", "b"]),
            ("README.md", &["README.md", "x/README.md"], &["readme.md"]),
        ] {
            let file = CodeOwners::read(&format!("{pattern} @one")).unwrap();
            for path in yes {
                assert_eq!(named(&file, path), "@one", "`{pattern}` speaks of {path}");
            }
            for path in no {
                assert_eq!(named(&file, path), "", "`{pattern}` does not speak of {path}");
            }
        }
    }

    #[test]
    fn a_line_with_a_mistake_is_skipped_and_the_last_of_the_others_counts() {
        for mistake in [
            "!a.txt @two",
            "[ab].txt @two",
            "\\#a.txt @two",
            "a***.txt @two",
            "a.txt two",
            "a.txt @two @",
            "a.txt @o/t/x",
            "a.txt @two @-/..%2f",
            "# a.txt @two",
            "/ @two",
            "a.txt two@nowhere",
            "a.txt\\",
        ] {
            let file = CodeOwners::read(&format!("* @one\n{mistake}\n")).unwrap();
            assert_eq!(named(&file, "a.txt"), "@one", "{mistake}");
        }
        let file = CodeOwners::read("* @One\r\n\n*.md @ORG/Team me@example.org\n*.md\n").unwrap();
        assert_eq!((named(&file, "a.rs"), named(&file, "a.md")), ("@one".into(), String::new()));
    }
}
