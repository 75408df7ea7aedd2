//! `folkops demo`, started as a newcomer starts it, and ended with Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

use crate::browser::Browser;
use crate::cleaning::{self, Temporary};
use crate::http::form;
use crate::markup::Element;
use crate::program::{Program, signal};
use crate::record::Journal;
use crate::room::{Card, messages};
use crate::running::{Running, running};
use crate::setup::{ROOM, free_ports};
use crate::talk::Somebody;

/// Where its pages are.
const HOST: &str = "folkops.potluck.localhost";

/// Numbers what is said, so that each is said once.
static KEYS: AtomicU64 = AtomicU64::new(0);

/// A demo that runs.
pub struct Demo {
    /// The address that it printed.
    pub page: String,
    /// What it said of its start.
    pub first_page: String,
    site: SocketAddr,
    lines: Lines<BufReader<ChildStdout>>,
    child: Child,
    // Dropped last: it ends whatever still runs.
    folder: Temporary,
}

impl Demo {
    /// Starts it, and waits for the line that tells where its page is.
    ///
    /// # Panics
    /// If it does not get that far.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// As [`Demo::start`], with more arguments.
    ///
    /// # Panics
    /// If it does not get to its first page.
    pub async fn with(arguments: &[String]) -> Self {
        let folder = Temporary::new();
        let site = two_ports();
        let mut words = vec!["demo".to_owned(), "--port".to_owned(), site.to_string()];
        if let Some(bwrap) = std::env::var_os("FOLKOPS_BWRAP") {
            words.extend(["--bwrap".to_owned(), bwrap.into_string().unwrap()]);
        }
        words.extend_from_slice(arguments);
        let mut command = Program::find().command(folder.path(), &words);
        let mut child = command.env("TMPDIR", folder.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.starts_with("First page after") {
                    return line;
                }
            }
            panic!("the demo ended before its first page")
        };
        let first_page = timeout(Duration::from_secs(60), first).await.expect("a first page");
        let page = first_page.rsplit_once(": ").unwrap().1.to_owned();
        let site = SocketAddr::from((Ipv4Addr::LOCALHOST, site));
        Self { site, page, first_page, lines, child, folder }
    }

    /// Where its temporary folder lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the site tells programs.
    pub async fn status(&self) -> Value {
        Browser::new(self.site).opens(HOST, "/api/status").await.json()
    }

    /// One of its people, as whom the page lets everybody speak.
    ///
    /// # Panics
    /// If there is nobody of that name.
    pub async fn persona(&self, name: &str) -> Somebody {
        let mut browser = Browser::new(self.site);
        let csrf = async |browser: &mut Browser| {
            let page = Element::page(&browser.opens(HOST, "/demo").await.shows(&[]).body);
            page.field("csrf").expect("a form of theirs").to_owned()
        };
        let first = csrf(&mut browser).await;
        let form = form(&[("person", name), ("csrf", &first)]);
        assert_eq!(browser.sends(HOST, "/demo/speak-as", form).await.status, 303);
        let csrf = csrf(&mut browser).await;
        Somebody { browser, csrf }
    }

    /// Says a line as somebody.
    ///
    /// # Panics
    /// If it is not taken.
    pub async fn says(&self, who: &Somebody, line: &str) {
        let key = format!("demo{:08}", KEYS.fetch_add(1, Ordering::Relaxed));
        let fields = [("text", line), ("key", key.as_str()), ("csrf", who.csrf.as_str())];
        let path = format!("/room/{ROOM}/say");
        let answer = who.browser.clone().tries_sending(HOST, &path, &fields).await.unwrap();
        assert_eq!(answer.status, 202, "{line}: {}", answer.body);
    }

    /// The newest card of the room that is what is wanted, if there is one by now.
    pub async fn card(&self, who: &Somebody, wanted: impl Fn(&Card) -> bool) -> Option<Card> {
        let page = who.browser.clone().tries(HOST, &format!("/room/{ROOM}")).await.ok()?;
        let room = messages(&Element::page(&page.body));
        room.into_iter().rev().filter_map(|message| message.card).find(wanted)
    }

    /// What is in its record, as of now.
    ///
    /// # Panics
    /// If it has none.
    pub async fn journal(&self) -> Journal {
        let inside =
            std::fs::read_dir(self.folder()).unwrap().flatten().map(|entry| entry.path().join("state"));
        Journal::copied(&inside.into_iter().find(|state| state.is_dir()).expect("a state folder")).await
    }

    /// The programs of its service, from the processes.
    pub fn running(&self) -> Vec<Running> {
        let inside = std::fs::read_dir(self.folder()).unwrap().flatten();
        inside.flat_map(|entry| running(&entry.path().join("state"))).collect()
    }

    /// Presses Ctrl-C and waits for its end; gives the last line, and the processes and files that are left.
    ///
    /// # Panics
    /// If it does not end within a minute.
    pub async fn stop(mut self) -> (String, usize, usize) {
        signal(&self.child, Signal::INT);
        let end = async {
            let mut last = String::new();
            while let Some(line) = self.lines.next_line().await.unwrap() {
                last = line;
            }
            assert!(self.child.wait().await.unwrap().success());
            last
        };
        let last = timeout(Duration::from_secs(60), end).await.expect("it ends");
        let files = std::fs::read_dir(self.folder()).unwrap().flatten();
        let files =
            files.filter(|entry| entry.file_name().to_string_lossy().starts_with("folkops-demo")).count();
        (last, cleaning::command_lines_below(self.folder()).len(), files)
    }
}

/// The first of two free ports that stand side by side.
fn two_ports() -> u16 {
    let ports = free_ports::<8>();
    let beside = |pair: &[std::net::SocketAddr]| pair[0].port() + 1 == pair[1].port();
    ports.windows(2).find(|pair| beside(pair)).expect("two free ports side by side")[0].port()
}
