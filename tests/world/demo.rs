//! `folkops demo`, started as a newcomer starts it, and ended with Ctrl-C.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

use crate::cleaning::{self, Temporary};
use crate::program::{Program, signal};
use crate::running::{Running, running};
use crate::setup::free_ports;

/// A demo that runs.
pub struct Demo {
    /// The address that it printed.
    pub page: String,
    /// What it said of its start.
    pub first_page: String,
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
        let folder = Temporary::new();
        let site = two_ports();
        let mut words = vec!["demo".to_owned(), "--port".to_owned(), site.to_string()];
        if let Some(bwrap) = std::env::var_os("FOLKOPS_BWRAP") {
            words.extend(["--bwrap".to_owned(), bwrap.into_string().unwrap()]);
        }
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
        Self { page, first_page, lines, child, folder }
    }

    /// Where its temporary folder lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
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
