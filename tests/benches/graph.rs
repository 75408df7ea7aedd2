//! `bench-graph`: how long a picture of a rollout takes, beside matplotlib drawing the same numbers at the same size.
//!
//! Both are asked in turns, in one process each that is warm, on one core: from data to the bytes of the PNG, in
//! milliseconds of processor time, so that nothing else on the machine is in it. Pages get text, measured as well. Without python or its package index the peer is left out, and that is said.

#[allow(dead_code, reason = "each bench uses its part")]
mod cores;
#[allow(dead_code, reason = "each bench uses its part")]
mod disk;
#[allow(dead_code, reason = "each bench uses its part")]
mod figures;
#[path = "../../rollouts/graph/tests/it/fixtures.rs"]
#[allow(dead_code, reason = "the tests use more of them")]
mod fixtures;
mod watch;

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use figures::{Aim, Series, aim};
use folkops_graph::{Graph, Point, Rate, Size, Theme, png, svg};
use serde_json::{Value, json};

const ROUNDS: usize = 60;
const PAGE: Size = Size::Page { width: 980 };
const PEER: &str = include_str!("graph/peer.py");
/// What the peer is installed as.
const PACKAGE: &str = "matplotlib>=3.10,<4";

fn main() {
    cores::pin(cores::MEASURED);
    println!(
        "graph: ms of processor time a picture, median [least … most] of {ROUNDS} rounds, one pinned core"
    );
    let (room, page) = (fixtures::bad(Theme::Dark), fixtures::good(Theme::Light));
    let mut peer = Peer::start(&room);
    let (mut ours, mut theirs, mut whole, mut text) =
        (Series::default(), Series::default(), Series::default(), Series::default());
    // The first round of each reads its fonts; it is a figure of its own.
    let first = ms(|| png(&room, Size::Chat, 1.0));
    let kib = png(&room, Size::Chat, 1.0).map_or(0.0, |file| file.len() as f64 / 1024.0);
    let first_of_peer = peer.as_mut().map(Peer::draw);
    for _ in 0..ROUNDS {
        ours.push(ms(|| png(&room, Size::Chat, 1.0)));
        peer.iter_mut().for_each(|peer| theirs.push(peer.draw()));
        whole.push(ms(|| png(&page, PAGE, 1.0)));
        text.push(ms(|| svg(&page, PAGE)));
    }
    println!("  PNG for a room, 1000 × 420: {ours:.1}; the first one {first:.1}; {kib:.0} KiB");
    if let (Some(peer), Some(first)) = (&peer, first_of_peer) {
        println!("  matplotlib {}, 1000 × 420: {theirs:.1}; the first one {first:.1}", peer.version);
        println!("    ours ÷ matplotlib: {:.3}", ours.over(&theirs));
    }
    println!("  PNG of a whole page, 980 px wide: {whole:.1}");
    println!("  SVG of a whole page: {text:.2}");
    println!("  {}", aim("PNG for a room, ms", ours.median(), Aim::AtMost(15.0)));
}

fn ms<R>(draw: impl Fn() -> R) -> f64 {
    let began = cores::own_seconds();
    black_box(draw());
    (cores::own_seconds() - began) * 1e3
}

/// matplotlib in a process that waits for a line and answers with milliseconds.
struct Peer {
    version: String,
    process: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Nothing, with a sentence, where it cannot be had.
    fn start(graph: &Graph) -> Option<Self> {
        let python = match installed() {
            Ok(python) => python,
            Err(why) => {
                println!("  matplotlib cannot be had here ({why}); ours is measured alone");
                return None;
            }
        };
        let mut process = Command::new(python)
            .args(["-c", PEER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("what was just installed starts");
        let ask = process.stdin.take().expect("it was asked for");
        let answers = BufReader::new(process.stdout.take().expect("it was asked for"));
        let mut peer = Self { version: String::new(), process, ask, answers };
        peer.version = peer.answer(&numbers(graph).to_string());
        Some(peer)
    }

    fn draw(&mut self) -> f64 {
        self.answer("draw").parse().expect("it answers with a number")
    }

    fn answer(&mut self, line: &str) -> String {
        writeln!(self.ask, "{line}").expect("it listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        answer.trim().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; then the bench has failed already and says so.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// The interpreter of an environment of its own in the cache, made when it is missing.
fn installed() -> Result<PathBuf, String> {
    let folder = disk::cache().join("matplotlib");
    let python = folder.join("bin/python");
    if !Command::new(&python).args(["-c", "import matplotlib"]).status().is_ok_and(|status| status.success())
    {
        println!("  installing matplotlib for the first time; later runs use it again");
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command.stdin(Stdio::null()).status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}

/// The same numbers, as both are to draw them.
fn numbers(graph: &Graph) -> Value {
    let rows = |of: fn(&Point) -> Rate| {
        let known = graph.points.iter().filter(|point| of(point).of > 0);
        known.map(|point| row(point, of(point))).collect::<Vec<_>>()
    };
    let marks: Vec<i64> = graph.marks.iter().map(|mark| mark.at_ms).collect();
    let (current, new) = (rows(|point| point.current), rows(|point| point.new));
    json!({ "title": graph.title, "about": graph.about, "current": current, "new": new, "marks": marks })
}

/// Time, rate, and both ends of its interval.
fn row(point: &Point, rate: Rate) -> Value {
    let (low, high) = rate.interval.expect("the fixtures have intervals");
    json!([point.at_ms, rate.failed / rate.of as f64, low, high])
}
