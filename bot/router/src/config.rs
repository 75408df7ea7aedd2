//! What the router needs to know before it starts, and why it may end.
//!
//! Everything that changes while it runs comes as a table; nothing here is read twice.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use folkops_model::ports::{Clock, Entropy};

pub use crate::pages::FramedBy;
pub use crate::seal::Unusable;

/// How one router is set up.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// Where visitors reach every service and preview host.
    pub listen: SocketAddr,
    /// The control socket's path; made anew at each start, mode 0600.
    pub control: PathBuf,
    /// The folder of the durable table and bindings; one router at a time.
    pub state_dir: PathBuf,
    /// How the public reaches this listener: `Https` where somebody in front of it ends TLS.
    pub scheme: Scheme,
    /// Whose pages may show our own pages in a frame, as the service is shown there; nobody's without it.
    pub framed_by: Option<FramedBy>,
    /// Threads that serve visitors; one per core is the most that helps.
    pub workers: NonZeroUsize,
    /// Bounds against greed and accident.
    pub limits: Limits,
    /// How long each wait may last.
    pub waits: Waits,
}

/// The scheme in the public's address bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain, as on a loopback demo.
    Http,
    /// The visitor cookie is then `Secure`.
    Https,
}

/// Bounds per connection and in total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Visitors' connections at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// Bytes of a request's or response's head; a larger one is answered 431 or 502.
    pub head_bytes: usize,
    /// Header lines of a request or response; more are answered 431 or 502.
    pub header_lines: usize,
    /// Idle connections kept to one stack by one worker.
    pub idle_upstreams: usize,
}

/// How long each wait may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// For a connection to an upstream.
    pub connect: Duration,
    /// From the end of a request to the head of its response.
    pub response: Duration,
    /// For a request's head, and for a visitor to take an answer; a connection that gets nowhere for so long is
    /// closed, after at most twice that. A response that takes its time, such as a stream of events, is not cut.
    pub request: Duration,
    /// A kept connection to an upstream is used again within this time only; shorter than theirs.
    pub idle_upstream: Duration,
    /// From the end of accepting until what still runs is cut.
    pub drain: Duration,
}

/// The outside that the router takes as parameters.
#[derive(Clone)]
pub struct Ports {
    /// Wall time for the expiry of links, monotonic time for latencies.
    pub clock: Arc<dyn Clock>,
    /// Visitor ids and the boot id.
    pub entropy: Arc<dyn Entropy>,
}

/// Why the router did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// The table or the bindings on disk cannot be used.
    #[error(transparent)]
    State(#[from] Unusable),
    /// The table on disk contradicts itself.
    #[error("the stored table cannot be served ({0}): move `table` out of the state folder and start again")]
    Table(#[from] crate::table::Contradiction),
    /// Another router runs on the same folder.
    #[error("another router runs on `{0}`: stop it first, or give this one a folder of its own")]
    Twice(PathBuf),
    /// The public address cannot be had.
    #[error("cannot listen on `{address}` ({source}): free the port or set another one")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The control socket cannot be had.
    #[error("cannot open the control socket `{path}` ({source}): check its folder and its permissions")]
    Control {
        /// Which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A worker thread could not be started, or died.
    #[error("a worker of the router ended ({0}): start the router again")]
    Worker(String),
}

impl RouterConfig {
    /// A router with one worker and the usual bounds, for plain HTTP.
    pub fn new(listen: SocketAddr, control: PathBuf, state_dir: PathBuf) -> Self {
        Self {
            listen,
            control,
            state_dir,
            scheme: Scheme::Http,
            framed_by: None,
            workers: NonZeroUsize::MIN,
            limits: Limits::default(),
            waits: Waits::default(),
        }
    }
}

impl Scheme {
    /// As it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, head_bytes: 32 * 1024, header_lines: 100, idle_upstreams: 256 }
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            response: Duration::from_secs(30),
            request: Duration::from_secs(60),
            idle_upstream: Duration::from_secs(4),
            drain: Duration::from_secs(10),
        }
    }
}
