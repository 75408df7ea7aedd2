//! Reads a page as a browser's tokenizer would, as far as these tests need: tags, attributes, text.

/// One tag that opens, with its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// The text right behind it, up to the next tag.
    pub text: String,
}

impl Tag {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Every tag that opens. Panics on anything that only a page with unescaped text could hold.
pub fn tags(page: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = end_of_tag(rest);
        // Drawings close their empty tags themselves.
        let inside = rest[..end].strip_suffix('/').unwrap_or(&rest[..end]);
        rest = &rest[end + 1..];
        let text = unescape(&rest[..rest.find('<').unwrap_or(rest.len())]);
        let first = inside.chars().next().expect("a tag with a name");
        match first {
            '/' | '!' => {}
            'a'..='z' => tags.push(tag(inside, text)),
            other => panic!("a tag begins with {other:?}: <{inside}>"),
        }
    }
    tags
}

/// Quoted values may hold `>`.
fn end_of_tag(rest: &str) -> usize {
    let mut quoted = false;
    rest.find(|c| {
        quoted ^= c == '"';
        c == '>' && !quoted
    })
    .expect("a tag that ends")
}

fn tag(inside: &str, text: String) -> Tag {
    let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let attribute = rest[..end].to_owned();
        rest = &rest[end..];
        let value = match rest.strip_prefix("=\"") {
            None => String::new(),
            Some(after) => {
                let close = after.find('"').expect("a quote that closes");
                rest = &after[close + 1..];
                unescape(&after[..close])
            }
        };
        assert!(
            !attribute.is_empty() && attribute.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "{attribute:?} is no attribute of ours in <{inside}>"
        );
        attributes.push((attribute, value));
    }
    Tag { name: name.to_owned(), attributes, text }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}
