//! Potluck's pages as HTML: they work without script, and the style is one file beside this one.
//!
//! Every text from outside goes through `escaped`. It must never hold markup in its data, or data in its
//! markup unescaped.

use crate::recipe::{Brief, Owner, Recipe};

/// The one style; served by itself so that the pages need no inline style.
pub const STYLE: &str = include_str!("style.css");

/// What every page carries around its content.
pub struct Frame {
    /// `Release 218`, or which mix of changes this is.
    pub release: String,
    /// Where somebody learns how to change this service; only `http:`, `https:` and paths are links.
    pub change_url: Option<String>,
}

impl Frame {
    /// The list of a book's recipes.
    pub fn book(&self, owner: &Owner, recipes: &[Brief]) -> String {
        let items: String = recipes.iter().map(item).collect();
        let content = format!("<h1>{}</h1>\n<ul class=\"book\">\n{items}</ul>\n", escaped(&title(owner)));
        self.around("For kitchens that cook together", &title(owner), &content)
    }

    /// One recipe.
    pub fn recipe(&self, owner: &Owner, recipe: &Recipe) -> String {
        let brief = &recipe.brief;
        let content = format!(
            "<h1>{title}</h1>\n\
             <p class=\"meta\">Serves {serves}</p>\n\
             <ul class=\"needs\">\n{needs}</ul>\n\
             <p class=\"meta own\">{cooked}</p>\n\
             <ol class=\"steps\">\n{steps}</ol>\n\
             {form}",
            title = escaped(&brief.title),
            serves = brief.serves,
            needs = needs(recipe),
            cooked = escaped(&brief.cooked.sentence()),
            steps = steps(recipe),
            form = cooked_form(&brief.slug, brief.serves),
        );
        self.around(&title(owner), &brief.title, &content)
    }

    /// A page that says what went wrong and where to go on.
    pub fn trouble(&self, owner: &Owner, heading: &str, sentence: &str) -> String {
        let content = format!(
            "<h1>{}</h1>\n<p>{}</p>\n<p><a href=\"/\">Back to the book</a></p>\n",
            escaped(heading),
            escaped(sentence)
        );
        self.around(&title(owner), heading, &content)
    }

    fn around(&self, corner: &str, heading: &str, content: &str) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{heading} · Potluck</title>\n<link rel=\"stylesheet\" href=\"/potluck.css\">\n</head>\n<body>\n\
             <header><a href=\"/\">Potluck</a><span>{corner}</span></header>\n<main>\n{content}</main>\n\
             <footer><span>{release}</span>{change}</footer>\n</body>\n</html>\n",
            heading = escaped(heading),
            corner = escaped(corner),
            release = escaped(&self.release),
            change = self.change_link(),
        )
    }

    fn change_link(&self) -> String {
        let safe = |url: &&String| ["https://", "http://", "/"].iter().any(|start| url.starts_with(start));
        let link = |url: &String| format!("<a href=\"{}\" target=\"_top\">Change this</a>", escaped(url));
        self.change_url.as_ref().filter(safe).map(link).unwrap_or_default()
    }
}

fn title(owner: &Owner) -> String {
    match owner.as_str() {
        "guest" => "Guest book".into(),
        _ => format!("{}’s book", owner.name()),
    }
}

fn item(recipe: &Brief) -> String {
    format!(
        "<li><a href=\"/{}\">{}</a><span class=\"meta\">Serves {} · {}</span></li>\n",
        escaped(&recipe.slug),
        escaped(&recipe.title),
        recipe.serves,
        escaped(&recipe.cooked.sentence()),
    )
}

fn needs(recipe: &Recipe) -> String {
    let line = |name: &str, amount: &str| {
        format!("<li><span>{}</span><b>{}</b></li>\n", escaped(name), escaped(amount))
    };
    recipe.ingredients.iter().map(|need| line(&need.name, &need.amount)).collect()
}

fn steps(recipe: &Recipe) -> String {
    recipe.steps.iter().map(|step| format!("<li>{}</li>\n", escaped(step))).collect()
}

fn cooked_form(slug: &str, guests: u32) -> String {
    format!(
        "<form method=\"post\" action=\"/{}/cooked\"><button>I cooked this</button><label>for \
         <input type=\"number\" name=\"guests\" min=\"1\" max=\"99\" value=\"{guests}\" required> guests</label></form>\n",
        escaped(slug)
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            letter => out.push(letter),
        }
    }
    out
}
