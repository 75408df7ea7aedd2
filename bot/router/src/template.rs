//! From a request's method and path to an endpoint: what was asked for, without what would say of whom.
//!
//! Only the path is looked at, never the query, a header or a body. A part of it that looks like a name of one thing
//! (a number, a hash, a word from dice, anything that is not plain ASCII) becomes `{id}`.

use http::Method;

/// More parts of a path than these are cut off.
const SEGMENTS: usize = 6;
/// A part longer than this names one thing.
const LONGEST: usize = 32;

/// The endpoint of a request.
pub(crate) fn endpoint(method: &Method, path: &str) -> String {
    let mut endpoint = String::with_capacity(48);
    endpoint.push_str(word(method));
    endpoint.push(' ');
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    for segment in segments.by_ref().take(SEGMENTS) {
        endpoint.push('/');
        endpoint.push_str(if names_one(segment) { "{id}" } else { segment });
    }
    match segments.next() {
        Some(_) => endpoint.push_str("/..."),
        None if endpoint.ends_with(' ') => endpoint.push('/'),
        None => {}
    }
    endpoint
}

/// A method as it is told; visitors may invent others.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// Whether a part of a path names one thing rather than a kind of things.
fn names_one(segment: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    segment.len() > LONGEST
        || !segment.bytes().all(plain)
        || segment.bytes().all(|b| b.is_ascii_digit())
        || is_hex(segment)
        || segment.split(['-', '_', '.']).any(is_drawn)
}

/// Eight hex digits or more, also with hyphens between them as in a UUID.
fn is_hex(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    digits >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// Whether a run of letters and digits looks drawn or counted rather than written: three digits in a row, sixteen or more
/// without a break, eight or more in which letters and several digits are mixed.
fn is_drawn(run: &str) -> bool {
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    let counted = run.as_bytes().windows(3).any(|three| three.iter().all(u8::is_ascii_digit));
    counted || run.len() >= 16 || (run.len() >= 8 && digits >= 2) || is_hex(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> String {
        endpoint(&Method::GET, path)
    }

    #[test]
    fn what_names_one_thing_becomes_an_id() {
        for (path, template) in [
            ("/recipes/41", "/recipes/{id}"),
            ("/recipes/41/steps/3", "/recipes/{id}/steps/{id}"),
            ("/c/9f2c41e0", "/c/{id}"),
            ("/u/0b9e7f0a-5d3c-4f7e-9b1a-2f6f0c6a1d11", "/u/{id}"),
            ("/share/k7q2xm4bzzp", "/share/{id}"),
            ("/share/QWxhZGRpbjpvcGVu", "/share/{id}"),
            ("/orders/order-20931", "/orders/{id}"),
            ("/log/2026-03-01", "/log/{id}"),
            ("/app.3f2a9c81.js", "/{id}"),
            ("/people/mira@example.org", "/people/{id}"),
            ("/people/~mira", "/people/{id}"),
            ("/people/M%C3%ADra", "/people/{id}"),
            ("/s;jsessionid=1", "/{id}"),
            ("/what-a-person-wrote-about-their-evening", "/{id}"),
        ] {
            assert_eq!(of(path), format!("GET {template}"), "{path}");
        }
    }

    #[test]
    fn what_names_a_kind_of_things_stays() {
        for path in [
            "/",
            "/recipes",
            "/recipes/new",
            "/api/v2/red-lentil-soup",
            "/style.css",
            "/a/b/c/d/e/f",
            "/faced",
        ] {
            assert_eq!(of(path), format!("GET {path}"));
        }
    }

    #[test]
    fn a_long_path_is_cut_and_slashes_do_not_count() {
        assert_eq!(of("/a/b/c/d/e/f/g"), "GET /a/b/c/d/e/f/...");
        assert_eq!(of("//recipes///new/"), "GET /recipes/new");
        assert_eq!(of("*"), "GET /{id}");
    }

    #[test]
    fn an_invented_method_is_no_row_of_its_own() {
        let invented = Method::from_bytes(b"MIRA").unwrap();
        assert_eq!(endpoint(&invented, "/"), "OTHER /");
        assert_eq!(endpoint(&Method::POST, "/recipes"), "POST /recipes");
    }
}
