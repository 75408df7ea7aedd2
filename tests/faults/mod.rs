//! The shipped program, killed at one system call after another while a whole story is told.
//!
//! `strace` ends the bot with SIGKILL in place of the n-th call of one kind; people who wait for an answer ask again
//! under the same key, somebody starts the bot again, and the story goes on. Whatever the place, the end must be that
//! of the story in which nothing happened. Or `strace` holds the bot at such a call while a change is pushed to, and only
//! what was allowed may ever run. These tests must never touch the bot's file or its state by a side door.

mod bot;
mod change;
mod deliveries;
mod end;
mod gate;
mod hosted;
mod payloads;
mod place;
mod pushes;
mod rollouts;
mod splits;
mod stage;
mod storm;
mod story;
mod sweep;
