//! The router as it ships and its peers, each as a process of its own with one thread, on the measured core.
//!
//! All of them keep connections to the upstream, set the same forwarding headers and log no requests. Only ours also
//! looks up whose visitor it is and counts what becomes of the request.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cores;
use crate::watch::Watch;

/// How long a proxy may take to listen, in seconds.
const PATIENCE: f64 = 10.0;

/// The one host that all of them serve.
pub const HOST: &str = "potluck.localhost";

/// Where an upstream listens.
#[derive(Debug, Clone)]
pub enum Upstream {
    /// On loopback.
    Tcp(SocketAddr),
    /// On a socket in the file system, as the local target's stacks do.
    Unix(PathBuf),
}

/// A proxy at work; it ends with this value.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    process: Child,
}

impl Proxy {
    /// The process that serves.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    fn start(address: SocketAddr, mut command: Command) -> Self {
        let process = cores::on(cores::MEASURED, || command.stdin(Stdio::null()).spawn());
        let process = process.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let proxy = Self { address, process };
        let watch = Watch::start();
        while TcpStream::connect(address).is_err() {
            assert!(watch.seconds() < PATIENCE, "nobody listens on {address}");
            std::thread::yield_now();
        }
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself; then the bench has failed already and says so.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// nginx with one process.
pub fn nginx(folder: &Path, upstream: &Upstream) -> Proxy {
    let address = free();
    let behind = match upstream {
        Upstream::Tcp(address) => address.to_string(),
        Upstream::Unix(path) => format!("unix:{}", path.display()),
    };
    let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}/nginx-{name};", folder.display()))
        .join(" ");
    let config = format!(
        "daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;\n\
         events {{ worker_connections 4096; multi_accept on; }}\n\
         http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 300s; tcp_nodelay on; {places}\n\
         upstream behind {{ server {behind}; keepalive 256; keepalive_requests 100000000; }}\n\
         server {{ listen {address}; server_name {HOST}; location / {{ proxy_pass http://behind;\n\
         proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host;\n\
         proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;\n\
         proxy_set_header X-Forwarded-Host $host; }} }} }}\n",
        folder = folder.display()
    );
    let path = write(folder, "nginx.conf", &config);
    let mut command = Command::new(tool("FOLKOPS_NGINX", "nginx"));
    command.arg("-p").arg(folder).arg("-e").arg("stderr").arg("-c").arg(path);
    Proxy::start(address, command)
}

/// haproxy with one thread.
pub fn haproxy(folder: &Path, upstream: &Upstream) -> Proxy {
    let address = free();
    let behind = match upstream {
        Upstream::Tcp(address) => address.to_string(),
        Upstream::Unix(path) => format!("unix@{}", path.display()),
    };
    let config = format!(
        "global\n nbthread 1\n maxconn 4000\n\
         defaults\n mode http\n timeout connect 2s\n timeout client 300s\n timeout server 30s\n http-reuse always\n\
         frontend visitors\n bind {address}\n option forwardfor\n http-request set-header X-Forwarded-Proto http\n\
         http-request set-header X-Forwarded-Host %[req.hdr(host)]\n default_backend service\n\
         backend service\n server behind {behind}\n"
    );
    let path = write(folder, "haproxy.cfg", &config);
    let mut command = Command::new(tool("FOLKOPS_HAPROXY", "haproxy"));
    command.arg("-db").arg("-q").arg("-f").arg(path);
    Proxy::start(address, command)
}

/// Our router with one worker, as the shipped program runs it; its state is in `folder/state`.
pub fn router(folder: &Path) -> Proxy {
    let address = free();
    let config = format!(
        "service = \"potluck\"\ntitle = \"Potluck\"\nstate = \"state\"\n\
         [site]\nlisten = \"127.0.0.1:1\"\nurl = \"http://folkops.localhost\"\nrooms = [\"kitchen\"]\n\
         [router]\nlisten = \"{address}\"\nhosts = [\"{HOST}\"]\npublic = \"{HOST}\"\npreviews = \"preview.localhost\"\n\
         entrance = \"web\"\nworkers = 1\n\
         [[component]]\nname = \"web\"\nrepository = \"web.git\"\nbuild = [\"true\"]\noutput = \"web\"\nrun = [\"true\"]\n\
         health = \"/\"\nstate = \"empty\"\n"
    );
    fs::create_dir_all(folder.join("state")).expect("the folder is ours");
    let path = write(folder, "folkops.toml", &config);
    let mut command = Command::new(crate::program::path());
    command.arg("router").arg("--config").arg(path);
    Proxy::start(address, command)
}

/// One exchange on a connection of its own; the whole answer as text.
pub fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in text");
    answer
}

/// A program that the workbench has found, by the variable that names it.
pub fn tool(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| name.into(), PathBuf::from)
}

fn free() -> SocketAddr {
    let held = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    held.local_addr().expect("it listens")
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("the folder is ours");
    path
}
