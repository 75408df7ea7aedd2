//! `cargo run -p folkops-graph --example pictures FOLDER`: the three rollouts of the tests, to be looked at.
//!
//! Each in both themes: as a page is wide, as a phone is, and as a room shows them. It writes nowhere else.

#[path = "../tests/it/fixtures.rs"]
mod fixtures;

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use folkops_graph::{Size, Theme, png, svg};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("say into which folder the pictures go")?);
    fs::create_dir_all(&folder)?;
    let shapes = [
        ("page", Size::Page { width: 980 }, 1.5),
        ("phone", Size::Page { width: 360 }, 2.0),
        ("chat", Size::Chat, 1.0),
    ];
    for (theme, themed) in [("light", Theme::Light), ("dark", Theme::Dark)] {
        for (name, graph) in fixtures::all(themed) {
            for (shape, size, scale) in shapes {
                let path = folder.join(format!("{name}-{shape}-{theme}"));
                fs::write(path.with_extension("svg"), svg(&graph, size))?;
                fs::write(path.with_extension("png"), png(&graph, size, scale)?)?;
            }
        }
    }
    Ok(())
}
