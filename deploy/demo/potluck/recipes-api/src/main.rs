//! The recipes API of Potluck: keeps one book of recipes per owner and answers in JSON.
//!
//! `PORT` is where it listens, on 127.0.0.1 only; `DATA_DIR` is where the books are. It asks nobody else for
//! anything. It must never answer for one owner with another owner's book.

mod book;
mod http;
mod json;
mod request;
mod shelf;

use std::env;
use std::net::TcpListener;
use std::process::ExitCode;

use book::{Owner, Refusal};
use http::Response;
use request::Request;
use shelf::{Shelf, Trouble};

fn main() -> ExitCode {
    match start() {
        Ok((listener, shelf)) => http::serve(&listener, move |request| route(&shelf, request)),
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

fn start() -> Result<(TcpListener, Shelf), String> {
    let root = env::var_os("DATA_DIR").ok_or("`DATA_DIR` is not set: it names the folder for the books")?;
    let port = env::var("PORT").map_err(|_| "`PORT` is not set")?;
    let port: u16 = port.parse().map_err(|_| format!("`PORT` must be a number up to 65535, not `{port}`"))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|error| format!("port {port}: {error}"))?;
    let shelf = Shelf::open(root.into());
    println!("listening on {}", listener.local_addr().map_err(|error| error.to_string())?);
    Ok((listener, shelf))
}

fn route(shelf: &Shelf, request: &Request) -> Response {
    let parts: Vec<&str> = request.path.split('/').skip(1).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["healthz"]) => Response::whole(200, "text/plain", "ok\n".into()),
        (method, ["books", owner, "recipes", rest @ ..]) => match Owner::parse(owner) {
            Some(owner) => owned(shelf, &owner, (method, rest), request),
            None => problem(404, "an owner's name has 1 to 32 of a-z, 0-9 and -"),
        },
        _ => problem(404, "there is nothing at this address"),
    }
}

fn owned(shelf: &Shelf, owner: &Owner, call: (&str, &[&str]), request: &Request) -> Response {
    let answer = match call {
        ("GET", []) => shelf.read(owner).map(|book| json(200, json::book(owner, &book))),
        ("GET", [slug]) => recipe(shelf, owner, slug),
        ("POST", [slug, "cooked"]) => cooked(shelf, owner, slug, request),
        _ => Ok(problem(405, "recipes are read with GET; POST only to a recipe's `cooked`")),
    };
    answer.unwrap_or_else(|trouble| explain(owner, trouble))
}

fn recipe(shelf: &Shelf, owner: &Owner, slug: &str) -> Result<Response, Trouble> {
    let book = shelf.read(owner)?;
    let recipe = book.recipe(slug).ok_or(Trouble::Refused(Refusal::NoSuchRecipe))?;
    Ok(json(200, json::recipe(recipe)))
}

fn cooked(shelf: &Shelf, owner: &Owner, slug: &str, request: &Request) -> Result<Response, Trouble> {
    let guests = request.sent("guests").and_then(|guests| guests.parse().ok()).unwrap_or(0);
    let who = request.sent("who").unwrap_or_else(|| owner.as_str().into());
    shelf.change(owner, |book| book.cook(slug, guests, &who).map(|recipe| json(201, json::recipe(recipe))))
}

fn explain(owner: &Owner, trouble: Trouble) -> Response {
    match trouble {
        Trouble::Refused(Refusal::NoSuchRecipe) => problem(404, "this book has no such recipe"),
        Trouble::Refused(Refusal::Guests) => problem(400, "`guests` must be a number from 1 to 99"),
        Trouble::Refused(Refusal::Who) => problem(400, "`who` must have 1 to 40 letters, on one line"),
        Trouble::Refused(Refusal::Full) => problem(409, "this recipe's page has no room for another meal"),
        Trouble::BadLine(line) => {
            eprintln!("the book of `{}` cannot be understood at line {line}", owner.as_str());
            problem(500, "this book cannot be read; its keeper finds the line in the log")
        }
        Trouble::Disk(error) => {
            eprintln!("the book of `{}`: {error}", owner.as_str());
            problem(500, "this book cannot be reached; nothing was written")
        }
    }
}

fn json(status: u16, body: String) -> Response {
    Response::whole(status, "application/json", body).with("Cache-Control", "no-store")
}

fn problem(status: u16, sentence: &str) -> Response {
    json(status, json::error(sentence))
}
