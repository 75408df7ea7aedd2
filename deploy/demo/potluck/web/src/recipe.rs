//! What the recipes API tells of a book, in this component's own words.
//!
//! Read from its JSON; anything missing makes the whole answer unusable rather than half shown. It must never
//! hold markup: escaping is the page's part.

use crate::json::Value;

/// Whose book: the first label of a host such as `ana.potluck.localhost:4000`, else `guest`.
#[derive(Debug, PartialEq)]
pub struct Owner(String);

impl Owner {
    pub fn of_host(host: &str) -> Self {
        let host = host.split_once(':').map_or(host, |(host, _port)| host);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let name = host
            .strip_suffix(".potluck.localhost")
            .filter(|name| (1..=32).contains(&name.len()) && name.bytes().all(plain));
        Self(name.unwrap_or("guest").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a person writes it: `Ana`.
    pub fn name(&self) -> String {
        let (first, rest) = self.0.split_at(1);
        first.to_uppercase() + rest
    }
}

/// A recipe as a book's list shows it.
pub struct Brief {
    pub slug: String,
    pub title: String,
    pub serves: u32,
    pub cooked: Cooked,
}

pub struct Recipe {
    pub brief: Brief,
    pub ingredients: Vec<Ingredient>,
    pub steps: Vec<String>,
}

pub struct Ingredient {
    pub name: String,
    pub amount: String,
}

/// How often, and the last time.
pub struct Cooked {
    pub times: u32,
    pub last: Option<Meal>,
}

pub struct Meal {
    /// `2025-11-12`
    pub on: String,
    pub guests: u32,
}

/// The recipes of a book.
pub fn book(json: &Value) -> Option<Vec<Brief>> {
    json.list("recipes")?.iter().map(Brief::read).collect()
}

impl Recipe {
    pub fn read(json: &Value) -> Option<Self> {
        let steps = json.list("steps")?.iter();
        Some(Self {
            brief: Brief::read(json)?,
            ingredients: json.list("ingredients")?.iter().map(Ingredient::read).collect::<Option<_>>()?,
            steps: steps
                .map(|step| if let Value::Text(step) = step { Some(step.clone()) } else { None })
                .collect::<Option<_>>()?,
        })
    }
}

impl Brief {
    fn read(json: &Value) -> Option<Self> {
        Some(Self {
            slug: json.text("slug")?.into(),
            title: json.text("title")?.into(),
            serves: json.number("serves")?,
            cooked: Cooked::read(json.get("cooked")?)?,
        })
    }
}

impl Ingredient {
    fn read(json: &Value) -> Option<Self> {
        Some(Self { name: json.text("name")?.into(), amount: json.text("amount")?.into() })
    }
}

impl Cooked {
    fn read(json: &Value) -> Option<Self> {
        let last = match json.get("last")? {
            Value::Null => None,
            meal => Some(Meal { on: meal.text("on")?.into(), guests: meal.number("guests")? }),
        };
        Some(Self { times: json.number("times")?, last })
    }

    /// `Cooked 3 times, last on 12 Nov for 6`
    pub fn sentence(&self) -> String {
        match (&self.last, self.times) {
            (None, _) => "Not cooked yet".into(),
            (Some(meal), 1) => format!("Cooked once, on {}", meal.day()),
            (Some(meal), 2) => format!("Cooked twice, last on {} for {}", meal.day(), meal.guests),
            (Some(meal), times) => {
                format!("Cooked {times} times, last on {} for {}", meal.day(), meal.guests)
            }
        }
    }
}

impl Meal {
    /// `12 Nov`
    fn day(&self) -> String {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let mut parts = self.on.splitn(3, '-').skip(1).map(|part| part.parse::<usize>().ok());
        let month = parts.next().flatten().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
        match (month, parts.next().flatten()) {
            (Some(month), Some(day)) => format!("{day} {month}"),
            _ => self.on.clone(),
        }
    }
}
