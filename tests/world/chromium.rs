//! A real browser, driven as a person drives it: it types, presses what it sees, and waits for what it is shown.
//!
//! Each one is somebody's own, with a profile of its own. It loads what it is told to and nothing from elsewhere.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::cleaning::Temporary;
use crate::setup::tool;
use crate::until::{BUILT, SOON, seen_until};

/// Somebody's browser.
pub struct Chromium {
    client: Client,
    _driver: Child,
    // Dropped last: it ends whatever still runs.
    _profile: Temporary,
}

impl Chromium {
    /// Opens somebody's browser; it ends when it is dropped.
    ///
    /// # Panics
    /// If Chromium or its driver cannot be started; the text says which.
    pub async fn start() -> Self {
        let folder = Temporary::new();
        let profile = folder.path().join("profile");
        fs::create_dir(&profile).unwrap();
        let (driver, address) = driver(folder.path()).await;
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,1000",
        ];
        let flags = flags.iter().map(|flag| (*flag).to_owned());
        let flags: Vec<String> = flags.chain([format!("--user-data-dir={}", profile.display())]).collect();
        let mut options = json!({ "args": flags });
        if let Some(binary) = std::env::var_os("FOLKOPS_CHROMIUM") {
            options["binary"] = binary.to_str().unwrap().into();
        }
        let wanted = Capabilities::from_iter([("goog:chromeOptions".to_owned(), options)]);
        let client = ClientBuilder::new(HttpConnector::new()).capabilities(wanted).connect(&address).await;
        Self {
            client: client.unwrap_or_else(|error| panic!("Chromium cannot be started: {error}")),
            _driver: driver,
            _profile: folder,
        }
    }

    /// Opens an address in the tab that is looked at.
    ///
    /// # Panics
    /// If it cannot be loaded.
    pub async fn opens(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    /// Opens an address in a new tab, and looks at that.
    ///
    /// # Panics
    /// If it cannot be loaded.
    pub async fn opens_beside(&self, address: &str) -> WindowHandle {
        let tab = self.client.new_window(true).await.unwrap().handle;
        self.looks_at(tab.clone()).await;
        self.opens(address).await;
        tab
    }

    /// The tab that is looked at.
    ///
    /// # Panics
    /// If there is none.
    pub async fn tab(&self) -> WindowHandle {
        self.client.window().await.unwrap()
    }

    /// Looks at another tab.
    ///
    /// # Panics
    /// If it is closed.
    pub async fn looks_at(&self, tab: WindowHandle) {
        self.client.switch_to_window(tab).await.unwrap();
    }

    /// Types a line into the composer and sends it with Enter.
    ///
    /// # Panics
    /// If there is no composer.
    pub async fn says(&self, line: &str) {
        let field = self.until_there("//input[@id='say']").await;
        field.send_keys(line).await.unwrap();
        field.send_keys("\u{e007}").await.unwrap();
    }

    /// Presses the newest button or link whose label begins so, as soon as there is one that can be pressed.
    ///
    /// # Panics
    /// If none comes.
    pub async fn presses(&self, label: &str) {
        let wanted = format!(
            "//*[self::button or self::a][starts-with(normalize-space(.), '{label}')][not(@aria-disabled='true')]"
        );
        let mut hindered = String::new();
        let look = async || {
            let newest = self.client.find_all(Locator::XPath(&wanted)).await.ok()?.pop()?;
            // Out from under what stays at the page's edges, as a person would scroll it.
            let place = vec![serde_json::to_value(&newest).ok()?];
            self.client.execute("arguments[0].scrollIntoView({ block: 'center' })", place).await.ok()?;
            // What was replaced or covered between the look and the press was not pressed.
            newest.click().await.map_err(|error| hindered = error.to_string()).ok()
        };
        if seen_until(BUILT, look).await.is_none() {
            panic!("[{label}] cannot be pressed {hindered} on:\n{}", self.sees().await);
        }
    }

    /// Presses a link that opens a tab of its own, and looks at that tab.
    ///
    /// # Panics
    /// If no tab opens.
    pub async fn presses_into_new_tab(&self, label: &str) -> WindowHandle {
        let before = self.client.windows().await.unwrap();
        self.presses(label).await;
        let look = async || self.client.windows().await.ok()?.into_iter().find(|tab| !before.contains(tab));
        let tab = seen_until(SOON, look).await.expect("a new tab");
        self.looks_at(tab.clone()).await;
        tab
    }

    /// Waits until the newest card with this in its title is there, and gives its words.
    ///
    /// # Panics
    /// If it does not come.
    pub async fn card(&self, title: &str) -> String {
        let wanted = format!("//article[.//h3[contains(normalize-space(.), {})]]", quoted(title));
        let look =
            async || self.client.find_all(Locator::XPath(&wanted)).await.ok()?.pop()?.text().await.ok();
        match seen_until(BUILT, look).await {
            Some(card) => card,
            None => panic!("no card says `{title}` on:\n{}", self.sees().await),
        }
    }

    /// Waits until the page shows all of this, and gives its words.
    ///
    /// # Panics
    /// If it does not.
    pub async fn until_sees(&self, texts: &[&str]) -> String {
        let look =
            async || Some(self.sees().await).filter(|seen| texts.iter().all(|text| seen.contains(text)));
        match seen_until(SOON, look).await {
            Some(seen) => seen,
            None => panic!("{texts:?} is not all on:\n{}", self.sees().await),
        }
    }

    /// The words of the page, as they are shown.
    pub async fn sees(&self) -> String {
        let body = self.client.find(Locator::Css("body")).await;
        match body {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Does something inside a frame of the page, and looks at the page around it again.
    ///
    /// # Panics
    /// If there is no such frame.
    pub async fn in_frame<T>(&self, name: &str, does: impl AsyncFnOnce(&Self) -> T) -> T {
        let frame = self.until_there(&format!("//iframe[@name='{name}']")).await;
        // As one scrolls, so that nothing that stays at the window's edge lies over it.
        let there = serde_json::to_value(&frame).unwrap();
        self.client.execute("arguments[0].scrollIntoView({ block: 'center' })", vec![there]).await.unwrap();
        frame.enter_frame().await.unwrap();
        let done = does(self).await;
        self.client.enter_parent_frame().await.unwrap();
        done
    }

    /// Waits until XPath finds something.
    ///
    /// # Panics
    /// If it does not.
    pub async fn until_built(&self, xpath: &str) {
        let look = async || self.client.find(Locator::XPath(xpath)).await.ok();
        if seen_until(BUILT, look).await.is_none() {
            panic!("no `{xpath}` on:\n{}", self.sees().await);
        }
    }

    /// What a script reads from the page, at one moment.
    ///
    /// # Panics
    /// If the browser refuses it.
    pub async fn reads(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    async fn until_there(&self, xpath: &str) -> Element {
        let look = async || self.client.find(Locator::XPath(xpath)).await.ok();
        match seen_until(SOON, look).await {
            Some(element) => element,
            None => panic!("no `{xpath}` on:\n{}", self.sees().await),
        }
    }
}

/// A text in XPath 1.0, which has no escapes: it may hold one kind of quote.
fn quoted(text: &str) -> String {
    if text.contains('"') { format!("'{text}'") } else { format!("\"{text}\"") }
}

/// Starts a driver on a port of its own choice.
async fn driver(folder: &Path) -> (Child, String) {
    let program = tool("FOLKOPS_CHROMEDRIVER", "chromedriver");
    // The log's path also ties the process to the folder.
    let log = folder.join("driver.log");
    let started = Command::new(&program)
        .args(["--port=0".to_owned(), format!("--log-path={}", log.display())])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut driver = started.unwrap_or_else(|error| panic!("`{}`: {error}", program.display()));
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            // Whatever else it prints is read and forgotten: a driver must not die of a pipe that nobody reads.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (driver, format!("http://127.0.0.1:{}", port.trim_end_matches('.')));
        }
    }
    panic!("`{}` ended before it told its port", program.display())
}
