//! Recipes written as JSON. It must never put text between quotes unescaped.

use crate::book::{Book, Meal, Need, Owner, Recipe};

/// A book's recipes, each in brief.
pub fn book(owner: &Owner, book: &Book) -> String {
    let recipes = list(&book.recipes, |recipe| format!("{{{}}}", brief(recipe)));
    format!("{{\"owner\":{},\"recipes\":{recipes}}}\n", text(owner.as_str()))
}

/// One recipe, whole.
pub fn recipe(recipe: &Recipe) -> String {
    let needs = list(&recipe.needs, need);
    let steps = list(&recipe.steps, |step| text(step));
    format!("{{{},\"ingredients\":{needs},\"steps\":{steps}}}\n", brief(recipe))
}

/// `{"error": …}`: what went wrong, in a sentence.
pub fn error(sentence: &str) -> String {
    format!("{{\"error\":{}}}\n", text(sentence))
}

fn brief(recipe: &Recipe) -> String {
    format!(
        "\"slug\":{},\"title\":{},\"serves\":{},\"minutes\":{},\"cooked\":{}",
        text(&recipe.slug),
        text(&recipe.title),
        recipe.serves,
        recipe.minutes.map_or("null".into(), |minutes| minutes.to_string()),
        cooked(&recipe.cooked),
    )
}

fn need(need: &Need) -> String {
    format!("{{\"name\":{},\"amount\":{}}}", text(&need.name), text(&need.amount.to_string()))
}

fn cooked(meals: &[Meal]) -> String {
    let last = meals.last().map_or("null".into(), |meal| {
        format!("{{\"on\":\"{}\",\"guests\":{},\"who\":{}}}", meal.on, meal.guests, text(&meal.who))
    });
    format!("{{\"times\":{},\"last\":{last}}}", meals.len())
}

fn list<T>(items: &[T], write: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(","))
}

fn text(text: &str) -> String {
    let mut out = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => out += &format!("\\u{:04x}", letter as u32),
            letter => out.push(letter),
        }
    }
    out + "\""
}
