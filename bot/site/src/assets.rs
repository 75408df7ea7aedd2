//! The files that pages load: one stylesheet, one script, one icon, all inside the program.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::session::sha256;

/// Every file, with its type.
const FILES: [(&str, &str, &str); 3] = [
    ("site.css", "text/css; charset=utf-8", include_str!("../assets/site.css")),
    ("site.js", "text/javascript; charset=utf-8", include_str!("../assets/site.js")),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
];

/// One of the files; a browser that has it already gets no body.
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, kind, text)) = FILES.iter().find(|(known, ..)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", sha256(text).get(..16).unwrap_or_default());
    let fixed = [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, "no-cache")];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str()) {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    (fixed, [(header::CONTENT_TYPE, *kind)], *text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_names_an_address_elsewhere() {
        let sprite = include_str!("../assets/sprite.svg");
        for (name, text) in FILES.iter().map(|(name, _, text)| (*name, *text)).chain([("sprite.svg", sprite)])
        {
            for line in text.lines() {
                // The name of SVG's namespace is an identifier; nothing is fetched from it.
                let line = line.replace("http://www.w3.org/2000/svg", "");
                let elsewhere = ["http:", "https:", "//cdn", "url(", "@import", "import("];
                assert!(!elsewhere.iter().any(|mark| line.contains(mark)), "{name}: {line}");
            }
        }
    }
}
