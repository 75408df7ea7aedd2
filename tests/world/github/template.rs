//! A path of GitHub's description with its variable places, and how a request fits it.

use std::collections::BTreeMap;
use std::fmt;

/// `/repos/{owner}/{repo}/git/ref/{ref}`.
pub(super) struct Template(Vec<Segment>);

enum Segment {
    Fixed(String),
    Place(String),
}

impl Template {
    pub fn new(path: &str) -> Self {
        let segment = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            // `{base}...{head}` is the old form of a path that has one place.
            Some(place) if !place.contains('}') => Segment::Place(place.to_owned()),
            _ => Segment::Fixed(text.to_owned()),
        };
        Self(path.split('/').skip(1).map(segment).collect())
    }

    /// How many segments are fixed: of two that fit, the one that says more is meant.
    pub fn fixed(&self) -> usize {
        self.0.iter().filter(|segment| matches!(segment, Segment::Fixed(_))).count()
    }

    /// What stands in the variable places of a path, if it fits.
    pub fn places(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let mut places = BTreeMap::new();
        fits(&self.0, &parts, &mut places).then_some(places)
    }
}

fn fits(segments: &[Segment], parts: &[&str], places: &mut BTreeMap<String, String>) -> bool {
    let (Some((segment, segments)), Some((part, rest))) = (segments.split_first(), parts.split_first())
    else {
        return segments.is_empty() && parts.is_empty();
    };
    match segment {
        Segment::Fixed(text) => text == part && fits(segments, rest, places),
        Segment::Place(name) => (1..=longest(name, parts)).any(|taken| {
            places.insert(name.clone(), unescaped(&parts[..taken].join("/")));
            !parts[0].is_empty() && fits(segments, &parts[taken..], places)
        }),
    }
}

/// Names of references hold slashes; nothing else does.
fn longest(place: &str, parts: &[&str]) -> usize {
    if ["ref", "branch", "path"].contains(&place) { parts.len() } else { 1 }
}

/// Undoes the escapes of a path or a query.
pub(super) fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        bytes.push(match byte {
            b'%' => digit().zip(digit()).map_or(b'%', |(high, low)| (high * 16 + low) as u8),
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Display for Template {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Fixed(text) => write!(out, "/{text}"),
            Segment::Place(name) => write!(out, "/{{{name}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_may_hold_slashes_and_a_name_may_not() {
        let reference = Template::new("/repos/{owner}/{repo}/git/ref/{ref}");
        assert_eq!(reference.places("/repos/a/b/git/ref/heads/x%2Fy").unwrap()["ref"], "heads/x/y");
        assert!(Template::new("/repos/{owner}/{repo}").places("/repos/a/b/c").is_none());
        assert!(Template::new("/users/{username}").places("/users/").is_none());
    }
}
