//! The shipped program's two hidden subcommands by themselves, for this crate's own tests.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use folkops_local::{confine, keep};
use folkops_model::ports::Clock;
use jiff::Timestamp;

struct SystemClock(Instant);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the outermost program brings the real clock")]
    fn now(&self) -> Timestamp {
        SystemTime::now().try_into().unwrap_or(Timestamp::MAX)
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "the outermost program brings the real clock")]
fn clock() -> SystemClock {
    SystemClock(Instant::now())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let ended = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "keep", folder] => keep::main(Path::new(folder), &clock()).map(|()| 0),
        [_, "confine", plan] => confine::main(Path::new(plan)),
        _ => Err(io::Error::other("say `keep <folder>` or `confine <plan>`")),
    };
    match ended {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            let _ = io::stderr().write_all(format!("{error}\n").as_bytes());
            ExitCode::from(u8::try_from(confine::NOT_STARTED).unwrap_or(1))
        }
    }
}
