//! The world in which stories play: the built program as it ships, its rooms, its visitors, its processes.
//!
//! Stories read like the room: `world.says("ana", "/opt-in 41 43")`. Only this crate touches the program's addresses,
//! files and processes, and it sees nothing that a person, an operator or the machine itself could not see. It must
//! never wait a while in place of a fact, nor leave a process or a folder behind.

mod browser;
mod chromium;
mod cleaning;
mod demo;
mod github;
mod hosted;
mod http;
mod load;
mod markup;
mod passing;
mod program;
mod record;
mod room;
mod running;
mod setup;
mod talk;
mod until;
mod world;

pub use browser::Browser;
pub use chromium::Chromium;
pub use demo::Demo;
pub use github::{
    APP, CheckRun, Comment, Deployed, GitHub, Level, Method, Permission, Protection, Review, Verdict, Way,
    signature,
};
pub use hosted::Hosted;
pub use http::Answer;
pub use load::{Load, Tally};
pub use markup::{Element, Node};
pub use passing::Passing;
pub use program::{Ended, Program};
pub use record::Journal;
pub use room::{Button, Card, Message, messages};
pub use running::{Running, digest_of_file};
pub use setup::{ROOM, SERVICE, Setup, free_ports, rust_toolchain, tool};
pub use talk::{Sent, Somebody};
pub use until::{until, until_within};
pub use world::World;
