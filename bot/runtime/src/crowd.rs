//! The demo's crowd: synthetic visitors, who say so in each request.
//!
//! They know of no builds and no arms. Some live here: each keeps its cookie and looks at a page now and then. Others
//! pass by: they come, look at a few pages with the cookie they were given, and do not come back. When they come and how
//! long they look is drawn from a seed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// How many live here.
pub const VISITORS: u32 = 38;

/// How many pass by in a second.
pub const PASSING: u32 = 25;

/// How often somebody who passes by looks.
const LOOKS: u32 = 3;

/// How long they take between two looks, at the least and at the most.
const GLANCE: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(500));

/// How long one waits between two looks.
const PAUSE: Duration = Duration::from_millis(1_500);

/// The longest answer that is read.
const LONGEST: u64 = 256 * 1_024;

/// The crowd; it goes when it is stopped.
pub struct Crowd(CancellationToken);

impl Crowd {
    /// Sends them out; the same seed sends them at the same moments.
    pub fn start(config: &Arc<Config>, seed: u64) -> Self {
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
        tokio::spawn(passing(config.clone(), Dice(seed), stop.clone()));
        Self(stop)
    }

    /// Calls them back.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

/// What is drawn from a seed: SplitMix64 (Steele, Lea and Flood 2014).
struct Dice(u64);

impl Dice {
    /// Evenly between two durations, to the millisecond.
    fn between(&mut self, (least, most): (Duration, Duration)) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let width = u64::try_from((most - least).as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        least + Duration::from_millis((mixed ^ (mixed >> 31)) % width)
    }
}

/// One after the other comes, until they are called back.
async fn passing(config: Arc<Config>, mut dice: Dice, stop: CancellationToken) {
    let usual = Duration::from_secs(1) / PASSING;
    let mut next = Instant::now();
    loop {
        next += dice.between((Duration::ZERO, 2 * usual));
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep_until(next) => tokio::spawn(pass(config.clone(), dice.between(GLANCE))),
        };
    }
}

async fn pass(config: Arc<Config>, glance: Duration) {
    let mut cookie = String::new();
    let mut looks = tokio::time::interval(glance);
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
