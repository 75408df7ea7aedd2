//! Reads our own pages: elements, attributes, text. Strict where a browser forgives.
//!
//! It exists so that a story sees what a page *is*, not what its source looks like: words of people that had become
//! markup would show up here as elements.

/// An element with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Its name, in lower case.
    pub name: String,
    /// Its attributes in order, unescaped.
    pub attributes: Vec<(String, String)>,
    /// What it holds.
    pub children: Vec<Node>,
}

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Words, unescaped.
    Text(String),
}

/// Elements that never have an end (HTML Standard §13.1.2).
const VOID: [&str; 13] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];

impl Element {
    /// Reads a page.
    ///
    /// # Panics
    /// If an element is not closed by its own end, which our pages never do.
    pub fn page(html: &str) -> Self {
        let mut open = vec![Self { name: "page".into(), attributes: Vec::new(), children: Vec::new() }];
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            push_text(&mut open, &rest[..start]);
            let end = end_of_tag(&rest[start..]) + start;
            tag(&mut open, &rest[start + 1..end]);
            rest = &rest[end + 1..];
        }
        push_text(&mut open, rest);
        assert_eq!(open.len(), 1, "`{}` is not closed", open.last().unwrap().name);
        open.remove(0)
    }

    /// An attribute's value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it has a class.
    pub fn has_class(&self, class: &str) -> bool {
        self.attribute("class").is_some_and(|classes| classes.split_whitespace().any(|word| word == class))
    }

    /// Every element in it, itself first, in the order of the page.
    pub fn all(&self) -> Vec<&Element> {
        let below = self.children.iter().flat_map(|child| match child {
            Node::Element(element) => element.all(),
            Node::Text(_) => Vec::new(),
        });
        std::iter::once(self).chain(below).collect()
    }

    /// The elements in it that are what is wanted.
    pub fn every(&self, wanted: impl Fn(&Element) -> bool) -> Vec<&Element> {
        self.all().into_iter().filter(|element| wanted(element)).collect()
    }

    /// The first element in it of a name.
    pub fn first(&self, name: &str) -> Option<&Element> {
        self.all().into_iter().find(|element| element.name == name)
    }

    /// The first element in it with a class.
    pub fn classed(&self, class: &str) -> Option<&Element> {
        self.all().into_iter().find(|element| element.has_class(class))
    }

    /// The value of the first form field of a name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.all().into_iter().find(|field| field.attribute("name") == Some(name))?.attribute("value")
    }

    /// Its words as they are, without what is there for the eye alone.
    pub fn words(&self) -> String {
        let words = self.children.iter().map(|child| match child {
            Node::Element(element) if element.attribute("aria-hidden") == Some("true") => String::new(),
            Node::Element(element) => element.words(),
            Node::Text(text) => text.clone(),
        });
        words.collect()
    }
}

fn push_text(open: &mut [Element], text: &str) {
    if !text.is_empty() {
        open.last_mut().unwrap().children.push(Node::Text(unescaped(text)));
    }
}

fn tag(open: &mut Vec<Element>, tag: &str) {
    if tag.starts_with(['!', '?']) {
        return;
    }
    if let Some(name) = tag.strip_prefix('/') {
        let done = open.pop().unwrap();
        assert_eq!(done.name, name.trim(), "an element is closed by another's end");
        open.last_mut()
            .unwrap_or_else(|| panic!("`{name}` was never open"))
            .children
            .push(Node::Element(done));
        return;
    }
    let whole = tag.ends_with('/');
    let element = started(tag.trim_end_matches('/'));
    if whole || VOID.contains(&element.name.as_str()) {
        open.last_mut().unwrap().children.push(Node::Element(element));
    } else {
        open.push(element);
    }
}

fn started(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        let Some(end) =
            rest.find(|c: char| c == '=' || c.is_whitespace()).or((!rest.is_empty()).then_some(rest.len()))
        else {
            break;
        };
        let (name, after) = rest.split_at(end);
        let value = after.strip_prefix("=\"").and_then(|value| value.split_once('"'));
        let (value, after) = value.unwrap_or(("", after.strip_prefix('=').unwrap_or(after)));
        attributes.push((name.to_ascii_lowercase(), unescaped(value)));
        rest = after;
    }
    Element { name: name.to_ascii_lowercase(), attributes, children: Vec::new() }
}

/// The tag's `>`: not one inside a quoted value.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            _ => {}
        }
    }
    panic!("a tag has no end: {}", text.chars().take(80).collect::<String>())
}

fn unescaped(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_attributes_and_words_are_read() {
        let page = Element::page(
            r#"<!DOCTYPE html><p class="a b" hidden title="x &gt; y">1 &lt; <b>2</b><br>3</p>"#,
        );
        let p = page.first("p").unwrap();
        assert!(p.has_class("b"));
        assert_eq!(p.attribute("title"), Some("x > y"));
        assert_eq!(p.attribute("hidden"), Some(""));
        assert_eq!(p.words(), "1 < 23");
    }

    #[test]
    #[should_panic(expected = "closed by another's end")]
    fn what_does_not_nest_is_no_page_of_ours() {
        Element::page("<p><b></p></b>");
    }
}
