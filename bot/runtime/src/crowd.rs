//! The demo's crowd: synthetic visitors, who say so in each request.
//!
//! They know of no builds and no arms. Some live here: each keeps its cookie and looks at a page now and then. Others
//! pass by: they come, look at a few pages with the cookie they were given, and do not come back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// How many live here.
pub const VISITORS: u32 = 38;

/// How many pass by in a second.
pub const PASSING: u32 = 25;

/// How often somebody who passes by looks.
const LOOKS: u32 = 3;

/// How long they take between two looks.
const GLANCE: Duration = Duration::from_millis(400);

/// How long one waits between two looks.
const PAUSE: Duration = Duration::from_millis(1_500);

/// The longest answer that is read.
const LONGEST: u64 = 256 * 1_024;

/// The crowd; it goes when it is stopped.
pub struct Crowd(CancellationToken);

impl Crowd {
    /// Sends them out.
    pub fn start(config: &Arc<Config>) -> Self {
        let stop = CancellationToken::new();
        for number in 0..VISITORS {
            let (config, until) = (config.clone(), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = until.cancelled() => {}
                    () = visit(&config, number) => {}
                }
            });
        }
        tokio::spawn(passing(config.clone(), stop.clone()));
        Self(stop)
    }

    /// Calls them back.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

/// One after the other comes, until they are called back.
async fn passing(config: Arc<Config>, stop: CancellationToken) {
    let mut arrivals = tokio::time::interval(Duration::from_secs(1) / PASSING);
    arrivals.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = arrivals.tick() => tokio::spawn(pass(config.clone())),
        };
    }
}

async fn pass(config: Arc<Config>) {
    let mut cookie = String::new();
    let mut looks = tokio::time::interval(GLANCE);
    for _ in 0..LOOKS {
        looks.tick().await;
        if let Ok(answer) = look(config.router.listen, &config.router.public, &cookie).await
            && let Some(given) = cookie_of(&answer)
        {
            cookie = given;
        }
    }
}

async fn visit(config: &Config, number: u32) {
    let mut cookie = String::new();
    let mut looks = tokio::time::interval(PAUSE + Duration::from_millis(u64::from(number) * 37));
    loop {
        looks.tick().await;
        // A visitor does not care why a page did not come; the router counts it.
        if let Ok(answer) = look(config.router.listen, &config.router.public, &cookie).await
            && let Some(given) = cookie_of(&answer)
        {
            cookie = given;
        }
    }
}

async fn look(address: SocketAddr, host: &str, cookie: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let cookie = if cookie.is_empty() { String::new() } else { format!("cookie: {cookie}\r\n") };
    let request = format!(
        "GET /red-lentil-soup HTTP/1.1\r\nhost: {host}\r\nuser-agent: folkops-demo-crowd (synthetic)\r\n{cookie}connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn cookie_of(answer: &str) -> Option<String> {
    let head = answer.split("\r\n\r\n").next()?;
    let line =
        head.lines().find(|line| line.to_ascii_lowercase().starts_with("set-cookie: folkops_visitor="))?;
    line.split_once(": ")?.1.split(';').next().map(str::to_owned)
}
