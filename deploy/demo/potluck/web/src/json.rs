//! JSON as the recipes API sends it, read into a tree.
//!
//! RFC 8259 but for numbers, of which only the whole ones from 0 up are read: the API sends no others. It
//! must never recurse deeper than its limit or read past the end.

const DEEPEST: u32 = 16;

#[derive(Debug, PartialEq)]
pub enum Value {
    Null,
    Truth(bool),
    Number(u32),
    Text(String),
    List(Vec<Value>),
    Record(Vec<(String, Value)>),
}

impl Value {
    /// None if the text is not one JSON value and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let value = reader.value(DEEPEST)?;
        reader.skip_space();
        reader.rest.is_empty().then_some(value)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        let Self::Record(fields) = self else { return None };
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        if let Self::Text(text) = self.get(name)? { Some(text) } else { None }
    }

    pub fn number(&self, name: &str) -> Option<u32> {
        if let Self::Number(number) = self.get(name)? { Some(*number) } else { None }
    }

    pub fn list(&self, name: &str) -> Option<&[Value]> {
        if let Self::List(items) = self.get(name)? { Some(items) } else { None }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn take(&mut self, literal: &str) -> Option<()> {
        self.skip_space();
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    fn value(&mut self, depth: u32) -> Option<Value> {
        self.skip_space();
        match self.rest.chars().next()? {
            '{' => self.record(depth.checked_sub(1)?).map(Value::Record),
            '[' => self.list(depth.checked_sub(1)?).map(Value::List),
            '"' => self.text().map(Value::Text),
            't' => self.take("true").map(|()| Value::Truth(true)),
            'f' => self.take("false").map(|()| Value::Truth(false)),
            'n' => self.take("null").map(|()| Value::Null),
            _ => self.number().map(Value::Number),
        }
    }

    fn record(&mut self, depth: u32) -> Option<Vec<(String, Value)>> {
        self.items("{", "}", |reader| {
            let name = reader.text()?;
            reader.take(":")?;
            Some((name, reader.value(depth)?))
        })
    }

    fn list(&mut self, depth: u32) -> Option<Vec<Value>> {
        self.items("[", "]", |reader| reader.value(depth))
    }

    fn items<T>(
        &mut self,
        open: &str,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut items = Vec::new();
        self.take(open)?;
        if self.take(close).is_some() {
            return Some(items);
        }
        loop {
            items.push(item(self)?);
            if self.take(close).is_some() {
                return Some(items);
            }
            self.take(",")?;
        }
    }

    fn number(&mut self) -> Option<u32> {
        let end = self.rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().ok()
    }

    fn text(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut out = String::new();
        loop {
            let letter = self.letter()?;
            match letter {
                '"' => return Some(out),
                '\\' => out.push(self.escaped()?),
                letter => out.push(letter),
            }
        }
    }

    fn letter(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn escaped(&mut self) -> Option<char> {
        match self.letter()? {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'u' => {
                let code = u32::from_str_radix(self.rest.get(..4)?, 16).ok()?;
                self.rest = &self.rest[4..];
                char::from_u32(code)
            }
            letter @ ('"' | '\\' | '/') => Some(letter),
            _ => None,
        }
    }
}
