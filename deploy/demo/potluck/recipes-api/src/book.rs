//! A book: one owner's recipes and when they were cooked, and the plain lines it is kept as.
//!
//! The lines are read strictly and written back the same, so that a person can mend a book by hand. This file
//! knows nothing of folders or of HTTP. It must never drop a line that it does not understand.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

const FIRST_LINE: &str = "potluck book 1";
/// A book that is written anew with each meal must stay small; this is a meal a day for a quarter century.
const MEALS_KEPT: usize = 10_000;

/// Whose book: `[a-z0-9-]`, 1 to 32 characters. It names a folder, so nothing else may ever be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// None if the text is no owner's name.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        ((1..=32).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.into()))
    }

    /// The name, fit to be one part of a path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    pub recipes: Vec<Recipe>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipe {
    pub slug: String,
    pub title: String,
    pub serves: u32,
    pub minutes: Option<u32>,
    pub needs: Vec<Need>,
    pub steps: Vec<String>,
    pub cooked: Vec<Meal>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    pub amount: Amount,
    pub name: String,
}

/// How much of something, in halves of its unit: kitchens measure no finer.
#[derive(Clone, Debug, PartialEq)]
pub struct Amount {
    pub halves: u32,
    /// `g`, `tsp`, … or empty for pieces.
    pub unit: String,
}

/// One time that a recipe was cooked.
#[derive(Clone, Debug, PartialEq)]
pub struct Meal {
    pub on: Date,
    pub guests: u32,
    pub who: String,
}

/// A day in UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Date {
    year: i64,
    month: i64,
    day: i64,
}

/// A line that could not be understood, counted from 1.
#[derive(Debug)]
pub struct BadLine(pub usize);

/// Why a meal was not taken down.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    NoSuchRecipe,
    Guests,
    Who,
    Full,
}

impl Book {
    /// Reads a book's lines.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let mut book = Self::default();
        for (index, line) in text.lines().enumerate() {
            let understood = if index == 0 { line == FIRST_LINE } else { book.take(line).is_some() };
            if !understood {
                return Err(BadLine(index + 1));
            }
        }
        if text.is_empty() { Err(BadLine(1)) } else { Ok(book) }
    }

    fn take(&mut self, line: &str) -> Option<()> {
        if line.is_empty() {
            return Some(());
        }
        let (word, rest) = line.split_once(' ')?;
        if word == "recipe" {
            self.recipes.push(Recipe { slug: rest.into(), ..Recipe::default() });
            return Some(());
        }
        let recipe = self.recipes.last_mut()?;
        match word {
            "title" => recipe.title = rest.into(),
            "serves" => recipe.serves = rest.parse().ok().filter(|serves| *serves > 0)?,
            "minutes" => recipe.minutes = Some(rest.parse().ok()?),
            "need" => recipe.needs.push(Need::parse(rest)?),
            "step" => recipe.steps.push(rest.into()),
            "cooked" => recipe.cooked.push(Meal::parse(rest)?),
            _ => return None,
        }
        Some(())
    }

    pub fn recipe(&self, slug: &str) -> Option<&Recipe> {
        self.recipes.iter().find(|recipe| recipe.slug == slug)
    }

    /// Takes down that a recipe was cooked today.
    pub fn cook(&mut self, slug: &str, guests: u32, who: &str) -> Result<&Recipe, Refusal> {
        let recipe =
            self.recipes.iter_mut().find(|recipe| recipe.slug == slug).ok_or(Refusal::NoSuchRecipe)?;
        if !(1..=99).contains(&guests) {
            return Err(Refusal::Guests);
        }
        if who.trim().is_empty() || who.chars().count() > 40 || who.chars().any(char::is_control) {
            return Err(Refusal::Who);
        }
        if recipe.cooked.len() >= MEALS_KEPT {
            return Err(Refusal::Full);
        }
        recipe.cooked.push(Meal { on: Date::today(), guests, who: who.trim().into() });
        Ok(recipe)
    }
}

impl fmt::Display for Book {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        writeln!(out, "{FIRST_LINE}")?;
        for recipe in &self.recipes {
            writeln!(out, "\nrecipe {}\ntitle {}\nserves {}", recipe.slug, recipe.title, recipe.serves)?;
            if let Some(minutes) = recipe.minutes {
                writeln!(out, "minutes {minutes}")?;
            }
            for need in &recipe.needs {
                writeln!(out, "need {} | {}", need.amount, need.name)?;
            }
            for step in &recipe.steps {
                writeln!(out, "step {step}")?;
            }
            for meal in &recipe.cooked {
                writeln!(out, "cooked {} {} {}", meal.on, meal.guests, meal.who)?;
            }
        }
        Ok(())
    }
}

impl Need {
    fn parse(text: &str) -> Option<Self> {
        let (amount, name) = text.split_once(" | ")?;
        Some(Self { amount: Amount::parse(amount)?, name: name.into() })
    }
}

impl Amount {
    /// `300 g`, `3`, `½ tsp`, `1½`.
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
        let (whole, half) = number.strip_suffix('½').map_or((number, 0), |whole| (whole, 1));
        let whole: u32 = if whole.is_empty() && half == 1 { 0 } else { whole.parse().ok()? };
        Some(Self { halves: whole.checked_mul(2)? + half, unit: unit.into() })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match (self.halves / 2, self.halves % 2) {
            (whole, 0) => write!(out, "{whole}")?,
            (0, _) => write!(out, "½")?,
            (whole, _) => write!(out, "{whole}½")?,
        }
        if self.unit.is_empty() { Ok(()) } else { write!(out, " {}", self.unit) }
    }
}

impl Meal {
    fn parse(text: &str) -> Option<Self> {
        let (on, rest) = text.split_once(' ')?;
        let (guests, who) = rest.split_once(' ')?;
        Some(Self { on: Date::parse(on)?, guests: guests.parse().ok()?, who: who.into() })
    }
}

impl Date {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Self { year, month, day })
    }

    fn today() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::of_day((seconds / 86_400) as i64)
    }

    /// From days since 1970-01-01. Years are counted from March, so that a leap day comes last.
    /// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    fn of_day(days: i64) -> Self {
        let days = days + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month, day: of_year - (153 * shifted + 2) / 5 + 1 }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}
