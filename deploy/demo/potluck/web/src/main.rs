//! The web component of Potluck: a recipe board for kitchens that cook together, as pages.
//!
//! `PORT` is where it listens, on 127.0.0.1 only; `RECIPES_API_URL` is where the books are. It keeps nothing
//! itself. It must never show one owner another owner's book: the host name alone says whose it is.

mod client;
mod http;
mod json;
mod page;
mod recipe;
mod request;

use std::env;
use std::net::TcpListener;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use client::{Answer, Api};
use http::Response;
use json::Value;
use page::Frame;
use recipe::{Owner, Recipe};
use request::Request;

const HTML: &str = "text/html; charset=utf-8";
/// The longest time that `/timer` counts down, in seconds.
const LONGEST_TIMER: u32 = 600;

/// What the pages are made from.
struct Kitchen {
    api: Api,
    frame: Frame,
}

/// Why a page could not be shown.
enum Trouble {
    NotFound,
    Unreachable,
}

fn main() -> ExitCode {
    match start() {
        Ok((listener, kitchen)) => http::serve(&listener, move |request| route(&kitchen, request)),
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

fn start() -> Result<(TcpListener, Kitchen), String> {
    let url = env::var("RECIPES_API_URL")
        .map_err(|_| "`RECIPES_API_URL` is not set: it says where the books are")?;
    let api =
        Api::at(&url).ok_or(format!("`RECIPES_API_URL` must be like http://127.0.0.1:4001, not `{url}`"))?;
    let port = env::var("PORT").map_err(|_| "`PORT` is not set")?;
    let port: u16 = port.parse().map_err(|_| format!("`PORT` must be a number up to 65535, not `{port}`"))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|error| format!("port {port}: {error}"))?;
    let release = env::var("RELEASE_LABEL").unwrap_or_else(|_| "Unreleased".into());
    let frame = Frame { release, change_url: env::var("CHANGE_URL").ok() };
    println!("listening on {}", listener.local_addr().map_err(|error| error.to_string())?);
    Ok((listener, Kitchen { api, frame }))
}

fn route(kitchen: &Kitchen, request: &Request) -> Response {
    let owner = Owner::of_host(request.header("host").unwrap_or(""));
    let parts: Vec<&str> = request.path.split('/').skip(1).collect();
    let answer = match (request.method.as_str(), parts.as_slice()) {
        ("GET", [""]) => book(kitchen, &owner),
        ("GET", ["healthz"]) => return health(&kitchen.api),
        ("GET", ["potluck.css"]) => return style(),
        ("GET", ["timer"]) => return timer(request),
        ("GET", [slug]) if is_slug(slug) => recipe(kitchen, &owner, slug),
        ("POST", [slug, "cooked"]) if is_slug(slug) => cooked(kitchen, &owner, slug, request),
        _ => Err(Trouble::NotFound),
    };
    answer.unwrap_or_else(|trouble| explain(kitchen, &owner, trouble))
}

fn is_slug(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn book(kitchen: &Kitchen, owner: &Owner) -> Result<Response, Trouble> {
    let json = ask(&kitchen.api, &format!("/books/{}/recipes", owner.as_str()))?;
    let recipes = recipe::book(&json).ok_or(Trouble::Unreachable)?;
    Ok(html(200, kitchen.frame.book(owner, &recipes)))
}

fn recipe(kitchen: &Kitchen, owner: &Owner, slug: &str) -> Result<Response, Trouble> {
    let json = ask(&kitchen.api, &format!("/books/{}/recipes/{slug}", owner.as_str()))?;
    let recipe = Recipe::read(&json).ok_or(Trouble::Unreachable)?;
    Ok(html(200, kitchen.frame.recipe(owner, &recipe)))
}

/// A page of somebody else's may not press this button for a visitor.
fn cooked(kitchen: &Kitchen, owner: &Owner, slug: &str, request: &Request) -> Result<Response, Trouble> {
    let origin = request.header("origin").and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    if request.header("origin").is_some() && origin != request.header("host") {
        return Ok(say(
            kitchen,
            owner,
            403,
            ("That came from another site", "Press the button on the recipe itself."),
        ));
    }
    let Some(guests) = request.sent("guests").and_then(|guests| guests.parse::<u8>().ok()) else {
        return Ok(say(kitchen, owner, 400, ("For how many?", "The number of guests goes from 1 to 99.")));
    };
    let form = format!("guests={guests}&who={}", owner.name());
    let path = format!("/books/{}/recipes/{slug}/cooked", owner.as_str());
    let answer = kitchen.api.post(&path, &form).map_err(unreachable)?;
    match answer.status {
        201 => Ok(html(303, String::new()).with("Location", format!("/{slug}"))),
        400 => Ok(say(kitchen, owner, 400, ("For how many?", "The number of guests goes from 1 to 99."))),
        _ => Err(failed(&answer)),
    }
}

/// Well only together: a page without its books helps nobody.
fn health(api: &Api) -> Response {
    match api.get("/healthz") {
        Ok(answer) if answer.status == 200 => Response::whole(200, "text/plain", "ok\n".into()),
        _ => Response::whole(503, "text/plain", "the recipes API does not answer\n".into()),
    }
}

fn style() -> Response {
    Response::whole(200, "text/css; charset=utf-8", page::STYLE.into()).with("Cache-Control", "no-cache")
}

/// A line a second, for whoever cooks with a terminal at hand.
fn timer(request: &Request) -> Response {
    let seconds = request.asked("seconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    if !(1..=LONGEST_TIMER).contains(&seconds) {
        return Response::whole(400, "text/plain", format!("`seconds` goes from 1 to {LONGEST_TIMER}\n"));
    }
    Response::lines((0..=seconds).rev().map(move |left| {
        if left < seconds {
            thread::sleep(Duration::from_secs(1));
        }
        if left == 0 { "ready\n".into() } else { format!("{left}\n") }
    }))
    .with("Cache-Control", "no-store")
}

fn ask(api: &Api, path: &str) -> Result<Value, Trouble> {
    let answer = api.get(path).map_err(unreachable)?;
    if answer.status != 200 {
        return Err(failed(&answer));
    }
    Value::parse(&answer.body).ok_or(Trouble::Unreachable)
}

fn unreachable(error: std::io::Error) -> Trouble {
    eprintln!("the recipes API: {error}");
    Trouble::Unreachable
}

fn failed(answer: &Answer) -> Trouble {
    if answer.status == 404 { Trouble::NotFound } else { Trouble::Unreachable }
}

fn explain(kitchen: &Kitchen, owner: &Owner, trouble: Trouble) -> Response {
    match trouble {
        Trouble::NotFound => {
            say(kitchen, owner, 404, ("No such page", "This book has nothing under that name."))
        }
        Trouble::Unreachable => say(
            kitchen,
            owner,
            502,
            ("The books are out of reach", "Nothing was changed. Please try again soon."),
        ),
    }
}

fn say(kitchen: &Kitchen, owner: &Owner, status: u16, (heading, sentence): (&str, &str)) -> Response {
    html(status, kitchen.frame.trouble(owner, heading, sentence))
}

fn html(status: u16, page: String) -> Response {
    Response::whole(status, HTML, page)
        .with("Cache-Control", "no-store")
        .with(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'",
        )
        .with("Referrer-Policy", "same-origin")
        .with("X-Content-Type-Options", "nosniff")
}
